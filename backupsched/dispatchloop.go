package backupsched

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Run recomputes next runs, ticks at once and then at the start of every minute of the
// clock, until ctx ends. A tick that fails is logged and tried again a minute later: the
// grace covers it. It returns nil after a normal stop.
func (d *Dispatcher) Run(ctx context.Context) error {
	if _, err := d.Recompute(ctx); err != nil && ctx.Err() == nil {
		d.log.ErrorContext(ctx, "recomputing next runs failed; the stored ones are used", redact.Err(err))
	}
	for {
		report, err := d.Tick(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			d.log.ErrorContext(ctx, "tick failed; it is tried again in a minute", redact.Err(err))
		case report.Due > 0:
			d.log.InfoContext(ctx, "dispatched", "due", report.Due, "queued", report.Queued, "missed", report.Missed)
		}
		now := d.cfg.Clock.Now()
		select {
		case <-ctx.Done():
			return nil
		case <-d.cfg.Clock.After(now.Truncate(time.Minute).Add(time.Minute).Sub(now)):
		}
	}
}

// Recompute computes the next run of every enabled schedule anew, since zone data may have
// changed with the program or the machine, and returns how many moved. Slots that are due
// already stay for the next tick, which dispatches them or records them as missed.
func (d *Dispatcher) Recompute(ctx context.Context) (moved int, err error) {
	const page = 1000
	at := d.cfg.Clock.Now().UTC()
	for after := runs.ID(""); ; {
		list, err := d.cfg.Store.EnabledSchedules(ctx, after, page)
		if err != nil {
			return moved, fmt.Errorf("backupsched: recomputing next runs: %w", err)
		}
		for _, s := range list {
			after = s.ID
			if !s.needsRecompute(at) {
				continue
			}
			seen := s.NextRunAt
			_, err := d.cfg.Store.ChangeSchedule(ctx, s.TenantID, s.ID, func(at time.Time, cur Schedule) (ScheduleChange, error) {
				if !cur.NextRunAt.Equal(seen) || cur.Deleted() || !cur.Enabled {
					return ScheduleChange{}, errMoved
				}
				cur = cur.Clone()
				err := cur.setNext(at)
				return ScheduleChange{Schedule: cur}, err
			})
			switch {
			case errors.Is(err, errMoved):
			case err != nil:
				d.log.ErrorContext(ctx, "a schedule's next run could not be computed", "tenant", s.TenantID, "schedule_id", s.ID, redact.Err(err))
			default:
				moved++
			}
		}
		if len(list) < page {
			return moved, nil
		}
	}
}

var errMoved = errors.New("backupsched: changed by somebody else")

// needsRecompute tells whether the stored next run, if it lies ahead, is not the slot that
// the rule gives now.
func (s Schedule) needsRecompute(at time.Time) bool {
	if !s.NextRunAt.IsZero() && !s.NextRunAt.After(at) {
		return false
	}
	next, err := s.Next(at)
	return err == nil && !next.Equal(s.NextRunAt)
}
