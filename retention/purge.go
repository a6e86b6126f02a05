package retention

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// PurgeReport says what a purge removed for good.
type PurgeReport struct {
	Sets, Items, Versions, Payloads int
	Bytes                           int64 // of stored payloads
	Failed                          int   // sets that could not be removed this time
}

func (p *PurgeReport) add(res backupset.PurgeResult) {
	p.Items += res.Items
	p.Versions += res.Versions
	p.Payloads += res.Payloads
	p.Bytes += res.Bytes
	if res.Done {
		p.Sets++
	}
}

const purgePage = 100

// Purge removes the sets of all tenants that were soft-deleted longer ago than the undo
// window, in transactions of at most PurgeBatch items. It may be stopped at any point and
// any number of purges may run at once: what is left is left for the next one. A set that
// cannot be removed does not stop the others; the error names the first.
func (r *Retention) Purge(ctx context.Context) (PurgeReport, error) {
	var report PurgeReport
	var firstErr error
	cutoff := r.now().Add(-r.cfg.UndoWindow)
	for after := runs.ID(""); ; {
		list, err := r.store.PurgeableSets(ctx, cutoff, after, purgePage)
		if err != nil {
			return report, fmt.Errorf("retention: looking for sets to purge: %w", err)
		}
		for _, t := range list {
			after = t.ID
			set, err := r.store.GetSet(ctx, t.TenantID, t.ID)
			// Undeleted since it was listed, and perhaps deleted anew: its window starts again.
			if err == nil && (!set.Deleted() || !set.DeletedAt.Before(cutoff)) {
				continue
			}
			if err == nil {
				err = r.purgeSet(ctx, t.TenantID, runs.SystemActor, t.ID, &report)
			}
			switch {
			case ctx.Err() != nil:
				return report, context.Cause(ctx)
			case err == nil, errors.Is(err, runs.ErrNotFound): // another purge was faster
			case errors.Is(err, runs.ErrConflict): // undeleted, or in use again
				r.log.InfoContext(ctx, "a set is not purged now", "set_id", t.ID, redact.Err(err))
			default:
				report.Failed++
				if firstErr == nil {
					firstErr = fmt.Errorf("retention: purging set %s: %w", t.ID, err)
				}
			}
		}
		if len(list) < purgePage {
			return report, firstErr
		}
	}
}

// PurgeSet removes one soft-deleted set for good, on behalf of a person and without waiting
// for the undo window to end. A set that is not deleted is the conflict "set_not_deleted".
// When ctx ends on the way the set stays deleted and partly removed; calling again, or the
// next purge, goes on.
func (r *Retention) PurgeSet(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (PurgeReport, error) {
	var report PurgeReport
	if err := r.guard.Allow(ctx, tenant, actor, runs.ActionSetPurge, setTarget(id)); err != nil {
		return report, err
	}
	if !id.Valid() {
		return report, runs.ErrNotFound
	}
	set, err := r.store.GetSet(ctx, tenant, id)
	if err != nil {
		return report, err
	}
	if !set.Deleted() {
		return report, runs.Conflict("set_not_deleted", "only a deleted set can be purged; delete it first")
	}
	err = r.purgeSet(ctx, tenant, actor, id, &report)
	return report, err
}

var errNoProgress = errors.New("the store removes nothing and does not end")

// purgeSet removes one set batch by batch.
func (r *Retention) purgeSet(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID, report *PurgeReport) error {
	var sum PurgeReport // of this set; less than all of it when an earlier purge was stopped
	trail := func(set backupset.BackupSet, last backupset.PurgeResult) runs.Trail {
		all := sum
		all.add(last)
		return r.setTrail(tenant, actor, r.now(), "backup_set.purged", set, map[string]string{
			"set_items": strconv.Itoa(set.ItemsCount), "items": strconv.Itoa(all.Items), "versions": strconv.Itoa(all.Versions),
			"payloads": strconv.Itoa(all.Payloads), "bytes": strconv.FormatInt(all.Bytes, 10),
			"deleted_reason": set.DeletedReason,
		})
	}
	for idle := 0; ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		res, err := r.store.PurgeSet(ctx, tenant, id, r.cfg.PurgeBatch, trail)
		if err != nil {
			return err
		}
		sum.add(res)
		report.add(res)
		if res.Done {
			return nil
		}
		if idle++; res.Items > 0 || res.Previews > 0 {
			idle = 0
		}
		if idle > 2 { // the first step may only mark the set
			return errNoProgress
		}
	}
}
