package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
)

// RetentionPlan is what a change of a schedule would do to its backup sets.
type RetentionPlan struct {
	ScheduleID        string       `json:"schedule_id" format:"uuid"`
	RetentionKeepLast int          `json:"retention_keep_last"`
	Delete            bool         `json:"delete" doc:"The plan of deleting the schedule"`
	Kept              int          `json:"kept"`
	Dropped           int          `json:"dropped"`
	Paused            *string      `json:"paused" doc:"Why retention would not do it by itself: more_than_half or set_shrunk"`
	ConfirmPlan       *string      `json:"confirm_plan" doc:"Stands for exactly this plan; send it with the change. null when nothing would go"`
	Sets              []PlannedSet `json:"sets" doc:"Oldest first"`
}

// PlannedSet is a backup set and what would become of it.
type PlannedSet struct {
	ID           string     `json:"id" format:"uuid"`
	Name         string     `json:"name"`
	Status       string     `json:"status" enum:"building,complete,partial"`
	ScheduledFor *time.Time `json:"scheduled_for" doc:"What the sets are ordered by"`
	ItemsCount   int        `json:"items_count"`
	Keep         bool       `json:"keep"`
	Reason       string     `json:"reason"`
}

type planBody struct {
	RetentionKeepLast *int  `json:"retention_keep_last,omitempty" minimum:"1" maximum:"10000" doc:"Defaults to the schedule's own"`
	Delete            *bool `json:"delete,omitempty" default:"false" doc:"Plan the deletion of the schedule instead"`
}

type confirmBody struct {
	ConfirmPlan string `json:"confirm_plan" doc:"confirm_plan of the schedule's present retention plan"`
}

func showPlan(p retention.GroupPlan) RetentionPlan {
	return RetentionPlan{
		ScheduleID: string(p.ScheduleID), RetentionKeepLast: p.KeepLast, Delete: p.Deleting, Kept: p.Kept, Dropped: p.Dropped,
		Paused: text(p.Paused), ConfirmPlan: text(p.Token),
		Sets: each(p.Sets, func(s retention.PlannedSet) PlannedSet {
			return PlannedSet{
				ID: string(s.Set.ID), Name: s.Set.Name, Status: string(s.Set.Status), ScheduledFor: instant(s.Set.ScheduledFor),
				ItemsCount: s.Set.ItemsCount, Keep: s.Keep, Reason: s.Reason,
			}
		}),
	}
}

func (a *API) retentionPlans() {
	add(a, route{
		id: "plan-retention", method: http.MethodPost, path: "schedules/{id}/retention-plan", optional: true,
		summary: "What a change of a schedule would do to its backup sets; changes nothing", action: runs.ActionLook, target: "schedule",
	}, func(ctx context.Context, c *call, _ *nothing, b *planBody) (RetentionPlan, error) {
		want := retention.Proposal{KeepLast: given(b.RetentionKeepLast, 0), Delete: given(b.Delete, false)}
		if b.RetentionKeepLast != nil && want.KeepLast < 1 {
			return RetentionPlan{}, runs.Invalid("retention_keep_last", "retention_keep_last_range", "must be at least 1")
		}
		plan, err := a.cfg.Retention.Preview(ctx, c.tenant, c.actor, c.id, want)
		return showPlan(plan), err
	})
	add(a, route{
		id: "confirm-retention", method: http.MethodPost, path: "schedules/{id}/retention-plan/confirm", status: http.StatusAccepted,
		also: http.StatusOK, summary: "Apply the present plan of a schedule whose retention is paused",
		notes:  "Retention that would drop more than half of a schedule's sets waits for this. " + startNotes,
		action: runs.ActionRetentionConfirm, target: "schedule",
	}, func(ctx context.Context, c *call, _ *nothing, b *confirmBody) (Run, error) {
		run, reused, err := a.cfg.Retention.Apply(ctx, c.tenant, c.actor, c.id, b.ConfirmPlan)
		return a.started(c, run, reused), err
	})
}
