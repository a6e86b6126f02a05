package restore_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

func TestAPreviewOfAnUnchangedTenantSaysUnchanged(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{})
	set := w.backup()
	for _, o := range []restore.Options{{}, {Existing: restore.Overwrite, Assignments: restore.OriginalAssignments}, {Existing: restore.CreateCopy}} {
		preview, items := w.preview(rig.Tenant, set, restore.PreviewParams{Options: o})
		if diff := cmp.Diff(map[string]int{"unchanged": len(w.SetItems(set))}, actions(items)); diff != "" {
			t.Errorf("%+v: %s", o, diff)
		}
		if preview.Totals[restore.Unchanged] != len(items) {
			t.Errorf("totals %v", preview.Totals)
		}
	}
	if n := w.Graph.Writes(rig.Tenant); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestAPreviewIntoAnEmptyTenantMakesEverything(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{})
	w.empty(9)
	set := w.backup()
	_, items := w.preview(fabrikam, set, restore.PreviewParams{SourceTenant: rig.Tenant})
	t.Log(actions(items))
	for _, i := range items {
		if i.Action == restore.Blocked && i.Reason != runs.ReasonSecretsMasked {
			t.Log(i.Type, i.Name, i.Reason, i.Warnings)
		}
	}
}

func TestADeletedAndAChangedPolicy(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{})
	set := w.backup()
	items := w.SetItems(set)
	for i, item := range items {
		switch {
		case i%3 == 0:
			w.ok(w.Graph.Delete(rig.Tenant, item.Type, item.ExternalID))
		case i%3 == 1:
			w.ok(w.Graph.Change(rig.Tenant, item.Type, item.ExternalID, uint64(i)))
		}
	}
	_, got := w.preview(rig.Tenant, set, restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite, Access: restore.AccessOriginal}})
	t.Log(actions(got))
	for i, item := range items {
		g := got[item.ExternalID]
		t.Log(i%3, g.Type, g.Name, g.Action, g.Reason, g.Warnings, len(g.Diff))
	}
}
