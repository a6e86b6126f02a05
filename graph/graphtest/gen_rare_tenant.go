package graphtest

// windowsHello is for every device of a tenant.
func windowsHello(g *gen) {
	use := func(key string) prop {
		return choice(key, "windowsHelloForBusinessPinUsage", "allowed", "required", "disallowed")
	}
	state := func(key string) prop {
		return choice(key, "enablement", "notConfigured", "enabled", "disabled")
	}
	g.whole("deviceEnrollmentWindowsHelloForBusinessConfiguration", stamped, named, explained, tagged, number("priority", 0, 0), version,
		choice("deviceEnrollmentConfigurationType", "deviceEnrollmentConfigurationType", "windowsHelloForBusiness"),
		number("pinMinimumLength", 4, 8), number("pinMaximumLength", 16, 127),
		use("pinUppercaseCharactersUsage"), use("pinLowercaseCharactersUsage"), use("pinSpecialCharactersUsage"), state("state"),
		flags("securityDeviceRequired", "unlockWithBiometricsEnabled", "remotePassportEnabled"),
		number("pinPreviousBlockCount", 0, 50), number("pinExpirationInDays", 0, 730), state("enhancedBiometricsState"),
		state("securityKeyForSignIn"), number("enhancedSignInSecurity", 0, 1))
}

// coManagement makes the tenant's default settings first, which have priority 0.
func coManagement(g *gen) {
	if g.index == 0 {
		g.forEverybody()
	}
	g.whole("deviceComanagementAuthorityConfiguration", stamped, named, explained, tagged, number("priority", g.index, g.index), version,
		choice("deviceEnrollmentConfigurationType", "deviceEnrollmentConfigurationType", "deviceComanagementAuthorityConfiguration"),
		flags("installConfigurationManagerAgent"), text("configurationManagerAgentCommandLineArgument", "", "/mp:https://cmg.contoso.example"),
		number("managedDeviceAuthority", 0, 1), assignable)
}

func appleEnrollment(g *gen) {
	kinds := func(key string) prop {
		return choice(key, "appleUserInitiatedEnrollmentType", "device", "user", "accountDrivenUserEnrollment", "webDeviceEnrollment")
	}
	g.whole("appleUserInitiatedEnrollmentProfile", stamped, named, explained, number("priority", g.index+1, g.index+1),
		choice("platform", "devicePlatformType", "iOS"), kinds("defaultEnrollmentType"),
		func(g *gen) {
			g.arr("availableEnrollmentTypeOptions")
			for range g.rng.IntN(3) {
				g.write(nested("", "appleOwnerTypeEnrollmentType", choice("ownerType", "managedDeviceOwnerType", "company", "personal"), kinds("enrollmentType")))
			}
			g.end(']')
			g.navigation(partAssignments)
			g.actions("setPriority")
		})
}

// branding makes the tenant's default profile first.
func branding(g *gen) {
	if g.index == 0 {
		g.forEverybody()
	}
	picture := func(key string) prop {
		return func(g *gen) {
			if g.chance(3) {
				g.null(key)
				return
			}
			g.write(nested(key, "mimeContent", text("type", "image/png", "image/jpeg"), content("value", 100, 2_000)))
		}
	}
	g.whole("intuneBrandingProfile", stamped, named, maybe("profileDescription", "For all.", "For the plant."),
		func(g *gen) { g.bool("isDefaultProfile", g.index == 0) },
		text("displayName", "Contoso", "Contoso IT"), nested("themeColor", "rgbColor", number("r", 0, 255), number("g", 0, 255), number("b", 0, 255)),
		flags("showLogo", "showDisplayNameNextToLogo"), picture("themeColorLogo"), picture("lightBackgroundLogo"), picture("landingPageCustomizedImage"),
		text("contactITName", "Help desk", ""), text("contactITPhoneNumber", "", "+41 44 000 00 00"), text("contactITEmailAddress", "it@contoso.example"),
		text("contactITNotes", "", "From 8 to 5."), text("onlineSupportSiteUrl", "https://help.contoso.example"), text("onlineSupportSiteName", "Help"),
		text("privacyUrl", "https://privacy.contoso.example"), maybe("customPrivacyMessage", "We see what we need."),
		maybe("customCanSeePrivacyMessage", "Model and name."), maybe("customCantSeePrivacyMessage", "Pictures."),
		flags("isRemoveDeviceDisabled", "isFactoryResetDisabled", "showAzureADEnterpriseApps", "showOfficeWebApps", "showConfigurationManagerApps",
			"sendDeviceOwnershipChangePushNotification", "disableDeviceCategorySelection"),
		func(g *gen) {
			g.arr("companyPortalBlockedActions")
			for range g.rng.IntN(3) {
				g.write(nested("", "companyPortalBlockedAction", choice("platform", "devicePlatformType", "androidForWork", "iOS", "windows10AndLater"),
					choice("ownerType", "ownerType", "company", "personal"), choice("action", "companyPortalAction", "remove", "reset")))
			}
			g.end(']')
			g.bool("disableClientTelemetry", false)
		},
		choice("enrollmentAvailability", "enrollmentAvailabilityOptions", "availableWithPrompts", "availableWithoutPrompts", "unavailable"),
		tagged, assignable)
}

// cloudPCs is a policy that gives the members of groups a machine each.
func cloudPCs(g *gen) {
	g.assignCloudPCs()
	g.whole("cloudPcProvisioningPolicy", named, explained, text("imageId", "microsoftwindowsdesktop_windows-ent-cpc_win11-24h2-ent-cpc-m365"),
		text("imageDisplayName", "Windows 11 Enterprise + Microsoft 365 Apps 24H2"), choice("imageType", "cloudPcProvisioningPolicyImageType", "gallery"),
		choice("provisioningType", "cloudPcProvisioningType", "dedicated"), flags("enableSingleSignOn", "localAdminEnabled"), nulls("alternateResourceUrl", "cloudPcGroupDisplayName"),
		maybe("cloudPcNamingTemplate", "CPC-%USERNAME:5%-%RAND:5%"), number("gracePeriodInHours", 4, 4),
		nested("windowsSetting", "cloudPcWindowsSetting", text("locale", "en-US", "de-DE")),
		nested("microsoftManagedDesktop", "microsoftManagedDesktop", choice("managedType", "microsoftManagedDesktopType", "notManaged"), nulls("profile")),
		func(g *gen) {
			g.arr("domainJoinConfigurations")
			g.write(nested("", "cloudPcDomainJoinConfiguration", choice("domainJoinType", "cloudPcDomainJoinType", "azureADJoin"),
				nulls("onPremisesConnectionId"), text("regionName", "automatic"), choice("regionGroup", "cloudPcRegionGroup", "switzerland", "norway")))
			g.end(']')
		}, assignable)
}

func cloudPCUsers(g *gen) {
	g.assignCloudPCs()
	g.whole("cloudPcUserSetting", stamped, named, flags("localAdminEnabled", "resetEnabled"),
		nested("restorePointSetting", "cloudPcRestorePointSetting", choice("frequencyType", "cloudPcRestorePointFrequencyType", "default", "sixHours", "twelveHours"), flags("userRestoreEnabled")),
		assignable)
}

// assignCloudPCs assigns to groups, which is all that there is.
func (g *gen) assignCloudPCs() {
	g.out.Parts, g.out.References = nil, nil
	w := &writer{}
	w.arr("")
	if !g.chance(3) {
		group := g.group()
		w.obj("")
		w.str("@odata.type", "#microsoft.graph."+assignmentType(g.info.Key))
		w.str("id", g.out.ID+"_"+group)
		w.obj("target")
		w.str("@odata.type", "#microsoft.graph.cloudPcManagementGroupAssignmentTarget")
		w.str("groupId", group)
		w.end('}', '}')
	}
	w.end(']')
	g.part(partAssignments, w.buf)
}

func terms(g *gen) {
	g.whole("termsAndConditions", stamped, named, explained, tagged, text("title", "Terms of use", "Nutzungsbedingungen"),
		text("bodyText", "Be kind.\r\nLock the screen.", "Seid nett."), text("acceptanceStatement", "I agree."), number("version", 1, 5), func(g *gen) { g.navigation(partAssignments, "acceptanceStatuses") })
}

func authenticationContext(g *gen) {
	g.whole("authenticationContextClassReference", named, explained, flags("isAvailable"))
}

func appCategory(g *gen) {
	g.whole("mobileAppCategory", func(g *gen) { g.time("lastModifiedDateTime", g.modified()) }, named)
}
