package retention_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func TestAHoldHasANameAPersonAReasonAndATime(t *testing.T) {
	w := newWorld(t)
	id := w.add("", 30, backupset.Complete, 100)
	set, err := w.ret.Hold(w.ctx, tenant, manager, id, "  audit 2026 ", " asked by the auditors ")
	if err != nil {
		t.Fatal(err)
	}
	want := []backupset.Hold{{Name: "audit 2026", By: manager, Reason: "asked by the auditors", At: w.clock.Now()}}
	if diff := cmp.Diff(want, set.Holds); diff != "" {
		t.Errorf("returned holds (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, w.store.sets[id].Holds); diff != "" {
		t.Errorf("stored holds (-want +got):\n%s", diff)
	}
	e := w.store.audit[len(w.store.audit)-1]
	if e.Action != "backup_set.held" || e.Actor != manager || e.Resource.ID != id || e.Details["name"] != "audit 2026" {
		t.Errorf("audit %+v", e)
	}
}

func TestHoldingAgainWithTheSameReasonChangesNothing(t *testing.T) {
	w := newWorld(t)
	id := w.add("", 30, backupset.Complete, 100)
	for _, tt := range []struct {
		name, reason string
		want         string
		holds        int
	}{
		{"audit", "because", "", 1},
		{"audit", "because", "", 1},
		{"audit", "another reason", "hold_exists", 1},
		{"legal", "another reason", "", 2},
	} {
		_, err := w.ret.Hold(w.ctx, tenant, manager, id, tt.name, tt.reason)
		if got := conflict(t, err); got != tt.want {
			t.Errorf("%s for %q: %q, want %q", tt.name, tt.reason, got, tt.want)
		}
		if got := len(w.store.sets[id].Holds); got != tt.holds {
			t.Errorf("%s for %q: %d holds, want %d", tt.name, tt.reason, got, tt.holds)
		}
	}
	if diff := cmp.Diff([]string{"backup_set.held", "backup_set.held"}, w.actions()); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestReleaseEndsOneHold(t *testing.T) {
	w := newWorld(t)
	id := w.add("", 30, backupset.Complete, 100)
	for _, name := range []string{"a", "b"} {
		if _, err := w.ret.Hold(w.ctx, tenant, manager, id, name, "because"); err != nil {
			t.Fatal(err)
		}
	}
	set, err := w.ret.Release(w.ctx, tenant, manager, id, "a")
	if err != nil || len(set.Holds) != 1 || set.Holds[0].Name != "b" {
		t.Fatalf("left %v, %v", set.Holds, err)
	}
	_, err = w.ret.Release(w.ctx, tenant, manager, id, "a")
	if got := conflict(t, err); got != "not_held" {
		t.Errorf("releasing twice: %q, want not_held", got)
	}
	if diff := cmp.Diff([]string{"backup_set.held", "backup_set.held", "backup_set.released"}, w.actions()); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestHoldNamesTheFieldThatIsWrong(t *testing.T) {
	w := newWorld(t)
	id := w.add("", 30, backupset.Complete, 100)
	for _, tt := range []struct{ name, reason, want string }{
		{"", "because", "name required"},
		{"   ", "because", "name required"},
		{strings.Repeat("ä", retention.MaxHoldName+1), "because", "name name_length"},
		{"two\nlines", "because", "name name_invalid"},
		{"bad \xff", "because", "name name_invalid"},
		{"audit", "", "reason required"},
		{"audit", strings.Repeat("x", retention.MaxHoldReason+1), "reason reason_length"},
		{"audit", "bell\a", "reason reason_invalid"},
	} {
		_, err := w.ret.Hold(w.ctx, tenant, manager, id, tt.name, tt.reason)
		var invalid *runs.InvalidError
		if !asInvalid(err, &invalid) {
			t.Fatalf("%q, %q: %v, want an InvalidError", tt.name, tt.reason, err)
		}
		if got := invalid.Fields[0].Field + " " + invalid.Fields[0].Code; got != tt.want {
			t.Errorf("%q, %q: %s, want %s", tt.name, tt.reason, got, tt.want)
		}
	}
	longest := strings.Repeat("ä", retention.MaxHoldName)
	if _, err := w.ret.Hold(w.ctx, tenant, manager, id, longest, strings.Repeat("ä", retention.MaxHoldReason)); err != nil {
		t.Errorf("the longest name and reason: %v", err)
	}
}

func TestASetHasABoundedNumberOfHolds(t *testing.T) {
	w := newWorld(t)
	id := w.add("", 30, backupset.Complete, 100)
	for i := range retention.MaxHolds {
		if _, err := w.ret.Hold(w.ctx, tenant, manager, id, fmt.Sprint(i), "because"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.ret.Hold(w.ctx, tenant, manager, id, "one more", "because")
	if got := conflict(t, err); got != "too_many_holds" {
		t.Errorf("got %q, want too_many_holds", got)
	}
}

func TestADeletedSetCannotBeHeldOrReleased(t *testing.T) {
	w := newWorld(t)
	id := w.add("", 30, backupset.Complete, 100, func(s *backupset.BackupSet) { s.DeletedAt = planNow })
	_, err := w.ret.Hold(w.ctx, tenant, manager, id, "audit", "because")
	_, err2 := w.ret.Release(w.ctx, tenant, manager, id, "audit")
	for _, err := range []error{err, err2} {
		if !errors.Is(err, runs.ErrDeleted) {
			t.Errorf("got %v, want ErrDeleted", err)
		}
	}
}
