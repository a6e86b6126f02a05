package graphtest

// enrollmentRestriction makes the tenant's default restriction first, which has priority
// 0 and always exists, and single-platform ones after it.
func enrollmentRestriction(g *gen) {
	platform := func(key string) prop {
		return nested(key, "deviceEnrollmentPlatformRestriction", flags("platformBlocked", "personalDeviceEnrollmentBlocked"),
			text("osMinimumVersion", "", "10.0.19045", "16.0"), text("osMaximumVersion", ""),
			func(g *gen) { g.strings("blockedManufacturers"); g.strings("blockedSkus") })
	}
	if g.index == 0 {
		g.profile("deviceEnrollmentPlatformRestrictionsConfiguration", version, number("priority", 0, 0),
			choice("deviceEnrollmentConfigurationType", "deviceEnrollmentConfigurationType", "defaultPlatformRestrictions"),
			platform("iosRestriction"), platform("windowsRestriction"), platform("windowsMobileRestriction"),
			platform("androidRestriction"), platform("androidForWorkRestriction"), platform("macOSRestriction"))
		return
	}
	g.profile("deviceEnrollmentPlatformRestrictionConfiguration", version, number("priority", g.index, g.index),
		choice("deviceEnrollmentConfigurationType", "deviceEnrollmentConfigurationType", "singlePlatformRestriction"),
		choice("platformType", "enrollmentRestrictionPlatformType", "windows", "ios", "mac", "android", "androidForWork"),
		platform("platformRestriction"))
}

func enrollmentStatusPage(g *gen) {
	g.profile("windows10EnrollmentCompletionPageConfiguration", version, number("priority", g.index, g.index),
		choice("deviceEnrollmentConfigurationType", "deviceEnrollmentConfigurationType", "windows10EnrollmentCompletionPageConfiguration"),
		flags("showInstallationProgress", "blockDeviceSetupRetryByUser", "allowDeviceResetOnInstallFailure", "allowLogCollectionOnInstallFailure",
			"allowDeviceUseOnInstallFailure", "trackInstallProgressForAutopilotOnly", "disableUserStatusTrackingAfterFirstUser",
			"allowNonBlockingAppInstallation", "installQualityUpdates"),
		text("customErrorMessage", "Call the help desk.", "Rufen Sie die Hotline an."), number("installProgressTimeoutInMinutes", 30, 180),
		func(g *gen) { g.strings("selectedMobileAppIds", g.mobileApps(3)...) })
}

func autopilot(g *gen) {
	odataType, hybrid := "azureADWindowsAutopilotDeploymentProfile", flags()
	if g.chance(4) {
		odataType, hybrid = "activeDirectoryWindowsAutopilotDeploymentProfile", flags("hybridAzureADJoinSkipConnectivityCheck")
	}
	g.profile(odataType, hybrid,
		text("language", "os-default", "en-US", "de-DE"), text("locale", "os-default", "en-US", "de-DE"), choice("deviceType", "windowsAutopilotDeviceType", "windowsPc"),
		text("deviceNameTemplate", "%SERIAL%", "CT-%RAND:5%"), flags("extractHardwareHash", "hardwareHashExtractionEnabled", "enableWhiteGlove", "preprovisioningAllowed"),
		nulls("managementServiceAppId", "enrollmentStatusScreenSettings"),
		nested("outOfBoxExperienceSettings", "outOfBoxExperienceSettings", flags("hidePrivacySettings", "hideEULA", "skipKeyboardSelectionPage", "hideEscapeLink"),
			choice("userType", "windowsUserType", "standard", "administrator"), choice("deviceUsageType", "windowsDeviceUsageType", "singleUser", "shared")),
		nested("outOfBoxExperienceSetting", "outOfBoxExperienceSetting", flags("privacySettingsHidden", "eulaHidden", "keyboardSelectionPageSkipped", "escapeLinkHidden"),
			choice("userType", "windowsUserType", "standard", "administrator"), choice("deviceUsageType", "windowsDeviceUsageType", "singleUser", "shared")),
		func(g *gen) { g.navigation("assignedDevices") })
}
