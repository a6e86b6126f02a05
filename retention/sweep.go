package retention

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

const sweepPage = 500

// Sweep plans every schedule of every tenant that has sets and starts a retention.apply run
// where something would be dropped: what an AfterRun that failed left behind, and what has
// become old enough since. Of a plan that is paused it starts one run, which says so, and
// no more until the plan changes. It returns how many it started. A group that cannot be
// planned does not stop the others; the error names the first.
func (r *Retention) Sweep(ctx context.Context) (int, error) {
	started := 0
	var firstErr error
	for after := runs.ID(""); ; {
		list, err := r.store.Groups(ctx, after, sweepPage)
		if err != nil {
			return started, fmt.Errorf("retention: looking for groups: %w", err)
		}
		for _, g := range list {
			after = g.ScheduleID
			ok, err := r.sweepGroup(ctx, g)
			switch {
			case ctx.Err() != nil:
				return started, context.Cause(ctx)
			case err != nil && firstErr == nil:
				firstErr = fmt.Errorf("retention: sweeping schedule %s: %w", g.ScheduleID, err)
			case ok:
				started++
			}
		}
		if len(list) < sweepPage {
			return started, firstErr
		}
	}
}

func (r *Retention) sweepGroup(ctx context.Context, g backupset.TenantGroup) (started bool, err error) {
	plan, err := r.present(ctx, g.TenantID, g.ScheduleID, Proposal{})
	switch {
	case errors.Is(err, runs.ErrDeleted), errors.Is(err, runs.ErrNotFound): // keeps everything
		r.announce(g.ScheduleID, "")
		return false, nil
	case err != nil:
		return false, err
	case plan.KeepLast < 1:
		return false, keepLastError()
	case plan.Dropped == 0:
		return false, nil
	case plan.Paused != NotPaused && r.isAnnounced(g.ScheduleID, plan.Token):
		return false, nil
	}
	_, reused, err := r.cfg.Starter.StartSystem(ctx, g.TenantID, ApplyRequest(g.ScheduleID, ""))
	if err != nil || reused {
		return false, err
	}
	if plan.Paused != NotPaused { // the run may be worked on in another process
		r.announce(g.ScheduleID, plan.Token)
	}
	return true, nil
}

// Run sweeps and purges until ctx ends, first at once and then every SweepEvery. It returns
// nil after a normal stop. What fails is logged and tried again the next time.
func (r *Retention) Run(ctx context.Context) error {
	for {
		if n, err := r.Sweep(ctx); err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "retention sweep failed; it is tried again", redact.Err(err))
		} else if n > 0 {
			r.log.InfoContext(ctx, "retention sweep started runs", "runs", n)
		}
		if ctx.Err() == nil {
			if p, err := r.Purge(ctx); err != nil && ctx.Err() == nil {
				r.log.ErrorContext(ctx, "purge failed; it is tried again", redact.Err(err), "failed", p.Failed)
			} else if p.Sets > 0 {
				r.log.InfoContext(ctx, "purge removed sets", "sets", p.Sets, "items", p.Items, "bytes", p.Bytes)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.clock.After(r.cfg.SweepEvery):
		}
	}
}
