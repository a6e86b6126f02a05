package restore_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// overwrite brings back everything.
var overwrite = restore.Options{Existing: restore.Overwrite, Assignments: restore.OriginalAssignments, Access: restore.AccessOriginal}

const because = "somebody changed what they should not"

// previewRun makes a preview and returns its run.
func (w *world) previewRun(tenant graph.TenantID, set runs.ID, p restore.PreviewParams) runs.Run {
	w.t.Helper()
	run := w.do(tenant, restore.PreviewRequest(set, p))
	if run.Status != runs.StatusSuccess {
		w.t.Fatalf("the preview is %s %s %s", run.Status, run.ErrorCode, run.ErrorMessage)
	}
	return run
}

// execute does what a preview says.
func (w *world) execute(tenant graph.TenantID, preview runs.ID) runs.Run {
	w.t.Helper()
	return w.do(tenant, restore.ExecuteRequest(preview, because, true))
}

// outcomes returns the items of a run by the captured id.
func (w *world) outcomes(tenant graph.TenantID, run runs.ID) map[string]runs.Item {
	w.t.Helper()
	list, err := w.Store.ListItems(w.t.Context(), tenant, run, runs.ItemFilter{}, runs.Slice{Limit: 100_000})
	w.ok(err)
	out := map[string]runs.Item{}
	for _, item := range list {
		out[item.PolicyID] = item
	}
	return out
}

// said tells how many items of a run ended how.
func said(items map[string]runs.Item) map[string]int {
	n := map[string]int{}
	for _, item := range items {
		what := string(item.Status)
		if item.Reason != "" {
			what += " " + string(item.Reason)
		}
		n[what]++
	}
	return n
}

func summaryOf(t testing.TB, run runs.Run) (s restore.ExecuteSummary) {
	t.Helper()
	if err := json.Unmarshal(run.Summary, &s); err != nil {
		t.Fatalf("%s %s %s: summary %s: %v", run.Status, run.ErrorCode, run.ErrorMessage, run.Summary, err)
	}
	return s
}

// disturb deletes, renames and changes every third policy of each kind.
func (w *world) disturb(set runs.ID) {
	w.t.Helper()
	for i, item := range w.SetItems(set) {
		info, _ := graph.Catalog.Lookup(item.Type)
		switch {
		case info.Support != graph.Restorable:
		case i%3 == 0:
			w.ok(w.Graph.Delete(rig.Tenant, item.Type, item.ExternalID))
		case i%3 == 1:
			w.ok(w.Graph.Change(rig.Tenant, item.Type, item.ExternalID, uint64(i)))
		case i%2 == 0:
			w.ok(w.Graph.Rename(rig.Tenant, item.Type, item.ExternalID, fmt.Sprintf("Renamed %d", i)))
		}
	}
}

func TestARestoreMakesTheTenantWhatItWas(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := newWorld(t, rig.Options{Policies: 120}, nil, restore.PreviewerConfig{})
	set := w.backup()
	w.disturb(set)
	first := w.previewRun(rig.Tenant, set, restore.PreviewParams{Options: overwrite})
	_, before := w.outcome(rig.Tenant, first)
	run := w.execute(rig.Tenant, first.ID)
	got := w.outcomes(rig.Tenant, run.ID)
	if len(got) != len(before) || run.Counts.Processed != len(before) || run.Counts.Total != len(before) {
		t.Errorf("%d outcomes, counts %+v of %d items", len(got), run.Counts, len(before))
	}
	_, after := w.preview(rig.Tenant, set, restore.PreviewParams{Options: overwrite})
	for id, item := range got {
		if item.Status == runs.ItemSuccess && after[id].Action != restore.Unchanged {
			t.Errorf("%s %s was restored and is %s %s: %v", item.PolicyType, id, after[id].Action, after[id].Reason, after[id].Diff)
		}
		if item.Status == runs.ItemFailed {
			t.Errorf("%s %s: %s %s", item.PolicyType, id, item.Reason, item.Message)
		}
	}
	s := summaryOf(t, run)
	want := restore.ExecuteSummary{Created: actions(before)["create"], Changed: actions(before)["change"]}
	want.Skipped = len(before) - want.Created - want.Changed
	for _, item := range before {
		if item.Action == restore.Blocked {
			want.Blocked++
		}
	}
	if want.Blocked == 0 || want.Blocked == want.Skipped {
		t.Errorf("nothing tells blocked from skipped: %+v", want)
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("summary: %s", diff)
	}
	selected := map[graphtest.Key]bool{}
	for _, item := range got {
		selected[graphtest.Key{Type: item.PolicyType, ID: item.TargetID}] = true
	}
	for _, k := range w.Graph.Written(rig.Tenant) {
		if !selected[k] {
			t.Errorf("%v was written and is no item's", k)
		}
	}
}
