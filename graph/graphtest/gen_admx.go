package graphtest

// administrativeTemplate is a policy of ADMX settings with the values of each.
func administrativeTemplate(g *gen) {
	w := g.writer
	g.writer = writer{}
	g.arr("")
	for range g.between(3, 38) {
		g.definitionValue()
	}
	g.end(']')
	g.part(partDefinitionValues, g.buf)
	g.writer = w

	g.open("groupPolicyConfiguration")
	g.described()
	g.enum("policyConfigurationIngestionType", "groupPolicyConfigurationIngestionType", "builtIn")
	g.navigation(partAssignments, partDefinitionValues)
	g.actions("assign", "updateDefinitionValues")
	g.end('}')
}

func (g *gen) definitionValue() {
	id := guid(g.rng)
	setting := pick(g.rng, verbs) + " " + pick(g.rng, nouns)
	definition := stableGUID(setting) // the same in every tenant
	g.obj("")
	g.str("@odata.type", "#microsoft.graph.groupPolicyDefinitionValue")
	g.str("@odata.id", g.self+"/definitionValues('"+id+"')")
	g.str("id", id)
	g.bool("enabled", !g.chance(5))
	g.enum("configurationType", "groupPolicyConfigurationType", "policy")
	g.time("createdDateTime", g.created)
	g.time("lastModifiedDateTime", g.created)
	g.write(nested("definition", "groupPolicyDefinition",
		text("id", definition), text("displayName", setting), choice("classType", "groupPolicyDefinitionClassType", "user", "machine"),
		text("categoryPath", `\Contoso\Office\Security`, `\Contoso\Browser\Content`), choice("policyType", "groupPolicyType", "admxBacked"),
		text("explainText", "This policy setting lets you "+setting+".\n\nIf you enable it, people cannot change it.\n\nIf you disable or do not configure it, people decide."),
		text("supportedOn", "At least Windows 10"), flags("hasRelatedDefinitions"), number("version", 1, 1)))
	g.arr("presentationValues")
	if g.chance(2) {
		g.write(nested("", "groupPolicyPresentationValueText", text("id", guid(g.rng)), text("value", g.text()),
			nested("presentation", "groupPolicyPresentationTextBox", text("id", stableGUID("presentation of "+setting)), text("label", setting), flags("required"))))
	}
	g.end(']', '}')
}
