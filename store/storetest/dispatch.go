package storetest

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

func dispatchPromises() []promise {
	return []promise{
		{"a due schedule gets its run, its next slot and its trail", dueScheduleGetsItsRun},
		{"only enabled schedules that are due are dispatched", onlyDueSchedulesAreDispatched},
		{"a chunk takes the schedules that are due longest, at most its limit", chunkTakesTheOldest},
		{"all tenants are dispatched and each run stays in its own", dispatchCrossesTenants},
		{"a slot that has a run is counted as a conflict and the clockwork goes on", takenSlotIsAConflict},
		{"a run id that exists is never written over by a plan", plannedIDThatExists},
		{"a skipped run is stored, counted, not queued, and moves the last run", skippedRunIsStored},
		{"a zero next slot stops the clockwork and leaves the schedule enabled", zeroNextRunStops},
		{"a plan without runs moves the next slot only", planWithoutRuns},
		{"a cycle leaves one entry of the system with what the chunk did", cycleIsAudited},
		{"nothing due writes nothing and asks for no entry", nothingDueWritesNothing},
		{"dispatchers at once give each slot to one of them", dispatchersAtOnce},
		{"enabled schedules of all tenants are those enabled and not deleted", enabledSchedulesOfAllTenants},
	}
}

// nextSlot is where the suite's plans move a schedule.
var nextSlot = start.Add(24 * time.Hour)

// chunk dispatches at the suite's start: one queued run per due schedule.
func (f *fixture) chunk(limit int) backupsched.Chunk {
	return backupsched.Chunk{
		Now: start, Limit: limit,
		Plan: func(s backupsched.Schedule) backupsched.Plan {
			r := f.newBackup(s, s.NextRunAt)
			e := f.entry(s.TenantID, "run.started")
			e.RunID = r.ID
			return backupsched.Plan{Runs: []runs.Run{r}, NextRunAt: nextSlot, Trail: runs.Trail{Audit: []runs.AuditEntry{e}}}
		},
		Cycle: func(r backupsched.ChunkResult) runs.AuditEntry {
			e := f.entry(runs.SystemTenant, "dispatch.cycle")
			e.Details = map[string]string{
				"due": strconv.Itoa(r.Due), "inserted": strconv.Itoa(len(r.Inserted)),
				"skipped": strconv.Itoa(r.Skipped), "conflicts": strconv.Itoa(r.Conflicts),
			}
			return e
		},
	}
}

func (f *fixture) dispatch(c backupsched.Chunk) backupsched.ChunkResult {
	f.Helper()
	return must(f.store.DispatchDue(f.ctx, c))(f)
}

// due stores a schedule that is due at a time.
func (f *fixture) due(tenant graph.TenantID, at time.Time) backupsched.Schedule {
	f.Helper()
	s := f.newSchedule(tenant, "due")
	s.NextRunAt = at
	return f.create(s)
}

// runsOf returns the runs of a schedule, newest first.
func (f *fixture) runsOf(s backupsched.Schedule) []runs.Run {
	f.Helper()
	return must(f.store.ListRuns(f.ctx, s.TenantID, runs.RunFilter{ScheduleID: s.ID}, all))(f)
}

func (f *fixture) nextRunAt(s backupsched.Schedule) time.Time {
	f.Helper()
	return must(f.store.GetSchedule(f.ctx, s.TenantID, s.ID))(f).NextRunAt
}

func dueScheduleGetsItsRun(t *testing.T, f *fixture) {
	s := f.due(contoso, start)
	c := f.chunk(10)
	var planned runs.Run
	plan := c.Plan
	c.Plan = func(given backupsched.Schedule) backupsched.Plan {
		same(t, "schedule given to plan", given, s)
		p := plan(given)
		p.Runs[0].NotBefore = start.Add(20 * time.Second) // jitter
		planned = p.Runs[0]
		return p
	}
	result := f.dispatch(c)
	same(t, "result", result, backupsched.ChunkResult{
		Due: 1, Inserted: []runs.Job{{TenantID: contoso, RunID: planned.ID, NotBefore: start.Add(20 * time.Second)}},
	})
	same(t, "run", f.runsOf(s), []runs.Run{planned})
	same(t, "next run", f.nextRunAt(s), nextSlot)
	same(t, "audit", f.actions(contoso), []string{"run.started"})
}

func onlyDueSchedulesAreDispatched(t *testing.T, f *fixture) {
	exactly := f.due(contoso, start)
	f.due(contoso, start.Add(time.Microsecond))
	stopped := f.newSchedule(contoso, "stopped")
	stopped.NextRunAt = time.Time{}
	f.create(stopped)
	disabled := f.newSchedule(contoso, "disabled") // with a next run all the same
	disabled.Enabled = false
	f.create(disabled)
	f.deleteSchedule(f.due(contoso, start))
	result := f.dispatch(f.chunk(10))
	if result.Due != 1 || len(f.runsOf(exactly)) != 1 {
		t.Errorf("want only the enabled schedule that is due, got %+v", result)
	}
}

func chunkTakesTheOldest(t *testing.T, f *fixture) {
	late, later, latest := f.due(contoso, start), f.due(contoso, start.Add(-time.Minute)), f.due(fabrikam, start.Add(-time.Hour))
	result := f.dispatch(f.chunk(2))
	if result.Due != 2 || len(result.Inserted) != 2 {
		t.Errorf("want 2 schedules of 3, got %+v", result)
	}
	same(t, "next run of the latest", f.nextRunAt(latest), nextSlot)
	same(t, "next run of the one after", f.nextRunAt(later), nextSlot)
	same(t, "next run of the one left for the next chunk", f.nextRunAt(late), start)
	if result = f.dispatch(f.chunk(2)); result.Due != 1 {
		t.Errorf("want the one that was left, got %+v", result)
	}
}

func dispatchCrossesTenants(t *testing.T, f *fixture) {
	a, b := f.due(contoso, start), f.due(fabrikam, start)
	f.dispatch(f.chunk(10))
	for _, s := range []backupsched.Schedule{a, b} {
		list := must(f.store.ListRuns(f.ctx, s.TenantID, runs.RunFilter{}, all))(t)
		if len(list) != 1 || list[0].TenantID != s.TenantID || list[0].ScheduleID != s.ID {
			t.Errorf("runs of %s: got %+v, want one of schedule %s", s.TenantID, list, s.ID)
		}
		same(t, "audit", f.actions(s.TenantID), []string{"run.started"})
	}
}

func takenSlotIsAConflict(t *testing.T, f *fixture) {
	s, free := f.due(contoso, start), f.due(contoso, start)
	taken := f.finish(f.start(f.newBackup(s, start)), runs.StatusFailed, start)
	result := f.dispatch(f.chunk(10))
	if result.Due != 2 || len(result.Inserted) != 1 || result.Conflicts != 1 {
		t.Errorf("got %+v, want 2 due, 1 inserted, 1 conflict", result)
	}
	same(t, "runs of the taken slot", f.runsOf(s), []runs.Run{taken})
	same(t, "next run of the taken slot", f.nextRunAt(s), nextSlot)
	if len(f.runsOf(free)) != 1 {
		t.Error("the schedule beside the conflict got no run")
	}
}

func plannedIDThatExists(t *testing.T, f *fixture) {
	r := f.start(f.newRun(contoso))
	f.due(contoso, start)
	c := f.chunk(10)
	plan := c.Plan
	c.Plan = func(s backupsched.Schedule) backupsched.Plan {
		p := plan(s)
		p.Runs[0].ID = r.ID
		return p
	}
	// Whether this is an error or a conflict is the store's choice.
	if result, err := f.store.DispatchDue(f.ctx, c); err == nil && len(result.Inserted) > 0 {
		t.Errorf("a run with an id that exists counts as inserted: %+v", result)
	}
	same(t, "run that was there", f.get(r), r)
}

func skippedRunIsStored(t *testing.T, f *fixture) {
	missed := start.Add(-time.Hour)
	s := f.due(contoso, missed)
	c := f.chunk(10)
	var skipped, queued runs.Run
	c.Plan = func(s backupsched.Schedule) backupsched.Plan {
		skipped, queued = f.newBackup(s, missed), f.newBackup(s, start)
		skipped.Status, skipped.ErrorCode, skipped.FinishedAt = runs.StatusSkipped, runs.CodeMissedSlot, start
		return backupsched.Plan{Runs: []runs.Run{skipped, queued}, NextRunAt: nextSlot}
	}
	result := f.dispatch(c)
	same(t, "result", result, backupsched.ChunkResult{
		Due: 1, Skipped: 1, Inserted: []runs.Job{{TenantID: contoso, RunID: queued.ID}},
	})
	same(t, "runs", f.runsOf(s), []runs.Run{queued, skipped})
	got := must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t)
	s.NextRunAt, s.LastRunAt, s.LastRunID, s.LastRunStatus = nextSlot, start, skipped.ID, runs.StatusSkipped
	s.UpdatedAt = got.UpdatedAt // whether this counts as an update is the store's choice
	same(t, "schedule", got, s)
}

func zeroNextRunStops(t *testing.T, f *fixture) {
	s := f.due(contoso, start)
	c := f.chunk(10)
	c.Plan = func(backupsched.Schedule) backupsched.Plan { return backupsched.Plan{} }
	f.dispatch(c)
	got := must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t)
	same(t, "next run", got.NextRunAt, time.Time{})
	if !got.Enabled {
		t.Error("the schedule was disabled")
	}
	if result := f.dispatch(f.chunk(10)); result.Due != 0 {
		t.Errorf("a schedule without a next run was dispatched: %+v", result)
	}
}

func planWithoutRuns(t *testing.T, f *fixture) {
	s := f.due(contoso, start)
	c := f.chunk(10)
	c.Plan = func(backupsched.Schedule) backupsched.Plan { return backupsched.Plan{NextRunAt: nextSlot} }
	same(t, "result", f.dispatch(c), backupsched.ChunkResult{Due: 1})
	same(t, "runs", f.runsOf(s), nil)
	same(t, "next run", f.nextRunAt(s), nextSlot)
}

func cycleIsAudited(t *testing.T, f *fixture) {
	f.due(contoso, start)
	f.due(fabrikam, start)
	taken := f.due(contoso, start)
	f.start(f.newBackup(taken, start))
	f.dispatch(f.chunk(10))
	entries := f.audit(runs.SystemTenant)
	if len(entries) != 1 {
		t.Fatalf("entries of the system: got %d, want 1: %+v", len(entries), entries)
	}
	same(t, "details", entries[0].Details, map[string]string{"due": "3", "inserted": "2", "skipped": "0", "conflicts": "1"})
	if e := entries[0]; e.Action != "dispatch.cycle" || e.TenantID != runs.SystemTenant || e.Seq != 1 {
		t.Errorf("entry of the cycle: got %+v", e)
	}
}

func nothingDueWritesNothing(t *testing.T, f *fixture) {
	f.due(contoso, start.Add(time.Hour))
	c := f.chunk(10)
	c.Cycle = func(r backupsched.ChunkResult) runs.AuditEntry {
		t.Errorf("an entry was asked for: %+v", r)
		return f.entry(runs.SystemTenant, "dispatch.cycle")
	}
	f.nothingWritten("a chunk with nothing due", func() {
		same(t, "result", f.dispatch(c), backupsched.ChunkResult{})
	})
}

func dispatchersAtOnce(t *testing.T, f *fixture) {
	const schedules = 30
	for i := range schedules {
		f.due([]graph.TenantID{contoso, fabrikam}[i%2], start)
	}
	var mu sync.Mutex
	var total backupsched.ChunkResult
	var failed error
	atOnce(4, func(int) {
		for {
			r, err := f.store.DispatchDue(f.ctx, f.chunk(7))
			mu.Lock()
			total.Due += r.Due
			total.Inserted = append(total.Inserted, r.Inserted...)
			total.Conflicts += r.Conflicts
			failed = errors.Join(failed, err)
			mu.Unlock()
			if err != nil || r.Due == 0 {
				return
			}
		}
	})
	f.ok(failed)
	if total.Due != schedules || len(total.Inserted) != schedules || total.Conflicts != 0 {
		t.Errorf("%d schedules: got %d due, %d inserted, %d conflicts", schedules, total.Due, len(total.Inserted), total.Conflicts)
	}
	ids := map[runs.ID]bool{}
	for _, job := range total.Inserted {
		ids[job.RunID] = true
		if _, err := f.store.GetRun(f.ctx, job.TenantID, job.RunID); err != nil {
			t.Errorf("run %s of a job: %v", job.RunID, err)
		}
	}
	if len(ids) != schedules {
		t.Errorf("distinct runs: got %d, want %d", len(ids), schedules)
	}
	for _, tenant := range []graph.TenantID{contoso, fabrikam} {
		if n := len(must(f.store.ListRuns(f.ctx, tenant, runs.RunFilter{}, all))(t)); n != schedules/2 {
			t.Errorf("runs of %s: got %d, want %d", tenant, n, schedules/2)
		}
	}
}

func enabledSchedulesOfAllTenants(t *testing.T, f *fixture) {
	want := []runs.ID{f.schedule(contoso).ID, f.schedule(fabrikam).ID}
	off := f.newSchedule(contoso, "off")
	off.Enabled = false
	f.create(off)
	f.deleteSchedule(f.schedule(fabrikam))
	stopped := f.newSchedule(contoso, "stopped") // enabled: its next run is to be computed anew
	stopped.NextRunAt = time.Time{}
	want = append(want, f.create(stopped).ID)
	var got []runs.ID
	for _, s := range must(f.store.EnabledSchedules(f.ctx, "", 100))(t) {
		got = append(got, s.ID)
	}
	slices.Sort(want)
	same(t, "ids", got, want)
}
