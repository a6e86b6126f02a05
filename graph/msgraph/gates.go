package msgraph

import (
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// gates holds a gate per tenant and workload. It makes them when they are needed and drops those
// that nobody uses and that have nothing to remember.
type gates struct {
	clock   Clock
	limits  map[graph.Workload]Limit
	maxWait time.Duration

	mu      sync.Mutex
	open    map[gateKey]*gate
	sweepAt int // size of open from which on idle gates are dropped
}

type gateKey struct {
	tenant   graph.TenantID
	workload graph.Workload
}

func newGates(clock Clock, limits map[graph.Workload]Limit, maxWait time.Duration) *gates {
	return &gates{clock: clock, limits: limits, maxWait: maxWait, open: map[gateKey]*gate{}, sweepAt: minSweep}
}

// limit is what bounds a workload; one that is not known has the bounds of Intune.
func (g *gates) limit(w graph.Workload) Limit {
	if l, ok := g.limits[w]; ok {
		return l
	}
	return g.limits[graph.WorkloadIntune]
}

// of returns the gate that calls go through. The caller gives it back with leave.
func (g *gates) of(tenant graph.TenantID, w graph.Workload) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := gateKey{tenant, w}
	it := g.open[key]
	if it == nil {
		if len(g.open) >= g.sweepAt {
			g.sweep()
		}
		it = newGate(g.clock, g.limit(w), g.maxWait)
		g.open[key] = it
	}
	it.users++
	return it
}

// leave gives a gate back.
func (g *gates) leave(it *gate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	it.users--
}

// sweep drops idle gates. Doing so only when their number has doubled costs little per gate and
// keeps at most twice as many as are in use.
func (g *gates) sweep() {
	now := g.clock.Now()
	for key, it := range g.open {
		if it.users == 0 && it.rested(now) {
			delete(g.open, key)
		}
	}
	g.sweepAt = max(minSweep, 2*len(g.open))
}
