package runs_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

const kindTest = runs.Kind("test.kind")

// script is an executor that does what a test says.
type script func(ctx context.Context, a *runs.Attempt) error

func (s script) Kinds() []runs.Kind                                 { return []runs.Kind{kindTest} }
func (s script) Execute(ctx context.Context, a *runs.Attempt) error { return s(ctx, a) }

func with(s script) rig.Options {
	return rig.Options{Policies: -1, Runner: runs.Config{Executors: []runs.Executor{s}}}
}

func begin(t *testing.T, r *rig.Rig, key string) runs.Run {
	t.Helper()
	run, reused, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: kindTest, Key: key})
	if err != nil || reused {
		t.Fatalf("Start: reused %v, error %v", reused, err)
	}
	return run
}

// step handles one job.
func step(t *testing.T, r *rig.Rig, runner *runs.Runner) {
	t.Helper()
	job, ok := r.Queue.Take()
	if !ok {
		t.Fatal("no job waits")
	}
	if err := runner.Handle(t.Context(), job); err != nil {
		t.Fatal(err)
	}
}

func actions(r *rig.Rig) []string {
	var list []string
	for _, e := range r.Audit() {
		list = append(list, e.Action+" "+e.Outcome)
	}
	return list
}

func TestARunGoesThroughItsStatesWithOneAuditLineEach(t *testing.T) {
	tries := 0
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error {
		if tries++; tries == 1 {
			return &graph.Error{Kind: graph.KindThrottled, RetryAfter: time.Minute}
		}
		return nil
	}))
	run := begin(t, r, "k")
	r.Drain()
	got := r.Run(run.ID)
	if got.Status != runs.StatusSuccess || got.Attempt != 2 || got.FinishedAt.Sub(got.StartedAt) < time.Minute {
		t.Errorf("the run is %+v", got)
	}
	want := []string{"run.started queued", "run.started running", "run.retried queued", "run.started running", "run.finished success"}
	if diff := cmp.Diff(want, actions(r)); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestTwoStartsWithOneKeyAreOneRunAndOneJob(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return nil }))
	run := begin(t, r, "k")
	again, reused, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: kindTest, Key: "k"})
	if err != nil || !reused || again.ID != run.ID {
		t.Errorf("second start: %s, reused %v, error %v; want %s", again.ID, reused, err, run.ID)
	}
	if n := len(r.Queue.Jobs()); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
	r.Drain()
	if next := begin(t, r, "k"); next.ID == run.ID {
		t.Error("the key is not free after the run ended")
	}
}

func TestARunWhoseJobIsLostIsQueuedAgainBySweep(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return nil }))
	r.Queue.Fail = errors.New("queue is down")
	run := begin(t, r, "k")
	r.Queue.Fail = nil
	if _, err := r.Runner.Sweep(t.Context()); err != nil || len(r.Queue.Jobs()) != 0 {
		t.Fatalf("a fresh run is swept already: %v, error %v", r.Queue.Jobs(), err)
	}
	r.Clock.Add(10 * time.Minute)
	if _, err := r.Runner.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Drain()
	if got := r.Run(run.ID).Status; got != runs.StatusSuccess {
		t.Errorf("the run is %s", got)
	}
}

func TestASecondDeliveryDoesNothing(t *testing.T) {
	executed := 0
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { executed++; return nil }))
	run := begin(t, r, "k")
	job := runs.Job{TenantID: rig.Tenant, RunID: run.ID}
	for range 3 {
		if err := r.Runner.Handle(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
	if executed != 1 {
		t.Errorf("executed %d times", executed)
	}
}

func TestAJobOfAnotherTenantOrOfNobodyDoesNothing(t *testing.T) {
	executed := 0
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { executed++; return nil }))
	run := begin(t, r, "k")
	for _, job := range []runs.Job{{TenantID: "fabrikam", RunID: run.ID}, {TenantID: rig.Tenant, RunID: "0198d1c2-0000-7000-8000-000000000001"}} {
		if err := r.Runner.Handle(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
	if executed != 0 || r.Run(run.ID).Status != runs.StatusQueued {
		t.Errorf("executed %d times, the run is %s", executed, r.Run(run.ID).Status)
	}
}

func TestALostWorkerIsReplacedAndItsWritesAreRefused(t *testing.T) {
	var r *rig.Rig
	var first *runs.Attempt
	attempts := 0
	r = rig.New(t, with(func(ctx context.Context, a *runs.Attempt) error {
		attempts++
		if attempts > 1 {
			return nil
		}
		first = a
		r.Clock.Add(10 * time.Minute) // this worker hangs: no heartbeat reaches the store in time
		<-ctx.Done()
		return ctx.Err()
	}))
	run := begin(t, r, "k")
	// The first worker claims the run and then its clock jumps past the lease. Its own
	// heartbeat may come first, so the lease is taken away for sure by hand below.
	job, _ := r.Queue.Take()
	done := make(chan error, 1)
	go func() { done <- r.Runner.Handle(context.WithoutCancel(t.Context()), job) }()
	other := r.NewRunner(with(func(context.Context, *runs.Attempt) error { attempts++; return nil }))
	deadline := time.After(20 * time.Second)
	for r.Run(run.ID).LeaseToken < 2 {
		select {
		case <-deadline:
			t.Fatal("the run was never taken over")
		default:
		}
		if got := r.Run(run.ID); got.Status == runs.StatusRunning && got.LeaseToken == 1 {
			_, err := r.Store.ChangeRun(t.Context(), rig.Tenant, run.ID, func(now time.Time, cur runs.Run, _ runs.Room) (runs.Change, error) {
				cur.LeaseUntil = now.Add(-time.Second)
				return runs.Change{Run: cur}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := other.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.Clock.Add(time.Minute)
		}
		if job, ok := r.Queue.Take(); ok {
			job.NotBefore = time.Time{}
			if err := other.Handle(t.Context(), job); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.Clock.Add(time.Minute) // the heartbeat of the first worker finds out
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got := r.Run(run.ID)
	if got.Status != runs.StatusSuccess || got.Attempt != 2 {
		t.Errorf("the run is %s after attempt %d, want success after 2", got.Status, got.Attempt)
	}
	item := first.NewItem("settingsCatalogPolicy", "p", "P", runs.ItemSuccess, "", nil)
	if err := first.SaveItems(t.Context(), []runs.Item{item}, -1); !errors.Is(err, runs.ErrLeaseLost) {
		t.Errorf("a write under the old lease: %v, want ErrLeaseLost", err)
	}
	if n := len(r.Items(run.ID)); n != 0 {
		t.Errorf("%d items were written under the old lease", n)
	}
}

func TestWorkersThatKeepDyingEndTheRun(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return nil }))
	run := begin(t, r, "k")
	for range 20 {
		if r.Run(run.ID).Status.Terminal() {
			break
		}
		claim(t, r, run.ID) // and never come back
		r.Clock.Add(2 * time.Minute)
		if _, err := r.Runner.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := r.Run(run.ID)
	if got.Status != runs.StatusFailed || got.ErrorCode != runs.CodeWorkerLost || got.Attempt < 2 {
		t.Errorf("the run is %s %s after %d attempts, want failed WORKER_LOST", got.Status, got.ErrorCode, got.Attempt)
	}
}

// claim takes a run as a worker does that dies at once.
func claim(t *testing.T, r *rig.Rig, id runs.ID) {
	t.Helper()
	_, err := r.Store.ChangeRun(t.Context(), rig.Tenant, id, func(now time.Time, cur runs.Run, _ runs.Room) (runs.Change, error) {
		cur.Status, cur.Attempt, cur.LeaseToken, cur.LeaseUntil = runs.StatusRunning, cur.Attempt+1, cur.LeaseToken+1, now.Add(time.Minute)
		cur.StartedAt, cur.NotBefore = now, time.Time{}
		return runs.Change{Run: cur}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSweepLeavesALiveLeaseAlone(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return nil }))
	run := begin(t, r, "k")
	claim(t, r, run.ID)
	r.Clock.Add(59 * time.Second)
	n, err := r.Runner.Sweep(t.Context())
	if err != nil || n != 0 || r.Run(run.ID).Status != runs.StatusRunning {
		t.Errorf("swept %d, error %v, the run is %s", n, err, r.Run(run.ID).Status)
	}
}

func TestAPanickingExecutorFailsItsRunWithoutTellingItsSecret(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { panic("client_secret=canary-7d1f") }))
	run := begin(t, r, "k")
	r.Drain()
	got := r.Run(run.ID)
	if got.Status != runs.StatusFailed || got.ErrorCode != runs.CodeInternal || got.Attempt != 3 {
		t.Errorf("the run is %s %s after %d attempts, want failed INTERNAL after 3", got.Status, got.ErrorCode, got.Attempt)
	}
	if strings.Contains(got.ErrorMessage, "canary") {
		t.Errorf("the message tells the panic's value: %s", got.ErrorMessage)
	}
}

func TestErrorsAreRedactedWhereverTheyGo(t *testing.T) {
	const canary = "canary-9b2e"
	leak := "Bearer " + canary + " client_secret=" + canary + " https://u:" + canary + "@host/?sig=" + canary
	r := rig.New(t, with(func(ctx context.Context, a *runs.Attempt) error {
		item := a.NewItem("settingsCatalogPolicy", "p", "P", runs.ItemFailed, runs.ReasonInternal, errors.New(leak))
		if err := a.SaveItems(ctx, []runs.Item{item}, 1); err != nil {
			return err
		}
		return errors.New(leak)
	}))
	run := begin(t, r, "k")
	r.Drain()
	notes, err := r.Starter.Notifications(t.Context(), rig.Tenant, rig.Owner, false, runs.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	everything, err := json.Marshal([]any{r.Run(run.ID), r.Items(run.ID), r.Audit(), notes})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(everything), canary) {
		t.Errorf("the secret is in what is stored: %s", everything)
	}
	if r.Run(run.ID).ErrorMessage == "" || r.Items(run.ID)[0].Message == "" {
		t.Error("nothing is left of the messages, so this test shows nothing")
	}
}

func TestAKindWithoutAnExecutorFailsAtOnce(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	run, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: "nobody.knows", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	r.Drain()
	if got := r.Run(run.ID); got.Status != runs.StatusFailed || got.ErrorCode != runs.CodeUnknownKind || got.Attempt != 1 {
		t.Errorf("the run is %s %s after %d attempts", got.Status, got.ErrorCode, got.Attempt)
	}
}

func TestARunBeyondItsDeadlineEndsWithTimeout(t *testing.T) {
	o := with(func(context.Context, *runs.Attempt) error {
		return &graph.Error{Kind: graph.KindThrottled, RetryAfter: 50 * time.Minute}
	})
	o.Runner.Retry = runs.RetryPolicy{Deadline: 2 * time.Hour, MaxStalls: 100}
	r := rig.New(t, o)
	run := begin(t, r, "k")
	r.Drain()
	if got := r.Run(run.ID); got.Status != runs.StatusFailed || got.ErrorCode != runs.CodeTimeout || got.Attempt != 3 {
		t.Errorf("the run is %s %s after %d attempts, want TIMEOUT after 3", got.Status, got.ErrorCode, got.Attempt)
	}
}

func TestResultsOfExecutors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		result runs.Result
		failed bool
		want   runs.Status
		code   runs.Code
	}{
		{"none and all well", runs.Result{}, false, runs.StatusSuccess, ""},
		{"none and an item failed", runs.Result{}, true, runs.StatusPartial, runs.CodeItemsFailed},
		{"skipped", runs.Result{Status: runs.StatusSkipped, Code: runs.CodeUnknownPolicyType}, false, runs.StatusSkipped, runs.CodeUnknownPolicyType},
		{"a status that is not a result", runs.Result{Status: runs.StatusQueued}, false, runs.StatusFailed, runs.CodeInternal},
		{"a summary that is not JSON", runs.Result{Summary: func() {}}, false, runs.StatusFailed, runs.CodeInternal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rig.New(t, with(func(ctx context.Context, a *runs.Attempt) error {
				status := runs.ItemSuccess
				if tt.failed {
					status = runs.ItemFailed
				}
				a.Finish(tt.result)
				return a.SaveItems(ctx, []runs.Item{a.NewItem("x", "p", "P", status, "", nil)}, 1)
			}))
			run := begin(t, r, "k")
			r.Drain()
			if got := r.Run(run.ID); got.Status != tt.want || got.ErrorCode != tt.code {
				t.Errorf("the run is %s %s (%s), want %s %s", got.Status, got.ErrorCode, got.ErrorMessage, tt.want, tt.code)
			}
		})
	}
}

func TestAFailingAfterRunChangesNothing(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("no") },
		"panic": func() error { panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			o := with(func(context.Context, *runs.Attempt) error { return nil })
			called := 0
			o.Runner.AfterRun = func(context.Context, runs.Run) error { called++; return fail() }
			r := rig.New(t, o)
			run := begin(t, r, "k")
			r.Drain()
			if got := r.Run(run.ID); got.Status != runs.StatusSuccess || called != 1 {
				t.Errorf("the run is %s, AfterRun was called %d times", got.Status, called)
			}
		})
	}
}

func TestOnlyWhoStartedARunIsNotified(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return nil }))
	begin(t, r, "k")
	if _, _, err := r.Starter.StartSystem(t.Context(), rig.Tenant, runs.Request{Kind: kindTest, Key: "s"}); err != nil {
		t.Fatal(err)
	}
	r.Clock.Add(time.Second) // newest first is by time
	r.Drain()
	list := func(a runs.Actor) (got []runs.Status) {
		page, err := r.Starter.Notifications(t.Context(), rig.Tenant, a, false, runs.PageRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Items {
			got = append(got, n.Status)
		}
		return got
	}
	if diff := cmp.Diff([]runs.Status{runs.StatusSuccess}, list(rig.Owner)); diff != "" {
		t.Errorf("notifications of the owner (-want +got):\n%s", diff)
	}
	if got := list(rig.Operator); len(got) != 0 {
		t.Errorf("the operator is told %v", got)
	}
}

func TestNewRunnerNamesEveryWrongField(t *testing.T) {
	_, err := runs.NewRunner(runs.Config{LeaseFor: -1, Executors: []runs.Executor{script(nil), script(nil), nil}, Retry: runs.RetryPolicy{Max: -1}})
	var invalid *runs.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("error is %v, want *InvalidError", err)
	}
	var fields []string
	for _, f := range invalid.Fields {
		fields = append(fields, f.Field)
	}
	want := []string{"store", "queue", "lease_for", "executors[1]", "executors[2]", "retry.max"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}
