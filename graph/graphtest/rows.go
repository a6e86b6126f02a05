package graphtest

import "github.com/tenantatlas/tenantbackup/graph"

// Row is an object that can be seen, and where it stands.
type Row struct {
	Policy graph.Policy

	// Place grows from object to object of a tenant in the order of listings, also across
	// types. It stays the same as long as the object exists and is never given again, so a
	// listing can go on behind it whatever has been deleted meanwhile.
	Place uint64
}

// Rows returns the objects of a type that readers can see at the time of the clock, in the
// order of listings; with ids, only those, in the order of the ids. It is no call: no hook
// sees it, no fault happens and nothing is counted. It fails for a tenant that there is not.
func (g *Graph) Rows(id graph.TenantID, t graph.PolicyType, ids ...string) ([]Row, error) {
	tn, err := g.tenantFor(id)
	if err != nil {
		return nil, err
	}
	now := g.clock.Now()
	tn.mu.RLock()
	defer tn.mu.RUnlock()
	c := tn.types[t]
	if c == nil {
		return nil, nil
	}
	if len(ids) == 0 {
		ids = c.order
	}
	out := make([]Row, 0, len(ids))
	for _, want := range ids {
		if o, ok := c.byID[want]; ok && !o.visible.After(now) {
			out = append(out, Row{o.at(now), o.place})
		}
	}
	return out, nil
}

// Config returns what the Graph was made with, and the defaults of what was left out. Clock
// is nil when there is none.
func (g *Graph) Config() Config {
	cfg := g.cfg
	cfg.Catalogue = g.catalogue
	return cfg
}

func (tn *tenant) newPlace() uint64 {
	tn.places++
	return tn.places
}
