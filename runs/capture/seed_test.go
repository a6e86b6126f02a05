package capture_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// retryWithFailure retries a partial backup while one store call fails, and says how many
// calls there were.
func retryWithFailure(t *testing.T, failAt int, after bool) int {
	t.Helper()
	r := rig.New(t, rig.Options{Policies: 12})
	inject(t, r, graphtest.Fault{Op: graphtest.OpItem, Type: settings, Err: &graph.Error{Kind: graph.KindInvalid}})
	first := r.Backup(r.Schedule(only(settings, access)).ID)
	if first.Status != runs.StatusPartial {
		t.Fatalf("the first run is %s, want partial", first.Status)
	}
	f := &failingStore{Store: r.Store, failAt: failAt, after: after}
	executor, err := capture.New(capture.Config{Reader: r.Graph, Store: f, SaveSize: 4, FetchSize: 3})
	if err != nil {
		t.Fatal(err)
	}
	r.Runner, err = runs.NewRunner(runs.Config{Store: r.Store, Queue: r.Queue, Clock: r.Clock, Executors: []runs.Executor{executor}})
	if err != nil {
		t.Fatal(err)
	}
	retry, _, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Owner, first.ID)
	if err != nil {
		t.Fatal(err)
	}
	r.Drain()
	run, n := r.Run(retry.ID), count(r, settings, access)
	want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(n), 1 + min(failAt, 1)})
	rowsAddUp(t, r, run)
	return f.calls
}

func TestAnyStoreCallOfARetryMayFailOnceAndItsSetIsStillWhole(t *testing.T) {
	testenv.SlowUnderRace(t)
	calls := retryWithFailure(t, 0, false)
	for _, after := range []bool{false, true} {
		for k := 1; k <= calls; k++ {
			t.Run(fmt.Sprintf("call %d of %d, after it was done %v", k, calls, after), func(t *testing.T) {
				retryWithFailure(t, k, after)
			})
		}
	}
}

func TestARetryTakesOverOnlyWhatIsYoungAndThere(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*testing.T, *rig.Rig, runs.Run)
		again bool // everything is captured anew
	}{
		{"young", func(*testing.T, *rig.Rig, runs.Run) {}, false},
		{"a day old", func(_ *testing.T, r *rig.Rig, _ runs.Run) { r.Clock.Add(25 * time.Hour) }, true},
		{"deleted", func(t *testing.T, r *rig.Rig, run runs.Run) {
			_, err := r.Store.ChangeSet(t.Context(), rig.Tenant, run.BackupSetID, func(now time.Time, cur backupset.BackupSet) (backupset.SetChange, error) {
				cur.DeletedAt, cur.DeletedReason = now, "manual"
				return backupset.SetChange{Set: cur}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rig.New(t, rig.Options{})
			inject(t, r, graphtest.Fault{Op: graphtest.OpItem, Type: settings, Err: &graph.Error{Kind: graph.KindInvalid}})
			first := r.Backup(r.Schedule(only(settings)).ID)
			tt.spoil(t, r, first)
			r.Graph.ResetCounts()
			retry, _, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Owner, first.ID)
			if err != nil {
				t.Fatal(err)
			}
			r.Drain()
			run, n, fetched := r.Run(retry.ID), count(r, settings), 0
			want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(n), 1})
			for key := range r.Graph.Snapshot(rig.Tenant) {
				fetched += r.Graph.Fetched(rig.Tenant, key.Type, key.ID)
			}
			if tt.again != (fetched == n) || fetched == 0 {
				t.Errorf("%d of %d policies were fetched; everything again: %v", fetched, n, tt.again)
			}
			rowsAddUp(t, r, run)
		})
	}
}
