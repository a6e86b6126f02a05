package runs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

// take takes the job of a run and returns its work, nil when there is none.
func take(t *testing.T, runner *runs.Runner, run runs.Run) runs.Work {
	t.Helper()
	work, err := runner.Take(t.Context(), runs.Job{TenantID: run.TenantID, RunID: run.ID})
	if err != nil {
		t.Fatal(err)
	}
	return work
}

// finish does the work that was taken.
func finish(t *testing.T, work runs.Work) {
	t.Helper()
	if work == nil {
		t.Fatal("there is no work: the run was not claimed")
	}
	if err := work(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// waits takes the job of a run that has to wait for its turn.
func waits(t *testing.T, r *rig.Rig, runner *runs.Runner, run runs.Run) {
	t.Helper()
	if take(t, runner, run) != nil {
		t.Fatal("the run was claimed before its turn")
	}
	if got := r.Run(run.ID); got.Status != runs.StatusQueued || got.Attempt != 0 || got.Lane != 0 {
		t.Fatalf("the run that waits is %s, attempt %d, lane %d", got.Status, got.Attempt, got.Lane)
	}
}

// queued names the runs whose jobs wait, with how they wait.
func queued(r *rig.Rig, names map[runs.ID]string) (list []string) {
	for _, j := range r.Queue.Jobs() {
		text := names[j.RunID]
		if j.Interactive {
			text += " interactive"
		}
		if j.Back {
			text += " back"
		}
		if !j.NotBefore.IsZero() {
			text += " later"
		}
		list = append(list, text)
	}
	return list
}

// system starts a run that nobody waits for.
func system(t *testing.T, r *rig.Rig, key string) runs.Run {
	t.Helper()
	run, _, err := r.Starter.StartSystem(t.Context(), rig.Tenant, runs.Request{Kind: kindTest, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func idle(context.Context, *runs.Attempt) error { return nil }

// three starts runs a, b and c, forgets their jobs and returns them with their names.
func three(t *testing.T, r *rig.Rig) (a, b, c runs.Run, names map[runs.ID]string) {
	t.Helper()
	a, b, c = begin(t, r, "a"), begin(t, r, "b"), begin(t, r, "c")
	r.Queue.Lose()
	return a, b, c, map[runs.ID]string{a.ID: "a", b.ID: "b", c.ID: "c"}
}

func wantJobs(t *testing.T, r *rig.Rig, names map[runs.ID]string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, queued(r, names)); diff != "" {
		t.Errorf("jobs that wait (-want +got):\n%s", diff)
	}
}

func TestTheEndOfARunQueuesTheNextBehindTheOthers(t *testing.T) {
	r := rig.New(t, with(idle))
	a, b, c, names := three(t, r)
	work := take(t, r.Runner, a)
	waits(t, r, r.Runner, b)
	waits(t, r, r.Runner, c)
	wantJobs(t, r, names)
	finish(t, work)
	wantJobs(t, r, names, "b back") // without preference: the tenant's interactive run was just done
	r.Drain()
	for _, run := range []runs.Run{a, b, c} {
		if got := r.Run(run.ID); got.Status != runs.StatusSuccess || got.Lane != 0 {
			t.Errorf("run %s is %s in lane %d", names[run.ID], got.Status, got.Lane)
		}
	}
}

func TestATenantHasAsManyLanesAsConfigured(t *testing.T) {
	o := with(idle)
	o.Runner.PerTenant = 3
	r := rig.New(t, o)
	a, b, c, _ := three(t, r)
	d, e := begin(t, r, "d"), begin(t, r, "e")
	var work []runs.Work
	var lanes []int
	for _, run := range []runs.Run{a, b, c} {
		work = append(work, take(t, r.Runner, run))
		lanes = append(lanes, r.Run(run.ID).Lane)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, slices.Sorted(slices.Values(lanes))); diff != "" {
		t.Errorf("lanes (-want +got):\n%s", diff)
	}
	waits(t, r, r.Runner, d)
	waits(t, r, r.Runner, e)
	finish(t, work[1])
	waits(t, r, r.Runner, e) // d comes first
	take(t, r.Runner, d)
	if got := r.Run(d.ID); got.Status != runs.StatusRunning || got.Lane != lanes[1] {
		t.Errorf("the run that got the free lane is %s in lane %d, want running in lane %d", got.Status, got.Lane, lanes[1])
	}
}

func TestAPersonsRunComesBeforeScheduledOnesOfItsTenant(t *testing.T) {
	r := rig.New(t, with(idle))
	first, scheduled := system(t, r, "first"), system(t, r, "scheduled")
	work := take(t, r.Runner, first)
	r.Clock.Add(time.Minute)
	person := begin(t, r, "person")
	r.Queue.Lose()
	waits(t, r, r.Runner, person)
	finish(t, work)
	names := map[runs.ID]string{scheduled.ID: "scheduled", person.ID: "person"}
	wantJobs(t, r, names, "person interactive back")
	waits(t, r, r.Runner, scheduled)
	step(t, r, r.Runner)
	if got := r.Run(person.ID).Status; got != runs.StatusSuccess {
		t.Errorf("the person's run is %s", got)
	}
	wantJobs(t, r, names, "scheduled back")
}

func TestARunThatIsCanceledInFrontPassesTheTurn(t *testing.T) {
	r := rig.New(t, with(idle))
	a, b, c, names := three(t, r)
	finish(t, take(t, r.Runner, a))
	wantJobs(t, r, names, "b back")
	if _, err := r.Starter.Cancel(t.Context(), rig.Tenant, rig.Owner, b.ID); err != nil {
		t.Fatal(err)
	}
	step(t, r, r.Runner)
	wantJobs(t, r, names, "c interactive back") // nobody had a turn since
	r.Drain()
	if got := r.Run(c.ID).Status; got != runs.StatusSuccess {
		t.Errorf("the last run is %s", got)
	}
}

func TestARunThatIsSkippedPassesTheTurn(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	older, _, err := r.Scheduler.RunNow(t.Context(), rig.Tenant, rig.Owner, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Store.ChangeRun(t.Context(), rig.Tenant, older.ID, func(now time.Time, cur runs.Run, _ runs.Room) (runs.Change, error) {
		cur.Attempt, cur.StartedAt, cur.NotBefore = 1, now, now.AddDate(1, 0, 0) // waits for a retry
		return runs.Change{Run: cur}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Queue.Lose()
	r.Clock.Set(s.NextRunAt)
	if _, err := r.Dispatcher.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	slot := r.Queue.Jobs()[0].RunID
	next := system(t, r, "next")
	r.Queue.Lose()
	finish(t, take(t, r.Runner, runs.Run{TenantID: rig.Tenant, ID: slot}))
	if got := r.Run(slot); got.Status != runs.StatusSkipped {
		t.Fatalf("the slot's run is %s", got.Status)
	}
	wantJobs(t, r, map[runs.ID]string{next.ID: "next"}, "next back")
}

func TestASweepFreesTheLaneOfADeadWorkerAndPassesTheTurn(t *testing.T) {
	r := rig.New(t, with(idle))
	a, b, _, names := three(t, r)
	take(t, r.Runner, a) // its worker dies
	waits(t, r, r.Runner, b)
	r.Clock.Add(2 * time.Minute)
	if n, err := r.Runner.Sweep(t.Context()); n != 1 || err != nil {
		t.Fatalf("sweep brought back %d runs, error %v", n, err)
	}
	if got := r.Run(a.ID); got.Status != runs.StatusQueued || got.Lane != 0 {
		t.Errorf("the dead worker's run is %s in lane %d", got.Status, got.Lane)
	}
	jobs := queued(r, names)
	if !slices.Contains(jobs, "b back") && !slices.Contains(jobs, "a back") {
		t.Errorf("nobody was given the turn: %q", jobs)
	}
	r.Drain()
	for id, name := range names {
		if got := r.Run(id).Status; got != runs.StatusSuccess {
			t.Errorf("run %s is %s", name, got)
		}
	}
}

func TestAThrottledRunGivesItsLaneAwayWhileItWaits(t *testing.T) {
	var order []string
	names := map[runs.ID]string{}
	r := rig.New(t, with(func(_ context.Context, a *runs.Attempt) error {
		name := names[a.Run().ID]
		order = append(order, fmt.Sprint(name, a.Run().Attempt))
		if name == "a" && a.Run().Attempt == 1 {
			return &graph.Error{Kind: graph.KindThrottled, RetryAfter: time.Hour}
		}
		return nil
	}))
	a, _, _, n := three(t, r)
	for id, name := range n {
		names[id] = name
	}
	finish(t, take(t, r.Runner, a))
	if got := r.Run(a.ID); got.Status != runs.StatusQueued || got.Lane != 0 {
		t.Errorf("the throttled run is %s in lane %d", got.Status, got.Lane)
	}
	wantJobs(t, r, names, "a interactive later", "b back")
	r.Drain()
	if diff := cmp.Diff([]string{"a1", "b1", "c1", "a2"}, order); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
}

func TestASweepQueuesOnlyTheRunWhoseTurnItIs(t *testing.T) {
	o := with(idle)
	o.Runner.LeaseFor = time.Hour
	r := rig.New(t, o)
	a, _, _, names := three(t, r)
	sweep := func() {
		t.Helper()
		r.Clock.Add(10 * time.Minute)
		if _, err := r.Runner.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	work := take(t, r.Runner, a)
	sweep()
	wantJobs(t, r, names)
	finish(t, work)
	r.Queue.Lose()
	sweep()
	wantJobs(t, r, names, "b")
}

// A person who starts a thousand runs would keep all others waiting, a run each minute.
func TestASweepGivesNoPreferenceBack(t *testing.T) {
	r := rig.New(t, with(idle))
	a, _, _, names := three(t, r)
	r.Clock.Add(10 * time.Minute)
	finish(t, take(t, r.Runner, a))
	wantJobs(t, r, names, "b back")
	if _, err := r.Runner.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantJobs(t, r, names, "b back", "b") // a queue of one job a run keeps the first
}

// onlyOne is a queue that takes one job at a time.
type onlyOne struct{ runs.Queue }

func (q onlyOne) Enqueue(ctx context.Context, jobs ...runs.Job) error {
	if len(jobs) > 1 {
		return errDeaf
	}
	return q.Queue.Enqueue(ctx, jobs...)
}

func TestASweepGoesOnWhenTheQueueRefusesAPage(t *testing.T) {
	r := rig.New(t, with(idle))
	for i := range 501 {
		if _, _, err := r.Starter.StartSystem(t.Context(), rig.Tenant, runs.Request{Kind: runs.KindRetentionApply, Key: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	r.Clock.Add(time.Second)
	last := system(t, r, "last")
	take(t, r.Runner, last) // its worker dies
	r.Clock.Add(10 * time.Minute)
	runner, err := runs.NewRunner(runs.Config{Store: r.Store, Queue: onlyOne{r.Queue}, Clock: r.Clock, Executors: []runs.Executor{script(idle)}})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := runner.Sweep(t.Context()); n != 1 || !errors.Is(err, errDeaf) {
		t.Errorf("%d runs were brought back, error %v", n, err)
	}
	if got := r.Run(last.ID).Status; got != runs.StatusQueued {
		t.Errorf("the run of the dead worker is %s", got)
	}
}

// It is not asked again and again, and the next one may be in another lane.
func TestAResumedRunWaitsForTheEndOfAnotherOfItsSchedule(t *testing.T) {
	o := rig.Options{Policies: -1}
	o.Runner.PerTenant = 2
	r := rig.New(t, o)
	s := r.Schedule(nil)
	backup := func(key string) runs.Run {
		run, _, err := r.Starter.StartSystem(t.Context(), rig.Tenant, runs.Request{
			Kind: runs.KindBackup, Key: key, ScheduleID: s.ID, Params: runs.BackupParams{PolicyTypes: s.PolicyTypes}.JSON(),
		})
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	resumed, other := backup("a"), backup("b")
	_, err := r.Store.ChangeRun(t.Context(), rig.Tenant, resumed.ID, func(now time.Time, cur runs.Run, _ runs.Room) (runs.Change, error) {
		cur.StartedAt = now // a process that stopped gave it back
		return runs.Change{Run: cur}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Queue.Lose()
	work := take(t, r.Runner, other)
	waits(t, r, r.Runner, resumed)
	names := map[runs.ID]string{resumed.ID: "resumed"}
	wantJobs(t, r, names)
	finish(t, work)
	if jobs := queued(r, names); !slices.Contains(jobs, "resumed back") {
		t.Errorf("the end of the other one queued %q", jobs)
	}
	r.Drain()
	if got := r.Run(resumed.ID); !got.Status.Terminal() || got.Status == runs.StatusSkipped {
		t.Errorf("the resumed run is %s", got.Status)
	}
}

func TestARunThatDoesNotUseGraphNeedsNoLane(t *testing.T) {
	r := rig.New(t, with(idle))
	a, b, _, names := three(t, r)
	work := take(t, r.Runner, a)
	local, _, err := r.Starter.StartSystem(t.Context(), rig.Tenant, runs.Request{Kind: runs.KindRetentionApply, Key: "local"})
	if err != nil {
		t.Fatal(err)
	}
	r.Queue.Lose()
	own := take(t, r.Runner, local)
	if got := r.Run(local.ID); got.Status != runs.StatusRunning || got.Lane != 0 {
		t.Errorf("it is %s in lane %d, want running without one", got.Status, got.Lane)
	}
	waits(t, r, r.Runner, b)
	finish(t, work)
	wantJobs(t, r, names, "b back")
	r.Queue.Lose()
	finish(t, own)
	wantJobs(t, r, names) // it has no turn to pass
}

// tired is a store whose search for the tenant's next run fails so many times.
type tired struct {
	runs.Store
	fails int
}

func (s *tired) WaitingRuns(ctx context.Context, tenant graph.TenantID, lanes int) ([]runs.Run, error) {
	if s.fails--; s.fails >= 0 {
		return nil, errDeaf
	}
	return s.Store.WaitingRuns(ctx, tenant, lanes)
}

func TestATurnThatCouldNotBePassedIsPassedWhenTheJobComesAgain(t *testing.T) {
	for what, outcome := range map[string]error{"ended": nil, "waits for later": &graph.Error{Kind: graph.KindThrottled, RetryAfter: time.Hour}} {
		t.Run(what, func(t *testing.T) {
			r := rig.New(t, with(idle))
			s := &tired{Store: r.Store, fails: 2}
			runner, err := runs.NewRunner(runs.Config{Store: s, Queue: r.Queue, Clock: r.Clock, Executors: []runs.Executor{
				script(func(context.Context, *runs.Attempt) error { return outcome }),
			}})
			if err != nil {
				t.Fatal(err)
			}
			a, b, _, names := three(t, r)
			job := runs.Job{TenantID: rig.Tenant, RunID: a.ID}
			for i := range 2 {
				if err := runner.Handle(t.Context(), job); !errors.Is(err, errDeaf) {
					t.Fatalf("delivery %d: error %v, want the store's, so that the job comes again", i+1, err)
				}
			}
			r.Queue.Lose()
			if err := runner.Handle(t.Context(), job); err != nil {
				t.Fatal(err)
			}
			if jobs := queued(r, names); !slices.ContainsFunc(jobs, func(s string) bool { return s == "b back" || s == "b interactive back" }) {
				t.Errorf("run b has no job: %q", jobs)
			}
			if got := r.Run(b.ID).Status; got != runs.StatusQueued {
				t.Errorf("run b is %s", got)
			}
		})
	}
}

func TestLanesThatAStoreCannotKeepAreRefused(t *testing.T) {
	r := rig.New(t, with(idle))
	for n, ok := range map[int]bool{-1: false, 0: true, 1: true, 62: true, 63: false} {
		_, err := runs.NewRunner(runs.Config{Store: r.Store, Queue: r.Queue, Executors: []runs.Executor{script(idle)}, PerTenant: n})
		var invalid *runs.InvalidError
		if ok != (err == nil) || !ok && (!errors.As(err, &invalid) || invalid.Fields[0].Field != "per_tenant") {
			t.Errorf("per_tenant %d: error %v", n, err)
		}
	}
}
