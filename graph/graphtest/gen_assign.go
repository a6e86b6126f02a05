package graphtest

import (
	"cmp"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

const noFilter = "00000000-0000-0000-0000-000000000000"

// assignmentSuffix is the second half of an assignment's id: the group, or a fixed id for
// everybody.
func assignmentSuffix(target, group string) string {
	switch {
	case group != "":
		return group
	case target == "#microsoft.graph.allDevicesAssignmentTarget":
		return "adadadad-808e-44e2-905a-0b7873a8a531"
	}
	return "acacacac-9df4-4c7d-9d50-4ef0226f57a9"
}

// assignments makes the part: mostly a few groups, sometimes everybody or nobody, and now
// and then more than fit on one page of 25.
func (g *gen) assignments() {
	n := g.rng.IntN(4)
	if g.chance(60) {
		n = 26 + g.rng.IntN(8)
	}
	w := &writer{}
	w.arr("")
	var seen []string
	for range n {
		target, group := "#microsoft.graph.groupAssignmentTarget", ""
		switch g.rng.IntN(8) {
		case 0:
			target = "#microsoft.graph.allDevicesAssignmentTarget"
		case 1:
			target = "#microsoft.graph.allLicensedUsersAssignmentTarget"
		case 2:
			target = "#microsoft.graph.exclusionGroupAssignmentTarget"
			fallthrough
		default:
			group = g.group()
		}
		id := g.out.ID + "_" + assignmentSuffix(target, group)
		if slices.Contains(seen, id) {
			continue
		}
		seen = append(seen, id)
		w.obj("")
		w.str("@odata.type", "#microsoft.graph."+assignmentType(g.info.Key))
		w.str("@odata.id", g.self+"/assignments('"+id+"')")
		w.str("@odata.editLink", g.self+"/assignments('"+id+"')")
		w.str("id", id)
		if sourced(g.info.Key) {
			w.enum("source", "deviceAndAppManagementAssignmentSource", "direct")
			w.str("sourceId", g.out.ID)
		}
		if dated(g.info.Key) {
			w.time("lastModifiedDateTime", g.created)
		}
		if g.info.Key == "deviceHealthScript" {
			w.bool("runRemediationScript", g.chance(2))
			w.obj("runSchedule")
			w.str("@odata.type", "#microsoft.graph.deviceHealthScriptDailySchedule")
			w.int("interval", 1)
			w.bool("useUtc", false)
			w.str("time", "01:00:00.0000000")
			w.end('}')
		}
		if g.info.Key == "mobileApp" {
			w.enum("intent", "installIntent", pick(g.rng, []string{"required", "available", "uninstall"}))
			w.null("settings")
		}
		w.obj("target")
		w.str("@odata.type", target)
		if g.plan.foundations > 0 && g.chance(5) {
			w.str("deviceAndAppManagementAssignmentFilterId", g.refer("filter", "assignmentFilter"))
			w.enum("deviceAndAppManagementAssignmentFilterType", "deviceAndAppManagementAssignmentFilterType", pick(g.rng, []string{"include", "exclude"}))
		} else {
			w.str("deviceAndAppManagementAssignmentFilterId", noFilter)
			w.enum("deviceAndAppManagementAssignmentFilterType", "deviceAndAppManagementAssignmentFilterType", "none")
		}
		if group != "" {
			w.str("groupId", group)
		}
		w.end('}', '}')
	}
	w.end(']')
	g.part(partAssignments, w.buf)
}

// assignmentTypes are the OData types of assignments that are not called after their type.
var assignmentTypes = map[graph.PolicyType]string{
	"settingsCatalogPolicy": "deviceManagementConfigurationPolicyAssignment", "compliancePolicyV2": "deviceManagementConfigurationPolicyAssignment",
	"softwareUpdateRing": "deviceConfigurationAssignment", "mobileAppConfiguration": "managedDeviceMobileAppConfigurationAssignment",
	"enrollmentRestriction": "enrollmentConfigurationAssignment", "windowsEnrollmentStatusPage": "enrollmentConfigurationAssignment",
	"coManagementAuthority": "enrollmentConfigurationAssignment", "appleUserInitiatedEnrollmentProfile": "appleEnrollmentProfileAssignment",
	"appProtectionPolicy": "targetedManagedAppPolicyAssignment", "targetedManagedAppConfiguration": "targetedManagedAppPolicyAssignment",
	"endpointSecurityIntent": "deviceManagementIntentAssignment", "deviceComplianceScript": "deviceHealthScriptAssignment",
	"deviceShellScript": "deviceManagementScriptAssignment", "macCustomAttributeScript": "deviceManagementScriptAssignment",
	"roleScopeTag": "roleScopeTagAutoAssignment", "cloudPcUserSettings": "cloudPcUserSettingAssignment",
}

// assignmentType is the OData type of a type's assignments.
func assignmentType(t graph.PolicyType) string {
	return cmp.Or(assignmentTypes[t], string(t)+"Assignment")
}

// sourced tells whether a type's assignments say where they come from: directly, or from a
// policy set.
func sourced(t graph.PolicyType) bool {
	switch assignmentType(t) {
	case "deviceManagementConfigurationPolicyAssignment", "deviceConfigurationAssignment", "deviceCompliancePolicyAssignment",
		"enrollmentConfigurationAssignment", "targetedManagedAppPolicyAssignment", "windowsAutopilotDeploymentProfileAssignment", "mobileAppAssignment":
		return true
	}
	return false
}

// dated tells whether a type's assignments say when they were made.
func dated(t graph.PolicyType) bool { return t == "groupPolicyConfiguration" || t == "policySet" }
