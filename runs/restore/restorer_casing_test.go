package restore_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// forged is a source whose Conditional Access policies have a second state.
type forged struct{ restore.Source }

func (f forged) Payload(ctx context.Context, tenant graph.TenantID, version runs.ID) ([]byte, error) {
	raw, err := f.Source.Payload(ctx, tenant, version)
	if err != nil {
		return nil, err
	}
	p, err := backupset.Decode(raw)
	if err != nil {
		return nil, err
	}
	p.Raw = bytes.Replace(p.Raw, []byte(`"state"`), []byte(`"State":"enabled","state"`), 1)
	return backupset.Encode(&p)
}

// TestASecondStateIsNeitherPreviewedNorRestored takes what a file brought: to a preview, and to
// a restore of a preview that did not see it. A drift report only compares.
func TestASecondStateIsNeitherPreviewedNorRestored(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil, restore.PreviewerConfig{})
	const ca = graph.PolicyType("conditionalAccessPolicy")
	w.put(rig.Tenant, ca, `{"id":"gone","displayName":"Gone","state":"disabled"}`)
	w.put(rig.Tenant, ca, `{"id":"on","displayName":"On","state":"enabled"}`)
	set := w.backup()
	w.ok(w.Graph.Delete(rig.Tenant, ca, "gone"))
	w.put(rig.Tenant, ca, `{"id":"on","displayName":"On","state":"disabled"}`)
	p := restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite}}
	unseen := w.previewRun(rig.Tenant, set, p)
	if _, plan := w.outcome(rig.Tenant, unseen); plan["gone"].Action != restore.Create {
		t.Fatalf("without it: %v", actions(plan))
	}

	w.runner = w.newRunner(restore.PreviewerConfig{Source: forged{w.Store}})
	_, items := w.preview(rig.Tenant, set, p)
	for _, item := range items {
		if item.Action != restore.Blocked || item.Reason != runs.ReasonInvalidPayload {
			t.Errorf("%s: %s %s", item.Name, item.Action, item.Reason)
		}
	}
	_, drift := w.outcome(rig.Tenant, w.do(rig.Tenant, restore.DriftRequest(set, restore.DriftParams{})))
	if drift["on"].Action != restore.Change || drift["gone"].Action != restore.Removed {
		t.Errorf("a drift report says %v", actions(drift))
	}

	w.restoring.Source = forged{w.Store}
	w.runner = w.newRunner(restore.PreviewerConfig{})
	run := w.execute(rig.Tenant, unseen.ID)
	if got := w.outcomes(rig.Tenant, run.ID); got["gone"].Reason != runs.ReasonInvalidPayload || w.Graph.Writes(rig.Tenant) != 0 {
		t.Errorf("%s, %v, %d writes", run.Status, said(got), w.Graph.Writes(rig.Tenant))
	}
}
