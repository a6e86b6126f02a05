package graphtest

import "fmt"

func scopeTag(g *gen) {
	g.open("roleScopeTag")
	g.str("displayName", g.out.Name)
	g.description()
	g.bool("isBuiltIn", false)
	g.navigation(partAssignments)
	g.actions("assign")
	g.end('}')
}

func assignmentFilter(g *gen) {
	g.open("deviceAndAppManagementAssignmentFilter")
	g.time("createdDateTime", g.created)
	g.time("lastModifiedDateTime", g.modified())
	g.str("displayName", g.out.Name)
	g.description()
	g.enum("platform", "devicePlatformType", pick(g.rng, []string{"windows10AndLater", "iOS", "macOS", "androidForWork"}))
	g.str("rule", fmt.Sprintf(`(device.manufacturer -eq "Contoso") and (device.deviceName -startsWith "%s-")`, pick(g.rng, sites)))
	g.tags("roleScopeTags")
	g.strings("payloads")
	g.enum("assignmentFilterManagementType", "assignmentFilterManagementType", "devices")
	g.actions("getState")
	g.end('}')
}

func roleDefinition(g *gen) {
	w := &writer{}
	w.arr("")
	for range g.rng.IntN(3) {
		id := guid(g.rng)
		w.obj("")
		w.str("id", id)
		w.str("displayName", pick(g.rng, teams)+" helpdesk")
		w.str("description", "")
		w.strings("resourceScopes", g.group())
		w.strings("members", g.group())
		w.arr("roleScopeTags")
		w.end(']', '}')
	}
	w.end(']')
	g.part("roleAssignments", w.buf)

	g.open("deviceAndAppManagementRoleDefinition")
	g.str("displayName", g.out.Name)
	g.description()
	g.bool("isBuiltIn", false)
	g.bool("isBuiltInRoleDefinition", false)
	g.tags("roleScopeTagIds")
	actions := []string{"Microsoft.Intune_Organization_Read"}
	for _, area := range []string{"ManagedDevices", "DeviceConfigurations", "MobileApps", "DeviceCompliancePolices", "SecurityBaselines", "Filters"} {
		for _, verb := range []string{"Read", "Update", "Assign", "Create", "Delete"} {
			if g.chance(2) {
				actions = append(actions, "Microsoft.Intune_"+area+"_"+verb)
			}
		}
	}
	g.arr("rolePermissions")
	g.obj("")
	g.arr("resourceActions")
	g.obj("")
	g.strings("allowedResourceActions", actions...)
	g.strings("notAllowedResourceActions")
	g.end('}', ']', '}', ']')
	g.navigation("roleAssignments")
	g.end('}')
}

func notification(g *gen) {
	g.open("notificationMessageTemplate")
	g.time("lastModifiedDateTime", g.modified())
	g.str("displayName", g.out.Name)
	g.description()
	g.str("defaultLocale", locales[0])
	g.enum("brandingOptions", "notificationTemplateBrandingOptions", "includeCompanyLogo,includeCompanyName")
	g.tags("roleScopeTagIds")
	g.navigation("localizedNotificationMessages")
	g.arr("localizedNotificationMessages")
	for i, locale := range locales[:1+g.rng.IntN(len(locales))] {
		g.obj("")
		g.str("@odata.type", "#microsoft.graph.localizedNotificationMessage")
		g.str("id", g.out.ID+"_"+locale)
		g.time("lastModifiedDateTime", g.created)
		g.str("locale", locale)
		g.str("subject", "Your device needs attention")
		g.str("messageTemplate", fmt.Sprintf("Your device at %s does not meet the rules of %s.\r\nPlease open the company portal.", pick(g.rng, sites), pick(g.rng, domains)))
		g.bool("isDefault", i == 0)
		g.end('}')
	}
	g.end(']')
	g.actions("sendTestMessage")
	g.end('}')
}

func deviceCategory(g *gen) {
	g.open("deviceCategory")
	g.str("displayName", g.out.Name)
	g.description()
	g.tags("roleScopeTagIds")
	g.end('}')
}

func namedLocation(g *gen) {
	common := func() {
		g.str("displayName", g.out.Name)
		g.time("createdDateTime", g.created)
		g.time("modifiedDateTime", g.modified())
		g.null("deletedDateTime")
	}
	if g.chance(2) {
		g.open("countryNamedLocation")
		common()
		g.write(subset("countriesAndRegions", countries...), flags("includeUnknownCountriesAndRegions"),
			choice("countryLookupMethod", "countryLookupMethodType", "clientIpAddress", "authenticatorAppGps"))
		g.end('}')
		return
	}
	g.open("ipNamedLocation")
	common()
	g.bool("isTrusted", g.chance(2))
	g.arr("ipRanges")
	for range 1 + g.rng.IntN(12) {
		g.write(nested("", "iPv4CidrRange", text("cidrAddress", fmt.Sprintf("203.0.113.%d/32", g.rng.IntN(256)))))
	}
	g.end(']', '}')
}

func authenticationStrength(g *gen) {
	w := &writer{}
	w.arr("")
	if g.index%2 == 1 { // only security keys of these makes
		w.obj("")
		w.str("@odata.type", "#microsoft.graph.fido2CombinationConfiguration")
		w.str("id", stableGUID(g.out.ID+"fido2"))
		w.strings("appliesToCombinations", "fido2")
		w.strings("allowedAAGUIDs", stableGUID("blue key"), stableGUID("red key"))
		w.end('}')
	}
	w.end(']')
	g.part("combinationConfigurations", w.buf)
	g.open("authenticationStrengthPolicy")
	g.time("createdDateTime", g.created)
	g.time("modifiedDateTime", g.modified())
	g.str("displayName", g.out.Name)
	g.description()
	g.enum("policyType", "authenticationStrengthPolicyType", "custom")
	g.enum("requirementsSatisfied", "authenticationStrengthRequirements", "mfa")
	combinations(g)
	g.navigation("combinationConfigurations")
	g.actions("updateAllowedCombinations", "usage")
	g.end('}')
}
