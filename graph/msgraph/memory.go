package msgraph

import (
	"context"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// remembered is how long the client relies on what it has learnt of a tenant: long enough
// for a backup to look up a group once, short enough for a permission that was granted
// meanwhile.
const remembered = 5 * time.Minute

// memories are what the client has learnt of tenants. The zero value is ready.
type memories struct {
	mu       sync.Mutex
	byTenant map[graph.TenantID]*memory
}

// memory is what is known of a tenant: for a while, for its maps start anew then.
type memory struct {
	// looking is held while somebody looks up names or tries whether secrets are shown, so
	// that others wait for the answer instead of asking the same.
	looking chan struct{}

	clock Clock

	mu     sync.Mutex
	until  time.Time
	names  map[target]known
	denied map[string]bool                        // what Graph refuses to show: see denial
	shown  bool                                   // secrets are shown
	types  map[graph.PolicyType]map[string]string // "@odata.type" by id

	approvals map[string]approval // of writes, by mark; nil while nobody has looked
	held      bool                // a write was held back
}

// known is what a lookup has found. A zero one says that there is no such object.
type known struct{ name, rule string }

// memory returns what is known of a tenant.
func (c *Client) memory(tenant graph.TenantID) *memory {
	now := c.cfg.Clock.Now()
	c.memories.mu.Lock()
	defer c.memories.mu.Unlock()
	m, ok := c.memories.byTenant[tenant]
	if ok {
		return m
	}
	if c.memories.byTenant == nil {
		c.memories.byTenant = map[graph.TenantID]*memory{}
	}
	for id, other := range c.memories.byTenant { // of a tenant that nobody reads any more
		if other.old(now) {
			delete(c.memories.byTenant, id)
		}
	}
	m = &memory{looking: make(chan struct{}, 1), clock: c.cfg.Clock, until: now.Add(remembered)}
	c.memories.byTenant[tenant] = m
	return m
}

func (m *memory) old(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !now.Before(m.until)
}

// lock locks m and forgets what is too old.
func (m *memory) lock() {
	now := m.clock.Now()
	m.mu.Lock()
	if m.names == nil || !now.Before(m.until) {
		m.until = now.Add(remembered)
		m.names, m.denied, m.types = map[target]known{}, map[string]bool{}, map[graph.PolicyType]map[string]string{}
		m.shown, m.approvals, m.held = false, nil, false
	}
}

// look waits until nobody else is looking. The caller calls done in the end.
func (m *memory) look(ctx context.Context) (done func(), err error) {
	select {
	case m.looking <- struct{}{}:
		return func() { <-m.looking }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// keepType remembers of which "@odata.type" an object is, which never changes.
func (m *memory) keepType(t graph.PolicyType, id, odataType string) {
	m.lock()
	defer m.mu.Unlock()
	if m.types[t] == nil {
		m.types[t] = map[string]string{}
	}
	m.types[t][id] = odataType
}

func (m *memory) typeOf(t graph.PolicyType, id string) string {
	m.lock()
	defer m.mu.Unlock()
	return m.types[t][id]
}
