package backupsched

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// PlanGuard asks for a person's consent before a change of a schedule would retire backup
// sets. retention.Retention implements it.
type PlanGuard interface {
	// ConfirmPlan returns nil when nothing would go, or when token is that of the present
	// retention plan; else an error that is [runs.ErrConflict].
	ConfirmPlan(ctx context.Context, tenant graph.TenantID, schedule runs.ID, keepLast int, deleted bool, token string) error

	// Apply starts the retention that the confirmed plan showed. Without it, one that
	// drops more than half of the sets would wait for the same consent again.
	Apply(ctx context.Context, tenant graph.TenantID, actor runs.Actor, schedule runs.ID, token string) (runs.Run, bool, error)
}

// Config configures a [Scheduler].
type Config struct {
	Store   Store         // required
	Starter *runs.Starter // required; also what authorises

	// Catalogue says which policy types are known. Defaults to [graph.Catalog].
	Catalogue *graph.Catalogue

	// PlanGuard is asked before retention_keep_last is lowered or a schedule deleted. Nil
	// asks nobody; retention itself still never drops more than half of a group unasked.
	PlanGuard PlanGuard

	// Clock defaults to [runs.SystemClock].
	Clock runs.Clock
}

// Scheduler manages schedules on behalf of people. It is safe for concurrent use.
type Scheduler struct {
	store     Store
	starter   *runs.Starter
	guard     *runs.Guard
	catalogue *graph.Catalogue
	planGuard PlanGuard
	clock     runs.Clock
}

// NewScheduler checks the configuration and makes a Scheduler.
func NewScheduler(cfg Config) (*Scheduler, error) {
	var bad runs.InvalidError
	if cfg.Store == nil {
		bad.Add("store", "required", "is required")
	}
	if cfg.Starter == nil {
		bad.Add("starter", "required", "is required; make it with runs.NewStarter")
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if cfg.Catalogue == nil {
		cfg.Catalogue = graph.Catalog
	}
	if cfg.Clock == nil {
		cfg.Clock = runs.SystemClock{}
	}
	return &Scheduler{
		store: cfg.Store, starter: cfg.Starter, guard: cfg.Starter.Guard(),
		catalogue: cfg.Catalogue, planGuard: cfg.PlanGuard, clock: cfg.Clock,
	}, nil
}

func target(id runs.ID) runs.Target { return runs.Target{Type: "schedule", ID: id} }

// Create saves a new schedule. Warnings tell which of its slots will not exist. A draft with an
// ID may be given again, as by a form that is sent twice: then the schedule that the first call
// made is returned. When one of that id is there that does not hold what the draft says, or no
// more, it is ErrConflict "schedule_exists".
func (s *Scheduler) Create(ctx context.Context, tenant graph.TenantID, actor runs.Actor, d Draft) (Schedule, []Warning, error) {
	if err := s.guard.Allow(ctx, tenant, actor, runs.ActionScheduleCreate, target("")); err != nil {
		return Schedule{}, nil, err
	}
	d.Name = strings.TrimSpace(d.Name)
	if err := d.validate(s.catalogue); err != nil {
		return Schedule{}, nil, err
	}
	at := s.now()
	sch := Schedule{
		ID: cmp.Or(d.ID, s.guard.NewID()), TenantID: tenant, Name: d.Name, Enabled: d.Enabled,
		Recurrence: d.Recurrence, PolicyTypes: d.PolicyTypes, IncludeFoundations: d.IncludeFoundations,
		RetentionKeepLast: d.RetentionKeepLast, CreatedAt: at, UpdatedAt: at,
	}.Clone()
	if err := sch.setNext(at); err != nil {
		return Schedule{}, nil, err
	}
	warnings, err := sch.warnings(at)
	if err != nil {
		return Schedule{}, nil, err
	}
	err = s.store.CreateSchedule(ctx, tenant, sch, s.trail(actor, "schedule.created", sch, auditedCreation(sch)))
	if d.ID != "" && errors.Is(err, runs.ErrConflict) {
		made, found := s.live(ctx, tenant, d.ID)
		if found == nil && sameDraft(draftOf(made), draftOf(sch)) {
			return made, warnings, nil
		}
		return Schedule{}, nil, runs.Conflict("schedule_exists", "there is a schedule of this id already; look at it, then decide")
	}
	return sch, warnings, err
}

func sameDraft(a, b Draft) bool {
	return a.Name == b.Name && a.Enabled == b.Enabled && sameRule(a.Recurrence, b.Recurrence) && slices.Equal(a.PolicyTypes, b.PolicyTypes) &&
		a.IncludeFoundations == b.IncludeFoundations && a.RetentionKeepLast == b.RetentionKeepLast
}

// setNext computes the next slot from at; a disabled schedule has none.
func (s *Schedule) setNext(at time.Time) error {
	s.NextRunAt = time.Time{}
	if !s.Enabled || s.Deleted() {
		return nil
	}
	next, err := s.Next(at)
	if err != nil {
		return err
	}
	s.NextRunAt = next
	return nil
}

func (s *Scheduler) trail(actor runs.Actor, action string, sch Schedule, details map[string]string) runs.Trail {
	details["name"] = sch.Name
	return runs.Trail{Audit: []runs.AuditEntry{s.guard.Entry(sch.TenantID, actor, action, target(sch.ID), "ok", details)}}
}

// Patch changes some fields of a schedule; nil leaves a field as it is.
type Patch struct {
	Name               *string
	Enabled            *bool
	Timezone           *string
	Frequency          *Frequency
	TimeOfDay          *string
	DaysOfWeek         *[]int // cleared by itself when Frequency becomes daily
	PolicyTypes        *[]graph.PolicyType
	IncludeFoundations *bool
	RetentionKeepLast  *int

	// ConfirmPlan is the token of a retention plan; needed when RetentionKeepLast is
	// lowered and sets would go.
	ConfirmPlan string

	// IfUpdatedAt is the UpdatedAt of the schedule that the change was decided on: when another
	// change came since, Update changes nothing and is ErrConflict "schedule_changed". Zero
	// changes the schedule as it is by then.
	IfUpdatedAt time.Time
}

// decidedOn tells whether a schedule is still the one that the change was decided on.
func (p Patch) decidedOn(s Schedule) error {
	if p.IfUpdatedAt.IsZero() || p.IfUpdatedAt.Equal(s.UpdatedAt) {
		return nil
	}
	return errChanged()
}

func errChanged() error {
	return runs.Conflict("schedule_changed", "the schedule has been changed meanwhile; read it again, then decide")
}

func set[T any](field *T, v *T) {
	if v != nil {
		*field = *v
	}
}

func (p Patch) apply(d Draft) Draft {
	set(&d.Name, p.Name)
	set(&d.Enabled, p.Enabled)
	set(&d.Timezone, p.Timezone)
	set(&d.Frequency, p.Frequency)
	set(&d.TimeOfDay, p.TimeOfDay)
	if p.Frequency != nil && *p.Frequency == Daily {
		d.DaysOfWeek = nil
	}
	set(&d.DaysOfWeek, p.DaysOfWeek)
	set(&d.PolicyTypes, p.PolicyTypes)
	set(&d.IncludeFoundations, p.IncludeFoundations)
	set(&d.RetentionKeepLast, p.RetentionKeepLast)
	d.Name = strings.TrimSpace(d.Name)
	return d
}

// Update changes a schedule. Its next run is computed anew from now and never catches up; only
// a slot of an unchanged rule that is due already stays for the next tick, which dispatches it
// or records it as missed. Turning a schedule on or off needs that permission too. When
// somebody else changed meanwhile what was allowed or confirmed, or anything with IfUpdatedAt, it
// is ErrConflict "schedule_changed".
func (s *Scheduler) Update(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID, p Patch) (Schedule, []Warning, error) {
	if err := s.guard.Allow(ctx, tenant, actor, runs.ActionScheduleUpdate, target(id)); err != nil {
		return Schedule{}, nil, err
	}
	current, err := s.live(ctx, tenant, id)
	if err != nil {
		return Schedule{}, nil, err
	}
	if err := p.decidedOn(current); err != nil {
		return Schedule{}, nil, err
	}
	d := p.apply(draftOf(current))
	if err := d.validate(s.catalogue); err != nil {
		return Schedule{}, nil, err
	}
	if d.Enabled != current.Enabled {
		if err := s.guard.Allow(ctx, tenant, actor, switchAction(d.Enabled), target(id)); err != nil {
			return Schedule{}, nil, err
		}
	}
	if s.planGuard != nil && d.RetentionKeepLast < current.RetentionKeepLast {
		if err := s.planGuard.ConfirmPlan(ctx, tenant, id, d.RetentionKeepLast, false, p.ConfirmPlan); err != nil {
			return Schedule{}, nil, err
		}
	}
	updated, err := s.change(ctx, tenant, actor, id, "schedule.updated", func(at time.Time, cur *Schedule) error {
		if err := p.decidedOn(*cur); err != nil {
			return err
		}
		d := p.apply(draftOf(*cur))
		if err := d.validate(s.catalogue); err != nil {
			return err
		}
		if d.Enabled != cur.Enabled && cur.Enabled != current.Enabled ||
			d.RetentionKeepLast < cur.RetentionKeepLast && cur.RetentionKeepLast != current.RetentionKeepLast {
			return errChanged()
		}
		cur.Name, cur.Enabled, cur.Recurrence = d.Name, d.Enabled, d.Recurrence
		cur.PolicyTypes, cur.IncludeFoundations, cur.RetentionKeepLast = d.PolicyTypes, d.IncludeFoundations, d.RetentionKeepLast
		return nil
	})
	if err != nil {
		return Schedule{}, nil, err
	}
	if s.planGuard != nil && p.ConfirmPlan != "" && updated.RetentionKeepLast < current.RetentionKeepLast {
		if _, _, err := s.planGuard.Apply(ctx, tenant, actor, id, p.ConfirmPlan); err != nil {
			return updated, nil, fmt.Errorf("backupsched: the schedule is saved, but applying its confirmed retention plan failed: %w", err)
		}
	}
	warnings, err := updated.warnings(s.now())
	return updated, warnings, err
}

func draftOf(s Schedule) Draft {
	s = s.Clone()
	return Draft{
		Name: s.Name, Enabled: s.Enabled, Recurrence: s.Recurrence, PolicyTypes: s.PolicyTypes,
		IncludeFoundations: s.IncludeFoundations, RetentionKeepLast: s.RetentionKeepLast,
	}
}

// Enable starts the clockwork of a schedule; its next run is the first slot after now. An
// enabled schedule stays as it is.
func (s *Scheduler) Enable(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (Schedule, error) {
	return s.toggle(ctx, tenant, actor, id, true)
}

// Disable stops the clockwork of a schedule. Runs that exist already go on. A disabled
// schedule stays as it is.
func (s *Scheduler) Disable(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (Schedule, error) {
	return s.toggle(ctx, tenant, actor, id, false)
}

func (s *Scheduler) toggle(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID, on bool) (Schedule, error) {
	name := "schedule.disabled"
	if on {
		name = "schedule.enabled"
	}
	if err := s.guard.Allow(ctx, tenant, actor, switchAction(on), target(id)); err != nil {
		return Schedule{}, err
	}
	current, err := s.live(ctx, tenant, id)
	if err != nil || current.Enabled == on {
		return current, err
	}
	changed, err := s.change(ctx, tenant, actor, id, name, func(_ time.Time, cur *Schedule) error {
		if cur.Enabled == on {
			return errMoved
		}
		cur.Enabled = on
		return nil
	})
	if errors.Is(err, errMoved) { // by somebody else at the same time
		return s.live(ctx, tenant, id)
	}
	return changed, err
}

func switchAction(on bool) runs.Action {
	if on {
		return runs.ActionScheduleEnable
	}
	return runs.ActionScheduleDisable
}

// Delete leaves a tombstone: the schedule is gone from lists and never runs again, its
// runs and backup sets stay. confirmPlan is the token of a retention plan, needed only
// where the PlanGuard says that sets would go. Deleting again is ErrDeleted.
func (s *Scheduler) Delete(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID, confirmPlan string) error {
	if err := s.guard.Allow(ctx, tenant, actor, runs.ActionScheduleDelete, target(id)); err != nil {
		return err
	}
	current, err := s.live(ctx, tenant, id)
	if err != nil {
		return err
	}
	if s.planGuard != nil {
		if err := s.planGuard.ConfirmPlan(ctx, tenant, id, current.RetentionKeepLast, true, confirmPlan); err != nil {
			return err
		}
	}
	_, err = s.change(ctx, tenant, actor, id, "schedule.deleted", func(at time.Time, cur *Schedule) error {
		cur.Enabled, cur.DeletedAt = false, at
		return nil
	})
	return err
}

// change edits a live schedule in one transaction and computes its next run from now.
func (s *Scheduler) change(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID, action string, edit func(at time.Time, cur *Schedule) error) (Schedule, error) {
	return s.store.ChangeSchedule(ctx, tenant, id, func(at time.Time, cur Schedule) (ScheduleChange, error) {
		if cur.Deleted() {
			return ScheduleChange{}, runs.ErrDeleted
		}
		before := cur
		cur = cur.Clone()
		if err := edit(at, &cur); err != nil {
			return ScheduleChange{}, err
		}
		if cur.UpdatedAt = at; !at.After(before.UpdatedAt) {
			// Every change has a moment of its own, or IfUpdatedAt would not notice it.
			cur.UpdatedAt = before.UpdatedAt.Add(time.Microsecond)
		}
		due := cur.Enabled && !cur.NextRunAt.IsZero() && !cur.NextRunAt.After(at)
		if !due || !sameRule(before.Recurrence, cur.Recurrence) {
			if err := cur.setNext(at); err != nil {
				return ScheduleChange{}, err
			}
		}
		trail := s.trail(actor, action, cur, auditedChange(before, cur))
		if cur.Enabled != before.Enabled {
			trail.Audit[0].Details["enabled"] = strconv.FormatBool(cur.Enabled)
		}
		return ScheduleChange{Schedule: cur, Trail: trail}, nil
	})
}

func sameRule(a, b Recurrence) bool {
	return a.Frequency == b.Frequency && a.TimeOfDay == b.TimeOfDay && a.Timezone == b.Timezone && slices.Equal(a.DaysOfWeek, b.DaysOfWeek)
}

func (s *Scheduler) now() time.Time { return s.clock.Now().UTC().Truncate(time.Microsecond) }

// live returns a schedule that is not deleted.
func (s *Scheduler) live(ctx context.Context, tenant graph.TenantID, id runs.ID) (Schedule, error) {
	if !id.Valid() {
		return Schedule{}, runs.ErrNotFound
	}
	sch, err := s.store.GetSchedule(ctx, tenant, id)
	if err == nil && sch.Deleted() {
		err = runs.ErrDeleted
	}
	return sch, err
}
