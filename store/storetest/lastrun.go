package storetest

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

func lastRunPromises() []promise {
	return []promise{
		{"a backup of a schedule that ends moves the schedule's last run", endedBackupMovesLastRun},
		{"the last run never moves back to one that finished earlier", lastRunNeverMovesBack},
		{"a run that only starts or waits does not move the last run", activeRunDoesNotMoveLastRun},
		{"a run of another schedule, kind or tenant does not move the last run", otherRunsDoNotMoveLastRun},
		{"the last run of a deleted schedule can still move", lastRunOfADeletedSchedule},
	}
}

// last is the schedule's last run as it is stored now.
type last struct {
	At     time.Time
	ID     runs.ID
	Status runs.Status
}

func (f *fixture) last(s backupsched.Schedule) last {
	f.Helper()
	got := must(f.store.GetSchedule(f.ctx, s.TenantID, s.ID))(f)
	return last{got.LastRunAt, got.LastRunID, got.LastRunStatus}
}

func endedBackupMovesLastRun(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	at := start
	for _, status := range runs.Statuses() {
		if !status.Terminal() {
			continue
		}
		at = at.Add(time.Minute)
		r := f.start(f.newBackup(s, time.Time{}))
		f.finish(r, status, at)
		same(t, "after "+string(status), f.last(s), last{at, r.ID, status})
	}
	got := must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t)
	s.LastRunAt, s.LastRunID, s.LastRunStatus, s.UpdatedAt = got.LastRunAt, got.LastRunID, got.LastRunStatus, got.UpdatedAt
	same(t, "the rest of the schedule", got, s)
}

func lastRunNeverMovesBack(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	long, short := f.start(f.newBackup(s, start)), f.start(f.newBackup(s, time.Time{}))
	f.finish(short, runs.StatusSkipped, start.Add(time.Minute))
	f.finish(long, runs.StatusSuccess, start.Add(time.Hour))
	same(t, "after the one that began first finished last", f.last(s), last{start.Add(time.Hour), long.ID, runs.StatusSuccess})
	late := f.start(f.newBackup(s, start.Add(time.Minute)))
	f.finish(late, runs.StatusFailed, start.Add(30*time.Minute))
	same(t, "after a clock that went back", f.last(s), last{start.Add(time.Hour), long.ID, runs.StatusSuccess})
}

func activeRunDoesNotMoveLastRun(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	r := f.start(f.newBackup(s, start))
	f.change(r, claimed)
	f.change(r, waiting)
	same(t, "last run", f.last(s), last{})
}

func otherRunsDoNotMoveLastRun(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	f.finish(f.start(f.newBackup(f.schedule(contoso), start)), runs.StatusSuccess, start)
	f.finish(f.start(f.newBackup(f.schedule(fabrikam), start)), runs.StatusSuccess, start)
	f.finish(f.start(f.newRun(contoso)), runs.StatusSuccess, start)
	retention := f.newRun(contoso) // about the schedule, but no backup of it
	retention.Kind, retention.Target = runs.KindRetentionApply, runs.Target{Type: "schedule", ID: s.ID}
	f.finish(f.start(retention), runs.StatusSuccess, start)
	same(t, "last run", f.last(s), last{})
}

func lastRunOfADeletedSchedule(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	r := f.start(f.newBackup(s, start))
	s = f.deleteSchedule(s)
	f.finish(r, runs.StatusSuccess, start.Add(time.Minute))
	got := must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t)
	if !got.Deleted() {
		t.Error("the tombstone is gone")
	}
	same(t, "last run", f.last(s), last{start.Add(time.Minute), r.ID, runs.StatusSuccess})
}
