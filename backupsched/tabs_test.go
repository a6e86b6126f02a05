package backupsched_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
)

// changed tells whether an error is the conflict of a change that came between.
func changed(err error) bool {
	var conflict *runs.ConflictError
	return errors.As(err, &conflict) && conflict.Code == "schedule_changed" && errors.Is(err, runs.ErrConflict)
}

// TestAChangeThatWasDecidedOnAnOlderScheduleIsRefused: whatever people change counts, and nothing
// that the engine does by itself.
func TestAChangeThatWasDecidedOnAnOlderScheduleIsRefused(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	update := func(p backupsched.Patch) func(*testing.T, *rig.Rig, backupsched.Schedule) error {
		return func(t *testing.T, r *rig.Rig, s backupsched.Schedule) error {
			_, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, p)
			return err
		}
	}
	for _, tt := range []struct {
		name string
		do   func(*testing.T, *rig.Rig, backupsched.Schedule) error
		want bool
	}{
		{"nothing", func(*testing.T, *rig.Rig, backupsched.Schedule) error { return nil }, false},
		{"a slot that is dispatched, and its run", func(t *testing.T, r *rig.Rig, s backupsched.Schedule) error {
			r.Clock.Set(s.NextRunAt)
			tick(t, r.Dispatcher)
			r.Drain()
			return nil
		}, false},
		{"another name", update(backupsched.Patch{Name: ptr("X")}), true},
		{"another time", update(backupsched.Patch{TimeOfDay: ptr("03:00")}), true},
		{"other types", update(backupsched.Patch{PolicyTypes: ptr([]graph.PolicyType{"mobileApp"})}), true},
		{"more to keep", update(backupsched.Patch{RetentionKeepLast: ptr(99)}), true},
		{"disabled", func(t *testing.T, r *rig.Rig, s backupsched.Schedule) error {
			_, err := r.Scheduler.Disable(t.Context(), rig.Tenant, rig.Owner, s.ID)
			return err
		}, true},
		{"disabled and enabled again", func(t *testing.T, r *rig.Rig, s backupsched.Schedule) error {
			_, err := r.Scheduler.Disable(t.Context(), rig.Tenant, rig.Owner, s.ID)
			if err == nil {
				_, err = r.Scheduler.Enable(t.Context(), rig.Tenant, rig.Owner, s.ID)
			}
			return err
		}, true},
		{"an hour", func(_ *testing.T, r *rig.Rig, _ backupsched.Schedule) error { r.Clock.Add(time.Hour); return nil }, false},
		{"a run by hand", func(_ *testing.T, r *rig.Rig, s backupsched.Schedule) error { r.Backup(s.ID); return nil }, false},
		{"a slot that is missed", func(t *testing.T, r *rig.Rig, s backupsched.Schedule) error {
			r.Clock.Set(s.NextRunAt.Add(30 * time.Hour))
			tick(t, r.Dispatcher)
			return nil
		}, false},
		{"next runs that are computed anew", func(t *testing.T, r *rig.Rig, s backupsched.Schedule) error {
			_, err := r.Store.ChangeSchedule(t.Context(), rig.Tenant, s.ID, func(_ time.Time, cur backupsched.Schedule) (backupsched.ScheduleChange, error) {
				cur.NextRunAt = cur.NextRunAt.Add(time.Hour)
				return backupsched.ScheduleChange{Schedule: cur}, nil
			})
			if err == nil {
				_, err = r.Dispatcher.Recompute(t.Context())
			}
			return err
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := r.Schedule(nil)
			if err := tt.do(t, r, s); err != nil {
				t.Fatal(err)
			}
			before, err := r.Store.GetSchedule(t.Context(), rig.Tenant, s.ID)
			if err != nil {
				t.Fatal(err)
			}
			p := backupsched.Patch{IncludeFoundations: ptr(true), IfUpdatedAt: s.UpdatedAt}
			got, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, p)
			if changed(err) != tt.want || !tt.want && (err != nil || !got.IncludeFoundations) {
				t.Fatalf("the change: %v, want a conflict: %v", err, tt.want)
			}
			if !tt.want {
				return
			}
			if now, err := r.Store.GetSchedule(t.Context(), rig.Tenant, s.ID); err != nil || now.IncludeFoundations || !now.UpdatedAt.Equal(before.UpdatedAt) {
				t.Errorf("what was refused was stored: %+v, error %v", now, err)
			}
			p.IfUpdatedAt = before.UpdatedAt
			if _, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, p); err != nil {
				t.Errorf("decided anew: %v", err)
			}
		})
	}
}

// TestOfChangesDecidedOnTheSameScheduleOneIsMade, also when they come in the same instant.
func TestOfChangesDecidedOnTheSameScheduleOneIsMade(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	for round := range 8 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		made, refused := []int{}, 0
		for i := range 8 {
			wg.Go(func() {
				p := backupsched.Patch{RetentionKeepLast: ptr(100*(round+1) + i), IfUpdatedAt: s.UpdatedAt}
				_, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, p)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					made = append(made, *p.RetentionKeepLast)
				case changed(err):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		now, err := r.Store.GetSchedule(t.Context(), rig.Tenant, s.ID)
		if err != nil || len(made) != 1 || refused != 7 || now.RetentionKeepLast != made[0] || !now.UpdatedAt.After(s.UpdatedAt) {
			t.Fatalf("round %d: made %v, %d refused, %d kept, error %v", round, made, refused, now.RetentionKeepLast, err)
		}
		s = now
	}
}

// TestAChangeThatComesBetweenLookingAndSavingIsNoticed: the condition holds in the transaction, too.
func TestAChangeThatComesBetweenLookingAndSavingIsNoticed(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	s := r.Schedule(nil)
	store := &between{Store: r.Store}
	scheduler, err := backupsched.NewScheduler(backupsched.Config{Store: store, Starter: r.Starter, Clock: r.Clock})
	if err != nil {
		t.Fatal(err)
	}
	store.do = func() {
		if _, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, backupsched.Patch{TimeOfDay: ptr("05:00")}); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, backupsched.Patch{Name: ptr("mine"), IfUpdatedAt: s.UpdatedAt}); !changed(err) {
		t.Errorf("got %v, want schedule_changed", err)
	}
}

// TestAPlanOfAnOlderScheduleTakesNoSetAway, with its token or without.
func TestAPlanOfAnOlderScheduleTakesNoSetAway(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 3, Retention: retention.Config{MinAge: -1}})
	s := r.Schedule(nil)
	for range 4 {
		r.Clock.Add(time.Hour)
		r.Backup(s.ID)
	}
	plan, err := r.Retention.Preview(t.Context(), rig.Tenant, rig.Owner, s.ID, retention.Proposal{KeepLast: 2})
	if err != nil || plan.Dropped != 2 {
		t.Fatalf("%d sets would go, error %v", plan.Dropped, err)
	}
	if _, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, backupsched.Patch{Name: ptr("theirs")}); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "stale", plan.Token} {
		p := backupsched.Patch{RetentionKeepLast: ptr(2), ConfirmPlan: token, IfUpdatedAt: s.UpdatedAt}
		if _, _, err := r.Scheduler.Update(t.Context(), rig.Tenant, rig.Owner, s.ID, p); !changed(err) {
			t.Errorf("with the token %q: %v, want schedule_changed", token, err)
		}
	}
	r.Drain()
	if now, err := r.Retention.Preview(t.Context(), rig.Tenant, rig.Owner, s.ID, retention.Proposal{}); err != nil || now.Kept != 4 {
		t.Errorf("%d sets are left, want 4, error %v", now.Kept, err)
	}
}

// TestNoTabTakesBackWhatAnotherOneSaved, whatever the order in which they are opened and saved, and
// also while the clock stands still or goes back.
func TestNoTabTakesBackWhatAnotherOneSaved(t *testing.T) {
	testenv.SlowUnderRace(t)
	r := rig.New(t, rig.Options{Policies: -1})
	rapid.Check(t, func(rt *rapid.T) {
		s := r.Schedule(nil)
		ctx := t.Context()
		tabs := []backupsched.Schedule{s, s, s} // as each was opened
		want := s                               // what the saves that were taken have made
		n := 0
		rt.Repeat(map[string]func(*rapid.T){
			"open": func(rt *rapid.T) {
				now, err := r.Store.GetSchedule(ctx, rig.Tenant, s.ID)
				if err != nil {
					rt.Fatal(err)
				}
				tabs[rapid.IntRange(0, 2).Draw(rt, "tab")] = now
			},
			"the clock": func(rt *rapid.T) {
				r.Clock.Set(r.Clock.Now().Add(time.Duration(rapid.IntRange(-2, 2).Draw(rt, "seconds")) * time.Second))
			},
			"save": func(rt *rapid.T) { // the whole form, one field of it changed
				form := tabs[rapid.IntRange(0, 2).Draw(rt, "tab")]
				n++
				if rapid.Bool().Draw(rt, "which") {
					form.RetentionKeepLast = 100 + n
				} else {
					form.TimeOfDay = time.Time{}.Add(time.Duration(n) * time.Minute).Format("15:04")
				}
				got, _, err := r.Scheduler.Update(ctx, rig.Tenant, rig.Owner, s.ID, backupsched.Patch{
					TimeOfDay: &form.TimeOfDay, RetentionKeepLast: &form.RetentionKeepLast, IfUpdatedAt: form.UpdatedAt,
				})
				if stale := !form.UpdatedAt.Equal(want.UpdatedAt); changed(err) != stale || err != nil && !stale {
					rt.Fatalf("an old form: %v, error %v", stale, err)
				}
				if err == nil {
					if !got.UpdatedAt.After(want.UpdatedAt) {
						rt.Fatalf("changed at %s after %s", got.UpdatedAt, want.UpdatedAt)
					}
					same := 0
					for _, kept := range []bool{got.TimeOfDay == want.TimeOfDay, got.RetentionKeepLast == want.RetentionKeepLast} {
						if kept {
							same++
						}
					}
					if same != 1 {
						rt.Fatalf("one field was changed, %d stayed: from %+v to %+v", same, want, got)
					}
					want = got
				}
			},
			"": func(rt *rapid.T) {
				now, err := r.Store.GetSchedule(ctx, rig.Tenant, s.ID)
				if err != nil || now.TimeOfDay != want.TimeOfDay || now.RetentionKeepLast != want.RetentionKeepLast {
					rt.Fatalf("stored %+v, error %v, want %+v", now, err, want)
				}
			},
		})
	})
}

// TestAFormThatIsSentTwiceMakesOneSchedule: the id of the draft tells that it is the same.
func TestAFormThatIsSentTwiceMakesOneSchedule(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	draft := func(id runs.ID, name string) backupsched.Draft {
		d := backupsched.NewDraft()
		d.ID, d.Name, d.PolicyTypes = id, name, rig.Types
		d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
		return d
	}
	create := func(d backupsched.Draft) (backupsched.Schedule, error) {
		s, _, err := r.Scheduler.Create(t.Context(), rig.Tenant, rig.Owner, d)
		return s, err
	}
	id := r.Starter.Guard().NewID()
	var wg sync.WaitGroup
	for range 8 { // a double click
		wg.Go(func() {
			if s, err := create(draft(id, " Nightly ")); err != nil || s.ID != id || s.Name != "Nightly" {
				t.Errorf("made %s %q, error %v", s.ID, s.Name, err)
			}
		})
	}
	wg.Wait()
	if n := len(r.Audit()); n != 1 {
		t.Errorf("%d lines in the audit log, want 1", n)
	}
	exists := func(err error) bool {
		var conflict *runs.ConflictError
		return errors.As(err, &conflict) && conflict.Code == "schedule_exists"
	}
	if _, err := create(draft(id, "Another")); !exists(err) {
		t.Errorf("another draft of the same id: %v, want schedule_exists", err)
	}
	if _, err := create(draft("not-an-id", "N")); codesOf(t, err)["id"] != "id_invalid" {
		t.Errorf("an id that is none: %v", err)
	}
	off := draft(r.Starter.Guard().NewID(), "Off") // as a deleted one is
	off.Enabled = false
	if s, err := create(off); err != nil || r.Scheduler.Delete(t.Context(), rig.Tenant, rig.Owner, s.ID, "") != nil {
		t.Fatal("it was not made and deleted")
	}
	if _, err := create(off); !exists(err) {
		t.Errorf("sent again after it was deleted: %v, want schedule_exists", err)
	}
	// What another tenant has under this id is never what this one gets.
	theirs := draft(r.Starter.Guard().NewID(), "Nightly")
	other := backupsched.Schedule{ID: theirs.ID, TenantID: "fabrikam", Name: theirs.Name, Recurrence: theirs.Recurrence, PolicyTypes: theirs.PolicyTypes, RetentionKeepLast: 30}
	if err := r.Store.CreateSchedule(t.Context(), "fabrikam", other, runs.Trail{}); err != nil {
		t.Fatal(err)
	}
	if s, err := create(theirs); err == nil && s.TenantID != rig.Tenant || err != nil && !exists(err) {
		t.Errorf("the id of another tenant's schedule: %+v, error %v", s, err)
	}
}
