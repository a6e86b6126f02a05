package backupsched_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
)

func allRuns(t *testing.T, r *rig.Rig) []runs.Run {
	t.Helper()
	list, err := r.Store.ListRuns(t.Context(), rig.Tenant, runs.RunFilter{}, runs.Slice{Limit: 100000})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func tick(t *testing.T, d *backupsched.Dispatcher) backupsched.Report {
	t.Helper()
	report, err := d.Tick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// twentyZones have every oddity there is: half hours, two hours, midnight changes, a
// southern hemisphere, changes against the sun, none at all.
var twentyZones = []string{
	"UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/St_Johns", "America/Santiago", "America/Havana",
	"America/Sao_Paulo", "Australia/Lord_Howe", "Antarctica/Troll", "Antarctica/Casey", "Africa/Cairo", "Africa/Casablanca",
	"Asia/Beirut", "Asia/Tehran", "Asia/Kathmandu", "Pacific/Chatham", "Pacific/Apia", "Pacific/Kiritimati", "America/Nuuk",
}

// slotsOf lists the slots of a schedule by the plainest of means: every UTC minute is read
// on the zone's clock, and the first that shows the time of day on a local date counts.
func slotsOf(t *testing.T, s backupsched.Schedule, from, to time.Time) []time.Time {
	t.Helper()
	loc, err := time.LoadLocation(s.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	wall, err := time.Parse("15:04", s.TimeOfDay)
	if err != nil {
		t.Fatal(err)
	}
	var slots []time.Time
	seen := map[string]bool{}
	for at := from.Add(-48 * time.Hour).Truncate(time.Minute); !at.After(to); at = at.Add(time.Minute) {
		local := at.In(loc)
		if h, m, _ := local.Clock(); m != wall.Minute() || h != wall.Hour() || seen[local.Format(time.DateOnly)] {
			continue
		}
		seen[local.Format(time.DateOnly)] = true
		iso := int(local.Weekday()+6)%7 + 1
		if at.After(from) && (s.Frequency == backupsched.Daily || slices.Contains(s.DaysOfWeek, iso)) {
			slots = append(slots, at)
		}
	}
	return slots
}

// TestFourHundredDaysInTwentyZonesGiveExactlyTheExpectedSlots: with the race detector they
// are the first ninety, in which the clocks of Europe and North America change.
func TestFourHundredDaysInTwentyZonesGiveExactlyTheExpectedSlots(t *testing.T) {
	days := 400
	if testenv.RaceDetector {
		days = 90
	}
	r := rig.New(t, rig.Options{Policies: -1})
	clock := &wallClock{}
	var dispatchers [2]*backupsched.Dispatcher // over one store, ticking in turn
	for i := range dispatchers {
		d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: r.Store, Queue: r.Queue, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		dispatchers[i] = d
	}
	schedules := map[runs.ID]backupsched.Schedule{}
	for i, zone := range twentyZones {
		s := r.Schedule(func(d *backupsched.Draft) {
			d.Name, d.Timezone = zone, zone
			d.TimeOfDay = []string{"00:00", "00:30", "02:00", "02:30", "23:45"}[i%5]
			if i%4 == 3 {
				d.Frequency, d.DaysOfWeek = backupsched.Weekly, []int{7, 1}
			}
		})
		schedules[s.ID] = s
	}
	begin := r.Clock.Now()
	end := begin.Add(time.Duration(days) * 24 * time.Hour)
	got := map[runs.ID][]time.Time{}
	// Nothing is due in the minutes before the next stored slot, so after one tick in such a
	// stretch the clock jumps to its end; that no slot lies in between is what the plain
	// list of expected slots shows.
	for at := begin; !at.After(end); {
		clock.now = at
		first := tick(t, dispatchers[0])
		again := tick(t, dispatchers[1])
		if again.Due != 0 {
			t.Fatalf("at %s a second tick finds %d due", at, again.Due)
		}
		if first.Missed+first.Conflicts+first.Invalid+first.Unqueued != 0 {
			t.Fatalf("at %s: %+v", at, first)
		}
		next := end.Add(time.Minute)
		list, err := r.Store.EnabledSchedules(t.Context(), "", len(schedules))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			if s.NextRunAt.Before(next) {
				next = s.NextRunAt
			}
		}
		at = maxTime(at.Add(time.Minute), next)
		r.Queue.Lose()
	}
	for _, run := range allRuns(t, r) {
		got[run.ScheduleID] = append(got[run.ScheduleID], run.ScheduledFor)
	}
	total := 0
	for id, s := range schedules {
		slices.SortFunc(got[id], time.Time.Compare)
		want := slotsOf(t, s, begin, end)
		total += len(want)
		if diff := gocmp.Diff(want, got[id]); diff != "" {
			t.Errorf("%s at %s (-want +got):\n%s", s.Timezone, s.TimeOfDay, diff)
		}
	}
	t.Logf("%d slots of %d schedules", total, len(schedules))
}

// wallClock shows what it is set to; nothing waits on it. The mock clock yields to timers at
// every step, which would take most of this test's time.
type wallClock struct{ now time.Time }

func (c *wallClock) Now() time.Time                       { return c.now }
func (c *wallClock) After(time.Duration) <-chan time.Time { return nil }

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestTwoDispatchersAtOnceGiveEachSlotOnce(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	const n = 60
	for i := range n {
		r.Schedule(func(d *backupsched.Draft) { d.Name = fmt.Sprint("s", i) })
	}
	dispatchers := make([]*backupsched.Dispatcher, 4)
	for i := range dispatchers {
		d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: r.Store, Queue: r.Queue, Clock: r.Clock, ChunkSize: 7})
		if err != nil {
			t.Fatal(err)
		}
		dispatchers[i] = d
	}
	for day := range 3 {
		r.Clock.Set(rig.Start.Add(time.Duration(day)*24*time.Hour + 13*time.Hour + 30*time.Minute))
		var wg sync.WaitGroup
		var mu sync.Mutex
		queued := 0
		for _, d := range dispatchers {
			wg.Go(func() {
				report, err := d.Tick(t.Context())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				queued += report.Queued
			})
		}
		wg.Wait()
		if queued != n {
			t.Errorf("day %d: %d runs queued, want %d", day, queued, n)
		}
	}
	seen := map[string]bool{}
	for _, run := range allRuns(t, r) {
		key := fmt.Sprint(run.ScheduleID, run.ScheduledFor)
		if seen[key] {
			t.Errorf("slot %s has two runs", key)
		}
		seen[key] = true
	}
	if len(seen) != 3*n || len(r.Queue.Jobs()) != 3*n {
		t.Errorf("%d runs and %d jobs, want %d", len(seen), len(r.Queue.Jobs()), 3*n)
	}
}

func TestASlotWithinTheGraceIsDispatchedAndAnOlderOneIsRecordedAsMissed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		late   time.Duration
		want   []string // status, code, slot
		missed runs.MissedSummary
	}{
		{"on time", 0, []string{"queued  05 01:30"}, runs.MissedSummary{}},
		{"within the grace", 2 * time.Minute, []string{"queued  05 01:30"}, runs.MissedSummary{}},
		{"just too late", 2*time.Minute + time.Second, []string{"skipped MISSED_SLOT 05 01:30"}, runs.MissedSummary{Count: 1}},
		{"three days down", 3*24*time.Hour + time.Hour, []string{"skipped MISSED_SLOT 08 01:30"}, runs.MissedSummary{Count: 4}},
		{"up again in time for the next slot", 2*24*time.Hour + time.Minute, []string{"skipped MISSED_SLOT 06 01:30", "queued  07 01:30"}, runs.MissedSummary{Count: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rig.New(t, rig.Options{Policies: -1})
			s := r.Schedule(nil)
			r.Clock.Set(s.NextRunAt.Add(tt.late))
			tick(t, r.Dispatcher)
			list := allRuns(t, r)
			slices.SortFunc(list, func(a, b runs.Run) int { return cmp.Compare(a.ScheduledFor.Unix(), b.ScheduledFor.Unix()) })
			var got []string
			var missed runs.MissedSummary
			for _, run := range list {
				got = append(got, fmt.Sprintf("%s %s %s", run.Status, run.ErrorCode, run.ScheduledFor.Format("02 15:04")))
				if run.Summary != nil {
					if err := json.Unmarshal(run.Summary, &missed); err != nil {
						t.Fatal(err)
					}
				}
			}
			if diff := gocmp.Diff(tt.want, got); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
			if tt.missed.Count > 0 {
				tt.missed.First = s.NextRunAt
				tt.missed.Last = s.NextRunAt.AddDate(0, 0, tt.missed.Count-1)
			}
			if diff := gocmp.Diff(tt.missed, missed); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
			after, err := r.Scheduler.Get(t.Context(), rig.Tenant, rig.Owner, s.ID)
			if err != nil || !after.NextRunAt.After(r.Clock.Now()) {
				t.Errorf("next run %s (error %v) is not after %s", after.NextRunAt, err, r.Clock.Now())
			}
			if tt.missed.Count > 0 && len(list) == 1 && after.LastRunStatus != runs.StatusSkipped {
				t.Errorf("the schedule's last run is %q, want skipped", after.LastRunStatus)
			}
		})
	}
}

func TestAClockSetBackDispatchesNothingAgain(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	r.Clock.Set(s.NextRunAt)
	tick(t, r.Dispatcher)
	for _, back := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
		r.Clock.Set(s.NextRunAt.Add(-back))
		for range 90 {
			tick(t, r.Dispatcher)
			r.Clock.Set(r.Clock.Now().Add(time.Minute))
		}
	}
	if n := len(allRuns(t, r)); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
}

func TestADisabledOrDeletedScheduleIsNotDispatched(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s, gone := r.Schedule(nil), r.Schedule(nil)
	if _, err := r.Scheduler.Disable(t.Context(), rig.Tenant, rig.Owner, s.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Scheduler.Delete(t.Context(), rig.Tenant, rig.Owner, gone.ID, ""); err != nil {
		t.Fatal(err)
	}
	r.Clock.Set(s.NextRunAt)
	if report := tick(t, r.Dispatcher); report.Due != 0 {
		t.Errorf("%d due", report.Due)
	}
}

func TestJitterMovesTheStartAndNeverTheSlot(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: r.Store, Queue: r.Queue, Clock: r.Clock, Jitter: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	const n = 200
	var slot time.Time
	for i := range n {
		slot = r.Schedule(func(d *backupsched.Draft) { d.Name = fmt.Sprint("s", i) }).NextRunAt
	}
	start := func() map[runs.ID]time.Duration {
		r.Clock.Set(slot)
		tick(t, d)
		after := map[runs.ID]time.Duration{}
		for _, run := range allRuns(t, r) {
			if run.ScheduledFor.Equal(slot) {
				after[run.ScheduleID] = run.NotBefore.Sub(slot)
			}
		}
		return after
	}
	first := start()
	perMinute := make([]int, 10)
	for _, after := range first {
		if after < 0 || after >= 10*time.Minute {
			t.Fatalf("a run starts %s after its slot", after)
		}
		perMinute[int(after/time.Minute)]++
	}
	for minute, count := range perMinute {
		if count < n/10/4 || count > n/10*3 {
			t.Errorf("%d of %d runs start in minute %d: not spread", count, n, minute)
		}
	}
	slot = slot.Add(24 * time.Hour)
	if diff := gocmp.Diff(first, start()); diff != "" {
		t.Errorf("another day, another jitter (-first +second):\n%s", diff)
	}
}

func TestARuleThatHasNoNextSlotHereBecomesAFailedRun(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	_, err := r.Store.ChangeSchedule(t.Context(), rig.Tenant, s.ID, func(_ time.Time, cur backupsched.Schedule) (backupsched.ScheduleChange, error) {
		cur.Timezone = "Mars/Olympus" // as if the row came from a machine with newer zone data
		return backupsched.ScheduleChange{Schedule: cur}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	other := r.Schedule(nil)
	r.Clock.Set(s.NextRunAt)
	if report := tick(t, r.Dispatcher); report.Invalid != 1 || report.Queued != 1 {
		t.Errorf("report %+v, want one invalid and the other queued", report)
	}
	for _, run := range allRuns(t, r) {
		if run.ScheduleID == s.ID && (run.Status != runs.StatusFailed || run.ErrorCode != runs.CodeScheduleInvalid) {
			t.Errorf("the run is %s %s", run.Status, run.ErrorCode)
		}
		if run.ScheduleID == other.ID && run.Status != runs.StatusQueued {
			t.Errorf("the other schedule's run is %s", run.Status)
		}
	}
}

func TestABusyScheduleSkipsItsSecondRun(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	manual, _, err := r.Scheduler.RunNow(t.Context(), rig.Tenant, rig.Owner, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Store.ChangeRun(t.Context(), rig.Tenant, manual.ID, func(now time.Time, cur runs.Run, _ runs.Room) (runs.Change, error) {
		cur.Status, cur.Attempt, cur.LeaseToken, cur.LeaseUntil = runs.StatusRunning, 1, 1, now.Add(100*24*time.Hour)
		return runs.Change{Run: cur}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Clock.Set(s.NextRunAt)
	tick(t, r.Dispatcher)
	r.Drain()
	for _, run := range allRuns(t, r) {
		if run.ID != manual.ID && (run.Status != runs.StatusSkipped || run.ErrorCode != runs.CodeScheduleBusy) {
			t.Errorf("the slot's run is %s %s, want skipped SCHEDULE_BUSY", run.Status, run.ErrorCode)
		}
	}
}

func TestRecomputeMovesOnlyWhatLiesAhead(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	ahead, due := r.Schedule(nil), r.Schedule(nil)
	set := func(id runs.ID, at time.Time) {
		_, err := r.Store.ChangeSchedule(t.Context(), rig.Tenant, id, func(_ time.Time, cur backupsched.Schedule) (backupsched.ScheduleChange, error) {
			cur.NextRunAt = at
			return backupsched.ScheduleChange{Schedule: cur}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	set(ahead.ID, ahead.NextRunAt.Add(time.Hour)) // as if the zone's rules were others when it was saved
	missed := r.Clock.Now().Add(-time.Hour)
	set(due.ID, missed)
	moved, err := r.Dispatcher.Recompute(t.Context())
	if err != nil || moved != 1 {
		t.Fatalf("moved %d, error %v", moved, err)
	}
	for id, want := range map[runs.ID]time.Time{ahead.ID: ahead.NextRunAt, due.ID: missed} {
		if s, err := r.Store.GetSchedule(t.Context(), rig.Tenant, id); err != nil || !s.NextRunAt.Equal(want) {
			t.Errorf("next run %s (error %v), want %s", s.NextRunAt, err, want)
		}
	}
}

func TestTheLoopTicksAtEveryMinute(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	r.Clock.Set(s.NextRunAt.Add(-90 * time.Second))
	queue, err := memqueue.New(memqueue.Config{Clock: r.Clock})
	if err != nil {
		t.Fatal(err)
	}
	d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: r.Store, Queue: queue, Clock: r.Clock})
	if err != nil {
		t.Fatal(err)
	}
	stopped := runLoop(t, d)
	for len(allRuns(t, r)) == 0 {
		r.Clock.Add(10 * time.Second)
		if r.Clock.Now().After(s.NextRunAt.Add(10 * time.Minute)) {
			t.Fatal("the loop did not tick")
		}
	}
	if err := stopped(); err != nil {
		t.Error(err)
	}
	if run := allRuns(t, r)[0]; run.Status != runs.StatusQueued || !run.ScheduledFor.Equal(s.NextRunAt) {
		t.Errorf("the run is %s for %s", run.Status, run.ScheduledFor)
	}
}

func TestDispatcherConfigIsRefusedByField(t *testing.T) {
	_, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Grace: 13 * time.Hour, Jitter: -1, ChunkSize: 1 << 20})
	var invalid *runs.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("error is %v, want *InvalidError", err)
	}
	var fields []string
	for _, f := range invalid.Fields {
		fields = append(fields, f.Field)
	}
	if diff := gocmp.Diff([]string{"store", "queue", "grace", "jitter", "chunk_size"}, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}
