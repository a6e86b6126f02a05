package storetest

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func sealPromises() []promise {
	return []promise{
		{"manifests are kept in the order of capture and replaced by type", manifestsAreKept},
		{"a sealed set has its status, revision, count and time, and its trail", sealedSet},
		{"sealing a sealed set returns it unchanged", sealingTwice},
		{"a set that differs from its manifests is not sealed", setThatDiffersIsNotSealed},
		{"a set that differs from the run's items is not sealed", captureWithoutOutcome},
		{"a sealed set of a schedule takes nothing more", sealedSetTakesNothing},
		{"a set still being built when its run ends becomes partial, with what is there counted", unfinishedSetBecomesPartial},
		{"a set that is sealed stays as it is when its run ends", sealedSetStaysWhenItsRunEnds},
	}
}

func manifestsAreKept(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	whole := backupset.Manifest{Type: settings, Pages: []int{25, 0, 1}, Listed: 26, Captured: 20, Failed: 5, Skipped: 1, Complete: true}
	second := backupset.Manifest{Type: scripts, Forbidden: true}
	for _, m := range []backupset.Manifest{manifest(settings, 3), second, whole} {
		f.ok(f.store.SaveManifest(f.ctx, contoso, c.lease(), c.set.ID, m))
	}
	same(t, "manifests", f.set(c.set).Types, []backupset.Manifest{whole, second})
	listed := must(f.store.ListSets(f.ctx, contoso, backupset.SetFilter{}, all))(t)
	same(t, "manifests of a listed set", first(t, listed).Types, []backupset.Manifest{whole, second})
}

func sealedSet(t *testing.T, f *fixture) {
	for _, status := range []backupset.Status{backupset.Complete, backupset.Partial} {
		c := f.manual(contoso)
		c.save(content{t: settings, id: "p1", body: "a"}, content{t: settings, id: "p2", body: "b"}, content{t: settings, id: "p4", body: "d"}, content{t: scripts, id: "p3", body: "c"})
		want := c.set
		want.Types = []backupset.Manifest{manifest(scripts, 1), manifest(settings, 3), {Type: "none", Complete: true}}
		for _, m := range want.Types {
			f.ok(f.store.SaveManifest(f.ctx, contoso, c.lease(), c.set.ID, m))
		}
		before := len(f.audit(contoso))
		got := must(f.store.SealSet(f.ctx, contoso, c.lease(), c.set.ID, status, f.trail(contoso, "backup.created")))(t)
		if got.CompletedAt.IsZero() {
			t.Error("the time of sealing is missing")
		}
		want.Status, want.Revision, want.ItemsCount, want.CompletedAt = status, 1, 4, got.CompletedAt
		same(t, "set returned", got, want)
		same(t, "set stored", f.set(c.set), want)
		if n := len(f.audit(contoso)) - before; n != 1 {
			t.Errorf("entries written: got %d, want 1", n)
		}
	}
}

func sealingTwice(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	c.save(content{t: settings, id: "p1", body: "a"})
	first := c.seal()
	f.nothingWritten("sealing again", func() {
		again := must(f.store.SealSet(f.ctx, contoso, c.lease(), c.set.ID, backupset.Partial, f.trail(contoso, "x")))(t)
		same(t, "set returned", again, first)
	})
}

// notSealed fails the test unless sealing the set is refused.
func (c *capture) notSealed(what string) {
	c.f.Helper()
	c.f.nothingWritten(what, func() {
		_, err := c.f.store.SealSet(c.f.ctx, c.tenant, c.lease(), c.set.ID, backupset.Complete, c.f.trail(c.tenant, "x"))
		c.f.wants(what, err, runs.ErrConflict)
	})
	if got := c.f.set(c.set); got.Status != backupset.Building {
		c.f.Errorf("%s: status is %s, want building", what, got.Status)
	}
}

func setThatDiffersIsNotSealed(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	c.save(content{t: settings, id: "p1", body: "a"}, content{t: settings, id: "p2", body: "b"})
	c.notSealed("items without a manifest")
	for what, m := range map[string]backupset.Manifest{
		"a manifest with more": manifest(settings, 3), "a manifest with less": manifest(settings, 1),
	} {
		f.ok(f.store.SaveManifest(f.ctx, contoso, c.lease(), c.set.ID, m))
		c.notSealed(what)
	}
	f.ok(f.store.SaveManifest(f.ctx, contoso, c.lease(), c.set.ID, manifest(settings, 2)))
	f.ok(f.store.SaveManifest(f.ctx, contoso, c.lease(), c.set.ID, manifest(scripts, 1)))
	c.notSealed("a manifest of a type without items")
	f.ok(f.store.SaveManifest(f.ctx, contoso, c.lease(), c.set.ID, manifest(scripts, 0)))
	c.seal()
}

func captureWithoutOutcome(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	captured := f.captured(content{t: settings, id: "p1", body: "a"})
	if err := f.store.SaveCaptured(f.ctx, contoso, c.lease(), c.set.ID, []backupset.Captured{captured}, nil); err != nil {
		return // refusing it at once is as good
	}
	f.ok(f.store.SaveManifest(f.ctx, contoso, c.lease(), c.set.ID, manifest(settings, 1)))
	c.notSealed("a captured policy without an outcome")
}

func sealedSetTakesNothing(t *testing.T, f *fixture) {
	from := f.manualSet(contoso, content{t: scripts, id: "p9", body: "z"})
	c := f.capture(f.newBackup(f.schedule(contoso), start))
	c.save(content{t: settings, id: "p1", body: "a"})
	c.seal()
	captured := f.captured(content{t: settings, id: "p2", body: "b"})
	f.nothingWritten("adding to a sealed set", func() {
		err := f.store.SaveCaptured(f.ctx, contoso, c.lease(), c.set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)})
		f.wants("SaveCaptured", err, runs.ErrConflict)
		_, err = f.store.CopyItems(f.ctx, contoso, c.lease(), from.ID, c.set.ID, []graph.PolicyType{scripts})
		f.wants("CopyItems", err, runs.ErrConflict)
		f.wants("SaveManifest", f.store.SaveManifest(f.ctx, contoso, c.lease(), c.set.ID, manifest(settings, 2)), runs.ErrConflict)
	})
}

func unfinishedSetBecomesPartial(t *testing.T, f *fixture) {
	for _, status := range []runs.Status{runs.StatusFailed, runs.StatusCanceled} {
		c := f.manual(contoso)
		c.save(content{t: settings, id: "p1", body: "a"}, content{t: settings, id: "p2", body: "b"}, content{t: scripts, id: "p3", body: "c"})
		half := backupset.Manifest{Type: settings, Pages: []int{1}, Listed: 2, Captured: 1, Failed: 1, Complete: true}
		f.ok(f.store.SaveManifest(f.ctx, contoso, c.lease(), c.set.ID, half))
		f.change(c.run, waiting)
		f.claim(c.run)
		if now := f.set(c.set); now.Status != backupset.Building {
			t.Errorf("status while the run goes on: got %s, want building", now.Status)
		}
		f.change(c.run, func(now time.Time, r *runs.Run) { r.Status, r.FinishedAt = status, now })
		got := f.set(c.set)
		if got.CompletedAt.IsZero() {
			t.Errorf("%s: the time of sealing is missing", status)
		}
		want := c.set
		want.Status, want.Revision, want.ItemsCount, want.CompletedAt = backupset.Partial, 1, 3, got.CompletedAt
		half.Captured, half.Listed = 2, 3
		want.Types = []backupset.Manifest{half, {Type: scripts, Listed: 1, Captured: 1}}
		same(t, "set after "+string(status), got, want)
		for _, m := range got.Types {
			if m.Whole() {
				t.Errorf("a type that was not captured to its end claims to be whole: %+v", m)
			}
		}
	}
}

func sealedSetStaysWhenItsRunEnds(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	c.save(content{t: settings, id: "p1", body: "a"})
	sealed := c.seal()
	f.change(c.run, func(now time.Time, r *runs.Run) { r.Status, r.FinishedAt = runs.StatusFailed, now })
	same(t, "set", f.set(c.set), sealed)
}
