package backupsched_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

type watchKey struct{}

// watch is an observer that keeps what it is told.
func watch(ends *[]backupsched.TickEnd) backupsched.Observer {
	return backupsched.Observer{Tick: func(ctx context.Context, _ backupsched.TickStart) (context.Context, func(backupsched.TickEnd)) {
		return context.WithValue(ctx, watchKey{}, true), func(e backupsched.TickEnd) { *ends = append(*ends, e) }
	}}
}

func TestAnObserverIsToldHowLateEachSlotWasDispatched(t *testing.T) {
	var ends []backupsched.TickEnd
	r := rig.New(t, rig.Options{Policies: -1, Observers: rig.Observers{Dispatch: watch(&ends)}})
	for name, at := range map[string]string{"a": "02:30", "b": "02:30", "c": "02:31", "missed": "02:00", "later": "03:00"} {
		r.Schedule(func(d *backupsched.Draft) { d.Name, d.Recurrence.TimeOfDay = name, at })
	}
	r.Clock.Set(time.Date(2026, 1, 5, 1, 31, 30, 0, time.UTC)) // 02:31:30 in Berlin
	report, err := r.Dispatcher.Tick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []backupsched.TickEnd{{Report: report, Lags: []backupsched.Lag{{Slots: 2, Lag: 90 * time.Second}, {Slots: 1, Lag: 30 * time.Second}}}}
	if diff := cmp.Diff(want, ends); diff != "" || report.Queued != 3 || report.Missed != 1 {
		t.Errorf("report %+v, observed (-want +got):\n%s", report, diff)
	}
}

// repeating is a store that plans every chunk twice, as one does whose transaction was
// repeated, or that fails.
type repeating struct {
	backupsched.Store
	fail error
	seen any
}

func (s *repeating) DispatchDue(ctx context.Context, c backupsched.Chunk) (backupsched.ChunkResult, error) {
	s.seen = ctx.Value(watchKey{})
	if s.fail != nil {
		return backupsched.ChunkResult{}, s.fail
	}
	plan := c.Plan
	c.Plan = func(sched backupsched.Schedule) backupsched.Plan {
		plan(sched)
		return plan(sched)
	}
	return s.Store.DispatchDue(ctx, c)
}

func TestASlotThatIsPlannedTwiceIsObservedOnce(t *testing.T) {
	var ends []backupsched.TickEnd
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	r.Clock.Set(s.NextRunAt.Add(time.Second))
	inner := &repeating{Store: r.Store}
	d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: inner, Queue: r.Queue, Clock: r.Clock, Observer: watch(&ends)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]backupsched.Lag{{Slots: 1, Lag: time.Second}}, ends[0].Lags); diff != "" || inner.seen != true {
		t.Errorf("the tick had the observer's context: %v; lags (-want +got):\n%s", inner.seen, diff)
	}

	inner.fail = errors.New("the database is away")
	if _, err := d.Tick(t.Context()); err == nil || !ends[1].Failed || len(ends[1].Lags) != 0 {
		t.Errorf("a tick that fails: error %v, observed %+v", err, ends[1])
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Tick(ctx); err == nil || ends[2].Failed {
		t.Errorf("a tick that is stopped: error %v, observed %+v", err, ends[2])
	}
}

func TestAnObserverThatPanicsStopsNoTick(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1, Observers: rig.Observers{Dispatch: backupsched.Observer{
		Tick: func(ctx context.Context, _ backupsched.TickStart) (context.Context, func(backupsched.TickEnd)) {
			return ctx, func(backupsched.TickEnd) { panic("boom") }
		},
	}}})
	s := r.Schedule(nil)
	r.Clock.Set(s.NextRunAt)
	if report, err := r.Dispatcher.Tick(t.Context()); err != nil || report.Queued != 1 {
		t.Errorf("report %+v, error %v", report, err)
	}
	if jobs := r.Queue.Jobs(); len(jobs) != 1 || jobs[0].TenantID != rig.Tenant || jobs[0].RunID == runs.ID("") {
		t.Errorf("jobs %+v", jobs)
	}
}
