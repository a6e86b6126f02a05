package backupsched

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Get returns a schedule. A deleted one is ErrDeleted.
func (s *Scheduler) Get(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (Schedule, error) {
	if err := s.guard.Allow(ctx, tenant, actor, runs.ActionLook, target(id)); err != nil {
		return Schedule{}, err
	}
	return s.live(ctx, tenant, id)
}

// List returns schedules in the filter's order.
func (s *Scheduler) List(ctx context.Context, tenant graph.TenantID, actor runs.Actor, f Filter, page runs.PageRequest) (runs.Page[Schedule], error) {
	if err := s.guard.Allow(ctx, tenant, actor, runs.ActionLook, runs.Target{Type: "schedules"}); err != nil {
		return runs.Page[Schedule]{}, err
	}
	if err := f.Sort.Validate(); err != nil {
		return runs.Page[Schedule]{}, err
	}
	if f.WithDeleted && len(f.IDs) == 0 {
		return runs.Page[Schedule]{}, runs.Invalid("with_deleted", "ids_required", "needs ids: deleted schedules are not listed")
	}
	slice, err := page.Slice()
	if err != nil {
		return runs.Page[Schedule]{}, err
	}
	list, err := s.store.ListSchedules(ctx, tenant, f, slice)
	if err != nil {
		return runs.Page[Schedule]{}, err
	}
	return runs.NewPage(list, slice.Limit, f.Sort.Keyset), nil
}

// Preview is what a draft would do.
type Preview struct {
	Slots    []time.Time // the next ones, UTC
	Warnings []Warning
}

// MaxPreview is the most slots a preview shows.
const MaxPreview = 50

// Preview checks a draft without saving it and tells its next n slots.
func (s *Scheduler) Preview(ctx context.Context, tenant graph.TenantID, actor runs.Actor, d Draft, n int) (Preview, error) {
	if err := s.guard.Allow(ctx, tenant, actor, runs.ActionLook, target("")); err != nil {
		return Preview{}, err
	}
	if n < 1 || n > MaxPreview {
		return Preview{}, runs.Invalid("count", "count_range", "must be between 1 and 50")
	}
	if err := d.Recurrence.Validate(); err != nil {
		return Preview{}, err
	}
	at := s.now()
	slots, err := d.Upcoming(at, n)
	if err != nil {
		return Preview{}, err
	}
	warnings, err := d.warnings(at)
	return Preview{Slots: slots, Warnings: warnings}, err
}
