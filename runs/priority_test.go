package runs_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

// TestRunsThatNobodyWaitsForAskGraphWithLowPriority: those that no person started.
func TestRunsThatNobodyWaitsForAskGraphWithLowPriority(t *testing.T) {
	low := map[runs.Trigger]bool{}
	r := rig.New(t, with(func(ctx context.Context, a *runs.Attempt) error {
		low[a.Run().Trigger] = graph.LowPriority(ctx)
		return nil
	}))
	begin(t, r, "a person's")
	if _, _, err := r.Starter.StartSystem(t.Context(), rig.Tenant, runs.Request{Kind: kindTest, Key: "the engine's"}); err != nil {
		t.Fatal(err)
	}
	r.Drain()
	want := map[runs.Trigger]bool{runs.TriggerManual: false, runs.TriggerSystem: true}
	if diff := cmp.Diff(want, low); diff != "" {
		t.Error(diff)
	}
}
