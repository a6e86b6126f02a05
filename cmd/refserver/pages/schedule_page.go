package pages

import (
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// How much the page of a schedule shows.
const (
	scheduleRuns = 20
	scheduleSets = 10

	// historyRuns is how many runs are read for the strip and the durations: four for each day, where
	// a schedule makes one at most. The page says when there were more.
	historyRuns = 4 * historyDays
)

type scheduleData struct {
	scheduleRow
	Types     []string // names
	Preview   slotData
	Days      []historyDay
	Since     time.Time // of the oldest run that the strip knows when it does not know all; else zero
	Summary   string
	Durations durations
	Runs      []scheduleRun
	MoreRuns  bool
	MayRetry  bool // the last run
	Sets      []backupset.BackupSet
	MoreSets  bool
	Paused    retention.Pause
	Work      string // the run that does what a person confirmed meanwhile
	Here      string
}

type scheduleRun struct {
	runs.Run
	Badge badge
	Took  time.Duration // zero while it is under way, or when it did not begin
	Why   string        // what its code means, if it has one
}

// When is when the run was due, or was asked for.
func (r scheduleRun) When() time.Time { return runAt(r.Run) }

// Half tells whether retention waits for a person.
func (d scheduleData) Half() bool { return d.Paused == retention.PausedHalf }

// showSchedule is the page of a schedule. Its sets are those of its plan, which reads them all anyway.
func showSchedule(v *visit) (answer, error) {
	s, err := v.schedule()
	if err != nil {
		return nil, err
	}
	data := scheduleData{scheduleRow: v.scheduleRow(s), Here: v.listAddress()}
	for _, t := range s.PolicyTypes {
		data.Types = append(data.Types, v.typeName(t))
	}
	if data.Preview, err = v.nextSlots(formOf(s)); err != nil {
		return nil, err
	}
	if err := v.history(&data); err != nil {
		return nil, err
	}
	plan, err := v.cfg.Retention.Preview(v.ctx(), v.tenant, v.actor, s.ID, retention.Proposal{})
	if err != nil {
		return nil, scheduleGone(err)
	}
	data.Paused, data.MoreSets = plan.Paused, len(plan.Sets) > scheduleSets
	if data.Work, err = v.retentionAtWork(plan); err != nil {
		return nil, err
	}
	for _, planned := range slices.Backward(plan.Sets) {
		if data.Sets = append(data.Sets, planned.Set); len(data.Sets) == scheduleSets {
			break
		}
	}
	return page{template: "schedule", title: titled(s.Name), section: "schedules", data: data}, nil
}

// history fills in the newest runs, and what the last days were like.
func (v *visit) history(data *scheduleData) error {
	s := data.Schedule
	days, err := newHistory(s, v.now)
	if err != nil {
		return err
	}
	f := runs.RunFilter{ScheduleID: s.ID, Kinds: []runs.Kind{runs.KindBackup}, From: days[0].from}
	recent, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: historyRuns})
	if err != nil {
		return err
	}
	if recent.NextCursor != "" {
		data.Since = recent.Items[len(recent.Items)-1].CreatedAt
	}
	data.Days = fillHistory(days, recent.Items, data.Since, s, v.now)
	data.Summary = historySummary(data.Days)
	if data.Durations, err = durationsOf(recent.Items, s); err != nil {
		return err
	}
	newest := recent
	if len(recent.Items) <= scheduleRuns { // older ones are in the list, too
		f.From = time.Time{}
		if newest, err = v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: scheduleRuns}); err != nil {
			return err
		}
	}
	shown := newest.Items[:min(len(newest.Items), scheduleRuns)]
	for _, r := range shown {
		line := scheduleRun{Run: r, Badge: runBadge(r)}
		if !r.StartedAt.IsZero() && r.FinishedAt.After(r.StartedAt) {
			line.Took = r.FinishedAt.Sub(r.StartedAt)
		}
		if r.ErrorCode != "" {
			line.Why = adviceFor(r.ErrorCode).What
		}
		data.Runs = append(data.Runs, line)
	}
	data.MoreRuns = newest.NextCursor != "" || len(newest.Items) > len(shown)
	if len(shown) > 0 {
		data.MayRetry, err = v.mayRetry(shown[0])
	}
	return err
}
