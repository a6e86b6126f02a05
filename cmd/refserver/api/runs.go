package api

import (
	"context"
	"net/http"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

const startNotes = "202 with the run that was started, or 200 with the active one that does the same."

// kinds are those of this module, for filters.
var kinds = []runs.Kind{
	runs.KindBackup, runs.KindPolicySync, runs.KindSnapshot, runs.KindSetCreate, runs.KindSetAdd, runs.KindSetVerify, runs.KindSetImport,
	runs.KindDriftReport, runs.KindRestorePreview, runs.KindRestoreExecute, runs.KindRetentionApply,
}

type runQuery struct {
	Paging
	Kind       []string     `query:"kind,explode" enum:"backup,policy.sync,policy.capture_snapshot,backup_set.create,backup_set.add_policies,backup_set.verify,backup_set.import,drift.report,restore.preview,restore.execute,retention.apply"`
	Status     []string     `query:"status,explode" enum:"queued,running,success,partial,failed,canceled,skipped"`
	Trigger    []string     `query:"trigger,explode" enum:"schedule,manual,retry,system"`
	Except     []string     `query:"except_success_of,explode" enum:"backup,policy.sync,policy.capture_snapshot,backup_set.create,backup_set.add_policies,backup_set.verify,backup_set.import,drift.report,restore.preview,restore.execute,retention.apply" doc:"Leaves out the runs of these kinds that succeeded: with retention.apply, the one that follows each backup"`
	ScheduleID idParam      `query:"schedule_id" doc:"A schedule of the tenant, deleted or not; any other is 403"`
	BatchID    idParam      `query:"batch_id" doc:"The batch_id of a run or notification: the runs that one bulk call started; any other id is 403"`
	From       instantParam `query:"from" doc:"Created at or after"`
	To         instantParam `query:"to" doc:"Created before"`
}

type runItemQuery struct {
	Paging
	Status     []string `query:"status,explode" enum:"success,failed,skipped"`
	PolicyType string   `query:"policy_type"`
}

// started answers with a run that was started or found active.
func (a *API) started(c *call, run runs.Run, reused bool) Run {
	if reused {
		c.status = http.StatusOK
	}
	return a.showRun(run)
}

func (a *API) runs() {
	starter := a.cfg.Starter
	add(a, route{
		id: "list-runs", method: http.MethodGet, path: "runs", summary: "Runs, newest first", action: runs.ActionLook, target: "runs",
	}, a.listRuns)
	add(a, route{
		id: "list-active-runs", method: http.MethodGet, path: "runs/active", summary: "Runs that are queued or running, newest first",
		action: runs.ActionLook, target: "runs",
	}, func(ctx context.Context, c *call, q *Paging, _ *nothing) (List[Run], error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		if err := bad.Err(); err != nil {
			return List[Run]{}, err
		}
		filter := runs.RunFilter{Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}}
		list, err := starter.List(ctx, c.tenant, c.actor, filter, page)
		return listOf(list, a.showRun), err
	})
	add(a, route{
		id: "get-run", method: http.MethodGet, path: "runs/{id}", summary: "One run", action: runs.ActionLook, target: "run",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (Run, error) {
		run, err := starter.Get(ctx, c.tenant, c.actor, c.id)
		return a.showRun(run), err
	})
	add(a, route{
		id: "list-run-items", method: http.MethodGet, path: "runs/{id}/items", summary: "What became of each policy within a run",
		action: runs.ActionLook, target: "run",
	}, func(ctx context.Context, c *call, q *runItemQuery, _ *nothing) (List[RunItem], error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		filter := runs.ItemFilter{
			Statuses:   oneOf(&bad, "status", q.Status, runs.ItemSuccess, runs.ItemFailed, runs.ItemSkipped),
			PolicyType: graph.PolicyType(q.PolicyType),
		}
		if err := bad.Err(); err != nil {
			return List[RunItem]{}, err
		}
		list, err := starter.Items(ctx, c.tenant, c.actor, c.id, filter, page)
		return listOf(list, showRunItem), err
	})
	add(a, route{
		id: "retry-run", method: http.MethodPost, path: "runs/{id}/retry", summary: "Start a new run in place of one that did not succeed",
		status: http.StatusAccepted, also: http.StatusOK,
		notes: "Needs the permission to start a run of that kind. " + startNotes,
		// Which kind is not known yet; whoever may start anything may start a backup.
		action: runs.StartAction(runs.KindBackup), target: "run",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (Run, error) {
		run, reused, err := starter.Retry(ctx, c.tenant, c.actor, c.id)
		return a.started(c, run, reused), err
	})
	add(a, route{
		id: "cancel-run", method: http.MethodPost, path: "runs/{id}/cancel", summary: "Cancel a run",
		notes:  "A queued run ends at once, a running one at its next policy. Other people's runs need a stronger role than one's own.",
		action: runs.ActionCancelOwn, target: "run",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (Run, error) {
		run, err := starter.Cancel(ctx, c.tenant, c.actor, c.id)
		return a.showRun(run), err
	})
}

func (a *API) listRuns(ctx context.Context, c *call, q *runQuery, _ *nothing) (List[Run], error) {
	var bad runs.InvalidError
	page := q.request(&bad)
	filter := runs.RunFilter{
		Kinds:      oneOf(&bad, "kind", q.Kind, kinds...),
		Statuses:   oneOf(&bad, "status", q.Status, runs.Statuses()...),
		Triggers:   oneOf(&bad, "trigger", q.Trigger, runs.TriggerSchedule, runs.TriggerManual, runs.TriggerRetry, runs.TriggerSystem),
		ScheduleID: runs.ID(q.ScheduleID), BatchID: runs.ID(q.BatchID), ExceptSuccessOf: oneOf(&bad, "except_success_of", q.Except, kinds...),
	}
	filter.From, filter.To = between(&bad, q.From, q.To)
	if err := bad.Err(); err != nil {
		return List[Run]{}, err
	}
	if err := a.inTenant(ctx, c, q.ScheduleID); err != nil {
		return List[Run]{}, err
	}
	if q.BatchID != "" { // refused like a schedule, unless the tenant has such runs
		some, err := a.cfg.Starter.List(ctx, c.tenant, c.actor, runs.RunFilter{BatchID: filter.BatchID}, runs.PageRequest{Limit: 1})
		if err == nil && len(some.Items) == 0 {
			err = runs.ErrNotFound
		}
		if err != nil {
			return List[Run]{}, err
		}
	}
	list, err := a.cfg.Starter.List(ctx, c.tenant, c.actor, filter, page)
	return listOf(list, a.showRun), err
}
