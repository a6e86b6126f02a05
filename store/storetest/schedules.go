package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

func schedulePromises() []promise {
	return []promise{
		{"a created schedule comes back as it was given, with its trail", createdScheduleComesBack},
		{"a schedule id that exists is a conflict and nothing is written", scheduleIDThatExistsIsAConflict},
		{"a schedule that nobody has is not found", unknownScheduleIsNotFound},
		{"lists leave deleted schedules out and order by lower-case name", schedulesAreListedByName},
		{"deleted schedules are found by their ids when they are asked for", deletedSchedulesAreFoundByID},
		{"schedules are found by part of their name without regard to case", schedulesAreFoundByName},
		{"schedules are found by enabled and by last status", schedulesAreFoundByState},
		{"a change of a schedule is stored with its trail and returned", scheduleChangeIsStored},
		{"a refused change of a schedule leaves everything as it is", refusedScheduleChangeWritesNothing},
		{"a deleted schedule stays as a tombstone that can be read and changed", deletedScheduleIsATombstone},
		{"no change of a schedule is lost when many come at once", scheduleChangesAreNotLost},
	}
}

func createdScheduleComesBack(t *testing.T, f *fixture) {
	s := backupsched.Schedule{
		ID: f.id(), TenantID: contoso, Name: "Weekly Berlin", Enabled: true,
		Recurrence: backupsched.Recurrence{
			Frequency: backupsched.Weekly, TimeOfDay: "02:30", DaysOfWeek: []int{5, 1}, Timezone: "Europe/Berlin",
		},
		PolicyTypes:        []graph.PolicyType{"termsAndConditions", "compliancePolicy"},
		IncludeFoundations: true, RetentionKeepLast: 7, NextRunAt: start.Add(time.Hour),
		CreatedAt: start, UpdatedAt: start.Add(time.Second),
	}
	f.ok(f.store.CreateSchedule(f.ctx, contoso, s.Clone(), f.trail(contoso, "schedule.created")))
	same(t, "schedule", must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t), s)
	f.wroteTrail(contoso, "schedule.created")
}

func scheduleIDThatExistsIsAConflict(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	f.nothingWritten("creating with an id that exists", func() {
		again := f.newSchedule(contoso, "Another")
		again.ID = s.ID
		f.wants("CreateSchedule", f.store.CreateSchedule(f.ctx, contoso, again, f.trail(contoso, "x")), runs.ErrConflict)
	})
}

func unknownScheduleIsNotFound(t *testing.T, f *fixture) {
	_, err := f.store.GetSchedule(f.ctx, contoso, nobody)
	f.wants("GetSchedule", err, runs.ErrNotFound)
	_, err = f.store.ChangeSchedule(f.ctx, contoso, nobody, func(_ time.Time, s backupsched.Schedule) (backupsched.ScheduleChange, error) {
		t.Error("change was asked about a schedule that nobody has")
		return backupsched.ScheduleChange{Schedule: s}, nil
	})
	f.wants("ChangeSchedule", err, runs.ErrNotFound)
}

func schedulesAreListedByName(t *testing.T, f *fixture) {
	var want []runs.ID
	byName := map[string]runs.ID{}
	for _, name := range []string{"beta", "Überwachung", "Alpha", "zulu", "ALPHA"} {
		byName[name] = f.create(f.newSchedule(contoso, name)).ID
	}
	gone := f.create(f.newSchedule(contoso, "Bravo"))
	f.deleteSchedule(gone)
	// ALPHA comes after Alpha: the same name in lower case, and a greater id.
	for _, name := range []string{"Alpha", "ALPHA", "beta", "zulu", "Überwachung"} {
		want = append(want, byName[name])
	}
	same(t, "order", f.scheduleIDs(backupsched.Filter{}), want)
}

func deletedSchedulesAreFoundByID(t *testing.T, f *fixture) {
	kept, gone := f.create(f.newSchedule(contoso, "a")), f.create(f.newSchedule(contoso, "b"))
	f.deleteSchedule(gone)
	ids := []runs.ID{gone.ID, nobody, kept.ID}
	same(t, "with deleted ones", f.scheduleIDs(backupsched.Filter{IDs: ids, WithDeleted: true}), []runs.ID{kept.ID, gone.ID})
	same(t, "without", f.scheduleIDs(backupsched.Filter{IDs: ids}), []runs.ID{kept.ID})
}

func schedulesAreFoundByName(t *testing.T, f *fixture) {
	ids := map[string]runs.ID{}
	for _, name := range []string{"Nightly Berlin", "100% daily", "1000 daily", "a_b", "axb", "Grüße aus Köln"} {
		ids[name] = f.create(f.newSchedule(contoso, name)).ID
	}
	for search, want := range map[string][]string{
		"BERLIN": {"Nightly Berlin"}, "ly": {"100% daily", "1000 daily", "Nightly Berlin"}, "none": nil,
		"100%": {"100% daily"}, "A_B": {"a_b"}, "GRÜSSE": nil, "GRÜ": {"Grüße aus Köln"}, `\`: nil, "'": nil,
	} {
		var found []runs.ID
		for _, name := range want {
			found = append(found, ids[name])
		}
		same(t, "search for "+search, f.scheduleIDs(backupsched.Filter{Search: search}), found)
	}
}

func schedulesAreFoundByState(t *testing.T, f *fixture) {
	on := f.create(f.newSchedule(contoso, "a"))
	off := f.newSchedule(contoso, "b")
	off.Enabled, off.NextRunAt = false, time.Time{}
	f.create(off)
	ran := f.create(f.newSchedule(contoso, "c"))
	f.finish(f.start(f.newBackup(ran, time.Time{})), runs.StatusCanceled, start)
	yes, no := true, false
	same(t, "enabled", f.scheduleIDs(backupsched.Filter{Enabled: &yes}), []runs.ID{on.ID, ran.ID})
	same(t, "disabled", f.scheduleIDs(backupsched.Filter{Enabled: &no}), []runs.ID{off.ID})
	same(t, "canceled", f.scheduleIDs(backupsched.Filter{Status: runs.StatusCanceled}), []runs.ID{ran.ID})
	same(t, "ids", f.scheduleIDs(backupsched.Filter{IDs: []runs.ID{ran.ID, nobody, on.ID}}), []runs.ID{on.ID, ran.ID})
	same(t, "canceled and disabled", f.scheduleIDs(backupsched.Filter{Status: runs.StatusCanceled, Enabled: &no}), nil)
}

func scheduleChangeIsStored(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	other := f.create(f.newSchedule(contoso, "Other"))
	want := s
	want.Name, want.Enabled, want.NextRunAt = "Renamed", false, time.Time{}
	want.Recurrence = backupsched.Recurrence{Frequency: backupsched.Weekly, TimeOfDay: "23:59", DaysOfWeek: []int{7, 2}, Timezone: "Asia/Kathmandu"}
	want.PolicyTypes = []graph.PolicyType{"x", "y"}
	want.IncludeFoundations, want.RetentionKeepLast, want.UpdatedAt = true, 1, start.Add(time.Minute)
	got := must(f.store.ChangeSchedule(f.ctx, contoso, s.ID, func(now time.Time, current backupsched.Schedule) (backupsched.ScheduleChange, error) {
		same(t, "schedule given to change", current, s)
		if now.IsZero() {
			t.Error("change was given no time")
		}
		return backupsched.ScheduleChange{Schedule: want.Clone(), Trail: f.trail(contoso, "schedule.updated")}, nil
	}))(t)
	same(t, "schedule returned", got, want)
	same(t, "schedule stored", must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t), want)
	same(t, "schedule beside it", must(f.store.GetSchedule(f.ctx, contoso, other.ID))(t), other)
	f.wroteTrail(contoso, "schedule.updated")
}

func refusedScheduleChangeWritesNothing(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	f.nothingWritten("a refused change", func() {
		_, err := f.store.ChangeSchedule(f.ctx, contoso, s.ID, func(_ time.Time, current backupsched.Schedule) (backupsched.ScheduleChange, error) {
			current.Name = "Changed"
			overwrite(current.PolicyTypes, "changed")
			return backupsched.ScheduleChange{Schedule: current, Trail: f.trail(contoso, "x")}, errRefused
		})
		f.wants("ChangeSchedule", err, errRefused)
	})
}

func deletedScheduleIsATombstone(t *testing.T, f *fixture) {
	s := f.deleteSchedule(f.schedule(contoso))
	same(t, "tombstone", must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t), s)
	asked := false
	must(f.store.ChangeSchedule(f.ctx, contoso, s.ID, func(_ time.Time, current backupsched.Schedule) (backupsched.ScheduleChange, error) {
		asked = current.Deleted()
		return backupsched.ScheduleChange{Schedule: current}, nil
	}))(t)
	if !asked {
		t.Error("change was not asked about the tombstone")
	}
}

func scheduleChangesAreNotLost(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	var mu sync.Mutex
	var failed error
	atOnce(crowd, func(int) {
		_, err := f.store.ChangeSchedule(f.ctx, contoso, s.ID, func(_ time.Time, current backupsched.Schedule) (backupsched.ScheduleChange, error) {
			current.RetentionKeepLast++
			return backupsched.ScheduleChange{Schedule: current}, nil
		})
		if err != nil {
			mu.Lock()
			failed = err
			mu.Unlock()
		}
	})
	f.ok(failed)
	got := must(f.store.GetSchedule(f.ctx, contoso, s.ID))(t)
	if want := s.RetentionKeepLast + crowd; got.RetentionKeepLast != want {
		t.Errorf("%d changes that each add one: got %d, want %d", crowd, got.RetentionKeepLast, want)
	}
}

// scheduleIDs returns the ids that a filter finds in contoso.
func (f *fixture) scheduleIDs(filter backupsched.Filter) []runs.ID {
	f.Helper()
	var ids []runs.ID
	for _, s := range must(f.store.ListSchedules(f.ctx, contoso, filter, all))(f) {
		ids = append(ids, s.ID)
	}
	return ids
}

// deleteSchedule leaves a tombstone, which says enabled and due as it did before.
func (f *fixture) deleteSchedule(s backupsched.Schedule) backupsched.Schedule {
	f.Helper()
	return must(f.store.ChangeSchedule(f.ctx, s.TenantID, s.ID, func(_ time.Time, s backupsched.Schedule) (backupsched.ScheduleChange, error) {
		s.DeletedAt = start
		return backupsched.ScheduleChange{Schedule: s}, nil
	}))(f)
}
