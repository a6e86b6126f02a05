package pages

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// historyDays is how many days the strip shows, today among them.
const historyDays = 30

// historyDay is a cell of the strip: a local day in the schedule's zone. It shows how the day came
// out: by the last run that succeeded, was partial or failed. Only where there was none, one that is
// under way, was missed, canceled or skipped counts. A day that came out better than one of its
// runs is marked, so that no failure is hidden by what was made good.
type historyDay struct {
	State string // success, partial, failed, skipped, missed, canceled, running, overdue, due, none, unknown
	Also  string // the worst of its other runs, where that is worse; empty for none
	Day   string // "29 Mar"
	Title string // "Sun 29 Mar: success; 2 runs: 02:30 failed, 10:12 success"
	Run   runs.ID
	First bool // of a month or of the strip: the day is written below it

	from, to time.Time
	runs     []dayRun // the last one that was made comes first
	slot     bool     // a run was due, by the schedule as it is now
}

// dayRun is a run of a day.
type dayRun struct {
	at    time.Time
	state string
}

// dayRanks say which state of a run tells how a day came out; of those that are alike, the last.
var dayRanks = map[string]int{"skipped": 1, "canceled": 2, "missed": 3, "running": 4, "partial": 5, "failed": 5, "success": 5}

// badNews are the states that a day does not hide, the worst ones highest.
var badNews = map[string]int{"partial": 1, "missed": 2, "failed": 3}

// Tone is the colour of a cell.
func (d historyDay) Tone() string {
	switch d.State {
	case "none", "due":
		return d.State
	case "unknown":
		return "none"
	case "skipped":
		return "quiet"
	}
	return statusOf(d.State).Tone
}

// Mark is the letter in a cell, since colour alone tells nothing to some people.
func (d historyDay) Mark() string { return marks[d.State] }

var marks = map[string]string{
	"success": "✓", "partial": "P", "failed": "✗", "skipped": "S", "missed": "M", "canceled": "C", "running": "R", "overdue": "!", "due": "·", "unknown": "?",
}

// newHistory makes the days of the strip, oldest first.
func newHistory(s backupsched.Schedule, now time.Time) ([]historyDay, error) {
	loc, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return nil, fmt.Errorf("pages: the zone of a schedule: %w", err)
	}
	local := now.In(loc)
	days := make([]historyDay, historyDays)
	for i := range days {
		// Noon exists on all days, midnight does not.
		noon := time.Date(local.Year(), local.Month(), local.Day()-historyDays+1+i, 12, 0, 0, 0, loc)
		days[i] = historyDay{
			State: "none", Day: noon.Format("2 Jan"), Title: noon.Format("Mon 2 Jan"), First: i%7 == (historyDays-1)%7,
			from: startOfDay(noon), to: startOfDay(noon.AddDate(0, 0, 1)),
		}
	}
	return days, nil
}

func startOfDay(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// fillHistory says what each day was like. list are the runs, newest first; not all that there were
// before since, unless that is zero.
func fillHistory(days []historyDay, list []runs.Run, since time.Time, s backupsched.Schedule, now time.Time) []historyDay {
	day := func(at time.Time) *historyDay {
		i := slices.IndexFunc(days, func(d historyDay) bool { return !at.Before(d.from) && at.Before(d.to) })
		if i < 0 {
			return nil
		}
		return &days[i]
	}
	for _, r := range list {
		for _, at := range runDays(r, s) {
			if d := day(at); d != nil {
				d.add(r, at)
			}
		}
	}
	for _, at := range pastSlots(s, days[0].from, now) {
		if d := day(at); d != nil {
			d.slot = true
		}
	}
	if s.Enabled && !s.NextRunAt.IsZero() {
		if d := day(s.NextRunAt); d != nil && d.State == "none" {
			d.State = "due"
			if now.Sub(s.NextRunAt) > overdueAfter {
				d.State = "overdue"
			}
		}
	}
	for i := range days {
		if days[i].State == "none" && days[i].from.Before(since) {
			days[i].State = "unknown"
		}
		days[i].Title += ": " + days[i].words()
	}
	return days
}

// pastSlots are the slots since an instant at which the schedule was there and, as far as anybody
// knows, enabled.
func pastSlots(s backupsched.Schedule, since, now time.Time) []time.Time {
	until := now
	switch {
	case !s.Enabled && !s.UpdatedAt.IsZero() && s.UpdatedAt.Before(now):
		until = s.UpdatedAt
	case s.Enabled && !s.NextRunAt.IsZero() && s.NextRunAt.Before(now):
		until = s.NextRunAt
	}
	if s.CreatedAt.After(since) {
		since = s.CreatedAt
	}
	slots, err := s.Upcoming(since, historyDays+1)
	if err != nil { // a rule that never falls due, which the page says
		return nil
	}
	return slices.DeleteFunc(slots, func(at time.Time) bool { return !at.Before(until) })
}

// add counts a run; the newest one comes first.
func (d *historyDay) add(r runs.Run, at time.Time) {
	state := runState(r)
	d.runs = append(d.runs, dayRun{at.In(d.from.Location()), state})
	if dayRanks[state] > dayRanks[d.State] {
		d.State, d.Run = state, r.ID
	}
	d.Also = ""
	for _, other := range d.runs {
		if badNews[other.state] > max(badNews[d.State], badNews[d.Also]) {
			d.Also = other.state
		}
	}
}

// listedRuns is how many runs of a day are named one by one.
const listedRuns = 6

// words say what the day was like.
func (d historyDay) words() string {
	switch {
	case d.State == "none":
		return "no backup"
	case d.State == "unknown":
		return "not read"
	case d.State == "due":
		return "due today"
	case len(d.runs) < 2:
		return d.State
	}
	var list []string
	if len(d.runs) <= listedRuns {
		byTime := slices.Clone(d.runs)
		slices.Reverse(byTime) // what is of the same minute stays in the order in which it was made
		slices.SortStableFunc(byTime, func(a, b dayRun) int { return a.at.Compare(b.at) })
		for _, r := range byTime {
			list = append(list, r.at.Format("15:04 ")+r.state)
		}
	} else {
		n := map[string]int{}
		for _, r := range d.runs {
			n[r.state]++
		}
		list = countedStates(n)
	}
	return fmt.Sprintf("%s; %d runs: %s", d.State, len(d.runs), strings.Join(list, ", "))
}

func runState(r runs.Run) string {
	if r.Status.Active() {
		return "running"
	}
	return runBadge(r).Word
}

// runAt is when a run counts: at its slot, or when it was created.
func runAt(r runs.Run) time.Time {
	if r.ScheduledFor.IsZero() {
		return r.CreatedAt
	}
	return r.ScheduledFor
}

// runDays are when a run counts on the strip: one that tells of several missed slots counts at
// each of them.
func runDays(r runs.Run, s backupsched.Schedule) []time.Time {
	var missed runs.MissedSummary
	if r.ScheduledFor.IsZero() || r.ErrorCode != runs.CodeMissedSlot || json.Unmarshal(r.Summary, &missed) != nil || missed.Count < 2 {
		return []time.Time{runAt(r)}
	}
	slots, err := s.Upcoming(missed.First.Add(-time.Minute), min(missed.Count, 400))
	if err != nil {
		return []time.Time{runAt(r)}
	}
	return slices.DeleteFunc(slots, func(at time.Time) bool { return at.After(missed.Last) })
}

// historySummary is the strip in words: "Days: 24 success, 1 partial, 5 without the run that was due".
func historySummary(days []historyDay) string {
	n, without, marked := map[string]int{}, 0, 0
	for _, d := range days {
		n[d.State]++
		if d.State == "none" && d.slot {
			without++
		}
		if d.Also != "" {
			marked++
		}
	}
	parts := countedStates(n)
	if without > 0 {
		parts = append(parts, number(without)+" without the run that was due")
	}
	if unknown := n["unknown"]; unknown > 0 {
		parts = append(parts, number(unknown)+" not read")
	}
	if len(parts) == 0 {
		return "No run was due"
	}
	words := "Days: " + strings.Join(parts, ", ")
	if marked > 0 {
		words += ". On " + count(marked, "day", "days") + " another run did worse"
	}
	return words
}

// countedStates are numbers of states in words, the best first.
func countedStates(n map[string]int) (parts []string) {
	for _, state := range []string{"success", "partial", "failed", "missed", "skipped", "canceled", "running", "overdue"} {
		if n[state] > 0 {
			parts = append(parts, number(n[state])+" "+state)
		}
	}
	return parts
}

// durations are the bars of how long the last runs took, oldest first.
type durations struct {
	Bars    []durationBar
	Longest time.Duration
	Latest  time.Duration
	Width   int
}

type durationBar struct {
	X, Y, Height int
	Tone, Title  string
}

// The measures of the bars, in units of the picture.
const (
	barsShown  = 30
	barStep    = 20
	barsHeight = 60
)

// durationsOf takes the runs, newest first, that began and ended. Their times are those of the strip.
func durationsOf(list []runs.Run, s backupsched.Schedule) (durations, error) {
	var d durations
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return d, fmt.Errorf("pages: the zone of a schedule: %w", err)
	}
	var took []runs.Run
	for _, r := range list {
		if !r.StartedAt.IsZero() && r.FinishedAt.After(r.StartedAt) && len(took) < barsShown {
			took = append(took, r)
			d.Longest = max(d.Longest, r.FinishedAt.Sub(r.StartedAt))
		}
	}
	if len(took) == 0 {
		return d, nil
	}
	d.Latest, d.Width = took[0].FinishedAt.Sub(took[0].StartedAt), len(took)*barStep
	for i, r := range slices.Backward(took) {
		long := r.FinishedAt.Sub(r.StartedAt)
		height := max(int(long*barsHeight/d.Longest), 2)
		d.Bars = append(d.Bars, durationBar{
			X: (len(took) - 1 - i) * barStep, Y: barsHeight - height, Height: height, Tone: runBadge(r).Tone,
			Title: runAt(r).In(zone).Format("Mon 2 Jan 15:04 MST") + ": " + durationWords(long) + ", " + runBadge(r).Word,
		})
	}
	return d, nil
}
