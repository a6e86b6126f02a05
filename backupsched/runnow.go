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
	sch, err := s.toRun(ctx, tenant, actor, id)
	if err != nil {
		return runs.Run{}, false, err
	}
	return s.starter.Start(ctx, tenant, actor, sch.runNow())
}

// toRun returns a schedule that the actor may run.
func (s *Scheduler) toRun(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (Schedule, error) {
	// Allowed before the look-up, so that a refusal does not tell whether the id exists.
	if err := s.guard.Allow(ctx, tenant, actor, runs.StartAction(runs.KindBackup), target(id)); err != nil {
		return Schedule{}, err
	}
	return s.live(ctx, tenant, id)
}

// runNow asks for a backup of the schedule at once.
func (s Schedule) runNow() runs.Request {
	return runs.Request{
		Kind: runs.KindBackup, Key: "manual:" + string(s.ID), Target: target(s.ID),
		ScheduleID: s.ID, Params: s.backupParams().JSON(),
	}
}

// Retry retries the latest run of a schedule; see [runs.Starter.Retry]. A schedule that
// never ran is ErrConflict "nothing_to_retry".
func (s *Scheduler) Retry(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (run runs.Run, reused bool, err error) {
	last, done, err := s.toRetry(ctx, tenant, actor, id)
	if err != nil || done {
		return last, done, err
	}
	return s.starter.Retry(ctx, tenant, actor, last.ID)
}

// toRetry returns the latest run of a schedule; retried tells that it is a retry at work.
func (s *Scheduler) toRetry(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (last runs.Run, retried bool, err error) {
	if _, err := s.toRun(ctx, tenant, actor, id); err != nil {
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
	last = latest.Items[0]
	return last, last.Status.Active() && last.Trigger == runs.TriggerRetry, nil
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
const MaxBulk = runs.MaxBatch

// BulkResult is the outcome for one id.
type BulkResult struct {
	ID    runs.ID
	OK    bool
	Code  string  // why not: "not_found", "deleted", "forbidden", "conflict" or a code of its own
	RunID runs.ID // of run now and retry

	// Reused tells that RunID was under way already, so that no new run was started.
	Reused bool

	// BatchID is that of all runs which the call started, this one among them or alone. It is
	// empty for a run that is reused, and when no other was asked for; see [runs.Starter.StartBatch].
	BatchID runs.ID

	Err error // the whole error, nil when OK
}

// Bulk does one action to several schedules, each authorised by itself, and returns one result
// per id in the order of the ids. The runs that it starts are one batch: the actor gets one
// notification about all of them, see [runs.Starter.StartBatch]. The error is for a request that
// is wrong as a whole, runs that could not be stored, and a context that has ended; the results
// are those of the ids that it was done to before.
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
	done, err := do(ctx, tenant, actor, ids, results)
	for i, id := range ids[:done] {
		r := &results[i]
		r.ID, r.OK, r.Code = id, r.Err == nil, bulkCode(r.Err)
	}
	return results[:done], err
}

// bulkFunc does an action to the schedules and fills in RunID, BatchID, Reused and Err of the
// results. An error ends it; done is how many it was done to before.
type bulkFunc func(ctx context.Context, tenant graph.TenantID, actor runs.Actor, ids []runs.ID, results []BulkResult) (done int, err error)

func (s *Scheduler) bulk(action BulkAction) (bulkFunc, error) {
	switch action {
	case BulkRunNow:
		return s.startEach(func(ctx context.Context, t graph.TenantID, a runs.Actor, id runs.ID) (start runs.BatchStart, stands runs.ID, err error) {
			sch, err := s.toRun(ctx, t, a, id)
			return runs.BatchStart{Request: sch.runNow()}, "", err
		}), nil
	case BulkRetry:
		return s.startEach(func(ctx context.Context, t graph.TenantID, a runs.Actor, id runs.ID) (start runs.BatchStart, stands runs.ID, err error) {
			last, retried, err := s.toRetry(ctx, t, a, id)
			if retried {
				stands = last.ID
			}
			return runs.BatchStart{RetryOf: last.ID}, stands, err
		}), nil
	case BulkEnable, BulkDisable:
		return changeEach(func(ctx context.Context, t graph.TenantID, a runs.Actor, id runs.ID) error {
			_, err := s.toggle(ctx, t, a, id, action == BulkEnable)
			return err
		}), nil
	case BulkDelete:
		return changeEach(func(ctx context.Context, t graph.TenantID, a runs.Actor, id runs.ID) error {
			return s.Delete(ctx, t, a, id, "")
		}), nil
	}
	return nil, runs.Invalid("action", "action_unknown", "must be run_now, retry, enable, disable or delete")
}

// changeEach changes one schedule after the other.
func changeEach(change func(ctx context.Context, t graph.TenantID, a runs.Actor, id runs.ID) error) bulkFunc {
	return func(ctx context.Context, t graph.TenantID, a runs.Actor, ids []runs.ID, results []BulkResult) (int, error) {
		for i, id := range ids {
			results[i].Err = change(ctx, t, a, id)
			if ctx.Err() != nil && results[i].Err != nil {
				return i, ctx.Err()
			}
		}
		return len(ids), nil
	}
}

// startEach starts a run for each schedule, all as one batch, so that the actor is told about
// them once. ask returns what is to be started, or the run that stands for it already.
func (s *Scheduler) startEach(ask func(ctx context.Context, t graph.TenantID, a runs.Actor, id runs.ID) (start runs.BatchStart, stands runs.ID, err error)) bulkFunc {
	return func(ctx context.Context, t graph.TenantID, a runs.Actor, ids []runs.ID, results []BulkResult) (int, error) {
		var batch []runs.BatchStart
		var places []int // of batch in results
		for i, id := range ids {
			start, stands, err := ask(ctx, t, a, id)
			switch {
			case ctx.Err() != nil:
				return 0, ctx.Err()
			case err != nil, stands != "":
				results[i] = BulkResult{RunID: stands, Reused: stands != "", Err: err}
			default:
				batch, places = append(batch, start), append(places, i)
			}
		}
		if len(batch) == 0 {
			return len(ids), nil
		}
		started, err := s.starter.StartBatch(ctx, t, a, batch)
		if err != nil {
			return 0, err
		}
		for i, one := range started {
			r := BulkResult{RunID: one.Run.ID, Reused: one.Reused, Err: one.Err}
			if !one.Reused {
				r.BatchID = one.Run.BatchID
			}
			results[places[i]] = r
		}
		return len(ids), nil
	}
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
