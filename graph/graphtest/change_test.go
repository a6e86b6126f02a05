package graphtest_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// changed returns the keys of objects that differ between two snapshots.
func changed(a, b map[graphtest.Key]graph.Policy) []graphtest.Key {
	var out []graphtest.Key
	for key := range maps.Keys(b) {
		if cmp.Diff(a[key], b[key], sameBytes) != "" {
			out = append(out, key)
		}
	}
	slices.SortFunc(out, func(x, y graphtest.Key) int {
		return strings.Compare(string(x.Type)+"\x00"+x.ID, string(y.Type)+"\x00"+y.ID)
	})
	return out
}

// moving are the properties that change by themselves; without them, equal text means
// that nobody changed the policy.
var moving = regexp.MustCompile(`"(lastModifiedDateTime|modifiedDateTime|version|newUpdates|deployedAppCount|uploadState|dependentAppCount|supersedingAppCount|supersededAppCount)":("(\\.|[^"\\])*"|\d+)`)

func meaning(p graph.Policy) string {
	text := moving.ReplaceAllString(string(p.Raw), "")
	for _, q := range p.Parts {
		text += "\n" + q.Name + string(q.Raw)
	}
	return text
}

func TestChurnChangesTheGivenShareForReal(t *testing.T) {
	for _, c := range []struct {
		percent float64
		want    int // of 128 objects
	}{{0, 0}, {0.01, 1}, {1, 1}, {10, 13}, {100, 128}} {
		g := with(t, 100, graphtest.Config{})
		before := g.Snapshot(tenant)
		keys, err := g.Churn(tenant, c.percent, 7)
		if err != nil {
			t.Fatal(err)
		}
		after := g.Snapshot(tenant)
		if diff := cmp.Diff(changed(before, after), keys); diff != "" || len(keys) != c.want {
			t.Errorf("%v percent: %d changed, want %d; reported and real differ:\n%.500s", c.percent, len(keys), c.want, diff)
		}
		for _, key := range keys {
			b, a := before[key], after[key]
			if meaning(b) == meaning(a) {
				t.Errorf("%v: nothing that matters changed", key)
			}
			if stamp := regexp.MustCompile(`odifiedDateTime":"[^"]*"`); stamp.Match(b.Raw) && bytes.Equal(stamp.Find(b.Raw), stamp.Find(a.Raw)) {
				t.Errorf("%v: the time stamp stands", key)
			}
			if version := regexp.MustCompile(`"version":(\d+|"\\"[^,]*)`); version.Match(b.Raw) && bytes.Equal(version.Find(b.Raw), version.Find(a.Raw)) {
				t.Errorf("%v: the version stands", key)
			}
			if !json.Valid(a.Raw) {
				t.Errorf("%v: no JSON any more", key)
			}
			for _, q := range a.Parts {
				if !json.Valid(q.Raw) {
					t.Errorf("%v: part %s is no JSON any more", key, q.Name)
				}
			}
			if d := weight(a) - weight(b); d < -120 || d > 80 {
				t.Errorf("%v: one setting changed the size by %d bytes", key, d)
			}
		}
	}
}

func TestChurnIsDeterministic(t *testing.T) {
	a, b, other := with(t, 200, graphtest.Config{}), with(t, 200, graphtest.Config{}), with(t, 200, graphtest.Config{})
	ka, _ := a.Churn(tenant, 5, 1)
	kb, _ := b.Churn(tenant, 5, 1)
	ko, _ := other.Churn(tenant, 5, 2)
	if diff := cmp.Diff(ka, kb) + cmp.Diff(a.Snapshot(tenant), b.Snapshot(tenant), sameBytes); diff != "" {
		t.Errorf("one seed, two results:\n%.500s", diff)
	}
	if cmp.Equal(ka, ko) {
		t.Error("two seeds picked the same objects")
	}
}

func TestChurnNeverReturnsToAnEarlierState(t *testing.T) {
	g := with(t, 30, graphtest.Config{})
	seen := map[string]bool{}
	for seed := range uint64(4) {
		for _, p := range g.Snapshot(tenant) {
			if p.ODataType != "" && p.Type == "settingsCatalogPolicy" {
				if text := string(p.Raw); seen[text] {
					t.Fatalf("%s has had these bytes before", p.ID)
				} else {
					seen[text] = true
				}
			}
		}
		if _, err := g.Churn(tenant, 100, seed); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTouchMovesOnlyWhatMovesByItself(t *testing.T) {
	g := with(t, 150, graphtest.Config{})
	before := g.Snapshot(tenant)
	keys, err := g.Touch(tenant, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	after := g.Snapshot(tenant)
	if diff := cmp.Diff(changed(before, after), keys); diff != "" || len(keys) < 150 {
		t.Errorf("%d touched; reported and real differ:\n%.500s", len(keys), diff)
	}
	drivers := 0
	for key, p := range after {
		if meaning(before[key]) != meaning(p) {
			t.Errorf("%v: Touch changed the policy", key)
		}
		if key.Type == "windowsDriverUpdateProfile" {
			drivers++
			if n := regexp.MustCompile(`"newUpdates":\d+`); bytes.Equal(n.Find(before[key].Raw), n.Find(p.Raw)) {
				t.Errorf("%v: the type's volatile property stands", key)
			}
		}
	}
	if drivers == 0 {
		t.Error("no driver profile to look at")
	}
}

func TestAShareThatIsNoneIsRefused(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	for _, percent := range []float64{-1, 100.1, math.NaN(), math.Inf(1)} {
		if _, err := g.Churn(tenant, percent, 1); err == nil {
			t.Errorf("Churn took %v percent", percent)
		}
		if _, err := g.Touch(tenant, percent, 1); err == nil {
			t.Errorf("Touch took %v percent", percent)
		}
	}
}

func TestRenameChangesNameAndStamps(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	const name = `Zürich "quoted" \ 東京`
	for typ, property := range map[graph.PolicyType]string{"settingsCatalogPolicy": "name", "namedLocation": "displayName"} {
		id := list(t, g, typ)[0].ID
		before, _ := g.Object(tenant, typ, id)
		if err := g.Rename(tenant, typ, id, name); err != nil {
			t.Fatal(err)
		}
		p, _ := g.Object(tenant, typ, id)
		obj, err := decode(p.Raw)
		if err != nil || obj[property] != name || p.Name != name || list(t, g, typ)[0].Name != name {
			t.Errorf("%s: renamed to %q in Raw, %q beside it; %v", typ, obj[property], p.Name, err)
		}
		was, _ := decode(before.Raw)
		for key := range obj {
			if key != property && !strings.HasSuffix(key, "odifiedDateTime") && cmp.Diff(was[key], obj[key]) != "" {
				t.Errorf("%s: Rename changed %s", typ, key)
			}
		}
	}
}

func TestAddMakesOneMoreAndDeleteRemovesIt(t *testing.T) {
	g := with(t, 100, graphtest.Config{})
	before := counts(g)
	for typ := range before {
		p, err := g.Add(tenant, typ)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := g.Object(tenant, typ, p.ID); !ok || got.Name != p.Name || !json.Valid(p.Raw) || counts(g)[typ] != before[typ]+1 {
			t.Errorf("%s: the added one is %q, %v", typ, got.Name, ok)
		}
		if err := g.Delete(tenant, typ, p.ID); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(before, counts(g)); diff != "" {
		t.Error(diff)
	}
	if _, err := g.Add(tenant, "groupReference"); err == nil {
		t.Error("Add made a type that is not generated")
	}
}

func TestEditsOfWhatIsNotThereAreErrors(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	_, churn := g.Churn("nobody", 1, 1)
	_, add := g.Add("nobody", "roleScopeTag")
	for name, err := range map[string]error{
		"delete":         g.Delete(tenant, "roleScopeTag", "99"),
		"rename":         g.Rename(tenant, "roleScopeTag", "99", "x"),
		"change":         g.Change(tenant, "noSuchType", "1", 1),
		"churn":          churn,
		"add":            add,
		"foreign delete": g.Delete("nobody", "roleScopeTag", "1"),
		"put":            g.Put("nobody", graph.Policy{Type: "roleScopeTag", ID: "1", Raw: []byte("{}")}),
	} {
		if err == nil {
			t.Errorf("%s found something", name)
		}
	}
	if g.Snapshot("nobody") != nil || g.Groups("nobody") != nil {
		t.Error("an unknown tenant holds something")
	}
	if _, ok := g.Object("nobody", "roleScopeTag", "1"); ok {
		t.Error("an unknown tenant holds something")
	}
}

func TestChangeChangesOnePolicy(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	before := g.Snapshot(tenant)
	key := graphtest.Key{Type: "settingsCatalogPolicy", ID: list(t, g, "settingsCatalogPolicy")[2].ID}
	if err := g.Change(tenant, key.Type, key.ID, 1); err != nil {
		t.Fatal(err)
	}
	after := g.Snapshot(tenant)
	if diff := cmp.Diff([]graphtest.Key{key}, changed(before, after)); diff != "" || meaning(before[key]) == meaning(after[key]) {
		t.Errorf("changed:\n%s", diff)
	}
}

func TestPutKeepsBytesAndRefusesWhatIsNotJSON(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	good := graph.Policy{Type: "policySet", ID: "p1", Name: "mine", Raw: []byte("{ \"n\": 1e400,\r\n\t\"id\":\"p1\"}"), Parts: []graph.Part{{Name: "items", Raw: []byte("[ ]")}}}
	if err := g.Put(tenant, good); err != nil {
		t.Fatal(err)
	}
	if got, _ := g.Object(tenant, "policySet", "p1"); cmp.Diff(good, got, sameBytes) != "" {
		t.Errorf("got %+v", got)
	}
	for name, spoil := range map[string]func(*graph.Policy){
		"no id":        func(p *graph.Policy) { p.ID = "" },
		"unknown type": func(p *graph.Policy) { p.Type = "noSuchType" },
		"look-up only": func(p *graph.Policy) { p.Type = "groupReference" },
		"an array":     func(p *graph.Policy) { p.Raw = []byte("[]") },
		"half":         func(p *graph.Policy) { p.Raw = []byte(`{"id":`) },
		"bad part":     func(p *graph.Policy) { p.Parts = []graph.Part{{Name: "items", Raw: []byte("[,]")}} },
		"part twice":   func(p *graph.Policy) { p.Parts = append(slices.Clone(p.Parts), p.Parts[0]) },
	} {
		bad := good
		spoil(&bad)
		if err := g.Put(tenant, bad); err == nil {
			t.Errorf("%s: Put accepted it", name)
		}
	}
}

// What people see of a fake tenant looks like a tenant: names are numbered on from what there is.
func TestAnObjectThatIsAddedIsNumberedLikeTheOthers(t *testing.T) {
	g := with(t, 120, graphtest.Config{})
	for _, typ := range []graph.PolicyType{"deviceConfiguration", "conditionalAccessPolicy", "namedLocation", "roleDefinition"} {
		rows, err := g.Rows(tenant, typ)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			p, err := g.Add(tenant, typ)
			if err != nil {
				t.Fatal(err)
			}
			number, err := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(p.Name))
			if err != nil || number <= len(rows) || number > 200 {
				t.Errorf("after %d of %s one is called %q", len(rows), typ, p.Name)
			}
		}
	}
}
