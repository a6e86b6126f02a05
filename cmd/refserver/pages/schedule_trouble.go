package pages

import (
	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// troubleCounts is how far the line above the list counts: "50 or more" asks for the same deed.
const troubleCounts = 50

// trouble is one thing that is wrong with schedules, and the list of those.
type trouble struct {
	Text string // "2 schedules failed"
	Path string
}

// troubles are what is wrong with the enabled schedules of the tenant, the worst first; none when
// all is well. Each is one query for a few rows.
func (v *visit) troubles() (list []trouble, err error) {
	on := true
	find := func(f backupsched.Filter) (runs.Page[backupsched.Schedule], error) {
		f.Enabled = &on
		return v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: troubleCounts})
	}
	add := func(n int, more bool, what, query string) {
		if text := count(n, "schedule", "schedules"); n > 0 {
			if more {
				text = number(n) + " or more schedules"
			}
			list = append(list, trouble{text + " " + what, v.path("schedules") + "?enabled=yes&" + query})
		}
	}
	first, err := find(backupsched.Filter{Sort: backupsched.SortNextRun})
	if err != nil {
		return nil, err
	}
	late := 0
	for _, s := range first.Items {
		if v.overdue(s) {
			late++
		}
	}
	add(late, late == troubleCounts && first.NextCursor != "", "overdue", "sort=next_run_at")
	for _, t := range []struct {
		status runs.Status
		what   string
	}{{runs.StatusFailed, "failed"}, {runs.StatusPartial, "partial"}, {runs.StatusSkipped, "skipped or missed"}} {
		found, err := find(backupsched.Filter{Status: t.status})
		if err != nil {
			return nil, err
		}
		add(len(found.Items), found.NextCursor != "", t.what, "status="+string(t.status))
	}
	return list, nil
}
