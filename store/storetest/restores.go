package storetest

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

func previewPromises() []promise {
	return []promise{
		{"the first OpenPreview makes the run's preview, the next ones return it", openPreviewOnce},
		{"OpenPreview at once makes one preview", openPreviewAtOnce},
		{"a preview of a set that the tenant does not have is not found, but for another tenant's", previewOfNoSet},
		{"outcomes come back as they were saved, and the run's items with them", outcomesComeBack},
		{"an outcome of the same item replaces the one before", outcomesAreReplaced},
		{"a position that another item has is a conflict and nothing is written", positionTaken},
		{"thousands of outcomes are kept from few calls", manyOutcomes},
		{"a ready preview has its totals and never changes again", readyPreview},
		{"outcomes are found by action, type and id", outcomesAreFound},
		{"what has no preview is not found", noPreview},
		{"a preview serves one run, once it is ready", usedPreview},
		{"a preview serves one run when many want it at once", usedAtOnce},
	}
}

// preview is a run with the preview that it makes.
type preview struct {
	f   *fixture
	run runs.Run
	doc restore.Preview
}

// readerOf claims a run of a kind that reads a set.
func (f *fixture) readerOf(tenant graph.TenantID, kind runs.Kind, set runs.ID) runs.Run {
	f.Helper()
	r := f.newRun(tenant)
	r.Kind, r.Target = kind, runs.Target{Type: "backup_set", ID: set}
	return f.claim(f.start(r))
}

// newPreview returns what a preview of a set begins as.
func (f *fixture) newPreview(r runs.Run, set runs.ID) restore.Preview {
	return restore.Preview{
		RunID: r.ID, TenantID: r.TenantID, Kind: r.Kind, SourceTenant: r.TenantID, SetID: set, SetRevision: 3, CreatedAt: start,
		Options: restore.Options{Existing: restore.CreateCopy, CopySuffix: " <2>", Assignments: restore.MappedAssignments, Access: restore.AccessReportOnly},
	}
}

// looking opens a preview of a set.
func (f *fixture) looking(set backupset.BackupSet) *preview {
	f.Helper()
	r := f.readerOf(set.TenantID, runs.KindRestorePreview, set.ID)
	doc := must(f.store.OpenPreview(f.ctx, r.TenantID, r.Lease(), f.newPreview(r, set.ID)))(f)
	return &preview{f: f, run: r, doc: doc}
}

// found returns an outcome about an item of its own, at a position.
func (f *fixture) found(position int, action restore.Action) restore.PreviewItem {
	return restore.PreviewItem{
		ItemID: f.id(), Position: position, Type: settings, ExternalID: "p" + strconv.Itoa(position), Name: "name", VersionID: f.id(), Action: action,
	}
}

// save stores outcomes with a run item for each.
func (p *preview) save(outcomes ...restore.PreviewItem) {
	p.f.Helper()
	p.f.ok(p.try(outcomes...))
}

func (p *preview) try(outcomes ...restore.PreviewItem) error {
	var items []runs.Item
	for _, o := range outcomes {
		item := p.f.newItem(o.ExternalID, runs.ItemSuccess)
		item.BackupItemID = o.ItemID
		items = append(items, item)
	}
	return p.f.store.SavePreviewItems(p.f.ctx, p.run.TenantID, p.run.Lease(), outcomes, items)
}

// ready ends the preview and its run.
func (p *preview) ready() *preview {
	p.f.Helper()
	p.doc = must(p.f.store.ReadyPreview(p.f.ctx, p.run.TenantID, p.run.Lease()))(p.f)
	p.run = p.f.finish(p.run, runs.StatusSuccess, start.Add(time.Hour))
	return p
}

// outcomes returns all items of a preview.
func (f *fixture) outcomes(tenant graph.TenantID, preview runs.ID) []restore.PreviewItem {
	f.Helper()
	return must(f.store.ListPreviewItems(f.ctx, tenant, preview, restore.Filter{}, all))(f)
}

func openPreviewOnce(t *testing.T, f *fixture) {
	set := f.manualSet(contoso)
	r := f.readerOf(contoso, runs.KindDriftReport, set.ID)
	given := f.newPreview(r, set.ID)
	given.RunID, given.TenantID = nobody, fabrikam // the lease and the call say whose it is
	given.ReadyAt, given.RestoreRunID, given.Totals = start, nobody, map[restore.Action]int{restore.Create: 1}
	want := f.newPreview(r, set.ID)
	same(t, "preview returned", must(f.store.OpenPreview(f.ctx, contoso, r.Lease(), given))(t), want)
	same(t, "preview stored", must(f.store.GetPreview(f.ctx, contoso, r.ID))(t), want)
	other := f.newPreview(r, set.ID)
	other.SetRevision, other.Options = 9, restore.Options{}
	f.nothingWritten("the second OpenPreview", func() {
		same(t, "preview returned again", must(f.store.OpenPreview(f.ctx, contoso, r.Lease(), other))(t), want)
	})
	f.change(r, waiting)
	same(t, "preview returned to a later attempt", must(f.store.OpenPreview(f.ctx, contoso, f.claim(r).Lease(), other))(t), want)
}

func openPreviewAtOnce(t *testing.T, f *fixture) {
	set := f.manualSet(contoso)
	r := f.readerOf(contoso, runs.KindRestorePreview, set.ID)
	given := make([]restore.Preview, crowd)
	atOnce(crowd, func(i int) {
		p := f.newPreview(r, set.ID)
		p.SetRevision = i + 1
		var err error
		if given[i], err = f.store.OpenPreview(f.ctx, contoso, r.Lease(), p); err != nil {
			t.Errorf("OpenPreview: %v", err)
		}
	})
	stored := must(f.store.GetPreview(f.ctx, contoso, r.ID))(t)
	for _, p := range given {
		same(t, "preview given", p, stored)
	}
}

func previewOfNoSet(t *testing.T, f *fixture) {
	theirs := f.manualSet(fabrikam)
	r := f.readerOf(contoso, runs.KindRestorePreview, theirs.ID)
	f.nothingWrittenBy("opening a preview of no set", runs.ErrNotFound, func() error {
		_, err := f.store.OpenPreview(f.ctx, contoso, r.Lease(), f.newPreview(r, nobody))
		return err
	}, func() error { // another tenant's that is not said to be
		_, err := f.store.OpenPreview(f.ctx, contoso, r.Lease(), f.newPreview(r, theirs.ID))
		return err
	})
	across := f.newPreview(r, theirs.ID)
	across.SourceTenant = fabrikam
	same(t, "preview across tenants", must(f.store.OpenPreview(f.ctx, contoso, r.Lease(), across))(t), across)
}

func outcomesComeBack(t *testing.T, f *fixture) {
	p := f.looking(f.manualSet(contoso))
	full, bare := f.found(1, restore.Change), f.found(0, restore.Added)
	full.Reason, full.TargetID, full.TargetName, full.LiveHash = runs.ReasonExists, "t-1", "Grüße <b>", backupset.Hash{1, 2, 31: 3}
	full.Diff = []backupset.Change{
		{Path: "/a/b~1c", Op: "replace", Before: json.RawMessage(`{"n":1.10,"big":12345678901234567890,"s":"<&>\u2028"}`), After: json.RawMessage(`null`)},
		{Path: "/x", Op: "add", After: json.RawMessage(`[1,"\u0000"]`)}, {Path: "", Op: "remove", Before: json.RawMessage(`"x"`)},
	}
	full.Warnings = []restore.Warning{{Code: "secrets_masked", Detail: "a \"detail\""}, {Code: "assignments_widen"}}
	bare.VersionID, bare.Name = "", ""
	p.save(full, bare)
	full.PreviewID, bare.PreviewID = p.run.ID, p.run.ID
	same(t, "outcomes", f.outcomes(contoso, p.run.ID), []restore.PreviewItem{bare, full})
	same(t, "counts", f.get(p.run).Counts, runs.Counts{Processed: 2, Succeeded: 2})
	same(t, "run items", len(f.items(contoso, p.run.ID)), 2)
	got := f.outcomes(contoso, p.run.ID)[1]
	got.Warnings[0].Code, got.Diff[1].After[0] = "x", 'x'
	full.Diff[0].Before[0] = 'x'
	if again := f.outcomes(contoso, p.run.ID)[1]; again.Warnings[0].Code != "secrets_masked" || again.Diff[1].After[0] != '[' || again.Diff[0].Before[0] != '{' {
		t.Errorf("an outcome shares memory with the store: %+v", again)
	}
}

func outcomesAreReplaced(t *testing.T, f *fixture) {
	p := f.looking(f.manualSet(contoso))
	a, b, c := f.found(0, restore.Blocked), f.found(1, restore.Create), f.found(2, restore.Skip)
	p.save(a, b, c)
	a.Position, b.Position, a.Action = 1, 0, restore.Unchanged // they change places
	p.save(a, b)
	a.PreviewID, b.PreviewID, c.PreviewID = p.run.ID, p.run.ID, p.run.ID
	same(t, "outcomes", f.outcomes(contoso, p.run.ID), []restore.PreviewItem{b, a, c})
	same(t, "counts", f.get(p.run).Counts, runs.Counts{Processed: 3, Succeeded: 3})
}

func positionTaken(_ *testing.T, f *fixture) {
	p, other := f.looking(f.manualSet(contoso)), f.looking(f.manualSet(contoso))
	other.save(f.found(1, restore.Create)) // of another preview
	p.save(f.found(0, restore.Create))
	f.nothingWrittenBy("saving at a position that is taken", runs.ErrConflict,
		func() error { return p.try(f.found(1, restore.Create), f.found(0, restore.Skip)) },
		func() error { return p.try(f.found(5, restore.Create), f.found(5, restore.Skip)) })
	p.save(f.found(1, restore.Create))
}

func manyOutcomes(t *testing.T, f *fixture) {
	const n = 2000
	p := f.looking(f.manualSet(contoso))
	var outcomes []restore.PreviewItem
	for i := range n {
		o := f.found(i, restore.Change)
		o.Diff = []backupset.Change{{Path: "/a", Op: "replace", Before: json.RawMessage(`1`), After: json.RawMessage(`2`)}}
		outcomes = append(outcomes, o)
	}
	for part := range slices.Chunk(outcomes, n/4) {
		p.save(part...)
	}
	same(t, "totals", p.ready().doc.Totals, map[restore.Action]int{restore.Change: n})
	for i, o := range f.outcomes(contoso, p.run.ID) {
		if o.Position != i || o.ItemID != outcomes[i].ItemID {
			t.Fatalf("outcome %d: got item %s at %d", i, o.ItemID, o.Position)
		}
	}
}

func readyPreview(t *testing.T, f *fixture) {
	p := f.looking(f.manualSet(contoso))
	for i, action := range []restore.Action{
		restore.Create, restore.Change, restore.Unchanged, restore.Skip, restore.Blocked, restore.Added, restore.Removed, restore.Change,
	} {
		p.save(f.found(i, action))
	}
	f.looking(f.manualSet(contoso)).save(f.found(0, restore.Create)) // of another preview
	ready := must(f.store.ReadyPreview(f.ctx, contoso, p.run.Lease()))(t)
	if ready.ReadyAt.IsZero() {
		t.Error("it does not say when it was ready")
	}
	want := p.doc
	want.ReadyAt = ready.ReadyAt
	want.Totals = map[restore.Action]int{
		restore.Create: 1, restore.Change: 2, restore.Unchanged: 1, restore.Skip: 1, restore.Blocked: 1, restore.Added: 1, restore.Removed: 1,
	}
	same(t, "preview returned", ready, want)
	same(t, "preview stored", must(f.store.GetPreview(f.ctx, contoso, p.run.ID))(t), want)
	f.clock.Advance(time.Second)
	f.nothingWritten("making it ready again", func() {
		same(t, "preview returned again", must(f.store.ReadyPreview(f.ctx, contoso, p.run.Lease()))(t), want)
	})
	f.nothingWrittenBy("saving into a ready preview", runs.ErrConflict, func() error { return p.try(f.found(99, restore.Create)) })
}

func outcomesAreFound(t *testing.T, f *fixture) {
	p := f.looking(f.manualSet(contoso))
	a, b, c := f.found(0, restore.Create), f.found(1, restore.Change), f.found(2, restore.Create)
	b.Type = scripts
	p.save(a, b, c)
	for want, filter := range map[string]restore.Filter{
		"p0 p1 p2 ": {}, "p0 p2 ": {Actions: []restore.Action{restore.Create, restore.Skip}}, "p1 ": {Type: scripts}, "": {Type: scripts, Actions: []restore.Action{restore.Create}},
		"p1 p2 ": {ItemIDs: []runs.ID{c.ItemID, b.ItemID, nobody}}, "p2 ": {ItemIDs: []runs.ID{c.ItemID, b.ItemID}, Actions: []restore.Action{restore.Create}},
	} {
		got := ""
		for _, o := range must(f.store.ListPreviewItems(f.ctx, contoso, p.run.ID, filter, all))(t) {
			got += o.ExternalID + " "
		}
		if got != want {
			t.Errorf("%+v: got %q, want %q", filter, got, want)
		}
	}
}

func noPreview(_ *testing.T, f *fixture) {
	r := f.running(contoso)
	f.nothingWrittenBy("asking for a preview that is not there", runs.ErrNotFound, func() error {
		_, err := f.store.GetPreview(f.ctx, contoso, r.ID)
		return err
	}, func() error {
		_, err := f.store.ListPreviewItems(f.ctx, contoso, r.ID, restore.Filter{}, all)
		return err
	}, func() error {
		return f.store.SavePreviewItems(f.ctx, contoso, r.Lease(), []restore.PreviewItem{f.found(0, restore.Create)}, nil)
	}, func() error {
		_, err := f.store.ReadyPreview(f.ctx, contoso, r.Lease())
		return err
	}, func() error {
		_, err := f.store.UsePreview(f.ctx, contoso, r.Lease(), r.ID, runs.Trail{})
		return err
	})
}

func usedPreview(t *testing.T, f *fixture) {
	set := f.manualSet(contoso)
	p := f.looking(set)
	p.save(f.found(0, restore.Create))
	first, second := f.readerOf(contoso, runs.KindRestoreExecute, set.ID), f.readerOf(contoso, runs.KindRestoreExecute, set.ID)
	use := func(r runs.Run) (restore.Preview, error) {
		return f.store.UsePreview(f.ctx, contoso, r.Lease(), p.run.ID, f.trail(contoso, "restore.started"))
	}
	refused := func(what string, r runs.Run, code string) {
		t.Helper()
		f.nothingWritten(what, func() {
			_, err := use(r)
			f.wants(what, err, runs.ErrConflict)
			if got := conflictCode(err); got != code {
				t.Errorf("%s: got code %q, want %q", what, got, code)
			}
		})
	}
	refused("using a preview that is not ready", first, "preview_not_ready")
	p.ready()
	want := p.doc
	want.RestoreRunID = first.ID
	entries := len(f.audit(contoso))
	same(t, "preview given", must(use(first))(t), want)
	same(t, "entries of its trail", len(f.audit(contoso))-entries, 1)
	same(t, "preview stored", must(f.store.GetPreview(f.ctx, contoso, p.run.ID))(t), want)
	f.nothingWritten("using it again", func() { same(t, "preview given again", must(use(first))(t), want) })
	refused("using a preview that another run has", second, "preview_used")
	f.finish(first, runs.StatusFailed, start.Add(2*time.Hour))
	refused("using a preview that a run had that failed", second, "preview_used")
}

func usedAtOnce(t *testing.T, f *fixture) {
	set := f.manualSet(contoso)
	p := f.looking(set).ready()
	var restores []runs.Run
	var trails []runs.Trail
	for range crowd {
		restores = append(restores, f.readerOf(contoso, runs.KindRestoreExecute, set.ID))
		trails = append(trails, f.trail(contoso, "restore.started"))
	}
	entries := len(f.audit(contoso))
	var mu sync.Mutex
	given := 0
	atOnce(crowd, func(i int) {
		_, err := f.store.UsePreview(f.ctx, contoso, restores[i].Lease(), p.run.ID, trails[i])
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			given++
		} else if conflictCode(err) != "preview_used" {
			t.Errorf("UsePreview: %v", err)
		}
	})
	same(t, "runs that were given the preview", given, 1)
	same(t, "entries of its trail", len(f.audit(contoso))-entries, 1)
}

// conflictCode returns the code of a conflict.
func conflictCode(err error) string {
	var c *runs.ConflictError
	if errors.As(err, &c) {
		return c.Code
	}
	return ""
}
