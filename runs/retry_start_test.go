package runs_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
)

func conflictCode(err error) string {
	var conflict *runs.ConflictError
	if errors.As(err, &conflict) {
		return conflict.Code
	}
	return ""
}

func TestARefusedRetryIsInTheAuditLog(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	apply, _, err := r.Starter.StartSystem(t.Context(), rig.Tenant, retention.ApplyRequest(s.ID, ""))
	if err != nil {
		t.Fatal(err)
	}
	before := len(r.Audit())
	if _, _, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Operator, apply.ID); !errors.Is(err, runs.ErrForbidden) {
		t.Errorf("an operator retries retention: %v, want ErrForbidden", err)
	}
	log := r.Audit()[before:]
	if len(log) != 1 {
		t.Fatalf("%d audit lines, want 1", len(log))
	}
	type line struct {
		action, outcome, wanted string
		actor                   runs.Actor
		resource                runs.Target
	}
	got := line{log[0].Action, log[0].Outcome, log[0].Details["action"], log[0].Actor, log[0].Resource}
	want := line{"access.denied", "denied", string(runs.StartAction(runs.KindRetentionApply)), rig.Operator, runs.Target{Type: "run", ID: apply.ID}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("audit line (-want +got):\n%s", diff)
	}
}

func TestARunThatSucceededHasNothingToRetry(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return nil }))
	run := begin(t, r, "k")
	r.Drain()
	if _, _, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Owner, run.ID); conflictCode(err) != "nothing_to_retry" {
		t.Errorf("retrying a success: %v, want nothing_to_retry", err)
	}
	if n := len(r.Queue.Jobs()); n != 0 {
		t.Errorf("%d jobs wait, want none", n)
	}
}

func TestARunningRunIsNotRetried(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return nil }))
	run := begin(t, r, "k")
	claim(t, r, run.ID)
	if _, _, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Owner, run.ID); conflictCode(err) != "run_active" {
		t.Errorf("retrying a running run: %v, want run_active", err)
	}
}

// TestARetryOfARetryNamesTheRunItReplaces, not the first of the chain, and every retry is a
// run of its own once the one before has ended.
func TestARetryOfARetryNamesTheRunItReplaces(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return &graph.Error{Kind: graph.KindUnauthorized} }))
	retry := func(id runs.ID) runs.Run {
		t.Helper()
		run, reused, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Owner, id)
		if err != nil || reused {
			t.Fatalf("Retry: reused %v, error %v", reused, err)
		}
		if run.RetryOf != id || run.Trigger != runs.TriggerRetry || run.Key != "retry:"+string(id) {
			t.Errorf("the run is a %s of %q with the key %q, want a retry of %s", run.Trigger, run.RetryOf, run.Key, id)
		}
		r.Drain()
		return run
	}
	first := begin(t, r, "k")
	r.Drain()
	second := retry(first.ID)
	retry(second.ID)
	retry(first.ID)
}

func TestARetryKeepsTheTargetAndScheduleOfItsRun(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	old, _, err := r.Scheduler.RunNow(t.Context(), rig.Tenant, rig.Owner, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Starter.Cancel(t.Context(), rig.Tenant, rig.Owner, old.ID); err != nil {
		t.Fatal(err)
	}
	got, _, err := r.Starter.Retry(t.Context(), rig.Tenant, rig.Operator, old.ID)
	if err != nil || got.ScheduleID != s.ID || got.Target != old.Target || string(got.Params) != string(old.Params) {
		t.Errorf("the retry is %+v, error %v; want the schedule, target and parameters of %+v", got, err, old)
	}
}
