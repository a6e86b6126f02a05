package transfer

import (
	"path"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// classifier tells of which policy type an exported object is.
type classifier struct {
	catalogue *graph.Catalogue
	byPath    map[string][]graph.PolicyType // lower case, without the first slash
}

func newClassifier(c *graph.Catalogue) *classifier {
	k := &classifier{c, map[string][]graph.PolicyType{}}
	add := func(path string, t graph.PolicyType) {
		path = strings.ToLower(strings.TrimPrefix(path, "/"))
		k.byPath[path] = append(k.byPath[path], t)
	}
	for _, info := range c.All() {
		if info.Capturable() && info.ViewOf == "" {
			add(info.Path, info.Key)
		}
	}
	for _, alias := range pathAliases {
		if info, ok := c.Lookup(alias.key); ok && info.Capturable() {
			add(alias.path, alias.key)
		}
	}
	return k
}

// pathAliases are other collections that Graph names for objects of a type: managed app
// policies are read from typed collections, and the list of them shows app configurations too.
var pathAliases = []struct {
	path string
	key  graph.PolicyType
}{
	{"deviceAppManagement/iosManagedAppProtections", "appProtectionPolicy"},
	{"deviceAppManagement/androidManagedAppProtections", "appProtectionPolicy"},
	{"deviceAppManagement/windowsManagedAppProtections", "appProtectionPolicy"},
	{"deviceAppManagement/defaultManagedAppProtections", "appProtectionPolicy"},
	{"deviceAppManagement/mdmWindowsInformationProtectionPolicies", "appProtectionPolicy"},
	{"deviceAppManagement/windowsInformationProtectionPolicies", "appProtectionPolicy"},
	{"deviceAppManagement/managedAppPolicies", "targetedManagedAppConfiguration"},
	{"identity/conditionalAccess/authenticationStrengths/policies", "authenticationStrengthPolicy"},
	{"conditionalAccess/policies", "conditionalAccessPolicy"},
	{"conditionalAccess/namedLocations", "namedLocation"},
}

// byODataType are the types of objects that tell types of policies apart, where these share a
// collection, and objects whose type says enough. In lower case, without "#microsoft.graph.".
var byODataType = map[string]graph.PolicyType{
	"windowsupdateforbusinessconfiguration": "softwareUpdateRing",
	"iosupdateconfiguration":                "softwareUpdateRing",

	"windows10enrollmentcompletionpageconfiguration":         "windowsEnrollmentStatusPage",
	"deviceenrollmentwindowshelloforbusinessconfiguration":   "windowsHelloForBusiness",
	"devicecomanagementauthorityconfiguration":               "coManagementAuthority",
	"deviceenrollmentlimitconfiguration":                     "enrollmentRestriction",
	"deviceenrollmentplatformrestrictionsconfiguration":      "enrollmentRestriction",
	"deviceenrollmentplatformrestrictionconfiguration":       "enrollmentRestriction",
	"deviceenrollmentsingleplatformrestrictionconfiguration": "enrollmentRestriction",
	"iosmanagedappprotection":                                "appProtectionPolicy",
	"androidmanagedappprotection":                            "appProtectionPolicy",
	"windowsmanagedappprotection":                            "appProtectionPolicy",
	"defaultmanagedappprotection":                            "appProtectionPolicy",
	"mdmwindowsinformationprotectionpolicy":                  "appProtectionPolicy",
	"windowsinformationprotectionpolicy":                     "appProtectionPolicy",
	"targetedmanagedappconfiguration":                        "targetedManagedAppConfiguration",
	"androidmanagedstoreappconfiguration":                    "mobileAppConfiguration",
	"androidforworkmobileappconfiguration":                   "mobileAppConfiguration",
	"iosmobileappconfiguration":                              "mobileAppConfiguration",
	"devicemanagementconfigurationpolicy":                    "settingsCatalogPolicy",
	"devicemanagementcompliancepolicy":                       "compliancePolicyV2",
	"devicemanagementreusablepolicysetting":                  "reusablePolicySetting",
	"devicemanagementintent":                                 "endpointSecurityIntent",
	"grouppolicyconfiguration":                               "groupPolicyConfiguration",
	"grouppolicyuploadeddefinitionfile":                      "groupPolicyUploadedDefinitionFile",
	"devicecompliancescript":                                 "deviceComplianceScript",
	"devicemanagementscript":                                 "deviceManagementScript",
	"deviceshellscript":                                      "deviceShellScript",
	"devicecustomattributeshellscript":                       "macCustomAttributeScript",
	"devicehealthscript":                                     "deviceHealthScript",
	"azureadwindowsautopilotdeploymentprofile":               "windowsAutopilotDeploymentProfile",
	"activedirectorywindowsautopilotdeploymentprofile":       "windowsAutopilotDeploymentProfile",
	"appleuserinitiatedenrollmentprofile":                    "appleUserInitiatedEnrollmentProfile",
	"intunebrandingprofile":                                  "intuneBrandingProfile",
	"policyset":                                              "policySet",
	"windowsfeatureupdateprofile":                            "windowsFeatureUpdateProfile",
	"windowsqualityupdateprofile":                            "windowsQualityUpdateProfile",
	"windowsdriverupdateprofile":                             "windowsDriverUpdateProfile",
	"windowsqualityupdatepolicy":                             "windowsQualityUpdatePolicy",
	"hardwareconfiguration":                                  "hardwareConfiguration",
	"conditionalaccesspolicy":                                "conditionalAccessPolicy",
	"ipnamedlocation":                                        "namedLocation",
	"countrynamedlocation":                                   "namedLocation",
	"compliantnetworknamedlocation":                          "namedLocation",
	"authenticationstrengthpolicy":                           "authenticationStrengthPolicy",
	"authenticationcontextclassreference":                    "authenticationContextClassReference",
	"rolescopetag":                                           "roleScopeTag",
	"deviceandappmanagementassignmentfilter":                 "assignmentFilter",
	"roledefinition":                                         "roleDefinition",
	"deviceandappmanagementroledefinition":                   "roleDefinition",
	"notificationmessagetemplate":                            "notificationMessageTemplate",
	"termsandconditions":                                     "termsAndConditions",
	"devicecategory":                                         "deviceCategory",
	"mobileappcategory":                                      "mobileAppCategory",
	"cloudpcprovisioningpolicy":                              "cloudPcProvisioningPolicy",
	"cloudpcusersetting":                                     "cloudPcUserSettings",
}

// byFolder are the folders that IntuneManagement exports into, in lower case. Folders named
// after a policy type are known beside them.
var byFolder = map[string]graph.PolicyType{
	"deviceconfiguration":           "deviceConfiguration",
	"updatepolicies":                "softwareUpdateRing",
	"settingscatalog":               "settingsCatalogPolicy",
	"compliancepolicies":            "deviceCompliancePolicy",
	"compliancepoliciesv2":          "compliancePolicyV2",
	"compliancescripts":             "deviceComplianceScript",
	"endpointsecurity":              "endpointSecurityIntent",
	"reusablesettings":              "reusablePolicySetting",
	"administrativetemplates":       "groupPolicyConfiguration",
	"admxfiles":                     "groupPolicyUploadedDefinitionFile",
	"powershellscripts":             "deviceManagementScript",
	"macscripts":                    "deviceShellScript",
	"maccustomattributes":           "macCustomAttributeScript",
	"devicehealthscripts":           "deviceHealthScript",
	"enrollmentstatuspage":          "windowsEnrollmentStatusPage",
	"enrollmentrestrictions":        "enrollmentRestriction",
	"comanagementsettings":          "coManagementAuthority",
	"autopilot":                     "windowsAutopilotDeploymentProfile",
	"appleenrollmenttypes":          "appleUserInitiatedEnrollmentProfile",
	"appprotection":                 "appProtectionPolicy",
	"appconfigurationmanagedapp":    "targetedManagedAppConfiguration",
	"appconfigurationmanageddevice": "mobileAppConfiguration",
	"androidoemconfig":              "mobileAppConfiguration",
	"applications":                  "mobileApp",
	"policysets":                    "policySet",
	"intunebranding":                "intuneBrandingProfile",
	"featureupdates":                "windowsFeatureUpdateProfile",
	"qualityupdates":                "windowsQualityUpdateProfile",
	"driverupdateprofiles":          "windowsDriverUpdateProfile",
	"hardwareconfigurations":        "hardwareConfiguration",
	"conditionalaccess":             "conditionalAccessPolicy",
	"namedlocations":                "namedLocation",
	"authenticationstrengths":       "authenticationStrengthPolicy",
	"authenticationcontext":         "authenticationContextClassReference",
	"scopetags":                     "roleScopeTag",
	"assignmentfilters":             "assignmentFilter",
	"roledefinitions":               "roleDefinition",
	"notifications":                 "notificationMessageTemplate",
	"termsandconditions":            "termsAndConditions",
	"devicecategories":              "deviceCategory",
	"w365provisioningpolicies":      "cloudPcProvisioningPolicy",
	"w365usersettings":              "cloudPcUserSettings",
}

// otherFolders hold what belongs to an export and is no policy, or none that is captured.
var otherFolders = []string{"groups", "policies", "termsofuse", "azurebranding", "locations", "inventorypolicies", "iosdepprofile"}

// knownFolder tells whether the name of a folder says what is in it.
func knownFolder(name string) bool {
	name = strings.ToLower(name)
	if _, ok := byFolder[name]; ok || slices.Contains(otherFolders, name) {
		return true
	}
	return slices.ContainsFunc(graph.Catalog.All(), func(t graph.TypeInfo) bool { return strings.EqualFold(string(t.Key), name) })
}

// classify returns the type of an object by the collection that its "@odata.context" names,
// else by its "@odata.type", and only when it says neither by the folder of its file.
func (k *classifier) classify(context, odataType, file string) (graph.PolicyType, bool) {
	short := strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(odataType, "#"), "microsoft.graph."))
	named := byODataType[short]
	if collection, ok := collectionOf(context); ok {
		candidates := k.byPath[collection]
		switch {
		case slices.Contains(candidates, named):
			return named, true
		case len(candidates) == 0:
			return k.capturable(named)
		case strings.HasSuffix(collection, "/deviceenrollmentconfigurations"):
			return "", false // each type of them has types of objects of its own
		}
		return candidates[0], true
	}
	if named != "" {
		return k.capturable(named)
	}
	folder := path.Base(path.Dir(file))
	if t, ok := k.capturable(graph.PolicyType(folder)); ok {
		return t, true
	}
	return k.capturable(byFolder[strings.ToLower(folder)])
}

func (k *classifier) capturable(t graph.PolicyType) (graph.PolicyType, bool) {
	info, ok := k.catalogue.Lookup(t)
	return t, ok && info.Capturable()
}

// collectionOf returns the collection of which an "@odata.context" says that the object is
// one, in lower case: "https://.../$metadata#deviceManagement/intents(assignments())/$entity".
func collectionOf(context string) (string, bool) {
	_, rest, ok := strings.Cut(context, "$metadata#")
	if !ok {
		return "", false
	}
	rest = strings.ToLower(rest)
	if i := strings.IndexByte(rest, '('); i >= 0 {
		if strings.HasPrefix(rest[i:], "('") {
			return "", true // part of another object
		}
		rest = rest[:i] // what is expanded
	}
	rest = strings.TrimSuffix(rest, "/$entity")
	if i := strings.Index(rest, "/microsoft.graph."); i >= 0 {
		rest = rest[:i]
	}
	return strings.Trim(rest, "/"), rest != ""
}

// says tells whether an "@odata.type" names a type of policies.
func (k *classifier) says(odataType string) bool {
	return byODataType[strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(odataType, "#"), "microsoft.graph."))] != ""
}
