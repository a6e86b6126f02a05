package graphtest

import (
	"encoding/base64"
	"fmt"
)

// appProtection makes a policy for the apps of one platform, which are most of its size.
func appProtection(platform string) func(*gen) {
	return func(g *gen) {
		g.self = "deviceAppManagement/" + platform + "ManagedAppProtections('" + g.out.ID + "')" // read in a collection per platform
		g.open(platform + "ManagedAppProtection")
		g.described()
		g.str("version", fmt.Sprintf(`"%x-0000-0d00-0000-%x0000"`, g.rng.Uint32(), g.rng.Uint32()))
		g.write(
			text("periodOfflineBeforeAccessCheck", "PT12H", "PT24H"), text("periodOnlineBeforeAccessCheck", "PT30M", "PT1H"),
			text("periodOfflineBeforeWipeIsEnforced", "P60D", "P90D"), text("periodBeforePinReset", "PT0S", "P180D"), text("pinRequiredInsteadOfBiometricTimeout", "PT30M"),
			choice("allowedInboundDataTransferSources", "managedAppDataTransferLevel", "allApps", "managedApps", "none"),
			choice("allowedOutboundDataTransferDestinations", "managedAppDataTransferLevel", "allApps", "managedApps", "none"),
			choice("allowedOutboundClipboardSharingLevel", "managedAppClipboardSharingLevel", "managedAppsWithPasteIn", "managedApps", "blocked"),
			choice("pinCharacterSet", "managedAppPinCharacterSet", "numeric", "alphanumericAndSymbol"),
			choice("managedBrowser", "managedBrowserType", "notConfigured", "microsoftEdge"),
			choice("appActionIfDeviceComplianceRequired", "managedAppRemediationAction", "block", "wipe"),
			choice("appDataEncryptionType", "managedAppDataEncryptionType", "whenDeviceLocked", "useDeviceSettings"),
			flags("organizationalCredentialsRequired", "dataBackupBlocked", "deviceComplianceRequired", "managedBrowserToOpenLinksRequired",
				"saveAsBlocked", "pinRequired", "disableAppPinIfDevicePinIsSet", "simplePinBlocked", "contactSyncBlocked", "printBlocked",
				"fingerprintBlocked", "faceIdBlocked", "blockDataIngestionIntoOrganizationDocuments", "isAssigned", "thirdPartyKeyboardsBlocked"),
			number("maximumPinRetries", 3, 10), number("minimumPinLength", 4, 8), number("deployedAppCount", 20, 90),
			subset("allowedDataStorageLocations", "oneDriveForBusiness", "sharePoint", "box", "localStorage"),
			maybe("minimumRequiredOsVersion", "16.0", "17.4"), nulls("minimumWarningOsVersion", "minimumRequiredAppVersion", "minimumWarningAppVersion",
				"minimumWipeOsVersion", "minimumWipeAppVersion", "customBrowserProtocol", "mobileThreatDefenseRemediationAction"),
			choice("appGroupType", "targetedManagedAppGroupType", "selectedPublicApps", "allCoreMicrosoftApps", "allMicrosoftApps", "allApps"),
		)
		g.navigation(partAssignments, "deploymentSummary")
		g.apps(platform, g.between(20, 85))
		g.actions("assign", "targetApps", "hasPayloadLinks")
		g.end('}')
	}
}

// apps writes the apps that a policy is for.
func (g *gen) apps(platform string, n int) {
	kind, key := "iosMobileAppIdentifier", "bundleId"
	if platform == "android" {
		kind, key = "androidMobileAppIdentifier", "packageId"
	}
	g.navigation("apps")
	g.arr("apps")
	for i := range n {
		name := "com." + nouns[i%len(nouns)] + "." + verbs[i%len(verbs)]
		id := name + "." + platform
		g.write(nested("", "managedMobileApp", text("@odata.id", g.self+"/apps('"+id+"')"), text("@odata.editLink", g.self+"/apps('"+id+"')"),
			text("id", id), func(g *gen) { g.str("version", fmt.Sprint(g.rng.Uint32())) }, nested("mobileAppIdentifier", kind, text(key, name))))
	}
	g.end(']')
}

func managedAppConfiguration(g *gen) {
	g.open("targetedManagedAppConfiguration")
	g.described()
	g.str("version", fmt.Sprintf(`"%x"`, g.rng.Uint64()))
	g.write(flags("isAssigned"), number("deployedAppCount", 1, 9), choice("appGroupType", "targetedManagedAppGroupType", "selectedPublicApps", "allApps"),
		choice("targetedAppManagementLevels", "appManagementLevel", "unspecified", "unmanaged", "mdm"))
	g.arr("customSettings")
	for range g.between(4, 30) {
		g.write(nested("", "keyValuePair", text("name", "com.contoso."+pick(g.rng, nouns)), text("value", g.text())))
	}
	g.end(']')
	g.navigation(partAssignments, "deploymentSummary")
	g.apps("ios", 4+g.rng.IntN(8))
	g.actions("assign", "targetApps")
	g.end('}')
}

func managedDeviceAppConfiguration(g *gen) {
	w := &writer{}
	w.obj("")
	w.str("kind", "androidenterprise#managedConfiguration")
	w.str("productId", "app:com.contoso.mail")
	w.arr("managedProperty")
	for range g.between(6, 40) {
		w.obj("")
		w.str("key", pick(g.rng, verbs)+"_"+pick(g.rng, nouns))
		w.bool("valueBool", g.chance(2))
		w.end('}')
	}
	w.end(']', '}')
	g.profile("androidManagedStoreAppConfiguration", version,
		func(g *gen) { g.strings("targetedMobileApps", guid(g.rng)) },
		text("packageId", "app:com.contoso.mail"), text("payloadJson", base64.StdEncoding.EncodeToString(w.buf)),
		flags("appSupportsOemConfig", "connectedAppsEnabled"), choice("profileApplicability", "androidProfileApplicability", "default", "androidWorkProfile"),
		func(g *gen) { g.strings("permissionActions") })
}
