package msgraph_test

import (
	"net/http/httptest"
	"testing"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

func TestABackupThroughTheClientIsTheTenant(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: 120})
	s, err := graphserver.New(r.Graph, graphserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := msgraph.New(msgraph.Config{
		BaseURL: server.URL, Limits: unlimited, Tokens: token(graphserver.Token(rig.Tenant, graphserver.TokenOptions{Roles: readOnly})),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Runner = r.NewRunner(rig.Options{Catalogue: graph.Catalog, Capture: capture.Config{Reader: c}})
	var every []graph.PolicyType
	for _, info := range graph.Catalog.All() {
		if info.Capturable() && !info.Foundation {
			every = append(every, info.Key)
		}
	}
	run := r.Backup(r.Schedule(func(d *backupsched.Draft) { d.PolicyTypes, d.IncludeFoundations = every, true }).ID)
	if run.Status != runs.StatusSuccess {
		t.Fatalf("the run is %s %s: %s", run.Status, run.ErrorCode, run.ErrorMessage)
	}
	set := r.Set(run)
	if set.Status != backupset.Complete {
		t.Errorf("the set is %s", set.Status)
	}
	canon := backupset.NewCanonicalizer(graph.Catalog)
	captured := map[graphtest.Key]backupset.Hash{}
	for _, item := range r.SetItems(set.ID) {
		captured[graphtest.Key{Type: item.Type, ID: item.ExternalID}] = item.Hash
	}
	for key, p := range r.Graph.Snapshot(rig.Tenant) {
		want, err := canon.Hash(&p)
		if err != nil {
			t.Fatal(err)
		}
		if captured[key] != want {
			t.Errorf("%v: the backup has hash %v, want %v", key, captured[key], want)
		}
		delete(captured, key)
	}
	settings := graphtest.Key{Type: "deviceManagementSettings", ID: "deviceManagementSettings"} // which no tenant is without
	if _, ok := captured[settings]; !ok {
		t.Error("the backup lacks the settings of the tenant")
	}
	delete(captured, settings)
	if len(captured) > 0 {
		t.Errorf("the backup has what the tenant has not: %v", captured)
	}
}
