package retention_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func TestR7DroppedSetsCanBeTakenBackForTheUndoWindowAndThenArePurged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := time.Duration(rapid.IntRange(1, 30*24).Draw(t, "hours")) * time.Hour
		later := time.Duration(rapid.IntRange(0, 40*24).Draw(t, "later")) * time.Hour
		w := newWorld(t, func(c *retention.Config) { c.UndoWindow = window })
		s := w.schedule(3)
		ids := w.daily(s, 27, 30)
		w.apply(t, s)
		dropped := w.clock.Now()
		if set, ok := w.store.sets[ids[0]]; !ok || !set.Deleted() {
			t.Fatal("the drop is not a soft delete")
		}
		w.clock.set(dropped.Add(later))
		_, err := w.ret.Undelete(w.ctx, tenant, manager, ids[0])
		if undone := err == nil; undone != (later <= window) {
			t.Errorf("%s after the drop with a window of %s: undelete says %v", later, window, err)
		}
		w.edit(ids[0], func(b *backupset.BackupSet) { b.Holds, b.DeletedAt = nil, dropped })
		if _, err := w.ret.Purge(w.ctx); err != nil {
			t.Fatal(err)
		}
		if _, there := w.store.sets[ids[0]]; there != (later <= window) {
			t.Errorf("%s after the drop with a window of %s: there %v", later, window, there)
		}
	})
}

func TestR8APurgeGoesInBoundedBatchesAndGoesOnAfterFailures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		batch := rapid.IntRange(1, 50).Draw(t, "batch")
		w := newWorld(t, func(c *retention.Config) { c.PurgeBatch = batch })
		total := 0
		for range rapid.IntRange(0, 6).Draw(t, "sets") {
			n := rapid.IntRange(0, 120).Draw(t, "items")
			total += n
			w.add("", 1, backupset.Complete, n, deletedOn(1))
		}
		number := len(w.store.sets)
		var sum retention.PurgeReport
		w.store.fail = func(string) error {
			if rapid.IntRange(0, 3).Draw(t, "fault") == 0 {
				return errors.New("connection lost")
			}
			return nil
		}
		add := func() error {
			r, err := w.ret.Purge(w.ctx)
			sum.Sets, sum.Items = sum.Sets+r.Sets, sum.Items+r.Items
			return err
		}
		for range 4 {
			_ = add()
		}
		w.store.fail = nil
		if err := add(); err != nil {
			t.Fatal(err)
		}
		if sum.Sets != number || sum.Items != total || len(w.store.sets) != 0 {
			t.Errorf("purged %d sets with %d items, want %d with %d; %d left", sum.Sets, sum.Items, number, total, len(w.store.sets))
		}
		if got := slices.DeleteFunc(w.store.batches, func(n int) bool { return n == batch }); len(got) > 0 {
			t.Errorf("batches of %v, want %d", got, batch)
		}
		if len(w.actions()) != number {
			t.Errorf("%d audit lines for %d sets", len(w.actions()), number)
		}
	})
}
