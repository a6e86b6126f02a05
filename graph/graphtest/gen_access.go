package graphtest

import "github.com/tenantatlas/tenantbackup/graph"

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
		func(g *gen) { g.strings("servicePrincipalRiskLevels") }, nulls("insiderRiskLevels", "clientApplications", "authenticationFlows"),
		func(g *gen) {
			g.strings("clientAppTypes", pick(g.rng, []string{"all", "browser", "mobileAppsAndDesktopClients"}))
		},
		platforms, locations, devices,
		nested("applications", "conditionalAccessApplications", func(g *gen) {
			switch g.rng.IntN(3) {
			case 0:
				g.strings("includeApplications", "All")
			case 1:
				g.strings("includeApplications", "Office365")
			default:
				g.strings("includeApplications", g.name(pick(g.rng, g.plan.apps)))
			}
			g.some("excludeApplications", firstParty)
		},
			func(g *gen) {
				g.strings("includeUserActions")
				g.strings("includeAuthenticationContextClassReferences")
			}, nulls("applicationFilter")),
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
	g.write(nested("devices", "conditionalAccessDevices",
		nested("deviceFilter", "conditionalAccessFilter", text("mode", "include", "exclude"), text("rule", `device.isCompliant -eq True -and device.trustType -ne "Workplace"`))))
}

func users(g *gen) {
	g.write(nested("users", "conditionalAccessUsers", func(g *gen) {
		g.strings("includeUsers", "All")
		exclude := make([]string, 1+g.rng.IntN(3)) // break-glass accounts
		for i := range exclude {
			exclude[i] = g.name(g.plan.users[(g.index+i)%len(g.plan.users)])
		}
		g.strings("excludeUsers", exclude...)
		g.strings("includeGroups")
		groups := make([]string, 1+g.between(0, 12))
		for i := range groups {
			groups[i] = g.group()
		}
		g.strings("excludeGroups", groups...)
		g.some("includeRoles", directoryRoles)
		g.strings("excludeRoles")
	},
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
		i := g.rng.IntN(g.plan.foundations)
		info, _ := graph.Catalog.Lookup("authenticationStrengthPolicy")
		named := g.plan.make(info, maker{build: authenticationStrength}, i, 0)
		g.name(graph.Reference{Kind: "authenticationStrength", ID: named.ID, Name: named.Name})
		g.raw("authenticationStrength", embeddedStrength(named.Raw))
	}))
}

// embeddedStrength is the copy of an authentication strength that Graph shows in the
// policies which demand it.
func embeddedStrength(strength []byte) []byte {
	w := &writer{}
	w.obj("")
	for _, s := range properties(strength) {
		switch s.key {
		case "@odata.type", "id", "displayName", "description", "policyType", "requirementsSatisfied", "allowedCombinations":
			w.raw(s.key, strength[s.start:s.end])
		}
	}
	w.end('}')
	return w.buf
}

// name notes the name of something that the object refers to, and returns its id.
func (g *gen) name(r graph.Reference) string {
	g.out.References = append(g.out.References, r)
	return r.ID
}

// some writes the ids of some of the directory's objects.
func (g *gen) some(key string, from []graph.Reference) {
	var ids []string
	for _, r := range from {
		if g.chance(2) {
			ids = append(ids, g.name(r))
		}
	}
	g.strings(key, ids...)
}

func (g *gen) sessionControls() {
	if g.chance(2) {
		g.null("sessionControls")
		return
	}
	g.write(nested("sessionControls", "conditionalAccessSessionControls",
		nulls("disableResilienceDefaults", "applicationEnforcedRestrictions", "cloudAppSecurity", "secureSignInSession"),
		nested("signInFrequency", "signInFrequencySessionControl", number("value", 1, 24), text("type", "hours", "days"),
			text("authenticationType", "primaryAndSecondaryAuthentication"), text("frequencyInterval", "timeBased"), flags("isEnabled")),
		nested("persistentBrowser", "persistentBrowserSessionControl", text("mode", "always", "never"), flags("isEnabled"))))
}

func combinations(g *gen) {
	g.write(someOf("allowedCombinations", "windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor", "deviceBasedPush",
		"temporaryAccessPassOneTime", "password,microsoftAuthenticatorPush", "password,softwareOath"))
}
