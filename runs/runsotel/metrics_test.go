package runsotel_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/runsotel"
)

func TestADispatchedRunIsMeasuredFromItsSlotToItsEnd(t *testing.T) {
	w := newWorld(t, rig.Options{}, nil)
	s := w.Schedule(nil)
	w.Clock.Set(s.NextRunAt.Add(40 * time.Second))
	if _, err := w.Dispatcher.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Clock.Add(20 * time.Second)
	w.Drain()

	w.measured(t, "tenantbackup.dispatch.lag", "1: 40s")
	w.measured(t, "tenantbackup.dispatch.tick.duration", "1: 0s")
	w.measured(t, "tenantbackup.dispatch.slots", "outcome=conflict 0", "outcome=damaged 0", "outcome=invalid 0", "outcome=missed 0", "outcome=queued 1")
	w.measured(t, "tenantbackup.run.wait", "run.kind=backup run.trigger=schedule 1: 20s")
	w.measured(t, "tenantbackup.run.duration", "run.kind=backup run.status=success 1: 0s")
	w.measured(t, "tenantbackup.runs", "run.kind=backup run.status=success run.trigger=schedule 1")
	w.measured(t, "tenantbackup.attempts", "outcome=success run.kind=backup 1")
	w.measured(t, "tenantbackup.active_runs", "run.kind=backup 0")
	w.measured(t, "tenantbackup.throttle.wait")
	if calls := w.points(t, "tenantbackup.graph.call.duration"); len(calls) != 5 || !strings.HasPrefix(calls[0], "graph.operation=get policy.type=deviceConfiguration ") {
		t.Errorf("calls to Graph, want a listing of each of 3 types and a fetch of 2:\n%s", strings.Join(calls, "\n"))
	}
	if calls := strings.Join(w.points(t, "tenantbackup.store.call.duration"), "\n"); !strings.Contains(calls, "store.method=DispatchDue 1: 0s") ||
		!strings.Contains(calls, "store.method=SealSet 1: 0s") || strings.Contains(calls, "error.type") {
		t.Errorf("calls to the store:\n%s", calls)
	}
}

func TestAMissedSlotIsASkippedRunAndHasNoLag(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	s := w.Schedule(nil)
	w.Clock.Set(s.NextRunAt.Add(time.Hour))
	if _, err := w.Dispatcher.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.measured(t, "tenantbackup.dispatch.lag")
	w.measured(t, "tenantbackup.dispatch.slots", "outcome=conflict 0", "outcome=damaged 0", "outcome=invalid 0", "outcome=missed 1", "outcome=queued 0")
	w.measured(t, "tenantbackup.runs", "run.code=MISSED_SLOT run.kind=backup run.status=skipped run.trigger=schedule 1")
}

func TestATickThatFailsIsMeasuredAsFailed(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Dispatcher.Tick(t.Context()); err == nil {
		t.Fatal("a tick without a database has no error")
	}
	w.measured(t, "tenantbackup.dispatch.tick.duration", "error.type=internal 1: 0s")
	w.measured(t, "tenantbackup.store.call.duration", "error.type=internal store.method=DispatchDue 1: 0s")
}

func TestAThrottledRunIsMeasuredByItsWaits(t *testing.T) {
	w := newWorld(t, rig.Options{}, nil)
	s := w.Schedule(nil)
	if err := w.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Times: 2, RetryAfter: "60", Err: &graph.Error{Kind: graph.KindThrottled}}); err != nil {
		t.Fatal(err)
	}
	run := w.Backup(s.ID)
	if run.Status != runs.StatusSuccess || run.Attempt != 3 {
		t.Fatalf("run is %s after %d attempts", run.Status, run.Attempt)
	}
	// Twice a minute, and half of a window of 5 and of 10 s, but at most 5 s.
	w.measured(t, "tenantbackup.throttle.wait", "error.type=throttled run.kind=backup 2: 127.5s")
	w.measured(t, "tenantbackup.attempts", "outcome=success run.kind=backup 1", "outcome=waiting run.kind=backup 2")
	w.measured(t, "tenantbackup.runs", "run.kind=backup run.status=success run.trigger=manual 1")
	w.measured(t, "tenantbackup.run.duration", "run.kind=backup run.status=success 1: 127.5s")
	w.measured(t, "tenantbackup.run.wait", "run.kind=backup run.trigger=manual 3: 0s") // a wait for Graph is none for a worker
	if calls := strings.Join(w.points(t, "tenantbackup.graph.call.duration"), "\n"); !strings.Contains(calls, "error.type=throttled graph.operation=list") {
		t.Errorf("calls to Graph:\n%s", calls)
	}
}

func TestAWaitThatGraphHasNoPartInIsNoThrottling(t *testing.T) {
	fails := true
	w := newWorld(t, workOf(func(context.Context, *runs.Attempt) error {
		defer func() { fails = false }()
		if fails {
			return errors.New("out of luck")
		}
		return nil
	}), nil)
	w.start(t)
	w.Drain()
	w.measured(t, "tenantbackup.throttle.wait")
	w.measured(t, "tenantbackup.attempts", "outcome=success run.kind=test.work 1", "outcome=waiting run.kind=test.work 1")
}

func TestEveryWayInWhichARunEndsIsCounted(t *testing.T) {
	var answer error
	w := newWorld(t, workOf(func(context.Context, *runs.Attempt) error { return answer }), nil)
	for _, answer = range []error{nil, &graph.Error{Kind: graph.KindForbidden}, runs.ErrCanceled, runs.Invalid("params", "x", "no")} {
		w.start(t)
		w.Drain()
	}
	run := w.start(t)
	if _, err := w.Starter.Cancel(t.Context(), rig.Tenant, rig.Owner, run.ID); err != nil {
		t.Fatal(err)
	}
	w.measured(t, "tenantbackup.runs",
		"run.code=CANCELED run.kind=test.work run.status=canceled run.trigger=manual 2",
		"run.code=GRAPH_FORBIDDEN run.kind=test.work run.status=failed run.trigger=manual 1",
		"run.code=INTERNAL run.kind=test.work run.status=failed run.trigger=manual 1",
		"run.kind=test.work run.status=success run.trigger=manual 1")
	w.measured(t, "tenantbackup.run.duration", // the run that was canceled while it waited has none
		"run.kind=test.work run.status=canceled 1: 0s", "run.kind=test.work run.status=failed 2: 0s", "run.kind=test.work run.status=success 1: 0s")
	w.measured(t, "tenantbackup.attempts", "outcome=canceled run.kind=test.work 1", "outcome=failed run.kind=test.work 2", "outcome=success run.kind=test.work 1")
}

func TestALostLeaseIsCountedWhereItIsNoticed(t *testing.T) {
	var w *world
	w = newWorld(t, workOf(func(ctx context.Context, a *runs.Attempt) error {
		_, err := w.Store.ChangeRun(ctx, rig.Tenant, a.Run().ID, func(_ time.Time, cur runs.Run, _ runs.Room) (runs.Change, error) {
			cur.LeaseToken++ // as another worker does
			return runs.Change{Run: cur}, nil
		})
		return err
	}), nil)
	w.measured(t, "tenantbackup.lease.losses", "lease.noticed_by=sweep 0", "lease.noticed_by=worker 0")

	w.start(t)
	w.Drain()
	w.measured(t, "tenantbackup.lease.losses", "lease.noticed_by=sweep 0", "lease.noticed_by=worker 1")
	w.measured(t, "tenantbackup.attempts", "outcome=lease_lost run.kind=test.work 1")
	w.measured(t, "tenantbackup.runs")

	w.Clock.Add(2 * time.Minute) // nobody renews the other worker's lease
	if n, err := w.Runner.Sweep(t.Context()); n != 1 || err != nil {
		t.Fatalf("swept %d, error %v", n, err)
	}
	w.measured(t, "tenantbackup.lease.losses", "lease.noticed_by=sweep 1", "lease.noticed_by=worker 1")
	w.measured(t, "tenantbackup.sweeps", "outcome=done 1")
	w.measured(t, "tenantbackup.sweep.requeued", "0")
}

func TestASweepCountsTheJobsThatItQueuesAgain(t *testing.T) {
	w := newWorld(t, workOf(func(context.Context, *runs.Attempt) error { return nil }), nil)
	w.start(t)
	w.Queue.Lose()
	w.Clock.Add(time.Hour)
	if _, err := w.Runner.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.measured(t, "tenantbackup.sweep.requeued", "1")
	w.Drain()
	w.measured(t, "tenantbackup.run.wait", "run.kind=test.work run.trigger=manual 1: 3600s")

	w.start(t)
	w.Queue.Fail = errors.New("the queue is down")
	w.Clock.Add(time.Hour)
	if _, err := w.Runner.Sweep(t.Context()); err == nil {
		t.Fatal("a sweep without a queue has no error")
	}
	w.measured(t, "tenantbackup.sweeps", "outcome=done 1", "outcome=failed 1")
}

func TestARunUnderWayIsActive(t *testing.T) {
	var w *world
	w = newWorld(t, workOf(func(context.Context, *runs.Attempt) error {
		w.measured(t, "tenantbackup.active_runs", "run.kind=test.work 1")
		return runs.ErrStopping
	}), nil)
	w.start(t)
	job, _ := w.Queue.Take()
	if err := w.Runner.Handle(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	w.measured(t, "tenantbackup.active_runs", "run.kind=test.work 0")
	w.measured(t, "tenantbackup.attempts", "outcome=given_back run.kind=test.work 1")
	w.measured(t, "tenantbackup.runs")
}

func TestTenantsAreInMetricsOnlyWhereTheHostAsksForIt(t *testing.T) {
	for _, asked := range []bool{false, true} {
		w := newWorld(t, rig.Options{}, func(c *runsotel.Config) { c.TenantInMetrics = asked })
		w.Backup(w.Schedule(nil).ID)
		for name, m := range w.metrics(t) {
			has := strings.Contains(printed(t, m), string(rig.Tenant))
			want := asked && (name == "tenantbackup.runs" || strings.HasPrefix(name, "tenantbackup.run.") || name == "tenantbackup.attempts" || name == "tenantbackup.active_runs")
			if has != want {
				t.Errorf("asked %v: %s names the tenant: %v", asked, name, has)
			}
		}
	}
}

func TestTheQueueIsAskedAtEveryCollection(t *testing.T) {
	stats, failure := runs.QueueStats{Due: 3, Delayed: 4, SetAside: 1, Oldest: 90 * time.Second}, error(nil)
	w := newWorld(t, rig.Options{Policies: -1}, func(c *runsotel.Config) {
		c.Queue = func(ctx context.Context) (runs.QueueStats, error) {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("a queue that does not answer would hold up all metrics")
			}
			return stats, failure
		}
	})
	w.measured(t, "tenantbackup.queue.jobs", "queue.state=delayed 4", "queue.state=due 3", "queue.state=set_aside 1")
	w.measured(t, "tenantbackup.queue.age", "90")
	stats = runs.QueueStats{}
	w.measured(t, "tenantbackup.queue.jobs", "queue.state=delayed 0", "queue.state=due 0", "queue.state=set_aside 0")
	failure = errors.New("password=hunter2")
	w.measured(t, "tenantbackup.queue.jobs") // nothing, rather than an empty queue
	failure = nil
	if err := w.telemetry.Close(); err != nil {
		t.Fatal(err)
	}
	w.measured(t, "tenantbackup.queue.jobs")
}

func TestATelemetryNeedsAProvider(t *testing.T) {
	_, err := runsotel.New(runsotel.Config{})
	var invalid *runs.InvalidError
	if !errors.As(err, &invalid) || invalid.Fields[0].Field != "meter_provider" {
		t.Errorf("error %v", err)
	}
}

// workOf are options of a rig with an executor of the kind work.
func workOf(d doing) rig.Options {
	return rig.Options{Policies: -1, Runner: runs.Config{Executors: []runs.Executor{d}}}
}

// start starts a run of the kind work.
func (w *world) start(t *testing.T) runs.Run {
	t.Helper()
	run, _, err := w.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: work, Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestWaitsWithinACallAreMeasuredByTheirReason(t *testing.T) {
	w := newWorld(t, rig.Options{}, nil)
	told := w.telemetry.Graph().Waited
	told(t.Context(), graph.Wait{Tenant: rig.Tenant, Type: "deviceConfiguration", Workload: graph.WorkloadIntune, Reason: graph.WaitThrottled, For: 2 * time.Second})
	told(t.Context(), graph.Wait{Tenant: rig.Tenant, Workload: graph.WorkloadDirectory, Reason: graph.WaitPaced, For: 500 * time.Millisecond})
	told(t.Context(), graph.Wait{Tenant: rig.Tenant, Workload: graph.WorkloadIntune, Reason: graph.WaitThrottled, For: time.Second})
	w.measured(t, "tenantbackup.graph.wait", "graph.wait.reason=paced graph.workload=directory 1: 0.5s", "graph.wait.reason=throttled graph.workload=intune 2: 3s")
}
