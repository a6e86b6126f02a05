package graphtest

// Roles that Conditional Access policies of most tenants name; the ids are Entra's own
// and the same everywhere.
var directoryRoles = []string{
	"62e90394-69f5-4237-9190-012177145e10", // Global Administrator
	"194ae4cb-b126-40b2-bd5b-6091b380977d", // Security Administrator
	"b1be1c3e-b65d-4f19-8427-f6fa0d97feb9", // Conditional Access Administrator
}

func conditionalAccess(g *gen) {
	g.open("conditionalAccessPolicy")
	g.null("templateId")
	g.str("displayName", g.out.Name)
	g.null("description")
	g.time("createdDateTime", g.created)
	g.time("modifiedDateTime", g.modified())
	g.null("deletedDateTime")
	g.enum("state", "conditionalAccessPolicyState", pick(g.rng, []string{"enabled", "disabled", "enabledForReportingButNotEnforced"}))
	g.write(nested("conditions", "conditionalAccessConditionSet",
		subset("userRiskLevels", "high"), subset("signInRiskLevels", "high", "medium"),
		func(g *gen) { g.strings("servicePrincipalRiskLevels") }, nulls("insiderRiskLevels", "clients", "times", "deviceStates", "clientApplications", "authenticationFlows"),
		func(g *gen) {
			g.strings("clientAppTypes", pick(g.rng, []string{"all", "browser", "mobileAppsAndDesktopClients"}))
		},
		platforms, locations, devices,
		nested("applications", "conditionalAccessApplications", func(g *gen) {
			g.strings("includeApplications", pick(g.rng, []string{"All", "Office365", guid(g.rng)}))
		}, subset("excludeApplications", "0000000a-0000-0000-c000-000000000000", "d4ebce55-015a-49b5-a083-c84d1797ae8c"),
			func(g *gen) {
				g.strings("includeUserActions")
				g.strings("includeAuthenticationContextClassReferences")
			}, nulls("applicationFilter", "networkAccess", "globalSecureAccess")),
		users))
	g.grantControls()
	g.sessionControls()
	g.end('}')
}

func platforms(g *gen) {
	if g.chance(2) {
		g.null("platforms")
		return
	}
	g.write(nested("platforms", "conditionalAccessPlatforms", func(g *gen) { g.strings("includePlatforms", "all") },
		subset("excludePlatforms", "iOS", "android", "macOS", "linux")))
}

func locations(g *gen) {
	if g.plan.foundations == 0 || g.chance(2) {
		g.null("locations")
		return
	}
	g.write(nested("locations", "conditionalAccessLocations", func(g *gen) {
		g.strings("includeLocations", "All")
		g.strings("excludeLocations", g.refer("namedLocation", "namedLocation"))
	}))
}

func devices(g *gen) {
	if !g.chance(4) {
		g.null("devices")
		return
	}
	g.write(nested("devices", "conditionalAccessDevices", nulls("includeDevices", "excludeDevices"),
		nested("deviceFilter", "conditionalAccessFilter", text("mode", "include", "exclude"), text("rule", `device.isCompliant -eq True -and device.trustType -ne "Workplace"`))))
}

func users(g *gen) {
	g.write(nested("users", "conditionalAccessUsers", func(g *gen) {
		g.strings("includeUsers", "All")
		exclude := make([]string, 1+g.rng.IntN(3)) // break-glass accounts
		for i := range exclude {
			exclude[i] = guid(g.rng)
		}
		g.strings("excludeUsers", exclude...)
		g.strings("includeGroups")
		groups := make([]string, 1+g.between(0, 12))
		for i := range groups {
			groups[i] = g.group()
		}
		g.strings("excludeGroups", groups...)
	}, subset("includeRoles", directoryRoles...), func(g *gen) { g.strings("excludeRoles") },
		nulls("includeGuestsOrExternalUsers", "excludeGuestsOrExternalUsers")))
}

func (g *gen) grantControls() {
	strength := g.plan.foundations > 0 && g.chance(4)
	g.write(nested("grantControls", "conditionalAccessGrantControls", func(g *gen) {
		g.str("operator", pick(g.rng, []string{"AND", "OR"}))
		if strength {
			g.strings("builtInControls")
		} else {
			g.strings("builtInControls", pick(g.rng, []string{"block", "mfa", "compliantDevice", "domainJoinedDevice"}))
		}
		g.strings("customAuthenticationFactors")
		g.strings("termsOfUse")
		g.str("authenticationStrength@odata.context", g.root()+"$metadata#"+g.self+"/grantControls/authenticationStrength/$entity")
		if !strength {
			g.null("authenticationStrength")
			return
		}
		id := g.refer("authenticationStrength", "authenticationStrengthPolicy")
		g.write(nested("authenticationStrength", "authenticationStrengthPolicy", text("id", id), text("policyType", "custom"), combinations))
	}))
}

func (g *gen) sessionControls() {
	if g.chance(2) {
		g.null("sessionControls")
		return
	}
	g.write(nested("sessionControls", "conditionalAccessSessionControls",
		nulls("disableResilienceDefaults", "applicationEnforcedRestrictions", "cloudAppSecurity", "secureSignInSession", "continuousAccessEvaluation"),
		nested("signInFrequency", "signInFrequencySessionControl", number("value", 1, 24), text("type", "hours", "days"),
			text("authenticationType", "primaryAndSecondaryAuthentication"), text("frequencyInterval", "timeBased"), flags("isEnabled")),
		nested("persistentBrowser", "persistentBrowserSessionControl", text("mode", "always", "never"), flags("isEnabled"))))
}

func combinations(g *gen) {
	g.write(subset("allowedCombinations", "windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor", "deviceBasedPush",
		"temporaryAccessPassOneTime", "password,microsoftAuthenticatorPush", "password,softwareOath"))
}
