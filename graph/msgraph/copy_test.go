package msgraph_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// bodyOf is what a write takes of a capture, and its assignments.
func bodyOf(t testing.TB, p graph.Policy, update bool) (json.RawMessage, []json.RawMessage) {
	t.Helper()
	info, _ := graph.Catalog.Lookup(p.Type)
	object, err := p.Decode()
	if err != nil {
		t.Fatal(err)
	}
	var assignments []json.RawMessage
	list, _ := object["assignments"].([]any)
	for _, e := range list {
		entry := e.(map[string]any)
		out := map[string]any{}
		maps.DeleteFunc(entry["target"].(map[string]any), func(key string, _ any) bool {
			return strings.HasSuffix(key, "@odata.type") && key != "@odata.type"
		})
		for _, key := range append([]string{"target"}, info.Write.AssignmentFields...) {
			if v, ok := entry[key]; ok {
				out[key] = v
			}
		}
		assignments = append(assignments, encoded(t, out))
	}
	info.StripReadOnly(object, update)
	return encoded(t, object), assignments
}

func encoded(t testing.TB, v any) json.RawMessage {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// special tells whether an object is one that is never created, has secrets, which become
// others when they are written, or has a setting twice, of which nothing says which is first.
func special(t testing.TB, p graph.Policy) bool {
	t.Helper()
	info, _ := graph.Catalog.Lookup(p.Type)
	object, err := p.Decode()
	if err != nil {
		t.Fatal(err)
	}
	return info.Write.Default.Applies(object) || info.Write.BuiltIn.Applies(object) || bytes.Contains(p.Raw, []byte(`"isEncrypted":true`)) || twice(t, p)
}

// twice tells whether an administrative template has two values of one definition.
func twice(t testing.TB, p graph.Policy) bool {
	t.Helper()
	seen := map[string]bool{}
	for _, part := range p.Parts {
		if part.Name != "definitionValues" {
			continue
		}
		var values []struct{ Definition struct{ ID string } }
		if err := json.Unmarshal(part.Raw, &values); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if seen[v.Definition.ID] {
				return true
			}
			seen[v.Definition.ID] = true
		}
	}
	return false
}

func content(t testing.TB, p graph.Policy) string {
	t.Helper()
	doc, err := backupset.NewCanonicalizer(graph.Catalog).Append(nil, &p)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

func restorable() []graph.PolicyType {
	_, foundations := graphtest.GeneratedTypes()
	return slices.DeleteFunc(slices.Concat(foundations, everyType()), func(key graph.PolicyType) bool {
		info, _ := graph.Catalog.Lookup(key)
		return info.Support != graph.Restorable || info.Read.Singleton || info.Write.Requests.Upsert
	})
}

// everything are the roles of an app that may do all.
var everything []string

func TestAPolicyMadeOfACaptureIsEqualToIt(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := worldOf(t, graphtest.Config{}, graphtest.TenantConfig{Seed: 11, Policies: 240, Foundations: 4, Types: everyType()}, everything)
	for _, key := range restorable() {
		t.Run(string(key), func(t *testing.T) {
			made := 0
			for _, p := range w.capture(t, key) {
				if special(t, p) {
					continue
				}
				body, assignments := bodyOf(t, p, false)
				id, err := w.Create(t.Context(), contoso, key, body)
				if err != nil {
					t.Fatalf("create: %v\n%.600s", err, body)
				}
				if info, _ := graph.Catalog.Lookup(key); info.Write.Assigned {
					if err := w.Assign(t.Context(), contoso, key, id, assignments); err != nil {
						t.Fatalf("assign: %v\n%.600s", err, assignments)
					}
				}
				results, err := w.Get(t.Context(), contoso, key, []string{id})
				if err != nil || results[0].Err != nil {
					t.Fatal(err, results[0].Err)
				}
				if diff := cmp.Diff(split(content(t, p)), split(content(t, results[0].Policy))); diff != "" {
					t.Fatalf("%s", diff)
				}
				made++
			}
			if onlyDefault := key == "windowsHelloForBusiness"; (made == 0) != onlyDefault {
				t.Error("the tenant has none that can be made")
			}
		})
	}
}

// split breaks a document into lines, for differences that people can read.
func split(doc string) []string { return strings.SplitAfter(doc, ",") }

func TestAPolicyThatIsUpdatedWithTheContentOfAnotherIsEqualToIt(t *testing.T) {
	testenv.SlowUnderRace(t)
	for _, key := range restorable() {
		t.Run(string(key), func(t *testing.T) {
			types := slices.DeleteFunc(everyType(), func(p graph.PolicyType) bool { return p != key })
			if key == "policySet" {
				types = append(types, "mobileApp", "deviceConfiguration", "softwareUpdateRing") // for its items
			}
			w := worldOf(t, graphtest.Config{}, graphtest.TenantConfig{Seed: 12, Policies: 12, Foundations: 4, Types: types}, everything)
			var live []graph.Policy
			for _, p := range w.capture(t, key) {
				if !special(t, p) {
					live = append(live, p)
				}
			}
			for _, to := range live {
				i := slices.IndexFunc(live, func(p graph.Policy) bool { return p.ID != to.ID && alike(t, p, to) })
				if i < 0 {
					continue
				}
				body, assignments := bodyOf(t, to, true)
				at := live[i].ID
				if err := w.Update(t.Context(), contoso, key, at, body); err != nil {
					t.Fatalf("update: %v\n%.600s", err, body)
				}
				if info, _ := graph.Catalog.Lookup(key); info.Write.Assigned {
					if err := w.Assign(t.Context(), contoso, key, at, assignments); err != nil {
						t.Fatal(err)
					}
				}
				results, err := w.Get(t.Context(), contoso, key, []string{at})
				if err != nil || results[0].Err != nil {
					t.Fatal(err, results[0].Err)
				}
				if diff := cmp.Diff(split(content(t, to)), split(content(t, results[0].Policy))); diff != "" {
					t.Fatalf("%s", diff)
				}
				return
			}
			t.Log("the tenant has no two that can take each other's content")
		})
	}
}

// alike tells whether an object can take the content of another: what is fixed once it exists
// is equal, and so are the properties that it has.
func alike(t testing.TB, a, b graph.Policy) bool {
	t.Helper()
	info, _ := graph.Catalog.Lookup(a.Type)
	fixed := func(p graph.Policy) []any {
		object, err := p.Decode()
		if err != nil {
			t.Fatal(err)
		}
		var out []any
		for _, key := range append(slices.Clone(info.Write.StripUpdate), info.Write.MatchBy...) {
			out = append(out, object[key])
		}
		if settings, ok := object["settings"].([]any); ok && p.Type == "endpointSecurityIntent" {
			for _, s := range settings { // which cannot be removed
				out = append(out, s.(map[string]any)["definitionId"])
			}
		}
		return out
	}
	return a.ODataType == b.ODataType && cmp.Equal(fixed(a), fixed(b))
}
