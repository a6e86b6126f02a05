package pages

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// deletion is the plan of deleting a schedule.
var deletion = retention.Proposal{Delete: true}

// plannedShown is how many of the sets that go, and of those that stay, a plan names.
const plannedShown = 100

type planData struct {
	Schedule backupsched.Schedule
	Plan     retention.GroupPlan
	Drops    []plannedSet // newest first
	Keeps    []plannedSet
	Stale    bool   // what was confirmed is not what would go now
	Work     string // the run that does what was confirmed; empty when none is under way

	Form   url.Values // of the change that waits for the consent; nil without one
	Action string     // where the consent goes; empty when none helps
}

// plannedSet is a set and why it stays or goes.
type plannedSet struct {
	Set backupset.BackupSet
	Why string
}

// MoreDrops is how many sets that go are not named.
func (d planData) MoreDrops() int { return d.Plan.Dropped - len(d.Drops) }

// MoreKeeps is how many sets that stay are not named.
func (d planData) MoreKeeps() int { return d.Plan.Kept - len(d.Keeps) }

// Shrunk tells whether retention waits since the newest set is much smaller, which no consent ends.
func (d planData) Shrunk() bool { return d.Plan.Paused == retention.PausedShrunk }

// Half tells whether more than half would go.
func (d planData) Half() bool { return d.Plan.Paused == retention.PausedHalf }

func (v *visit) planData(s backupsched.Schedule, want retention.Proposal) (planData, error) {
	plan, err := v.cfg.Retention.Preview(v.ctx(), v.tenant, v.actor, s.ID, want)
	data := planData{Schedule: s, Plan: plan}
	for i := len(plan.Sets) - 1; i >= 0; i-- {
		set := plannedSet{plan.Sets[i].Set, keepWords(plan.Sets[i].Reason)}
		switch {
		case plan.Sets[i].Keep && len(data.Keeps) < plannedShown:
			data.Keeps = append(data.Keeps, set)
		case !plan.Sets[i].Keep && len(data.Drops) < plannedShown:
			data.Drops = append(data.Drops, set)
		}
	}
	return data, scheduleGone(err)
}

// showPlan is what retention would do now with the sets of a schedule.
func showPlan(v *visit) (answer, error) { return v.planPage(false) }

func (v *visit) planPage(stale bool) (answer, error) {
	s, err := v.schedule()
	if err != nil {
		return nil, err
	}
	data, err := v.planData(s, retention.Proposal{})
	if err != nil {
		return nil, err
	}
	data.Stale = stale
	if data.Work, err = v.retentionAtWork(data.Plan); err != nil {
		return nil, err
	}
	if data.Half() && data.Work == "" && v.may(runs.ActionRetentionConfirm) && v.may(runs.StartAction(runs.KindRetentionApply)) {
		data.Action = v.path("schedules", string(s.ID), "retention")
	}
	pg := page{template: "schedule_plan", title: "Retention of " + titled(s.Name), section: "schedules", data: data}
	if stale {
		pg.status = http.StatusConflict
	}
	return pg, nil
}

// retentionAtWork finds the run that does the plan which waits for a person, since a person has
// confirmed it. While it runs, the plan is what is left of the one that was confirmed; while it
// waits for its turn, it would stop if that were another one by now.
func (v *visit) retentionAtWork(plan retention.GroupPlan) (path string, err error) {
	if plan.Paused != retention.PausedHalf {
		return "", nil
	}
	found, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, runs.RunFilter{
		Kinds: []runs.Kind{runs.KindRetentionApply}, Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning},
		Triggers: []runs.Trigger{runs.TriggerManual, runs.TriggerRetry}, // by persons, so they are few
	}, runs.PageRequest{Limit: runs.MaxPageSize})
	if err != nil {
		return "", err
	}
	for _, r := range found.Items {
		var params retention.Params
		if json.Unmarshal(r.Params, &params) != nil || params.ScheduleID != plan.ScheduleID || params.ConfirmToken == "" {
			continue
		}
		if r.Status == runs.StatusRunning || params.ConfirmToken == plan.Token {
			return v.path("runs", string(r.ID)), nil
		}
	}
	return "", nil
}

// applyPlan does what a person has seen and confirmed. A plan that has changed since shows again.
func applyPlan(v *visit) (answer, error) {
	run, reused, err := v.cfg.Retention.Apply(v.ctx(), v.tenant, v.actor, v.id(), v.form.Get("confirm_plan"))
	var conflict *runs.ConflictError
	if errors.As(err, &conflict) && (conflict.Code == "confirm_plan_required" || conflict.Code == "confirm_plan_stale") {
		return v.planPage(true)
	}
	return v.started(run, reused, err)
}

// keepWords says why a set stays or goes.
func keepWords(reason string) string {
	switch reason {
	case retention.ReasonLast:
		return "one of the newest complete sets"
	case retention.ReasonPartial:
		return "a partial set as new as the complete ones that stay"
	case retention.ReasonNoComplete:
		return "a partial set, while there is no complete one"
	case retention.ReasonYoung:
		return "too young to go"
	case retention.ReasonHeld:
		return "a hold stands on it"
	case retention.ReasonInUse:
		return "a restore is reading it"
	case retention.ReasonBuilding:
		return "being filled"
	case retention.ReasonManual:
		return "made by hand"
	case retention.ReasonFuture:
		return "dated in the future"
	case retention.ReasonShrunk:
		return "the newest set has less than half of what the one before it has"
	case retention.ReasonHalf:
		return "more than half would go, which waits for a person"
	case retention.ReasonScheduleDeleted:
		return "deleting a schedule keeps its sets"
	case retention.ReasonNotPlanned:
		return "not in the plan that was confirmed"
	case retention.ReasonBeyond:
		return "older than the newest ones that are kept"
	case retention.ReasonPartialStale:
		return "a partial set that is older than the complete ones that stay"
	}
	return "no rule is for it, so it is left alone"
}
