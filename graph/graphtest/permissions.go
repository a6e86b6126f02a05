package graphtest

import (
	"context"
	"errors"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Grant sets the application permissions that the client has in a tenant, in place of those
// from before; none at all is possible. Until then it has every one that the catalogue names.
// Calls for a type that take more are answered with 403 from now on.
func (g *Graph) Grant(id graph.TenantID, permissions ...string) error {
	tn, err := g.tenantFor(id)
	if err != nil {
		return err
	}
	tn.mu.Lock()
	defer tn.mu.Unlock()
	tn.granted, tn.limited = slices.Clone(permissions), true
	return nil
}

// Permissions implements [graph.PermissionReader]. It is no call: no fault, no count.
func (g *Graph) Permissions(ctx context.Context, id graph.TenantID) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	tn, err := g.tenantFor(id)
	if err != nil {
		return nil, &graph.Error{Op: "permissions", Kind: graph.KindUnauthorized, Err: errors.New("unknown tenant")}
	}
	tn.mu.RLock()
	defer tn.mu.RUnlock()
	if tn.limited {
		return slices.Clone(tn.granted), nil
	}
	return g.everyPermission(), nil
}

// everyPermission returns all that the catalogue names, sorted.
func (g *Graph) everyPermission() []string {
	var all []string
	for _, info := range g.catalogue.All() {
		for _, demands := range [][]graph.Permission{info.Permissions.Read, info.Permissions.Secrets, info.Permissions.Write} {
			for _, anyOf := range demands {
				all = append(all, anyOf...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// permits tells whether what was granted lets the client do what op does.
func (g *Graph) permits(tn *tenant, info graph.TypeInfo, op Op) bool {
	tn.mu.RLock()
	defer tn.mu.RUnlock()
	if !tn.limited {
		return true
	}
	access, err := graph.Preflight(g.catalogue, tn.granted, []graph.PolicyType{info.Key})
	if err != nil {
		return false
	}
	if op == OpCreate || op == OpUpdate || op == OpAssign {
		return len(access[0].Missing.Write) == 0
	}
	return access[0].Reads()
}

var _ graph.PermissionReader = (*Graph)(nil)
