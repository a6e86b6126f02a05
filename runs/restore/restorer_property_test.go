package restore_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

var campaign = flag.Bool("campaign", false, "restore a hundred random tenants, not fifteen")

// faults draws what goes wrong during a restore.
func faults(t *rapid.T, tenant graph.TenantID) []graphtest.Fault {
	fault := rapid.Custom(func(t *rapid.T) graphtest.Fault {
		f := graphtest.Fault{
			Tenant: tenant,
			Op: rapid.SampledFrom([]graphtest.Op{
				graphtest.OpCreate, graphtest.OpCreate, graphtest.OpUpdate, graphtest.OpAssign, graphtest.OpList, graphtest.OpPage, graphtest.OpGet, graphtest.OpItem,
			}).Draw(t, "op"),
			Nth:   rapid.IntRange(1, 12).Draw(t, "nth"),
			Times: rapid.IntRange(1, 2).Draw(t, "times"),
		}
		kinds := []graph.Kind{graph.KindThrottled, graph.KindUnavailable, graph.KindTimeout, graph.KindForbidden, graph.KindInternal}
		if f.Op == graphtest.OpCreate || f.Op == graphtest.OpUpdate || f.Op == graphtest.OpAssign {
			f.Applied = rapid.Bool().Draw(t, "applied")
			kinds = append(kinds, graph.KindAmbiguous, graph.KindConflict, graph.KindInvalid, graph.KindApprovalRequired)
			if f.Applied { // of these nobody knows whether it happened
				kinds = []graph.Kind{graph.KindAmbiguous, graph.KindUnavailable, graph.KindTimeout, graph.KindInternal}
			}
		}
		f.Err = &graph.Error{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
		return f
	})
	return rapid.SliceOfN(fault, 0, 5).Draw(t, "faults")
}

// change lets administrators and others work on a tenant.
func (w *world) change(t *rapid.T, tenant graph.TenantID, items []backupset.Item) {
	for _, item := range items {
		info, _ := graph.Catalog.Lookup(item.Type)
		if info.Support != graph.Restorable {
			continue
		}
		switch rapid.IntRange(0, 4).Draw(t, "change") {
		case 0:
			w.ok(w.Graph.Delete(tenant, item.Type, item.ExternalID))
		case 1:
			w.ok(w.Graph.Change(tenant, item.Type, item.ExternalID, rapid.Uint64().Draw(t, "seed")))
		case 2:
			w.ok(w.Graph.Rename(tenant, item.Type, item.ExternalID, fmt.Sprintf("Renamed %d", rapid.IntRange(0, 5).Draw(t, "name"))))
		}
	}
	types, _ := graphtest.GeneratedTypes()
	for range rapid.IntRange(0, 3).Draw(t, "added") {
		_, err := w.Graph.Add(tenant, rapid.SampledFrom(types).Draw(t, "type"))
		w.ok(err)
	}
	_, err := w.Graph.Churn(tenant, float64(rapid.IntRange(0, 10).Draw(t, "churn")), rapid.Uint64().Draw(t, "churn seed"))
	w.ok(err)
}

// TestWhateverGoesWrongARestoreIsTrue backs up a tenant, changes it, and restores a part of it
// while Graph fails: what the restore says it did is so, nothing else was touched, and nothing
// was made twice.
func TestWhateverGoesWrongARestoreIsTrue(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := newWorld(t, rig.Options{Policies: -1, Graph: graphtest.Config{CreateLag: 20 * time.Second}}, nil, restore.PreviewerConfig{})
	if !*campaign {
		checks := flag.Lookup("rapid.checks").Value
		was := checks.String()
		w.ok(checks.Set("15"))
		defer func() { w.ok(checks.Set(was)) }()
	}
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		tenant := graph.TenantID(fmt.Sprintf("tenant-%d", n))
		w.ok(w.Graph.AddTenant(tenant, graphtest.TenantConfig{
			Seed: rapid.Uint64().Draw(t, "tenant"), Policies: rapid.IntRange(1, 14).Draw(t, "policies"), Foundations: 2,
		}))
		set := w.do(tenant, capture.CreateSetRequest("Before", capture.Selection{Everything: true})).BackupSetID
		items, err := w.Store.ListSetItems(w.t.Context(), tenant, set, backupset.SetItemFilter{}, runs.Slice{Limit: 1000})
		w.ok(err)
		w.change(t, tenant, items)
		p := restore.PreviewParams{Options: restore.Options{
			Existing:    rapid.SampledFrom([]restore.Existing{restore.Overwrite, restore.Overwrite, restore.CreateCopy, restore.SkipExisting}).Draw(t, "existing"),
			Assignments: rapid.SampledFrom([]restore.Assignments{restore.NoAssignments, restore.OriginalAssignments, restore.MappedAssignments}).Draw(t, "assignments"),
			Access:      restore.AccessOriginal,
		}}
		if rapid.Bool().Draw(t, "part") {
			for _, item := range items {
				if rapid.Bool().Draw(t, "selected") {
					p.ItemIDs = append(p.ItemIDs, item.ID)
				}
			}
		}
		first := w.previewRun(tenant, set, p)
		_, plan := w.outcome(tenant, first)
		before := w.names(tenant)
		script := faults(t, tenant)
		w.ok(w.Graph.Inject(script...))
		run := w.execute(tenant, first.ID)
		w.Graph.ClearFaults()
		w.Clock.Add(5 * time.Minute)

		got := w.outcomes(tenant, run.ID)
		if !run.Status.Terminal() || run.Counts.Processed != len(got) || run.Status != runs.StatusFailed && len(got) != len(plan) {
			t.Fatalf("the run is %s %s, counts %+v, %d outcomes of %d items", run.Status, run.ErrorMessage, run.Counts, len(got), len(plan))
		}
		w.onlySelected(t, tenant, plan, got)
		w.nothingTwice(t, tenant, before, plan, got)
		p.Options.Existing = restore.Overwrite
		_, after := w.preview(tenant, set, p)
		for id, o := range got {
			copied := plan[id].Action == restore.Create && plan[id].TargetID != ""
			if o.Status == runs.ItemSuccess && !copied && after[id].Action != restore.Unchanged {
				t.Errorf("%s %s was restored and is %s %s %v", o.PolicyType, o.Name, after[id].Action, after[id].Reason, after[id].Diff)
			}
		}
	})
}

// onlySelected checks that every write was of an object that an item names, or that it made.
func (w *world) onlySelected(t *rapid.T, tenant graph.TenantID, plan map[string]restore.PreviewItem, got map[string]runs.Item) {
	may, unknown := map[graphtest.Key]bool{}, map[graph.PolicyType]int{}
	for id, item := range plan {
		switch o := got[id]; {
		case item.Action == restore.Change:
			may[graphtest.Key{Type: item.Type, ID: item.TargetID}] = true
		case item.Action == restore.Create && o.TargetID != "" && o.TargetID != item.TargetID:
			may[graphtest.Key{Type: item.Type, ID: o.TargetID}] = true
		case item.Action == restore.Create:
			unknown[item.Type]++
		}
	}
	for _, call := range w.Graph.WriteLog(tenant) {
		switch {
		case !call.Done || may[call.Key]:
		case call.Op == graphtest.OpCreate && unknown[call.Key.Type] > 0:
			unknown[call.Key.Type]--
		default:
			t.Errorf("%s of %v, which no item names", call.Op, call.Key)
		}
	}
}

// nothingTwice checks that there are as many objects of a name as there were, and one for each
// item that was made. Of one whose outcome is not known there may be one.
func (w *world) nothingTwice(t *rapid.T, tenant graph.TenantID, before map[string]int, plan map[string]restore.PreviewItem, got map[string]runs.Item) {
	least, most := map[string]int{}, map[string]int{}
	for id, item := range plan {
		k, o := string(item.Type)+" "+item.Name, got[id]
		if item.TargetID != "" {
			k += restore.DefaultCopySuffix
		}
		switch {
		case item.Action == restore.Change: // perhaps it has its name again
			most[string(item.Type)+" "+item.Name]++
			least[string(item.Type)+" "+item.TargetName]--
		case item.Action != restore.Create:
		case o.Status == runs.ItemSuccess:
			least[k]++
			most[k]++
		case o.Reason == runs.ReasonUnknownOutcome, o.Status == "", o.TargetID != "":
			most[k]++
		}
	}
	after := w.names(tenant)
	for k, n := range after {
		if n > before[k]+most[k] {
			t.Errorf("%d of %s, there were %d", n, k, before[k])
		}
	}
	for k, n := range before {
		if after[k] < n+least[k] {
			t.Errorf("%d of %s, there were %d", after[k], k, n)
		}
	}
}
