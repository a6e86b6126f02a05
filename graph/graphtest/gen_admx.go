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
	g.obj("")
	g.str("@odata.type", "#microsoft.graph.groupPolicyDefinitionValue")
	g.str("@odata.id", g.self+"/definitionValues('"+id+"')")
	g.str("id", id)
	g.bool("enabled", !g.chance(5))
	g.enum("configurationType", "groupPolicyConfigurationType", "policy")
	g.time("createdDateTime", g.created)
	g.time("lastModifiedDateTime", g.created)
	g.raw("definition", definition(setting))
	g.arr("presentationValues")
	if g.chance(2) {
		g.write(nested("", "groupPolicyPresentationValueText", text("id", guid(g.rng)), text("value", g.text()),
			func(g *gen) { g.time("createdDateTime", g.created); g.time("lastModifiedDateTime", g.created) },
			func(g *gen) { g.raw("presentation", presentation(setting)) }))
	}
	g.end(']', '}')
}
