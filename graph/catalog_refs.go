package graph

import (
	"cmp"
	"slices"
)

// noGUID stands for "none" where Graph wants an id.
const noGUID = "00000000-0000-0000-0000-000000000000"

// Rules that many types share.
var (
	scopeTags = RefRule{Path: "roleScopeTagIds[]", Type: "roleScopeTag", Fixed: []string{"0"}} // 0 is built in
	assignees = []RefRule{
		{Path: "assignments[].target.groupId", Kind: "group"},
		{Path: "assignments[].target.deviceAndAppManagementAssignmentFilterId", Type: "assignmentFilter", Fixed: []string{noGUID}},
	}
	tagsAndAssignees = append([]RefRule{scopeTags}, assignees...)
)

// actionsOfRules are what a compliance policy does with a device that does not comply.
func actionsOfRules() []RefRule {
	const actions = "scheduledActionsForRule[].scheduledActionConfigurations[]."
	return []RefRule{
		{Path: actions + "notificationTemplateId", Type: "notificationMessageTemplate", Fixed: []string{noGUID}},
		{Path: actions + "notificationMessageCCList[]", Kind: "group"},
	}
}

// reusable settings stand in settings of any depth, as values of a type of their own.
var reusable = RefRule{
	Path: "settings[].**.value", Type: "reusablePolicySetting",
	In: "#microsoft.graph.deviceManagementConfigurationReferenceSettingValue",
}

// refRules has a row for every type whose objects refer to others by their ids.
var refRules = map[PolicyType][]RefRule{
	"deviceConfiguration":      tagsAndAssignees,
	"softwareUpdateRing":       tagsAndAssignees,
	"settingsCatalogPolicy":    slices.Concat(tagsAndAssignees, []RefRule{reusable}),
	"compliancePolicyV2":       slices.Concat(tagsAndAssignees, []RefRule{reusable}, actionsOfRules()),
	"groupPolicyConfiguration": tagsAndAssignees,
	"endpointSecurityIntent":   tagsAndAssignees,
	"hardwareConfiguration":    tagsAndAssignees,
	"deviceCompliancePolicy": slices.Concat(tagsAndAssignees, actionsOfRules(), []RefRule{
		{Path: "deviceCompliancePolicyScript.deviceComplianceScriptId", Type: "deviceComplianceScript", Fixed: []string{noGUID}},
	}),
	"policySet": policySetRefs(),

	"deviceComplianceScript":   tagsAndAssignees,
	"deviceManagementScript":   tagsAndAssignees,
	"deviceShellScript":        tagsAndAssignees,
	"macCustomAttributeScript": tagsAndAssignees,
	"deviceHealthScript":       tagsAndAssignees,

	"enrollmentRestriction": tagsAndAssignees,
	"windowsEnrollmentStatusPage": slices.Concat(tagsAndAssignees, []RefRule{
		{Path: "selectedMobileAppIds[]", Type: "mobileApp"},
	}),
	"windowsHelloForBusiness":             {scopeTags},
	"coManagementAuthority":               tagsAndAssignees,
	"windowsAutopilotDeploymentProfile":   tagsAndAssignees,
	"appleUserInitiatedEnrollmentProfile": assignees,

	"appProtectionPolicy":             tagsAndAssignees,
	"targetedManagedAppConfiguration": tagsAndAssignees,
	"mobileAppConfiguration": slices.Concat(tagsAndAssignees, []RefRule{
		{Path: "targetedMobileApps[]", Type: "mobileApp"},
	}),
	"mobileApp": slices.Concat(tagsAndAssignees, []RefRule{
		{Path: "categories[].id", Type: "mobileAppCategory"},
	}),
	"intuneBrandingProfile": tagsAndAssignees,

	"windowsFeatureUpdateProfile": tagsAndAssignees,
	"windowsQualityUpdateProfile": tagsAndAssignees,
	"windowsDriverUpdateProfile":  tagsAndAssignees,
	"windowsQualityUpdatePolicy":  tagsAndAssignees,

	"conditionalAccessPolicy":   accessRefs(),
	"cloudPcProvisioningPolicy": {{Path: "assignments[].target.groupId", Kind: "group"}},
	"cloudPcUserSettings":       {{Path: "assignments[].target.groupId", Kind: "group"}},

	"roleScopeTag":     assignees,
	"assignmentFilter": {{Path: "roleScopeTags[]", Type: "roleScopeTag", Fixed: []string{"0"}}}, // not roleScopeTagIds
	"roleDefinition": {
		scopeTags,
		{Path: "roleAssignments[].members[]", Kind: "group"},
		{Path: "roleAssignments[].resourceScopes[]", Kind: "group"},
		{Path: "roleAssignments[].roleScopeTags[].id", Type: "roleScopeTag", Fixed: []string{"0"}},
	},
	"notificationMessageTemplate": {scopeTags},
	"termsAndConditions":          tagsAndAssignees,
	"deviceCategory":              {scopeTags},
}

// accessRefs are what a Conditional Access policy names. The words among the ids are
// Graph's own.
func accessRefs() []RefRule {
	pair := func(path, what string, r RefRule) []RefRule {
		include, exclude := r, r
		include.Path, exclude.Path = path+".include"+what+"[]", path+".exclude"+what+"[]"
		return []RefRule{include, exclude}
	}
	return slices.Concat(
		pair("conditions.users", "Users", RefRule{Kind: "user", Fixed: []string{"All", "None", "GuestsOrExternalUsers"}}),
		pair("conditions.users", "Groups", RefRule{Kind: "group"}),
		pair("conditions.users", "Roles", RefRule{Kind: "role"}),
		pair("conditions.applications", "Applications", RefRule{Kind: "application", Fixed: []string{"All", "None", "Office365", "MicrosoftAdminPortals"}}),
		pair("conditions.clientApplications", "ServicePrincipals", RefRule{Kind: "servicePrincipal", Fixed: []string{"ServicePrincipalsInMyTenant"}}),
		// The id without digits is that of the addresses trusted by the old service for MFA.
		pair("conditions.locations", "Locations", RefRule{Type: "namedLocation", Fixed: []string{"All", "AllTrusted", noGUID}}),
		[]RefRule{
			{Path: "conditions.applications.includeAuthenticationContextClassReferences[]", Type: "authenticationContextClassReference"},
			{Path: "grantControls.authenticationStrength.id", Type: "authenticationStrengthPolicy", Fixed: []string{
				"00000000-0000-0000-0000-000000000002", // MFA
				"00000000-0000-0000-0000-000000000003", // passwordless MFA
				"00000000-0000-0000-0000-000000000004", // phishing-resistant MFA
			}},
			{Path: "grantControls.termsOfUse[]", Type: "termsOfUseAgreement"},
		})
}

// policySetRefs tells by the kind of an item which type its payload is of.
func policySetRefs() []RefRule {
	refs := slices.Concat(assignees, []RefRule{{Path: "roleScopeTags[]", Type: "roleScopeTag", Fixed: []string{"0"}}})
	for _, item := range []struct {
		kind string
		of   PolicyType
	}{
		{"deviceConfiguration", "deviceConfiguration"},
		{"deviceConfiguration", "softwareUpdateRing"}, // share a collection, so either may have the id
		{"deviceCompliancePolicy", "deviceCompliancePolicy"},
		{"deviceManagementConfigurationPolicy", "settingsCatalogPolicy"},
		{"deviceManagementScript", "deviceManagementScript"},
		{"enrollmentRestrictionsConfiguration", "enrollmentRestriction"},
		{"windows10EnrollmentCompletionPageConfiguration", "windowsEnrollmentStatusPage"},
		{"windowsAutopilotDeploymentProfile", "windowsAutopilotDeploymentProfile"},
		{"managedAppProtection", "appProtectionPolicy"},
		{"mdmWindowsInformationProtectionPolicy", "appProtectionPolicy"},
		{"targetedManagedAppConfiguration", "targetedManagedAppConfiguration"},
		{"managedDeviceMobileAppConfiguration", "mobileAppConfiguration"},
		{"mobileApp", "mobileApp"},
	} {
		in := "#microsoft.graph." + item.kind + "PolicySetItem"
		refs = append(refs, RefRule{Path: "items[].payloadId", Type: item.of, In: in})
	}
	return refs
}

// shortKinds are the kinds of references to types whose keys are long.
var shortKinds = map[PolicyType]string{
	"roleScopeTag": "scopeTag", "assignmentFilter": "filter",
	"authenticationStrengthPolicy": "authenticationStrength", "notificationMessageTemplate": "notificationTemplate",
}

// ReferenceKind is the Kind of a [Reference] to what the rule finds: Kind, or for an object of
// a policy type a short name of the type, mostly its key.
func (r RefRule) ReferenceKind() string {
	return cmp.Or(r.Kind, shortKinds[r.Type], string(r.Type))
}
