package pages

import (
	"fmt"
	"net/url"
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

// starts tells whether it starts a run of each.
func (c bulkChoice) starts() bool {
	return c.Action == backupsched.BulkRunNow || c.Action == backupsched.BulkRetry
}

// bulkChoices are those that the actor may use.
func (v *visit) bulkChoices() []bulkChoice {
	return slices.DeleteFunc(slices.Clone(bulkTable), func(c bulkChoice) bool { return !v.may(c.needs) })
}

// bulkSchedules does something with the chosen schedules and leads to what became of each. What
// cannot be taken back is asked about first.
func bulkSchedules(v *visit) (answer, error) {
	choice, err := v.bulkChoice(v.form.Get("action"))
	if err != nil {
		return nil, err
	}
	ids := make([]runs.ID, 0, len(v.form["ids"]))
	for _, id := range v.form["ids"] {
		ids = append(ids, runs.ID(id))
	}
	q := url.Values{"action": {string(choice.Action)}}
	back := v.path("schedules")
	if to := v.form.Get("back"); to != "" {
		back = v.local(to)
		q.Set("back", back)
	}
	switch {
	case len(ids) == 0:
		return see{back, "none_chosen"}, nil
	case len(ids) > backupsched.MaxBulk:
		return nil, runs.Invalid("ids", "ids_count", fmt.Sprintf("must name at most %d schedules", backupsched.MaxBulk))
	case slices.ContainsFunc(ids, func(id runs.ID) bool { return !id.Valid() }):
		return nil, runs.Invalid("ids", "id_invalid", "must be ids of schedules")
	}
	if choice.Action == backupsched.BulkDelete && v.form.Get("confirmed") != "yes" {
		q.Set("ids", packed(ids...))
		return v.bulkPage(q), nil
	}
	results, err := v.cfg.Scheduler.Bulk(v.ctx(), v.tenant, v.actor, choice.Action, ids)
	if err != nil {
		return nil, err
	}
	tellResults(q, results)
	return v.bulkPage(q), nil
}

func (v *visit) bulkPage(q url.Values) see {
	return see{path: v.path("schedules", "bulk") + "?" + q.Encode()}
}

// bulkChoice is what is to be done, if the actor may do it.
func (v *visit) bulkChoice(action string) (bulkChoice, error) {
	i := slices.IndexFunc(bulkTable, func(c bulkChoice) bool { return string(c.Action) == action })
	if i < 0 {
		return bulkChoice{}, runs.Invalid("action", "action_unknown", "must be run_now, retry, enable, disable or delete")
	}
	return bulkTable[i], v.cfg.Starter.Guard().Allow(v.ctx(), v.tenant, v.actor, bulkTable[i].needs, runs.Target{Type: "schedules"})
}

// showBulk is the page that the form leads to: the question before something that cannot be taken
// back, or what became of each schedule. All of it stands in the address.
func showBulk(v *visit) (answer, error) {
	switch {
	case v.query.Has("done") || v.query.Has("not"):
		return v.bulkResults()
	case v.query.Has("ids"):
		return v.confirmBulk()
	}
	return see{path: v.path("schedules")}, nil // somebody typed the form's address
}

type bulkConfirmData struct {
	Choice bulkChoice
	Chosen []backupsched.Schedule
	Back   string
}

// confirmBulk names the schedules that are there and asks.
func (v *visit) confirmBulk() (answer, error) {
	choice, err := v.bulkChoice(v.query.Get("action"))
	if err != nil {
		return nil, err
	}
	ids, ok := unpacked(v.query.Get("ids"))
	if !ok || len(ids) > backupsched.MaxBulk || choice.Action != backupsched.BulkDelete {
		return nil, errBulkAddress
	}
	data := bulkConfirmData{Choice: choice, Back: v.backToList()}
	if data.Chosen, err = v.chosen(backupsched.Filter{IDs: ids}); err != nil {
		return nil, err
	}
	title := choice.Label + " " + count(len(data.Chosen), "schedule", "schedules") + "?"
	return page{template: "schedule_bulk_confirm", title: title, section: "schedules", data: data}, nil
}

// backToList is the list of schedules as it was when the form was sent.
func (v *visit) backToList() string {
	if to := v.query.Get("back"); to != "" {
		return v.local(to)
	}
	return v.path("schedules")
}

// chosen are schedules by their ids, by name and with one query.
func (v *visit) chosen(f backupsched.Filter) ([]backupsched.Schedule, error) {
	if len(f.IDs) == 0 {
		return nil, nil
	}
	found, err := v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: backupsched.MaxBulk})
	return found.Items, err
}
