package restore

import (
	"errors"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// eachGenerated calls do for every object of a generated tenant that a restore could make.
func eachGenerated(t *testing.T, do func(e *engine, g *graphtest.Graph, p graph.Policy, w wish)) {
	t.Helper()
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []graph.TenantID{"full", "empty"} {
		cfg := graphtest.TenantConfig{Seed: 3}
		if id == "full" {
			cfg.Policies = 120
		}
		if err := g.AddTenant(id, cfg); err != nil {
			t.Fatal(err)
		}
	}
	e := newEngine(nil, graph.Catalog, 1)
	for _, p := range g.Snapshot("full") {
		w := wishOf(t, e, &p, nil, Options{Assignments: OriginalAssignments, Access: AccessOriginal})
		if w.info.Support == graph.Restorable && !w.info.builtIn(w.captured.canon) {
			do(e, g, p, w)
		}
	}
}

func TestBodiesHaveNothingThatNoWriteTakes(t *testing.T) {
	eachGenerated(t, func(e *engine, g *graphtest.Graph, p graph.Policy, w wish) {
		for _, update := range []bool{false, true} {
			if w.live = nil; update {
				w.live = &w.captured
			}
			d := desire(w)
			body := d.createBody()
			if update {
				body = d.updateBody(w.info)
			}
			object, err := graph.Policy{Raw: body}.Decode()
			if err != nil {
				t.Fatalf("%s: %v", p.Type, err)
			}
			if found := w.info.StripReadOnly(object, update); len(found) > 0 {
				t.Errorf("%s, update %v: the body has %v", p.Type, update, found)
			}
			if len(object) < 2 {
				t.Errorf("%s: hardly anything is written: %s", p.Type, body)
			}
		}
	})
}

// TestWhatIsMadeIsWhatWasDesired makes every generated object again in a Graph that is as
// strict as the real one, and finds nothing left to change.
func TestWhatIsMadeIsWhatWasDesired(t *testing.T) {
	made, refused := 0, 0
	eachGenerated(t, func(e *engine, g *graphtest.Graph, p graph.Policy, w wish) {
		if w.info.isDefault(w.captured.canon) {
			return
		}
		d := desire(w)
		if d.reason != "" {
			return
		}
		id, err := g.Create(t.Context(), "full", p.Type, d.createBody())
		if err != nil {
			t.Errorf("%s %s: %v", p.Type, p.Name, err)
			refused++
			return
		}
		if d.assign {
			if err := g.Assign(t.Context(), "full", p.Type, id, d.assignments); err != nil {
				t.Errorf("%s %s: assigning: %v", p.Type, p.Name, err)
			}
		}
		live, ok := g.Object("full", p.Type, id)
		if !ok {
			t.Fatal(errors.New("it is not there"))
		}
		s, err := e.sidesOf(&live)
		if err != nil {
			t.Fatal(err)
		}
		w.live = &s
		again := desire(w)
		diff, err := e.canon.Diff(again.live, &again.policy)
		if err != nil || len(diff) > 0 {
			t.Errorf("%s %s: left to change: %v, %v", p.Type, p.Name, diff, err)
		}
		made++
	})
	if made < 50 || refused > 0 {
		t.Errorf("%d made, %d refused", made, refused)
	}
}
