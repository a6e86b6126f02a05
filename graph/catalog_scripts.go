package graph

// scriptTypes are the Intune scripts. A list row leaves the content out, so every script
// is fetched for itself.
func scriptTypes() []TypeInfo {
	return []TypeInfo{
		{
			Key: "deviceComplianceScript", DisplayName: "Custom compliance scripts", Platform: "windows",
			Path: "/deviceManagement/deviceComplianceScripts", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderComplScript,
			Note: "A new script can take minutes until a compliance policy may refer to it.",
		},
		{
			Key: "deviceManagementScript", DisplayName: "PowerShell scripts", Platform: "windows",
			Path: "/deviceManagement/deviceManagementScripts", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Scripts may hold secrets: treat captures as sensitive.",
		},
		{
			Key: "deviceShellScript", DisplayName: "Shell scripts", Platform: "macos",
			Path: "/deviceManagement/deviceShellScripts", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Scripts may hold secrets: treat captures as sensitive.",
		},
		{
			Key: "macCustomAttributeScript", DisplayName: "Custom attributes", Platform: "macos",
			Path: "/deviceManagement/deviceCustomAttributeShellScripts", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Name and type of the attribute are fixed once it exists.",
		},
		{
			Key: "deviceHealthScript", DisplayName: "Remediations", Platform: "windows",
			Path: "/deviceManagement/deviceHealthScripts", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault, Volatile: []string{"highestAvailableVersion"},
			Note: "Microsoft's own scripts (isGlobalScript) cannot be written.",
		},
	}
}
