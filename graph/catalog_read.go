package graph

// assignedTo is the part that most Intune types have.
var assignedTo = PartRule{Name: "assignments", Path: "assignments"}

// justAssigned are the rules of a type whose objects hold everything but their assignments.
func justAssigned(unlisted ...string) ReadRules {
	return ReadRules{Unlisted: unlisted, Parts: []PartRule{assignedTo}}
}

// only are the rules of a type that shares a collection with others.
func only(kinds ...string) ReadRules {
	r := justAssigned()
	r.Only = odataTypes(kinds...)
	return r
}

func odataTypes(kinds ...string) []string {
	for i := range kinds {
		kinds[i] = "#microsoft.graph." + kinds[i]
	}
	return kinds
}

// readRules has a row for every type. Names of paths, properties and types are those of
// Graph's metadata; what has to be expanded, read by its id or asked for one by one is what
// its documentation says and what the known tools found out by trying.
var readRules = map[PolicyType]ReadRules{
	// Configuration.
	"deviceConfiguration": {
		Except: odataTypes("windowsUpdateForBusinessConfiguration", "iosUpdateConfiguration"),
		Masked: true, Parts: []PartRule{assignedTo},
	},
	"softwareUpdateRing": {
		ListQuery: "$filter=isof('microsoft.graph.windowsUpdateForBusinessConfiguration')%20or%20isof('microsoft.graph.iosUpdateConfiguration')",
		Only:      odataTypes("windowsUpdateForBusinessConfiguration", "iosUpdateConfiguration"),
		Parts:     []PartRule{assignedTo},
	},
	"settingsCatalogPolicy":  {Parts: []PartRule{assignedTo, countedSettings}},
	"endpointSecurityPolicy": {Parts: []PartRule{assignedTo, countedSettings}},
	"deviceCompliancePolicy": {
		ItemQuery: "$expand=scheduledActionsForRule($expand=scheduledActionConfigurations)",
		Parts:     []PartRule{assignedTo},
	},
	"compliancePolicyV2": {Parts: []PartRule{
		assignedTo, countedSettings,
		{Name: "scheduledActionsForRule", Path: "scheduledActionsForRule", Query: "$expand=scheduledActionConfigurations"},
	}},
	"groupPolicyConfiguration": {Parts: []PartRule{assignedTo, {
		Name: "definitionValues", Path: "definitionValues", Query: "$expand=definition",
		Each: []PartRule{{Name: "presentationValues", Path: "presentationValues", Query: "$expand=presentation"}},
	}}},
	"groupPolicyUploadedDefinitionFile": {Unlisted: []string{"content"}},
	"endpointSecurityIntent":            {Parts: []PartRule{assignedTo, {Name: "settings", Path: "settings"}}},
	"reusablePolicySetting":             {Unlisted: []string{"settingInstance"}},
	"deviceManagementSettings":          {Singleton: true},
	"hardwareConfiguration":             justAssigned("configurationFileContent"),
	"policySet":                         {ItemQuery: "$expand=items", Parts: []PartRule{assignedTo}}, // a listing refuses to expand

	// Scripts.
	"deviceComplianceScript":   justAssigned("detectionScriptContent"),
	"deviceManagementScript":   justAssigned("scriptContent"),
	"deviceShellScript":        justAssigned("scriptContent"),
	"macCustomAttributeScript": justAssigned("scriptContent"),
	"deviceHealthScript":       justAssigned("detectionScriptContent", "remediationScriptContent"),

	// Enrollment. The kinds of the shared collection can be told apart by the client only: a
	// filter by the end of the id does not work.
	"enrollmentRestriction": only("deviceEnrollmentPlatformRestrictionConfiguration",
		"deviceEnrollmentPlatformRestrictionsConfiguration", "deviceEnrollmentLimitConfiguration"),
	"windowsEnrollmentStatusPage":         only("windows10EnrollmentCompletionPageConfiguration"),
	"windowsHelloForBusiness":             {Only: odataTypes("deviceEnrollmentWindowsHelloForBusinessConfiguration")},
	"coManagementAuthority":               only("deviceComanagementAuthorityConfiguration"),
	"windowsAutopilotDeploymentProfile":   justAssigned(),
	"appleUserInitiatedEnrollmentProfile": justAssigned(),

	// Apps.
	"appProtectionPolicy": {
		Typed: map[string]TypedRule{
			"#microsoft.graph.iosManagedAppProtection":               {"/deviceAppManagement/iosManagedAppProtections", "$expand=apps"},
			"#microsoft.graph.androidManagedAppProtection":           {"/deviceAppManagement/androidManagedAppProtections", "$expand=apps"},
			"#microsoft.graph.windowsManagedAppProtection":           {"/deviceAppManagement/windowsManagedAppProtections", "$expand=apps"},
			"#microsoft.graph.mdmWindowsInformationProtectionPolicy": {"/deviceAppManagement/mdmWindowsInformationProtectionPolicies", lockerFiles},
			"#microsoft.graph.windowsInformationProtectionPolicy":    {"/deviceAppManagement/windowsInformationProtectionPolicies", lockerFiles},
		},
		Parts: []PartRule{assignedTo},
	},
	"targetedManagedAppConfiguration": {
		ItemQuery: "$expand=apps", Parts: []PartRule{assignedTo, {Name: "settings", Path: "settings"}}, // Edge has some of the catalog
	},
	"mobileAppConfiguration": justAssigned(),
	"mobileApp": {
		// Apps that every tenant has and nobody uses are left out.
		ListQuery: "$filter=(microsoft.graph.managedApp/appAvailability%20eq%20null" +
			"%20or%20microsoft.graph.managedApp/appAvailability%20eq%20'lineOfBusiness'%20or%20isAssigned%20eq%20true)",
		LeftOut:  []DefaultRule{{Property: "appAvailability", Values: []string{`"global"`}}, {Property: "isAssigned", Values: []string{"false"}}},
		Unlisted: []string{"largeIcon"},
		// Expanding categories fails with full metadata, and without it rows of assignments lack
		// the types that other captures of them have.
		Parts: []PartRule{assignedTo, {Name: "categories", Path: "categories"}},
	},
	"intuneBrandingProfile": justAssigned("themeColorLogo", "lightBackgroundLogo", "landingPageCustomizedImage"),

	// Updates.
	"windowsFeatureUpdateProfile": justAssigned(),
	"windowsQualityUpdateProfile": justAssigned(),
	"windowsDriverUpdateProfile":  justAssigned(),
	"windowsQualityUpdatePolicy":  justAssigned(),

	// Entra and Windows 365.
	"conditionalAccessPolicy":   {},
	"cloudPcProvisioningPolicy": {ItemQuery: "$expand=assignments"}, // returned in no other way
	"cloudPcUserSettings":       {ItemQuery: "$expand=assignments"},
	"groupReference":            {ItemQuery: "$select=id,displayName,groupTypes,membershipRule,securityEnabled"},
	"applicationReference":      {ItemQuery: "$select=id,appId,displayName"},

	// Foundations.
	"roleScopeTag":     justAssigned(),
	"assignmentFilter": {},
	"roleDefinition": {
		ListQuery: "$filter=isBuiltIn%20eq%20false", MinimalMetadata: true,
		Parts: []PartRule{{
			Name: "roleAssignments", Path: "roleAssignments",
			ByID: "/deviceManagement/roleAssignments", // rows have no members
			// No property of the declared type, so the name of the derived one stands before it.
			ByIDQuery: "$expand=microsoft.graph.deviceAndAppManagementRoleAssignment/roleScopeTags",
		}},
	},
	"notificationMessageTemplate": {ItemQuery: "$expand=localizedNotificationMessages"},
	"termsAndConditions":          justAssigned(), // cannot be expanded
	"deviceCategory":              {},
	"namedLocation":               {},
	"authenticationStrengthPolicy": {Parts: []PartRule{
		{Name: "combinationConfigurations", Path: "combinationConfigurations"},
	}},
	"authenticationContextClassReference": {},
	"termsOfUseAgreement":                 {ItemQuery: "$expand=files"},
	"mobileAppCategory":                   {},
}

// countedSettings come in pages of 25 unless more are asked for. That more than one page was
// needed and not read is how tools lost settings, so the number is checked.
var countedSettings = PartRule{Name: "settings", Path: "settings", Query: "$top=1000", Count: "settingCount"}

// lockerFiles are beside Windows Information Protection policies, which have no apps to expand.
const lockerFiles = "$expand=protectedAppLockerFiles,exemptAppLockerFiles"
