package runs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

type observedKey struct{}

// told is what an observer was told.
type told struct {
	starts   []runs.AttemptStart
	ends     []runs.AttemptEnd
	finished []runs.FinishedRun
	sweeps   []runs.SweepEnd
}

func (o *told) observer() runs.Observer {
	return runs.Observer{
		Attempt: func(ctx context.Context, a runs.AttemptStart) (context.Context, func(runs.AttemptEnd)) {
			o.starts = append(o.starts, a)
			return context.WithValue(ctx, observedKey{}, a.ID), func(e runs.AttemptEnd) { o.ends = append(o.ends, e) }
		},
		Finished: func(_ context.Context, f runs.FinishedRun) { o.finished = append(o.finished, f) },
		Swept:    func(_ context.Context, s runs.SweepEnd) { o.sweeps = append(o.sweeps, s) },
	}
}

func observedBy(o runs.Observer, s script) rig.Options {
	opts := with(s)
	opts.Observers.Runs = o
	return opts
}

func TestAnObserverIsToldOfEachAttemptAndOfTheEnd(t *testing.T) {
	var o told
	first := true
	r := rig.New(t, observedBy(o.observer(), func(ctx context.Context, a *runs.Attempt) error {
		if ctx.Value(observedKey{}) != a.Run().ID {
			t.Error("the executor does not have the observer's context")
		}
		item := a.NewItem("settingsCatalogPolicy", string(a.NewID()), "name", runs.ItemSuccess, "", nil)
		if err := a.SaveItems(ctx, []runs.Item{item}, 2); err != nil {
			return err
		}
		if first {
			first = false
			return &graph.Error{Kind: graph.KindThrottled, RetryAfter: time.Minute, Err: errors.New("hunter2")}
		}
		return nil
	}))
	run := begin(t, r, "k")
	r.Clock.Add(3 * time.Second)
	r.Drain()

	info := runs.RunInfo{ID: run.ID, TenantID: rig.Tenant, Kind: kindTest, Trigger: runs.TriggerManual, Attempt: 1}
	again := info
	again.Attempt = 2
	wait := time.Minute + 2500*time.Millisecond // Retry-After, and half of the first window
	want := told{
		starts: []runs.AttemptStart{{RunInfo: info, Waited: 3 * time.Second}, {RunInfo: again}},
		ends: []runs.AttemptEnd{
			{Status: runs.StatusQueued, Code: runs.CodeGraphThrottled, Failure: graph.KindThrottled, Wait: wait, Processed: 1},
			{Status: runs.StatusSuccess, Processed: 1},
		},
		finished: []runs.FinishedRun{{RunInfo: again, Status: runs.StatusSuccess, Took: wait}},
	}
	if diff := cmp.Diff(want, o, cmp.AllowUnexported(told{})); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

func TestAnObserverIsToldHowAnAttemptEndedThatDidNotEndItsRun(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want runs.AttemptEnd
	}{
		"the process stops":   {runs.ErrStopping, runs.AttemptEnd{Status: runs.StatusQueued, GivenBack: true}},
		"another worker's":    {runs.ErrLeaseLost, runs.AttemptEnd{LeaseLost: true}},
		"no answer in time":   {context.DeadlineExceeded, runs.AttemptEnd{Status: runs.StatusQueued, Code: runs.CodeTimeout, Failure: graph.KindTimeout, Wait: 2500 * time.Millisecond}},
		"an error of no kind": {errors.New("odd"), runs.AttemptEnd{Status: runs.StatusQueued, Code: runs.CodeInternal, Failure: graph.KindInternal, Wait: 2500 * time.Millisecond}},
	} {
		var o told
		r := rig.New(t, observedBy(o.observer(), func(context.Context, *runs.Attempt) error { return c.err }))
		begin(t, r, "k")
		step(t, r, r.Runner)
		if diff := cmp.Diff([]runs.AttemptEnd{c.want}, o.ends); diff != "" || len(o.finished) != 0 {
			t.Errorf("%s: %d runs ended; attempt (-want +got):\n%s", name, len(o.finished), diff)
		}
	}
}

func TestAnObserverIsToldOfRunsThatEndWithoutAnAttempt(t *testing.T) {
	var o told
	r := rig.New(t, observedBy(o.observer(), func(context.Context, *runs.Attempt) error { return nil }))
	canceled := begin(t, r, "k")
	if _, err := r.Starter.Cancel(t.Context(), rig.Tenant, rig.Owner, canceled.ID); err != nil {
		t.Fatal(err)
	}
	want := []runs.FinishedRun{{
		RunInfo: runs.RunInfo{ID: canceled.ID, TenantID: rig.Tenant, Kind: kindTest, Trigger: runs.TriggerManual},
		Status:  runs.StatusCanceled, Code: runs.CodeCanceled,
	}}
	if diff := cmp.Diff(want, o.finished); diff != "" || len(o.starts) != 0 {
		t.Errorf("%d attempts; ended (-want +got):\n%s", len(o.starts), diff)
	}
}

func TestAnObserverIsToldWhatASweepDid(t *testing.T) {
	var o told
	r := rig.New(t, observedBy(o.observer(), func(context.Context, *runs.Attempt) error { return nil }))
	run := begin(t, r, "k")
	sweep := func() {
		t.Helper()
		r.Clock.Add(time.Hour)
		if _, err := r.Runner.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.Queue.Lose()
	sweep()
	job, _ := r.Queue.Take()
	if work, err := r.Runner.Take(t.Context(), job); work == nil || err != nil {
		t.Fatalf("claim: %v", err)
	}
	sweep() // the worker is gone
	if diff := cmp.Diff([]runs.SweepEnd{{Requeued: 1}, {Rescued: 1}}, o.sweeps); diff != "" {
		t.Errorf("sweeps (-want +got):\n%s", diff)
	}
	r.Queue.Fail = errors.New("the queue is down")
	r.Clock.Add(time.Hour)
	if _, err := r.Runner.Sweep(t.Context()); err == nil || !o.sweeps[2].Failed {
		t.Errorf("a sweep that fails: error %v, observed %+v", err, o.sweeps[2])
	}
	if r.Run(run.ID).Status != runs.StatusQueued {
		t.Errorf("the run is %s", r.Run(run.ID).Status)
	}
}

func TestAnObserverThatPanicsTakesNoRunDown(t *testing.T) {
	var log bytes.Buffer
	opts := observedBy(runs.Observer{
		Attempt: func(context.Context, runs.AttemptStart) (context.Context, func(runs.AttemptEnd)) {
			return nil, func(runs.AttemptEnd) { panic("hunter2") }
		},
		Finished: func(context.Context, runs.FinishedRun) { panic("hunter2") },
		Swept:    func(context.Context, runs.SweepEnd) { panic("hunter2") },
	}, func(ctx context.Context, _ *runs.Attempt) error { return ctx.Err() })
	opts.Runner.Logger = slog.New(slog.NewTextHandler(&log, nil))
	r := rig.New(t, opts)
	run := begin(t, r, "k")
	r.Drain()
	if _, err := r.Runner.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if got := r.Run(run.ID); got.Status != runs.StatusSuccess {
		t.Errorf("run is %s %s", got.Status, got.ErrorCode)
	}
	if n := strings.Count(log.String(), "an observer panicked"); n != 3 || strings.Contains(log.String(), "hunter2") {
		t.Errorf("%d panics were logged:\n%s", n, log.String())
	}
}
