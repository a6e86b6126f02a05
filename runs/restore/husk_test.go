package restore_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// stopping makes objects and fails before they are complete.
type stopping struct {
	graph.Client
	made    error   // beside the id
	updates []error // of the first ones
}

func (s *stopping) Create(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
	id, err := s.Client.Create(ctx, tenant, t, body)
	if err != nil {
		return "", err
	}
	return id, s.made
}

func (s *stopping) Update(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, id string, body json.RawMessage) error {
	if len(s.updates) > 0 {
		err := s.updates[0]
		s.updates = s.updates[1:]
		return err
	}
	return s.Client.Update(ctx, tenant, t, id, body)
}

func TestAnObjectThatWasMadeAndIsNotCompleteIsCompletedAndNotMadeAgain(t *testing.T) {
	busy := &graph.Error{Op: "update", Kind: graph.KindThrottled, RetryAfter: time.Minute}
	refusal := &graph.Error{Op: "update", Kind: graph.KindInvalid}
	unseen := &graph.Error{Op: "update", Kind: graph.KindNotFound}
	for name, c := range map[string]struct {
		updates []error
		want    runs.ItemStatus
	}{
		"at once":                     {nil, runs.ItemSuccess},
		"in the next attempt":         {[]error{busy}, runs.ItemSuccess},
		"when Graph shows it":         {[]error{unseen, unseen}, runs.ItemSuccess},
		"unless Graph refuses it all": {[]error{refusal, refusal, refusal, refusal, refusal, refusal, refusal, refusal}, runs.ItemFailed},
	} {
		t.Run(name, func(t *testing.T) {
			w, preview := lostWorld(t, graphtest.Config{})
			w.restoring.Client = &stopping{w.Graph, &graph.Error{Op: "create", Kind: graph.KindUnavailable}, c.updates}
			w.runner = w.newRunner(restore.PreviewerConfig{})
			before := len(w.Graph.Snapshot(rig.Tenant))
			run := w.execute(rig.Tenant, preview)
			items := w.outcomes(rig.Tenant, run.ID)
			if later := name == "in the next attempt" || name == "when Graph shows it"; run.Attempt > 1 != later {
				t.Errorf("%d attempts", run.Attempt)
			}
			if made := len(w.Graph.Snapshot(rig.Tenant)) - before; made != len(items) {
				t.Errorf("%d objects were made for %d items", made, len(items))
			}
			got, want := map[runs.ItemStatus]bool{}, map[runs.ItemStatus]bool{c.want: true}
			for _, item := range items {
				got[item.Status] = true
				if item.TargetID == "" {
					t.Errorf("%s does not name its object: %s", item.PolicyID, item.Message)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
