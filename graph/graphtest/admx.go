package graphtest

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// definition is a setting that administrative templates can have. Microsoft's are the same
// in every tenant, so everything about them follows from the name.
func definition(setting string) []byte {
	g := &gen{rng: rand.New(rand.NewPCG(uint64(len(setting)), stream(graph.PolicyType(setting))))}
	g.write(nested("", "groupPolicyDefinition",
		text("id", stableGUID(setting)), text("displayName", setting), choice("classType", "groupPolicyDefinitionClassType", "user", "machine"),
		text("categoryPath", `\Contoso\Office\Security`, `\Contoso\Browser\Content`), choice("policyType", "groupPolicyType", "admxBacked"),
		text("explainText", "This policy setting lets you "+setting+".\n\nIf you enable it, people cannot change it.\n\nIf you disable or do not configure it, people decide."),
		text("supportedOn", "At least Windows 10"), flags("hasRelatedDefinitions"), text("version", "1.0")))
	return g.buf
}

// presentation is the one field that a definition has.
func presentation(setting string) []byte {
	g := &gen{rng: rand.New(rand.NewPCG(uint64(len(setting)), stream(graph.PolicyType(setting))))}
	g.write(nested("", "groupPolicyPresentationTextBox", text("id", stableGUID("presentation of "+setting)), text("label", setting), flags("required")))
	return g.buf
}

// Definition is a setting that administrative templates can have, with the fields in which
// its values stand, both as Graph shows them.
type Definition struct {
	ID            string
	Raw           json.RawMessage
	Presentations []json.RawMessage
}

// Definitions returns the settings that administrative templates can have, sorted by their
// ids. They are built in and the same in every tenant. The slice is the caller's.
func (g *Graph) Definitions() []Definition {
	g.templates.Do(func() {
		for _, verb := range verbs {
			for _, noun := range nouns {
				setting := verb + " " + noun
				g.definitions = append(g.definitions, Definition{
					ID: stableGUID(setting), Raw: definition(setting), Presentations: []json.RawMessage{presentation(setting)},
				})
			}
		}
		slices.SortFunc(g.definitions, func(a, b Definition) int { return strings.Compare(a.ID, b.ID) })
	})
	return slices.Clone(g.definitions)
}
