package graphtest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Subject is a client that Run tries.
type Subject struct {
	Client graph.Client

	// Inject lets something go wrong between the client and the Graph. Nil means the Graph's
	// own [Graph.Inject], which a client meets that calls its methods. A client of a server
	// brings that of the server: graphserver.Server has one that takes every fault of Run.
	Inject func(faults ...Fault) error
}

// Run checks that a client keeps the promises of [graph.Client]. The factory makes one in front
// of the Graph that it is given, anew for every check; the client may do everything in the
// tenants of the Graph that [Graph.Permissions] tells. Waits must not take real time: a client
// that waits by itself is told to return the error instead of waiting for long, or is given a
// clock that skips, and it has no limits of its own. The Example of graphserver.Server.Inject
// shows a client of a server.
//
// Objects are compared by their content: annotations of OData are a client's business, and so
// are secrets that Graph masks.
func Run(t *testing.T, factory func(t testing.TB, g *Graph) Subject) {
	for _, c := range checks {
		t.Run(c.promise, func(t *testing.T) { c.run(t, factory) })
	}
}

// check is one promise.
type check struct {
	promise string
	cfg     Config
	check   func(f *fixture)
}

var checks = slices.Concat(listChecks, getChecks, failureChecks, writeChecks, resolveChecks)

func (c check) run(t testing.TB, factory func(t testing.TB, g *Graph) Subject) {
	t.Helper()
	cfg := c.cfg
	cfg.Clock = stuck{}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{TB: t, graph: g}
	f.ok(g.AddTenant(here, TenantConfig{Seed: 3, Policies: 90, Foundations: 3}))
	f.ok(g.AddTenant(there, TenantConfig{Seed: 4, Policies: 30, Foundations: 3}))
	f.make = func() graph.Client {
		s := factory(t, g)
		if s.Client == nil {
			t.Fatal("the factory gave no client")
		}
		if f.inject = s.Inject; s.Inject == nil {
			f.inject = g.Inject
		}
		return s.Client
	}
	defer func() { // also after a Fatal
		if left := g.Unfired(); t.Failed() && len(left) > 0 {
			t.Errorf("of what should go wrong this never reached the Graph: %+v; where something stands between it and the client, set Subject.Inject", left)
		}
	}()
	f.Client = f.make()
	c.check(f)
}

const (
	here  graph.TenantID = "contoso"
	there graph.TenantID = "fabrikam"

	many       graph.PolicyType = "settingsCatalogPolicy" // of several pages, with counted parts
	plain      graph.PolicyType = "deviceCategory"        // nothing refers to it
	whole      graph.PolicyType = "assignmentFilter"      // a row of the listing is all
	scriptType graph.PolicyType = "deviceManagementScript"
	unknown    graph.PolicyType = "noSuchPolicy"
)

// stuck is a time that stands still. Whoever waits on it waits until the context ends.
type stuck struct{}

func (stuck) Now() time.Time                       { return Epoch }
func (stuck) After(time.Duration) <-chan time.Time { return nil }

// fixture is a client, and the Graph behind it that knows the truth.
type fixture struct {
	testing.TB
	graph.Client
	graph  *Graph
	inject func(faults ...Fault) error
	make   func() graph.Client
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// wrong lets something go wrong.
func (f *fixture) wrong(faults ...Fault) {
	f.Helper()
	f.ok(f.inject(faults...))
}

// kind checks an error.
func (f *fixture) kind(what string, err error, want graph.Kind) {
	f.Helper()
	var e *graph.Error
	if !errors.As(err, &e) || e.Kind != want {
		f.Errorf("%s: the error is %v; it must be a *graph.Error that is %s", what, err, want)
	}
}

// truth are the objects of a type by id.
func (f *fixture) truth(id graph.TenantID, t graph.PolicyType) map[string]graph.Policy {
	out := map[string]graph.Policy{}
	for key, p := range f.graph.Snapshot(id) {
		if key.Type == t {
			out[key.ID] = p
		}
	}
	return out
}

// idsOf are the ids of a type, sorted.
func (f *fixture) idsOf(t graph.PolicyType) []string {
	ids := slices.Sorted(maps.Keys(f.truth(here, t)))
	if len(ids) == 0 {
		f.Fatalf("the tenant has no %s", t)
	}
	return ids
}

// types are those that the tenant is filled with.
func (f *fixture) types() []graph.PolicyType {
	policies, foundations := GeneratedTypes()
	return slices.Concat(policies, foundations)
}

// list reads a listing to its end.
func (f *fixture) list(id graph.TenantID, t graph.PolicyType) (headers []graph.Header, pages int) {
	f.Helper()
	err := f.List(f.Context(), id, t, func(p graph.Page) error {
		pages++
		headers = append(headers, p.Headers...)
		return nil
	})
	if err != nil {
		f.Fatalf("List of %s: %v", t, err)
	}
	return headers, pages
}

// get fetches one object.
func (f *fixture) get(t graph.PolicyType, id string) (graph.Policy, error) {
	f.Helper()
	results, err := f.Get(f.Context(), here, t, []string{id})
	if err != nil || len(results) != 1 {
		f.Fatalf("Get of one %s: %d results, %v", t, len(results), err)
	}
	return results[0].Policy, results[0].Err
}

// capture lists a type and gets what the listing does not bring along.
func (f *fixture) capture(ctx context.Context, id graph.TenantID, t graph.PolicyType) (map[string]graph.Policy, error) {
	out := map[string]graph.Policy{}
	var ids []string
	err := f.List(ctx, id, t, func(p graph.Page) error {
		for _, h := range p.Headers {
			if h.Policy != nil {
				out[h.ID] = *h.Policy
			} else if !slices.Contains(ids, h.ID) {
				ids = append(ids, h.ID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	results, err := f.Get(ctx, id, t, ids)
	for _, r := range results {
		if err = errors.Join(err, r.Err); r.Err == nil {
			out[r.ID] = r.Policy
		}
	}
	return out, err
}

// same checks that captured objects are what the tenant holds.
func (f *fixture) same(got, want map[string]graph.Policy) {
	f.Helper()
	if len(got) != len(want) {
		f.Errorf("%d objects instead of %d", len(got), len(want))
	}
	for id, w := range want {
		p, ok := got[id]
		switch {
		case !ok:
			f.Errorf("%s %s is missing", w.Type, id)
		case p.ID != id || p.Type != w.Type || p.Name != w.Name || p.ODataType != w.ODataType:
			f.Errorf("%s %s %q %q came as %s %s %q %q", w.Type, id, w.Name, w.ODataType, p.Type, p.ID, p.Name, p.ODataType)
		case len(w.Warnings) == 0 && f.content(p) != f.content(w):
			f.Errorf("%s %s has another content than the tenant's", w.Type, id)
		}
	}
}

// content is an object with its parts and without annotations, as JSON with sorted keys.
func (f *fixture) content(p graph.Policy) string {
	f.Helper()
	object, err := p.Decode()
	if err != nil {
		f.Errorf("%s %s is not JSON: %v", p.Type, p.ID, err)
		return ""
	}
	out, err := json.Marshal(bared(object))
	f.ok(err)
	return string(out)
}

// bared is a value without annotations and actions.
func bared(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, inner := range v {
			if !strings.Contains(key, "@") && !strings.HasPrefix(key, "#") {
				out[key] = bared(inner)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = bared(inner)
		}
		return out
	}
	return v
}
