package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func strandedPromises() []promise {
	return []promise{
		{"running runs past their lease are stranded, others are not", leasesThatAreOver},
		{"queued runs without a change since the given time are stranded", queuedTooLong},
		{"stranded runs of all tenants come together", strandedOfAllTenants},
	}
}

// stranded returns the ids of stranded runs; queued ones when they are unchanged since.
func (f *fixture) stranded(since time.Time) []runs.ID {
	f.Helper()
	var ids []runs.ID
	for _, r := range must(f.store.StrandedRuns(f.ctx, runs.Stranded{QueuedBefore: since, Limit: 100}))(f) {
		ids = append(ids, r.ID)
	}
	return ids
}

// longAgo is before every change that the suite makes.
var longAgo = start.AddDate(-10, 0, 0)

// leased makes a run running with a lease that ends so much after now, on the clock that
// judges leases.
func (f *fixture) leased(r runs.Run, left time.Duration) runs.Run {
	f.Helper()
	return f.change(r, func(now time.Time, r *runs.Run) {
		claimed(now, r)
		r.LeaseUntil = now.Add(left)
	})
}

func leasesThatAreOver(t *testing.T, f *fixture) {
	over := f.leased(f.start(f.newRun(contoso)), -time.Second)
	f.leased(f.start(f.newRun(contoso)), time.Hour)
	ended := f.leased(f.start(f.newRun(contoso)), -time.Second)
	f.change(ended, func(_ time.Time, r *runs.Run) { r.Status, r.FinishedAt = runs.StatusFailed, start }) // with its lease left
	back := f.leased(f.start(f.newRun(contoso)), -time.Second)
	f.change(back, func(_ time.Time, r *runs.Run) { r.Status = runs.StatusQueued })
	same(t, "stranded", f.stranded(longAgo), []runs.ID{over.ID})
}

func queuedTooLong(t *testing.T, f *fixture) {
	old, exact, fresh := f.newRun(contoso), f.newRun(contoso), f.newRun(contoso)
	old.UpdatedAt, exact.UpdatedAt, fresh.UpdatedAt = start.Add(-time.Hour), start, start.Add(time.Microsecond)
	old.NotBefore = start.AddDate(10, 0, 0) // not due: its job carries the time
	for _, r := range []runs.Run{old, exact, fresh} {
		f.start(r)
	}
	f.finish(f.start(f.newRun(contoso)), runs.StatusCanceled, start.Add(-time.Hour))
	same(t, "stranded", f.stranded(start), []runs.ID{old.ID, exact.ID})
	same(t, "stranded before", f.stranded(start.Add(-time.Minute)), []runs.ID{old.ID})
	list := must(f.store.StrandedRuns(f.ctx, runs.Stranded{QueuedBefore: start.Add(-time.Minute), Limit: 100}))(t)
	same(t, "the whole run is given", list, []runs.Run{old})
}

func strandedOfAllTenants(t *testing.T, f *fixture) {
	want := []runs.ID{
		f.leased(f.start(f.newRun(fabrikam)), -time.Second).ID,
		f.start(f.newRun(contoso)).ID, f.start(f.newRun(fabrikam)).ID,
	}
	slices.Sort(want)
	same(t, "stranded", f.stranded(start), want)
}

func clockPromises() []promise {
	return []promise{
		{"deciding functions are given the clock's time in UTC with microseconds", decidersGetTheClocksTime},
		{"a lease is over when the clock has passed it", leaseIsJudgedByTheClock},
	}
}

func decidersGetTheClocksTime(t *testing.T, f *fixture) {
	r, s := f.start(f.newRun(contoso)), f.schedule(contoso)
	set := f.backup(s, start, content{t: settings, id: "p1", body: "a"})
	f.clock.Advance(90*time.Minute + 1234567*time.Nanosecond)
	given := map[string]time.Time{}
	_, _ = f.store.ChangeRun(f.ctx, contoso, r.ID, func(now time.Time, _ runs.Run, _ runs.Room) (runs.Change, error) {
		given["ChangeRun"] = now
		return runs.Change{}, errRefused
	})
	_, _ = f.store.ChangeSchedule(f.ctx, contoso, s.ID, func(now time.Time, _ backupsched.Schedule) (backupsched.ScheduleChange, error) {
		given["ChangeSchedule"] = now
		return backupsched.ScheduleChange{}, errRefused
	})
	_, _ = f.store.ChangeSet(f.ctx, contoso, set.ID, func(now time.Time, _ backupset.BackupSet) (backupset.SetChange, error) {
		given["ChangeSet"] = now
		return backupset.SetChange{}, errRefused
	})
	_, _ = f.store.ChangeGroup(f.ctx, contoso, s.ID, func(now time.Time, _ []backupset.BackupSet) (backupset.GroupChange, error) {
		given["ChangeGroup"] = now
		return backupset.GroupChange{}, errRefused
	})
	want := start.Add(90*time.Minute + 1234*time.Microsecond)
	same(t, "times given", given, map[string]time.Time{
		"ChangeRun": want, "ChangeSchedule": want, "ChangeSet": want, "ChangeGroup": want,
	})
}

func leaseIsJudgedByTheClock(t *testing.T, f *fixture) {
	r := f.leased(f.start(f.newRun(contoso)), time.Minute)
	f.clock.Advance(59 * time.Second)
	same(t, "before the lease is over", f.stranded(longAgo), nil)
	f.clock.Advance(2 * time.Second)
	same(t, "after", f.stranded(longAgo), []runs.ID{r.ID})
}
