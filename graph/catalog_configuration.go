package graph

// configurationTypes are the Intune profiles, compliance policies and endpoint security.
func configurationTypes() []TypeInfo {
	return []TypeInfo{
		{
			Key: "deviceConfiguration", DisplayName: "Device configuration profiles", Platform: "all",
			Path: pathConfigurations, Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Encrypted OMA-URI values come masked unless the app may write configuration. Update rings share the path and are their own type. Which certificate profiles a Wi-Fi or VPN profile uses is not captured, nor are the privacy rules per app of general Windows profiles.",
		},
		{
			Key: "softwareUpdateRing", DisplayName: "Update rings", Platform: "windows, ios",
			Path: pathConfigurations, Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Update rings are device configurations that are captured here and not there. Since when updates are paused is not restored.",
		},
		{
			Key: "settingsCatalogPolicy", DisplayName: "Settings catalog", Platform: "all",
			Path: pathCatalog, Version: beta, NameProperty: "name",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Holds most endpoint security policies and security baselines too. The onboarding package of endpoint detection and response cannot be restored.",
		},
		{
			Key: "endpointSecurityPolicy", DisplayName: "Endpoint security policies", Platform: "all",
			Path: pathCatalog, Version: beta, NameProperty: "name",
			Support: LookupOnly, RestoreOrder: orderDefault, ViewOf: "settingsCatalogPolicy",
			Note: "A view of the settings catalog: select settingsCatalogPolicy, which captures these policies once.",
		},
		{
			Key: "deviceCompliancePolicy", DisplayName: "Compliance policies", Platform: "all",
			Path: "/deviceManagement/deviceCompliancePolicies", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Graph creates a policy only with exactly one rule for its scheduled actions, with a block action in it.",
		},
		{
			Key: "compliancePolicyV2", DisplayName: "Compliance policies (settings catalog form)", Platform: "linux",
			Path: "/deviceManagement/compliancePolicies", Version: beta, NameProperty: "name",
			Support: Restorable, RestoreOrder: orderDefault,
		},
		{
			Key: "groupPolicyConfiguration", DisplayName: "Administrative templates", Platform: "windows",
			Path: "/deviceManagement/groupPolicyConfigurations", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Takes one call per configured setting, so large policies are slow to capture. Settings of imported ADMX files need those files in the target tenant.",
		},
		{
			Key: "groupPolicyUploadedDefinitionFile", DisplayName: "Imported ADMX files", Platform: "windows",
			Path: "/deviceManagement/groupPolicyUploadedDefinitionFiles", Version: beta, NameProperty: "fileName",
			Support: ReportOnly, RestoreOrder: orderADMX, Volatile: []string{"status"},
			Note: "Graph does not give the file's content back: keep the original ADMX and ADML files.",
		},
		{
			Key: "endpointSecurityIntent", DisplayName: "Endpoint security and baselines (legacy)", Platform: "windows, macos",
			Path: "/deviceManagement/intents", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault, Volatile: []string{"isMigratingToConfigurationPolicy"},
			Note: "Made from a template; retired templates and endpoint detection and response cannot be made again. Settings cannot be removed: a restore sets what is too much to nothing.",
		},
		{
			Key: "reusablePolicySetting", DisplayName: "Reusable settings", Platform: "windows, linux",
			Path: "/deviceManagement/reusablePolicySettings", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderReusable, Volatile: []string{"referencingConfigurationPolicyCount"},
		},
		{
			Key: "deviceManagementSettings", DisplayName: "Tenant-wide compliance settings", Platform: "all",
			Path: "/deviceManagement/settings", Version: beta, ListComplete: true,
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "One object per tenant, which is changed and never created.",
		},
		{
			Key: "hardwareConfiguration", DisplayName: "BIOS configuration", Platform: "windows",
			Path: "/deviceManagement/hardwareConfigurations", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
		},
		{
			Key: "policySet", DisplayName: "Policy sets", Platform: "all",
			Path: "/deviceAppManagement/policySets", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderPolicySet, Volatile: []string{"status", "errorCode"},
		},
	}
}
