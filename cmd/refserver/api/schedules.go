package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
)

// defaultPreview is how many slots a preview shows when it is not told.
const defaultPreview = 5

type scheduleQuery struct {
	Paging
	Search  string    `query:"search" doc:"Part of the name"`
	Enabled flagParam `query:"enabled"`
	Status  string    `query:"status" enum:"queued,running,success,partial,failed,canceled,skipped" doc:"Status of the last run"`
	Sort    string    `query:"sort" enum:"name,-name,next_run_at,-next_run_at,last_run_at,-last_run_at" default:"name" doc:"The order; a minus reverses it. Schedules without a next run come after all others, schedules that never ran before all others."`
}

type confirmQuery struct {
	ConfirmPlan string `query:"confirm_plan" doc:"confirm_plan of a retention plan, where one asks for it"`
}

// BulkResults is what became of each id of a bulk call, in its order.
type BulkResults struct {
	Results []BulkResult `json:"results"`
}

// BulkResult is what became of one id.
type BulkResult struct {
	ID    string  `json:"id" format:"uuid"`
	OK    bool    `json:"ok"`
	Code  *string `json:"code" doc:"Why not: forbidden, deleted, a conflict's code; null when ok"`
	RunID *string `json:"run_id" doc:"The run of run_now and retry"`
}

type bulkBody struct {
	Action string   `json:"action" enum:"run_now,retry,enable,disable,delete"`
	IDs    []string `json:"ids" minItems:"1" maxItems:"200" uniqueItems:"true" format:"uuid"`
}

func (a *API) schedules() {
	sched := a.cfg.Scheduler
	add(a, route{
		id: "list-schedules", method: http.MethodGet, path: "schedules", summary: "Schedules", action: runs.ActionLook, target: "schedules",
	}, func(ctx context.Context, c *call, q *scheduleQuery, _ *nothing) (List[Schedule], error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		filter := backupsched.Filter{Search: q.Search, Enabled: q.Enabled.value(&bad, "enabled")}
		for _, s := range oneOf(&bad, "status", []string{q.Status}, runs.Statuses()...) {
			filter.Status = s
		}
		for _, s := range oneOf(&bad, "sort", []string{q.Sort}, backupsched.Sorts()...) {
			filter.Sort = s
		}
		if err := bad.Err(); err != nil {
			return List[Schedule]{}, err
		}
		list, err := sched.List(ctx, c.tenant, c.actor, filter, page)
		return listOf(list, showSchedule), err
	})
	add(a, route{
		id: "create-schedule", method: http.MethodPost, path: "schedules", summary: "Create a schedule", status: http.StatusCreated,
		action: runs.ActionScheduleCreate, target: "schedule",
	}, func(ctx context.Context, c *call, _ *nothing, b *scheduleBody) (SavedSchedule, error) {
		s, warnings, err := sched.Create(ctx, c.tenant, c.actor, b.draft())
		if err != nil {
			return SavedSchedule{}, err
		}
		c.header.Set("Location", a.cfg.Prefix+"/tenants/"+pathSegment(c.tenant)+"/schedules/"+string(s.ID))
		return SavedSchedule{showSchedule(s), each(warnings, showWarning)}, nil
	})
	add(a, route{
		id: "preview-schedule", method: http.MethodPost, path: "schedules/preview", summary: "When a schedule would be due",
		action: runs.ActionLook, target: "schedule",
	}, func(ctx context.Context, c *call, _ *nothing, b *schedulePreviewBody) (SchedulePreview, error) {
		p, err := sched.Preview(ctx, c.tenant, c.actor, b.draft(), given(b.Count, defaultPreview))
		return SchedulePreview{Slots: each(p.Slots, utc), Warnings: each(p.Warnings, showWarning)}, err
	})
	add(a, route{
		id: "bulk-schedules", method: http.MethodPost, path: "schedules/bulk", summary: "One action on many schedules",
		notes:  "Each id is authorised and done by itself; there is one result per id, in their order.",
		action: runs.ActionLook, target: "schedules",
	}, a.bulkSchedules)
	add(a, route{
		id: "get-schedule", method: http.MethodGet, path: "schedules/{id}", summary: "One schedule", action: runs.ActionLook, target: "schedule",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (Schedule, error) {
		s, err := sched.Get(ctx, c.tenant, c.actor, c.id)
		return showSchedule(s), err
	})
	add(a, route{
		id: "update-schedule", method: http.MethodPatch, path: "schedules/{id}", summary: "Change some fields of a schedule",
		action: runs.ActionScheduleUpdate, target: "schedule",
	}, func(ctx context.Context, c *call, _ *nothing, b *schedulePatchBody) (SavedSchedule, error) {
		patch, err := b.patch()
		if err != nil {
			return SavedSchedule{}, err
		}
		s, warnings, err := sched.Update(ctx, c.tenant, c.actor, c.id, patch)
		return SavedSchedule{showSchedule(s), each(warnings, showWarning)}, err
	})
	add(a, route{
		id: "delete-schedule", method: http.MethodDelete, path: "schedules/{id}", summary: "Delete a schedule; its runs and backup sets stay",
		status: http.StatusNoContent, action: runs.ActionScheduleDelete, target: "schedule",
	}, func(ctx context.Context, c *call, q *confirmQuery, _ *nothing) (nothing, error) {
		return nothing{}, sched.Delete(ctx, c.tenant, c.actor, c.id, q.ConfirmPlan)
	})
	add(a, route{
		id: "run-schedule", method: http.MethodPost, path: "schedules/{id}/run", summary: "Start a backup now", status: http.StatusAccepted,
		also: http.StatusOK, notes: startNotes, action: runs.StartAction(runs.KindBackup), target: "schedule",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (Run, error) {
		run, reused, err := sched.RunNow(ctx, c.tenant, c.actor, c.id)
		return a.started(c, run, reused), err
	})
}

func (a *API) bulkSchedules(ctx context.Context, c *call, _ *nothing, b *bulkBody) (BulkResults, error) {
	var bad runs.InvalidError
	ids := make([]runs.ID, len(b.IDs))
	for i, id := range b.IDs {
		if ids[i] = runs.ID(id); !ids[i].Valid() {
			bad.Add(index("ids", i), "id_invalid", "must be a UUID in lower case")
		}
	}
	if err := bad.Err(); err != nil && len(ids) <= backupsched.MaxBulk {
		return BulkResults{}, err
	}
	results, err := a.cfg.Scheduler.Bulk(ctx, c.tenant, c.actor, backupsched.BulkAction(b.Action), ids)
	if err != nil {
		return BulkResults{}, err
	}
	return BulkResults{Results: each(results, func(r backupsched.BulkResult) BulkResult {
		v := BulkResult{ID: string(r.ID), OK: r.OK, RunID: text(r.RunID)}
		if r.Err != nil {
			// As for a route of its own: what is not in the tenant is forbidden.
			p := a.problem(ctx, "bulk-schedules", r.Err)
			v.Code = &p.Code
			if len(p.Errors) > 0 {
				v.Code = &p.Errors[0].Code
			}
		}
		return v
	})}, nil
}

// inTenant checks the schedule that a filter names: one that is not in the tenant is
// refused as it would be in a path. The traces of a deleted one may still be looked at.
func (a *API) inTenant(ctx context.Context, c *call, schedule idParam) error {
	if schedule == "" {
		return nil
	}
	_, err := a.cfg.Scheduler.Get(ctx, c.tenant, c.actor, runs.ID(schedule))
	if errors.Is(err, runs.ErrDeleted) {
		return nil
	}
	return err
}
