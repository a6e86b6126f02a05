package graphtest

import (
	"context"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Resolve implements [graph.Reader]. The directory of a tenant holds the groups that its
// policies are assigned to.
func (g *Graph) Resolve(ctx context.Context, id graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error) {
	if _, err := g.enter(ctx, Call{Tenant: id, Op: OpResolve}); err != nil {
		return nil, err
	}
	tn, err := g.tenantFor(id)
	if err != nil {
		return nil, err
	}
	tn.mu.RLock()
	defer tn.mu.RUnlock()
	out := make([]graph.Resolution, len(refs))
	for i, ref := range refs {
		if ref.Kind != "group" {
			return nil, g.fail(OpResolve, "", graph.KindUnsupported, nil)
		}
		for _, have := range tn.plan.groups {
			out[i].Exists = out[i].Exists || have.ID == ref.ID
			if strings.EqualFold(have.Name, ref.Name) && (ref.Rule == "" || ref.Rule == have.Rule) {
				out[i].Matches = append(out[i].Matches, have)
			}
		}
	}
	return out, nil
}
