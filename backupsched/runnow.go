package backupsched

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// backupParams snapshots what a schedule asks for.
func (s Schedule) backupParams() runs.BackupParams {
	return runs.BackupParams{Name: s.Name, PolicyTypes: s.PolicyTypes, IncludeFoundations: s.IncludeFoundations}
}

// RunNow starts a backup of a schedule, also of a disabled one. Asked again while that run
// is active it returns it with reused true.
func (s *Scheduler) RunNow(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (run runs.Run, reused bool, err error) {
	// Allowed before the look-up, so that a refusal does not tell whether the id exists.
	if err := s.guard.Allow(ctx, tenant, actor, runs.StartAction(runs.KindBackup), target(id)); err != nil {
		return runs.Run{}, false, err
	}
	sch, err := s.live(ctx, tenant, id)
	if err != nil {
		return runs.Run{}, false, err
	}
	return s.starter.Start(ctx, tenant, actor, runs.Request{
		Kind: runs.KindBackup, Key: "manual:" + string(id), Target: target(id),
		ScheduleID: id, Params: sch.backupParams().JSON(),
	})
}

// Retry retries the latest run of a schedule; see [runs.Starter.Retry]. A schedule that
// never ran is ErrConflict "nothing_to_retry".
func (s *Scheduler) Retry(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (run runs.Run, reused bool, err error) {
	if err := s.guard.Allow(ctx, tenant, actor, runs.StartAction(runs.KindBackup), target(id)); err != nil {
		return runs.Run{}, false, err
	}
	if _, err := s.live(ctx, tenant, id); err != nil {
		return runs.Run{}, false, err
	}
	filter := runs.RunFilter{ScheduleID: id, Kinds: []runs.Kind{runs.KindBackup}}
	latest, err := s.starter.List(ctx, tenant, actor, filter, runs.PageRequest{Limit: 1})
	if err != nil {
		return runs.Run{}, false, err
	}
	if len(latest.Items) == 0 {
		return runs.Run{}, false, runs.Conflict("nothing_to_retry", "the schedule has not run yet; run it now instead")
	}
	if last := latest.Items[0]; last.Status.Active() && last.Trigger == runs.TriggerRetry {
		return last, true, nil
	}
	return s.starter.Retry(ctx, tenant, actor, latest.Items[0].ID)
}

// BulkAction is what a bulk call does to each schedule.
type BulkAction string

// The bulk actions.
const (
	BulkRunNow  BulkAction = "run_now"
	BulkRetry   BulkAction = "retry"
	BulkEnable  BulkAction = "enable"
	BulkDisable BulkAction = "disable"
	BulkDelete  BulkAction = "delete"
)

// MaxBulk is the most ids of one bulk call.
const MaxBulk = 200

// BulkResult is the outcome for one id.
type BulkResult struct {
	ID    runs.ID
	OK    bool
	Code  string  // why not: "not_found", "deleted", "forbidden", "conflict" or a code of its own
	RunID runs.ID // of run now and retry
	Err   error   // the whole error, nil when OK
}

// Bulk does one action to several schedules, each authorised and done by itself, and
// returns one result per id in the order of the ids. The error is for a request that is
// wrong as a whole; then nothing was done.
func (s *Scheduler) Bulk(ctx context.Context, tenant graph.TenantID, actor runs.Actor, action BulkAction, ids []runs.ID) ([]BulkResult, error) {
	do, err := s.bulk(action)
	if err != nil {
		return nil, err
	}
	if len(ids) < 1 || len(ids) > MaxBulk {
		return nil, runs.Invalid("ids", "ids_count", fmt.Sprintf("needs between 1 and %d ids", MaxBulk))
	}
	seen := make(map[runs.ID]bool, len(ids))
	var bad runs.InvalidError
	for i, id := range ids {
		if seen[id] {
			bad.Add(fmt.Sprintf("ids[%d]", i), "ids_duplicate", "is named twice")
		}
		seen[id] = true
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	results := make([]BulkResult, len(ids))
	for i, id := range ids {
		run, err := do(ctx, tenant, actor, id)
		results[i] = BulkResult{ID: id, OK: err == nil, Code: bulkCode(err), RunID: run, Err: err}
		if ctx.Err() != nil && err != nil {
			return results[:i], ctx.Err()
		}
	}
	return results, nil
}

type bulkFunc func(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (runs.ID, error)

func (s *Scheduler) bulk(action BulkAction) (bulkFunc, error) {
	switch action {
	case BulkRunNow:
		return func(ctx context.Context, t graph.TenantID, a runs.Actor, id runs.ID) (runs.ID, error) {
			run, _, err := s.RunNow(ctx, t, a, id)
			return run.ID, err
		}, nil
	case BulkRetry:
		return func(ctx context.Context, t graph.TenantID, a runs.Actor, id runs.ID) (runs.ID, error) {
			run, _, err := s.Retry(ctx, t, a, id)
			return run.ID, err
		}, nil
	case BulkEnable, BulkDisable:
		return func(ctx context.Context, t graph.TenantID, a runs.Actor, id runs.ID) (runs.ID, error) {
			_, err := s.toggle(ctx, t, a, id, action == BulkEnable)
			return "", err
		}, nil
	case BulkDelete:
		return func(ctx context.Context, t graph.TenantID, a runs.Actor, id runs.ID) (runs.ID, error) {
			return "", s.Delete(ctx, t, a, id, "")
		}, nil
	}
	return nil, runs.Invalid("action", "action_unknown", "must be run_now, retry, enable, disable or delete")
}

func bulkCode(err error) string {
	var conflict *runs.ConflictError
	var invalid *runs.InvalidError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &conflict):
		return conflict.Code
	case errors.As(err, &invalid):
		return invalid.Fields[0].Code
	case errors.Is(err, runs.ErrNotFound):
		return "not_found"
	case errors.Is(err, runs.ErrDeleted):
		return "deleted"
	case errors.Is(err, runs.ErrForbidden):
		return "forbidden"
	case errors.Is(err, runs.ErrConflict):
		return "conflict"
	case errors.Is(err, runs.ErrBusy):
		return "busy"
	}
	return "internal"
}
