package graph

// foundationTypes are what policies refer to. A schedule captures them unless it says
// otherwise, so that a restore elsewhere can map or make them.
func foundationTypes() []TypeInfo {
	return []TypeInfo{
		{
			Key: "roleScopeTag", DisplayName: "Scope tags", Platform: "all",
			Path: "/deviceManagement/roleScopeTags", Version: beta, NameProperty: "displayName",
			Foundation: true, Support: Restorable, RestoreOrder: orderScopeTag,
			Note: "Ids are small numbers that differ between tenants, so a restore maps them by name. \"Default\" is built in.",
		},
		{
			Key: "assignmentFilter", DisplayName: "Assignment filters", Platform: "all",
			Path: "/deviceManagement/assignmentFilters", Version: beta, NameProperty: "displayName",
			Foundation: true, Support: Restorable, RestoreOrder: orderFilter, ListComplete: true,
			Volatile: []string{"payloads"},
			Note:     "Platform and management type are fixed once the filter exists.",
		},
		{
			Key: "roleDefinition", DisplayName: "Intune roles", Platform: "all",
			Path: "/deviceManagement/roleDefinitions", Version: beta, NameProperty: "displayName",
			Foundation: true, Support: Restorable, RestoreOrder: orderRole,
			Note: "Custom roles; built-in ones cannot be written.",
		},
		{
			Key: "notificationMessageTemplate", DisplayName: "Compliance notifications", Platform: "all",
			Path: "/deviceManagement/notificationMessageTemplates", Version: beta, NameProperty: "displayName",
			Foundation: true, Support: Restorable, RestoreOrder: orderNotification,
			Note: "Created first, its messages afterwards, exactly one of them the default.",
		},
		{
			Key: "termsAndConditions", DisplayName: "Terms and conditions", Platform: "all",
			Path: "/deviceManagement/termsAndConditions", Version: beta, NameProperty: "displayName",
			Foundation: true, Support: Restorable, RestoreOrder: orderDefault,
			Note: "A higher version asks every user to accept again.",
		},
		{
			Key: "deviceCategory", DisplayName: "Device categories", Platform: "all",
			Path: "/deviceManagement/deviceCategories", Version: beta, NameProperty: "displayName",
			Foundation: true, Support: Restorable, RestoreOrder: orderDefault, ListComplete: true,
		},
		{
			Key: "namedLocation", DisplayName: "Named locations", Platform: "entra",
			Path: "/identity/conditionalAccess/namedLocations", Version: v1, NameProperty: "displayName",
			Foundation: true, Support: Restorable, RestoreOrder: orderLocation, ListComplete: true,
		},
		{
			Key: "authenticationStrengthPolicy", DisplayName: "Authentication strengths", Platform: "entra",
			Path: "/policies/authenticationStrengthPolicies", Version: v1, NameProperty: "displayName",
			Foundation: true, Support: Restorable, RestoreOrder: orderStrength,
			Note: "Built-in strengths cannot be written; their ids are the same in every tenant.",
		},
		{
			Key: "authenticationContextClassReference", DisplayName: "Authentication contexts", Platform: "entra",
			Path: "/identity/conditionalAccess/authenticationContextClassReferences", Version: v1, NameProperty: "displayName",
			Foundation: true, Support: Restorable, RestoreOrder: orderAuthContext, ListComplete: true,
			Note: "Ids c1 to c99 are chosen by the administrator and kept by a restore.",
		},
		{
			Key: "termsOfUseAgreement", DisplayName: "Terms of use", Platform: "entra",
			Path: "/identityGovernance/termsOfUse/agreements", Version: v1, NameProperty: "displayName",
			Foundation: true, Support: LookupOnly, RestoreOrder: orderTerms,
			Note: "Readable with a signed-in user's token only, so a scheduled backup cannot capture it.",
		},
		{
			Key: "mobileAppCategory", DisplayName: "App categories", Platform: "all",
			Path: "/deviceAppManagement/mobileAppCategories", Version: v1, NameProperty: "displayName",
			Foundation: true, Support: Restorable, RestoreOrder: orderAppCategory, ListComplete: true,
		},
	}
}
