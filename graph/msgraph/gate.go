package msgraph

import (
	"context"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
)

// gates holds a gate per tenant and workload.
type gates struct {
	clock  Clock
	limits map[graph.Workload]Limit

	mu   sync.Mutex
	open map[gateKey]*gate
}

type gateKey struct {
	tenant   graph.TenantID
	workload graph.Workload
}

func newGates(clock Clock, limits map[graph.Workload]Limit) *gates {
	return &gates{clock: clock, limits: limits, open: map[gateKey]*gate{}}
}

// limit is what bounds a workload; one that is not known has the bounds of Intune.
func (g *gates) limit(w graph.Workload) Limit {
	if l, ok := g.limits[w]; ok {
		return l
	}
	return g.limits[graph.WorkloadIntune]
}

// of returns the gate that a call goes through. The caller gives it back with leave.
func (g *gates) of(tenant graph.TenantID, w graph.Workload) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := gateKey{tenant, w}
	it := g.open[key]
	if it == nil {
		it = &gate{slots: make(chan struct{}, max(1, g.limit(w).AtOnce))}
		g.open[key] = it
	}
	return it
}

func (g *gates) leave(*gate) {}

// gate lets calls to one workload of one tenant through.
type gate struct{ slots chan struct{} }

func (g *gate) enter(ctx context.Context, _ int, _ bool) error {
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) exit() { <-g.slots }
