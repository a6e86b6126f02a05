package pages

import (
	"net/http"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// schedules registers the pages of schedules.
func (p *Pages) schedules() {
	p.add(route{method: http.MethodGet, path: "schedules", action: runs.ActionLook, target: "schedule"}, listSchedules)
}

type scheduleListData struct {
	Search string
	Rows   []scheduleRow
	Pager  pager
}

type scheduleRow struct {
	backupsched.Schedule
	Sentence string
}

func listSchedules(v *visit) (answer, error) {
	page1, err := v.pageRequest()
	if err != nil {
		return nil, err
	}
	data := scheduleListData{Search: v.query.Get("q")}
	found, err := v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, backupsched.Filter{Search: data.Search}, page1)
	if err != nil {
		return nil, err
	}
	for _, s := range found.Items {
		data.Rows = append(data.Rows, scheduleRow{Schedule: s, Sentence: recurrenceSentence(s.Recurrence)})
	}
	data.Pager = v.pager(found.NextCursor)
	return page{template: "schedules", title: "Schedules", section: "schedules", data: data}, nil
}

// scheduleNotices are what the forms of these pages have done.
var scheduleNotices = map[string]string{}
