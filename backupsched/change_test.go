package backupsched_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
)

// TestSavingDoesNotSwallowADueSlot: the slot has come and no tick yet.
func TestSavingDoesNotSwallowADueSlot(t *testing.T) {
	for _, tt := range []struct {
		name  string
		late  time.Duration
		patch backupsched.Patch
		want  backupsched.Report
	}{
		{"a new name within the grace", time.Second, backupsched.Patch{Name: ptr("X")}, backupsched.Report{Due: 1, Queued: 1}},
		{"the same rule within the grace", time.Second, backupsched.Patch{TimeOfDay: ptr("02:30"), Enabled: ptr(true)}, backupsched.Report{Due: 1, Queued: 1}},
		{"a new name long after", 50 * time.Hour, backupsched.Patch{Name: ptr("X")}, backupsched.Report{Due: 1, Missed: 1}},
		{"another rule", time.Second, backupsched.Patch{TimeOfDay: ptr("02:31")}, backupsched.Report{}},
		{"another zone", time.Second, backupsched.Patch{Timezone: ptr("Europe/Paris")}, backupsched.Report{}},
		{"disabled", time.Second, backupsched.Patch{Enabled: ptr(false)}, backupsched.Report{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rig.New(t, rig.Options{Policies: -1})
			s := r.Schedule(nil)
			r.Clock.Set(s.NextRunAt.Add(tt.late))
			if _, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, tt.patch); err != nil {
				t.Fatal(err)
			}
			got := tick(t, r.Dispatcher)
			got.At, got.Chunks = time.Time{}, 0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("the next tick (-want +got):\n%s", diff)
			}
		})
	}
}

// between changes a schedule after it was looked at and before it is changed.
type between struct {
	backupsched.Store
	do func()
}

func (b *between) ChangeSchedule(ctx context.Context, t graph.TenantID, id runs.ID, change backupsched.ScheduleChangeFunc) (backupsched.Schedule, error) {
	if do := b.do; do != nil {
		b.do = nil
		do()
	}
	return b.Store.ChangeSchedule(ctx, t, id, change)
}

func TestAChangeBySomebodyElseMeanwhileIsNotOverruledUnasked(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 10, Retention: retention.Config{MinAge: -1}})
	s := r.Schedule(func(d *backupsched.Draft) { d.RetentionKeepLast = 2 })
	for range 2 {
		r.Clock.Add(time.Hour)
		r.Backup(s.ID)
	}
	store := &between{Store: r.Store}
	scheduler, err := backupsched.NewScheduler(backupsched.Config{Store: store, Starter: r.Starter, PlanGuard: r.Retention, Clock: r.Clock})
	if err != nil {
		t.Fatal(err)
	}
	update := func(p backupsched.Patch) error {
		_, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, p)
		return err
	}
	// Keeping 2 is no lowering when it is looked at, and one when it is saved.
	store.do = func() {
		if err := update(backupsched.Patch{RetentionKeepLast: ptr(10)}); err != nil {
			t.Error(err)
		}
		r.Clock.Add(time.Hour)
		r.Backup(s.ID)
	}
	_, _, err = scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, backupsched.Patch{RetentionKeepLast: ptr(2)})
	var conflict *runs.ConflictError
	if !errors.As(err, &conflict) || conflict.Code != "schedule_changed" {
		t.Errorf("lowering without a plan: %v, want schedule_changed", err)
	}
	// What others change beside it does no harm.
	store.do = func() {
		if err := update(backupsched.Patch{Name: ptr("theirs"), Enabled: ptr(false)}); err != nil {
			t.Error(err)
		}
	}
	got, _, err := scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, backupsched.Patch{TimeOfDay: ptr("05:00")})
	if err != nil || got.Name != "theirs" || got.Enabled || got.TimeOfDay != "05:00" || got.RetentionKeepLast != 10 {
		t.Errorf("both changes: %+v, error %v", got, err)
	}
}

func TestEnablingTwiceAtOnceIsOneChange(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(func(d *backupsched.Draft) { d.Enabled = false })
	store := &between{Store: r.Store}
	scheduler, err := backupsched.NewScheduler(backupsched.Config{Store: store, Starter: r.Starter, Clock: r.Clock})
	if err != nil {
		t.Fatal(err)
	}
	store.do = func() {
		if _, err := r.Scheduler.Enable(t.Context(), rig.Tenant, rig.Owner, s.ID); err != nil {
			t.Error(err)
		}
	}
	if got, err := scheduler.Enable(t.Context(), rig.Tenant, rig.Owner, s.ID); err != nil || !got.Enabled || got.NextRunAt.IsZero() {
		t.Errorf("enabled: %+v, error %v", got, err)
	}
	n := 0
	for _, e := range r.Audit() {
		if e.Action == "schedule.enabled" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d audit lines, want 1", n)
	}
}

// TestAPatchThatTurnsAScheduleOffNeedsThatPermission and says so in the audit log.
func TestAPatchThatTurnsAScheduleOffNeedsThatPermission(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	starter, err := runs.NewStarter(runs.StarterConfig{Store: r.Store, Queue: r.Queue, Clock: r.Clock, Authorizer: noSwitch{}})
	if err != nil {
		t.Fatal(err)
	}
	scheduler, err := backupsched.NewScheduler(backupsched.Config{Store: r.Store, Starter: starter, Clock: r.Clock})
	if err != nil {
		t.Fatal(err)
	}
	off := backupsched.Patch{Enabled: ptr(false)}
	if _, _, err := scheduler.Update(t.Context(), rig.Tenant, rig.Operator, s.ID, off); !errors.Is(err, runs.ErrForbidden) {
		t.Errorf("turned off without the permission: %v, want ErrForbidden", err)
	}
	if _, _, err := scheduler.Update(t.Context(), rig.Tenant, rig.Operator, s.ID, backupsched.Patch{Enabled: ptr(true), Name: ptr("X")}); err != nil {
		t.Errorf("an enabled schedule that is to be enabled: %v", err)
	}
	if _, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, off); err != nil {
		t.Fatal(err)
	}
	log := r.Audit()
	if last := log[len(log)-1]; last.Action != "schedule.updated" || last.Details["enabled"] != "false" {
		t.Errorf("the audit line is %s %v, want schedule.updated with enabled false", last.Action, last.Details)
	}
}

// noSwitch allows everything but enabling and disabling.
type noSwitch struct{}

func (noSwitch) Authorize(_ context.Context, _ graph.TenantID, _ runs.Actor, a runs.Action) error {
	if a == runs.ActionScheduleEnable || a == runs.ActionScheduleDisable {
		return fmt.Errorf("%w: %s", runs.ErrForbidden, a)
	}
	return nil
}
