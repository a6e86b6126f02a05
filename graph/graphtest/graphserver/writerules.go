package graphserver

import (
	"net/http"

	"github.com/tenantatlas/tenantbackup/graph"
)

// writing is how a collection is written, with what was read of it in Microsoft's metadata
// and documentation, and in what tools had to work around. Its zero value is POST to the
// collection, answered with 201 and the object, PATCH and DELETE of the object.
type writing struct {
	created   int      // status of a creation; 0 is 201
	noCreate  string   // why the collection itself takes no POST
	first     []string // the only properties that a creation takes; the others follow by PATCH
	later     []string // properties that creations refuse, because they are written by requests of their own
	immutable []string // such properties that a PATCH refuses
	silent    bool     // a PATCH is answered with 204
	put       bool     // a PUT replaces the whole object
	upsert    bool     // a PATCH creates what is not there
	keeps     bool     // deleted objects can be restored for 30 days
	unassign  bool     // an object is deleted only once nobody is assigned

	assign  assigning
	lists   map[string]string // whose elements are written by requests of their own, and their "@odata.type"
	actions []string          // functions that are bound to an object, as [Server.act] knows them
}

// assigning is how objects of a collection are assigned.
type assigning struct {
	key    string // the parameter of the action assign; empty when there is no such action
	answer bool   // the action answers with the assignments instead of 204
	each   string // the "@odata.type" of assignments that are posted one by one
}

var (
	assignOnly   = assigning{key: "assignments"}
	assignAnswer = assigning{key: "assignments", answer: true}
	assignScript = assigning{key: "deviceManagementScriptAssignments"}
	assignHealth = assigning{key: "deviceHealthScriptAssignments"}
	targetApps   = []string{"targetApps"}
	withApps     = writing{later: []string{"apps"}, immutable: []string{"apps"}, assign: assignOnly, actions: targetApps}
	withFiles    = writing{immutable: []string{"protectedAppLockerFiles"}, assign: assignOnly, lists: lockerFiles}
	lockerFiles  = map[string]string{"protectedAppLockerFiles": "#microsoft.graph.windowsInformationProtectionAppLockerFile"}
	justAssigned = writing{assign: assignOnly}
	scheduled    = []string{"scheduledActionsForRule"}
)

// writes are the collections that are not written like any other.
var writes = map[string]writing{
	"/deviceManagement/deviceConfigurations": {
		later: []string{"privacyAccessControls"}, immutable: []string{"privacyAccessControls"},
		assign: assignAnswer, actions: []string{"windowsPrivacyAccessControls"},
	},
	"/deviceManagement/configurationPolicies": {
		put: true, immutable: []string{"settings"}, assign: assignAnswer,
	},
	"/deviceManagement/deviceCompliancePolicies": {
		immutable: scheduled, assign: assignAnswer, actions: []string{"scheduleActionsForRules"},
	},
	"/deviceManagement/compliancePolicies": {
		put: true, immutable: scheduled, assign: assignAnswer, actions: []string{"setScheduledActions"},
	},
	"/deviceManagement/groupPolicyConfigurations": {
		later: []string{"definitionValues"}, immutable: []string{"definitionValues"}, assign: assignAnswer,
		lists:   map[string]string{"definitionValues": "#microsoft.graph.groupPolicyDefinitionValue"},
		actions: []string{"updateDefinitionValues"},
	},
	"/deviceManagement/groupPolicyUploadedDefinitionFiles": {noCreate: "The content of the file is required."},
	"/deviceManagement/intents": {
		noCreate: "An intent is made from a template.", immutable: []string{"settings"}, assign: assignOnly,
		actions: []string{"updateSettings"},
	},
	"/deviceManagement/reusablePolicySettings": {put: true},
	"/deviceManagement/settings":               {noCreate: "The settings are written with what they belong to."},
	"/deviceManagement/hardwareConfigurations": {assign: assigning{key: "hardwareConfigurationAssignments"}},

	"/deviceManagement/deviceComplianceScripts":           {assign: assignHealth},
	"/deviceManagement/deviceManagementScripts":           {assign: assignScript},
	"/deviceManagement/deviceShellScripts":                {assign: assignScript},
	"/deviceManagement/deviceCustomAttributeShellScripts": {assign: assignScript},
	"/deviceManagement/deviceHealthScripts":               {assign: assignHealth},

	"/deviceManagement/deviceEnrollmentConfigurations": {
		assign: assigning{key: "enrollmentConfigurationAssignments"}, actions: []string{"setPriority"},
	},
	"/deviceManagement/windowsAutopilotDeploymentProfiles": {
		unassign: true, assign: assigning{each: "#microsoft.graph.windowsAutopilotDeploymentProfileAssignment"},
	},
	"/deviceManagement/appleUserInitiatedEnrollmentProfiles": {
		assign: assigning{each: "#microsoft.graph.appleEnrollmentProfileAssignment"}, actions: []string{"setPriority"},
	},

	"/deviceAppManagement/managedAppPolicies":           {noCreate: "Cannot create an abstract class."},
	"/deviceAppManagement/iosManagedAppProtections":     withApps,
	"/deviceAppManagement/androidManagedAppProtections": withApps,
	"/deviceAppManagement/windowsManagedAppProtections": withApps,
	"/deviceAppManagement/targetedManagedAppConfigurations": {
		later: []string{"apps"}, immutable: []string{"apps", "settings"}, assign: assignOnly, actions: []string{"targetApps", "changeSettings"},
	},
	"/deviceAppManagement/mdmWindowsInformationProtectionPolicies": withFiles,
	"/deviceAppManagement/windowsInformationProtectionPolicies":    withFiles,
	"/deviceAppManagement/mobileAppConfigurations":                 justAssigned,
	"/deviceAppManagement/mobileApps": {
		later: []string{"categories"}, immutable: []string{"categories"}, assign: assigning{key: "mobileAppAssignments"},
	},
	"/deviceAppManagement/policySets": {
		immutable: []string{"items"}, actions: []string{"update"},
	},
	"/deviceManagement/intuneBrandingProfiles": {
		first: []string{"@odata.type", "profileName", "profileDescription", "roleScopeTagIds"}, assign: assignOnly,
	},
	"/deviceManagement/windowsFeatureUpdateProfiles": justAssigned,
	"/deviceManagement/windowsQualityUpdateProfiles": justAssigned,
	"/deviceManagement/windowsDriverUpdateProfiles":  justAssigned,
	"/deviceManagement/windowsQualityUpdatePolicies": justAssigned,

	"/identity/conditionalAccess/policies":                             {silent: true, keeps: true},
	"/identity/conditionalAccess/namedLocations":                       {silent: true, keeps: true},
	"/identity/conditionalAccess/authenticationContextClassReferences": {silent: true, upsert: true},
	"/policies/authenticationStrengthPolicies": {
		silent: true, later: []string{"combinationConfigurations"}, immutable: []string{"allowedCombinations", "combinationConfigurations"},
		lists:   map[string]string{"combinationConfigurations": ""},
		actions: []string{"updateAllowedCombinations"},
	},
	"/deviceManagement/virtualEndpoint/provisioningPolicies": {assign: assignOnly},
	"/deviceManagement/virtualEndpoint/userSettings":         {assign: assignOnly},

	"/deviceManagement/roleScopeTags": {created: http.StatusOK, assign: assignAnswer},
	"/deviceManagement/roleDefinitions": {
		created: http.StatusOK, later: []string{"roleAssignments"}, immutable: []string{"roleAssignments"},
	},
	"/deviceManagement/notificationMessageTemplates": {
		created: http.StatusOK, later: []string{"defaultLocale", "description", "localizedNotificationMessages"},
		immutable: []string{"localizedNotificationMessages"},
		lists:     map[string]string{"localizedNotificationMessages": "#microsoft.graph.localizedNotificationMessage"},
	},
	"/deviceManagement/termsAndConditions": {assign: assigning{each: "#microsoft.graph.termsAndConditionsAssignment"}},
}

// typeOf are the types of objects that share a collection with those of others, which a new
// object's "@odata.type" decides.
var typeOf = map[string]graph.PolicyType{
	"windowsUpdateForBusinessConfiguration": "softwareUpdateRing",
	"iosUpdateConfiguration":                "softwareUpdateRing",

	"deviceEnrollmentPlatformRestrictionConfiguration":     "enrollmentRestriction",
	"deviceEnrollmentPlatformRestrictionsConfiguration":    "enrollmentRestriction",
	"deviceEnrollmentLimitConfiguration":                   "enrollmentRestriction",
	"windows10EnrollmentCompletionPageConfiguration":       "windowsEnrollmentStatusPage",
	"deviceEnrollmentWindowsHelloForBusinessConfiguration": "windowsHelloForBusiness",
	"deviceComanagementAuthorityConfiguration":             "coManagementAuthority",
}
