package retention_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func deletedOn(day int) func(*backupset.BackupSet) {
	return func(s *backupset.BackupSet) { s.DeletedAt, s.DeletedReason = dayAt(day, 12), retention.ReasonBeyond }
}

func TestPurgeRemovesOnlyWhatWasDeletedBeforeTheUndoWindow(t *testing.T) {
	w := newWorld(t)
	old := w.add("", 1, backupset.Complete, 30, deletedOn(23))
	edge := w.add("", 1, backupset.Complete, 30, deletedOn(24))
	live := w.add("", 1, backupset.Complete, 30)
	report, err := w.ret.Purge(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(retention.PurgeReport{Sets: 1, Items: 30, Bytes: 300}, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	for id, want := range map[runs.ID]bool{old: false, edge: true, live: true} {
		if _, there := w.store.sets[id]; there != want {
			t.Errorf("set %s there: %v, want %v", id, there, want)
		}
	}
}

func TestPurgeGoesInBatchesAndLeavesAnAuditLineWithCounts(t *testing.T) {
	w := newWorld(t, func(c *retention.Config) { c.PurgeBatch = 100 })
	id := w.add("", 1, backupset.Complete, 250, deletedOn(1))
	name := w.store.sets[id].Name
	if _, err := w.ret.Purge(w.ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{100, 100, 100}, w.store.batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
	if len(w.store.audit) != 1 {
		t.Fatalf("%d audit lines, want 1", len(w.store.audit))
	}
	e := w.store.audit[0]
	want := map[string]string{"set_name": name, "set_items": "250", "items": "250", "versions": "0", "payloads": "0", "bytes": "2500", "deleted_reason": "beyond_keep_last"}
	if diff := cmp.Diff(want, e.Details); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
	if e.Action != "backup_set.purged" || e.Resource.ID != id || e.Actor != runs.SystemActor || e.TenantID != tenant {
		t.Errorf("audit %+v", e)
	}
}

func TestPurgeOfMoreSetsThanAPageGetsThemAll(t *testing.T) {
	w := newWorld(t)
	for range 250 {
		w.add("", 1, backupset.Complete, 1, deletedOn(1))
	}
	report, err := w.ret.Purge(w.ctx)
	if err != nil || report.Sets != 250 || len(w.store.sets) != 0 {
		t.Errorf("%d purged, %d left, %v", report.Sets, len(w.store.sets), err)
	}
}

func TestASetThatCannotBePurgedDoesNotStopTheOthers(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.add("", 1, backupset.Complete, 1, deletedOn(1))
	}
	calls := 0
	broken := errors.New("disk full")
	w.store.fail = func(op string) error {
		if op == "PurgeSet" {
			if calls++; calls == 2 {
				return broken
			}
		}
		return nil
	}
	report, err := w.ret.Purge(w.ctx)
	if !errors.Is(err, broken) || report.Sets != 2 || report.Failed != 1 {
		t.Errorf("%+v, %v; want 2 purged, 1 failed", report, err)
	}
}

func TestPurgeLeavesASetThatIsInUseOrCameBackSinceItWasListed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*backupset.BackupSet)
	}{
		{"in use", inUse},
		{"undeleted", func(s *backupset.BackupSet) { s.DeletedAt = time.Time{} }},
		{"undeleted and deleted anew", deletedOn(30)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.add("", 1, backupset.Complete, 1, deletedOn(1))
			w.store.fail = func(op string) error {
				if op == "GetSet" {
					w.edit(id, tt.change)
				}
				return nil
			}
			report, err := w.ret.Purge(w.ctx)
			if _, there := w.store.sets[id]; err != nil || !there || report != (retention.PurgeReport{}) {
				t.Errorf("there: %v, %+v, %v", there, report, err)
			}
		})
	}
}

func TestAPersonPurgesADeletedSetWithoutWaiting(t *testing.T) {
	w := newWorld(t)
	id := w.add("", 1, backupset.Complete, 7)
	_, err := w.ret.PurgeSet(w.ctx, tenant, manager, id)
	if got := conflict(t, err); got != "set_not_deleted" {
		t.Errorf("not deleted: %q, want set_not_deleted", got)
	}
	w.edit(id, deletedOn(31))
	report, err := w.ret.PurgeSet(w.ctx, tenant, manager, id)
	if err != nil || report.Sets != 1 || report.Items != 7 {
		t.Fatalf("%+v, %v", report, err)
	}
	if e := w.store.audit[0]; e.Action != "backup_set.purged" || e.Actor != manager {
		t.Errorf("audit %+v", e)
	}
	if _, err := w.ret.PurgeSet(w.ctx, tenant, manager, id); !errors.Is(err, runs.ErrNotFound) {
		t.Errorf("second time: %v, want ErrNotFound", err)
	}
}

func TestPurgeStopsWhenItsContextEnds(t *testing.T) {
	w := newWorld(t, func(c *retention.Config) { c.PurgeBatch = 1 })
	w.add("", 1, backupset.Complete, 10, deletedOn(1))
	ctx, stop := context.WithCancel(w.ctx)
	w.store.fail = func(op string) error {
		if op == "PurgeSet" && len(w.store.batches) == 3 {
			stop()
		}
		return nil
	}
	report, err := w.ret.Purge(ctx)
	if !errors.Is(err, context.Canceled) || report.Items > 4 || report.Sets != 0 {
		t.Errorf("%+v, %v; want it to stop after 4 items", report, err)
	}
}

func TestAStoreThatNeverEndsDoesNotHangAPurge(t *testing.T) {
	w := newWorld(t)
	w.add("", 1, backupset.Complete, 1, deletedOn(1))
	stuck := stuckStore{fakeStore: w.store}
	starter, err := runs.NewStarter(runs.StarterConfig{Store: w.store, Queue: w.queue, Clock: w.clock, Authorizer: runs.RoleAuthorizer{}})
	if err != nil {
		t.Fatal(err)
	}
	ret, err := retention.New(retention.Config{Store: stuck, Starter: starter, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := ret.Purge(w.ctx); err == nil || report.Failed != 1 {
		t.Errorf("%+v, %v; want an error", report, err)
	}
}

type stuckStore struct{ *fakeStore }

func (stuckStore) PurgeSet(context.Context, graph.TenantID, runs.ID, int, func(backupset.BackupSet, backupset.PurgeResult) runs.Trail) (backupset.PurgeResult, error) {
	return backupset.PurgeResult{}, nil
}
