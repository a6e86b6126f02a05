package retention

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// ConfirmPlan is asked before a schedule's KeepLast is lowered or the schedule deleted. It
// returns nil when no set would go, or when token is that of the plan as it is at this
// moment. Else it is a [runs.ConflictError]: "confirm_plan_required" without a token,
// "confirm_plan_stale" with one of a plan that has changed since. It authorises nobody:
// that is done by whoever changes the schedule.
//
// A paused group is planned as if it were not, so a change that is saved meanwhile takes
// no set that nobody was asked about.
func (r *Retention) ConfirmPlan(ctx context.Context, tenant graph.TenantID, schedule runs.ID, keepLast int, deleted bool, token string) error {
	if keepLast < 1 && !deleted {
		return keepLastError()
	}
	plan, err := r.present(ctx, tenant, schedule, Proposal{KeepLast: keepLast, Delete: deleted})
	if err != nil {
		return err
	}
	return plan.confirm(token)
}

func (p *GroupPlan) confirm(token string) error {
	switch {
	case !p.NeedsConfirmation || token == p.Token:
		return nil
	case token == "":
		return runs.Conflict("confirm_plan_required", fmt.Sprintf(
			"%d backup sets would be deleted; look at the retention plan and send its token as confirm_plan", p.Dropped))
	}
	return runs.Conflict("confirm_plan_stale", "the retention plan is another one by now; look at it again and send its new token")
}

// Apply starts a run that applies the schedule's present plan, as a person confirmed it
// with its token: also when it drops more than half of the group. It needs
// [runs.ActionRetentionConfirm] and the permission to start retention.apply. The run stops
// like an automatic one when by then any other set would go.
//
// Besides the errors of [Retention.ConfirmPlan] there are the conflicts "retention_paused"
// (the newest set shrunk: no token lifts that) and "retention_active" (a run that knows
// nothing of the confirmation is at work; confirm again when it has ended).
func (r *Retention) Apply(ctx context.Context, tenant graph.TenantID, actor runs.Actor, schedule runs.ID, token string) (run runs.Run, reused bool, err error) {
	if err := r.guard.Allow(ctx, tenant, actor, runs.ActionRetentionConfirm, scheduleTarget(schedule)); err != nil {
		return runs.Run{}, false, err
	}
	plan, err := r.present(ctx, tenant, schedule, Proposal{})
	if err != nil {
		return runs.Run{}, false, err
	}
	if plan.Paused == PausedShrunk {
		return runs.Run{}, false, runs.Conflict("retention_paused",
			"the newest backup set has less than half the items of the one before; retention goes on after a backup that did not shrink, or when the newest set is deleted")
	}
	if err := plan.confirm(token); err != nil {
		return runs.Run{}, false, err
	}
	run, reused, err = r.cfg.Starter.Start(ctx, tenant, actor, ApplyRequest(schedule, token))
	if err != nil {
		return runs.Run{}, false, err
	}
	if reused {
		params, err := parseParams(run.Params)
		if err != nil || params.ConfirmToken != token {
			return runs.Run{}, false, runs.Conflict("retention_active", "a retention run of this schedule is active; confirm again when it has ended")
		}
	}
	return run, reused, nil
}
