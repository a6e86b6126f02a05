package storetest

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

func changePromises() []promise {
	return []promise{
		{"a change of a run is stored whole, with its trail, and returned", runChangeIsStored},
		{"a refused change of a run leaves everything as it is", refusedRunChangeWritesNothing},
		{"a change and its trail are written together or not at all", changeAndTrailAreOne},
		{"a run that has ended is not changed", endedRunIsNotChanged},
		{"a change cannot give a run another id or tenant", changeCannotMoveARun},
		{"no change of a run is lost when many come at once", runChangesAreNotLost},
		{"busy tells that another backup of the schedule is running or waits for a retry", busyTells},
		{"busy is about queued backups of one schedule only", busyIsAboutOneSchedule},
		{"two runs of a schedule never become running", twoRunsNeverRun},
		{"claims at once of runs of a schedule let one through", claimsAtOnce},
		{"runs without a schedule run beside each other", runsWithoutScheduleRunBesideEachOther},
	}
}

func runChangeIsStored(t *testing.T, f *fixture) {
	r := f.start(f.newRun(contoso))
	beside := f.start(f.newRun(contoso))
	want := r
	want.Status, want.Attempt, want.Stalls = runs.StatusRunning, 3, 2
	want.UpdatedAt, want.StartedAt, want.NotBefore = start.Add(time.Second), start.Add(2*time.Second), start.Add(3*time.Second)
	want.ErrorCode, want.ErrorMessage = runs.CodeGraphThrottled, "too many requests – später"
	want.Summary = json.RawMessage(`{"policies_total":3,"warnings":["ä"]}`)
	want.CancelRequested, want.CanceledBy = true, bob
	want.LeaseToken, want.LeaseOwner, want.LeaseUntil = 1<<40, "worker-1", start.Add(time.Minute)
	want.Lane, want.AttemptStartedAt = 62, start.Add(4*time.Second)
	got := must(f.store.ChangeRun(f.ctx, contoso, r.ID, func(now time.Time, current runs.Run, _ runs.Room) (runs.Change, error) {
		same(t, "run given to change", current, r)
		if now.IsZero() {
			t.Error("change was given no time")
		}
		return runs.Change{Run: want, Trail: f.trail(contoso, "run.started")}, nil
	}))(t)
	same(t, "run returned", got, want)
	same(t, "run stored", f.get(r), want)
	same(t, "run beside it", f.get(beside), beside)

	want.Status, want.FinishedAt, want.Summary = runs.StatusPartial, start.Add(time.Hour), nil
	want.CancelRequested, want.CanceledBy, want.Lane = false, runs.Actor{}, 0
	want.AttemptStartedAt = time.Time{}
	want.NotBefore, want.LeaseUntil, want.LeaseOwner, want.ErrorCode, want.ErrorMessage = time.Time{}, time.Time{}, "", "", ""
	f.change(r, func(_ time.Time, r *runs.Run) { *r = want })
	same(t, "run with everything cleared again", f.get(r), want)
	f.wroteTrail(contoso, "run.started")
}

func refusedRunChangeWritesNothing(t *testing.T, f *fixture) {
	r := f.newRun(contoso)
	r.Params = json.RawMessage(`{"a":1}`)
	f.start(r)
	f.nothingWritten("a refused change", func() {
		_, err := f.store.ChangeRun(f.ctx, contoso, r.ID, func(_ time.Time, current runs.Run, _ runs.Room) (runs.Change, error) {
			current.Status = runs.StatusFailed
			copy(current.Params, `{"b":2}`)
			return runs.Change{Run: current, Trail: f.trail(contoso, "x")}, errRefused
		})
		f.wants("ChangeRun", err, errRefused)
	})
}

func changeAndTrailAreOne(t *testing.T, f *fixture) {
	r := f.start(f.newRun(contoso))
	taken := f.entry(contoso, "first")
	f.ok(f.store.AppendAudit(f.ctx, contoso, taken))
	before := f.snapshot()
	trail := f.trail(contoso, "second")
	trail.Audit = append(trail.Audit, taken) // an id that exists: whether that is an error is the store's choice
	_, err := f.store.ChangeRun(f.ctx, contoso, r.ID, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		claimed(now, &r)
		return runs.Change{Run: r, Trail: trail}, nil
	})
	if err != nil {
		same(t, "after a trail that was refused", f.snapshot(), before)
		return
	}
	if n := len(f.audit(contoso)); f.get(r).Status != runs.StatusRunning || n != 3 {
		t.Errorf("after a trail that was taken: run is %s with %d entries, want running with 3", f.get(r).Status, n)
	}
}

func endedRunIsNotChanged(t *testing.T, f *fixture) {
	var ended []runs.Run
	for _, status := range runs.Statuses() {
		if status.Terminal() {
			ended = append(ended, f.finish(f.start(f.newRun(contoso)), status, start))
		}
	}
	f.nothingWritten("changing runs that have ended", func() {
		for _, r := range ended {
			_, err := f.store.ChangeRun(f.ctx, contoso, r.ID, func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
				r.Status = runs.StatusQueued
				return runs.Change{Run: r, Trail: f.trail(contoso, "x")}, nil
			})
			f.wants("changing a run that is "+string(r.Status), err, runs.ErrConflict)
		}
	})
}

func changeCannotMoveARun(t *testing.T, f *fixture) {
	r := f.start(f.newRun(contoso))
	// Whether this is an error or ignored is the store's choice.
	_, _ = f.store.ChangeRun(f.ctx, contoso, r.ID, changing(func(_ time.Time, r *runs.Run) {
		r.ID, r.TenantID = f.id(), fabrikam
	}))
	same(t, "run", f.get(r), r)
	for tenant, want := range map[graph.TenantID]int{contoso: 1, fabrikam: 0} {
		if n := len(must(f.store.ListRuns(f.ctx, tenant, runs.RunFilter{}, all))(t)); n != want {
			t.Errorf("runs of %s: got %d, want %d", tenant, n, want)
		}
	}
}

func runChangesAreNotLost(t *testing.T, f *fixture) {
	r := f.start(f.newRun(contoso))
	var mu sync.Mutex
	var failed error
	atOnce(crowd, func(int) {
		_, err := f.store.ChangeRun(f.ctx, contoso, r.ID, changing(func(_ time.Time, r *runs.Run) { r.Attempt++ }))
		mu.Lock()
		failed = errors.Join(failed, err)
		mu.Unlock()
	})
	f.ok(failed)
	if got := f.get(r).Attempt; got != crowd {
		t.Errorf("%d changes that each add one: got %d", crowd, got)
	}
}

// busy returns what a change of the run is told.
func (f *fixture) busy(r runs.Run) bool {
	f.Helper()
	var told bool
	_, err := f.store.ChangeRun(f.ctx, r.TenantID, r.ID, func(_ time.Time, _ runs.Run, room runs.Room) (runs.Change, error) {
		told = room.Busy
		return runs.Change{}, errRefused
	})
	f.wants("looking at busy", err, errRefused)
	return told
}

func busyTells(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	first, second := f.start(f.newBackup(s, start)), f.start(f.newBackup(s, time.Time{}))
	for _, step := range []struct {
		what string
		do   func()
		want bool
	}{
		{"the other is queued for the first time", func() {}, false},
		{"the other is running", func() { f.claim(first) }, true},
		{"the other waits for a retry", func() { f.change(first, waiting) }, true},
		{"the other has ended", func() { f.finish(first, runs.StatusFailed, start) }, false},
	} {
		step.do()
		if got := f.busy(second); got != step.want {
			t.Errorf("%s: busy is %t, want %t", step.what, got, step.want)
		}
	}
}

func busyIsAboutOneSchedule(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	active := f.claim(f.start(f.newBackup(s, start)))
	other, elsewhere, none := f.start(f.newBackup(f.schedule(contoso), start)), f.start(f.newBackup(f.schedule(fabrikam), start)), f.start(f.newRun(contoso))
	f.running(contoso)
	for what, r := range map[string]runs.Run{
		"the active run itself": active, "a run of another schedule": other,
		"a run of another tenant": elsewhere, "a run without a schedule": none,
	} {
		if f.busy(r) {
			t.Errorf("%s is told that the schedule is busy", what)
		}
	}
	f.change(active, waiting)
	if f.busy(active) {
		t.Error("a run that waits for a retry is told that it is busy with itself")
	}
}

func twoRunsNeverRun(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	first, second := f.claim(f.start(f.newBackup(s, start))), f.start(f.newBackup(s, time.Time{}))
	f.nothingWritten("claiming the second", func() {
		_, err := f.store.ChangeRun(f.ctx, contoso, second.ID, func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
			claimed(now, &r)
			return runs.Change{Run: r, Trail: f.trail(contoso, "run.started")}, nil
		})
		f.wants("claiming the second", err, runs.ErrBusy)
	})
	f.change(first, func(now time.Time, r *runs.Run) { r.LeaseUntil = now.Add(time.Hour) }) // a heartbeat is no second run
	f.finish(first, runs.StatusSuccess, start)
	f.claim(second)
}

func claimsAtOnce(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	var list []runs.Run
	for range crowd {
		list = append(list, f.start(f.newBackup(s, time.Time{})))
	}
	var mu sync.Mutex
	won, busy := 0, 0
	atOnce(crowd, func(i int) {
		_, err := f.store.ChangeRun(f.ctx, contoso, list[i].ID, changing(claimed))
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			won++
		case errors.Is(err, runs.ErrBusy):
			busy++
		default:
			t.Errorf("claim: %v", err)
		}
	})
	running := must(f.store.ListRuns(f.ctx, contoso, runs.RunFilter{Statuses: []runs.Status{runs.StatusRunning}}, all))(t)
	if won != 1 || busy != crowd-1 || len(running) != 1 {
		t.Errorf("%d claims at once: %d went through, %d busy, %d running; want 1, %d, 1", crowd, won, busy, len(running), crowd-1)
	}
}

func runsWithoutScheduleRunBesideEachOther(t *testing.T, f *fixture) {
	f.running(contoso)
	f.running(contoso)
	f.claim(f.start(f.newBackup(f.schedule(contoso), start)))
	f.claim(f.start(f.newBackup(f.schedule(contoso), start)))
}
