package msgraph_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

// referring is thing that refers to other objects.
var referring = thing(func(i *graph.TypeInfo) {
	i.Read.Parts = []graph.PartRule{{Name: "assignments", Path: "assignments"}}
	i.Refs = []graph.RefRule{
		{Path: "assignments[].target.groupId", Kind: "group"},
		{Path: "roleScopeTagIds[]", Type: "roleScopeTag", Fixed: []string{"0"}},
		{Path: "apps[].id", Type: "mobileApp", In: "#app"},
		{Path: "owner", Kind: "alien"},
	}
})

var (
	scopeTag  = graph.TypeInfo{Key: "roleScopeTag", Path: "/tags", Version: "beta", NameProperty: "displayName", Support: graph.Restorable, Foundation: true}
	mobileApp = graph.TypeInfo{Key: "mobileApp", Path: "/apps", Version: "beta", NameProperty: "displayName", Support: graph.Restorable}
)

const groupQuery = "?$select=id,displayName,membershipRule"

// referents are answers for things that refer to group g1 and g-<id>, a tag, and an app.
func referents(ids ...string) map[string]any {
	answers := map[string]any{
		"/v1.0/groups/g1" + groupQuery:         `{"id":"g1","displayName":"Everybody","membershipRule":"(user.a -eq 1)"}`,
		"/beta/tags":                           `{"value":[{"id":"5","displayName":"Berlin"},{"id":"6","displayName":"Bonn"}]}`,
		"/beta/apps/a1?$select=id,displayName": `{"id":"a1","displayName":"Mail"}`,
	}
	for _, id := range ids {
		answers["/beta/things/"+id] = `{"id":"` + id + `","roleScopeTagIds":["5","0"],"owner":"o","apps":[{"@odata.type":"#app","id":"a1"},{"@odata.type":"#other","id":"a2"}]}`
		answers["/beta/things/"+id+"/assignments"] = `{"value":[{"target":{"groupId":"g1"}},{"target":{"groupId":"g-` + id + `"}},{"target":{"groupId":"g1"}}]}`
		answers["/v1.0/groups/g-"+id+groupQuery] = `{"id":"g-` + id + `","displayName":"Group ` + id + `","membershipRule":null}`
	}
	return answers
}

func TestReferencesHaveTheNamesOfWhatAPolicyRefersTo(t *testing.T) {
	answers := referents("1", "2")
	answers["/v1.0/groups/g-2"+groupQuery] = 404
	s := serveCanned(t, answers)
	results := get(t, s.client(t, referring, scopeTag, mobileApp), "1", "2")
	want := []graph.Reference{
		{Kind: "group", ID: "g-1", Name: "Group 1"},
		{Kind: "group", ID: "g1", Name: "Everybody", Rule: "(user.a -eq 1)"},
		{Kind: "mobileApp", ID: "a1", Name: "Mail"},
		{Kind: "scopeTag", ID: "5", Name: "Berlin"},
	}
	if diff := cmp.Diff(want, results[0].Policy.References); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[1:], results[1].Policy.References); diff != "" {
		t.Errorf("with a group that is gone: %s", diff)
	}
	if len(results[0].Policy.Warnings)+len(results[1].Policy.Warnings) > 0 {
		t.Errorf("warnings %v, %v", results[0].Policy.Warnings, results[1].Policy.Warnings)
	}
}

func TestNamesAreLookedUpOnceForManyPolicies(t *testing.T) {
	var ids []string
	for i := range 90 {
		ids = append(ids, fmt.Sprint(i))
	}
	s := serveCanned(t, referents(ids...))
	c := s.client(t, referring, scopeTag, mobileApp)
	for range 2 {
		for _, r := range get(t, c, ids...) {
			if r.Err != nil || len(r.Policy.References) != 4 {
				t.Fatalf("%s: references %v, error %v", r.ID, r.Policy.References, r.Err)
			}
		}
	}
	for address, want := range map[string]int{
		"/v1.0/groups/g1" + groupQuery: 1, "/v1.0/groups/g-7" + groupQuery: 1, "/beta/tags": 1, "/beta/apps/a1?$select=id,displayName": 1,
	} {
		if n := s.times(address); n != want {
			t.Errorf("%s was asked for %d times, want %d", address, n, want)
		}
	}
}

func TestNamesAreLookedUpAnewAfterAWhile(t *testing.T) {
	clock := &stoppedClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	s := serveCanned(t, referents("1"))
	c := s.clientWith(t, msgraph.Config{Clock: clock}, referring, scopeTag, mobileApp)
	one(t, c, "1")
	s.answers["/v1.0/groups/g-1"+groupQuery] = `{"id":"g-1","displayName":"Renamed"}`
	clock.now = clock.now.Add(time.Hour)
	if p := one(t, c, "1"); p.References[0].Name != "Renamed" {
		t.Errorf("references %v", p.References)
	}
}

// stoppedClock stands until a test moves it.
type stoppedClock struct{ now time.Time }

func (c *stoppedClock) Now() time.Time                       { return c.now }
func (c *stoppedClock) After(time.Duration) <-chan time.Time { return make(chan time.Time) }

func TestNamesThatGraphDoesNotShowAreLeftOutWithAWarning(t *testing.T) {
	for name, tt := range map[string]struct {
		change map[string]any
		lost   string // the kind without names
		again  int    // how often the second Get asks
	}{
		"groups are forbidden": {map[string]any{"/v1.0/groups/g1" + groupQuery: 403, "/v1.0/groups/g-1" + groupQuery: 403}, "group", 0},
		"groups fail":          {map[string]any{"/v1.0/groups/g1" + groupQuery: 500, "/v1.0/groups/g-1" + groupQuery: 500}, "group", 2},
		"tags are forbidden":   {map[string]any{"/beta/tags": 403}, "scopeTag", 0},
		"tags fail":            {map[string]any{"/beta/tags": 500}, "scopeTag", 1},
	} {
		t.Run(name, func(t *testing.T) {
			answers := referents("1")
			for address, status := range tt.change {
				answers[address] = status
			}
			s := serveCanned(t, answers)
			c := s.client(t, referring, scopeTag, mobileApp)
			for range 2 {
				p := one(t, c, "1")
				if !slices.Equal(p.Warnings, []string{graph.WarningNamesMissing}) || len(p.References) == 0 ||
					slices.ContainsFunc(p.References, func(r graph.Reference) bool { return r.Kind == tt.lost }) {
					t.Errorf("warnings %v, references %v", p.Warnings, p.References)
				}
			}
			asked := 0
			for address := range tt.change {
				asked += s.times(address) - 1
			}
			if asked != tt.again {
				t.Errorf("the second time %d lookups, want %d", asked, tt.again)
			}
		})
	}
}

func TestRowsThatAreWholePoliciesHaveReferencesToo(t *testing.T) {
	answers := referents()
	answers["/beta/things"] = `{"value":[{"id":"1","roleScopeTagIds":["6"]}]}`
	s := serveCanned(t, answers)
	whole := referring
	whole.ListComplete, whole.Read.Parts = true, nil
	_, headers, err := listed(t, s.client(t, whole, scopeTag, mobileApp))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]graph.Reference{{Kind: "scopeTag", ID: "6", Name: "Bonn"}}, headers[0].Policy.References); diff != "" {
		t.Error(diff)
	}
}
