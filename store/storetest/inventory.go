package storetest

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func inventoryPromises() []promise {
	return []promise{
		{"a listing adds policies, renames them and moves when they were seen", listingAddsAndRenames},
		{"only a complete listing marks policies as gone", onlyCompleteListingMarksAsGone},
		{"a listing that began before a later look changes nothing about what that one saw", anOlderListing},
		{"a policy that is seen again is gone no more and keeps its history", seenAgain},
		{"a listing speaks for its type and tenant only", listingSpeaksForItsType},
		{"a listed and a captured policy are one row of the inventory", listedAndCapturedAreOne},
		{"an imported policy says nothing of what is live", importedSaysNothing},
		{"policies are found by type, by part of the name without regard to case, and by gone", policiesAreFound},
	}
}

// listing records a listing of settings and returns how many policies became gone.
func (f *fixture) listing(r runs.Run, at time.Time, complete bool, seen ...string) int {
	f.Helper()
	l := backupset.Listing{Type: settings, Complete: complete, At: at}
	for _, id := range seen {
		l.Seen = append(l.Seen, graph.Header{ID: id, Name: "name of " + id})
	}
	return must(f.store.RecordListing(f.ctx, r.TenantID, r.Lease(), l))(f)
}

// gone returns since when each policy is gone, by Graph's id.
func (f *fixture) gone(tenant graph.TenantID) map[string]time.Time {
	f.Helper()
	since := map[string]time.Time{}
	for _, p := range f.policies(tenant) {
		since[p.ExternalID] = p.GoneSince
	}
	return since
}

func listingAddsAndRenames(t *testing.T, f *fixture) {
	r := f.running(contoso)
	if n := f.listing(r, start, true, "p1", "p2"); n != 0 {
		t.Errorf("gone: got %d, want 0", n)
	}
	p1, p2 := f.policy(contoso, "p1"), f.policy(contoso, "p2")
	same(t, "policy", p1, backupset.Policy{ID: p1.ID, Type: settings, ExternalID: "p1", Name: "name of p1", LastSeenAt: start})
	must(f.store.RecordListing(f.ctx, contoso, r.Lease(), backupset.Listing{
		Type: settings, At: start.Add(time.Hour), Seen: []graph.Header{{ID: "p1", Name: "renamed"}},
	}))(t)
	p1.Name, p1.LastSeenAt = "renamed", start.Add(time.Hour)
	same(t, "policy seen again", f.policy(contoso, "p1"), p1)
	same(t, "policy not seen", f.policy(contoso, "p2"), p2)
}

func onlyCompleteListingMarksAsGone(t *testing.T, f *fixture) {
	r := f.running(contoso)
	f.listing(r, start, true, "p1", "p2", "p3")
	if n := f.listing(r, start.Add(time.Minute), false, "p1"); n != 0 {
		t.Errorf("gone after an incomplete listing: got %d", n)
	}
	same(t, "gone after an incomplete listing", f.gone(contoso), map[string]time.Time{"p1": {}, "p2": {}, "p3": {}})
	since := start.Add(2 * time.Minute)
	if n := f.listing(r, since, true, "p1"); n != 2 {
		t.Errorf("gone after a complete listing: got %d, want 2", n)
	}
	same(t, "gone after a complete listing", f.gone(contoso), map[string]time.Time{"p1": {}, "p2": since, "p3": since})
	if n := f.listing(r, since.Add(time.Minute), true); n != 1 {
		t.Errorf("gone after a complete listing of nothing: got %d, want 1: the others were gone before", n)
	}
	same(t, "gone after a complete listing of nothing", f.gone(contoso), map[string]time.Time{"p1": since.Add(time.Minute), "p2": since, "p3": since})
}

// anOlderListing: two runs list at once, and the one that began first ends last.
func anOlderListing(t *testing.T, f *fixture) {
	r := f.running(contoso)
	f.listing(r, start, true, "deleted", "both")
	f.listing(r, start.Add(time.Hour), true, "new", "both")
	after := f.policies(contoso)
	if n := f.listing(r, start.Add(time.Minute), true, "deleted", "both"); n != 0 {
		t.Errorf("gone after an older listing: got %d, want 0", n)
	}
	same(t, "inventory after an older listing", f.policies(contoso), after)
}

func seenAgain(t *testing.T, f *fixture) {
	set := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"})
	before := f.policy(contoso, "p1")
	r := f.running(contoso)
	at := start
	for _, complete := range []bool{true, false} {
		f.listing(r, at.Add(time.Hour), true)
		if f.policy(contoso, "p1").GoneSince.IsZero() {
			t.Fatal("the policy is not gone")
		}
		at = at.Add(2 * time.Hour)
		f.listing(r, at, complete, "p1")
		before.LastSeenAt = at
		same(t, "policy seen again", f.policy(contoso, "p1"), before)
	}
	if len(f.versions(contoso, before.ID)) != 1 || len(f.setItems(contoso, set.ID)) != 1 {
		t.Error("versions or items were lost")
	}
}

func listingSpeaksForItsType(t *testing.T, f *fixture) {
	f.manualSet(contoso, content{t: scripts, id: "p1", body: "a"})
	f.manualSet(fabrikam, content{t: settings, id: "p1", body: "a"})
	r := f.running(contoso)
	f.listing(r, start, true, "p2")
	f.listing(r, start, true)
	same(t, "gone in contoso", f.gone(contoso), map[string]time.Time{"p1": {}, "p2": start})
	same(t, "gone in fabrikam", f.gone(fabrikam), map[string]time.Time{"p1": {}})
}

func listedAndCapturedAreOne(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	f.listing(c.run, start, true, "p1")
	listed := f.policy(contoso, "p1")
	if listed.CurrentVersionID != "" {
		t.Errorf("current version before the first capture: got %s", listed.CurrentVersionID)
	}
	c.save(content{t: settings, id: "p1", body: "a"})
	f.listing(c.run, start, true, "p1")
	list := f.policies(contoso)
	if len(list) != 1 || list[0].ID != listed.ID || list[0].CurrentVersionID == "" {
		t.Errorf("inventory: got %+v, want row %s with a version", list, listed.ID)
	}
}

func importedSaysNothing(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	f.listing(c.run, start, true, "p1", "p2")
	c.save(content{t: settings, id: "p1", body: "live"})
	f.listing(c.run, start.Add(time.Minute), true, "p1")
	live, gone := f.policy(contoso, "p1"), f.policy(contoso, "p2")

	im := f.manual(contoso)
	for _, id := range []string{"p1", "p2", "p3"} {
		imported := f.captured(content{t: settings, id: id, body: "of a file"})
		imported.Imported, imported.CapturedAt = true, f.clock.Now().Add(time.Hour)
		f.ok(f.store.SaveCaptured(f.ctx, contoso, im.lease(), im.set.ID, []backupset.Captured{imported}, []runs.Item{f.outcome(imported)}))
	}
	same(t, "a policy that is live", f.policy(contoso, "p1"), live)
	same(t, "a policy that is gone", f.policy(contoso, "p2"), gone)
	row := f.policy(contoso, "p3")
	same(t, "a policy that nobody has seen", row, backupset.Policy{ID: row.ID, Type: settings, ExternalID: "p3", Name: "name of p3"})
	if items := f.setItems(contoso, im.set.ID); len(items) != 3 || len(f.versions(contoso, live.ID)) != 2 || len(f.versions(contoso, row.ID)) != 1 {
		t.Errorf("the set holds %d imported policies, want 3, each with its version", len(items))
	}
	c.save(content{t: settings, id: "p3", body: "of a file"})
	if row = f.policy(contoso, "p3"); row.CurrentVersionID == "" || row.LastSeenAt.IsZero() || len(f.versions(contoso, row.ID)) != 1 {
		t.Errorf("captured after its import: %+v", row)
	}
	f.listing(c.run, f.clock.Now().Add(time.Hour), true, "p1")
	if row = f.policy(contoso, "p3"); row.GoneSince.IsZero() {
		t.Error("a complete listing without it leaves it as if it were there")
	}
}

func policiesAreFound(t *testing.T, f *fixture) {
	r := f.running(contoso)
	names := map[string]string{"p1": "Baseline Windows", "p2": "100% Überwachung", "p3": "1000 other", "p4": "a_b"}
	var seen []graph.Header
	for _, id := range sortedKeys(names) {
		seen = append(seen, graph.Header{ID: id, Name: names[id]})
	}
	must(f.store.RecordListing(f.ctx, contoso, r.Lease(), backupset.Listing{Type: settings, Seen: seen, Complete: true, At: start}))(t)
	must(f.store.RecordListing(f.ctx, contoso, r.Lease(), backupset.Listing{Type: scripts, Seen: []graph.Header{{ID: "p5", Name: "axb"}}, At: start}))(t)
	must(f.store.RecordListing(f.ctx, contoso, r.Lease(), backupset.Listing{Type: settings, Seen: seen[1:], Complete: true, At: start}))(t)
	yes, no := true, false
	for what, q := range map[string]struct {
		filter backupset.PolicyFilter
		want   []string
	}{
		"type":            {backupset.PolicyFilter{Type: scripts}, []string{"p5"}},
		"part of a name":  {backupset.PolicyFilter{Search: "WINDOWS"}, []string{"p1"}},
		"umlaut":          {backupset.PolicyFilter{Search: "überWACHUNG"}, []string{"p2"}},
		"percent sign":    {backupset.PolicyFilter{Search: "100%"}, []string{"p2"}},
		"underscore":      {backupset.PolicyFilter{Search: "A_B"}, []string{"p4"}},
		"ids":             {backupset.PolicyFilter{IDs: []runs.ID{f.policy(contoso, "p5").ID, f.policy(contoso, "p1").ID, nobody}}, []string{"p1", "p5"}},
		"nothing":         {backupset.PolicyFilter{Search: "nothing"}, nil},
		"gone":            {backupset.PolicyFilter{Gone: &yes}, []string{"p1"}},
		"there":           {backupset.PolicyFilter{Gone: &no}, []string{"p2", "p3", "p4", "p5"}},
		"type and search": {backupset.PolicyFilter{Type: settings, Search: "B", Gone: &no}, []string{"p2", "p4"}},
	} {
		got := map[string]bool{}
		for _, p := range must(f.store.ListPolicies(f.ctx, contoso, q.filter, all))(t) {
			got[p.ExternalID] = true
		}
		want := map[string]bool{}
		for _, id := range q.want {
			want[id] = true
		}
		same(t, what, got, want)
	}
}
