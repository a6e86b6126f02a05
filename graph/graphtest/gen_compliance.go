package graphtest

var windowsComplianceProps = []prop{
	version,
	flags(
		"passwordRequired", "passwordBlockSimple", "passwordRequiredToUnlockFromIdle", "requireHealthyDeviceReport",
		"earlyLaunchAntiMalwareDriverEnabled", "bitLockerEnabled", "secureBootEnabled", "codeIntegrityEnabled", "memoryIntegrityEnabled",
		"kernelDmaProtectionEnabled", "virtualizationBasedSecurityEnabled", "firmwareProtectionEnabled", "storageRequireEncryption",
		"activeFirewallRequired", "defenderEnabled", "signatureOutOfDate", "rtpEnabled", "antivirusRequired", "antiSpywareRequired",
		"deviceThreatProtectionEnabled", "configurationManagerComplianceRequired", "tpmRequired",
	),
	number("passwordMinimumLength", 4, 16), number("passwordMinutesOfInactivityBeforeLock", 1, 60),
	choice("passwordRequiredType", "requiredPasswordType", "deviceDefault", "alphanumeric", "numeric"),
	choice("deviceThreatProtectionRequiredSecurityLevel", "deviceThreatProtectionLevel", "unavailable", "secured", "low", "medium"),
	maybe("osMinimumVersion", "10.0.19045.5011", "10.0.22631.4317"), maybe("osMaximumVersion", "10.0.26200.9999"),
	nulls("mobileOsMinimumVersion", "mobileOsMaximumVersion", "passwordExpirationDays", "passwordPreviousPasswordBlockCount",
		"passwordMinimumCharacterSetCount", "defenderVersion", "deviceCompliancePolicyScript"),
	func(g *gen) { g.strings("validOperatingSystemBuildRanges"); g.strings("wslDistributions") },
}

func windowsCompliance(g *gen) { g.compliance("windows10CompliancePolicy", windowsComplianceProps) }

func macCompliance(g *gen) {
	g.compliance("macOSCompliancePolicy", []prop{
		version,
		flags("passwordRequired", "passwordBlockSimple", "systemIntegrityProtectionEnabled", "deviceThreatProtectionEnabled",
			"storageRequireEncryption", "firewallEnabled", "firewallBlockAllIncoming", "firewallEnableStealthMode"),
		number("passwordMinimumLength", 4, 16), number("passwordExpirationDays", 30, 365), number("passwordMinutesOfInactivityBeforeLock", 1, 60),
		choice("deviceThreatProtectionRequiredSecurityLevel", "deviceThreatProtectionLevel", "unavailable", "secured", "low", "medium"),
		choice("passwordRequiredType", "requiredPasswordType", "deviceDefault", "alphanumeric", "numeric"),
		choice("gatekeeperAllowedAppSource", "macOSGatekeeperAppSources", "notConfigured", "macAppStore", "anywhere"),
		maybe("osMinimumVersion", "14.7", "15.1"), nulls("osMaximumVersion", "osMinimumBuildVersion", "osMaximumBuildVersion",
			"passwordPreviousPasswordBlockCount", "passwordMinimumCharacterSetCount"),
	})
}

func (g *gen) compliance(odataType string, props []prop) {
	g.open(odataType)
	g.described()
	g.write(props...)
	g.navigation(partAssignments, "scheduledActionsForRule", "deviceStatuses", "userStatuses", "deviceStatusOverview", "userStatusOverview", "deviceSettingStateSummaries")
	g.scheduledActions("scheduledActionsForRule", g.out.ID)
	g.actions("assign", "scheduleActionsForRules")
	g.end('}')
}

// scheduledActions writes the one rule of a compliance policy: block, and sometimes a
// notification before.
func (g *gen) scheduledActions(key, rule string) {
	g.arr(key)
	g.obj("")
	g.str("@odata.type", "#microsoft.graph.deviceComplianceScheduledActionForRule")
	g.str("@odata.id", g.self+"/scheduledActionsForRule('"+rule+"')")
	g.str("id", rule)
	g.null("ruleName")
	g.str("scheduledActionConfigurations@odata.context", g.root()+"$metadata#"+g.self+"/scheduledActionsForRule('"+rule+"')/scheduledActionConfigurations")
	g.arr("scheduledActionConfigurations")
	if g.plan.foundations > 0 && g.chance(2) {
		g.scheduledAction("notification", g.rng.IntN(72), g.refer("notificationTemplate", "notificationMessageTemplate"))
	}
	g.scheduledAction("block", g.rng.IntN(10)*24, noFilter)
	g.end(']', '}', ']')
}

func (g *gen) scheduledAction(action string, hours int, template string) {
	id := guid(g.rng)
	g.obj("")
	g.str("@odata.type", "#microsoft.graph.deviceComplianceActionItem")
	g.str("@odata.id", g.self+"/scheduledActionConfigurations('"+id+"')")
	g.str("id", id)
	g.int("gracePeriodHours", hours)
	g.enum("actionType", "deviceComplianceActionType", action)
	g.str("notificationTemplateId", template)
	g.strings("notificationMessageCCList")
	g.end('}')
}

func complianceV2(g *gen) {
	s := &settings{gen: g, area: "linux_contoso_config", at: g.index * 7}
	s.fill(g.between(1_500, 14_000))
	g.part(partSettings, s.buf)
	actions := g.writer
	g.writer = writer{}
	g.scheduledActions("", g.out.ID)
	g.part("scheduledActionsForRule", g.buf)
	g.writer = actions

	g.open("deviceManagementCompliancePolicy")
	g.described()
	g.enum("platforms", "deviceManagementConfigurationPlatforms", "linux")
	g.enum("technologies", "deviceManagementConfigurationTechnologies", "linuxMdm")
	g.null("creationSource")
	g.int("settingCount", s.count)
	g.bool("isAssigned", g.chance(2))
	g.navigation(partAssignments, partSettings, "scheduledActionsForRule")
	g.actions("assign", "setScheduledActions")
	g.end('}')
}

func intent(g *gen) {
	w := &writer{}
	w.arr("")
	for i := range g.between(6, 40) {
		def := "deviceConfiguration--windows10EndpointProtectionConfiguration_" + verbs[i%len(verbs)] + nouns[i%len(nouns)]
		kind, value := "deviceManagementBooleanSettingInstance", "true"
		if g.chance(3) {
			kind, value = "deviceManagementStringSettingInstance", `"`+pick(g.rng, []string{"notConfigured", "enable", "audit"})+`"`
		}
		w.obj("")
		w.str("@odata.type", "#microsoft.graph."+kind)
		w.str("@odata.id", g.self+"/settings('"+stableGUID(g.out.ID+def)+"')")
		w.str("id", stableGUID(g.out.ID+def))
		w.str("definitionId", def)
		w.str("valueJson", value)
		w.raw("value", []byte(value))
		w.end('}')
	}
	w.end(']')
	g.part(partSettings, w.buf)

	g.open("deviceManagementIntent")
	g.str(g.info.NameProperty, g.out.Name)
	g.description()
	g.bool("isAssigned", g.chance(2))
	g.bool("isMigratingToConfigurationPolicy", false)
	g.time("lastModifiedDateTime", g.modified())
	g.tags("roleScopeTagIds")
	g.str("templateId", stableGUID("intent template"))
	g.navigation(partAssignments, partSettings, "categories", "deviceSettingStateSummaries", "deviceStates", "deviceStateSummary", "userStates", "userStateSummary")
	g.actions("assign", "createCopy", "migrateToTemplate", "updateSettings")
	g.end('}')
}
