package capture_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

func syncNow(t *testing.T, r *rig.Rig, types ...graph.PolicyType) runs.Run {
	t.Helper()
	run, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, capture.SyncRequest(types))
	if err != nil {
		t.Fatal(err)
	}
	r.Drain()
	return r.Run(run.ID)
}

func TestASyncThatIsThrottledGoesOnWhereItStopped(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 60})
	for _, typ := range []graph.PolicyType{access, compliance, settings} {
		inject(t, r, graphtest.Fault{Op: graphtest.OpList, Type: typ, Err: &graph.Error{Kind: graph.KindThrottled}})
	}
	run := syncNow(t, r, settings, access, compliance)
	want(t, r, run, outcome{runs.StatusSuccess, "", "", all(3), 4})
	breakdown := map[graph.PolicyType]capture.TypeBreakdown{}
	for _, typ := range []graph.PolicyType{access, compliance, settings} {
		breakdown[typ] = capture.TypeBreakdown{Listed: count(r, typ), Complete: true}
		if n := r.Graph.Count(rig.Tenant, graphtest.OpList, typ); n != 2 {
			t.Errorf("%s was listed %d times, want once throttled and once to its end", typ, n)
		}
	}
	if diff := cmp.Diff(breakdown, summaryOf(t, run).TypeBreakdown); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

func TestASyncMarksWhatIsGoneOnlyAfterACompleteListing(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 60, Graph: graphtest.Config{PageSize: 2}})
	gone := func() int {
		yes := true
		list, err := r.Archive.Policies(t.Context(), rig.Tenant, rig.Reader, backupset.PolicyFilter{Gone: &yes}, runs.PageRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	syncNow(t, r, settings)
	if err := r.Graph.Delete(rig.Tenant, settings, objectOf(r, settings)); err != nil {
		t.Fatal(err)
	}
	inject(t, r, graphtest.Fault{Op: graphtest.OpList, Times: 3, TruncateAfterPages: 1})
	run := syncNow(t, r, settings)
	if run.Status != runs.StatusPartial || run.Counts.Failed != 1 || gone() != 0 {
		t.Errorf("a broken listing: the run is %s with %+v, %d policies are gone; want partial and none", run.Status, run.Counts, gone())
	}
	run = syncNow(t, r, settings)
	if run.Status != runs.StatusSuccess || gone() != 1 {
		t.Errorf("a whole listing: the run is %s, %d policies are gone; want success and 1", run.Status, gone())
	}
}

func TestASyncThatIsNotPermittedFails(t *testing.T) {
	r := rig.New(t, rig.Options{})
	inject(t, r, graphtest.Fault{Op: graphtest.OpList, Type: settings, Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}})
	want(t, r, syncNow(t, r, settings, access), outcome{runs.StatusPartial, runs.CodeGraphForbidden, "", runs.Counts{Total: 2, Processed: 2, Succeeded: 1, Failed: 1}, 1})
	want(t, r, syncNow(t, r, settings), outcome{runs.StatusFailed, runs.CodeGraphForbidden, "", runs.Counts{Total: 1, Processed: 1, Failed: 1}, 1})
	want(t, r, syncNow(t, r, "fromTheFuture"), outcome{runs.StatusSkipped, runs.CodeUnknownPolicyType, "", runs.Counts{}, 1})
}
