package pages

import (
	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// trouble is one thing that is wrong with schedules, and the list of those.
type trouble struct {
	Text string // "2 schedules failed"
	Path string
}

// troubleStatuses are the ends of a last run that a person looks into, the worst first.
var troubleStatuses = []struct {
	status runs.Status
	what   string
}{{runs.StatusFailed, "failed"}, {runs.StatusPartial, "partial"}, {runs.StatusSkipped, "skipped or missed"}}

// troubles are what is wrong with the enabled ones of the schedules, the worst first; none when
// all is well. They are counted where the list holds all of the tenant: to ask the store for each
// kind of trouble among a thousand schedules would take longer than the list itself.
func (v *visit) troubles(all []backupsched.Schedule) (list []trouble) {
	add := func(what, query string, wrong func(backupsched.Schedule) bool) {
		n := 0
		for _, s := range all {
			if s.Enabled && wrong(s) {
				n++
			}
		}
		if n > 0 {
			list = append(list, trouble{count(n, "schedule", "schedules") + " " + what, v.path("schedules") + "?enabled=yes&" + query})
		}
	}
	add("overdue", "sort=next_run_at", v.overdue)
	for _, t := range troubleStatuses {
		add(t.what, "status="+string(t.status), func(s backupsched.Schedule) bool { return s.LastRunStatus == t.status })
	}
	return list
}

// troubleLinks lead to the schedules that may be in trouble, above a list that is too long to count
// them in.
func (v *visit) troubleLinks() (list []trouble) {
	for _, t := range troubleStatuses {
		list = append(list, trouble{"last run " + t.what, v.path("schedules") + "?enabled=yes&status=" + string(t.status)})
	}
	return append(list, trouble{"longest overdue first", v.path("schedules") + "?enabled=yes&sort=next_run_at"})
}
