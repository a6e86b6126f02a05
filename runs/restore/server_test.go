package restore_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// issued are tokens of a fake server.
type issued struct{}

func (issued) Token(_ context.Context, tenant graph.TenantID, _ string) (msgraph.Token, error) {
	return msgraph.Token{Value: graphserver.Token(tenant, graphserver.TokenOptions{}), Expires: rig.Start.AddDate(1, 0, 0)}, nil
}

// throughServer makes a world that reaches its Graph over HTTP only, and the server of it.
func throughServer(t testing.TB, o rig.Options) (*world, *graphserver.Server) {
	t.Helper()
	var server *graphserver.Server
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { server.ServeHTTP(rw, r) }))
	t.Cleanup(s.Close)
	free := msgraph.Limit{Rate: 1e6, Burst: 1e6, WriteRate: 1e6, WriteBurst: 1e6, AtOnce: 8}
	client, err := msgraph.New(msgraph.Config{BaseURL: s.URL, HTTP: s.Client(), Tokens: issued{}, Limits: map[graph.Workload]msgraph.Limit{
		graph.WorkloadIntune: free, graph.WorkloadAccess: free, graph.WorkloadDirectory: free,
	}})
	if err != nil {
		t.Fatal(err)
	}
	o.Capture.Reader = client
	w := newWorld(t, o, client, restore.PreviewerConfig{})
	w.restoring.Client = client
	w.runner = w.newRunner(restore.PreviewerConfig{})
	if server, err = graphserver.New(w.Graph, graphserver.Config{}); err != nil {
		t.Fatal(err)
	}
	return w, server
}

// TestAWriteThatIsOnlyAcceptedIsLookedInto lets Graph accept writes with 202, which promises
// nothing: what is there in the end is read, and nothing is made twice.
func TestAWriteThatIsOnlyAcceptedIsLookedInto(t *testing.T) {
	w, server := throughServer(t, rig.Options{Policies: 4, Types: []graph.PolicyType{"settingsCatalogPolicy"}})
	set := w.backup()
	gone := false
	for key := range w.Graph.Snapshot(rig.Tenant) {
		if key.Type != "settingsCatalogPolicy" {
			continue
		}
		if !gone {
			gone = true
			w.ok(w.Graph.Delete(rig.Tenant, key.Type, key.ID))
			continue
		}
		w.ok(w.Graph.Change(rig.Tenant, key.Type, key.ID, 7))
	}
	preview := w.previewRun(rig.Tenant, set, restore.PreviewParams{Options: overwrite}).ID
	const policies = "/deviceManagement/configurationPolicies"
	for method, n := range map[string]int{http.MethodPost: 2, http.MethodPut: 1} { // a create, an assignment, an update
		w.ok(server.Fault("accepted", graphserver.FaultOptions{Method: method, Path: policies, Times: n}))
	}
	run := w.execute(rig.Tenant, preview)
	if left := server.Unfired(); len(left) > 0 {
		t.Errorf("faults that did not happen: %v", left)
	}
	if run.Status != runs.StatusSuccess {
		t.Errorf("the run is %s %s: %v", run.Status, run.ErrorMessage, said(w.outcomes(rig.Tenant, run.ID)))
	}
	for name, n := range w.names(rig.Tenant) {
		if n != 1 {
			t.Errorf("%d of %s", n, name)
		}
	}
	if n := w.Graph.Count(rig.Tenant, graphtest.OpCreate, "settingsCatalogPolicy"); n != 1 {
		t.Errorf("a policy was made %d times", n)
	}
}

// wipe deletes what an administrator can delete, changes the rest, and returns what it was.
func (w *world) wipe() map[graphtest.Key]graph.Policy {
	w.t.Helper()
	gone := map[graphtest.Key]graph.Policy{}
	for key, p := range w.Graph.Snapshot(rig.Tenant) {
		if gone[key] = p; w.standing(p) {
			w.ok(w.Graph.Change(rig.Tenant, key.Type, key.ID, 7))
			continue
		}
		w.ok(w.Graph.Delete(rig.Tenant, key.Type, key.ID))
	}
	return gone
}

// standing tells whether a policy is one that every tenant has.
func (w *world) standing(p graph.Policy) bool {
	w.t.Helper()
	info, _ := graph.Catalog.Lookup(p.Type)
	object, err := p.Decode()
	w.ok(err)
	return info.Write.Default.Applies(object)
}

// lost are the types that cannot come back, and why.
var lost = map[graph.PolicyType]runs.Reason{
	"groupPolicyUploadedDefinitionFile": runs.ReasonUnsupportedType, // Graph does not give the files back
}

func TestAWipedTenantComesBackThroughTheServer(t *testing.T) {
	testenv.SlowUnderRace(t)
	policies, _ := graphtest.GeneratedTypes()
	w, _ := throughServer(t, rig.Options{Policies: 240, Types: append(policies, graphtest.RareTypes()...)})
	set := w.backup()
	gone := w.wipe()
	run := w.execute(rig.Tenant, w.previewRun(rig.Tenant, set, restore.PreviewParams{Options: overwrite}).ID)
	items := w.outcomes(rig.Tenant, run.ID)

	var ids []string // old and new, of those that stand for themselves wherever they are
	tags := map[string]string{}
	types := map[graph.PolicyType]bool{}
	reasons := map[graph.PolicyType]runs.Reason{}
	for key := range gone {
		switch item := items[key.ID]; item.Status {
		case runs.ItemSuccess:
			types[key.Type] = true
			switch {
			case key.Type == "roleScopeTag":
				tags[key.ID] = item.TargetID // a small number
			case item.TargetID != key.ID:
				ids = append(ids, key.ID, item.TargetID)
			}
		default:
			reasons[key.Type] = item.Reason
			t.Logf("%s %s: %s %s %s", key.Type, key.ID, item.Status, item.Reason, item.Message)
		}
	}
	if len(ids) == 0 {
		t.Fatalf("nothing has a new id: the run is %s %s %s", run.Status, run.ErrorCode, run.ErrorMessage)
	}
	mapped := strings.NewReplacer(ids...)
	canon := backupset.NewCanonicalizer(graph.Catalog)
	live := w.Graph.Snapshot(rig.Tenant)
	for key, p := range gone {
		item := items[key.ID]
		if item.Status != runs.ItemSuccess {
			continue
		}
		now, ok := live[graphtest.Key{Type: key.Type, ID: item.TargetID}]
		if !ok {
			t.Errorf("%s %s is not there as %q", key.Type, key.ID, item.TargetID)
			continue
		}
		if bytes.Contains(p.Raw, []byte(`"isEncrypted":true`)) {
			// Graph says of a secret that it was written in the clear until it has been read again.
			if bytes.Contains(now.Raw, []byte(`"****"`)) || !bytes.Contains(now.Raw, []byte(`"secret of `)) {
				t.Errorf("%s %s: its secrets are not back", key.Type, key.ID)
			}
			continue
		}
		p.Raw = []byte(mapped.Replace(string(p.Raw)))
		if p.Parts = slices.Clone(p.Parts); item.TargetID == key.ID && w.standing(p) { // it is not assigned to anybody
			p.Parts, now.Parts = nil, nil
		}
		for i := range p.Parts {
			p.Parts[i].Raw = []byte(mapped.Replace(string(p.Parts[i].Raw)))
		}
		want, err := canon.Append(nil, w.retagged(p, tags))
		w.ok(err)
		got, err := canon.Append(nil, &now)
		w.ok(err)
		if diff := gocmp.Diff(strings.SplitAfter(string(want), ","), strings.SplitAfter(string(got), ",")); diff != "" {
			t.Errorf("%s %s: %s", key.Type, key.ID, diff)
		}
	}
	if diff := gocmp.Diff(lost, reasons); diff != "" {
		t.Errorf("types that do not come back (-want +got):\n%s", diff)
	}
	for _, info := range graph.Catalog.All() {
		if _, no := lost[info.Key]; info.Capturable() && types[info.Key] == no {
			t.Errorf("%s is back: %v", info.Key, types[info.Key])
		}
	}
}

// retagged is a policy whose scope tags have other ids, in one piece.
func (w *world) retagged(p graph.Policy, tags map[string]string) *graph.Policy {
	w.t.Helper()
	info, _ := graph.Catalog.Lookup(p.Type)
	object, err := p.Decode()
	w.ok(err)
	for _, rule := range info.Refs {
		if rule.Type == "roleScopeTag" {
			rule.Rewrite(object, func(id string) string { return cmp.Or(tags[id], id) })
		}
	}
	raw, err := json.Marshal(object)
	w.ok(err)
	return &graph.Policy{Type: p.Type, ID: p.ID, Raw: raw}
}
