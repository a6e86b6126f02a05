package runs_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

func TestAJobBeforeItsTimeIsQueuedForThatTime(t *testing.T) {
	executed := 0
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { executed++; return nil }))
	run := begin(t, r, "k")
	r.Queue.Lose()
	due := r.Clock.Now().Add(time.Minute)
	_, err := r.Store.ChangeRun(t.Context(), rig.Tenant, run.ID, func(_ time.Time, cur runs.Run, _ runs.Room) (runs.Change, error) {
		cur.NotBefore = due
		return runs.Change{Run: cur}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	job := runs.Job{TenantID: rig.Tenant, RunID: run.ID}
	if err := r.Runner.Handle(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(run.ID); executed != 0 || got.Status != runs.StatusQueued || got.Attempt != 0 {
		t.Errorf("executed %d times, the run is %s after %d attempts; want it to wait", executed, got.Status, got.Attempt)
	}
	job.NotBefore = due
	if diff := cmp.Diff([]runs.Job{job}, r.Queue.Jobs()); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	r.Drain()
	if executed != 1 {
		t.Errorf("executed %d times in the end, want once", executed)
	}
}

// lateHeartbeat extends the leases of stranded runs as soon as somebody has seen them.
type lateHeartbeat struct {
	runs.Store
	t *testing.T
}

func (s lateHeartbeat) StrandedRuns(ctx context.Context, q runs.Stranded) ([]runs.Run, error) {
	list, err := s.Store.StrandedRuns(ctx, q)
	for _, run := range list {
		_, err := s.Store.ChangeRun(ctx, run.TenantID, run.ID, func(now time.Time, cur runs.Run, _ runs.Room) (runs.Change, error) {
			cur.LeaseUntil = now.Add(time.Minute)
			return runs.Change{Run: cur}, nil
		})
		if err != nil {
			s.t.Error(err)
		}
	}
	return list, err
}

func TestAWorkerThatWasOnlySlowKeepsItsRun(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return nil }))
	run := begin(t, r, "k")
	claim(t, r, run.ID)
	r.Queue.Lose()
	r.Clock.Add(2 * time.Minute)
	runner, err := runs.NewRunner(runs.Config{
		Store: lateHeartbeat{r.Store, t}, Queue: r.Queue, Clock: r.Clock, Executors: []runs.Executor{script(nil)},
	})
	if err != nil {
		t.Fatal(err)
	}
	n, err := runner.Sweep(t.Context())
	got := r.Run(run.ID)
	if err != nil || n != 0 || got.Status != runs.StatusRunning || got.LeaseToken != 1 || len(r.Queue.Jobs()) != 0 {
		t.Errorf("swept %d with %d jobs, error %v; the run is %s with claim %d, want it left alone", n, len(r.Queue.Jobs()), err, got.Status, got.LeaseToken)
	}
	if r.Clock.Now().After(got.LeaseUntil) {
		t.Error("no heartbeat came, so this test shows nothing")
	}
}

// TestAResumedBackupIsNeverBusyAndTheNewRunIs: both wait when the jobs come, the new one first.
func TestAResumedBackupIsNeverBusyAndTheNewRunIs(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 12})
	s := r.Schedule(nil)
	old, _, err := r.Scheduler.RunNow(t.Context(), rig.Tenant, rig.Owner, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	claim(t, r, old.ID) // its worker dies
	r.Clock.Set(s.NextRunAt)
	if _, err := r.Runner.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(old.ID); got.Status != runs.StatusQueued || got.Attempt != 1 {
		t.Fatalf("the run of the lost worker is %s after %d attempts, want queued after 1", got.Status, got.Attempt)
	}
	if _, err := r.Dispatcher.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := r.Starter.List(t.Context(), rig.Tenant, rig.Owner, runs.RunFilter{Triggers: []runs.Trigger{runs.TriggerSchedule}}, runs.PageRequest{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%d dispatched runs, error %v", len(list.Items), err)
	}
	slot := list.Items[0].ID
	if err := r.Runner.Handle(t.Context(), runs.Job{TenantID: rig.Tenant, RunID: slot}); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(slot); got.Status != runs.StatusSkipped || got.ErrorCode != runs.CodeScheduleBusy {
		t.Errorf("the new run is %s %s, want skipped SCHEDULE_BUSY", got.Status, got.ErrorCode)
	}
	r.Drain()
	if got := r.Run(old.ID); got.Status != runs.StatusSuccess || got.Attempt != 2 {
		t.Errorf("the resumed run is %s %s after %d attempts, want success after 2", got.Status, got.ErrorCode, got.Attempt)
	}
}
