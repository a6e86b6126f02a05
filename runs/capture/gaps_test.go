package capture_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// TestAComparisonSaysWhyASetDoesNotTell compares a whole set of two types with another one that
// lacks policies of the settings catalog, each time for another reason.
func TestAComparisonSaysWhyASetDoesNotTell(t *testing.T) {
	testenv.SlowUnderRace(t)
	inject := func(f graphtest.Fault) func(*testing.T, *rig.Rig) {
		return func(t *testing.T, r *rig.Rig) {
			t.Helper()
			f.Type, f.Times = settings, -1
			if err := r.Graph.Inject(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	backup := func(types ...graph.PolicyType) func(*testing.T, *rig.Rig) runs.Run {
		return func(_ *testing.T, r *rig.Rig) runs.Run { return r.Backup(r.Schedule(only(types...)).ID) }
	}
	one := func(t *testing.T, r *rig.Rig) graph.Policy {
		t.Helper()
		for k, p := range r.Graph.Snapshot(rig.Tenant) {
			if k.Type == settings {
				return p
			}
		}
		t.Fatal("there is no policy of the type")
		return graph.Policy{}
	}
	n := count(rig.New(t, rig.Options{}), settings)
	for _, tt := range []struct {
		name   string
		before func(*testing.T, *rig.Rig)
		make   func(*testing.T, *rig.Rig) runs.Run
		set    backupset.Status
		reason backupset.GapReason
		lacks  int // policies of the type
	}{
		{"never asked for", nil, backup(access), backupset.Complete, backupset.GapNotAsked, n},
		{"never asked for, in a set that is partial for another type", func(t *testing.T, r *rig.Rig) {
			if err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Type: compliance, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}); err != nil {
				t.Fatal(err)
			}
		}, backup(access, compliance), backupset.Partial, backupset.GapNotAsked, n},
		{"selected one by one", nil, func(t *testing.T, r *rig.Rig) runs.Run {
			list := inventory(t, r, settings)
			return do(t, r, capture.CreateSetRequest("One", capture.Selection{PolicyIDs: idsOf(list[:1])}))
		}, backupset.Complete, backupset.GapSelected, n - 1},
		{"selected, and one of them failed", func(t *testing.T, r *rig.Rig) {
			list := inventory(t, r, settings)
			inject(graphtest.Fault{Op: graphtest.OpItem, ID: list[1].ExternalID, Err: &graph.Error{Kind: graph.KindInvalid}})(t, r)
		}, func(t *testing.T, r *rig.Rig) runs.Run {
			list := inventory(t, r, settings)
			return do(t, r, capture.CreateSetRequest("Two", capture.Selection{PolicyIDs: idsOf(list[:2])}))
		}, backupset.Partial, backupset.GapFailed, n - 1},
		{"throttled until the run gave up", inject(graphtest.Fault{Op: graphtest.OpList, Err: &graph.Error{Kind: graph.KindThrottled}}),
			backup(access, settings), backupset.Partial, backupset.GapNotReached, n},
		{"throttled until the run of everything gave up", inject(graphtest.Fault{Op: graphtest.OpList, Err: &graph.Error{Kind: graph.KindThrottled}}),
			func(t *testing.T, r *rig.Rig) runs.Run {
				return do(t, r, capture.CreateSetRequest("All", capture.Selection{Everything: true}))
			}, backupset.Partial, backupset.GapNotReached, n},
		{"refused", inject(graphtest.Fault{Op: graphtest.OpList, Err: &graph.Error{Kind: graph.KindForbidden}}),
			backup(access, settings), backupset.Partial, backupset.GapForbidden, n},
		{"not listed to the end", inject(graphtest.Fault{Op: graphtest.OpList, TruncateAfterPages: 1}),
			backup(access, settings), backupset.Partial, backupset.GapIncomplete, n - 5},
		{"one that failed", func(t *testing.T, r *rig.Rig) {
			inject(graphtest.Fault{Op: graphtest.OpItem, ID: one(t, r).ID, Err: &graph.Error{Kind: graph.KindInvalid}})(t, r)
		}, backup(access, settings), backupset.Partial, backupset.GapFailed, 1},
		{"asked for and gone", func(t *testing.T, r *rig.Rig) {
			if err := r.Graph.Delete(rig.Tenant, settings, one(t, r).ID); err != nil {
				t.Fatal(err)
			}
		}, backup(access, settings), backupset.Complete, "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rig.New(t, rig.Options{Graph: graphtest.Config{PageSize: 5}})
			whole := backup(access, settings)(t, r)
			if tt.before != nil {
				tt.before(t, r)
			}
			run := tt.make(t, r)
			if got := r.Set(run).Status; got != tt.set {
				t.Fatalf("the set is %s, want %s", got, tt.set)
			}
			for _, back := range []bool{false, true} {
				from, to := whole.BackupSetID, run.BackupSetID
				if back {
					from, to = to, from
				}
				c, err := r.Archive.Compare(t.Context(), rig.Tenant, rig.Reader, from, to)
				if err != nil {
					t.Fatal(err)
				}
				only := c.Removed
				if back {
					only = c.Added
				}
				gaps := []backupset.Gap{{Set: run.BackupSetID, Type: settings, Reason: tt.reason, Policies: tt.lacks}}
				sure, uncertain := 0, 0
				switch {
				case tt.reason == "":
					sure, gaps = tt.lacks, nil
				case tt.reason.Asked():
					uncertain = tt.lacks
				}
				perhaps := 0
				for _, p := range c.Uncertain {
					if p.Type == settings {
						perhaps++
					}
					if p.MissingFrom != run.BackupSetID {
						t.Errorf("back %v: %s %s is missing from %s", back, p.Type, p.Name, p.MissingFrom)
					}
				}
				if len(only) != sure || perhaps != uncertain {
					t.Errorf("back %v: %d surely and %d perhaps, want %d and %d", back, len(only), perhaps, sure, uncertain)
				}
				others := func(g backupset.Gap) bool { return g.Type != settings }
				if diff := cmp.Diff(gaps, c.Gaps, cmpopts.IgnoreSliceElements(others), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("back %v: gaps (-want +got):\n%s", back, diff)
				}
				counts, err := r.Archive.CountChanges(t.Context(), rig.Tenant, rig.Reader, from, to)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(backupset.ChangeCounts{
					Added: len(c.Added), Removed: len(c.Removed), Changed: len(c.Changed), Uncertain: len(c.Uncertain), Unchanged: c.UnchangedCount, Gaps: c.Gaps,
				}, counts); diff != "" {
					t.Errorf("back %v: counts (-comparison +counts):\n%s", back, diff)
				}
			}
		})
	}
}
