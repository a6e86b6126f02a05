package pages

import (
	"time"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// How much the page of a schedule shows.
const (
	scheduleRuns = 20
	scheduleSets = 10
)

type scheduleData struct {
	scheduleRow
	Types     []string // names
	Preview   slotData
	Days      []historyDay
	Summary   string
	Durations durations
	Runs      []scheduleRun
	MoreRuns  bool
	Sets      []backupset.BackupSet
	MoreSets  bool
	Paused    retention.Pause
	Here      string
}

type scheduleRun struct {
	runs.Run
	Badge badge
	Took  time.Duration // zero while it is under way, or when it did not begin
	Why   string        // what its code means, if it has one
}

// Half tells whether retention waits for a person.
func (d scheduleData) Half() bool { return d.Paused == retention.PausedHalf }

// showSchedule is the page of a schedule: one query each for its newest runs, its history, its
// newest sets and its plan.
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
	sets, err := v.cfg.Archive.List(v.ctx(), v.tenant, v.actor, backupset.SetFilter{ScheduleID: s.ID}, runs.PageRequest{Limit: scheduleSets})
	if err != nil {
		return nil, err
	}
	data.Sets, data.MoreSets = sets.Items, sets.NextCursor != ""
	plan, err := v.cfg.Retention.Preview(v.ctx(), v.tenant, v.actor, s.ID, retention.Proposal{})
	if err != nil {
		return nil, scheduleGone(err)
	}
	data.Paused = plan.Paused
	return page{template: "schedule", title: s.Name, section: "schedules", data: data}, nil
}

// history fills in the newest runs, and what the last days were like.
func (v *visit) history(data *scheduleData) error {
	s := data.Schedule
	f := runs.RunFilter{ScheduleID: s.ID, Kinds: []runs.Kind{runs.KindBackup}}
	newest, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: scheduleRuns})
	if err != nil {
		return err
	}
	for _, r := range newest.Items {
		line := scheduleRun{Run: r, Badge: runBadge(r)}
		if !r.StartedAt.IsZero() && r.FinishedAt.After(r.StartedAt) {
			line.Took = r.FinishedAt.Sub(r.StartedAt)
		}
		if r.ErrorCode != "" {
			line.Why = adviceFor(r.ErrorCode).What
		}
		data.Runs = append(data.Runs, line)
	}
	data.MoreRuns = newest.NextCursor != ""
	days, err := newHistory(s, v.now)
	if err != nil {
		return err
	}
	f.From = days[0].from
	recent, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: runs.MaxPageSize})
	if err != nil {
		return err
	}
	data.Days = fillHistory(days, recent.Items, s, v.now)
	data.Summary = historySummary(data.Days)
	data.Durations = durationsOf(recent.Items)
	return nil
}
