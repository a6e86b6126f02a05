package graph

// entraTypes are the directory's own policies.
func entraTypes() []TypeInfo {
	return []TypeInfo{
		{
			Key: "conditionalAccessPolicy", DisplayName: "Conditional Access policies", Platform: "entra",
			Path: "/identity/conditionalAccess/policies", Version: v1, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderAccess, ListComplete: true,
			Note: "Restored disabled or report-only, never enabled.",
		},
	}
}

// referenceTypes are read to give names to ids and are never captured for themselves,
// and two policy types that few tenants are licensed for.
func referenceTypes() []TypeInfo {
	return []TypeInfo{
		{
			Key: "groupReference", DisplayName: "Groups", Platform: "entra",
			Path: "/groups", Version: v1, NameProperty: "displayName",
			Foundation: true, Support: LookupOnly, RestoreOrder: orderReference,
			Note: "Name and membership rule are captured with every assignment; groups themselves are not.",
		},
		{
			Key: "applicationReference", DisplayName: "Enterprise applications", Platform: "entra",
			Path: "/servicePrincipals", Version: v1, NameProperty: "displayName",
			Foundation: true, Support: LookupOnly, RestoreOrder: orderReference,
			Note: "Names are captured with the policies that refer to them; some of Microsoft's own applications are missing in some tenants.",
		},
		{
			// Listed with the foundations by most tools, but nothing refers to them, and a
			// tenant without a Windows 365 licence answers 403: as foundations they would
			// make the backup of every such tenant partial.
			Key: "cloudPcProvisioningPolicy", DisplayName: "Cloud PC provisioning policies", Platform: "windows",
			Path: "/deviceManagement/virtualEndpoint/provisioningPolicies", Version: v1, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Needs a Windows 365 licence.",
		},
		{
			Key: "cloudPcUserSettings", DisplayName: "Cloud PC user settings", Platform: "windows",
			Path: "/deviceManagement/virtualEndpoint/userSettings", Version: v1, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Needs a Windows 365 licence.",
		},
	}
}
