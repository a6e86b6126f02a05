package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func additionPromises() []promise {
	return []promise{
		{"an addition to a sealed manual set raises its revision, its count and its accounts", additionIsCounted},
		{"a call that adds nothing leaves the set as it is, and what it holds is skipped", nothingAdded},
		{"a call with some policies that the set holds adds the others", someAdded},
		{"only a run about the set adds to it", runAboutAnotherSet},
		{"a set being built takes policies of the run that fills it only", additionToASetBeingBuilt},
		{"a deleted set takes no additions", additionToADeletedSet},
		{"a schedule's set takes no additions", additionToASchedulesSet},
		{"items are found by the revision at which the set had them, and by id", itemsByRevision},
		{"additions at once each raise the revision once", additionsAtOnce},
		{"a set that was added to stays as it is when the run ends, and can be purged", afterAnAddition},
		{"copied items are of the first revision", copyOfAnAddition},
	}
}

// adding claims a run that adds to a set.
func (f *fixture) adding(set backupset.BackupSet) *capture {
	f.Helper()
	r := f.newRun(set.TenantID)
	r.Kind, r.Target = runs.KindSetAdd, runs.Target{Type: "backup_set", ID: set.ID}
	return &capture{f: f, tenant: set.TenantID, run: f.claim(f.start(r)), set: set}
}

func additionIsCounted(t *testing.T, f *fixture) {
	set := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"})
	before := f.setItems(contoso, set.ID)
	c := f.adding(set)
	added := []content{{t: settings, id: "p2", body: "b"}, {t: scripts, id: "p3", body: "c"}, {t: settings, id: "p4", body: "d"}}
	c.save(added...)

	want := set
	want.Revision, want.ItemsCount = 2, 4
	want.Types = []backupset.Manifest{
		{Type: settings, Pages: []int{1}, Listed: 3, Captured: 3, Complete: true},
		{Type: scripts, Listed: 1, Captured: 1, Complete: true},
	}
	same(t, "set", f.set(set), want)
	items := f.setItems(contoso, set.ID)
	same(t, "item that was there", items[:1], before)
	for _, item := range items[1:] {
		if item.Revision != 2 {
			t.Errorf("revision of %s: got %d, want 2", item.ExternalID, item.Revision)
		}
	}
	same(t, "counts", f.get(c.run).Counts, runs.Counts{Processed: 3, Succeeded: 3})
	f.adding(set).save(content{t: scripts, id: "p5", body: "e"})
	want.Revision, want.ItemsCount = 3, 5
	want.Types[1].Listed, want.Types[1].Captured = 2, 2
	same(t, "set after another run", f.set(set), want)
}

func nothingAdded(t *testing.T, f *fixture) {
	set := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"})
	c := f.adding(set)
	c.save(content{t: settings, id: "p2", body: "b"})
	after := f.set(set)
	f.nothingWritten("the same addition again", func() { c.save(content{t: settings, id: "p2", body: "b"}) })

	other := f.adding(set)
	other.save(content{t: settings, id: "p1", body: "newer"}, content{t: settings, id: "p2", body: "b"})
	same(t, "set", f.set(set), after)
	for _, item := range f.items(contoso, other.run.ID) {
		if item.Status != runs.ItemSkipped || item.Reason != runs.ReasonAlreadyInSet || item.BackupItemID != "" {
			t.Errorf("outcome of what the set holds: got %+v", item)
		}
	}
	same(t, "counts", f.get(other.run).Counts, runs.Counts{Processed: 2, Skipped: 2})
	f.ok(f.store.SaveCaptured(f.ctx, contoso, other.lease(), set.ID, nil, []runs.Item{f.newItem("p3", runs.ItemFailed)}))
	same(t, "set after an outcome without a capture", f.set(set), after)
}

func someAdded(t *testing.T, f *fixture) {
	set := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"})
	c := f.adding(set)
	c.save(content{t: settings, id: "p1", body: "newer"}, content{t: settings, id: "p2", body: "b"})
	same(t, "counts", f.get(c.run).Counts, runs.Counts{Processed: 2, Succeeded: 1, Skipped: 1})
	if got := f.set(set); got.Revision != 2 || got.ItemsCount != 2 || first(t, got.Types).Captured != 2 {
		t.Errorf("set: got %+v", got)
	}
}

func runAboutAnotherSet(t *testing.T, f *fixture) {
	set, other := f.manualSet(contoso), f.manualSet(contoso)
	wrong, none := f.adding(other), f.manual(contoso)
	typed := f.newRun(contoso)
	typed.Target = runs.Target{Type: "schedule", ID: set.ID}
	captured := f.captured(content{t: settings, id: "p1", body: "a"})
	f.nothingWrittenBy("adding", runs.ErrConflict, func() error {
		return f.store.SaveCaptured(f.ctx, contoso, wrong.lease(), set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)})
	}, func() error {
		return f.store.SaveCaptured(f.ctx, contoso, none.lease(), set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)})
	})
	r := f.claim(f.start(typed))
	f.nothingWrittenBy("adding by a run about something else of that id", runs.ErrConflict, func() error {
		return f.store.SaveCaptured(f.ctx, contoso, r.Lease(), set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)})
	})
}

// nothingWrittenBy fails the test unless all calls are refused with the error and write nothing.
func (f *fixture) nothingWrittenBy(what string, want error, calls ...func() error) {
	f.Helper()
	f.nothingWritten(what, func() {
		for _, call := range calls {
			f.wants(what, call(), want)
		}
	})
}

func additionToASetBeingBuilt(_ *testing.T, f *fixture) {
	c := f.manual(contoso)
	add := f.adding(c.set)
	captured := f.captured(content{t: settings, id: "p1", body: "a"})
	f.nothingWrittenBy("adding to a set being built", runs.ErrConflict, func() error {
		return f.store.SaveCaptured(f.ctx, contoso, add.lease(), c.set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)})
	})
}

func additionToADeletedSet(_ *testing.T, f *fixture) {
	set := f.retire(f.manualSet(contoso), start)
	c := f.adding(set)
	captured := f.captured(content{t: settings, id: "p1", body: "a"})
	f.nothingWrittenBy("adding to a deleted set", runs.ErrDeleted, func() error {
		return f.store.SaveCaptured(f.ctx, contoso, c.lease(), set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)})
	})
}

func additionToASchedulesSet(_ *testing.T, f *fixture) {
	set := f.backup(f.schedule(contoso), start, content{t: settings, id: "p1", body: "a"})
	c := f.adding(set)
	captured := f.captured(content{t: settings, id: "p2", body: "b"})
	f.nothingWrittenBy("adding to a schedule's set", runs.ErrConflict, func() error {
		return f.store.SaveCaptured(f.ctx, contoso, c.lease(), set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)})
	})
}

func itemsByRevision(t *testing.T, f *fixture) {
	set := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"})
	c := f.adding(set)
	c.save(content{t: settings, id: "p2", body: "b"}, content{t: scripts, id: "p3", body: "c"})
	c.save(content{t: settings, id: "p4", body: "d"})
	whole := f.setItems(contoso, set.ID)
	for want, filter := range map[string]backupset.SetItemFilter{
		"p1 ": {Revision: 1}, "p1 p2 p3 ": {Revision: 2}, "p1 p2 p3 p4 ": {Revision: 3},
		"p1 p2 ": {Revision: 2, Type: settings}, "p2 ": {IDs: []runs.ID{whole[1].ID, nobody}, Revision: 2}, "": {IDs: []runs.ID{whole[3].ID}, Revision: 2},
		"p1 p4 ": {IDs: []runs.ID{whole[3].ID, whole[0].ID}},
	} {
		got := ""
		for _, item := range must(f.store.ListSetItems(f.ctx, contoso, set.ID, filter, all))(t) {
			got += item.ExternalID + " "
		}
		if got != want {
			t.Errorf("%+v: got %q, want %q", filter, got, want)
		}
	}
}

func additionsAtOnce(t *testing.T, f *fixture) {
	set := f.manualSet(contoso)
	var adders []*capture
	for range crowd {
		adders = append(adders, f.adding(set))
	}
	atOnce(crowd, func(i int) {
		own, shared := f.captured(content{t: settings, id: "p" + strconv.Itoa(i), body: "a"}), f.captured(content{t: settings, id: "shared", body: "b"})
		err := f.store.SaveCaptured(f.ctx, contoso, adders[i].lease(), set.ID, []backupset.Captured{own, shared}, []runs.Item{f.outcome(own), f.outcome(shared)})
		if err != nil {
			t.Errorf("SaveCaptured: %v", err)
		}
	})
	got := f.set(set)
	if got.Revision != 1+crowd || got.ItemsCount != 1+crowd || first(t, got.Types).Captured != 1+crowd || len(f.setItems(contoso, set.ID)) != 1+crowd {
		t.Errorf("set: got %+v, want revision and items %d", got, 1+crowd)
	}
	succeeded := 0
	for _, c := range adders {
		counts := f.get(c.run).Counts
		succeeded += counts.Succeeded
		if counts.Processed != 2 {
			t.Errorf("counts of an adder: got %+v, want 2 outcomes", counts)
		}
	}
	if succeeded != 1+crowd {
		t.Errorf("successes: got %d, want %d", succeeded, 1+crowd)
	}
}

func afterAnAddition(t *testing.T, f *fixture) {
	set := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"})
	c := f.adding(set)
	c.save(content{t: settings, id: "p2", body: "b"})
	before := f.set(set)
	f.finish(c.run, runs.StatusFailed, start.Add(time.Hour))
	same(t, "set after the run has ended", f.set(set), before)
	removed := 0
	for _, step := range f.purge(f.retire(set, start), 1) {
		removed += step.Items
	}
	same(t, "items purged", removed, 2)
}

func copyOfAnAddition(t *testing.T, f *fixture) {
	set := f.manualSet(contoso)
	f.adding(set).save(content{t: settings, id: "p1", body: "a"})
	c := f.manual(contoso)
	must(f.store.CopyItems(f.ctx, contoso, c.lease(), set.ID, c.set.ID, []graph.PolicyType{settings}))(t)
	same(t, "revision of a copied item", first(t, f.setItems(contoso, c.set.ID)).Revision, 1)
}
