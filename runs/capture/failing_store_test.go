package capture_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// failingStore fails one call of the executor: before it does anything, or after it has
// been done, as when the answer of a database is lost.
type failingStore struct {
	capture.Store
	calls, failAt int
	after         bool
}

var errStore = errors.New("the store failed")

func (f *failingStore) do(call func() error) error {
	f.calls++
	if f.calls != f.failAt {
		return call()
	}
	if f.after {
		if err := call(); err != nil {
			return err
		}
	}
	return errStore
}

func (f *failingStore) OpenSet(ctx context.Context, t graph.TenantID, l runs.Lease, s backupset.BackupSet, tr runs.Trail) (out backupset.BackupSet, err error) {
	err = f.do(func() error { out, err = f.Store.OpenSet(ctx, t, l, s, tr); return err })
	return out, err
}

func (f *failingStore) SaveCaptured(ctx context.Context, t graph.TenantID, l runs.Lease, s runs.ID, c []backupset.Captured, i []runs.Item) error {
	return f.do(func() error { return f.Store.SaveCaptured(ctx, t, l, s, c, i) })
}

func (f *failingStore) CopyItems(ctx context.Context, t graph.TenantID, l runs.Lease, from, to runs.ID, types []graph.PolicyType) (n int, err error) {
	err = f.do(func() error { n, err = f.Store.CopyItems(ctx, t, l, from, to, types); return err })
	return n, err
}

func (f *failingStore) SaveManifest(ctx context.Context, t graph.TenantID, l runs.Lease, s runs.ID, m backupset.Manifest) error {
	return f.do(func() error { return f.Store.SaveManifest(ctx, t, l, s, m) })
}

func (f *failingStore) SealSet(ctx context.Context, t graph.TenantID, l runs.Lease, s runs.ID, st backupset.Status, tr runs.Trail) (out backupset.BackupSet, err error) {
	err = f.do(func() error { out, err = f.Store.SealSet(ctx, t, l, s, st, tr); return err })
	return out, err
}

func (f *failingStore) GetSet(ctx context.Context, t graph.TenantID, id runs.ID) (out backupset.BackupSet, err error) {
	err = f.do(func() error { out, err = f.Store.GetSet(ctx, t, id); return err })
	return out, err
}

func (f *failingStore) ListSetItems(ctx context.Context, t graph.TenantID, id runs.ID, fl backupset.SetItemFilter, s runs.Slice) (out []backupset.Item, err error) {
	err = f.do(func() error { out, err = f.Store.ListSetItems(ctx, t, id, fl, s); return err })
	return out, err
}

func (f *failingStore) ListItems(ctx context.Context, t graph.TenantID, id runs.ID, fl runs.ItemFilter, s runs.Slice) (out []runs.Item, err error) {
	err = f.do(func() error { out, err = f.Store.ListItems(ctx, t, id, fl, s); return err })
	return out, err
}

func (f *failingStore) RecordListing(ctx context.Context, t graph.TenantID, l runs.Lease, li backupset.Listing) (n int, err error) {
	err = f.do(func() error { n, err = f.Store.RecordListing(ctx, t, l, li); return err })
	return n, err
}

// backupWithFailure backs a small tenant up while one store call fails, and says how many
// calls there were.
func backupWithFailure(t *testing.T, failAt int, after bool) int {
	t.Helper()
	f := &failingStore{failAt: failAt, after: after}
	r := rig.New(t, rig.Options{Policies: 12})
	f.Store = r.Store
	executor, err := capture.New(capture.Config{Reader: r.Graph, Store: f, SaveSize: 4, FetchSize: 3})
	if err != nil {
		t.Fatal(err)
	}
	r.Runner, err = runs.NewRunner(runs.Config{
		Store: r.Store, Queue: r.Queue, Clock: r.Clock, Executors: []runs.Executor{executor, r.Retention}, AfterRun: r.Retention.AfterRun,
	})
	if err != nil {
		t.Fatal(err)
	}
	run := r.Backup(r.Schedule(func(d *backupsched.Draft) { d.IncludeFoundations = true }).ID)
	if run.Status != runs.StatusSuccess || r.Set(run).Status != backupset.Complete {
		t.Errorf("the run is %s %s (%s)", run.Status, run.ErrorCode, run.ErrorMessage)
	}
	if want := 1 + min(failAt, 1); run.Attempt != want {
		t.Errorf("%d attempts, want %d", run.Attempt, want)
	}
	if n := len(r.SetItems(run.BackupSetID)); n == 0 || n != run.Counts.Succeeded || n != run.Counts.Total {
		t.Errorf("the set holds %d policies, the run counts %+v", n, run.Counts)
	}
	sound(t, r)
	return f.calls
}

func TestAnyStoreCallMayFailOnceAndTheBackupIsStillWhole(t *testing.T) {
	testenv.SlowUnderRace(t)
	calls := backupWithFailure(t, 0, false)
	for _, after := range []bool{false, true} {
		for k := 1; k <= calls; k++ {
			t.Run(fmt.Sprintf("call %d of %d, after it was done %v", k, calls, after), func(t *testing.T) {
				backupWithFailure(t, k, after)
			})
		}
	}
}
