package bunstore

import (
	"context"

	"github.com/tenantatlas/tenantbackup/backupsched"
)

// ImportSchedules stores many schedules in one transaction, for benchmarks.
func (s *Store) ImportSchedules(ctx context.Context, list []backupsched.Schedule) error {
	return s.change(ctx, func(ctx context.Context, t *tx) error {
		rows := make([]scheduleRow, len(list))
		for i, sched := range list {
			r, err := scheduleRowOf(sched)
			if err != nil {
				return err
			}
			rows[i] = r
		}
		return insert(ctx, t, rows...)
	})
}
