package backupset_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

const roundTripTenant = graph.TenantID("contoso")

// writable is the body of a policy by the rules of the catalogue, and its assignments as
// Assign takes them.
func writable(t *testing.T, p graph.Policy, update bool) (body []byte, assignments []json.RawMessage) {
	t.Helper()
	info, _ := graph.Catalog.Lookup(p.Type)
	object, err := p.Decode()
	if err != nil {
		t.Fatal(err)
	}
	list, _ := object["assignments"].([]any)
	info.StripReadOnly(object, update)
	for _, e := range list {
		have := e.(map[string]any)
		info.StripReadOnly(have, false)
		a := map[string]any{"target": have["target"]}
		for _, key := range info.Write.AssignmentFields {
			if v, ok := have[key]; ok {
				a[key] = v
			}
		}
		assignments = append(assignments, encoded(t, a))
	}
	return encoded(t, object), assignments
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// idsOfItsOwn are types with ids inside that Graph gives anew and that the canonical form
// keeps.
var idsOfItsOwn = []graph.PolicyType{"roleDefinition"}

func canonicalOf(t *testing.T, p graph.Policy) string {
	t.Helper()
	if slices.Contains(idsOfItsOwn, p.Type) {
		body, _ := writable(t, p, false)
		p.Raw, p.Parts = body, nil
	}
	out, err := backupset.NewCanonicalizer(graph.Catalog).Append(nil, &p)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func captured(t *testing.T, g *graphtest.Graph, typ graph.PolicyType, id string) graph.Policy {
	t.Helper()
	results, err := g.Get(t.Context(), roundTripTenant, typ, []string{id})
	if err != nil || results[0].Err != nil {
		t.Fatalf("%s %s: %v, %v", typ, id, err, results)
	}
	return results[0].Policy
}

// What is captured, stripped by the catalogue's rules, made again, assigned and captured is
// the same policy, for every type; and an update with its own content changes nothing. The
// fake refuses every property that the rules should have stripped.
func TestACaptureMadeAgainIsTheSamePolicy(t *testing.T) {
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.AddTenant(roundTripTenant, graphtest.TenantConfig{Seed: 11, Policies: 200}); err != nil {
		t.Fatal(err)
	}
	all := g.Snapshot(roundTripTenant)
	keys := slices.SortedFunc(maps.Keys(all), func(a, b graphtest.Key) int { return cmpKeys(a, b) })
	made := map[graph.PolicyType]int{}
	for _, key := range keys {
		p := all[key]
		info, _ := graph.Catalog.Lookup(key.Type)
		object, err := p.Decode()
		if err != nil {
			t.Fatal(err)
		}

		body, assignments := writable(t, p, true)
		if err := g.Update(t.Context(), roundTripTenant, key.Type, key.ID, body); err != nil {
			t.Errorf("%v: updating it with its own content: %v", key, err)
		}
		if diff := cmp.Diff(canonicalOf(t, p), canonicalOf(t, captured(t, g, key.Type, key.ID))); diff != "" {
			t.Errorf("%v: updating it with its own content changed it:\n%.3000s", key, diff)
		}
		if info.Write.Default.Applies(object) || slices.Contains(p.Warnings, "secrets_masked") {
			continue // never created, or not restorable
		}

		if rule := info.Write.Default; rule != nil && rule.Property == "priority" {
			if err := g.Delete(roundTripTenant, key.Type, key.ID); err != nil { // frees its priority
				t.Fatal(err)
			}
		}
		body, _ = writable(t, p, false)
		id, err := g.Create(t.Context(), roundTripTenant, key.Type, body)
		if err != nil {
			t.Errorf("%v: %v", key, err)
			continue
		}
		if info.Write.Assigned {
			if err := g.Assign(t.Context(), roundTripTenant, key.Type, id, assignments); err != nil {
				t.Errorf("%v: %v", key, err)
			}
		}
		q := captured(t, g, key.Type, id)
		if diff := cmp.Diff(canonicalOf(t, p), canonicalOf(t, q)); diff != "" || q.Name != p.Name || q.ODataType != p.ODataType {
			t.Errorf("%v came back as another policy:\n%.3000s", key, diff)
		}
		if diff := cmp.Diff(p.References, q.References); diff != "" {
			t.Errorf("%v came back with other references:\n%s", key, diff)
		}
		made[key.Type]++
	}
	policies, foundations := graphtest.GeneratedTypes()
	for _, typ := range slices.Concat(policies, foundations) {
		if made[typ] == 0 {
			t.Errorf("no %s was made again", typ)
		}
	}
}

// The same with exports of real tenants, in a tenant that has something under every id that
// they refer to.
func TestARealExportMadeAgainIsTheSamePolicy(t *testing.T) {
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.AddTenant(roundTripTenant, graphtest.TenantConfig{Seed: 11, Policies: 60}); err != nil {
		t.Fatal(err)
	}
	have := map[string]string{} // kind or type: an id
	for _, r := range g.Directory(roundTripTenant) {
		have[r.Kind] = r.ID
	}
	for key := range g.Snapshot(roundTripTenant) {
		have[string(key.Type)] = key.ID
	}
	for _, p := range realExports(t) {
		info, _ := graph.Catalog.Lookup(p.Type)
		object, err := p.Decode()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range info.Refs {
			r.Rewrite(object, func(string) string { return have[r.Kind+string(r.Type)] })
		}
		p.Raw = encoded(t, object)
		body, _ := writable(t, *p, false)
		id, err := g.Create(t.Context(), roundTripTenant, p.Type, body)
		if info.Write.BuiltIn.Applies(object) {
			if graph.KindOf(err) != graph.KindInvalid {
				t.Errorf("%s: what is Microsoft's was made: %v", p.Type, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %v: %v", p.Type, object[info.NameProperty], err)
			continue
		}
		again, _ := writable(t, captured(t, g, p.Type, id), false)
		was, is := graph.Policy{Type: p.Type, Raw: body}, graph.Policy{Type: p.Type, Raw: again}
		if diff := cmp.Diff(canonicalOf(t, was), canonicalOf(t, is)); diff != "" {
			t.Errorf("%s %v came back as another policy:\n%.2000s", p.Type, object[info.NameProperty], diff)
		}
	}
}

func cmpKeys(a, b graphtest.Key) int {
	switch {
	case a.Type != b.Type && a.Type < b.Type, a.Type == b.Type && a.ID < b.ID:
		return -1
	case a == b:
		return 0
	}
	return 1
}
