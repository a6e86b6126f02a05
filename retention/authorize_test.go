package retention_test

import (
	"errors"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// calls is everything that a person can ask for, on a set and its schedule.
var calls = []struct {
	name string
	role runs.Role // the weakest that may
	what runs.Action
	call func(w *world, in graph.TenantID, who runs.Actor, schedule, set runs.ID) error
}{
	{"Preview", runs.RoleReadonly, runs.ActionLook, func(w *world, in graph.TenantID, who runs.Actor, schedule, _ runs.ID) error {
		_, err := w.ret.Preview(w.ctx, in, who, schedule, retention.Proposal{})
		return err
	}},
	{"Apply", runs.RoleManager, runs.ActionRetentionConfirm, func(w *world, in graph.TenantID, who runs.Actor, schedule, _ runs.ID) error {
		_, _, err := w.ret.Apply(w.ctx, in, who, schedule, "")
		return err
	}},
	{"Hold", runs.RoleManager, runs.ActionSetHold, func(w *world, in graph.TenantID, who runs.Actor, _, set runs.ID) error {
		_, err := w.ret.Hold(w.ctx, in, who, set, "audit", "because")
		return err
	}},
	{"Release", runs.RoleManager, runs.ActionSetRelease, func(w *world, in graph.TenantID, who runs.Actor, _, set runs.ID) error {
		_, err := w.ret.Release(w.ctx, in, who, set, "audit")
		return err
	}},
	{"Delete", runs.RoleManager, runs.ActionSetDelete, func(w *world, in graph.TenantID, who runs.Actor, _, set runs.ID) error {
		_, err := w.ret.Delete(w.ctx, in, who, set)
		return err
	}},
	{"Undelete", runs.RoleManager, runs.ActionSetUndelete, func(w *world, in graph.TenantID, who runs.Actor, _, set runs.ID) error {
		_, err := w.ret.Undelete(w.ctx, in, who, set)
		return err
	}},
	{"PurgeSet", runs.RoleManager, runs.ActionSetPurge, func(w *world, in graph.TenantID, who runs.Actor, _, set runs.ID) error {
		_, err := w.ret.PurgeSet(w.ctx, in, who, set)
		return err
	}},
}

func TestEveryCallIsAuthorisedAndARefusalLeavesAnAuditLine(t *testing.T) {
	rank := map[runs.Role]int{runs.RoleOwner: 4, runs.RoleManager: 3, runs.RoleOperator: 2, runs.RoleReadonly: 1}
	for _, c := range calls {
		for _, who := range []string{"owner", "manager", "operator", "readonly", "stranger", "", "system"} {
			t.Run(c.name+" by "+who, func(t *testing.T) {
				w := newWorld(t)
				s := w.schedule(3)
				ids := w.daily(s, 28, 29)
				err := c.call(w, tenant, runs.Actor{ID: who}, s, ids[0])
				if allowed := rank[runs.Role(who)] >= rank[c.role]; errors.Is(err, runs.ErrForbidden) == allowed {
					t.Errorf("allowed %v, got %v", allowed, err)
				}
				if who != "stranger" {
					return
				}
				if len(w.store.audit) != 1 {
					t.Fatalf("%d audit lines, want 1", len(w.store.audit))
				}
				if e := w.store.audit[0]; e.Action != "access.denied" || e.Details["action"] != string(c.what) {
					t.Errorf("audit %s of %s, want access.denied of %s", e.Action, e.Details["action"], c.what)
				}
			})
		}
	}
}

func TestWhatIsNotInTheTenantIsNotFound(t *testing.T) {
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			s := w.schedule(3)
			set := w.daily(s, 28, 29)[0]
			nobodys := w.newID()
			for what, err := range map[string]error{
				"another tenant's": c.call(w, "fabrikam", manager, s, set),
				"nobody's":         c.call(w, tenant, manager, nobodys, nobodys),
				"not an id":        c.call(w, tenant, manager, "'; drop table", "'; drop table"),
			} {
				if !errors.Is(err, runs.ErrNotFound) {
					t.Errorf("%s: got %v, want ErrNotFound", what, err)
				}
			}
			if got := w.store.sets[set]; got.Deleted() || len(got.Holds) > 0 || got.Status != backupset.Complete {
				t.Error("the set of another tenant was changed")
			}
		})
	}
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	_, err := retention.New(retention.Config{UndoWindow: -1, PurgeBatch: -1, SweepEvery: -1})
	var invalid *runs.InvalidError
	if !asInvalid(err, &invalid) {
		t.Fatalf("got %v, want an InvalidError", err)
	}
	fields := map[string]bool{}
	for _, f := range invalid.Fields {
		fields[f.Field] = true
	}
	for _, want := range []string{"store", "starter", "undo_window", "purge_batch", "sweep_every"} {
		if !fields[want] {
			t.Errorf("%q is not named in %v", want, err)
		}
	}
}

func TestMinAgeDefaultsToADayAndNegativeMeansNone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config retention.Config
		day    int // the older set was made at 02:00 of it; it is noon of day 31
		drops  int
	}{
		{"default, younger than a day", retention.Config{}, 31, 0},
		{"default, older", retention.Config{}, 30, 1},
		{"none", retention.Config{MinAge: -1}, 31, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, func(c *retention.Config) { c.MinAge = tt.config.MinAge })
			s := w.schedule(1)
			w.add(s, tt.day, backupset.Complete, 100)
			w.add(s, 31, backupset.Complete, 100)
			if got := summaryOf(t, w.apply(t, s)).Dropped; got != tt.drops {
				t.Errorf("dropped %d, want %d", got, tt.drops)
			}
		})
	}
}
