package storetest

import (
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// sortedRows are the further orders of ListSchedules.
func sortedRows() map[string]func(f *fixture) list {
	by := func(sort backupsched.Sort) func(f *fixture) list {
		return func(f *fixture) list { return sortedPages(f, sort) }
	}
	return map[string]func(f *fixture) list{
		"ListSchedules by name, down":     by(backupsched.SortNameDown),
		"ListSchedules by next run":       by(backupsched.SortNextRun),
		"ListSchedules by next run, down": by(backupsched.SortNextRunDown),
		"ListSchedules by last run":       by(backupsched.SortLastRun),
		"ListSchedules by last run, down": by(backupsched.SortLastRunDown),
	}
}

// sortedPages has schedules that are due and ran at some times, or at none, some of them equal.
func sortedPages(f *fixture, sort backupsched.Sort) list {
	add := func(name string, next, last time.Time) {
		s := f.newSchedule(contoso, name)
		s.NextRunAt, s.Enabled = next, !next.IsZero()
		f.create(s)
		if !last.IsZero() {
			f.finish(f.start(f.newBackup(s, time.Time{})), runs.StatusCanceled, last)
		}
	}
	times := append(moments(), time.Time{}, time.Time{})
	for i, at := range times {
		add([]string{"b", "A", "a"}[i%3], at, times[(i+3)%len(times)])
	}
	f.schedule(fabrikam)
	n := 0
	return list{
		page: func(s runs.Slice) ([]runs.Keyset, error) {
			rows, err := f.store.ListSchedules(f.ctx, contoso, backupsched.Filter{Sort: sort}, s)
			return keysets(rows, err, sort.Keyset)
		},
		insert: func() {
			at := inserted(&n)
			if n%3 == 0 {
				at = time.Time{}
			}
			add([]string{"0", "z"}[n%2], at, at)
		},
		before: map[backupsched.Sort]func(a, b runs.Keyset) bool{
			backupsched.SortNameDown:    func(a, b runs.Keyset) bool { return ascending(b, a) },
			backupsched.SortNextRun:     func(a, b runs.Keyset) bool { return descending(b, a) },
			backupsched.SortNextRunDown: descending,
			backupsched.SortLastRun:     func(a, b runs.Keyset) bool { return descending(b, a) },
			backupsched.SortLastRunDown: descending,
		}[sort],
	}
}
