package restore_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

func TestADriftReportSaysWhatChangedSinceTheBackup(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{SaveSize: 2})
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		w.put(rig.Tenant, "widget", widget(id, "Widget "+id, `"v":1,"password":"canary-old"`))
	}
	set := w.backup()
	w.put(rig.Tenant, "widget", widget("a", "Widget a", `"v":2,"password":"canary-new"`))
	w.ok(w.Graph.Delete(rig.Tenant, "widget", "b"))
	w.put(rig.Tenant, "widget", widget("n", "Widget b", `"v":1`)) // of the deleted one's name
	w.put(rig.Tenant, "gadget", `{"id":"g","displayName":"New gadget"}`)

	run := w.do(rig.Tenant, restore.DriftRequest(set, restore.DriftParams{}))
	got, err := w.service.Drift(t.Context(), rig.Tenant, rig.Reader, run.ID)
	if err != nil {
		t.Fatalf("%s %s: %v", run.Status, run.ErrorMessage, err)
	}
	ref := func(pt, id, name string) backupset.PolicyRef {
		return backupset.PolicyRef{Type: "widget", ExternalID: id, Name: name}
	}
	want := restore.Drift{
		Added:   []backupset.PolicyRef{{Type: "gadget", ExternalID: "g", Name: "New gadget"}, ref("widget", "n", "Widget b")},
		Removed: []backupset.PolicyRef{ref("widget", "b", "Widget b")},
		Changed: []backupset.ChangedPolicy{{PolicyRef: ref("widget", "a", "Widget a"), Diff: []backupset.Change{
			{Path: "password", Op: backupset.OpReplace, Before: []byte(`"[masked]"`), After: []byte(`"[masked]"`)},
			{Path: "v", Op: backupset.OpReplace, Before: []byte("1"), After: []byte("2")},
		}}},
		UnchangedCount: 3,
	}
	if want.Added[0].Type != got.Added[0].Type {
		want.Added[0], want.Added[1] = want.Added[1], want.Added[0]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if run.Status != runs.StatusSuccess || run.Counts.Total != 7 || run.Counts.Succeeded != 7 {
		t.Errorf("%s %+v", run.Status, run.Counts)
	}
}

func TestADriftReportOfASelectionSaysNothingOfOthers(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.put(rig.Tenant, "widget", widget("a", "A", ""))
	w.put(rig.Tenant, "widget", widget("b", "B", ""))
	set := w.backup()
	w.ok(w.Graph.Delete(rig.Tenant, "widget", "b"))
	w.put(rig.Tenant, "widget", widget("n", "N", ""))
	run := w.do(rig.Tenant, restore.DriftRequest(set, restore.DriftParams{ItemIDs: []runs.ID{w.SetItems(set)[0].ID}}))
	_, items := w.outcome(rig.Tenant, run)
	if d := cmp.Diff(map[string]int{"unchanged": 1}, actions(items)); d != "" {
		t.Error(d)
	}
}

// TestASetOfSinglePoliciesKnowsNothingOfOthers: a set that was made of selected policies does
// not tell what else there was.
func TestASetOfSinglePoliciesKnowsNothingOfOthers(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.put(rig.Tenant, "widget", widget("a", "A", ""))
	w.put(rig.Tenant, "widget", widget("b", "B", ""))
	w.backup() // fills the inventory
	policies, err := w.Store.ListPolicies(t.Context(), rig.Tenant, backupset.PolicyFilter{Search: "A"}, runs.Slice{Limit: 10})
	w.ok(err)
	run := w.do(rig.Tenant, capture.CreateSetRequest("One", capture.Selection{PolicyIDs: []runs.ID{policies[0].ID}}))
	drift := w.do(rig.Tenant, restore.DriftRequest(run.BackupSetID, restore.DriftParams{}))
	_, items := w.outcome(rig.Tenant, drift)
	if d := cmp.Diff(map[string]int{"unchanged": 1}, actions(items)); d != "" {
		t.Error(d)
	}
}

func TestADriftReportIsNoPreview(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.put(rig.Tenant, "widget", widget("a", "A", ""))
	set := w.backup()
	drift := w.do(rig.Tenant, restore.DriftRequest(set, restore.DriftParams{}))
	if _, _, err := w.starter.Start(t.Context(), rig.Tenant, rig.Owner, restore.ExecuteRequest(drift.ID, "because", true)); !errors.Is(err, runs.ErrInvalid) {
		t.Errorf("it is executed: %v", err)
	}
	preview := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{}))
	if _, err := w.service.Drift(t.Context(), rig.Tenant, rig.Owner, preview.ID); !errors.Is(err, runs.ErrNotFound) {
		t.Errorf("a preview is a drift report: %v", err)
	}
}

// TestAListingThatBrokeOffAddsNothing: what it showed may be new, and may not.
func TestAListingThatBrokeOffAddsNothing(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t), Graph: graphtest.Config{PageSize: 1}}, nil, restore.PreviewerConfig{})
	w.put(rig.Tenant, "widget", widget("a", "A", ""))
	set := w.backup()
	w.ok(w.Graph.Delete(rig.Tenant, "widget", "a"))
	w.put(rig.Tenant, "widget", widget("n", "N", ""))
	w.put(rig.Tenant, "widget", widget("a", "A", ""))
	w.ok(w.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Type: "widget", TruncateAfterPages: 1, Times: -1}))
	_, items := w.outcome(rig.Tenant, w.do(rig.Tenant, restore.DriftRequest(set, restore.DriftParams{})))
	if d := cmp.Diff(map[string]int{"blocked incomplete_capture": 1}, actions(items)); d != "" {
		t.Error(d)
	}
}
