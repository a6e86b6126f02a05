package graphtest

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
)

// catalogSizes is how large settings catalog policies are, in bytes by rank: most hold a
// handful of settings, a few hold hundreds. It follows exports of real tenants.
var catalogSizes = []struct{ rank, bytes float64 }{
	{0, 6_500}, {0.25, 9_500}, {0.5, 13_500}, {0.7, 25_000}, {0.85, 46_000}, {0.93, 75_000}, {0.97, 170_000}, {1, 235_000},
}

// catalogSize reads the table between its rows, on a logarithmic scale.
func catalogSize(rank float64) int {
	for i := 1; i < len(catalogSizes); i++ {
		a, b := catalogSizes[i-1], catalogSizes[i]
		if rank <= b.rank {
			return int(a.bytes * math.Pow(b.bytes/a.bytes, (rank-a.rank)/(b.rank-a.rank)))
		}
	}
	return int(catalogSizes[len(catalogSizes)-1].bytes)
}

// How Microsoft calls every template.
const (
	templateName    = "Endpoint protection"
	templateVersion = "Version 1"
)

// settingsCatalog makes a settings catalog policy: settings until it is large enough.
func settingsCatalog(g *gen) {
	s := &settings{gen: g, area: pick(g.rng, areas), at: g.rng.IntN(len(verbs) * len(nouns)), template: g.chance(5)}
	const withoutSettings = 3_400 // what the object itself weighs
	s.fill(catalogSize(g.size) - withoutSettings - g.partSize())
	g.part(partSettings, s.buf)

	platforms, technologies := "windows10", "mdm"
	if strings.HasPrefix(s.area, "com.apple") {
		platforms, technologies = "macOS", "mdm,appleRemoteManagement"
	}
	family, templateID := "none", ""
	if s.template {
		technologies += ",microsoftSense"
		family = "endpointSecurityAntivirus"
		templateID = stableGUID(s.area) + "_1"
	}
	g.open("deviceManagementConfigurationPolicy")
	g.described()
	g.null("creationSource")
	g.enum("platforms", "deviceManagementConfigurationPlatforms", platforms)
	g.enum("technologies", "deviceManagementConfigurationTechnologies", technologies)
	g.null("priorityMetaData")
	g.int("settingCount", s.count)
	g.bool("isAssigned", string(g.out.Parts[0].Raw) != "[]")
	g.bool("disableEntraGroupPolicyAssignment", false)
	g.obj("templateReference")
	g.str("@odata.type", "#microsoft.graph.deviceManagementConfigurationPolicyTemplateReference")
	g.str("templateId", templateID)
	g.enum("templateFamily", "deviceManagementConfigurationTemplateFamily", family)
	if !s.template {
		g.null("templateDisplayName")
		g.null("templateDisplayVersion")
	} else {
		g.str("templateDisplayName", templateName)
		g.str("templateDisplayVersion", templateVersion)
	}
	g.end('}')
	g.navigation(partAssignments, partSettings)
	g.actions("assign", "clearEnrollmentTimeDeviceMembershipTarget", "createCopy", "reorder", "retrieveEnrollmentTimeDeviceMembershipTarget")
	g.end('}')
}

// settings writes the settings part of a policy.
type settings struct {
	writer
	gen      *gen
	area     string
	at       int // where in the area's settings the next one stands
	template bool
	count    int
}

// fill writes at least one setting, and more until there are enough bytes.
func (s *settings) fill(bytes int) {
	s.arr("")
	for s.count == 0 || len(s.buf) < bytes {
		s.setting()
	}
	s.end(']')
}

func (s *settings) setting() {
	id := fmt.Sprintf("%s/settings('%d')", s.gen.self, s.count)
	s.obj("")
	s.str("@odata.type", "#microsoft.graph.deviceManagementConfigurationSetting")
	s.str("@odata.id", id)
	s.str("@odata.editLink", id)
	s.str("id", fmt.Sprint(s.count))
	s.obj("settingInstance")
	s.instance(s.definition(), 0)
	s.end('}')
	s.str("settingDefinitions@odata.associationLink", s.gen.root()+id+"/settingDefinitions/$ref")
	s.str("settingDefinitions@odata.navigationLink", s.gen.root()+id+"/settingDefinitions")
	s.end('}')
	s.count++
}

// definition walks through the area's settings without repeating one.
func (s *settings) definition() string {
	s.at = (s.at + 213) % (len(verbs) * len(nouns)) // prime to their number
	return s.area + "_" + verbs[s.at%len(verbs)] + nouns[s.at/len(verbs)]
}

func (s *settings) instance(def string, depth int) {
	kind := s.gen.rng.IntN(20)
	switch {
	case depth < 2 && kind < 3:
		s.head("Choice", def)
		s.choice(def, 1+s.gen.rng.IntN(3), depth)
	case depth < 2 && kind == 3:
		s.head("GroupSettingCollection", def)
		s.groups(def, depth)
	case kind < 6:
		s.head("SimpleSettingCollection", def)
		s.collection()
	case kind < 9:
		s.head("Simple", def)
		s.simple()
	default:
		s.head("Choice", def)
		s.choice(def, 0, depth)
	}
}

// head writes what all kinds of setting instances share.
func (s *settings) head(kind, def string) {
	kind = strings.TrimSuffix(kind, "Setting")
	suffix := "SettingInstance"
	if strings.HasSuffix(kind, "Collection") {
		suffix = "Instance"
	}
	s.str("@odata.type", "#microsoft.graph.deviceManagementConfiguration"+kind+suffix)
	s.str("settingDefinitionId", def)
	if !s.template {
		s.null("settingInstanceTemplateReference")
		return
	}
	s.obj("settingInstanceTemplateReference")
	s.str("@odata.type", "#microsoft.graph.deviceManagementConfigurationSettingInstanceTemplateReference")
	s.str("settingInstanceTemplateId", stableGUID(def))
	s.end('}')
}

func (s *settings) valueTemplate(def string) {
	if !s.template {
		s.null("settingValueTemplateReference")
		return
	}
	s.obj("settingValueTemplateReference")
	s.str("@odata.type", "#microsoft.graph.deviceManagementConfigurationSettingValueTemplateReference")
	s.str("settingValueTemplateId", stableGUID("value of "+def))
	s.bool("useTemplateDefault", false)
	s.end('}')
}

func (s *settings) choice(def string, children, depth int) {
	s.obj("choiceSettingValue")
	s.str("@odata.type", "#microsoft.graph.deviceManagementConfigurationChoiceSettingValue")
	s.valueTemplate(def)
	s.str("value", fmt.Sprintf("%s_%d", def, s.gen.rng.IntN(2)))
	s.children(def, children, depth)
	s.end('}')
}

func (s *settings) children(def string, n, depth int) {
	s.str("children@odata.type", "#Collection(microsoft.graph.deviceManagementConfigurationSettingInstance)")
	s.arr("children")
	for i := range n {
		s.obj("")
		s.instance(fmt.Sprintf("%s_%s%s", def, pick(s.gen.rng, nouns), []string{"", "_list", "_value", "_mode", "_scope", "_action", "_path"}[i%7]), depth+1)
		s.end('}')
	}
	s.end(']')
}

func (s *settings) groups(def string, depth int) {
	s.str("groupSettingCollectionValue@odata.type", "#Collection(microsoft.graph.deviceManagementConfigurationGroupSettingValue)")
	s.arr("groupSettingCollectionValue")
	for range 1 + s.gen.rng.IntN(2) {
		s.obj("")
		s.null("settingValueTemplateReference")
		s.children(def, 2+s.gen.rng.IntN(3), depth+1)
		s.end('}')
	}
	s.end(']')
}

func (s *settings) simple() {
	s.obj("simpleSettingValue")
	if s.gen.chance(2) {
		s.str("@odata.type", "#microsoft.graph.deviceManagementConfigurationIntegerSettingValue")
		s.null("settingValueTemplateReference")
		s.int("value", s.gen.rng.IntN(120))
	} else {
		s.str("@odata.type", "#microsoft.graph.deviceManagementConfigurationStringSettingValue")
		s.null("settingValueTemplateReference")
		s.str("value", s.gen.text())
	}
	s.end('}')
}

func (s *settings) collection() {
	s.str("simpleSettingCollectionValue@odata.type", "#Collection(microsoft.graph.deviceManagementConfigurationSimpleSettingValue)")
	s.arr("simpleSettingCollectionValue")
	for range 1 + s.gen.rng.IntN(5) {
		s.obj("")
		s.str("@odata.type", "#microsoft.graph.deviceManagementConfigurationStringSettingValue")
		s.null("settingValueTemplateReference")
		s.str("value", s.gen.text())
		s.end('}')
	}
	s.end(']')
}

// text is the kind of string that people put into settings: addresses, paths, versions.
func (g *gen) text() string {
	switch g.rng.IntN(5) {
	case 0:
		return fmt.Sprintf("https://%s.%s/%s", pick(g.rng, teams), pick(g.rng, domains), pick(g.rng, nouns))
	case 1:
		return fmt.Sprintf(`C:\Program Files\%s\%s.exe`, pick(g.rng, domains), pick(g.rng, nouns))
	case 2:
		return fmt.Sprintf("10.0.%d.%d", 19000+g.rng.IntN(8000), g.rng.IntN(5000))
	case 3:
		return "*." + pick(g.rng, domains)
	}
	return guid(g.rng)
}

// stableGUID is the same for the same text in every tenant, as the ids of Microsoft's own
// templates are.
func stableGUID(text string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return guid(rand.New(rand.NewPCG(h.Sum64(), 7)))
}
