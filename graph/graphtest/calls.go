package graphtest

import (
	"context"
	"slices"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Op names a kind of call, or a step of one.
type Op string

// The calls of a client, and the steps within them.
const (
	OpList    Op = "list"    // a listing as a whole
	OpPage    Op = "page"    // before each page of a listing
	OpGet     Op = "get"     // a Get as a whole
	OpItem    Op = "item"    // before each object of a Get
	OpResolve Op = "resolve" // a Resolve
	OpCreate  Op = "create"  // a Create
	OpUpdate  Op = "update"  // an Update
	OpAssign  Op = "assign"  // an Assign
	OpDelete  Op = "delete"  // a Remove
)

var ops = []Op{OpList, OpPage, OpGet, OpItem, OpResolve, OpCreate, OpUpdate, OpAssign, OpDelete}

// Call is what [Graph.OnCall] sees. The slice belongs to the caller of the Graph: look,
// but do not change or keep it.
type Call struct {
	Tenant graph.TenantID
	Op     Op
	Type   graph.PolicyType
	IDs    []string // what OpGet asks for; one id for OpItem, OpUpdate, OpAssign and OpDelete
	Page   int      // from 1, for OpPage
}

// Key names an object within a tenant.
type Key struct {
	Type graph.PolicyType
	ID   string
}

type callLog struct {
	mu    sync.Mutex
	hooks []func(context.Context, Call)
	count map[countKey]int
	got   map[gotKey]int
	log   map[graph.TenantID][]Write
}

// Write is a call that tried to change something.
type Write struct {
	Op   Op   // OpCreate, OpUpdate, OpAssign or OpDelete
	Key  Key  // the ID is empty when nothing was created
	Done bool // the tenant was changed, also when the reply was lost then
}

type countKey struct {
	tenant graph.TenantID
	op     Op
	typ    graph.PolicyType
}

type gotKey struct {
	tenant graph.TenantID
	Key
}

func (l *callLog) record(c Call) []func(context.Context, Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == nil {
		l.count = map[countKey]int{}
	}
	l.count[countKey{c.Tenant, c.Op, c.Type}]++
	return l.hooks
}

func (l *callLog) fetched(id graph.TenantID, t graph.PolicyType, results []graph.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.got == nil {
		l.got = map[gotKey]int{}
	}
	for _, r := range results {
		if r.Err == nil {
			l.got[gotKey{id, Key{t, r.ID}}]++
		}
	}
}

func (l *callLog) wrote(id graph.TenantID, w Write) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.log == nil {
		l.log = map[graph.TenantID][]Write{}
	}
	l.log[id] = append(l.log[id], w)
}

// WriteLog returns the calls that tried to change something in a tenant, in the order in
// which they ended.
func (g *Graph) WriteLog(id graph.TenantID) []Write {
	g.calls.mu.Lock()
	defer g.calls.mu.Unlock()
	return slices.Clone(g.calls.log[id])
}

// Written returns the objects that clients have created, changed or deleted, each once and sorted.
func (g *Graph) Written(id graph.TenantID) []Key {
	var out []Key
	for _, w := range g.WriteLog(id) {
		if w.Done {
			out = append(out, w.Key)
		}
	}
	slices.SortFunc(out, compareKeys)
	return slices.Compact(out)
}

// OnCall registers a function that sees every call and step before it is answered, on
// the caller's goroutine and with no lock held: it may change the tenant, block, or end
// the process. One that blocks returns when ctx ends. Hooks run in the order they were
// registered in.
func (g *Graph) OnCall(hook func(ctx context.Context, c Call)) {
	g.calls.mu.Lock()
	defer g.calls.mu.Unlock()
	// A new slice, because calls under way still read the old one.
	g.calls.hooks = append(slices.Clip(g.calls.hooks), hook)
}

// Count returns how many calls of a tenant there were, failed ones included. An empty op
// or type counts all of them; steps (OpPage, OpItem) are only counted when asked for.
func (g *Graph) Count(id graph.TenantID, op Op, t graph.PolicyType) int {
	g.calls.mu.Lock()
	defer g.calls.mu.Unlock()
	n := 0
	for k, v := range g.calls.count {
		step := k.op == OpPage || k.op == OpItem
		if k.tenant == id && (k.op == op || op == "" && !step) && (t == "" || k.typ == t) {
			n += v
		}
	}
	return n
}

// Writes returns how many calls to a tenant tried to change something, refused ones
// included: 0 means that nobody tried.
func (g *Graph) Writes(id graph.TenantID) int {
	return g.Count(id, OpCreate, "") + g.Count(id, OpUpdate, "") + g.Count(id, OpAssign, "") + g.Count(id, OpDelete, "")
}

// Fetched returns how many times Get handed out an object.
func (g *Graph) Fetched(id graph.TenantID, t graph.PolicyType, object string) int {
	g.calls.mu.Lock()
	defer g.calls.mu.Unlock()
	return g.calls.got[gotKey{id, Key{t, object}}]
}

// FetchedTwice returns the objects that Get handed out more than once, sorted.
func (g *Graph) FetchedTwice(id graph.TenantID) []Key {
	g.calls.mu.Lock()
	defer g.calls.mu.Unlock()
	var out []Key
	for k, n := range g.calls.got {
		if k.tenant == id && n > 1 {
			out = append(out, k.Key)
		}
	}
	slices.SortFunc(out, compareKeys)
	return out
}

// ResetCounts starts counting afresh. Hooks and faults stay.
func (g *Graph) ResetCounts() {
	g.calls.mu.Lock()
	defer g.calls.mu.Unlock()
	clear(g.calls.count)
	clear(g.calls.got)
	clear(g.calls.log)
}
