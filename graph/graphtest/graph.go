package graphtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Config says how a [Graph] behaves. The zero value is useful.
type Config struct {
	// Clock gives the time. Defaults to a clock that stands at [Epoch]; faults with a
	// delay need a real one.
	Clock Clock

	// PageSize is the number of rows in a page of a listing. Defaults to 25, Graph's own
	// for the settings catalog; negative is an error.
	PageSize int

	// EmptyMiddlePage puts an empty page after the first one of every listing of more
	// than one page, which Graph is free to do.
	EmptyMiddlePage bool

	// OverlapPages begins every page but the first with the last row of the one before,
	// as happens when objects change while they are being listed.
	OverlapPages bool

	// CreateLag is how long, on the clock, what a client has created is missing from
	// listings, from Get, and where other objects refer to it. Changes of it by its id are
	// taken at once. Needs a clock.
	CreateLag time.Duration

	// PublishLag is how long, on the clock, an app that a client has created is being
	// processed: its publishingState says so, and it takes no assignments. Needs a clock.
	PublishLag time.Duration

	// ApprovalRequired are the types that Multi Admin Approval protects: a write needs
	// [graph.WithJustification], is held back, and goes through when it is made again after
	// [Graph.Decide] has approved it.
	ApprovalRequired []graph.PolicyType

	// Catalogue is the table of types. Defaults to [graph.Catalog].
	Catalogue *graph.Catalogue
}

// Graph is a Microsoft Graph in memory. It is safe for concurrent use, also of its
// methods that change a tenant while others read it.
type Graph struct {
	clock     Clock
	frozen    bool // no clock was given
	cfg       Config
	catalogue *graph.Catalogue

	mu      sync.RWMutex
	tenants map[graph.TenantID]*tenant

	faults    faultScript
	calls     callLog
	approvals approvals

	templates   sync.Once
	definitions []Definition
}

// New makes a Graph without tenants.
func New(cfg Config) (*Graph, error) {
	if cfg.PageSize < 0 {
		return nil, fmt.Errorf("graphtest: Config.PageSize is %d; give 1 or more, or 0 for 25", cfg.PageSize)
	}
	if cfg.CreateLag < 0 || cfg.CreateLag > 0 && cfg.Clock == nil {
		return nil, fmt.Errorf("graphtest: Config.CreateLag is %s; it cannot be negative, and needs Config.Clock", cfg.CreateLag)
	}
	if cfg.PublishLag < 0 || cfg.PublishLag > 0 && cfg.Clock == nil {
		return nil, fmt.Errorf("graphtest: Config.PublishLag is %s; it cannot be negative, and needs Config.Clock", cfg.PublishLag)
	}
	if cfg.PageSize == 0 {
		cfg.PageSize = 25
	}
	g := &Graph{clock: cfg.Clock, cfg: cfg, catalogue: cfg.Catalogue, tenants: map[graph.TenantID]*tenant{}}
	if g.clock == nil {
		g.clock, g.frozen = stopped{}, true
	}
	if g.catalogue == nil {
		g.catalogue = graph.Catalog
	}
	return g, nil
}

// tenant is one customer directory. Objects are never changed in place, only replaced,
// so that what was handed out stays as it was.
type tenant struct {
	mu      sync.RWMutex
	plan    *plan
	types   map[graph.PolicyType]*collection
	serial  uint64 // of objects that were made after the start
	places  uint64 // given to objects so far
	changes int64  // of objects; keeps time stamps apart while the clock stands

	granted  []string // what the client was granted, when that is limited
	limited  bool
	elements uint64 // of objects' lists that were made after the start
}

type collection struct {
	info  graph.TypeInfo
	order []string
	byID  map[string]*object
}

type object struct {
	policy     graph.Policy
	incomplete bool // fewer sub-items than the object announces

	visible   time.Time // when readers see it; zero for at once
	published time.Time // when it has been processed; zero for at once
	place     uint64    // where it stands in listings
}

// at is the object as it is shown at a time.
func (o *object) at(now time.Time) graph.Policy {
	p := o.policy
	if o.published.After(now) {
		p.Raw = withProperty(p.Raw, "publishingState", quote("processing"))
	}
	return p
}

// publishedFrom is when an object that is made now has been processed.
func (w *writing) publishedFrom() time.Time {
	if w.graph.cfg.PublishLag == 0 || w.info.Write.AssignWhen == nil {
		return time.Time{}
	}
	return w.now.Add(w.graph.cfg.PublishLag)
}

// visibleFrom is when an object that is made now can be seen.
func (w *writing) visibleFrom() time.Time {
	if w.graph.cfg.CreateLag == 0 {
		return time.Time{}
	}
	return w.now.Add(w.graph.cfg.CreateLag)
}

// AddTenant adds a tenant and fills it. It refuses an id that is there already.
func (g *Graph) AddTenant(id graph.TenantID, cfg TenantConfig) error {
	if id == "" {
		return errors.New("graphtest: AddTenant: the tenant's id is required")
	}
	objects, p, err := generate(g.catalogue, cfg)
	if err != nil {
		return fmt.Errorf("graphtest: AddTenant %s: %w", id, err)
	}
	if err := p.addDirectory(cfg.Directory); err != nil {
		return fmt.Errorf("graphtest: AddTenant %s: %w", id, err)
	}
	tn := &tenant{plan: p, types: map[graph.PolicyType]*collection{}}
	for i := range objects {
		info, _ := g.catalogue.Lookup(objects[i].Type)
		if err := tn.insert(info, &object{policy: objects[i]}); err != nil {
			return fmt.Errorf("graphtest: AddTenant %s: %w", id, err)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.tenants[id]; ok {
		return fmt.Errorf("graphtest: AddTenant: tenant %s exists already", id)
	}
	g.tenants[id] = tn
	return nil
}

// insert adds an object, or refuses an id that the type has already.
func (tn *tenant) insert(info graph.TypeInfo, o *object) error {
	c := tn.collection(info)
	if _, ok := c.byID[o.policy.ID]; ok {
		return fmt.Errorf("%s %s exists already", info.Key, o.policy.ID)
	}
	o.place = tn.newPlace()
	c.byID[o.policy.ID] = o
	c.order = append(c.order, o.policy.ID)
	return nil
}

func (tn *tenant) collection(info graph.TypeInfo) *collection {
	c, ok := tn.types[info.Key]
	if !ok {
		c = &collection{info: info, byID: map[string]*object{}}
		tn.types[info.Key] = c
	}
	return c
}

// find returns an object and the facts about its type. tn.mu is held.
func (tn *tenant) find(t graph.PolicyType, id string) (*object, graph.TypeInfo, bool) {
	c, ok := tn.types[t]
	if !ok {
		return nil, graph.TypeInfo{}, false
	}
	o, ok := c.byID[id]
	return o, c.info, ok
}

// keys returns every object in a stable order: types by name, then as listed. tn.mu is
// held.
func (tn *tenant) keys() []Key {
	types := make([]graph.PolicyType, 0, len(tn.types))
	for t := range tn.types {
		types = append(types, t)
	}
	slices.Sort(types)
	var out []Key
	for _, t := range types {
		for _, id := range tn.types[t].order {
			out = append(out, Key{t, id})
		}
	}
	return out
}

// tenantFor returns a tenant for the methods that tests call on the Graph itself.
func (g *Graph) tenantFor(id graph.TenantID) (*tenant, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	tn, ok := g.tenants[id]
	if !ok {
		return nil, fmt.Errorf("graphtest: there is no tenant %s; add it with AddTenant", id)
	}
	return tn, nil
}

// reach is tenantFor for calls of the client: it answers as Graph does.
func (g *Graph) reach(id graph.TenantID, op Op, t graph.PolicyType) (*tenant, graph.TypeInfo, error) {
	tn, err := g.tenantFor(id)
	if err != nil {
		// No app of ours has been consented to there, so there is no token.
		return nil, graph.TypeInfo{}, g.fail(op, t, graph.KindUnauthorized, errors.New("unknown tenant"))
	}
	info, ok := g.catalogue.Lookup(t)
	if !ok || !info.Capturable() {
		return nil, graph.TypeInfo{}, g.fail(op, t, graph.KindUnsupported, nil)
	}
	if !g.permits(tn, info, op) {
		return nil, graph.TypeInfo{}, g.fail(op, t, graph.KindForbidden, nil)
	}
	return tn, info, nil
}

// enter is the start of every call: count it, show it to the hooks, and let the script
// say what goes wrong.
func (g *Graph) enter(ctx context.Context, c Call) (Fault, error) {
	if err := ctx.Err(); err != nil {
		return Fault{}, err
	}
	for _, hook := range g.calls.record(c) {
		hook(ctx, c)
	}
	f, ok := g.faults.next(c)
	if !ok {
		return Fault{}, ctx.Err()
	}
	if f.Delay > 0 {
		select {
		case <-ctx.Done():
		case <-g.clock.After(f.Delay):
		}
	}
	if err := ctx.Err(); err != nil {
		return Fault{}, err
	}
	if f.TruncateAfterPages > 0 || f.Applied {
		return f, nil // the caller fails later
	}
	return f, g.faultError(f, c)
}

var _ graph.Client = (*Graph)(nil)
