package graphtest

import (
	"encoding/base64"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
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
			flags("organizationalCredentialsRequired", "dataBackupBlocked", "deviceComplianceRequired", "managedBrowserToOpenLinksRequired",
				"saveAsBlocked", "pinRequired", "disableAppPinIfDevicePinIsSet", "simplePinBlocked", "contactSyncBlocked", "printBlocked",
				"fingerprintBlocked", "blockDataIngestionIntoOrganizationDocuments", "isAssigned"),
			number("maximumPinRetries", 3, 10), number("minimumPinLength", 4, 8), number("deployedAppCount", 20, 90),
			subset("allowedDataStorageLocations", "oneDriveForBusiness", "sharePoint", "box", "localStorage"),
			maybe("minimumRequiredOsVersion", "16.0", "17.4"), nulls("minimumWarningOsVersion", "minimumRequiredAppVersion", "minimumWarningAppVersion",
				"minimumWipeOsVersion", "minimumWipeAppVersion", "mobileThreatDefenseRemediationAction"),
			choice("appGroupType", "targetedManagedAppGroupType", "selectedPublicApps", "allCoreMicrosoftApps", "allMicrosoftApps", "allApps"),
		)
		g.write(platformProtection[platform]...)
		g.navigation(partAssignments, "deploymentSummary")
		g.apps(platform, g.between(20, 85))
		g.actions("assign", "targetApps", "hasPayloadLinks")
		g.end('}')
	}
}

// platformProtection is what only the policies for one platform have.
var platformProtection = map[string][]prop{
	"ios": {
		choice("appDataEncryptionType", "managedAppDataEncryptionType", "whenDeviceLocked", "useDeviceSettings"),
		flags("faceIdBlocked", "thirdPartyKeyboardsBlocked"), nulls("customBrowserProtocol", "minimumRequiredSdkVersion"),
	},
	"android": {
		flags("encryptAppData", "screenCaptureBlocked", "disableAppEncryptionIfDeviceEncryptionIsEnabled", "keyboardsRestricted"),
		nulls("customBrowserPackageId", "customBrowserDisplayName", "minimumRequiredPatchVersion", "minimumWarningPatchVersion"),
	},
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
		name := "com." + nouns[i%len(nouns)] + "." + verbs[i/len(nouns)%len(verbs)]
		id := name + "." + platform
		g.write(nested("", "managedMobileApp", text("@odata.id", g.self+"/apps('"+id+"')"), text("@odata.editLink", g.self+"/apps('"+id+"')"),
			text("id", id), func(g *gen) { g.str("version", fmt.Sprint(g.rng.Uint32())) }, nested("mobileAppIdentifier", kind, text(key, name))))
	}
	g.end(']')
}

func managedAppConfiguration(g *gen) {
	s := &settings{gen: g, area: "com.microsoft.edge.mamedgeappconfigsettings", at: g.index * 5}
	if g.index%2 == 1 {
		s.fill(1_500)
	} else {
		s.arr("")
		s.end(']')
	}
	g.part(partSettings, s.buf)
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
		func(g *gen) { g.strings("targetedMobileApps", g.mobileApps(1)...) },
		text("packageId", "app:com.contoso.mail"), text("payloadJson", base64.StdEncoding.EncodeToString(w.buf)),
		flags("appSupportsOemConfig", "connectedAppsEnabled"), choice("profileApplicability", "androidProfileApplicability", "default", "androidWorkProfile"),
		func(g *gen) { g.strings("permissionActions") })
}

// mobileApp has an app's metadata, which is all that Graph gives back.
func mobileApp(kind string, props ...prop) func(*gen) {
	return intune(kind, append(props,
		text("publisher", "Contoso", "Fabrikam"), nulls("largeIcon", "privacyInformationUrl"), text("informationUrl", "", "https://intranet.contoso.example"),
		text("owner", "", "IT"), text("developer", ""), text("notes", "", "Asked for by the board"),
		func(g *gen) {
			g.bool("isFeatured", false)
			g.int("uploadState", 1)
			g.enum("publishingState", "mobileAppPublishingState", "published")
			g.bool("isAssigned", string(g.out.Parts[0].Raw) != "[]")
			g.int("dependentAppCount", 0)
			g.int("supersedingAppCount", 0)
			g.int("supersededAppCount", 0)
			g.navigation("categories")
			g.part("categories", []byte("[]"))
		})...)
}

var (
	webApp      = mobileApp("webApp", text("appUrl", "https://portal.contoso.example", "https://time.fabrikam.example"), flags("useManagedBrowser"))
	iosStoreApp = mobileApp("iosStoreApp", text("bundleId", "com.contoso.mail", "com.contoso.notes"), text("appStoreUrl", "https://apps.example/contoso"),
		nested("applicableDeviceType", "iosDeviceType", flags("iPad", "iPhoneAndIPod")), nested("minimumSupportedOperatingSystem", "iosMinimumOperatingSystem", flags("v15_0", "v16_0", "v17_0")))
	winGetApp = mobileApp("winGetApp", text("packageIdentifier", "9NBLGGH4NNS1", "9WZDNCRFJ3PZ"), nulls("manifestHash"),
		nested("installExperience", "winGetAppInstallExperience", choice("runAsAccount", "runAsAccountType", "system", "user")))
)

// mobileApps returns the ids of some of the tenant's apps, at most n.
func (g *gen) mobileApps(n int) []string {
	have := g.plan.counts["mobileApp"]
	ids := make([]string, min(n, have))
	for i := range ids {
		at := (g.index + i) % have
		ids[i] = g.name(graph.Reference{Kind: "mobileApp", ID: g.plan.objectID("mobileApp", at), Name: g.plan.name("mobileApp", at)})
	}
	return ids
}
