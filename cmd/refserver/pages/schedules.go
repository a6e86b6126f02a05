package pages

import (
	"errors"
	"net/http"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// schedules registers the pages of schedules.
func (p *Pages) schedules() {
	const one = "schedules/{id}"
	get := func(path string, action runs.Action, h func(*visit) (answer, error)) {
		p.add(route{method: http.MethodGet, path: path, action: action, target: "schedule"}, h)
	}
	post := func(path string, action runs.Action, h func(*visit) (answer, error)) {
		p.add(route{method: http.MethodPost, path: path, action: action, target: "schedule"}, h)
	}
	get("schedules", runs.ActionLook, listSchedules)
	get("schedules/preview", runs.ActionLook, previewSchedule)
	get("schedules/new", runs.ActionScheduleCreate, newSchedule)
	post("schedules/new", runs.ActionScheduleCreate, createSchedule)
	get("schedules/bulk", runs.ActionLook, showBulk)
	post("schedules/bulk", runs.ActionLook, bulkSchedules) // which asks for the action that was chosen
	get(one, runs.ActionLook, showSchedule)
	get(one+"/edit", runs.ActionScheduleUpdate, editSchedule)
	post(one+"/edit", runs.ActionScheduleUpdate, updateSchedule)
	post(one+"/run", runs.StartAction(runs.KindBackup), func(v *visit) (answer, error) {
		return v.started(v.cfg.Scheduler.RunNow(v.ctx(), v.tenant, v.actor, v.id()))
	})
	post(one+"/retry", runs.StartAction(runs.KindBackup), func(v *visit) (answer, error) {
		return v.started(v.cfg.Scheduler.Retry(v.ctx(), v.tenant, v.actor, v.id()))
	})
	post(one+"/enable", runs.ActionScheduleEnable, func(v *visit) (answer, error) {
		_, err := v.cfg.Scheduler.Enable(v.ctx(), v.tenant, v.actor, v.id())
		return v.back("schedule_enabled"), scheduleGone(err)
	})
	post(one+"/disable", runs.ActionScheduleDisable, func(v *visit) (answer, error) {
		_, err := v.cfg.Scheduler.Disable(v.ctx(), v.tenant, v.actor, v.id())
		return v.back("schedule_disabled"), scheduleGone(err)
	})
	get(one+"/delete", runs.ActionScheduleDelete, confirmScheduleDelete)
	post(one+"/delete", runs.ActionScheduleDelete, deleteSchedule)
	get(one+"/retention", runs.ActionLook, showPlan)
	post(one+"/retention", runs.ActionRetentionConfirm, applyPlan)
}

// scheduleNotices are what the forms of these pages have done.
var scheduleNotices = map[string]string{
	"schedule_created":  "The schedule is saved.",
	"schedule_updated":  "The changes are saved.",
	"schedule_enabled":  "The schedule is enabled. It runs at its next slot.",
	"schedule_disabled": "The schedule is disabled. It does not run by itself until it is enabled again.",
	"none_chosen":       "Nothing was done: no schedule was chosen. Tick the ones that you mean.",
	"schedule_deleted":  "The schedule is deleted. Its runs and backup sets are still there.",
}

// started leads to the page of a run.
func (v *visit) started(run runs.Run, reused bool, err error) (answer, error) {
	if err != nil {
		return nil, scheduleGone(err)
	}
	s := see{path: v.path("runs", string(run.ID)), notice: "run_started"}
	if reused {
		s.notice = "run_reused"
	}
	return s, nil
}

// back leads to the page that the form was on: the list as it was, or that of the schedule.
func (v *visit) back(notice string) see {
	if to := v.form.Get("back"); to != "" {
		return see{v.local(to), notice}
	}
	return see{v.schedulePath(v.id()), notice}
}

func (v *visit) schedulePath(id runs.ID) string { return v.path("schedules", string(id)) }

// scheduleGone says in words that a schedule is deleted, and what is left of it.
func scheduleGone(err error) error {
	if errors.Is(err, runs.ErrDeleted) {
		return failure{status: http.StatusNotFound, code: "deleted", text: "This schedule has been deleted. It does not run any more. Its runs and backup sets are still there."}
	}
	return err
}

// schedule returns the schedule of the path.
func (v *visit) schedule() (backupsched.Schedule, error) {
	s, err := v.cfg.Scheduler.Get(v.ctx(), v.tenant, v.actor, v.id())
	return s, scheduleGone(err)
}

type scheduleDeleteData struct {
	Schedule backupsched.Schedule
	Sets     int    // that stay
	Token    string // of the plan; empty when no set goes
	Drops    int
}

// confirmScheduleDelete says what becomes of the backup sets, and asks.
func confirmScheduleDelete(v *visit) (answer, error) {
	s, err := v.schedule()
	if err != nil {
		return nil, err
	}
	plan, err := v.cfg.Retention.Preview(v.ctx(), v.tenant, v.actor, s.ID, deletion)
	if err != nil {
		return nil, err
	}
	data := scheduleDeleteData{Schedule: s, Sets: plan.Kept, Token: plan.Token, Drops: plan.Dropped}
	return page{template: "schedule_delete", title: "Delete " + titled(s.Name), section: "schedules", data: data}, nil
}

func deleteSchedule(v *visit) (answer, error) {
	err := v.cfg.Scheduler.Delete(v.ctx(), v.tenant, v.actor, v.id(), v.form.Get("confirm_plan"))
	return see{v.path("schedules"), "schedule_deleted"}, scheduleGone(err)
}
