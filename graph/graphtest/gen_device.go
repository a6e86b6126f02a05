package graphtest

import "fmt"

// customConfiguration is a Windows profile of OMA-URI settings, now and then with an
// encrypted value, which Graph masks.
func customConfiguration(g *gen) {
	g.profile("windows10CustomConfiguration", version, taggable, nulls(
		"deviceManagementApplicabilityRuleOsEdition", "deviceManagementApplicabilityRuleOsVersion", "deviceManagementApplicabilityRuleDeviceMode",
	), func(g *gen) {
		g.arr("omaSettings")
		for range g.between(4, 24) {
			g.omaSetting()
		}
		g.end(']')
	})
}

func (g *gen) omaSetting() {
	uri := fmt.Sprintf("./Device/Vendor/MSFT/Policy/Config/%s/%s", pick(g.rng, nouns), pick(g.rng, verbs))
	kind := pick(g.rng, []string{"omaSettingString", "omaSettingInteger", "omaSettingBoolean"})
	g.obj("")
	g.str("@odata.type", "#microsoft.graph."+kind)
	g.str("displayName", pick(g.rng, verbs)+" "+pick(g.rng, nouns))
	g.description()
	g.str("omaUri", uri)
	switch {
	case kind == "omaSettingInteger":
		g.null("secretReferenceValueId")
		g.bool("isEncrypted", false)
		g.int("value", g.rng.IntN(100))
		g.bool("isReadOnly", false)
	case kind == "omaSettingBoolean":
		g.null("secretReferenceValueId")
		g.bool("isEncrypted", false)
		g.bool("value", g.chance(2))
	case g.chance(6):
		g.str("secretReferenceValueId", guid(g.rng)+"_"+g.out.ID+"_"+guid(g.rng))
		g.bool("isEncrypted", true)
		g.str("value", "****")
		g.out.Warnings = []string{"secrets_masked"}
	default:
		g.null("secretReferenceValueId")
		g.bool("isEncrypted", false)
		g.str("value", g.text())
	}
	g.end('}')
}

var generalConfiguration = intune("windows10GeneralConfiguration", version, taggable,
	flags(
		"taskManagerBlockEndTask", "enableAutomaticRedeployment", "bluetoothBlocked", "cameraBlocked", "cellularBlockDataWhenRoaming",
		"certificatesBlockManualRootCertificateInstallation", "connectedDevicesServiceBlocked", "copyPasteBlocked", "cortanaBlocked",
		"defenderBlockEndUserAccess", "defenderRequireRealTimeMonitoring", "defenderRequireBehaviorMonitoring", "defenderScanArchiveFiles",
		"defenderScanDownloads", "defenderScanIncomingMail", "deviceManagementBlockFactoryResetOnMobile",
		"edgeBlocked", "edgeBlockAutofill", "edgeBlockPopups", "edgeBlockPasswordManager", "edgeRequireSmartScreen", "locationServicesBlocked",
		"lockScreenBlockCortana", "lockScreenBlockToastNotifications", "microsoftAccountBlocked", "nfcBlocked", "oneDriveDisableFileSync",
		"passwordBlockSimple", "passwordRequired", "printerBlockAddition",
		"privacyBlockActivityFeed", "resetProtectionModeBlocked", "screenCaptureBlocked", "searchDisableLocation", "settingsBlockAppsPage",
		"settingsBlockAccountsPage", "smartScreenBlockPromptOverride", "storageBlockRemovableStorage", "tenantLockdownRequireNetworkDuringOutOfBoxExperience",
		"usbBlocked", "voiceRecordingBlocked", "webRtcBlockLocalhostIpAddress", "wiFiBlocked", "windowsSpotlightBlocked", "windowsStoreBlocked",
	),
	choice("defenderCloudBlockLevel", "defenderCloudBlockLevelType", "notConfigured", "high", "highPlus"),
	choice("defenderScanType", "defenderScanType", "userDefined", "disabled", "quick", "full"),
	choice("passwordRequiredType", "requiredPasswordType", "deviceDefault", "alphanumeric", "numeric"),
	choice("diagnosticsDataSubmissionMode", "diagnosticDataSubmissionMode", "userDefined", "none", "basic", "full"),
	choice("edgeCookiePolicy", "edgeCookiePolicy", "userDefined", "allow", "blockThirdParty", "blockAll"),
	number("passwordMinimumLength", 4, 16), number("passwordExpirationDays", 30, 730), number("defenderScanMaxCpu", 10, 90),
	subset("edgeHomepageURLs", "https://intranet.contoso.example", "https://start.contoso.example"),
	subset("defenderFileExtensionsToExclude", ".bak", ".log", ".vhdx", ".ost"),
	nulls("deviceManagementApplicabilityRuleOsEdition", "edgeHomeButtonConfiguration", "networkProxyServer", "windowsSpotlightConfigureOnLockScreen"),
)

var appleRestrictions = intune("iosGeneralDeviceConfiguration", version, taggable,
	flags(
		"accountBlockModification", "activationLockAllowWhenSupervised", "airDropBlocked", "airPrintBlocked", "appStoreBlocked",
		"appleNewsBlocked", "appleWatchBlockPairing", "bluetoothBlockModification", "cameraBlocked", "cellularBlockDataRoaming",
		"certificatesBlockUntrustedTlsCertificates", "classroomAppBlockRemoteScreenObservation", "configurationProfileBlockChanges",
		"definitionLookupBlocked", "deviceBlockNameModification", "documentsBlockManagedDocumentsInUnmanagedApps", "faceTimeBlocked",
		"findMyFriendsBlocked", "gamingBlockMultiplayer", "hostPairingBlocked", "iBooksStoreBlocked", "iCloudBlockBackup",
		"iCloudBlockDocumentSync", "iCloudBlockPhotoStreamSync", "iTunesBlockExplicitContent", "keyboardBlockAutoCorrect",
		"keychainBlockCloudSync", "lockScreenBlockControlCenter", "messagesBlocked", "passcodeBlockFingerprintUnlock", "passcodeRequired",
		"podcastsBlocked", "safariBlocked", "screenCaptureBlocked", "siriBlocked", "spotlightBlockInternetResults", "voiceDialingBlocked",
	),
	choice("passcodeRequiredType", "requiredPasswordType", "deviceDefault", "alphanumeric", "numeric"),
	number("passcodeMinimumLength", 4, 12), number("passcodeMinutesOfInactivityBeforeLock", 1, 15),
	nulls("kioskModeAppStoreUrl", "safariManagedDomains", "wallpaperImage"),
	subset("homeScreenPages", "mail", "calendar", "portal"),
)

func updateRing(g *gen) {
	g.profile("windowsUpdateForBusinessConfiguration", version, taggable,
		choice("deliveryOptimizationMode", "windowsDeliveryOptimizationMode", "userDefined", "httpOnly", "httpWithPeeringNat"),
		choice("prereleaseFeatures", "prereleaseFeatures", "userDefined", "settingsOnly", "notAllowed"),
		choice("automaticUpdateMode", "automaticUpdateMode", "userDefined", "autoInstallAtMaintenanceTime", "windowsDefault"),
		flags("microsoftUpdateServiceAllowed", "driversExcluded", "skipChecksBeforeRestart", "allowWindows11Upgrade", "qualityUpdatesPaused", "featureUpdatesPaused"),
		number("qualityUpdatesDeferralPeriodInDays", 0, 30), number("featureUpdatesDeferralPeriodInDays", 0, 180),
		number("featureUpdatesRollbackWindowInDays", 2, 60), number("deadlineForFeatureUpdatesInDays", 2, 30),
		number("deadlineForQualityUpdatesInDays", 2, 30), number("deadlineGracePeriodInDays", 0, 7),
		choice("businessReadyUpdatesOnly", "windowsUpdateType", "userDefined", "all", "businessReadyOnly"),
		choice("userPauseAccess", "enablement", "notConfigured", "enabled", "disabled"),
		choice("updateNotificationLevel", "windowsUpdateNotificationDisplayOption", "notConfigured", "defaultNotifications", "restartWarningsOnly"),
		nested("installationSchedule", "windowsUpdateActiveHoursInstall", text("activeHoursStart", "07:00:00.0000000", "08:00:00.0000000"), text("activeHoursEnd", "17:00:00.0000000", "18:00:00.0000000")),
		nulls("qualityUpdatesPauseExpiryDateTime", "featureUpdatesPauseExpiryDateTime", "qualityUpdatesRollbackStartDateTime",
			"featureUpdatesRollbackStartDateTime", "engagedRestartDeadlineInDays", "engagedRestartSnoozeScheduleInDays",
			"updateWeeks", "scheduleRestartWarningInHours", "qualityUpdatesPauseStartDate", "featureUpdatesPauseStartDate",
			"qualityUpdatesWillBeRolledBack", "featureUpdatesWillBeRolledBack", "deviceManagementApplicabilityRuleOsEdition"),
	)
}

func featureUpdate(g *gen) {
	g.profile("windowsFeatureUpdateProfile",
		text("featureUpdateVersion", "Windows 11, version 23H2", "Windows 11, version 24H2", "Windows 11, version 25H2"),
		text("deployableContentDisplayName", "Windows 11, version 24H2", "Windows 11, version 25H2"),
		text("endOfSupportDate", "2026-11-10T00:00:00Z", "2027-10-12T00:00:00Z"),
		flags("installLatestWindows10OnWindows11IneligibleDevice", "installFeatureUpdatesOptional"),
		nested("rolloutSettings", "windowsUpdateRolloutSettings", maybe("offerStartDateTimeInUTC", "2026-02-01T00:00:00Z"), nulls("offerEndDateTimeInUTC", "offerIntervalInDays")),
	)
}

func driverUpdate(g *gen) {
	g.profile("windowsDriverUpdateProfile",
		choice("approvalType", "driverUpdateProfileApprovalType", "manual", "automatic"),
		nulls("deviceReporting"), number("newUpdates", 0, 40), number("deploymentDeferralInDays", 0, 30),
		nested("inventorySyncStatus", "windowsDriverUpdateProfileInventorySyncStatus",
			text("lastSuccessfulSyncDateTime", "2025-12-30T01:02:03.4567891Z", "2025-12-31T01:02:03.4567891Z"),
			text("driverInventorySyncState", "success", "pending")),
		func(g *gen) { g.navigation("driverInventories"); g.actions("executeAction", "syncInventory") },
	)
}
