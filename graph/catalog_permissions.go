package graph

// The areas of Intune that a permission opens, as in "DeviceManagementApps.Read.All".
const (
	areaConfiguration = "Configuration"
	areaApps          = "Apps"
	areaService       = "ServiceConfig"
	areaRoles         = "RBAC"
	areaScripts       = "Scripts"
	areaDevices       = "ManagedDevices"
)

// intune are the permissions of a type of an area. Those of others do as well; the first is
// the one to ask for.
func intune(area string, others ...string) Permissions {
	var read, write Permission
	for _, a := range append([]string{area}, others...) {
		name := "DeviceManagement" + a
		read = append(read, name+".Read.All", name+".ReadWrite.All")
		write = append(write, name+".ReadWrite.All")
	}
	return Permissions{Read: []Permission{read}, Write: []Permission{write}}
}

// scripts are what Microsoft describes the permissions for scripts with. Its own map of
// permissions and paths names the older ones too, which apps of before were granted.
var scripts = intune(areaScripts, areaConfiguration, areaDevices)

// maskedConfiguration shows encrypted values to apps that may write only, other than the
// documentation says.
func maskedConfiguration() Permissions {
	p := intune(areaConfiguration)
	p.Secrets = []Permission{{"DeviceManagementConfiguration.ReadWrite.All"}}
	return p
}

var (
	policyRead = Permission{"Policy.Read.All"}
	cloudPC    = Permissions{
		Read: []Permission{{"CloudPC.Read.All", "CloudPC.ReadWrite.All"}}, Write: []Permission{{"CloudPC.ReadWrite.All"}},
	}
)

// permissions has a row for every type that an app may read. They are application permissions
// by Microsoft's map of permissions and paths (microsoft-graph-devx-content, August 2026),
// least first as far as another type does not need a wider one anyway.
var permissions = map[PolicyType]Permissions{
	"deviceConfiguration":               maskedConfiguration(),
	"softwareUpdateRing":                intune(areaConfiguration),
	"settingsCatalogPolicy":             intune(areaConfiguration),
	"endpointSecurityPolicy":            intune(areaConfiguration),
	"deviceCompliancePolicy":            intune(areaConfiguration),
	"compliancePolicyV2":                intune(areaConfiguration),
	"groupPolicyConfiguration":          intune(areaConfiguration),
	"groupPolicyUploadedDefinitionFile": intune(areaConfiguration),
	"endpointSecurityIntent":            intune(areaConfiguration),
	"reusablePolicySetting":             intune(areaConfiguration),
	"hardwareConfiguration":             intune(areaConfiguration),
	"policySet":                         intune(areaConfiguration),
	"deviceManagementSettings": { // any permission reads it, but one only is known to write
		Read:  intune(areaConfiguration, areaApps, areaService, areaRoles, areaDevices).Read,
		Write: intune(areaConfiguration).Write,
	},

	"deviceComplianceScript":   scripts,
	"deviceManagementScript":   scripts,
	"deviceShellScript":        scripts,
	"macCustomAttributeScript": scripts,
	"deviceHealthScript":       scripts,

	"enrollmentRestriction":               intune(areaService, areaConfiguration),
	"windowsEnrollmentStatusPage":         intune(areaService, areaConfiguration),
	"windowsHelloForBusiness":             intune(areaService, areaConfiguration),
	"coManagementAuthority":               intune(areaService, areaConfiguration),
	"windowsAutopilotDeploymentProfile":   intune(areaService),
	"appleUserInitiatedEnrollmentProfile": intune(areaService),

	"appProtectionPolicy":             intune(areaApps),
	"targetedManagedAppConfiguration": intune(areaApps),
	"mobileAppConfiguration":          intune(areaApps),
	"mobileApp":                       intune(areaApps),
	"intuneBrandingProfile":           intune(areaApps),

	"windowsFeatureUpdateProfile": intune(areaConfiguration),
	"windowsQualityUpdateProfile": intune(areaConfiguration),
	"windowsDriverUpdateProfile":  intune(areaConfiguration),
	"windowsQualityUpdatePolicy":  intune(areaConfiguration), // not in the map; as its siblings

	"conditionalAccessPolicy": {
		Read:  []Permission{policyRead},
		Write: []Permission{{"Policy.ReadWrite.ConditionalAccess"}, {"Application.Read.All"}},
	},
	"cloudPcProvisioningPolicy": cloudPC,
	"cloudPcUserSettings":       cloudPC,
	"groupReference": {Read: []Permission{{
		"GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All",
	}}},
	"applicationReference": {Read: []Permission{{"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All"}}},

	"roleScopeTag":                intune(areaRoles, areaConfiguration),
	"assignmentFilter":            intune(areaConfiguration),
	"roleDefinition":              intune(areaRoles, areaConfiguration),
	"notificationMessageTemplate": intune(areaService),
	"termsAndConditions":          intune(areaService),
	"deviceCategory":              intune(areaConfiguration, areaDevices),
	"namedLocation": {
		Read: []Permission{policyRead}, Write: []Permission{{"Policy.ReadWrite.ConditionalAccess"}},
	},
	"authenticationStrengthPolicy": {
		Read: []Permission{{
			"Policy.Read.All", "Policy.Read.AuthenticationMethod", "Policy.ReadWrite.AuthenticationMethod", "Policy.ReadWrite.ConditionalAccess",
		}},
		Write: []Permission{{"Policy.ReadWrite.ConditionalAccess", "Policy.ReadWrite.AuthenticationMethod"}},
	},
	"authenticationContextClassReference": {
		Read: []Permission{{
			"AuthenticationContext.Read.All", "AuthenticationContext.ReadWrite.All", "Policy.Read.ConditionalAccess", "Policy.ReadWrite.ConditionalAccess",
		}},
		Write: []Permission{{"AuthenticationContext.ReadWrite.All", "Policy.ReadWrite.ConditionalAccess"}},
	},
	"mobileAppCategory": intune(areaApps),
}
