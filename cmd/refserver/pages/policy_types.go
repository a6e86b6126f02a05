package pages

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// typeGroup is a group of policy types to choose from, for the part "types".
type typeGroup struct {
	Label string
	Types []typeOption
}

type typeOption struct {
	Key, Label, Note string
	Chosen           bool
	ReportOnly       bool // captured, not restored
}

// typeGroups lists what can be captured, in groups as an administrator looks for it.
func (p *Pages) typeGroups(chosen []graph.PolicyType) []typeGroup {
	groups := []typeGroup{
		{Label: "Several platforms"}, {Label: "Windows"}, {Label: "macOS, iOS, Android, Linux"},
		{Label: "Microsoft Entra"}, {Label: "Foundations: what other policies refer to"},
	}
	for _, t := range p.cfg.Catalogue.All() {
		if !t.Capturable() {
			continue
		}
		o := typeOption{Key: string(t.Key), Label: t.DisplayName, Note: t.Note, Chosen: slices.Contains(chosen, t.Key)}
		if o.ReportOnly = t.Support == graph.ReportOnly; o.ReportOnly {
			o.Note = strings.TrimSpace("Can be compared, not restored. " + o.Note)
		}
		g := &groups[typeGroupOf(t)]
		g.Types = append(g.Types, o)
	}
	for i := range groups {
		slices.SortFunc(groups[i].Types, func(a, b typeOption) int { return strings.Compare(strings.ToLower(a.Label), strings.ToLower(b.Label)) })
	}
	return slices.DeleteFunc(groups, func(g typeGroup) bool { return len(g.Types) == 0 })
}

// capturable is how many policy types can be backed up.
func (p *Pages) capturable() (n int) {
	for _, t := range p.cfg.Catalogue.All() {
		if t.Capturable() {
			n++
		}
	}
	return n
}

func typeGroupOf(t graph.TypeInfo) int {
	switch {
	case t.Foundation:
		return 4
	case t.Platform == "entra":
		return 3
	case t.Platform == "windows":
		return 1
	case t.Platform == "all" || strings.Contains(t.Platform, "windows"):
		return 0
	}
	return 2
}

// typeOptions are the types that can be captured, for a select: by name.
func (p *Pages) typeOptions(chosen string) []typeOption {
	var all []typeOption
	for _, g := range p.typeGroups([]graph.PolicyType{graph.PolicyType(chosen)}) {
		all = append(all, g.Types...)
	}
	slices.SortFunc(all, func(a, b typeOption) int { return strings.Compare(strings.ToLower(a.Label), strings.ToLower(b.Label)) })
	return all
}

// typeName is what the admin centre calls a type; the type itself when the catalogue lacks it.
func (p *Pages) typeName(t graph.PolicyType) string {
	if info, ok := p.cfg.Catalogue.Lookup(t); ok && info.DisplayName != "" {
		return info.DisplayName
	}
	return string(t)
}

// TypeName is what the admin centre calls a policy type.
func (s *screen) TypeName(t any) string { return s.visit.typeName(graph.PolicyType(fmt.Sprint(t))) }

// Capturable is how many policy types can be backed up.
func (s *screen) Capturable() int { return s.visit.capturable() }

// chosenTypes are the types that a form names.
func chosenTypes(values []string) []graph.PolicyType {
	var types []graph.PolicyType
	for _, s := range values {
		if t := graph.PolicyType(s); s != "" && !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}
