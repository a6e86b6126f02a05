package graph

// withRules gives every type what is known of reading and writing it, so that its row above
// stays readable.
func withRules(types []TypeInfo) []TypeInfo {
	for i := range types {
		types[i].Read = readRules[types[i].Key]
		types[i].Workload = workload(types[i])
		types[i].Permissions = permissions[types[i].Key]
		types[i].Write = writeRules[types[i].Key]
		types[i].Refs = refRules[types[i].Key]
	}
	return types
}

// Default objects of the enrollment types have the lowest priority.
var priorityZero = &DefaultRule{Property: "priority", Values: []string{"0"}}

// everyObject is for singletons.
var everyObject = &DefaultRule{}

// Requests that several types share. Bodies and names of the actions are those of Graph's
// metadata.
var (
	assignScript = RequestRules{AssignKey: "deviceManagementScriptAssignments"}
	assignHealth = RequestRules{AssignKey: "deviceHealthScriptAssignments"}
	enrollment   = RequestRules{AssignKey: "enrollmentConfigurationAssignments", Steps: prioritized}
	prioritized  = []StepRule{{Part: "priority", Action: "setPriority", Key: "priority"}}
	targetApps   = StepRule{Part: "apps", Action: "targetApps", Key: "apps", With: []string{"appGroupType"}}
)

// writeRules has a row for every type that can be restored. They follow the documentation of
// Microsoft Graph and what the known tools found out by trying.
var writeRules = map[PolicyType]WriteRules{
	// Configuration.
	"deviceConfiguration": {
		Polymorphic: true, Assigned: true,
		Requests: RequestRules{Steps: []StepRule{{
			Part: "privacyAccessControls", Action: "windowsPrivacyAccessControls", Key: "windowsPrivacyAccessControls",
		}}},
	},
	"softwareUpdateRing": {
		Polymorphic: true, Assigned: true,
		Strip: []string{
			"qualityUpdatesPauseStartDate", "featureUpdatesPauseStartDate",
			"qualityUpdatesWillBeRolledBack", "featureUpdatesWillBeRolledBack",
		},
	},
	"settingsCatalogPolicy": {
		Replaces: true, Assigned: true,
		Strip:    []string{"settingCount", "creationSource", "templateReference.templateDisplayName", "templateReference.templateDisplayVersion"},
		MatchBy:  []string{"platforms", "technologies", "templateReference.templateId"},
		Requests: RequestRules{Put: true},
	},
	"deviceCompliancePolicy": {
		Polymorphic: true, Assigned: true,
		Strip: []string{"scheduledActionsForRule[].id", "scheduledActionsForRule[].scheduledActionConfigurations[].id"},
		Requests: RequestRules{Steps: []StepRule{{
			Part: "scheduledActionsForRule", Created: true, Action: "scheduleActionsForRules", Key: "deviceComplianceScheduledActionForRules",
		}}},
	},
	"compliancePolicyV2": {
		Replaces: true, Assigned: true,
		Strip:   []string{"settingCount", "creationSource", "scheduledActionsForRule[].id", "scheduledActionsForRule[].scheduledActionConfigurations[].id"},
		MatchBy: []string{"platforms", "technologies"},
		Requests: RequestRules{Put: true, Steps: []StepRule{{
			Part: "scheduledActionsForRule", Created: true, Action: "setScheduledActions", Key: "scheduledActions",
		}}},
	},
	"groupPolicyConfiguration": {
		Assigned: true,
		Strip: []string{
			"policyConfigurationIngestionType",
			"definitionValues[].id", "definitionValues[].createdDateTime", "definitionValues[].lastModifiedDateTime",
			"definitionValues[].presentationValues[].id", "definitionValues[].presentationValues[].createdDateTime",
			"definitionValues[].presentationValues[].lastModifiedDateTime",
		},
		Requests: RequestRules{Hook: HookDefinitionValues},
	},
	"endpointSecurityIntent": {
		Assigned: true,
		Strip:    []string{"isMigratingToConfigurationPolicy", "settings[].id"}, StripUpdate: []string{"templateId"},
		MatchBy: []string{"templateId"}, Requests: RequestRules{Hook: HookIntent},
	},
	"reusablePolicySetting": {Strip: []string{"referencingConfigurationPolicyCount"}},
	"deviceManagementSettings": {
		Default: everyObject, Requests: RequestRules{UpdatePath: "/deviceManagement", Envelope: "settings"},
	},
	"hardwareConfiguration": {Assigned: true, Requests: RequestRules{AssignKey: "hardwareConfigurationAssignments"}},
	"policySet": {
		Assigned: true,
		Strip: []string{
			"status", "errorCode", "items[].id", "items[].createdDateTime", "items[].lastModifiedDateTime",
			"items[].itemType", "items[].displayName", "items[].status", "items[].errorCode",
		},
		Requests: RequestRules{Hook: HookPolicySet},
	},

	// Scripts.
	"deviceComplianceScript": {
		Assigned: true, AssignmentFields: []string{"runRemediationScript", "runSchedule"}, Requests: assignHealth,
	},
	"deviceManagementScript": {Assigned: true, Requests: assignScript},
	"deviceShellScript":      {Assigned: true, Requests: assignScript},
	"macCustomAttributeScript": {
		Assigned: true, StripUpdate: []string{"customAttributeName", "customAttributeType", "displayName"}, Requests: assignScript,
	},
	"deviceHealthScript": {
		Assigned: true, AssignmentFields: []string{"runRemediationScript", "runSchedule"},
		Strip:    []string{"highestAvailableVersion", "isGlobalScript", "deviceHealthScriptType", "!version"},
		BuiltIn:  &DefaultRule{Property: "isGlobalScript", Values: []string{"true"}},
		Requests: assignHealth,
	},

	// Enrollment.
	"enrollmentRestriction": {
		Polymorphic: true, Assigned: true, Default: priorityZero,
		Strip: []string{"windowsMobileRestriction"}, StripUpdate: []string{"priority", "platformType"},
		MatchBy: []string{"platformType"}, Requests: enrollment,
	},
	"windowsEnrollmentStatusPage": {Polymorphic: true, Assigned: true, Default: priorityZero, StripUpdate: []string{"priority"}, Requests: enrollment},
	"windowsHelloForBusiness":     {Polymorphic: true, Default: everyObject, StripUpdate: []string{"priority"}},
	"coManagementAuthority":       {Polymorphic: true, Assigned: true, Default: priorityZero, StripUpdate: []string{"priority"}, Requests: enrollment},
	"windowsAutopilotDeploymentProfile": {
		Polymorphic: true, Assigned: true, StripUpdate: []string{"managementServiceAppId"},
		Requests: RequestRules{AssignEach: true}, // its action assign is for devices
	},
	"appleUserInitiatedEnrollmentProfile": {
		Assigned: true, StripUpdate: []string{"platform", "priority"}, MatchBy: []string{"platform"},
		Requests: RequestRules{AssignEach: true, Steps: prioritized}, // Graph's metadata has no action assign
	},

	// Apps.
	"appProtectionPolicy": {
		Polymorphic: true, Assigned: true, Strip: []string{"deployedAppCount", "exemptAppLockerFiles"},
		Requests: RequestRules{Steps: []StepRule{targetApps, {Part: "protectedAppLockerFiles", Created: true}}},
	},
	"targetedManagedAppConfiguration": {
		Assigned: true, Strip: []string{"deployedAppCount"}, Requests: RequestRules{Steps: []StepRule{
			targetApps, {Part: "settings", Created: true, Action: "changeSettings", Key: "settings"},
		}},
	},
	"mobileAppConfiguration": {Polymorphic: true, Assigned: true},
	"mobileApp": {
		Polymorphic: true, Assigned: true, AssignmentFields: []string{"intent", "settings"},
		AssignWhen: &DefaultRule{Property: "publishingState", Values: []string{`"published"`}}, // IntuneManagement waits for it, too
		Strip: []string{
			"uploadState", "publishingState", "dependentAppCount", "supersedingAppCount", "supersededAppCount",
			"committedContentVersion", "size", "isFeatured",
		},
		Requests: RequestRules{
			AssignKey: "mobileAppAssignments", Steps: []StepRule{{Part: "categories", Link: "/deviceAppManagement/mobileAppCategories"}},
		},
	},
	"intuneBrandingProfile": {
		Assigned: true, Default: &DefaultRule{Property: "isDefaultProfile", Values: []string{"true"}},
		Strip:    []string{"isDefaultProfile", "disableClientTelemetry"}, // what a create does not take either follows in an update
		Requests: RequestRules{First: []string{"profileName", "profileDescription", "roleScopeTagIds"}},
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
	"conditionalAccessPolicy": {Requests: RequestRules{Hook: HookAccess}, Strip: []string{
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
		Strip:    []string{"isBuiltIn", "isBuiltInRoleDefinition", "permissions", "roleAssignments[].id"},
		BuiltIn:  &DefaultRule{Property: "isBuiltIn", Values: []string{"true"}},
		Requests: RequestRules{Hook: HookRoleAssignments},
	},
	"notificationMessageTemplate": {
		// The default locale is that of the message which says so.
		Strip:   []string{"defaultLocale", "localizedNotificationMessages[].id", "localizedNotificationMessages[].lastModifiedDateTime"},
		BuiltIn: &DefaultRule{Property: "displayName", Values: []string{`"EnrollmentNotificationInternalMEO"`}},
		Requests: RequestRules{
			Later: []string{"description"}, Steps: []StepRule{{Part: "localizedNotificationMessages", Match: "locale"}},
		},
	},
	"termsAndConditions": {Assigned: true, Strip: []string{"!version"}, Requests: RequestRules{AssignEach: true}},
	"deviceCategory":     {},
	"namedLocation": {
		Polymorphic: true, Strip: []string{"deletedDateTime"},
		// Made by Global Secure Access.
		BuiltIn: &DefaultRule{Property: "@odata.type", Values: []string{`"#microsoft.graph.compliantNetworkNamedLocation"`}},
	},
	"authenticationStrengthPolicy": {
		Strip:   []string{"policyType", "requirementsSatisfied", "combinationConfigurations[].id"},
		BuiltIn: &DefaultRule{Property: "policyType", Values: []string{`"builtIn"`}},
		Requests: RequestRules{Steps: []StepRule{
			{Part: "allowedCombinations", Created: true, Action: "updateAllowedCombinations", Key: "allowedCombinations"},
			{Part: "combinationConfigurations"},
		}},
	},
	"authenticationContextClassReference": {
		Strip: []string{"!id"}, StripUpdate: []string{"id"}, Requests: RequestRules{Upsert: true},
	},
	"mobileAppCategory": {},
}
