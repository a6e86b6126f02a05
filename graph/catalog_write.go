package graph

// withRules gives every type what is known of reading and writing it, so that its row above
// stays readable.
func withRules(types []TypeInfo) []TypeInfo {
	for i := range types {
		types[i].Read = readRules[types[i].Key]
		types[i].Workload = workload(types[i])
		types[i].Write = writeRules[types[i].Key]
		types[i].Refs = refRules[types[i].Key]
	}
	return types
}

// Default objects of the enrollment types have the lowest priority.
var priorityZero = &DefaultRule{Property: "priority", Values: []string{"0"}}

// everyObject is for singletons.
var everyObject = &DefaultRule{}

// writeRules has a row for every type that can be restored. They follow the documentation of
// Microsoft Graph and what the known tools found out by trying.
var writeRules = map[PolicyType]WriteRules{
	// Configuration.
	"deviceConfiguration": {Polymorphic: true, Assigned: true},
	"softwareUpdateRing": {
		Polymorphic: true, Assigned: true,
		Strip: []string{
			"qualityUpdatesPauseStartDate", "featureUpdatesPauseStartDate",
			"qualityUpdatesWillBeRolledBack", "featureUpdatesWillBeRolledBack",
		},
	},
	"settingsCatalogPolicy": {
		Replaces: true, Assigned: true,
		Strip:   []string{"settingCount", "creationSource", "templateReference.templateDisplayName", "templateReference.templateDisplayVersion"},
		MatchBy: []string{"platforms", "technologies", "templateReference.templateId"},
	},
	"deviceCompliancePolicy": {
		Polymorphic: true, Assigned: true,
		Strip: []string{"scheduledActionsForRule[].id", "scheduledActionsForRule[].scheduledActionConfigurations[].id"},
	},
	"compliancePolicyV2": {
		Assigned: true,
		Strip:    []string{"settingCount", "creationSource", "scheduledActionsForRule[].id", "scheduledActionsForRule[].scheduledActionConfigurations[].id"},
		MatchBy:  []string{"platforms", "technologies"},
	},
	"groupPolicyConfiguration": {
		Assigned: true,
		Strip: []string{
			"policyConfigurationIngestionType",
			"definitionValues[].id", "definitionValues[].createdDateTime", "definitionValues[].lastModifiedDateTime",
			"definitionValues[].presentationValues[].id", "definitionValues[].presentationValues[].createdDateTime",
			"definitionValues[].presentationValues[].lastModifiedDateTime",
		},
	},
	"endpointSecurityIntent": {
		Assigned: true,
		Strip:    []string{"isMigratingToConfigurationPolicy", "settings[].id"}, StripUpdate: []string{"templateId"},
		MatchBy: []string{"templateId"},
	},
	"reusablePolicySetting":    {Strip: []string{"referencingConfigurationPolicyCount"}},
	"deviceManagementSettings": {Default: everyObject},
	"hardwareConfiguration":    {Assigned: true},
	"policySet": {
		Assigned: true,
		Strip: []string{
			"status", "errorCode", "items[].id", "items[].createdDateTime", "items[].lastModifiedDateTime",
			"items[].itemType", "items[].displayName", "items[].status", "items[].errorCode",
		},
	},

	// Scripts.
	"deviceComplianceScript":   {Assigned: true, AssignmentFields: []string{"runRemediationScript", "runSchedule"}},
	"deviceManagementScript":   {Assigned: true},
	"deviceShellScript":        {Assigned: true},
	"macCustomAttributeScript": {Assigned: true, StripUpdate: []string{"customAttributeName", "customAttributeType", "displayName"}},
	"deviceHealthScript": {
		Assigned: true, AssignmentFields: []string{"runRemediationScript", "runSchedule"},
		Strip:   []string{"highestAvailableVersion", "isGlobalScript", "deviceHealthScriptType", "!version"},
		BuiltIn: &DefaultRule{Property: "isGlobalScript", Values: []string{"true"}},
	},

	// Enrollment.
	"enrollmentRestriction": {
		Polymorphic: true, Assigned: true, Default: priorityZero,
		Strip: []string{"windowsMobileRestriction"}, StripUpdate: []string{"priority", "platformType"},
		MatchBy: []string{"platformType"},
	},
	"windowsEnrollmentStatusPage":       {Polymorphic: true, Assigned: true, Default: priorityZero, StripUpdate: []string{"priority"}},
	"windowsHelloForBusiness":           {Polymorphic: true, Default: everyObject, StripUpdate: []string{"priority"}},
	"coManagementAuthority":             {Polymorphic: true, Assigned: true, Default: priorityZero, StripUpdate: []string{"priority"}},
	"windowsAutopilotDeploymentProfile": {Polymorphic: true, Assigned: true, StripUpdate: []string{"managementServiceAppId"}},
	"appleUserInitiatedEnrollmentProfile": {
		Assigned: true, StripUpdate: []string{"platform", "priority"}, MatchBy: []string{"platform"},
	},

	// Apps.
	"appProtectionPolicy":             {Polymorphic: true, Assigned: true, Strip: []string{"deployedAppCount", "exemptAppLockerFiles"}},
	"targetedManagedAppConfiguration": {Assigned: true, Strip: []string{"deployedAppCount"}},
	"mobileAppConfiguration":          {Polymorphic: true, Assigned: true},
	"mobileApp": {
		Polymorphic: true, Assigned: true, AssignmentFields: []string{"intent", "settings"},
		Strip: []string{
			"uploadState", "publishingState", "dependentAppCount", "supersedingAppCount", "supersededAppCount",
			"committedContentVersion", "size", "isFeatured",
		},
	},
	"intuneBrandingProfile": {
		Assigned: true, Default: &DefaultRule{Property: "isDefaultProfile", Values: []string{"true"}},
		Strip: []string{"isDefaultProfile"}, StripUpdate: []string{"disableClientTelemetry"},
	},

	// Updates.
	"windowsFeatureUpdateProfile": {Assigned: true, Strip: []string{"deployableContentDisplayName", "endOfSupportDate"}},
	"windowsQualityUpdateProfile": {Assigned: true, Strip: []string{"releaseDateDisplayName", "deployableContentDisplayName"}},
	"windowsDriverUpdateProfile": {
		Assigned: true,
		Strip:    []string{"newUpdates", "deviceReporting", "inventorySyncStatus"}, StripUpdate: []string{"approvalType"},
	},
	"windowsQualityUpdatePolicy": {Assigned: true},

	// Entra and Windows 365.
	"conditionalAccessPolicy": {Strip: []string{
		"templateId", "deletedDateTime", "conditions.deviceStates",
		// The strength is named by its id alone; the rest is a copy of it.
		"grantControls.authenticationStrength.createdDateTime", "grantControls.authenticationStrength.modifiedDateTime",
		"grantControls.authenticationStrength.displayName", "grantControls.authenticationStrength.description",
		"grantControls.authenticationStrength.policyType", "grantControls.authenticationStrength.requirementsSatisfied",
		"grantControls.authenticationStrength.allowedCombinations", "grantControls.authenticationStrength.combinationConfigurations",
	}},
	"cloudPcProvisioningPolicy": {Assigned: true, Strip: []string{"alternateResourceUrl", "cloudPcGroupDisplayName"}},
	"cloudPcUserSettings":       {Assigned: true},

	// Foundations.
	"roleScopeTag": {
		Assigned: true, Strip: []string{"isBuiltIn"},
		Default: &DefaultRule{Property: "isBuiltIn", Values: []string{"true"}},
	},
	"assignmentFilter": {
		Strip: []string{"payloads"}, StripUpdate: []string{"platform", "assignmentFilterManagementType"},
		MatchBy: []string{"platform"},
	},
	"roleDefinition": {
		Strip:   []string{"isBuiltIn", "isBuiltInRoleDefinition", "permissions", "roleAssignments[].id"},
		BuiltIn: &DefaultRule{Property: "isBuiltIn", Values: []string{"true"}},
	},
	"notificationMessageTemplate": {
		// The default locale is that of the message which says so.
		Strip:   []string{"defaultLocale", "localizedNotificationMessages[].id", "localizedNotificationMessages[].lastModifiedDateTime"},
		BuiltIn: &DefaultRule{Property: "displayName", Values: []string{`"EnrollmentNotificationInternalMEO"`}},
	},
	"termsAndConditions": {Assigned: true, Strip: []string{"!version"}},
	"deviceCategory":     {},
	"namedLocation": {
		Polymorphic: true, Strip: []string{"deletedDateTime"},
		// Made by Global Secure Access.
		BuiltIn: &DefaultRule{Property: "@odata.type", Values: []string{`"#microsoft.graph.compliantNetworkNamedLocation"`}},
	},
	"authenticationStrengthPolicy": {
		Strip:   []string{"policyType", "requirementsSatisfied"},
		BuiltIn: &DefaultRule{Property: "policyType", Values: []string{`"builtIn"`}},
	},
	"authenticationContextClassReference": {Strip: []string{"!id"}, StripUpdate: []string{"id"}},
	"mobileAppCategory":                   {},
}
