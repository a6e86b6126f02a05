package graphtest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

func rowsOf(t testing.TB, g *graphtest.Graph, typ graph.PolicyType, ids ...string) []graphtest.Row {
	t.Helper()
	rows, err := g.Rows(tenant, typ, ids...)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestRowsAreWhatAListingShowsAndNoCall(t *testing.T) {
	clock := &hand{now: graphtest.Epoch}
	g := with(t, 60, graphtest.Config{Clock: clock, CreateLag: time.Minute})
	listed := ids(list(t, g, "deviceCategory"))
	if _, err := g.Create(context.Background(), tenant, "deviceCategory", []byte(`{"displayName":"not seen yet"}`)); err != nil {
		t.Fatal(err)
	}
	var called int
	g.OnCall(func(context.Context, graphtest.Call) { called++ })
	var got []string
	for _, r := range rowsOf(t, g, "deviceCategory") {
		got = append(got, r.Policy.ID)
	}
	if !slices.Equal(got, listed) {
		t.Errorf("rows %v, listed are %v", got, listed)
	}
	some := rowsOf(t, g, "deviceCategory", listed[2], "unknown", listed[0])
	if len(some) != 2 || some[0].Policy.ID != listed[2] || some[1].Policy.ID != listed[0] {
		t.Errorf("asked for two that there are and one that there is not, got %d rows", len(some))
	}
	if called != 0 {
		t.Errorf("%d hooks saw a call", called)
	}
	if _, err := g.Rows("elsewhere", "deviceCategory"); err == nil {
		t.Error("an unknown tenant has rows")
	}
}

func TestTheFirstPlaceOfAnObjectIsItsOwnForGood(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	seen := map[uint64]graphtest.Key{}
	for _, typ := range []graph.PolicyType{"deviceConfiguration", "softwareUpdateRing", "deviceCategory"} {
		var last uint64
		for _, r := range rowsOf(t, g, typ) {
			if other, ok := seen[r.Place]; ok || r.Place <= last {
				t.Errorf("%s %s has place %d after %d, %v has it too", typ, r.Policy.ID, r.Place, last, other)
			}
			seen[r.Place], last = graphtest.Key{Type: typ, ID: r.Policy.ID}, r.Place
		}
	}
	before := rowsOf(t, g, "deviceCategory")
	gone, changed, put := before[0], before[1], before[2]
	if err := g.Delete(tenant, "deviceCategory", gone.Policy.ID); err != nil {
		t.Fatal(err)
	}
	if err := g.Change(tenant, "deviceCategory", changed.Policy.ID, 1); err != nil {
		t.Fatal(err)
	}
	if err := g.Put(tenant, put.Policy); err != nil {
		t.Fatal(err)
	}
	if err := g.Put(tenant, gone.Policy); err != nil { // back, but as the last
		t.Fatal(err)
	}
	after := rowsOf(t, g, "deviceCategory")
	if after[0].Place != changed.Place || after[1].Place != put.Place {
		t.Errorf("places moved: %d and %d are %d and %d", changed.Place, put.Place, after[0].Place, after[1].Place)
	}
	if last := after[len(after)-1]; last.Policy.ID != gone.Policy.ID || seen[last.Place] != (graphtest.Key{}) {
		t.Errorf("what came back stands at %d, where %v was", last.Place, seen[last.Place])
	}
}

func TestConfigTellsTheDefaults(t *testing.T) {
	g, err := graphtest.New(graphtest.Config{OverlapPages: true})
	if err != nil {
		t.Fatal(err)
	}
	got := g.Config()
	if got.PageSize != 25 || got.Catalogue != graph.Catalog || got.Clock != nil || !got.OverlapPages {
		t.Errorf("%+v", got)
	}
}
