package graphtest

import (
	"context"
	"errors"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Resolve implements [graph.Reader]. The directory of a tenant holds the groups, users,
// applications and roles that its policies name.
func (g *Graph) Resolve(ctx context.Context, id graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error) {
	if _, err := g.enter(ctx, Call{Tenant: id, Op: OpResolve}); err != nil {
		return nil, err
	}
	tn, err := g.tenantFor(id)
	if err != nil {
		// No app of ours has been consented to there, so there is no token.
		return nil, g.fail(OpResolve, "", graph.KindUnauthorized, errors.New("unknown tenant"))
	}
	out := make([]graph.Resolution, len(refs))
	for i, ref := range refs {
		known, ok := tn.plan.directory(ref.Kind)
		if !ok {
			return nil, g.fail(OpResolve, "", graph.KindUnsupported, nil)
		}
		for _, have := range known {
			out[i].Exists = out[i].Exists || have.ID == ref.ID
			if strings.EqualFold(have.Name, ref.Name) && (ref.Rule == "" || ref.Rule == have.Rule) {
				out[i].Matches = append(out[i].Matches, have)
			}
		}
	}
	return out, nil
}
