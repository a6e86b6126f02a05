package restore

import (
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// facts are those of a type, ready for use.
type facts struct {
	graph.TypeInfo
	refs     []pattern // where ids of other objects stand
	strip    []pattern // what no write takes
	fixed    []pattern // what no update takes
	decisive []pattern // what a restore decides by
	keepsID  bool      // the id is chosen by who makes the object
	needType bool      // a body needs its "@odata.type"
}

// assignmentRules are where the ids of other objects stand in every assignment.
var assignmentRules = []graph.RefRule{
	{Path: "assignments[].target.groupId", Kind: "group"},
	{Path: "assignments[].target.deviceAndAppManagementAssignmentFilterId", Type: "assignmentFilter", Fixed: []string{noID}},
}

// factsOf prepares the types of a catalogue.
func factsOf(c *graph.Catalogue) map[graph.PolicyType]*facts {
	out := map[graph.PolicyType]*facts{}
	for _, info := range c.All() {
		out[info.Key] = newFacts(info)
	}
	return out
}

func newFacts(info graph.TypeInfo) *facts {
	f := &facts{
		TypeInfo: info, keepsID: slices.Contains(info.Write.Strip, "!id"), needType: info.Write.Polymorphic,
	}
	for _, rule := range info.Refs {
		p := newPattern(rule.Path)
		p.rule = &rule
		f.refs = append(f.refs, p)
	}
	for _, rule := range assignmentRules {
		if info.Write.Assigned && !slices.ContainsFunc(info.Refs, func(have graph.RefRule) bool { return have.Path == rule.Path }) {
			p := newPattern(rule.Path)
			p.rule = &rule
			f.refs = append(f.refs, p)
		}
	}
	for _, name := range graph.CommonStrip() {
		if !slices.Contains(info.Write.Strip, "!"+name) {
			f.strip = append(f.strip, newPattern(name))
		}
	}
	for _, path := range info.Write.Strip {
		if !strings.HasPrefix(path, "!") {
			f.strip = append(f.strip, newPattern(path))
		}
	}
	for _, path := range info.Write.StripUpdate {
		f.fixed = append(f.fixed, newPattern(path))
	}
	f.decisive = f.decisiveOf()
	return f
}

// applies tells whether an object in canonical form is one that the rule finds.
func applies(rule *graph.DefaultRule, canon []byte) bool {
	if rule == nil || rule.Property == "" {
		return rule != nil
	}
	value := backupset.Lookup(canon, rule.Property)
	return value != nil && slices.Contains(rule.Values, string(value))
}

// isDefault tells whether an object is one that every tenant has: it is changed and never
// made, and Graph assigns it.
func (f *facts) isDefault(canon []byte) bool {
	return f.NameProperty == "" || applies(f.Write.Default, canon)
}

// builtIn tells whether an object is Microsoft's: no write takes it.
func (f *facts) builtIn(canon []byte) bool { return applies(f.Write.BuiltIn, canon) }

// signature is what two states of one policy have in common beside their name.
func (f *facts) signature(canon []byte) string {
	var b strings.Builder
	for _, path := range f.Write.MatchBy {
		if v := backupset.Lookup(canon, strings.Split(path, ".")...); string(v) != "null" {
			b.Write(v)
		}
		b.WriteByte(0)
	}
	if f.isDefault(canon) {
		b.WriteString("default")
	}
	if f.builtIn(canon) {
		b.WriteString("built in")
	}
	return b.String()
}
