package graph

// appTypes are apps, their configuration and their protection.
func appTypes() []TypeInfo {
	return []TypeInfo{
		{
			Key: "appProtectionPolicy", DisplayName: "App protection policies", Platform: "ios, android, windows",
			Path: "/deviceAppManagement/managedAppPolicies", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault, Volatile: []string{"deployedAppCount"},
			Note: "Listed in one collection, read and written in one collection per platform.",
		},
		{
			Key: "targetedManagedAppConfiguration", DisplayName: "App configuration (managed apps)", Platform: "ios, android, windows",
			Path: "/deviceAppManagement/targetedManagedAppConfigurations", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault, Volatile: []string{"deployedAppCount"},
		},
		{
			Key: "mobileAppConfiguration", DisplayName: "App configuration (managed devices)", Platform: "ios, android",
			Path: "/deviceAppManagement/mobileAppConfigurations", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Android profiles need Managed Google Play in the target tenant.",
		},
		{
			Key: "mobileApp", DisplayName: "Apps", Platform: "all",
			Path: "/deviceAppManagement/mobileApps", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderApp,
			Volatile: []string{
				"uploadState", "publishingState", "dependentAppCount",
				"supersedingAppCount", "supersededAppCount",
			},
			Note: "Metadata only: Graph does not give a package's content back, so packaged apps are uploaded again by hand. What an app replaces or depends on is not captured.",
		},
		{
			Key: "intuneBrandingProfile", DisplayName: "Company portal branding", Platform: "all",
			Path: "/deviceManagement/intuneBrandingProfiles", Version: beta, NameProperty: "profileName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "The default profile is changed, never created.",
		},
	}
}

// updateTypes are the Windows update profiles beside the rings.
func updateTypes() []TypeInfo {
	return []TypeInfo{
		{
			Key: "windowsFeatureUpdateProfile", DisplayName: "Feature updates", Platform: "windows",
			Path: "/deviceManagement/windowsFeatureUpdateProfiles", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Volatile: []string{"deployableContentDisplayName", "endOfSupportDate"},
		},
		{
			Key: "windowsQualityUpdateProfile", DisplayName: "Expedited quality updates", Platform: "windows",
			Path: "/deviceManagement/windowsQualityUpdateProfiles", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Volatile: []string{"releaseDateDisplayName", "deployableContentDisplayName"},
		},
		{
			Key: "windowsDriverUpdateProfile", DisplayName: "Driver updates", Platform: "windows",
			Path: "/deviceManagement/windowsDriverUpdateProfiles", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Volatile: []string{"newUpdates", "deviceReporting", "inventorySyncStatus"},
			Note:     "The approval type is fixed once the profile exists. Approvals of single drivers are not captured.",
		},
		{
			Key: "windowsQualityUpdatePolicy", DisplayName: "Quality update policies", Platform: "windows",
			Path: "/deviceManagement/windowsQualityUpdatePolicies", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
		},
	}
}
