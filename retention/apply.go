package retention

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Params are the parameters of a retention.apply run.
type Params struct {
	ScheduleID   runs.ID `json:"schedule_id"`
	ConfirmToken string  `json:"confirm_token,omitempty"` // of the plan that a person confirmed
}

// ApplyRequest asks for a run that applies the retention of a schedule. While one is
// active, asking again gives that one.
func ApplyRequest(schedule runs.ID, confirmToken string) runs.Request {
	params, _ := json.Marshal(Params{ScheduleID: schedule, ConfirmToken: confirmToken}) // strings always marshal
	return runs.Request{
		Kind: runs.KindRetentionApply, Key: "retention:" + string(schedule),
		Target: scheduleTarget(schedule), Params: params,
	}
}

// parseParams refuses what it does not know: a misspelt key must not drop anything.
func parseParams(raw json.RawMessage) (Params, error) {
	var p Params
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return p, runs.Invalid("params", "params_invalid", "must be an object of schedule_id and confirm_token")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return p, runs.Invalid("params", "params_invalid", "must be one JSON object")
	}
	if !p.ScheduleID.Valid() {
		return p, runs.Invalid("params.schedule_id", "required", "must be the id of a schedule")
	}
	return p, nil
}

// Summary is what a retention.apply run did.
type Summary struct {
	KeepLast  int            `json:"keep_last"`
	Kept      int            `json:"kept"`
	Dropped   int            `json:"dropped"`
	Reasons   map[string]int `json:"reasons"` // sets by the reason of their decision
	Paused    Pause          `json:"paused,omitempty"`
	WouldDrop int            `json:"would_drop,omitempty"` // of a paused plan
	Warnings  []string       `json:"warnings,omitempty"`
}

// Kinds returns [runs.KindRetentionApply].
func (r *Retention) Kinds() []runs.Kind { return []runs.Kind{runs.KindRetentionApply} }

// Execute applies the retention of the run's schedule in one transaction: soft-deleting is
// one small update per set, what is heavy is purging. It may be repeated at any point; an
// apply after an apply changes nothing. A run that cannot know what to keep (parameters, a
// KeepLast below 1, no such schedule) fails and drops nothing.
func (r *Retention) Execute(ctx context.Context, a *runs.Attempt) error {
	if err := a.Check(ctx); err != nil {
		return err
	}
	params, err := parseParams(a.Run().Params)
	if err != nil {
		return fail(a, err.Error())
	}
	s, err := r.store.GetSchedule(ctx, a.Tenant(), params.ScheduleID)
	switch {
	case errors.Is(err, runs.ErrNotFound):
		return fail(a, "the schedule is not in this tenant; nothing was dropped")
	case err != nil:
		return fmt.Errorf("retention: reading the schedule: %w", err)
	case s.RetentionKeepLast < 1 && !s.Deleted():
		return fail(a, keepLastError().Error()+"; nothing was dropped")
	}
	plan, err := r.apply(ctx, a, s, params.ConfirmToken)
	if err != nil {
		return err
	}
	r.finish(ctx, a, plan)
	return nil
}

func fail(a *runs.Attempt, message string) error {
	a.Finish(runs.Result{Status: runs.StatusFailed, Code: runs.CodeInternal, Message: message})
	return nil
}

var errNothingToDrop = errors.New("retention: nothing to drop")

// apply plans, and unless that stops it, plans again with the group locked and drops what
// both plans drop. It returns the plan that counts; Paused is empty when it was applied.
func (r *Retention) apply(ctx context.Context, a *runs.Attempt, s backupsched.Schedule, token string) (GroupPlan, error) {
	tenant, schedule, keepLast, deleted := a.Tenant(), s.ID, s.RetentionKeepLast, s.Deleted()
	sets, err := r.store.ListGroup(ctx, tenant, schedule)
	if err != nil {
		return GroupPlan{}, fmt.Errorf("retention: listing the sets of a schedule: %w", err)
	}
	plan := r.planGroup(tenant, schedule, keepLast, deleted, sets, r.now(), nil)
	confirmed := token == plan.Token // of this very plan; a token of another one says nothing
	if plan.Paused == PausedHalf && confirmed {
		plan.Paused = NotPaused
	}
	if plan.Paused != NotPaused || plan.Dropped == 0 {
		return plan, nil
	}
	planned := map[runs.ID]bool{}
	for _, id := range plan.drops() {
		planned[id] = true
	}
	_, err = r.store.ChangeGroup(ctx, tenant, schedule, func(at time.Time, sets []backupset.BackupSet) (backupset.GroupChange, error) {
		plan = r.planGroup(tenant, schedule, keepLast, deleted, sets, at, planned)
		if plan.Paused == PausedHalf && confirmed {
			plan.Paused = NotPaused // it drops no more than what was confirmed
		}
		if plan.Paused != NotPaused || plan.Dropped == 0 {
			return backupset.GroupChange{}, errNothingToDrop
		}
		return r.groupChange(tenant, a.Run(), at, s.Name, &plan), nil
	})
	if err != nil && !errors.Is(err, errNothingToDrop) {
		return GroupPlan{}, fmt.Errorf("retention: dropping sets: %w", err)
	}
	return plan, nil
}

// groupChange is what the store writes for a plan: the drops, a line for the run and one
// for each set.
func (r *Retention) groupChange(tenant graph.TenantID, run runs.Run, at time.Time, name string, plan *GroupPlan) backupset.GroupChange {
	c := backupset.GroupChange{Drop: plan.drops(), Reason: make(map[runs.ID]string, plan.Dropped)}
	details := map[string]string{"name": name, "keep_last": strconv.Itoa(plan.KeepLast), "kept": strconv.Itoa(plan.Kept), "dropped": strconv.Itoa(plan.Dropped)}
	for reason, n := range plan.reasons() {
		details["reason."+reason] = strconv.Itoa(n)
	}
	add := func(action string, target runs.Target, details map[string]string) {
		e := r.guard.Entry(tenant, run.Actor, action, target, "ok", details)
		e.At, e.RunID = at, run.ID
		c.Trail.Audit = append(c.Trail.Audit, e)
	}
	add("retention.applied", scheduleTarget(plan.ScheduleID), details)
	for _, s := range plan.Sets {
		if !s.Keep {
			c.Reason[s.Set.ID] = s.Reason
			add("backup_set.deleted", setTarget(s.Set.ID), map[string]string{"set_name": s.Set.Name, "reason": s.Reason})
		}
	}
	return c
}

// reasons counts the sets by what becomes of them now, so a paused plan drops none.
func (p *GroupPlan) reasons() map[string]int {
	counts := map[string]int{}
	for _, s := range p.Sets {
		reason := s.Reason
		switch {
		case p.Paused == PausedShrunk && s.counted:
			reason = ReasonShrunk
		case p.Paused == PausedHalf && !s.Keep:
			reason = ReasonHalf
		}
		counts[reason]++
	}
	return counts
}

// finish ends the run with what became of the plan.
func (r *Retention) finish(ctx context.Context, a *runs.Attempt, plan GroupPlan) {
	sum := Summary{KeepLast: plan.KeepLast, Kept: plan.Kept, Dropped: plan.Dropped, Reasons: plan.reasons()}
	if sum.Reasons[ReasonNoComplete] > 0 {
		sum.Warnings = append(sum.Warnings, "the schedule has no complete backup set; only its newest partial ones are kept")
	}
	if plan.Paused == NotPaused {
		r.announce(plan.ScheduleID, "")
		a.Finish(runs.Result{Status: runs.StatusSuccess, Summary: sum})
		return
	}
	var message string
	if plan.Paused == PausedShrunk {
		message = "the newest backup set has less than half the items of the one before; nothing is dropped until a backup does not shrink again"
	} else {
		message = fmt.Sprintf("would drop %d of %d %s backup sets; look at the retention plan and confirm it", plan.countedDropped, plan.counted, plan.class)
	}
	sum.Paused, sum.WouldDrop = plan.Paused, plan.Dropped
	sum.Kept, sum.Dropped = plan.Kept+plan.Dropped, 0
	sum.Warnings = append(sum.Warnings, message)
	r.announce(plan.ScheduleID, plan.Token)
	r.log.WarnContext(ctx, "retention is paused", "schedule_id", plan.ScheduleID, "paused", plan.Paused,
		"would_drop", plan.Dropped, "reasons", slices.Sorted(maps.Keys(sum.Reasons)))
	a.Finish(runs.Result{Status: runs.StatusSkipped, Code: runs.CodeRetentionPaused, Message: message, Summary: sum})
}

// AfterRun starts a retention.apply run for a backup of a schedule that made a set; other
// runs it lets pass. It fits AfterRun of [runs.Config]. Its failure never changes the run,
// and the next sweep makes it good.
func (r *Retention) AfterRun(ctx context.Context, run runs.Run) error {
	made := run.Status == runs.StatusSuccess || run.Status == runs.StatusPartial
	if run.Kind != runs.KindBackup || run.ScheduleID == "" || run.BackupSetID == "" || !made {
		return nil
	}
	if _, _, err := r.cfg.Starter.StartSystem(ctx, run.TenantID, ApplyRequest(run.ScheduleID, "")); err != nil {
		return fmt.Errorf("retention: starting retention.apply after a backup: %w", err)
	}
	return nil
}

var _ runs.Executor = (*Retention)(nil)
