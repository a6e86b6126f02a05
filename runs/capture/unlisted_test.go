package capture_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// cut ends listings after two pages, and nothing tells.
func cut(times int) graphtest.Fault {
	return graphtest.Fault{Op: graphtest.OpList, Times: times, TruncateAfterPages: 2, Unnoticed: true}
}

// inPages is a tenant whose settings catalog needs several pages.
func inPages() rig.Options {
	return rig.Options{Policies: 200, Graph: graphtest.Config{PageSize: 5}}
}

func goneOf(t *testing.T, r *rig.Rig) map[string]bool {
	t.Helper()
	yes := true
	list, err := r.Archive.Policies(t.Context(), rig.Tenant, rig.Reader, backupset.PolicyFilter{Gone: &yes}, runs.PageRequest{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	gone := map[string]bool{}
	for _, p := range list.Items {
		gone[p.ExternalID] = true
	}
	return gone
}

// removed compares two runs' sets and counts what is removed and what is uncertain.
func removed(t *testing.T, r *rig.Rig, before, after runs.Run) (sure, uncertain int) {
	t.Helper()
	c, err := r.Archive.Compare(t.Context(), rig.Tenant, rig.Owner, before.BackupSetID, after.BackupSetID)
	if err != nil {
		t.Fatal(err)
	}
	return len(c.Removed), len(c.Uncertain)
}

func TestAPolicyBehindAMissingLinkIsCapturedAndTheTypeIncomplete(t *testing.T) {
	for _, typ := range []graph.PolicyType{settings, access} { // access: rows are whole captures
		t.Run(string(typ), func(t *testing.T) {
			r := rig.New(t, inPages())
			s := r.Schedule(only(typ))
			first := r.Backup(s.ID)
			n := count(r, typ)
			if n <= 10 {
				t.Fatalf("%d policies are on two pages", n)
			}
			inject(t, r, cut(-1))
			second := r.Backup(s.ID)
			want(t, r, second, outcome{runs.StatusPartial, runs.CodeItemsFailed, backupset.Partial,
				runs.Counts{Total: n + 1, Processed: n + 1, Succeeded: n, Failed: 1}, 1})
			if got := summaryOf(t, second).TypeBreakdown[typ]; got != (capture.TypeBreakdown{Listed: n, Captured: n}) {
				t.Errorf("the account of the type is %+v, want all captured and not complete", got)
			}
			for _, item := range r.Items(second.ID) {
				if item.Status == runs.ItemFailed && (item.PolicyID != "" || item.Reason != runs.ReasonIncompleteCapture) {
					t.Errorf("%s failed with %s, want only the type with %s", item.PolicyID, item.Reason, runs.ReasonIncompleteCapture)
				}
			}
			if gone := goneOf(t, r); len(gone) > 0 {
				t.Errorf("%d policies are called gone", len(gone))
			}
			if sure, _ := removed(t, r, first, second); sure > 0 {
				t.Errorf("%d policies are called removed", sure)
			}
			rowsAddUp(t, r, second)
			sound(t, r)
		})
	}
}

func TestALinkThatWasMissingOnceIsMadeUpByListingAgain(t *testing.T) {
	r := rig.New(t, inPages())
	s := r.Schedule(only(settings))
	r.Backup(s.ID)
	inject(t, r, cut(1))
	run := r.Backup(s.ID)
	want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(count(r, settings)), 1})
	rows := 0
	for _, n := range r.Set(run).Types[0].Pages {
		rows += n
	}
	if rows != count(r, settings) {
		t.Errorf("the pages of the account have %d rows, want those of the listing that was whole", rows)
	}
	sound(t, r)
}

func TestWhatWasDeletedIsGoneAlsoBesideAMissingLink(t *testing.T) {
	r := rig.New(t, inPages())
	s := r.Schedule(only(settings))
	r.Backup(s.ID)
	id := objectOf(r, settings)
	if err := r.Graph.Delete(rig.Tenant, settings, id); err != nil {
		t.Fatal(err)
	}
	inject(t, r, cut(-1))
	run := r.Backup(s.ID)
	if gone := goneOf(t, r); run.Status != runs.StatusPartial || len(gone) != 1 || !gone[id] {
		t.Errorf("the run is %s and %v are gone; want partial and the deleted one", run.Status, gone)
	}
}

func TestAMassDeletionCostsFewCallsAndOnlyOnce(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 400})
	s := r.Schedule(only(settings))
	first := r.Backup(s.ID)
	n := 0
	for key := range r.Graph.Snapshot(rig.Tenant) {
		if key.Type == settings {
			n++
			if err := r.Graph.Delete(rig.Tenant, settings, key.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := r.Graph.Count(rig.Tenant, graphtest.OpGet, settings)
	second := r.Backup(s.ID)
	if calls := r.Graph.Count(rig.Tenant, graphtest.OpGet, settings) - before; calls != (n+79)/80 || n < 100 {
		t.Errorf("%d deleted policies were asked for in %d calls; want at least 100 in calls of 80", n, calls)
	}
	want(t, r, second, outcome{runs.StatusSuccess, "", backupset.Complete, all(0), 1})
	if sure, _ := removed(t, r, first, second); len(goneOf(t, r)) != n || sure != n {
		t.Errorf("%d are gone and %d removed, want %d", len(goneOf(t, r)), sure, n)
	}
	before = r.Graph.Count(rig.Tenant, graphtest.OpGet, settings)
	r.Backup(s.ID)
	if calls := r.Graph.Count(rig.Tenant, graphtest.OpGet, settings) - before; calls != 0 {
		t.Errorf("what is gone was asked for again in %d calls", calls)
	}
}

func TestWhatCannotBeAskedForIsNeitherGoneNorASuccess(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault graphtest.Fault
		code  runs.Code
		want  runs.Reason
	}{
		{"the policy is forbidden", graphtest.Fault{Op: graphtest.OpItem, Err: &graph.Error{Kind: graph.KindForbidden}}, runs.CodeGraphForbidden, runs.ReasonForbidden},
		{"the call is forbidden", graphtest.Fault{Op: graphtest.OpGet, Err: &graph.Error{Kind: graph.KindForbidden}}, runs.CodeGraphForbidden, runs.ReasonForbidden},
		{"the policy cannot be read", graphtest.Fault{Op: graphtest.OpItem, Err: &graph.Error{Kind: graph.KindInternal}}, runs.CodeItemsFailed, runs.ReasonInternal},
		{"the call fails", graphtest.Fault{Op: graphtest.OpItem, FailCall: true, Err: &graph.Error{Kind: graph.KindInternal}}, runs.CodeItemsFailed, runs.ReasonInternal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rig.New(t, rig.Options{})
			s := r.Schedule(only(settings))
			first := r.Backup(s.ID)
			id := objectOf(r, settings)
			if err := r.Graph.Delete(rig.Tenant, settings, id); err != nil {
				t.Fatal(err)
			}
			tt.fault.ID, tt.fault.Times = id, -1
			inject(t, r, tt.fault)
			run, n := r.Backup(s.ID), count(r, settings)
			want(t, r, run, outcome{runs.StatusPartial, tt.code, backupset.Partial,
				runs.Counts{Total: n + 2, Processed: n + 2, Succeeded: n, Failed: 2}, 1})
			for _, item := range r.Items(run.ID) {
				if item.Status == runs.ItemFailed && (item.Reason != tt.want || item.PolicyID != id && item.PolicyID != "") {
					t.Errorf("%s failed with %s, want the policy and the type with %s", item.PolicyID, item.Reason, tt.want)
				}
			}
			if sure, uncertain := removed(t, r, first, run); len(goneOf(t, r)) != 0 || sure != 0 || uncertain != 1 {
				t.Errorf("%v are gone, %d removed, %d uncertain; want one uncertain", goneOf(t, r), sure, uncertain)
			}
			rowsAddUp(t, r, run)
			r.Graph.ClearFaults()
			r.Backup(s.ID)
			if gone := goneOf(t, r); len(gone) != 1 {
				t.Errorf("%v are gone after a backup that could ask, want the deleted one", gone)
			}
		})
	}
}

func TestAThrottledQuestionIsAskedByALaterAttempt(t *testing.T) {
	r := rig.New(t, rig.Options{})
	s := r.Schedule(only(settings))
	r.Backup(s.ID)
	id := objectOf(r, settings)
	if err := r.Graph.Delete(rig.Tenant, settings, id); err != nil {
		t.Fatal(err)
	}
	inject(t, r, graphtest.Fault{Op: graphtest.OpGet, ID: id, Err: &graph.Error{Kind: graph.KindThrottled}})
	run := r.Backup(s.ID)
	want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(count(r, settings)), 2})
	if gets := r.Graph.Count(rig.Tenant, graphtest.OpGet, settings); !goneOf(t, r)[id] || gets != 2+2 {
		t.Errorf("%d calls and %v gone; want the deleted one gone and what was captured not read again", gets, goneOf(t, r))
	}
}

func TestASyncCallsNothingGoneThatIsBehindAMissingLink(t *testing.T) {
	r := rig.New(t, inPages())
	syncNow(t, r, settings)
	inject(t, r, cut(-1))
	run := syncNow(t, r, settings)
	want(t, r, run, outcome{runs.StatusPartial, runs.CodeItemsFailed, "", runs.Counts{Total: 1, Processed: 1, Failed: 1}, 1})
	if gone := goneOf(t, r); len(gone) > 0 {
		t.Errorf("%d policies are called gone", len(gone))
	}
}

// issued are tokens of a fake server.
type issued struct{}

func (issued) Token(_ context.Context, tenant graph.TenantID, _ string) (msgraph.Token, error) {
	return msgraph.Token{Value: graphserver.Token(tenant, graphserver.TokenOptions{}), Expires: rig.Start.AddDate(1, 0, 0)}, nil
}

// overHTTP is a rig that reaches its Graph through a server only.
func overHTTP(t *testing.T) (*rig.Rig, *graphserver.Server) {
	t.Helper()
	later := &lateReader{}
	r := rig.New(t, rig.Options{Policies: 200, Graph: graphtest.Config{PageSize: 5}, Capture: capture.Config{Reader: later}})
	server, err := graphserver.New(r.Graph, graphserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(server)
	t.Cleanup(s.Close)
	free := msgraph.Limit{Rate: 1e6, Burst: 1e6, WriteRate: 1e6, WriteBurst: 1e6, AtOnce: 8}
	later.Reader, err = msgraph.New(msgraph.Config{BaseURL: s.URL, HTTP: s.Client(), Tokens: issued{}, Limits: map[graph.Workload]msgraph.Limit{
		graph.WorkloadIntune: free, graph.WorkloadAccess: free, graph.WorkloadDirectory: free,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r, server
}

// lateReader is a reader that is known later than whoever uses it.
type lateReader struct{ graph.Reader }

func TestALinkThatIsMissingOverHTTPCallsNothingGone(t *testing.T) {
	r, server := overHTTP(t)
	schedule := r.Schedule(only(settings, access))
	first := r.Backup(schedule.ID)
	n := count(r, settings, access)
	want(t, r, first, outcome{runs.StatusSuccess, "", backupset.Complete, all(n), 1})
	if err := server.Fault("link-missing", graphserver.FaultOptions{Only: "direct", Times: -1}); err != nil {
		t.Fatal(err)
	}
	run := r.Backup(schedule.ID)
	want(t, r, run, outcome{runs.StatusPartial, runs.CodeItemsFailed, backupset.Partial,
		runs.Counts{Total: n + 2, Processed: n + 2, Succeeded: n, Failed: 2}, 1})
	if sure, _ := removed(t, r, first, run); sure != 0 || len(goneOf(t, r)) != 0 {
		t.Errorf("%d are removed and %d gone, want none", sure, len(goneOf(t, r)))
	}
}

func TestAnAppThatTheListingLeavesOutIsNoMissingLink(t *testing.T) {
	const app, id = graph.PolicyType("mobileApp"), "5c1f7d0e-3a52-4c0e-9f0a-1f4d1f6f7a01"
	r, _ := overHTTP(t)
	put := func(assigned bool) {
		t.Helper()
		if err := r.Graph.Put(rig.Tenant, graph.Policy{
			Type: app, ID: id, Name: "Everybody's app", ODataType: "#microsoft.graph.managedIOSStoreApp",
			Raw:   fmt.Appendf(nil, `{"@odata.type":"#microsoft.graph.managedIOSStoreApp","id":%q,"displayName":"Everybody's app","appAvailability":"global","isAssigned":%v}`, id, assigned),
			Parts: []graph.Part{{Name: "assignments", Raw: []byte("[]")}, {Name: "categories", Raw: []byte("[]")}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	put(true)
	s := r.Schedule(only(app))
	first := r.Backup(s.ID)
	want(t, r, first, outcome{runs.StatusSuccess, "", backupset.Complete, all(count(r, app)), 1})
	put(false)
	want(t, r, r.Backup(s.ID), outcome{runs.StatusSuccess, "", backupset.Complete, all(count(r, app) - 1), 1})
	if gone := goneOf(t, r); !gone[id] || len(gone) != 1 {
		t.Errorf("%v are gone, want the app that nobody uses", gone)
	}
}
