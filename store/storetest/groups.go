package storetest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func groupPromises() []promise {
	return []promise{
		{"a group is the schedule's sets that are not deleted, oldest first", groupIsTheSchedulesSets},
		{"a decision about a group is given the very sets that a list shows", decisionSeesTheGroup},
		{"dropped sets are deleted softly with their reasons and the trail", droppedSetsAreDeleted},
		{"a decision to drop nothing writes its trail only", droppingNothing},
		{"a refused decision leaves everything as it is", refusedDecisionWritesNothing},
		{"a drop that is not allowed is refused with everything beside it", forbiddenDrops},
		{"a set is dropped once when many decide at once", decisionsAtOnce},
	}
}

// group returns a group as it is listed now.
func (f *fixture) group(s backupsched.Schedule) []backupset.BackupSet {
	f.Helper()
	return brief(must(f.store.ListGroup(f.ctx, s.TenantID, s.ID))(f)...)
}

// brief leaves out what a group need not have of its sets.
func brief(sets ...backupset.BackupSet) []backupset.BackupSet {
	sets = slices.Clone(sets)
	for i := range sets {
		sets[i].Types = nil
	}
	return sets
}

func groupIsTheSchedulesSets(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	third := f.backup(s, start.Add(2*time.Hour))
	first := f.backup(s, start, content{t: settings, id: "p1", body: "a"})
	f.retire(f.backup(s, start.Add(-time.Hour)), start)
	c := f.capture(f.newBackup(s, start.Add(3*time.Hour))) // building
	second := f.set(third)
	f.manualSet(contoso)
	f.backup(f.schedule(contoso), start)
	f.backup(f.schedule(fabrikam), start)
	held := f.changeSet(first, func(s *backupset.BackupSet) { s.Holds = []backupset.Hold{{Name: "a", By: ada, At: start}} })
	same(t, "group", f.group(s), brief(held, second, c.set))
	same(t, "group of a schedule without sets", f.group(f.schedule(contoso)), []backupset.BackupSet{})
}

func decisionSeesTheGroup(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	for i := range 3 {
		f.backup(s, start.Add(time.Duration(-i)*time.Hour), content{t: settings, id: "p1", body: "a"})
	}
	f.retire(f.group(s)[1], start)
	want := f.group(s)
	f.drop(s, func(now time.Time, sets []backupset.BackupSet) (backupset.GroupChange, error) {
		same(t, "sets given", brief(sets...), want)
		if now.IsZero() {
			t.Error("the decision was given no time")
		}
		return backupset.GroupChange{}, nil
	})
}

func (f *fixture) drop(s backupsched.Schedule, decide func(time.Time, []backupset.BackupSet) (backupset.GroupChange, error)) int {
	f.Helper()
	return must(f.store.ChangeGroup(f.ctx, s.TenantID, s.ID, decide))(f)
}

func droppedSetsAreDeleted(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	first, second, third := f.backup(s, start), f.backup(s, start.Add(time.Hour)), f.backup(s, start.Add(2*time.Hour))
	var at time.Time
	n := f.drop(s, func(now time.Time, _ []backupset.BackupSet) (backupset.GroupChange, error) {
		at = now
		return backupset.GroupChange{
			Drop:   []runs.ID{first.ID, third.ID},
			Reason: map[runs.ID]string{first.ID: "beyond_keep_last", third.ID: "partial_stale"},
			Trail:  f.trail(contoso, "retention.applied"),
		}, nil
	})
	if n != 2 {
		t.Errorf("dropped: got %d, want 2", n)
	}
	first.DeletedAt, first.DeletedReason = at.UTC().Truncate(time.Microsecond), "beyond_keep_last"
	third.DeletedAt, third.DeletedReason = first.DeletedAt, "partial_stale"
	same(t, "first", f.set(first), first)
	same(t, "third", f.set(third), third)
	same(t, "group", f.group(s), brief(second))
	f.wroteTrail(contoso, "retention.applied")
}

func droppingNothing(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	set := f.backup(s, start)
	n := f.drop(s, func(time.Time, []backupset.BackupSet) (backupset.GroupChange, error) {
		return backupset.GroupChange{Trail: f.trail(contoso, "retention.applied")}, nil
	})
	if n != 0 {
		t.Errorf("dropped: got %d, want 0", n)
	}
	same(t, "group", f.group(s), brief(set))
	f.wroteTrail(contoso, "retention.applied")
}

func refusedDecisionWritesNothing(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	set := f.backup(s, start)
	f.nothingWritten("a refused decision", func() {
		_, err := f.store.ChangeGroup(f.ctx, contoso, s.ID, func(time.Time, []backupset.BackupSet) (backupset.GroupChange, error) {
			return backupset.GroupChange{Drop: []runs.ID{set.ID}, Trail: f.trail(contoso, "x")}, errRefused
		})
		f.wants("ChangeGroup", err, errRefused)
	})
}

func forbiddenDrops(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	fine := f.backup(s, start)
	held := f.changeSet(f.backup(s, start.Add(time.Minute)), func(s *backupset.BackupSet) {
		s.Holds = []backupset.Hold{{Name: "a", By: ada, At: start}}
	})
	used := f.backup(s, start.Add(2*time.Minute))
	preview := f.newRun(contoso)
	preview.Kind, preview.Target = "restore.preview", runs.Target{Type: "backup_set", ID: used.ID}
	f.start(preview)
	forbidden := map[string]runs.ID{
		"a set that is held":            held.ID,
		"a set in use":                  used.ID,
		"a set that is deleted already": f.retire(f.backup(s, start.Add(3*time.Minute)), start).ID,
		"a set that is building":        f.capture(f.newBackup(s, start.Add(time.Hour))).set.ID,
		"a set of another schedule":     f.backup(f.schedule(contoso), start).ID,
		"a set of another tenant":       f.backup(f.schedule(fabrikam), start).ID,
		"a manual set":                  f.manualSet(contoso).ID,
		"a set that nobody has":         nobody,
	}
	f.nothingWritten("drops that are not allowed", func() {
		for what, id := range forbidden {
			_, err := f.store.ChangeGroup(f.ctx, contoso, s.ID, func(time.Time, []backupset.BackupSet) (backupset.GroupChange, error) {
				return backupset.GroupChange{Drop: []runs.ID{fine.ID, id}, Trail: f.trail(contoso, "x")}, nil
			})
			f.wants("dropping "+what, err, runs.ErrConflict)
		}
	})
}

func decisionsAtOnce(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	for i := range 6 {
		f.backup(s, start.Add(time.Duration(i)*time.Hour))
	}
	atOnce(4, func(int) { // each drops the oldest of what it sees
		_, err := f.store.ChangeGroup(f.ctx, contoso, s.ID, func(_ time.Time, sets []backupset.BackupSet) (backupset.GroupChange, error) {
			if len(sets) == 0 {
				return backupset.GroupChange{}, errRefused
			}
			return backupset.GroupChange{Drop: []runs.ID{sets[0].ID}}, nil
		})
		if err != nil {
			t.Errorf("ChangeGroup: %v", err)
		}
	})
	if n := len(f.group(s)); n != 2 {
		t.Errorf("sets left of 6 after 4 drops of one each: got %d", n)
	}
}

func systemPromises() []promise {
	return []promise{
		{"purgeable sets of all tenants were deleted before the given time", purgeableSets},
		{"groups of all tenants have a sealed set that is not deleted", groupsOfAllTenants},
	}
}

func purgeableSets(t *testing.T, f *fixture) {
	before := start.Add(time.Hour)
	ours := f.retire(f.manualSet(contoso), before.Add(-time.Microsecond))
	theirs := f.retire(f.manualSet(fabrikam), start)
	f.retire(f.manualSet(contoso), before)
	f.manualSet(contoso)
	got := must(f.store.PurgeableSets(f.ctx, before, "", 100))(t)
	same(t, "purgeable", got, []backupset.TenantSet{{TenantID: contoso, ID: ours.ID}, {TenantID: fabrikam, ID: theirs.ID}})
}

func groupsOfAllTenants(t *testing.T, f *fixture) {
	ours, theirs := f.schedule(contoso), f.schedule(fabrikam)
	for _, s := range []backupsched.Schedule{ours, theirs} {
		f.backup(s, start)
		f.backup(s, start.Add(time.Hour))
	}
	f.retire(f.backup(f.schedule(contoso), start), start)
	f.capture(f.newBackup(f.schedule(contoso), start)) // building
	f.manualSet(contoso)
	gone := f.schedule(fabrikam) // what a deleted schedule made is still there
	f.backup(gone, start)
	f.deleteSchedule(gone)
	want := []backupset.TenantGroup{
		{TenantID: contoso, ScheduleID: ours.ID}, {TenantID: fabrikam, ScheduleID: theirs.ID}, {TenantID: fabrikam, ScheduleID: gone.ID},
	}
	slices.SortFunc(want, func(a, b backupset.TenantGroup) int { return cmp.Compare(a.ScheduleID, b.ScheduleID) })
	same(t, "groups", must(f.store.Groups(f.ctx, "", 100))(t), want)
}
