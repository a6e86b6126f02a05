package retention_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func held(s *backupset.BackupSet)  { s.Holds = []backupset.Hold{{Name: "audit"}} }
func inUse(s *backupset.BackupSet) { s.InUse = true }

func TestDeleteIsRefusedForSetsThatAreNeeded(t *testing.T) {
	for _, kind := range []string{"of a schedule", "manual"} {
		for _, tt := range []struct {
			name   string
			status backupset.Status
			change func(*backupset.BackupSet)
			want   string
		}{
			{"complete", backupset.Complete, func(*backupset.BackupSet) {}, ""},
			{"partial", backupset.Partial, func(*backupset.BackupSet) {}, ""},
			{"building", backupset.Building, func(*backupset.BackupSet) {}, "set_building"},
			{"held", backupset.Complete, held, "set_held"},
			{"in use", backupset.Complete, inUse, "set_in_use"},
		} {
			t.Run(tt.name+" "+kind, func(t *testing.T) {
				w := newWorld(t)
				var s runs.ID
				if kind != "manual" {
					s = w.schedule(3)
					w.add(s, 20, backupset.Complete, 100)
				}
				id := w.add(s, 29, tt.status, 100, tt.change)
				w.edit(id, func(s *backupset.BackupSet) { s.Types = []backupset.Manifest{{Type: "intune.filters", Captured: 100}} })
				set, err := w.ret.Delete(w.ctx, tenant, manager, id)
				if got := conflict(t, err); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				stored := w.store.sets[id]
				if stored.Deleted() != (tt.want == "") {
					t.Errorf("deleted %v", stored.Deleted())
				}
				if err == nil && (stored.DeletedReason != retention.DeletedManually || !set.DeletedAt.Equal(stored.DeletedAt)) {
					t.Errorf("deleted for %q at %s, told %s", stored.DeletedReason, stored.DeletedAt, set.DeletedAt)
				}
				if err == nil && !cmp.Equal(set.Types, stored.Types) {
					t.Errorf("a set of the types %+v is told, want %+v", set.Types, stored.Types)
				}
			})
		}
	}
}

func TestTheLastCompleteSetOfALiveScheduleCannotBeDeleted(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(3)
	older, last := w.add(s, 28, backupset.Complete, 100), w.add(s, 29, backupset.Complete, 100)
	partial := w.add(s, 30, backupset.Partial, 90)
	for _, tt := range []struct {
		id   runs.ID
		want string
	}{{older, ""}, {last, "last_complete_set"}, {partial, ""}} {
		_, err := w.ret.Delete(w.ctx, tenant, manager, tt.id)
		if got := conflict(t, err); got != tt.want {
			t.Errorf("set %s: %q, want %q", tt.id, got, tt.want)
		}
	}
	w.deleteSchedule(s)
	if _, err := w.ret.Delete(w.ctx, tenant, manager, last); err != nil {
		t.Errorf("the schedule is deleted, and its last set stays: %v", err)
	}
}

func TestTwoPeopleCannotDeleteTheLastTwoCompleteSetsAtOnce(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(3)
	a, b := w.add(s, 28, backupset.Complete, 100), w.add(s, 29, backupset.Complete, 100)
	w.store.onChange = func() { // after the first looked and before it changes anything
		if _, err := w.ret.Delete(w.ctx, tenant, manager, b); err != nil {
			t.Errorf("the second: %v", err)
		}
	}
	_, err := w.ret.Delete(w.ctx, tenant, manager, a)
	if got := conflict(t, err); got != "last_complete_set" {
		t.Errorf("the first: %q, want last_complete_set", got)
	}
}

func TestADeletedSetIsDeletedOnce(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(3)
	ids := append(w.daily(s, 28, 29), w.add("", 30, backupset.Complete, 100))
	for _, id := range ids[1:] {
		if _, err := w.ret.Delete(w.ctx, tenant, manager, id); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ret.Delete(w.ctx, tenant, manager, id); !errors.Is(err, runs.ErrDeleted) {
			t.Errorf("second time: %v, want ErrDeleted", err)
		}
	}
	w.store.onChange = func() { w.edit(ids[0], func(s *backupset.BackupSet) { s.DeletedAt = planNow }) }
	if _, err := w.ret.Delete(w.ctx, tenant, manager, ids[0]); !errors.Is(err, runs.ErrDeleted) {
		t.Errorf("deleted meanwhile: %v, want ErrDeleted", err)
	}
	if diff := cmp.Diff([]string{"backup_set.deleted", "backup_set.deleted"}, w.actions()); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestUndeleteBringsBackWhatAPersonDeletedAsItWas(t *testing.T) {
	w := newWorld(t)
	id := w.add("", 30, backupset.Complete, 100)
	before := w.store.sets[id]
	if _, err := w.ret.Delete(w.ctx, tenant, manager, id); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ret.Undelete(w.ctx, tenant, manager, id); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, w.store.sets[id]); diff != "" {
		t.Errorf("set (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"backup_set.deleted", "backup_set.undeleted"}, w.actions()); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestUndeleteHoldsWhatRetentionWouldDropAgain(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(3)
	ids := w.daily(s, 27, 30)
	w.apply(t, s)
	set, err := w.ret.Undelete(w.ctx, tenant, manager, ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Holds) != 1 || set.Holds[0].Name != retention.HoldUndeleted || set.Holds[0].By != manager {
		t.Errorf("holds %+v", set.Holds)
	}
	w.apply(t, s)
	if diff := cmp.Diff(ids, w.live(s)); diff != "" {
		t.Errorf("sets after the next apply (-want +got):\n%s", diff)
	}
	if _, err := w.ret.Release(w.ctx, tenant, manager, ids[0], retention.HoldUndeleted); err != nil {
		t.Fatal(err)
	}
	w.apply(t, s)
	if diff := cmp.Diff(ids[1:], w.live(s)); diff != "" {
		t.Errorf("sets after the release (-want +got):\n%s", diff)
	}
}

func TestUndeleteIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*backupset.BackupSet)
		want   string
	}{
		{"for a set that is not deleted", func(*backupset.BackupSet) {}, "set_not_deleted"},
		{"at the very end of the undo window it is not", func(s *backupset.BackupSet) { s.DeletedAt = dayAt(24, 12) }, ""},
		{"after the undo window", func(s *backupset.BackupSet) { s.DeletedAt = dayAt(24, 12).Add(-1) }, "undo_window_over"},
		{"when purging has begun", func(s *backupset.BackupSet) { s.DeletedAt, s.PurgingAt = dayAt(31, 1), dayAt(31, 2) }, "set_purging"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.add("", 20, backupset.Complete, 100, tt.change)
			_, err := w.ret.Undelete(w.ctx, tenant, manager, id)
			if got := conflict(t, err); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
