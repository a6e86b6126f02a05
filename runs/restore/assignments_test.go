package restore

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

// The kinds of targets, in short.
func everyone(kind, filter string) string {
	return fmt.Sprintf(`{"target":{"@odata.type":"#microsoft.graph.%sAssignmentTarget"%s}}`, kind, filter)
}

func group(id, filter string) string {
	return fmt.Sprintf(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":%q%s}}`, id, filter)
}

func without(id string) string {
	return fmt.Sprintf(`{"target":{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":%q}}`, id)
}

const filtered = `,"deviceAndAppManagementAssignmentFilterId":"f1","deviceAndAppManagementAssignmentFilterType":"include"`

func TestWhatReachesMoreIsWarnedOf(t *testing.T) {
	none := []string{"-"} // no live object
	for _, c := range []struct {
		name      string
		now, then []string
		want      string
	}{
		{"the same", []string{group("a", "")}, []string{group("a", "")}, ""},
		{"fewer groups", []string{group("a", ""), group("b", "")}, []string{group("a", "")}, ""},
		{"more groups", []string{group("a", "")}, []string{group("a", ""), group("b", ""), group("c", "")}, "2 more groups would be included"},
		{"other groups", []string{group("a", "")}, []string{group("b", "")}, "1 more groups would be included"},
		{"all devices", []string{group("a", "")}, []string{everyone("allDevices", "")}, "all devices would be included"},
		{"all users", nil, []string{everyone("allLicensedUsers", "")}, "all users would be included"},
		{"all devices as before", []string{everyone("allDevices", "")}, []string{everyone("allDevices", "")}, ""},
		{"one exclusion less", []string{group("a", ""), without("b"), without("c")}, []string{group("a", ""), without("c")}, "1 groups would be excluded no more"},
		{"one exclusion more", []string{group("a", "")}, []string{group("a", ""), without("b")}, ""},
		{"no filter any more", []string{group("a", filtered)}, []string{group("a", "")}, "1 assignments would have another filter"},
		{"no filter for all devices any more", []string{everyone("allDevices", filtered)}, []string{everyone("allDevices", "")}, "1 assignments would have another filter"},
		{"a new policy for groups", none, []string{group("a", ""), group("b", "")}, ""},
		{"a new policy for everybody", none, []string{everyone("allDevices", "")}, "all devices would be included"},
	} {
		e := pureEngine(t)
		captured := policyOf(t, "widget", `{"id":"1","displayName":"W"}`, assignments("["+strings.Join(c.then, ",")+"]"))
		var live *graph.Policy
		if !slices.Equal(c.now, none) {
			live = policyOf(t, "widget", `{"id":"1","displayName":"W"}`, assignments("["+strings.Join(c.now, ",")+"]"))
		}
		d := desire(wishOf(t, e, captured, live, Options{Assignments: OriginalAssignments}))
		var got []string
		for _, w := range d.warnings {
			if w.Code != codeAssignmentsWiden {
				t.Errorf("%s: %+v", c.name, w)
			}
			got = append(got, w.Detail)
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAssignmentsAreWrittenAsAssignTakesThem(t *testing.T) {
	e := pureEngine(t)
	captured := policyOf(t, "widget", `{"id":"1","displayName":"W"}`, assignments(`[
		{"@odata.type":"#a","id":"1_g","source":"direct","sourceId":"1","intent":"required","settings":{"x":1},
			"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g","deviceAndAppManagementAssignmentFilterId":"f","deviceAndAppManagementAssignmentFilterType":"include","more":1}},
		{"source":"policySets","target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"set"}},
		{"target":{"@odata.type":"#microsoft.graph.configurationManagerCollectionAssignmentTarget","collectionId":"c",
			"deviceAndAppManagementAssignmentFilterId":"00000000-0000-0000-0000-000000000000","deviceAndAppManagementAssignmentFilterType":"none"}}]`))
	d := desire(wishOf(t, e, captured, nil, Options{Assignments: OriginalAssignments}))
	sameJSON(t, "assignments", `[
		{"target":{"@odata.type":"#microsoft.graph.configurationManagerCollectionAssignmentTarget","collectionId":"c"}},
		{"intent":"required","target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g","deviceAndAppManagementAssignmentFilterId":"f","deviceAndAppManagementAssignmentFilterType":"include"}}]`,
		joined(d.assignments))
	if strings.Contains(string(d.createBody()), "assignments") {
		t.Errorf("the body has assignments: %s", d.createBody())
	}
}

func TestAssignmentsAreLeftAlone(t *testing.T) {
	assigned := assignments("[" + group("a", "") + "]")
	for _, c := range []struct {
		name    string
		p       *graph.Policy
		options Options
	}{
		{"unless asked for", policyOf(t, "widget", `{"id":"1","displayName":"W"}`, assigned), Options{}},
		{"when they were not captured", policyOf(t, "widget", `{"id":"1","displayName":"W"}`), Options{Assignments: OriginalAssignments}},
		{"of what every tenant has", policyOf(t, "widget", `{"id":"1","displayName":"W","priority":0}`, assigned), Options{Assignments: OriginalAssignments}},
		{"of types that have none", policyOf(t, "gadget", `{"id":"1","displayName":"W"}`, assigned), Options{Assignments: MappedAssignments}},
	} {
		w := wishOf(t, pureEngine(t), c.p, nil, c.options)
		w.refs = func(r reference) mapping {
			t.Errorf("%s: %v is looked up", c.name, r)
			return mapping{id: r.id}
		}
		if d := desire(w); d.assign || d.assignments != nil || len(d.policy.Parts) > 0 {
			t.Errorf("%s: %s", c.name, d.assignments)
		}
	}
}

func TestNoneCapturedMeansNoneRestored(t *testing.T) {
	d := desire(wishOf(t, pureEngine(t), policyOf(t, "widget", `{"id":"1","displayName":"W"}`, assignments(`[]`)), nil, Options{Assignments: OriginalAssignments}))
	if !d.assign || d.assignments == nil || len(d.assignments) > 0 {
		t.Errorf("assign %v, %v", d.assign, d.assignments)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(d.policy.Parts[0].Raw, &list); err != nil || len(list) > 0 {
		t.Errorf("%s, %v", d.policy.Parts[0].Raw, err)
	}
}

// TestWhoeverWritesWithThePreviewersReaderIsRefused takes what the previewer and each of its
// attempts read with for the writer that stands behind it.
func TestWhoeverWritesWithThePreviewersReaderIsRefused(t *testing.T) {
	const tenant, policyType = graph.TenantID("contoso"), graph.PolicyType("settingsCatalogPolicy")
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.AddTenant(tenant, graphtest.TenantConfig{Seed: 1, Policies: 1}); err != nil {
		t.Fatal(err)
	}
	p, err := NewPreviewer(PreviewerConfig{Reader: g, Store: struct{ HistoryStore }{}, Source: struct{ Source }{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []graph.Reader{p.cfg.Reader, newTarget(p.cfg.Reader, tenant, graph.Catalog, 1, nil).reader} {
		w, ok := r.(graph.Writer)
		if !ok {
			t.Fatalf("a %T does not say that writing is blocked", r)
		}
		_, created := w.Create(t.Context(), tenant, policyType, []byte(`{"name":"x"}`))
		for name, err := range map[string]error{
			"create": created,
			"update": w.Update(t.Context(), tenant, policyType, "a", []byte(`{}`)),
			"assign": w.Assign(t.Context(), tenant, policyType, "a", nil),
		} {
			if graph.KindOf(err) != graph.KindWriteBlocked || runs.ReasonOf(err) != runs.ReasonWriteBlocked {
				t.Errorf("%s with a %T: %v", name, r, err)
			}
		}
	}
	if n := g.Writes(tenant); n != 0 || len(g.WriteLog(tenant)) != 0 {
		t.Errorf("%d writes got through", n)
	}
}

func TestPathsLeadToWhatTheySay(t *testing.T) {
	doc := []byte(`{"a":{"b":[{"c":"1"},{"c":"2","d":{"c":"3"}}],"e":["4","5"]},"f":[[{"c":"6"}]]}`)
	for path, want := range map[string]string{
		"a.b[].c": "1 2", "a.e[]": "4 5", "**.c": "1 2 3 6", "a.**.c": "1 2 3", "a.b[].**.c": "1 2 3",
		"a.b.c": "", "a.e": "", "c": "", "a.b[].d.c": "3",
	} {
		rule := graph.RefRule{Path: path, Kind: "x"}
		p := newPattern(path)
		p.rule = &rule
		var got []string
		out := rewriteRefs(nil, doc, doc, start([]pattern{p}), func(_ []*graph.RefRule, id string) string {
			got = append(got, id)
			return id
		})
		if strings.Join(got, " ") != want || string(out) != string(doc) {
			t.Errorf("%s: %v, want %s; %s", path, got, want, out)
		}
	}
	for path, want := range map[string]string{
		"a.b[].c": `{"a":{"b":[{},{"d":{"c":"3"}}],"e":["4","5"]},"f":[[{"c":"6"}]]}`, "a": `{"f":[[{"c":"6"}]]}`,
		"**.c": `{"a":{"b":[{},{"d":{}}],"e":["4","5"]},"f":[[{}]]}`, "x.y": string(doc),
	} {
		if got := prune(nil, doc, start([]pattern{newPattern(path)})); string(got) != want {
			t.Errorf("without %s: %s", path, got)
		}
	}
}
