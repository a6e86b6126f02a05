package graphtest

import (
	"encoding/base64"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
)

// whole writes an object of which the properties are everything.
func (g *gen) whole(odataType string, props ...prop) {
	g.open(odataType)
	g.write(props...)
	g.end('}')
}

// What many objects begin with.
func stamped(g *gen) {
	g.time("createdDateTime", g.created)
	g.time("lastModifiedDateTime", g.modified())
}
func named(g *gen)     { g.str(g.info.NameProperty, g.out.Name) }
func explained(g *gen) { g.description() }
func tagged(g *gen)    { g.tags("roleScopeTagIds") }

func assignable(g *gen) {
	g.navigation(partAssignments)
	g.actions("assign")
}

// forEverybody leaves an object without assignments, as default objects are.
func (g *gen) forEverybody() {
	g.out.Parts, g.out.References = nil, nil
	g.part(partAssignments, []byte("[]"))
}

// content is a file or picture.
func content(key string, lo, hi int) prop {
	return func(g *gen) {
		b := make([]byte, g.between(lo, hi))
		for i := range b {
			b[i] = byte(g.rng.Uint32())
		}
		g.str(key, base64.StdEncoding.EncodeToString(b))
	}
}

func reusableSetting(g *gen) {
	s := &settings{gen: g, area: "vendor_msft_firewall_mdmstore_dynamickeywords_addresses", at: g.index}
	s.obj("")
	def := s.definition()
	s.head("GroupSettingCollection", def)
	s.groups(def, 0)
	s.end('}')
	g.whole("deviceManagementReusablePolicySetting", stamped, named, explained, version,
		text("settingDefinitionId", def), number("referencingConfigurationPolicyCount", 0, 9),
		func(g *gen) { g.raw("settingInstance", s.buf) },
		func(g *gen) { g.navigation("referencingConfigurationPolicies"); g.actions("clone") })
}

func hardware(g *gen) {
	g.whole("hardwareConfiguration", version, stamped, named, explained, tagged,
		text("fileName", "bios.cctk", "laptops.cctk"), content("configurationFileContent", 200, 4_000),
		choice("hardwareConfigurationFormat", "hardwareConfigurationFormat", "dell", "surface"), flags("perDevicePasswordDisabled"),
		assignable, func(g *gen) { g.navigation("deviceRunStates", "runSummary", "userRunStates") })
}

func customAttribute(g *gen) {
	g.profile("deviceCustomAttributeShellScript", text("customAttributeName", "disk", "chip", "vpn client"),
		choice("customAttributeType", "deviceCustomAttributeValueType", "integer", "string", "dateTime"),
		script("scriptContent", 6, 60), choice("runAsAccount", "runAsAccountType", "system", "user"), text("fileName", "disk.sh", "chip.zsh"),
		func(g *gen) { g.navigation("groupAssignments", "deviceRunStates", "runSummary") })
}

// policySet is for what the tenant has of some types, at most one of each.
func policySet(g *gen) {
	g.whole("policySet", stamped, named, explained, choice("status", "policySetStatus", "success", "notAssigned"), choice("errorCode", "errorCode", "noError"),
		func(g *gen) {
			g.strings("guidedDeploymentTags")
			g.tags("roleScopeTags")
			g.navigation("items", partAssignments)
		},
		func(g *gen) {
			g.arr("items")
			g.items()
			g.end(']')
			g.actions("update")
		})
}

func (g *gen) items() {
	for _, kind := range []struct {
		name string
		of   graph.PolicyType
		more []prop
	}{
		{"mobileApp", "mobileApp", []prop{choice("intent", "installIntent", "required", "available"), nulls("settings")}},
		{"deviceManagementConfigurationPolicy", "settingsCatalogPolicy", nil},
		{"deviceConfiguration", "deviceConfiguration", nil},
		{"deviceConfiguration", "softwareUpdateRing", nil},
		{"deviceCompliancePolicy", "deviceCompliancePolicy", nil},
		{"managedAppProtection", "appProtectionPolicy", []prop{text("targetedAppManagementLevels", "")}},
	} {
		n := g.plan.counts[kind.of]
		if n == 0 || g.chance(4) {
			continue
		}
		at, id := g.rng.IntN(n), guid(g.rng)
		ref := graph.Reference{Kind: graph.RefRule{Type: kind.of}.ReferenceKind(), ID: g.plan.objectID(kind.of, at), Name: g.plan.name(kind.of, at)}
		g.write(nested("", kind.name+"PolicySetItem", text("@odata.id", g.self+"/items('"+id+"')"), text("@odata.editLink", g.self+"/items('"+id+"')"),
			text("id", id), stamped, text("payloadId", g.name(ref)), text("itemType", "#microsoft.graph."+kind.name), text("displayName", ref.Name),
			choice("status", "policySetStatus", "success"), choice("errorCode", "errorCode", "noError"),
			func(g *gen) { g.strings("guidedDeploymentTags") }, func(g *gen) { g.write(kind.more...) }))
	}
}

func uploadedADMX(g *gen) {
	title := g.out.Name
	g.out.Name = fmt.Sprintf("%s-%d.admx", pick(g.rng, nouns), g.index+1)
	g.whole("groupPolicyUploadedDefinitionFile", text("displayName", title), explained, named, func(g *gen) { g.strings("languageCodes", "en-US") },
		text("targetPrefix", "contoso"), text("targetNamespace", "Contoso.Policies"), choice("policyType", "groupPolicyType", "admxIngested"), text("revision", "1.0", "2.3"),
		func(g *gen) { g.time("lastModifiedDateTime", g.modified()); g.time("uploadDateTime", g.created) },
		choice("status", "groupPolicyUploadedDefinitionFileStatus", "available"), nulls("content"), text("defaultLanguageCode", "en-US"),
		func(g *gen) {
			g.arr("groupPolicyUploadedLanguageFiles")
			g.write(nested("", "groupPolicyUploadedLanguageFile", text("id", guid(g.rng)), text("fileName", "contoso.adml"), text("languageCode", "en-US"), nulls("content"),
				func(g *gen) { g.time("lastModifiedDateTime", g.created) }))
			g.end(']')
			g.navigation("definitions", "groupPolicyOperations")
			g.actions("addLanguageFiles", "remove", "removeLanguageFiles", "updateLanguageFiles", "uploadNewVersion")
		})
}

func tenantSettings(g *gen) {
	g.out.Name = "" // it has none, and no id
	g.out.ODataType = "#microsoft.graph.deviceManagementSettings"
	g.obj("")
	g.str("@odata.context", g.root()+"$metadata#deviceManagement/settings")
	g.str("@odata.type", g.out.ODataType)
	g.write(number("deviceComplianceCheckinThresholdDays", 7, 60), flags(
		"isScheduledActionEnabled", "secureByDefault", "enhancedJailBreak", "androidDeviceAdministratorEnrollmentEnabled",
		"ignoreDevicesForUnsupportedSettingsEnabled", "enableLogCollection", "enableAutopilotDiagnostics",
		"enableEnhancedTroubleshootingExperience", "enableDeviceGroupMembershipReport"),
		number("deviceInactivityBeforeRetirementInDay", 0, 180), choice("derivedCredentialProvider", "derivedCredentialProviderType", "notConfigured", "entrustDataCard"),
		maybe("derivedCredentialUrl", "https://credentials.contoso.example"))
	g.end('}')
}

func expeditedUpdate(g *gen) {
	g.whole("windowsQualityUpdateProfile", stamped, named, explained, tagged,
		nested("expeditedUpdateSettings", "expeditedWindowsQualityUpdateSettings",
			text("qualityUpdateRelease", "2025-11-11T00:00:00Z", "2025-12-09T00:00:00Z"), number("daysUntilForcedReboot", 0, 2)),
		text("releaseDateDisplayName", "11/11/2025", "12/09/2025"), text("deployableContentDisplayName", "11/11/2025 - 2025.11 B", "12/09/2025 - 2025.12 B"),
		assignable)
}

func qualityUpdatePolicy(g *gen) {
	g.whole("windowsQualityUpdatePolicy", stamped, named, explained, tagged, flags("hotpatchEnabled"),
		func(g *gen) {
			g.arr("approvalSettings")
			for range g.rng.IntN(3) {
				g.write(nested("", "windowsQualityUpdateApprovalSetting",
					choice("windowsQualityUpdateCadence", "windowsQualityUpdateCadence", "monthly", "outOfBand"),
					choice("windowsQualityUpdateCategory", "windowsQualityUpdateCategory", "all", "security"),
					choice("approvalMethodType", "windowsQualityUpdateApprovalMethodType", "manual", "automatic"), number("deferredDeploymentInDay", 0, 14)))
			}
			g.end(']')
		}, assignable, func(g *gen) { g.actions("bulkAction", "retrieveWindowsQualityUpdateCatalogItemDetails") })
}
