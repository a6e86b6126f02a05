package runs_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

// TestAWishToCancelOutlivesAThrottle: the attempt ends before it could look.
func TestAWishToCancelOutlivesAThrottle(t *testing.T) {
	for name, why := range map[string]error{
		"throttled":     &graph.Error{Kind: graph.KindThrottled, RetryAfter: time.Minute},
		"unknown error": errors.New("x"),
		"stop":          runs.ErrStopping,
	} {
		t.Run(name, func(t *testing.T) {
			var r *rig.Rig
			r = rig.New(t, with(func(ctx context.Context, a *runs.Attempt) error {
				if _, err := r.Starter.Cancel(ctx, rig.Tenant, rig.Owner, a.Run().ID); err != nil {
					t.Error(err)
				}
				return why
			}))
			run := begin(t, r, "k")
			step(t, r, r.Runner)
			if got := r.Run(run.ID); got.Status != runs.StatusCanceled || got.ErrorCode != runs.CodeCanceled {
				t.Errorf("the run is %s %q, want canceled", got.Status, got.ErrorCode)
			}
		})
	}
}

// TestARunThatWasGivenBackIsNotBusy: its first attempt is not counted, but there is work in it.
func TestARunThatWasGivenBackIsNotBusy(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(nil)
	slot, _, err := r.Scheduler.RunNow(t.Context(), rig.Tenant, rig.Owner, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	change := func(id runs.ID, status runs.Status) {
		t.Helper()
		_, err := r.Store.ChangeRun(t.Context(), rig.Tenant, id, func(now time.Time, cur runs.Run, _ runs.Room) (runs.Change, error) {
			cur.Status, cur.StartedAt, cur.LeaseToken, cur.LeaseUntil = status, now, 1, now.Add(time.Minute)
			if status.Terminal() {
				cur.FinishedAt = now
			}
			return runs.Change{Run: cur}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	change(slot.ID, runs.StatusRunning)
	change(slot.ID, runs.StatusQueued) // given back: attempt 0
	r.Clock.Set(s.NextRunAt)
	if _, err := r.Dispatcher.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := r.Starter.List(t.Context(), rig.Tenant, rig.Owner, runs.RunFilter{Triggers: []runs.Trigger{runs.TriggerSchedule}}, runs.PageRequest{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%d dispatched runs, error %v", len(list.Items), err)
	}
	other := list.Items[0]
	change(other.ID, runs.StatusRunning)
	job := runs.Job{TenantID: rig.Tenant, RunID: slot.ID}
	if err := r.Runner.Handle(t.Context(), job); err != nil {
		t.Errorf("while another run works: %v", err)
	}
	if got := r.Run(slot.ID); got.Status != runs.StatusQueued {
		t.Errorf("while another run works, the run that was given back is %s, want queued", got.Status)
	}
	change(other.ID, runs.StatusSuccess)
	if err := r.Runner.Handle(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(slot.ID); got.Status != runs.StatusSuccess {
		t.Errorf("the run that was given back is %s %s, want success", got.Status, got.ErrorCode)
	}
}

// TestAHungAttemptEndsAtTheDeadline: its heartbeat alone must not keep a run for ever.
func TestAHungAttemptEndsAtTheDeadline(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLive(t, filepath.Join(dir, "db"), func(ctx context.Context, _ *runs.Attempt) error {
			<-ctx.Done() // a call that never answers
			return ctx.Err()
		}, func(c *runs.Config) { c.Retry.Deadline = 2 * time.Hour })
		defer l.store.Close()
		l.start(t)
		run := l.begin(t, "k")
		time.Sleep(3 * time.Hour)
		got := l.run(t, run.ID)
		if got.Status != runs.StatusFailed || got.ErrorCode != runs.CodeTimeout {
			t.Errorf("after 3 hours the run is %s %s, want failed TIMEOUT at its deadline of 2", got.Status, got.ErrorCode)
		}
		if err := l.stop(); err != nil {
			t.Error(err)
		}
	})
}

// brokenRun is a store that cannot change one run.
type brokenRun struct {
	runs.Store
	id runs.ID
}

var errBroken = errors.New("this row is broken")

func (b brokenRun) ChangeRun(ctx context.Context, tenant graph.TenantID, id runs.ID, change runs.ChangeFunc) (runs.Run, error) {
	if id == b.id {
		return runs.Run{}, errBroken
	}
	return b.Store.ChangeRun(ctx, tenant, id, change)
}

func TestOneBrokenRunDoesNotKeepASweepFromTheOthers(t *testing.T) {
	o := with(func(context.Context, *runs.Attempt) error { return nil })
	r := rig.New(t, o)
	var ids []runs.ID
	for _, key := range []string{"a", "b", "c"} {
		id := begin(t, r, key).ID
		claim(t, r, id)
		ids = append(ids, id)
	}
	r.Queue.Lose()
	r.Clock.Add(2 * time.Minute)
	runner, err := runs.NewRunner(runs.Config{
		Store: brokenRun{r.Store, ids[1]}, Queue: r.Queue, Clock: r.Clock, Executors: []runs.Executor{script(nil)},
	})
	if err != nil {
		t.Fatal(err)
	}
	n, err := runner.Sweep(t.Context())
	if n != 2 || !errors.Is(err, errBroken) {
		t.Errorf("swept %d, error %v; want the 2 others and the error of the broken one", n, err)
	}
	var queued []runs.ID
	for _, job := range r.Queue.Jobs() {
		queued = append(queued, job.RunID)
	}
	if diff := cmp.Diff([]runs.ID{ids[0], ids[2]}, queued); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

// TestACanceledHandlerGivesItsRunBack: some queues end the context of a handler although they
// should not.
func TestACanceledHandlerGivesItsRunBack(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := rig.New(t, with(func(ctx context.Context, _ *runs.Attempt) error {
		cancel()
		return ctx.Err()
	}))
	run := begin(t, r, "k")
	job, _ := r.Queue.Take()
	if err := r.Runner.Handle(ctx, job); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(run.ID); got.Status != runs.StatusQueued || got.Attempt != 0 || len(r.Queue.Jobs()) != 1 {
		t.Errorf("the run is %s, attempt %d, with %d jobs; want it given back", got.Status, got.Attempt, len(r.Queue.Jobs()))
	}
}

// TestAQueueWithAFastClockDoesNotSpin: a job that comes before its time goes back for as long
// as is left on the store's clock, counted on ours.
func TestAQueueWithAFastClockDoesNotSpin(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error {
		return &graph.Error{Kind: graph.KindThrottled, RetryAfter: time.Minute}
	}))
	run := begin(t, r, "k")
	step(t, r, r.Runner)
	r.Queue.Lose()
	left := r.Run(run.ID).NotBefore.Sub(r.Clock.Now())
	fast := fixedClock{r.Clock.Now().Add(time.Hour)}
	runner, err := runs.NewRunner(runs.Config{Store: r.Store, Queue: r.Queue, Clock: fast, Executors: []runs.Executor{script(nil)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := runner.Handle(t.Context(), runs.Job{TenantID: rig.Tenant, RunID: run.ID}); err != nil {
		t.Fatal(err)
	}
	if jobs := r.Queue.Jobs(); len(jobs) != 1 || jobs[0].NotBefore.Sub(fast.now) < left {
		t.Errorf("jobs are %+v, want one in %s", jobs, left)
	}
}

type fixedClock struct{ now time.Time }

func (c fixedClock) Now() time.Time                       { return c.now }
func (c fixedClock) After(time.Duration) <-chan time.Time { return nil }

// TestARetryNeedsThePermissionOfItsKind and is the same work again under a key of its own.
func TestARetryNeedsThePermissionOfItsKind(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return &graph.Error{Kind: graph.KindUnauthorized} }))
	hosts := begin(t, r, "k") // of a kind that only the owner may start
	if err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Times: -1, Err: &graph.Error{Kind: graph.KindUnauthorized}}); err != nil {
		t.Fatal(err)
	}
	sync, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: runs.KindPolicySync, Key: "s", Params: []byte(`{"policy_types":["deviceConfiguration"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	r.Drain()
	for _, tt := range []struct {
		actor runs.Actor
		id    runs.ID
		want  error
	}{
		{rig.Reader, sync.ID, runs.ErrForbidden},
		{rig.Reader, hosts.ID, runs.ErrForbidden},
		{rig.Operator, hosts.ID, runs.ErrForbidden},
		{rig.Stranger, sync.ID, runs.ErrForbidden},
		{rig.Stranger, "0198d1c2-0000-7000-8000-000000000001", runs.ErrForbidden},
		{rig.Operator, "0198d1c2-0000-7000-8000-000000000001", runs.ErrNotFound},
		{rig.Operator, "no id", runs.ErrNotFound},
	} {
		if _, _, err := r.Starter.Retry(t.Context(), rig.Tenant, tt.actor, tt.id); !errors.Is(err, tt.want) {
			t.Errorf("%s retries %s: %v, want %v", tt.actor.ID, tt.id, err, tt.want)
		}
	}
	again, reused, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Operator, sync.ID)
	if err != nil || reused || again.RetryOf != sync.ID || again.Kind != sync.Kind || string(again.Params) != string(sync.Params) || again.Actor != rig.Operator {
		t.Errorf("the retry is %+v, error %v", again, err)
	}
	if twice, reused, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Owner, sync.ID); err != nil || !reused || twice.ID != again.ID {
		t.Errorf("asked twice: %s, reused %v, error %v; want %s", twice.ID, reused, err, again.ID)
	}
	var conflict *runs.ConflictError
	if _, _, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Owner, again.ID); !errors.As(err, &conflict) || conflict.Code != "run_active" {
		t.Errorf("retrying what is queued: %v, want run_active", err)
	}
}
