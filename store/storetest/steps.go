package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

func stepPromises() []promise {
	return []promise{
		{"steps come back as they were saved last, and the run's items with them", stepsComeBack},
		{"a run without steps has none, one that is not there is not found", noSteps},
		{"previews and their steps go with their set, in bounded batches", previewsGoWithTheirSet},
		{"a preview that is half gone cannot be used", halfGonePreview},
		{"a preview of another tenant's set stays when that is purged", previewAcrossTenantsStays},
	}
}

// newStep returns a step that has begun.
func (f *fixture) newStep(item runs.ID) restore.Step {
	return restore.Step{ItemID: item, Type: settings, SourceID: "source", BegunAt: start}
}

func (f *fixture) saveSteps(r runs.Run, steps ...restore.Step) {
	f.Helper()
	f.ok(f.store.SaveSteps(f.ctx, r.TenantID, r.Lease(), steps, nil))
}

// steps returns all steps of a run.
func (f *fixture) steps(tenant graph.TenantID, run runs.ID) []restore.Step {
	f.Helper()
	return must(f.store.ListSteps(f.ctx, tenant, run, all))(f)
}

func stepsComeBack(t *testing.T, f *fixture) {
	r := f.readerOf(contoso, runs.KindRestoreExecute, f.manualSet(contoso).ID)
	a, b := f.newStep(f.id()), f.newStep(f.id())
	f.saveSteps(r, b, a)
	a.RunID, b.RunID = r.ID, r.ID
	same(t, "steps", f.steps(contoso, r.ID), []restore.Step{a, b})

	b.RunID, b.TargetID, b.WrittenAt, b.AssignedAt = nobody, "made", start.Add(time.Second), start.Add(time.Minute)
	c := f.newStep(f.id())
	c.Type = scripts
	failed, done := f.newItem("p1", runs.ItemFailed), f.newItem("p2", runs.ItemSuccess)
	done.TargetID = "made"
	f.ok(f.store.SaveSteps(f.ctx, contoso, r.Lease(), []restore.Step{b, c}, []runs.Item{failed, done}))
	b.RunID, c.RunID = r.ID, r.ID
	same(t, "steps saved again", f.steps(contoso, r.ID), []restore.Step{a, b, c})
	same(t, "counts", f.get(r).Counts, runs.Counts{Processed: 2, Succeeded: 1, Failed: 1})
	same(t, "run items", f.items(contoso, r.ID), []runs.Item{failed, done})
	f.saveSteps(r, b, c)
	same(t, "the same steps saved again", f.steps(contoso, r.ID), []restore.Step{a, b, c})
}

func noSteps(t *testing.T, f *fixture) {
	same(t, "steps", f.steps(contoso, f.running(contoso).ID), nil)
	_, err := f.store.ListSteps(f.ctx, contoso, nobody, all)
	f.wants("steps of a run that is not there", err, runs.ErrNotFound)
}

// restored previews a set, and restores it with some steps.
func (f *fixture) restored(tenant graph.TenantID, set backupset.BackupSet, n int) (*preview, runs.Run) {
	f.Helper()
	source := set.TenantID
	set.TenantID = tenant
	r := f.readerOf(tenant, runs.KindRestorePreview, set.ID)
	doc := f.newPreview(r, set.ID)
	doc.SourceTenant = source
	p := &preview{f: f, run: r, doc: must(f.store.OpenPreview(f.ctx, tenant, r.Lease(), doc))(f)}
	execute := f.readerOf(tenant, runs.KindRestoreExecute, set.ID)
	for i := range n {
		o := f.found(i, restore.Create)
		p.save(o)
		f.saveSteps(execute, f.newStep(o.ItemID))
	}
	p.ready()
	p.doc = must(f.store.UsePreview(f.ctx, tenant, execute.Lease(), p.run.ID, runs.Trail{}))(f)
	return p, f.finish(execute, runs.StatusSuccess, start.Add(time.Hour))
}

func previewsGoWithTheirSet(t *testing.T, f *fixture) {
	set := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"}, content{t: settings, id: "p2", body: "b"})
	kept := f.manualSet(contoso)
	p, execute := f.restored(contoso, set, 3)
	report := f.looking(set)
	report.save(f.found(0, restore.Create))
	report.ready()
	keptPreview, keptRun := f.restored(contoso, kept, 2)

	var total backupset.PurgeResult
	steps := f.purge(f.retire(set, start), 2)
	for i, step := range steps {
		if step.Items+step.Previews > 2 {
			t.Errorf("step %d removed more than its limit: %+v", i, step)
		}
		if step.Items+step.Previews == 0 && !step.Done {
			t.Errorf("step %d removed nothing: %+v", i, step)
		}
		total.Items += step.Items
		total.Previews += step.Previews
	}
	same(t, "removed", total, backupset.PurgeResult{Items: 2, Previews: 3 + 3 + 1 + 1 + 1}) // outcomes and steps, and themselves
	for _, id := range []runs.ID{p.run.ID, report.run.ID} {
		_, err := f.store.GetPreview(f.ctx, contoso, id)
		f.wants("preview of a purged set", err, runs.ErrNotFound)
	}
	same(t, "steps", f.steps(contoso, execute.ID), nil)
	same(t, "the runs stay", f.get(execute).Status, runs.StatusSuccess)
	same(t, "preview of another set", must(f.store.GetPreview(f.ctx, contoso, keptPreview.run.ID))(t), keptPreview.doc)
	same(t, "outcomes and steps of another set", []int{len(f.outcomes(contoso, keptPreview.run.ID)), len(f.steps(contoso, keptRun.ID))}, []int{2, 2})
}

func halfGonePreview(t *testing.T, f *fixture) {
	set := f.manualSet(contoso)
	p := f.looking(set)
	for i := range 3 {
		p.save(f.found(i, restore.Create))
	}
	p.ready()
	execute := f.running(contoso)
	step := must(f.store.PurgeSet(f.ctx, contoso, f.retire(set, start).ID, 1, noTrail))(t)
	same(t, "removed", step, backupset.PurgeResult{Previews: 1})
	f.nothingWritten("using what is left", func() {
		_, err := f.store.UsePreview(f.ctx, contoso, execute.Lease(), p.run.ID, runs.Trail{})
		if conflictCode(err) != "preview_not_ready" {
			t.Errorf("UsePreview: got error %v", err)
		}
	})
}

func previewAcrossTenantsStays(t *testing.T, f *fixture) {
	set := f.manualSet(fabrikam, content{t: settings, id: "p1", body: "a"})
	p, execute := f.restored(contoso, set, 2)
	same(t, "removed", f.purge(f.retire(set, start), 10), []backupset.PurgeResult{{Items: 1, Done: true}})
	same(t, "preview", must(f.store.GetPreview(f.ctx, contoso, p.run.ID))(t), p.doc)
	same(t, "outcomes and steps", []int{len(f.outcomes(contoso, p.run.ID)), len(f.steps(contoso, execute.ID))}, []int{2, 2})
}

func previewItemPages(f *fixture) list {
	set := f.manualSet(contoso)
	p, other := f.looking(set), f.looking(set)
	for _, position := range []int{8, 2, 10, 4, 100, 6} { // numbers of one, two and three digits
		p.save(f.found(position, restore.Create))
	}
	other.save(f.found(5, restore.Create))
	next := -1
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListPreviewItems(f.ctx, contoso, p.run.ID, restore.Filter{}, s)
			return keysets(rows, err, func(i restore.PreviewItem) runs.Keyset { return numberKeyset(int64(i.Position), i.ItemID) })
		},
		insert: func() { next += 2; p.save(f.found(next, restore.Skip)) },
		before: func(a, b runs.Keyset) bool { return descending(b, a) },
	}
}

func stepPages(f *fixture) list {
	r, other := f.readerOf(contoso, runs.KindRestoreExecute, nobody), f.readerOf(contoso, runs.KindRestoreExecute, nobody)
	for _, n := range []int64{900_000, 300_000, 500_000, 100_000, 700_000} {
		f.saveSteps(r, f.newStep(numbered(n)))
	}
	f.saveSteps(other, f.newStep(f.id()))
	next := int64(0)
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListSteps(f.ctx, contoso, r.ID, s)
			return keysets(rows, err, func(s restore.Step) runs.Keyset { return runs.Keyset{ID: s.ItemID} })
		},
		insert: func() { next += 150_000; f.saveSteps(r, f.newStep(numbered(next))) },
		before: ascending,
	}
}

// readPreviews adds the previews, their outcomes and the steps to a snapshot.
func (f *fixture) readPreviews(rows map[string]any, tenant graph.TenantID) {
	f.Helper()
	for _, r := range must(f.store.ListRuns(f.ctx, tenant, runs.RunFilter{
		Kinds: []runs.Kind{runs.KindRestorePreview, runs.KindDriftReport, runs.KindRestoreExecute},
	}, all))(f) {
		for i, step := range f.steps(tenant, r.ID) {
			rows[key(tenant, "step "+strconv.Itoa(i), r.ID)] = step
		}
		p, err := f.store.GetPreview(f.ctx, tenant, r.ID)
		if err != nil {
			f.wants("preview of a run", err, runs.ErrNotFound)
			continue
		}
		rows[key(tenant, "preview", r.ID)] = p
		for _, o := range f.outcomes(tenant, r.ID) {
			rows[key(tenant, "preview item", o.ItemID)] = o
		}
	}
}
