package graphtest

func powerShellScript(g *gen) {
	g.profile("", script("scriptContent", 12, 190), choice("runAsAccount", "runAsAccountType", "system", "user"),
		flags("enforceSignatureCheck", "runAs32Bit"), text("fileName", "Set-Baseline.ps1", "Repair-Client.ps1"),
		func(g *gen) { g.navigation("groupAssignments", "deviceRunStates", "runSummary", "userRunStates") })
}

func shellScript(g *gen) {
	g.profile("", script("scriptContent", 12, 90), choice("runAsAccount", "runAsAccountType", "system", "user"),
		text("fileName", "baseline.sh", "repair.zsh"), text("executionFrequency", "PT0S", "PT15M", "P1D"), number("retryCount", 0, 3),
		flags("blockExecutionNotifications"),
		func(g *gen) { g.navigation("groupAssignments", "deviceRunStates", "runSummary", "userRunStates") })
}

func remediation(g *gen) {
	g.profile("", text("publisher", "Contoso IT", "Fabrikam"), text("version", "1.0", "1.2"),
		script("detectionScriptContent", 10, 90), script("remediationScriptContent", 0, 90),
		choice("runAsAccount", "runAsAccountType", "system", "user"), flags("enforceSignatureCheck", "runAs32Bit"),
		func(g *gen) {
			g.strings("detectionScriptParameters")
			g.strings("remediationScriptParameters")
			g.bool("isGlobalScript", false)
		},
		nulls("highestAvailableVersion"), choice("deviceHealthScriptType", "deviceHealthScriptType", "deviceHealthScript"),
		func(g *gen) { g.navigation("deviceRunStates", "runSummary") })
}

func complianceScript(g *gen) {
	g.profile("", text("publisher", "Contoso IT"), text("version", "1.0"), script("detectionScriptContent", 15, 80),
		choice("runAsAccount", "runAsAccountType", "system", "user"), flags("enforceSignatureCheck", "runAs32Bit"),
		func(g *gen) { g.navigation("deviceRunStates", "runSummary") })
}
