package pages

import (
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// overdueAfter is how long a slot may be due before it is said to be overdue: the usual grace of
// a dispatcher, after which it is recorded as missed.
const overdueAfter = 2 * time.Minute

type scheduleListData struct {
	Search, Enabled, Status, Sort string

	Heads []sortHead // name, last run, next run
	Rows  []scheduleRow
	Pager pager
	Here  string // the present address, to come back to
	Bulk  []bulkChoice
	May   scheduleMenu // asked once, not for each row

	Troubles []trouble // of all enabled schedules; only above the whole list
	LookFor  []trouble // the same without counts, above a page of a longer list
}

// Filtered tells whether the list may lack schedules that there are.
func (d scheduleListData) Filtered() bool { return d.Search != "" || d.Enabled != "" || d.Status != "" }

// Statuses are what the list can be filtered by.
func (scheduleListData) Statuses() []runs.Status {
	return []runs.Status{runs.StatusSuccess, runs.StatusPartial, runs.StatusFailed, runs.StatusCanceled, runs.StatusSkipped}
}

// scheduleRow is a row of the list. Its template takes the fields of Schedule from there: to find a
// promoted field by reflection costs more than to write it, here as in other lists.
type scheduleRow struct {
	backupsched.Schedule
	Path     string
	Sentence string
	Overdue  bool
	Abroad   bool // the viewer's zone shows another time
}

// scheduleMenu tells what the viewer may do with the schedules of a list.
type scheduleMenu struct{ Run, Update, Enable, Disable, Delete bool }

// Any tells whether there is a menu.
func (m scheduleMenu) Any() bool { return m != scheduleMenu{} }

func (v *visit) scheduleMenu() scheduleMenu {
	return scheduleMenu{
		Run: v.may(runs.StartAction(runs.KindBackup)), Update: v.may(runs.ActionScheduleUpdate), Enable: v.may(runs.ActionScheduleEnable),
		Disable: v.may(runs.ActionScheduleDisable), Delete: v.may(runs.ActionScheduleDelete),
	}
}

// sortHead is the head of a column that the list can be sorted by.
type sortHead struct {
	Label string
	Path  string // sorts by it, or the other way round
	Aria  string // ascending, descending, or empty
}

func (v *visit) sortHead(label string, now, first backupsched.Sort) sortHead {
	h := sortHead{Label: label}
	to := first
	if now.Up() == first.Up() {
		h.Aria, to = "ascending", "-"+now.Up()
		if now.Down() {
			h.Aria, to = "descending", now.Up()
		}
	}
	h.Path = v.with("sort", string(to))
	return h
}

func listSchedules(v *visit) (answer, error) {
	ask, err := v.pageRequest()
	if err != nil {
		return nil, err
	}
	data := scheduleListData{Search: v.query.Get("q"), Enabled: v.query.Get("enabled"), Status: v.query.Get("status"), Sort: v.query.Get("sort")}
	f := backupsched.Filter{Search: data.Search, Sort: backupsched.Sort(data.Sort)}
	var bad runs.InvalidError
	if enabled := oneOf(v, &bad, "enabled", yesNo); enabled != "" {
		yes := enabled == "yes"
		f.Enabled = &yes
	}
	f.Status = oneOf(v, &bad, "status", runs.Statuses())
	if err := bad.Err(); err != nil {
		return nil, err
	}
	found, err := v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, f, ask)
	if err != nil {
		return nil, err
	}
	for _, s := range found.Items {
		data.Rows = append(data.Rows, v.scheduleRow(s))
	}
	data.Heads = []sortHead{
		v.sortHead("Name", f.Sort, backupsched.SortName),
		v.sortHead("Last run", f.Sort, backupsched.SortLastRunDown),
		v.sortHead("Next run", f.Sort, backupsched.SortNextRun),
	}
	switch {
	case data.Filtered() || len(found.Items) == 0:
	case ask.Cursor == "" && found.NextCursor == "":
		data.Troubles = v.troubles(found.Items)
	default:
		data.LookFor = v.troubleLinks()
	}
	data.Pager, data.Here, data.Bulk, data.May = v.pager(found.NextCursor), v.listAddress(), v.bulkChoices(), v.scheduleMenu()
	return page{template: "schedules", title: "Schedules", section: "schedules", data: data}, nil
}

// listAddress is the present address, without the notice that is shown.
func (v *visit) listAddress() string {
	to := v.with()
	if cursor := v.query.Get("cursor"); cursor != "" {
		to = v.with("cursor", cursor)
	}
	return to
}

func (v *visit) scheduleRow(s backupsched.Schedule) scheduleRow {
	return scheduleRow{Schedule: s, Path: v.path("schedules", string(s.ID)), Sentence: recurrenceSentence(s.Recurrence), Overdue: v.overdue(s), Abroad: v.abroad(s.Timezone)}
}

// overdue tells whether a slot should have become a run by now.
func (v *visit) overdue(s backupsched.Schedule) bool {
	return s.Enabled && !s.NextRunAt.IsZero() && v.now.Sub(s.NextRunAt) > overdueAfter
}

// abroad tells whether the viewer's zone is another one.
func (v *visit) abroad(zone string) bool { return zone != v.zone.String() }
