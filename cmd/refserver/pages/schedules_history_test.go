package pages_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

func TestTheStripSaysWhatEachDayWasLike(t *testing.T) {
	berlin := must(time.LoadLocation("Europe/Berlin"))(t)
	now := time.Date(2026, 4, 10, 12, 0, 0, 0, berlin)
	slot := func(day int) time.Time { return time.Date(2026, 4, day, 2, 30, 0, 0, berlin) }
	at := func(day int, status runs.Status) runs.Run {
		return runs.Run{ID: "run", Status: status, ScheduledFor: slot(day), CreatedAt: slot(day)}
	}
	later := func(day int, status runs.Status) runs.Run {
		return runs.Run{ID: "later", Status: status, CreatedAt: slot(day).Add(8 * time.Hour)}
	}
	missed := at(5, runs.StatusSkipped)
	missed.ErrorCode = runs.CodeMissedSlot
	several := missed
	several.CreatedAt = slot(7)
	several.Summary = must(json.Marshal(runs.MissedSummary{Count: 3, First: slot(3).UTC(), Last: slot(5).UTC()}))(t)
	for _, tt := range []struct {
		name string
		next time.Time
		runs []runs.Run // newest first
		day  int
		want string
	}{
		{"nothing", time.Time{}, nil, 5, "none"},
		{"success", time.Time{}, []runs.Run{at(5, runs.StatusSuccess)}, 5, "success"},
		{"partial", time.Time{}, []runs.Run{at(5, runs.StatusPartial)}, 5, "partial"},
		{"failed", time.Time{}, []runs.Run{at(5, runs.StatusFailed)}, 5, "failed"},
		{"canceled", time.Time{}, []runs.Run{at(5, runs.StatusCanceled)}, 5, "canceled"},
		{"skipped, since busy", time.Time{}, []runs.Run{at(5, runs.StatusSkipped)}, 5, "skipped"},
		{"missed", time.Time{}, []runs.Run{missed}, 5, "missed"},
		{"the first of several missed", time.Time{}, []runs.Run{several}, 3, "missed"},
		{"the last of several missed", time.Time{}, []runs.Run{several}, 5, "missed"},
		{"the day after several missed", time.Time{}, []runs.Run{several}, 6, "none"},
		{"running", time.Time{}, []runs.Run{at(5, runs.StatusRunning)}, 5, "running"},
		{"queued", time.Time{}, []runs.Run{at(5, runs.StatusQueued)}, 5, "running"},
		{"failed, then made good", time.Time{}, []runs.Run{later(5, runs.StatusSuccess), at(5, runs.StatusFailed)}, 5, "success"},
		{"success, then failed by hand", time.Time{}, []runs.Run{later(5, runs.StatusFailed), at(5, runs.StatusSuccess)}, 5, "failed"},
		{"missed, then made by hand", time.Time{}, []runs.Run{later(5, runs.StatusSuccess), missed}, 5, "success"},
		{"success, then skipped", time.Time{}, []runs.Run{later(5, runs.StatusSkipped), at(5, runs.StatusSuccess)}, 5, "success"},
		{"success, then canceled", time.Time{}, []runs.Run{later(5, runs.StatusCanceled), at(5, runs.StatusSuccess)}, 5, "success"},
		{"missed, then canceled by hand", time.Time{}, []runs.Run{later(5, runs.StatusCanceled), missed}, 5, "missed"},
		{"canceled, then one under way", time.Time{}, []runs.Run{later(5, runs.StatusRunning), at(5, runs.StatusCanceled)}, 5, "running"},
		{"success, then one under way", time.Time{}, []runs.Run{later(5, runs.StatusRunning), at(5, runs.StatusSuccess)}, 5, "success"},
		{"due later today", now.Add(time.Hour), nil, 10, "due"},
		{"overdue", now.Add(-time.Hour), nil, 10, "overdue"},
		{"within the grace", now.Add(-time.Minute), nil, 10, "due"},
	} {
		s := backupsched.Schedule{Enabled: true, NextRunAt: tt.next, Recurrence: backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}}
		days, titles := pages.History(t, s, tt.runs, now)
		if len(days) != 30 {
			t.Fatalf("%d days", len(days))
		}
		i := 29 - (10 - tt.day)
		if days[i] != tt.want || !strings.Contains(titles[i], " Apr: ") {
			t.Errorf("%s: day %d is %q (%s), want %q", tt.name, tt.day, days[i], titles[i], tt.want)
		}
	}
}

// What was made good on a day is success, and what failed before is not hidden.
func TestADayOfSeveralRunsTellsOfAllOfThem(t *testing.T) {
	now := time.Date(2026, 4, 10, 12, 0, 0, 0, time.UTC)
	s := backupsched.Schedule{Recurrence: backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}}
	s.CreatedAt = now
	day := func(states ...runs.Status) (list []runs.Run) { // one each hour from 02:30 on in the schedule's zone
		for i, status := range states {
			list = slices.Insert(list, 0, runs.Run{ID: "run", Status: status, CreatedAt: time.Date(2026, 4, 8, i, 30, 0, 0, time.UTC)})
		}
		return list
	}
	missed := day(runs.StatusSkipped, runs.StatusSuccess)
	missed[1].ErrorCode = runs.CodeMissedSlot
	const did = ". On 1 day another run did worse"
	for _, tt := range []struct {
		list           []runs.Run
		title, summary string
	}{
		{day(runs.StatusFailed), "Wed 8 Apr: failed", "Days: 1 failed"},
		{day(runs.StatusFailed, runs.StatusSuccess), "Wed 8 Apr: success; 2 runs: 02:30 failed, 03:30 success", "Days: 1 success" + did},
		{day(runs.StatusPartial, runs.StatusSuccess), "Wed 8 Apr: success; 2 runs: 02:30 partial, 03:30 success", "Days: 1 success" + did},
		{day(runs.StatusFailed, runs.StatusPartial), "Wed 8 Apr: partial; 2 runs: 02:30 failed, 03:30 partial", "Days: 1 partial" + did},
		{day(runs.StatusSuccess, runs.StatusFailed), "Wed 8 Apr: failed; 2 runs: 02:30 success, 03:30 failed", "Days: 1 failed"},
		{day(runs.StatusPartial, runs.StatusFailed), "Wed 8 Apr: failed; 2 runs: 02:30 partial, 03:30 failed", "Days: 1 failed"},
		{day(runs.StatusSuccess, runs.StatusCanceled), "Wed 8 Apr: success; 2 runs: 02:30 success, 03:30 canceled", "Days: 1 success"},
		{missed, "Wed 8 Apr: success; 2 runs: 02:30 missed, 03:30 success", "Days: 1 success" + did},
		{day(runs.StatusFailed, runs.StatusCanceled, runs.StatusSuccess, runs.StatusSuccess, runs.StatusPartial, runs.StatusSuccess, runs.StatusSuccess),
			"Wed 8 Apr: success; 7 runs: 4 success, 1 partial, 1 failed, 1 canceled", "Days: 1 success" + did},
	} {
		_, titles := pages.History(t, s, tt.list, now)
		if titles[27] != tt.title {
			t.Errorf("the day is %q, want %q", titles[27], tt.title)
		}
		if got := pages.HistorySummary(t, s, tt.list, now); got != tt.summary {
			t.Errorf("%s: the strip says %q, want %q", tt.title, got, tt.summary)
		}
	}
}

// The strip spans a change of the clocks: each day is there once.
func TestTheStripHasEachDayOnce(t *testing.T) {
	s := backupsched.Schedule{Recurrence: backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "00:00", Timezone: "America/Santiago"}}
	_, titles := pages.History(t, s, nil, time.Date(2026, 9, 20, 3, 30, 0, 0, time.UTC))
	seen := map[string]bool{}
	for _, title := range titles {
		if seen[title] {
			t.Errorf("%q is there twice", title)
		}
		seen[title] = true
	}
	if len(seen) != 30 || !seen["Sun 6 Sep: no backup"] {
		t.Errorf("days: %q", titles)
	}
}

func TestTheBarsAreAsLongAsTheRunsTook(t *testing.T) {
	at := time.Date(2026, 1, 5, 2, 0, 0, 0, time.UTC)
	took := func(d time.Duration) runs.Run {
		return runs.Run{Status: runs.StatusSuccess, CreatedAt: at, StartedAt: at, FinishedAt: at.Add(d)}
	}
	slot := took(time.Minute)
	slot.ScheduledFor = at.Add(-3 * time.Hour) // the day before in Berlin, where the strip has it, too
	s := backupsched.Schedule{Recurrence: backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "00:00", Timezone: "Europe/Berlin"}}
	got, titles := pages.Bars(t, []runs.Run{slot, {Status: runs.StatusSkipped, CreatedAt: at, FinishedAt: at}, took(2 * time.Minute), took(time.Millisecond)}, s)
	if want := "2 60 30"; got != want {
		t.Errorf("heights %s, want %s", got, want)
	}
	if want := []string{"Mon 5 Jan 03:00 CET: 1 ms, success", "Mon 5 Jan 03:00 CET: 2 min, success", "Mon 5 Jan 00:00 CET: 1 min, success"}; !slices.Equal(titles, want) {
		t.Errorf("titles %q, want %q", titles, want)
	}
}

func TestTheScheduleShowsItsHistoryRunsAndSets(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	w.get(readonly, tenantPath("schedules", s.ID)).shows(t, "This schedule has not run yet.", "No run was due.", "No backup set yet.")
	w.story(s, 22)
	got := w.get(readonly, tenantPath("schedules", s.ID))
	got.shows(t, "Days: 18 success, 2 partial, 2 missed.", "The last 20 runs", "All runs of this schedule", "The last 10 backup sets", "All backup sets of this schedule",
		"This server was not running", "Every day at 02:30, Europe/Berlin", "Next runs", "Sun 29 Mar: 02:30 does not exist in Europe/Berlin")
	got.shows(t, "Wed 21 Jan 2026, 01:30 UTC schedule missed") // when it was due, not when that was noticed
	got.lacks(t, "28 Mar 2027")                                // the next one is enough
	got.has(t, `aria-label="Sat 10 Jan: missed"`, `aria-label="Tue 13 Jan: partial"`, `href="`+tenantPath("runs")+"?schedule="+string(s.ID)+`"`)
	if n := strings.Count(got.body, `<svg class="cell`); n != 30 {
		t.Errorf("%d cells", n)
	}
	got.lacks(t, `class="also`)
	check(t, w.graph.Inject(graphtest.Fault{Op: graphtest.OpList, Type: device, Err: &graph.Error{Kind: graph.KindForbidden}}))
	w.backup(s.ID)
	w.backup(s.ID)
	got = w.get(readonly, tenantPath("schedules", s.ID))
	got.shows(t, "On 1 day another run did worse.")
	got.has(t, `: success; 3 runs: 02:30 success, 02:30 partial, 02:30 success"`, `<path class="also warn"`)
}

func TestOnlyDaysOnWhichARunWasDueAreWithoutOne(t *testing.T) {
	w := newWorld(t, nil)
	weekly := w.schedule(func(d *backupsched.Draft) {
		d.Name, d.Frequency, d.DaysOfWeek = "Weekly", backupsched.Weekly, []int{1}
	})
	at := tenantPath("schedules", weekly.ID)
	w.get(readonly, at).shows(t, "No run was due.")
	w.story(weekly, 3)
	got := w.get(readonly, at)
	got.shows(t, "3 success.")
	got.lacks(t, "without")
	// Three more slots go by that nothing has recorded.
	now := w.clock.Now().Add(21 * 24 * time.Hour)
	weekly.NextRunAt = now.Add(time.Hour)
	if got, want := pages.HistorySummary(t, weekly, nil, now), "Days: 4 without the run that was due"; got != want {
		t.Errorf("the strip says %q, want %q", got, want)
	}
	weekly.Enabled, weekly.UpdatedAt = false, weekly.CreatedAt
	if got, want := pages.HistorySummary(t, weekly, nil, now), "No run was due"; got != want {
		t.Errorf("of a disabled one the strip says %q, want %q", got, want)
	}
}

func TestAStripThatDoesNotKnowAllRunsSaysSo(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	begun := func(n int) {
		for range n {
			run, _, err := w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, s.ID)
			check(t, err)
			must(w.cfg.Starter.Cancel(t.Context(), tenant, owner, run.ID))(t)
			w.clock.Add(time.Hour)
		}
	}
	begun(120)
	whole := w.get(readonly, tenantPath("schedules", s.ID))
	whole.shows(t, "Days: 6 canceled.")
	whole.lacks(t, "too many runs")
	begun(1)
	got := w.get(readonly, tenantPath("schedules", s.ID))
	got.shows(t, "Days: 6 canceled, 24 not read.", "There were too many runs to read them all: this is about those since Sun 4 Jan 2026, 14:00 CET", ": not read")
	if n := strings.Count(got.body, `class="cell none"`); n != 24 {
		t.Errorf("%d days are not read", n)
	}
}
