package pages

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// RenderDiff is a difference as HTML.
func RenderDiff(changes []backupset.Change, from, most, budget int, at func(int) string) (string, error) {
	all, err := loadTemplates()
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	v := newDiff(changes, diffLimits{before: "In the backup", after: "Live", from: from, most: most, budget: &budget, at: at})
	err = all["error"].ExecuteTemplate(&out, "diff", v)
	return out.String(), err
}

// Patterns are all patterns of the pages' own mux.
func (p *Pages) Patterns() []string { return p.patterns }

// PatternOf is the pattern that a request matches.
func (p *Pages) PatternOf(r *http.Request) string {
	_, pattern := p.mux.Handler(r)
	return pattern
}

// History is the strip of a schedule: the states and the titles of its days.
func History(t testing.TB, s backupsched.Schedule, list []runs.Run, now time.Time) (states, titles []string) {
	t.Helper()
	days, err := newHistory(s, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range fillHistory(days, list, time.Time{}, s, now) {
		states, titles = append(states, d.State), append(titles, d.Title)
	}
	return states, titles
}

// HistorySummary is the strip of a schedule in words.
func HistorySummary(t testing.TB, s backupsched.Schedule, list []runs.Run, now time.Time) string {
	t.Helper()
	days, err := newHistory(s, now)
	if err != nil {
		t.Fatal(err)
	}
	return historySummary(fillHistory(days, list, time.Time{}, s, now))
}

// Bars are the heights of the bars of durations, oldest first, and what they are called.
func Bars(t testing.TB, list []runs.Run, s backupsched.Schedule) (heights string, titles []string) {
	t.Helper()
	d, err := durationsOf(list, s)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, b := range d.Bars {
		all, titles = append(all, strconv.Itoa(b.Height)), append(titles, b.Title)
	}
	return strings.Join(all, " "), titles
}

// RenderMarkup is a badge and an instant of such texts.
func RenderMarkup(text string) string {
	m := moment{Machine: text, Text: text, Zone: text, Away: text}
	return string(badgeHTML(badge{Word: text, Icon: text, Tone: text}) + timeHTML(m) + awayHTML(m))
}
