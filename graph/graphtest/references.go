package graphtest

import (
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

// references names what a decoded object refers to, as far as it is there. It refuses what the tenant does not
// have, in the words of Graph: Conditional Access does not say what is missing.
func (w *writing) references(object map[string]any) ([]graph.Reference, error) {
	var out []graph.Reference
	missing := map[string]string{} // place by place and id
	found := map[string]bool{}
	for _, rule := range w.info.Refs {
		rule.Rewrite(object, func(id string) string {
			at := rule.Path + " " + id
			switch ref, ok := w.lookup(rule, id); {
			case ok && ref.Name != "":
				out = append(out, ref)
				found[at] = true
			case ok:
				found[at] = true
			default:
				missing[at] = rule.Path
			}
			return id
		})
	}
	for at, path := range missing {
		switch {
		case found[at]: // another rule of the same place knows it
		case w.info.Key == "conditionalAccessPolicy":
			return sortedReferences(out), invalid("the request is malformed or incorrect")
		default:
			return sortedReferences(out), invalid(fmt.Sprintf("%s: the tenant has no such object", path))
		}
	}
	return sortedReferences(out), nil
}

// lookup finds what an id stands for. What nobody can look up counts as there, without a
// name.
func (w *writing) lookup(rule graph.RefRule, id string) (graph.Reference, bool) {
	if rule.Kind != "" {
		known, ok := w.tenant.plan.directory(rule.Kind)
		i := slices.IndexFunc(known, func(r graph.Reference) bool { return r.ID == id })
		if i < 0 {
			return graph.Reference{}, !ok
		}
		return known[i], true
	}
	if info, ok := w.graph.catalogue.Lookup(rule.Type); !ok || !info.Capturable() {
		return graph.Reference{}, true
	}
	o, _, ok := w.tenant.find(rule.Type, id)
	if !ok || o.visible.After(w.now) {
		return graph.Reference{}, false
	}
	return graph.Reference{Kind: rule.ReferenceKind(), ID: id, Name: o.policy.Name}, true
}
