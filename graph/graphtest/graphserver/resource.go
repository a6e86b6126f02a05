package graphserver

import (
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// resource is what the server knows of a collection of Graph.
type resource struct {
	path  string
	types []graph.PolicyType // whose objects are in it; filled in from the catalogue
	v1    bool               // v1.0 has it too
	only  string             // the "@odata.type" of its objects, where it shares them with another

	derived    bool     // its objects are of several types, so minimal metadata names theirs
	singleton  bool     // one object instead of a collection
	unlisted   []string // properties that rows of a listing have as null
	betaOnly   []string // properties that v1.0 does not have, beside scope tags of Intune
	unfiltered []string // properties that a filter may not name
	elements   string   // its objects are the elements of this part of those of its types
	parts      []part
}

// name is the last segment of the path.
func (r *resource) name() string { return r.path[strings.LastIndexByte(r.path, '/')+1:] }

// lacks tells whether v1.0 does not have a property.
func (r *resource) lacks(name string) bool {
	return name == "roleScopeTagIds" || slices.Contains(r.betaOnly, name)
}

// part is what Graph keeps beside an object: a navigation property.
type part struct {
	name     string
	single   bool     // one object, not a collection
	derived  bool     // its objects are of several types
	counted  bool     // the object announces how many there are
	byIDOnly bool     // expanded for one object, not in a listing
	apart    bool     // never expanded, only a collection of its own
	plain    bool     // cannot be expanded with full metadata
	inline   bool     // expanded, but no collection of its own
	beta     bool     // v1.0 does not have it
	lacks    []string // properties of its elements that are seen elsewhere only
	parts    []part   // of its elements
}

var (
	assignments = part{name: "assignments"}
	settings    = part{name: "settings", counted: true}
	apps        = part{name: "apps"}
	actions     = part{name: "scheduledActionsForRule", parts: []part{{name: "scheduledActionConfigurations"}}}
	locker      = []part{assignments, {name: "protectedAppLockerFiles"}, {name: "exemptAppLockerFiles"}}
	elsewhere   = []part{{name: "apps", apart: true, inline: true}, {name: "assignments", apart: true, inline: true}}
	scopes      = []part{{name: "roleScopeTags"}}
)

func assigned(more ...part) []part { return append([]part{assignments}, more...) }

// known are the collections, with what was read of them in Microsoft's metadata and
// documentation, and in what tools had to work around.
var known = []resource{
	{
		path: "/deviceManagement/deviceConfigurations", v1: true, derived: true, parts: assigned(),
		betaOnly: []string{
			"supportsScopeTags", "deviceManagementApplicabilityRuleOsEdition",
			"deviceManagementApplicabilityRuleOsVersion", "deviceManagementApplicabilityRuleDeviceMode",
		},
	},
	{path: "/deviceManagement/configurationPolicies", parts: assigned(settings)},
	{path: "/deviceManagement/deviceCompliancePolicies", v1: true, derived: true, parts: assigned(actions)},
	{path: "/deviceManagement/compliancePolicies", parts: assigned(settings, actions)},
	{
		path: "/deviceManagement/groupPolicyConfigurations",
		parts: assigned(part{name: "definitionValues", parts: []part{
			{name: "definition", single: true},
			{name: "presentationValues", derived: true, parts: []part{{name: "presentation", single: true, derived: true}}},
		}}),
	},
	{path: "/deviceManagement/groupPolicyUploadedDefinitionFiles"},
	{path: "/deviceManagement/intents", parts: assigned(part{name: "settings", derived: true})},
	{path: "/deviceManagement/reusablePolicySettings", unlisted: []string{"settingInstance"}},
	{path: "/deviceManagement/settings", singleton: true},
	{path: "/deviceManagement/hardwareConfigurations", unlisted: []string{"configurationFileContent"}, parts: assigned()},

	{path: "/deviceManagement/deviceComplianceScripts", unlisted: []string{"detectionScriptContent"}, parts: assigned()},
	{path: "/deviceManagement/deviceManagementScripts", unlisted: []string{"scriptContent"}, parts: assigned()},
	{path: "/deviceManagement/deviceShellScripts", unlisted: []string{"scriptContent"}, parts: assigned()},
	{path: "/deviceManagement/deviceCustomAttributeShellScripts", unlisted: []string{"scriptContent"}, parts: assigned()},
	{
		path: "/deviceManagement/deviceHealthScripts", unlisted: []string{"detectionScriptContent", "remediationScriptContent"},
		unfiltered: []string{"isGlobalScript"}, parts: assigned(),
	},

	{path: "/deviceManagement/deviceEnrollmentConfigurations", v1: true, derived: true, unfiltered: []string{"id"}, betaOnly: []string{"deviceEnrollmentConfigurationType"}, parts: assigned()},
	{path: "/deviceManagement/windowsAutopilotDeploymentProfiles", derived: true, parts: assigned()},
	{path: "/deviceManagement/appleUserInitiatedEnrollmentProfiles", parts: assigned()},

	// The list has the app configurations too, but parts and writes only in typed collections.
	{path: "/deviceAppManagement/managedAppPolicies", v1: true, derived: true, types: []graph.PolicyType{"appProtectionPolicy", "targetedManagedAppConfiguration"}, parts: elsewhere},
	{path: "/deviceAppManagement/iosManagedAppProtections", v1: true, betaOnly: newProtection, types: protection, only: "#microsoft.graph.iosManagedAppProtection", parts: assigned(apps)},
	{path: "/deviceAppManagement/androidManagedAppProtections", v1: true, betaOnly: newProtection, types: protection, only: "#microsoft.graph.androidManagedAppProtection", parts: assigned(apps)},
	{path: "/deviceAppManagement/windowsManagedAppProtections", types: protection, only: "#microsoft.graph.windowsManagedAppProtection", parts: assigned(apps)},
	{path: "/deviceAppManagement/mdmWindowsInformationProtectionPolicies", v1: true, types: protection, only: "#microsoft.graph.mdmWindowsInformationProtectionPolicy", parts: locker},
	{path: "/deviceAppManagement/windowsInformationProtectionPolicies", v1: true, types: protection, only: "#microsoft.graph.windowsInformationProtectionPolicy", parts: locker},
	{path: "/deviceAppManagement/targetedManagedAppConfigurations", v1: true, parts: assigned(apps, part{name: "settings", beta: true}), betaOnly: []string{"appGroupType", "targetedAppManagementLevels"}},
	{path: "/deviceAppManagement/mobileAppConfigurations", v1: true, derived: true, parts: assigned()},
	{
		path: "/deviceAppManagement/mobileApps", v1: true, derived: true, unlisted: []string{"largeIcon"}, parts: assigned(part{name: "categories", plain: true}),
		betaOnly: []string{"dependentAppCount", "isAssigned", "supersededAppCount", "supersedingAppCount", "uploadState"},
	},
	{path: "/deviceAppManagement/mobileAppCategories", v1: true},
	{
		path:  "/deviceAppManagement/policySets",
		parts: []part{{name: "items", derived: true, byIDOnly: true}, {name: "assignments", byIDOnly: true}},
	},
	{
		path: "/deviceManagement/intuneBrandingProfiles", parts: assigned(),
		unlisted: []string{"themeColorLogo", "lightBackgroundLogo", "landingPageCustomizedImage"},
	},
	{path: "/deviceManagement/windowsFeatureUpdateProfiles", parts: assigned()},
	{path: "/deviceManagement/windowsQualityUpdateProfiles", parts: assigned()},
	{path: "/deviceManagement/windowsDriverUpdateProfiles", parts: assigned()},
	{path: "/deviceManagement/windowsQualityUpdatePolicies", parts: assigned()},

	{path: "/identity/conditionalAccess/policies", v1: true},
	{path: "/identity/conditionalAccess/namedLocations", v1: true, derived: true},
	{path: "/identity/conditionalAccess/authenticationContextClassReferences", v1: true},
	{path: "/policies/authenticationStrengthPolicies", v1: true, parts: []part{{name: "combinationConfigurations", derived: true}}},
	{path: "/deviceManagement/virtualEndpoint/provisioningPolicies", v1: true, parts: []part{{name: "assignments", inline: true}}},
	{path: "/deviceManagement/virtualEndpoint/userSettings", v1: true, parts: []part{{name: "assignments", inline: true}}},

	{path: "/deviceManagement/roleScopeTags", parts: assigned()},
	{path: "/deviceManagement/assignmentFilters"},
	{path: "/deviceManagement/roleDefinitions", v1: true, derived: true, parts: []part{{name: "roleAssignments", derived: true, lacks: []string{"members"}, parts: scopes}}, betaOnly: []string{"isBuiltInRoleDefinition", "permissions"}},
	{path: "/deviceManagement/roleAssignments", v1: true, derived: true, types: []graph.PolicyType{"roleDefinition"}, elements: "roleAssignments", parts: scopes},
	{path: "/deviceManagement/notificationMessageTemplates", v1: true, parts: []part{{name: "localizedNotificationMessages"}}, betaOnly: []string{"description"}},
	{path: "/deviceManagement/termsAndConditions", v1: true, parts: []part{{name: "assignments", apart: true}}},
	{path: "/deviceManagement/deviceCategories", v1: true},
}

// newProtection are the properties of app protection policies that v1.0 does not have.
var newProtection = []string{
	"allowWidgetContentSync", "allowedAndroidDeviceManufacturers", "allowedAndroidDeviceModels", "allowedDataIngestionLocations",
	"allowedIosDeviceModels", "allowedOutboundClipboardSharingExceptionLength", "appActionIfAccountIsClockedOut",
	"appActionIfAndroidDeviceManufacturerNotAllowed", "appActionIfAndroidDeviceModelNotAllowed", "appActionIfAndroidSafetyNetAppsVerificationFailed",
	"appActionIfAndroidSafetyNetDeviceAttestationFailed", "appActionIfDeviceComplianceRequired", "appActionIfDeviceLockNotSet",
	"appActionIfDevicePasscodeComplexityLessThanHigh", "appActionIfDevicePasscodeComplexityLessThanLow",
	"appActionIfDevicePasscodeComplexityLessThanMedium", "appActionIfIosDeviceModelNotAllowed", "appActionIfMaximumPinRetriesExceeded",
	"appActionIfSamsungKnoxAttestationRequired", "appActionIfUnableToAuthenticateUser", "appGroupType", "approvedKeyboards",
	"biometricAuthenticationBlocked", "blockAfterCompanyPortalUpdateDeferralInDays", "blockDataIngestionIntoOrganizationDocuments",
	"connectToVpnOnLaunch", "customDialerAppDisplayName", "customDialerAppPackageId", "customDialerAppProtocol", "deviceLockRequired",
	"dialerRestrictionLevel", "disableProtectionOfManagedOutboundOpenInData", "exemptedAppPackages", "exemptedAppProtocols", "exemptedUniversalLinks",
	"filterOpenInToOnlyManagedApps", "fingerprintAndBiometricEnabled", "gracePeriodToBlockAppsDuringOffClockHours", "keyboardsRestricted",
	"managedUniversalLinks", "maximumAllowedDeviceThreatLevel", "maximumRequiredOsVersion", "maximumWarningOsVersion", "maximumWipeOsVersion",
	"messagingRedirectAppDisplayName", "messagingRedirectAppPackageId", "messagingRedirectAppUrlScheme", "minimumRequiredCompanyPortalVersion",
	"minimumWarningCompanyPortalVersion", "minimumWarningSdkVersion", "minimumWipeAppVersion", "minimumWipeCompanyPortalVersion",
	"minimumWipeOsVersion", "minimumWipePatchVersion", "minimumWipeSdkVersion", "mobileThreatDefensePartnerPriority",
	"mobileThreatDefenseRemediationAction", "notificationRestriction", "pinRequiredInsteadOfBiometricTimeout", "previousPinBlockCount",
	"protectInboundDataFromUnknownSources", "protectedMessagingRedirectAppType", "requireClass3Biometrics", "requirePinAfterBiometricChange",
	"requiredAndroidSafetyNetAppsVerificationType", "requiredAndroidSafetyNetDeviceAttestationType", "requiredAndroidSafetyNetEvaluationType",
	"targetedAppManagementLevels", "thirdPartyKeyboardsBlocked", "warnAfterCompanyPortalUpdateDeferralInDays",
	"wipeAfterCompanyPortalUpdateDeferralInDays",
}

var protection = []graph.PolicyType{"appProtectionPolicy"}

// routes are the collections that a server with a catalogue has. A type whose collection is
// not known gets one by the catalogue: a whole object in the list, assignments beside it.
func routes(c *graph.Catalogue) map[string]*resource {
	out := map[string]*resource{}
	for _, res := range known {
		res.types = slices.Clone(res.types)
		out[res.path] = &res
	}
	for _, info := range c.All() {
		if !info.Capturable() {
			continue
		}
		res, ok := out[info.Path]
		if !ok {
			res = &resource{path: info.Path, v1: info.Version == "v1.0", derived: info.Write.Polymorphic, singleton: info.Read.Singleton}
			if info.Write.Assigned {
				res.parts = assigned()
			}
			out[info.Path] = res
		}
		if !slices.Contains(res.types, info.Key) {
			res.types = append(res.types, info.Key)
		}
	}
	return out
}
