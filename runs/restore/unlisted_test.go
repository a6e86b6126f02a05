package restore_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// A listing of which Graph left out the link to its next page looks whole. What it lacks is there
// all the same, and is neither called removed nor made a second time; what is really gone is.
func TestWhatAListingLacksIsLookedForByItsID(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t), Graph: graphtest.Config{PageSize: 2}}, nil, restore.PreviewerConfig{})
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		w.put(rig.Tenant, "widget", widget(id, "Widget "+id, `"v":1`))
	}
	set := w.backup()
	w.ok(w.Graph.Delete(rig.Tenant, "widget", "d"))
	w.put(rig.Tenant, "widget", widget("e", "Widget e", `"v":2`))
	w.ok(w.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Type: "widget", Times: -1, TruncateAfterPages: 1, Unnoticed: true}))

	drift := w.do(rig.Tenant, restore.DriftRequest(set, restore.DriftParams{}))
	got, err := w.service.Drift(t.Context(), rig.Tenant, rig.Reader, drift.ID)
	if err != nil {
		t.Fatalf("%s %s: %v", drift.Status, drift.ErrorMessage, err)
	}
	if len(got.Removed) != 1 || got.Removed[0].ExternalID != "d" || len(got.Changed) != 1 || got.Changed[0].ExternalID != "e" || got.UnchangedCount != 3 {
		t.Errorf("the drift report says removed %v, changed %v, unchanged %d", got.Removed, got.Changed, got.UnchangedCount)
	}

	run := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite}}))
	items, err := w.service.Items(t.Context(), rig.Tenant, rig.Reader, run.ID, restore.Filter{}, runs.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	actions := map[string]restore.Action{}
	for _, item := range items.Items {
		actions[item.ExternalID] = item.Action
	}
	want := map[string]restore.Action{"a": restore.Unchanged, "b": restore.Unchanged, "c": restore.Unchanged, "d": restore.Create, "e": restore.Change}
	if d := cmp.Diff(want, actions); d != "" {
		t.Error(d)
	}
}
