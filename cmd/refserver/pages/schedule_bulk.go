package pages

import (
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// bulkChoice is something that can be done with many schedules at once.
type bulkChoice struct {
	Action backupsched.BulkAction
	Label  string
	Done   string // what is said of each that it was done to
	needs  runs.Action
}

var bulkTable = []bulkChoice{
	{backupsched.BulkRunNow, "Run now", "started", runs.StartAction(runs.KindBackup)},
	{backupsched.BulkRetry, "Retry last run", "started", runs.StartAction(runs.KindBackup)},
	{backupsched.BulkEnable, "Enable", "enabled", runs.ActionScheduleEnable},
	{backupsched.BulkDisable, "Disable", "disabled", runs.ActionScheduleDisable},
	{backupsched.BulkDelete, "Delete", "deleted", runs.ActionScheduleDelete},
}

// bulkChoices are those that the actor may use.
func (v *visit) bulkChoices() []bulkChoice {
	return slices.DeleteFunc(slices.Clone(bulkTable), func(c bulkChoice) bool { return !v.may(c.needs) })
}

type bulkData struct {
	Choice bulkChoice
	Lines  []bulkLine
	OK     int
	Failed int
}

// bulkLine is one schedule of many, and what became of it.
type bulkLine struct {
	backupsched.BulkResult
	Name string // empty when it is not known any more
	Why  string
}

// bulkSchedules does something with the chosen schedules, and shows what became of each. What
// cannot be taken back is asked about first.
func bulkSchedules(v *visit) (answer, error) {
	action := backupsched.BulkAction(v.form.Get("action"))
	i := slices.IndexFunc(bulkTable, func(c bulkChoice) bool { return c.Action == action })
	if i < 0 {
		return nil, runs.Invalid("action", "action_unknown", "must be run_now, retry, enable, disable or delete")
	}
	choice := bulkTable[i]
	if err := v.cfg.Starter.Guard().Allow(v.ctx(), v.tenant, v.actor, choice.needs, runs.Target{Type: "schedules"}); err != nil {
		return nil, err
	}
	ids := make([]runs.ID, 0, len(v.form["ids"]))
	for _, id := range v.form["ids"] {
		ids = append(ids, runs.ID(id))
	}
	if len(ids) == 0 {
		return nil, failure{status: 422, code: "ids_count", text: "No schedule is chosen. Go back and tick the ones that you mean."}
	}
	if len(ids) > backupsched.MaxBulk {
		return nil, failure{status: 422, code: "ids_count", text: fmt.Sprintf("At most %d schedules can be chosen at once.", backupsched.MaxBulk)}
	}
	if slices.ContainsFunc(ids, func(id runs.ID) bool { return !id.Valid() }) {
		return nil, runs.Invalid("ids", "id_invalid", "must be ids of schedules")
	}
	names, err := v.chosenNames(ids)
	if err != nil {
		return nil, err
	}
	data := bulkData{Choice: choice}
	if action == backupsched.BulkDelete && v.form.Get("confirmed") != "yes" {
		for _, id := range ids {
			if names[id] != "" {
				data.Lines = append(data.Lines, bulkLine{BulkResult: backupsched.BulkResult{ID: id}, Name: names[id]})
			}
		}
		title := "Delete " + count(len(data.Lines), "schedule", "schedules") + "?"
		return page{template: "schedule_bulk_confirm", title: title, section: "schedules", data: data}, nil
	}
	results, err := v.cfg.Scheduler.Bulk(v.ctx(), v.tenant, v.actor, action, ids)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		line := bulkLine{BulkResult: r, Name: names[r.ID]}
		if r.OK {
			data.OK++
		} else {
			data.Failed++
			line.Why = failureOf(scheduleGone(r.Err)).text
		}
		data.Lines = append(data.Lines, line)
	}
	return page{template: "schedule_bulk", title: choice.Label + ": results", section: "schedules", data: data}, nil
}

// chosenNames are the names of schedules that are not deleted, by one query.
func (v *visit) chosenNames(ids []runs.ID) (map[runs.ID]string, error) {
	found, err := v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, backupsched.Filter{IDs: ids}, runs.PageRequest{Limit: backupsched.MaxBulk})
	names := make(map[runs.ID]string, len(found.Items))
	for _, s := range found.Items {
		names[s.ID] = s.Name
	}
	return names, err
}
