package restore_test

import (
	"fmt"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// twin adds the second tenant, empty, with groups of the same names as the first one's, under
// other ids. Users and applications of the same names are in every tenant of the fake.
func (w *world) twin() {
	w.t.Helper()
	var refs []graph.Reference
	for i, r := range w.Graph.Directory(rig.Tenant) {
		if r.Kind == "group" {
			r.ID = fmt.Sprintf("0000abcd-0000-4000-8000-%012d", i)
			refs = append(refs, r)
		}
	}
	w.ok(w.Graph.AddTenant(fabrikam, graphtest.TenantConfig{Seed: 99, Directory: refs}))
}

// TestAWholeTenantIsRestoredIntoAnEmptyOne makes what others refer to first, and maps the ids
// of what is made, of groups, users and applications.
func TestAWholeTenantIsRestoredIntoAnEmptyOne(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := newWorld(t, rig.Options{Policies: 150}, nil, restore.PreviewerConfig{})
	w.twin()
	set := w.backup()
	p := restore.PreviewParams{SourceTenant: rig.Tenant, Options: restore.Options{
		Existing: restore.Overwrite, Assignments: restore.MappedAssignments, Access: restore.AccessOriginal,
	}}
	first := w.previewRun(fabrikam, set, p)
	_, before := w.outcome(fabrikam, first)
	run := w.execute(fabrikam, first.ID)
	got := w.outcomes(fabrikam, run.ID)
	_, after := w.preview(fabrikam, set, p)
	assigned := 0
	for id, item := range before {
		switch o := got[id]; {
		case item.Action != restore.Create:
			if item.Action != restore.Blocked && item.Action != restore.Skip {
				t.Errorf("%s %s: %s", item.Type, item.Name, item.Action)
			}
		case o.Status != runs.ItemSuccess:
			t.Errorf("%s %s: %s %s %s", item.Type, item.Name, o.Status, o.Reason, o.Message)
		case after[id].Action != restore.Unchanged:
			t.Errorf("%s %s: %s %s %v", item.Type, item.Name, after[id].Action, after[id].Reason, after[id].Diff)
		}
	}
	for _, call := range w.Graph.WriteLog(fabrikam) {
		if call.Op == graphtest.OpAssign {
			assigned++
		}
		if !call.Done {
			t.Errorf("%s of %s was refused", call.Op, call.Key.Type)
		}
	}
	if actions(before)["create"] < 120 || assigned < 50 || run.Status != runs.StatusSuccess {
		t.Errorf("%d would be made, %d are assigned, the run is %s", actions(before)["create"], assigned, run.Status)
	}
	log, err := w.Store.ListAudit(t.Context(), fabrikam, runs.AuditFilter{Actions: []string{"restore.started"}}, runs.Slice{Limit: 10})
	w.ok(err)
	if len(log) != 1 || log[0].Details["source_tenant"] != string(rig.Tenant) || log[0].Details["set_name"] != "" {
		t.Errorf("the log of a tenant tells what a set of another one is called: %+v", log)
	}
	if n := w.Graph.Writes(rig.Tenant); n != 0 {
		t.Errorf("%d writes to the tenant that the set is of", n)
	}
}
