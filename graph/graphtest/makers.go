package graphtest

import "github.com/tenantatlas/tenantbackup/graph"

var assignedOnly = []string{partAssignments}

// makers are the types that tenants are filled with. The weights add up to 100 and follow
// what real tenants hold: half of it is settings catalog.
var makers = map[graph.PolicyType]maker{
	"settingsCatalogPolicy":             {48, []string{partAssignments, partSettings}, settingsCatalog},
	"conditionalAccessPolicy":           {9, nil, conditionalAccess},
	"deviceConfiguration":               {7, assignedOnly, oneOf(customConfiguration, generalConfiguration, appleRestrictions)},
	"deviceCompliancePolicy":            {6, assignedOnly, oneOf(windowsCompliance, macCompliance)},
	"groupPolicyConfiguration":          {3, []string{partAssignments, partDefinitionValues}, administrativeTemplate},
	"deviceManagementScript":            {3, assignedOnly, powerShellScript},
	"appProtectionPolicy":               {3, assignedOnly, oneOf(appProtection("ios"), appProtection("android"))},
	"deviceHealthScript":                {3, assignedOnly, remediation},
	"deviceShellScript":                 {2, assignedOnly, shellScript},
	"softwareUpdateRing":                {2, assignedOnly, updateRing},
	"windowsAutopilotDeploymentProfile": {2, assignedOnly, autopilot},
	"enrollmentRestriction":             {2, assignedOnly, enrollmentRestriction},
	"windowsEnrollmentStatusPage":       {1, assignedOnly, enrollmentStatusPage},
	"windowsFeatureUpdateProfile":       {1, assignedOnly, featureUpdate},
	"windowsDriverUpdateProfile":        {1, assignedOnly, driverUpdate},
	"compliancePolicyV2":                {1, []string{partAssignments, partSettings, "scheduledActionsForRule"}, complianceV2},
	"mobileApp":                         {2, []string{partAssignments, "categories"}, oneOf(webApp, iosStoreApp, winGetApp)},
	"targetedManagedAppConfiguration":   {1, []string{partAssignments, partSettings}, managedAppConfiguration},
	"mobileAppConfiguration":            {1, assignedOnly, managedDeviceAppConfiguration},
	"deviceComplianceScript":            {1, assignedOnly, complianceScript},
	"endpointSecurityIntent":            {1, []string{partAssignments, partSettings}, intent},

	"roleScopeTag":                 {0, assignedOnly, scopeTag},
	"assignmentFilter":             {0, nil, assignmentFilter},
	"roleDefinition":               {0, []string{"roleAssignments"}, roleDefinition},
	"notificationMessageTemplate":  {0, nil, notification},
	"deviceCategory":               {0, nil, deviceCategory},
	"namedLocation":                {0, nil, namedLocation},
	"authenticationStrengthPolicy": {0, []string{"combinationConfigurations"}, authenticationStrength},
}
