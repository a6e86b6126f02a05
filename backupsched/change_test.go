package backupsched_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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

// TestTheAuditLogHasEachChangedFieldAsItWasAndAsItIs: who reads it has nothing else to see what a
// change of a schedule was.
func TestTheAuditLogHasEachChangedFieldAsItWasAndAsItIs(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	var every []graph.PolicyType
	for _, info := range graph.Catalog.All() {
		if info.Capturable() {
			every = append(every, info.Key)
		}
	}
	s := r.Schedule(func(d *backupsched.Draft) { d.Name, d.PolicyTypes = "Nightly", every[:2] })
	weekly, first := backupsched.Weekly, every[:1]
	for _, tt := range []struct {
		what  string
		patch backupsched.Patch
		want  map[string]string
	}{
		{"nothing", backupsched.Patch{Name: ptr("Nightly")}, map[string]string{}},
		{"the time", backupsched.Patch{TimeOfDay: ptr("07:00")}, map[string]string{"time_of_day.before": s.TimeOfDay, "time_of_day.after": "07:00"}},
		{"the days", backupsched.Patch{Frequency: &weekly, DaysOfWeek: &[]int{1, 3}}, map[string]string{
			"frequency.before": "daily", "frequency.after": "weekly", "days_of_week.before": "", "days_of_week.after": "1,3",
		}},
		{"zone, foundations, retention and the switch", backupsched.Patch{Timezone: ptr("Asia/Tokyo"), IncludeFoundations: ptr(!s.IncludeFoundations), RetentionKeepLast: ptr(31), Enabled: ptr(false)}, map[string]string{
			"timezone.before": s.Timezone, "timezone.after": "Asia/Tokyo",
			"include_foundations.before": strconv.FormatBool(s.IncludeFoundations), "include_foundations.after": strconv.FormatBool(!s.IncludeFoundations),
			"retention_keep_last.before": strconv.Itoa(s.RetentionKeepLast), "retention_keep_last.after": "31", "enabled": "false",
		}},
		{"types of which one goes and one comes", backupsched.Patch{PolicyTypes: ptr(every[1:3])}, map[string]string{
			"policy_types.added": string(every[2]), "policy_types.removed": string(every[0]),
		}},
		{"their order", backupsched.Patch{PolicyTypes: ptr([]graph.PolicyType{every[2], every[1]})}, map[string]string{}},
	} {
		if _, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, tt.patch); err != nil {
			t.Fatal(err)
		}
		tt.want["name"] = "Nightly"
		log := r.Audit()
		if diff := cmp.Diff(tt.want, log[len(log)-1].Details); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.what, diff)
		}
	}
	// More types than a detail has room for: whole ones, and how many more.
	if _, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, backupsched.Patch{PolicyTypes: &every}); err != nil {
		t.Fatal(err)
	}
	log := r.Audit()
	added := strings.Split(log[len(log)-1].Details["policy_types.added"], ",")
	more, err := strconv.Atoi(strings.TrimPrefix(added[len(added)-1], "+"))
	if n := len(added) - 1; err != nil || n+more != len(every)-2 {
		t.Errorf("%d types are named and %d more counted of %d", n, more, len(every)-2)
	}
	for _, name := range added[:len(added)-1] {
		if !slices.Contains(every, graph.PolicyType(name)) {
			t.Errorf("%q is no type", name)
		}
	}
	if _, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, backupsched.Patch{PolicyTypes: &first}); err != nil {
		t.Fatal(err)
	}
	if log = r.Audit(); strings.HasPrefix(log[len(log)-1].Details["policy_types.removed"], ",") {
		t.Errorf("removed: %s", log[len(log)-1].Details["policy_types.removed"])
	}
}
