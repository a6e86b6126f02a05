package restore_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// round executes a preview, approves what waits, and makes the next preview by a retry. It
// returns the ended run, how many requests it made, and the next preview: "" after a success.
func (w *world) round(preview runs.ID) (run runs.Run, asked int, next runs.ID) {
	w.t.Helper()
	before := len(w.Graph.Approvals(rig.Tenant))
	run = w.execute(rig.Tenant, preview)
	asked = len(w.Graph.Approvals(rig.Tenant)) - before
	if w.Graph.Decide(rig.Tenant, graphtest.ApprovalGiven) != asked {
		w.t.Errorf("not all of %d requests wait", asked)
	}
	if run.Status == runs.StatusSuccess {
		return run, asked, ""
	}
	retry, _, err := w.starter.Retry(w.t.Context(), rig.Tenant, rig.Owner, run.ID)
	w.ok(err)
	w.drain()
	return run, asked, retry.ID
}

// TestARestoreGoesOnOnceItsWritesAreApproved restores gadgets, and widgets that refer to them and
// are assigned: each round asks for the approval of what the one before has made possible.
func TestARestoreGoesOnOnceItsWritesAreApproved(t *testing.T) {
	w, preview := lostWorld(t, graphtest.Config{ApprovalRequired: []graph.PolicyType{"widget", "gadget"}})
	for i, want := range []struct {
		asked  int
		status runs.Status
		why    map[runs.Reason]int
	}{
		{2, runs.StatusFailed, map[runs.Reason]int{runs.ReasonApprovalRequired: 2, runs.ReasonDependencyMissing: 3}},
		{3, runs.StatusPartial, map[runs.Reason]int{runs.ReasonApprovalRequired: 3}}, // gadgets are made, widgets asked for
		{3, runs.StatusFailed, map[runs.Reason]int{runs.ReasonApprovalRequired: 3}},  // widgets are made, not assigned
		{0, runs.StatusSuccess, nil},
	} {
		run, asked, next := w.round(preview)
		why := map[runs.Reason]int{}
		for _, item := range w.outcomes(rig.Tenant, run.ID) {
			if item.Status == runs.ItemFailed {
				why[item.Reason]++
			}
			if item.Reason == runs.ReasonApprovalRequired && !strings.Contains(item.Message, "a9900000-0000-4000-8000-") {
				t.Errorf("round %d: %s does not say which request waits: %s", i, item.PolicyID, item.Message)
			}
		}
		if run.Status != want.status || asked != want.asked || len(why) != len(want.why) {
			t.Fatalf("round %d: %s, %d requests, %v", i, run.Status, asked, why)
		}
		for reason, n := range want.why {
			if why[reason] != n {
				t.Errorf("round %d: %v, want %v", i, why, want.why)
			}
		}
		preview = next
	}
	for name, n := range w.names(rig.Tenant) {
		if n != 1 {
			t.Errorf("%d of %s", n, name)
		}
	}
	for _, a := range w.Graph.Approvals(rig.Tenant) {
		if a.Status != graphtest.ApprovalCompleted || a.Justification != because {
			t.Errorf("a request is %+v", a)
		}
	}
}

// TestAWriteIsNotMadeTwiceBecauseItsApprovalTakesLong retries before anybody has approved.
func TestAWriteIsNotMadeTwiceBecauseItsApprovalTakesLong(t *testing.T) {
	w, server := throughServer(t, rig.Options{Policies: 4, Types: []graph.PolicyType{"settingsCatalogPolicy"}})
	set := w.backup()
	var changed graphtest.Key
	for changed = range w.Graph.Snapshot(rig.Tenant) {
		if changed.Type == "settingsCatalogPolicy" {
			break
		}
	}
	w.ok(w.Graph.Change(rig.Tenant, changed.Type, changed.ID, 7))
	preview := w.previewRun(rig.Tenant, set, restore.PreviewParams{Options: overwrite}).ID
	w.ok(server.Fault("approval", graphserver.FaultOptions{Method: http.MethodPut, Type: changed.Type}))
	for range 2 {
		run := w.execute(rig.Tenant, preview)
		if item := w.outcomes(rig.Tenant, run.ID)[changed.ID]; item.Reason != runs.ReasonApprovalRequired || len(w.Graph.Approvals(rig.Tenant)) != 1 {
			t.Fatalf("%s %s, requests %+v", item.Reason, item.Message, w.Graph.Approvals(rig.Tenant))
		}
		retry, _, err := w.starter.Retry(t.Context(), rig.Tenant, rig.Owner, run.ID)
		w.ok(err)
		w.drain()
		preview = retry.ID
	}
	w.Graph.Decide(rig.Tenant, graphtest.ApprovalGiven)
	if run := w.execute(rig.Tenant, preview); run.Status != runs.StatusSuccess {
		t.Errorf("approved: %s %v", run.Status, said(w.outcomes(rig.Tenant, run.ID)))
	}
	if a := w.Graph.Approvals(rig.Tenant)[0]; a.Status != graphtest.ApprovalCompleted || !strings.HasPrefix(a.Justification, because+" [write ") {
		t.Errorf("the request is %+v", a)
	}
}

// TestARetryFinishesWhatItsRunHasBegun has options by which what exists is left alone: that speaks
// of what others have made.
func TestARetryFinishesWhatItsRunHasBegun(t *testing.T) {
	for _, existing := range []restore.Existing{restore.SkipExisting, restore.CreateCopy} {
		t.Run(string(existing), func(t *testing.T) {
			w, preview := lostWorld(t, graphtest.Config{ApprovalRequired: []graph.PolicyType{"widget", "gadget"}})
			old, err := w.service.Get(t.Context(), rig.Tenant, rig.Owner, preview)
			w.ok(err)
			preview = w.previewRun(rig.Tenant, old.SetID, restore.PreviewParams{
				Options: restore.Options{Existing: existing, Assignments: restore.OriginalAssignments}, ItemIDs: w.itemsOf(old.SetID, "widget", "gadget"),
				Unfinished: w.itemsOf(old.SetID, "widget"), // nobody can say so
			}).ID
			if p := string(w.run(preview).Params); strings.Contains(p, "unfinished") {
				t.Errorf("the preview's parameters are %s", p)
			}
			_, _, preview = w.round(preview) // gadgets are asked for
			_, _, preview = w.round(preview) // gadgets are made, widgets asked for
			w.put(rig.Tenant, "widget", widget("other", "Widget 1", `"v":2,"gadget":"g1"`))
			run, asked, preview := w.round(preview) // two widgets are made, not assigned
			if asked != 2 {
				t.Fatalf("%d requests: %v", asked, said(w.outcomes(rig.Tenant, run.ID)))
			}
			_, items := w.outcome(rig.Tenant, w.run(preview))
			want := map[string]restore.Action{"w0": restore.Change, "w1": map[bool]restore.Action{true: restore.Create, false: restore.Skip}[existing == restore.CreateCopy], "w2": restore.Change}
			for id, action := range want {
				if items[id].Action != action {
					t.Errorf("%s: %s %s, want %s", id, items[id].Action, items[id].Reason, action)
				}
			}
			if len(items) != len(want) {
				t.Errorf("the retry is of %d items", len(items))
			}
			rounds := 0
			for ; preview != "" && rounds < 6; rounds++ {
				_, _, preview = w.round(preview)
			}
			if p, _ := w.Graph.Object(rig.Tenant, "widget", "other"); !strings.Contains(string(p.Raw), `"v":2`) {
				t.Errorf("what was there is %s", p.Raw)
			}
			copies := w.names(rig.Tenant)["widget Widget 1 (restored)"]
			if preview != "" || w.names(rig.Tenant)["widget Widget 0"] != 1 || (copies == 1) != (existing == restore.CreateCopy) {
				t.Errorf("after %d rounds there are %v", rounds, w.names(rig.Tenant))
			}
		})
	}
}

// TestARetryOfACanceledRetryStillFinishesWhatWasBegun retries a retry that came to nothing.
func TestARetryOfACanceledRetryStillFinishesWhatWasBegun(t *testing.T) {
	w, preview := lostWorld(t, graphtest.Config{ApprovalRequired: []graph.PolicyType{"widget", "gadget"}})
	old, err := w.service.Get(t.Context(), rig.Tenant, rig.Owner, preview)
	w.ok(err)
	preview = w.previewRun(rig.Tenant, old.SetID, restore.PreviewParams{
		Options: restore.Options{Existing: restore.SkipExisting, Assignments: restore.OriginalAssignments}, ItemIDs: w.itemsOf(old.SetID, "widget", "gadget"),
	}).ID
	for range 3 { // gadgets are asked for, then widgets, then their assignments
		_, _, preview = w.round(preview)
	}
	for range 2 {
		run := w.start(rig.Tenant, restore.ExecuteRequest(preview, because, true))
		_, err := w.starter.Cancel(t.Context(), rig.Tenant, rig.Owner, run.ID)
		w.ok(err)
		w.drain()
		retry, _, err := w.starter.Retry(t.Context(), rig.Tenant, rig.Owner, run.ID)
		w.ok(err)
		w.drain()
		preview = retry.ID
		_, items := w.outcome(rig.Tenant, retry)
		if got := actions(items); len(got) != 1 || got["change"] != 3 {
			t.Fatalf("the retry says %v", got)
		}
	}
	if run := w.execute(rig.Tenant, preview); run.Status != runs.StatusSuccess {
		t.Errorf("%s %v", run.Status, said(w.outcomes(rig.Tenant, run.ID)))
	}
}

// itemsOf are the items of a set that are of some types.
func (w *world) itemsOf(set runs.ID, types ...graph.PolicyType) (ids []runs.ID) {
	for _, item := range w.SetItems(set) {
		if slices.Contains(types, item.Type) {
			ids = append(ids, item.ID)
		}
	}
	return ids
}

// run is a run as it is stored.
func (w *world) run(id runs.ID) runs.Run {
	w.t.Helper()
	run, err := w.Store.GetRun(w.t.Context(), rig.Tenant, id)
	w.ok(err)
	return run
}

// protected are types that Microsoft names as protected by Multi Admin Approval; the last two are
// in every tenant of a rig.
var protected = []graph.PolicyType{
	"settingsCatalogPolicy", "deviceCompliancePolicy", "compliancePolicyV2", "deviceManagementScript", "deviceHealthScript", "mobileApp", "deviceCategory", "roleDefinition",
}

// TestAWipedTenantComesBackOnceAllIsApproved goes through the server, in as many rounds as the
// requests of the policy take that has the most.
func TestAWipedTenantComesBackOnceAllIsApproved(t *testing.T) {
	testenv.SlowUnderRace(t)
	w, _ := throughServer(t, rig.Options{Policies: 60, Types: protected[:6], Graph: graphtest.Config{ApprovalRequired: protected}})
	set := w.backup()
	w.wipe()
	preview := w.previewRun(rig.Tenant, set, restore.PreviewParams{Options: overwrite}).ID
	rounds := 0
	for ; preview != "" && rounds < 12; rounds++ {
		var run runs.Run
		if run, _, preview = w.round(preview); preview != "" && rounds == 11 {
			t.Errorf("after %d rounds: %v", rounds+1, said(w.outcomes(rig.Tenant, run.ID)))
		}
	}
	_, drift := w.outcome(rig.Tenant, w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{Options: overwrite})))
	types := map[graph.PolicyType]int{}
	for _, item := range drift {
		if types[item.Type]++; item.Action != restore.Unchanged {
			t.Errorf("%s %s: %s %s", item.Type, item.Name, item.Action, item.Reason)
		}
	}
	for _, typ := range protected {
		if types[typ] == 0 {
			t.Errorf("there was no %s", typ)
		}
	}
	for _, a := range w.Graph.Approvals(rig.Tenant) {
		if a.Status != graphtest.ApprovalCompleted {
			t.Errorf("a request for %v is %s", a.Key, a.Status)
		}
	}
}
