package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/azauth"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/runs"
)

const guid = "0c0c0c0c-1111-4222-8333-444444444444"

// fake starts a fake Graph behind HTTP until the test ends.
func fake(t *testing.T, o fakeOptions) *fakeGraph {
	t.Helper()
	o.addr, o.seed = "127.0.0.1:0", demoSeed
	if o.size == 0 {
		o.size = 12
	}
	f, err := startFake(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestFlagsOfGraphThatDoNotFitAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-graph", "azure"},
		{"-graph-url", "http://127.0.0.1:9000"},
		{"-graph-cloud", "dod"},
		{"-graph-no-batch", "-graph", "fake"},
		{"-graph-tenants", "contoso=" + guid},
		{"-graph", "msgraph", "-graph-cloud", "mars"},
		{"-graph", "msgraph", "-graph-tenants", "contoso"},
		{"-graph", "msgraph", "-graph-tenants", "nobody=" + guid},
		{"-graph", "msgraph", "-fault", "slow"},
		{"-fault", "no-such-fault"},
		{"-fault", "gone:tenant=contosso"},
	} {
		code, _, errOut := call(t, append([]string{"serve", "-data", t.TempDir()}, args...)...)
		if code != exitUsage || !strings.Contains(errOut, args[len(args)-2]) || strings.Contains(args[1], "tenant=") && !strings.Contains(errOut, "option tenant") {
			t.Errorf("%q: exit code %d, %q", args, code, errOut)
		}
	}
}

func TestWhoSignsIn(t *testing.T) {
	for _, tc := range []struct {
		name  string
		flags graphFlags
		env   map[string]string
		want  string // what people are told, or the error
	}{
		{"a Graph on this machine", graphFlags{url: "http://localhost:9000"}, nil, "its own tokens"},
		{"by its address", graphFlags{url: "http://[::1]:9000"}, nil, "its own tokens"},
		{"a secret", graphFlags{cloud: "global"}, map[string]string{"AZURE_TENANT_ID": guid, "AZURE_CLIENT_ID": guid, "AZURE_CLIENT_SECRET": "s3cret"}, "the client secret"},
		{"a certificate", graphFlags{cloud: "dod"}, map[string]string{"AZURE_TENANT_ID": guid, "AZURE_CLIENT_ID": guid, "AZURE_CLIENT_CERTIFICATE_PATH": "app.pem"}, "the certificate in app.pem"},
		{"a workload", graphFlags{cloud: "china", tenants: directories{"fabrikam": guid}}, map[string]string{"AZURE_CLIENT_ID": guid, "AZURE_FEDERATED_TOKEN_FILE": "/token"}, "the token in /token"},
		{"the machine", graphFlags{cloud: "global"}, map[string]string{"AZURE_TENANT_ID": guid}, "the system-assigned managed identity"},
		{"another address", graphFlags{cloud: "global", url: "https://proxy.example"}, map[string]string{"AZURE_TENANT_ID": guid}, "the system-assigned managed identity"},
		{"no directory", graphFlags{cloud: "global"}, map[string]string{"AZURE_CLIENT_ID": guid, "AZURE_CLIENT_SECRET": "s3cret"}, "-graph-tenants or AZURE_TENANT_ID"},
		{"no app", graphFlags{cloud: "global"}, map[string]string{"AZURE_TENANT_ID": guid, "AZURE_CLIENT_SECRET": "s3cret"}, "AZURE_CLIENT_ID is required"},
	} {
		_, what, err := tc.flags.signIn(func(name string) string { return tc.env[name] })
		if got := fmt.Sprint(what, err); !strings.Contains(got, tc.want) || strings.Contains(got, "s3cret") {
			t.Errorf("%s: %s", tc.name, got)
		}
	}
}

// A tenant that is not named has no directory, rather than somebody else's.
func TestEveryTenantHasItsOwnDirectory(t *testing.T) {
	var d directories
	if err := d.parse("contoso=" + guid + ", fabrikam=fabrikam.example"); err != nil {
		t.Fatal(err)
	}
	for tenant, want := range map[graph.TenantID]azauth.Tenant{"contoso": {Directory: guid}, "fabrikam": {Directory: "fabrikam.example"}} {
		if got, err := d.signIn(t.Context(), tenant); err != nil || got != want {
			t.Errorf("%s: %+v, %v", tenant, got, err)
		}
	}
	alone := directories{demoTenant: guid}
	_, err := alone.signIn(t.Context(), "fabrikam")
	if graph.KindOf(err) != graph.KindUnauthorized || !strings.Contains(err.Error(), "-graph-tenants") {
		t.Errorf("a tenant without a directory: %v", err)
	}
	_, err = newLoopbackTokens("http://127.0.0.1:1", alone, func(string) string { return "" }).Token(t.Context(), "fabrikam", "")
	if graph.KindOf(err) != graph.KindUnauthorized || !strings.Contains(err.Error(), "-graph-tenants") {
		t.Errorf("at a Graph on this machine: %v", err)
	}
}

// What fakegraph prints can be given to -graph-url, whatever it listens on.
func TestAFakeGraphThatListensEverywhereIsReachedOnThisMachine(t *testing.T) {
	for addr, want := range map[string]string{"0.0.0.0": "localhost:9000", "::": "localhost:9000", "127.0.0.1": "127.0.0.1:9000", "::1": "[::1]:9000"} {
		if got := reachable(&net.TCPAddr{IP: net.ParseIP(addr), Port: 9000}); got != want || !loopbackURL("http://"+got) {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

func TestATokenOfAGraphOnThisMachine(t *testing.T) {
	status, body, asked := http.StatusOK, `{"access_token":"abc","expires_in":3600}`, ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		asked = r.URL.Path + " " + r.PostForm.Encode()
		w.Header().Set("Retry-After", "2.5")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	defer s.Close()
	tokens := newLoopbackTokens(s.URL+"/", nil, func(name string) string {
		return map[string]string{"AZURE_CLIENT_ID": "me", "AZURE_CLIENT_SECRET": "s3cret"}[name]
	})
	tokens.http.Transport = s.Client().Transport
	got, err := tokens.Token(t.Context(), "contoso", `{"x":1}`)
	if left := time.Until(got.Expires); err != nil || got.Value != "abc" || left < 59*time.Minute || left > time.Hour {
		t.Errorf("%+v, %v", got, err)
	}
	for _, want := range []string{"/contoso/oauth2/v2.0/token ", "client_id=me", "client_secret=s3cret", "grant_type=client_credentials", ".default", "claims="} {
		if !strings.Contains(asked, want) {
			t.Errorf("asked %s without %s", asked, want)
		}
	}
	for _, tc := range []struct {
		status int
		body   string
		kind   graph.Kind
	}{{401, "s3cret", graph.KindUnauthorized}, {302, "", graph.KindUnauthorized}, {429, "", graph.KindThrottled}, {503, "", graph.KindUnavailable}, {200, "s3cret", graph.KindUnavailable}, {200, "{}", graph.KindUnavailable}} {
		status, body = tc.status, tc.body
		_, err := tokens.Token(t.Context(), "contoso", "")
		if graph.KindOf(err) != tc.kind || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%d %s: %v", tc.status, tc.body, err)
		}
		if tc.kind.Retryable() && tc.status != http.StatusOK && graph.RetryAfterOf(err) != 2500*time.Millisecond {
			t.Errorf("%d: waits %s", tc.status, graph.RetryAfterOf(err))
		}
	}
	s.Close()
	if _, err := tokens.Token(t.Context(), "contoso", ""); graph.KindOf(err) != graph.KindUnavailable || errors.Is(err, context.Canceled) {
		t.Errorf("nobody there: %v", err)
	}
}

// What an app may not read is forbidden in the run, and the rest is backed up: what the
// preflight said before.
func TestARunWithoutSomePermissionsGoesOn(t *testing.T) {
	f := fake(t, fakeOptions{granted: "DeviceManagementConfiguration.Read.All,GroupMember.Read.All"})
	s := serveOn(t, serveOptions{
		source: source{data: t.TempDir()}, addr: "127.0.0.1:0", role: roleAll, migrate: true, perTenant: 1,
		graph: graphFlags{kind: graphRequest, cloud: "global", url: f.base},
	}, f.base)
	types := []string{"deviceCompliancePolicy", "conditionalAccessPolicy", "mobileAppCategory", "roleScopeTag"}
	readable := map[string]bool{}
	var permissions struct {
		Items []struct {
			Type   string `json:"policy_type"`
			Backup bool
		}
	}
	if code := s.do(t, "GET", contoso+"/permissions", owner, "", &permissions); code != 200 {
		t.Fatalf("permissions: %d", code)
	}
	for _, p := range permissions.Items {
		readable[p.Type] = p.Backup
	}
	want := map[string]bool{"deviceCompliancePolicy": true, "conditionalAccessPolicy": false, "mobileAppCategory": false, "roleScopeTag": true}
	run := s.finish(t, "/backup-sets", `{"name":"By hand","policy_types":["`+strings.Join(types, `","`)+`"]}`)
	if run.Status != "partial" || run.ErrorCode != "GRAPH_FORBIDDEN" {
		t.Errorf("the run is %+v", run)
	}
	got := map[string]bool{}
	for _, key := range types {
		b := run.Summary.Types[key]
		got[key] = b.Complete && b.Captured > 0 && !b.Forbidden
		if b.Forbidden == got[key] {
			t.Errorf("%s: %+v", key, b)
		}
		if readable[key] != want[key] {
			t.Errorf("the preflight says %v of %s", readable[key], key)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("captured (-want +got):\n%s", diff)
	}
	only := s.finish(t, "/backup-sets", `{"name":"Nothing","policy_types":["conditionalAccessPolicy"]}`)
	if only.Status != "failed" || only.ErrorCode != "GRAPH_FORBIDDEN" {
		t.Errorf("a run that may read nothing: %+v", only)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// Throttling and errors can be tried by hand, and a backup gets over them; a type that is
// forbidden shows that they happen.
func TestTheFakeGraphWithFaults(t *testing.T) {
	var faults []graphserver.Fault
	for _, text := range []string{"throttled-seconds:retry-after=0.01,times=2", "server-error:retry-after=0.01,times=1,nth=4", "forbidden:type=roleScopeTag"} {
		f, err := graphserver.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, f)
	}
	s := serveOn(t, serveOptions{
		source: source{data: t.TempDir()}, addr: "127.0.0.1:0", role: roleAll, migrate: true, perTenant: 1,
		graph: graphFlags{kind: graphFake, cloud: "global", faults: faults},
	}, "a fake one with faults")
	run := s.finish(t, "/backup-sets", `{"name":"By hand","policy_types":["assignmentFilter","roleScopeTag"]}`)
	if types := run.Summary.Types; run.Status != "partial" || !types["roleScopeTag"].Forbidden || !types["assignmentFilter"].Complete {
		t.Errorf("the run is %+v", run)
	}
	if page := s.download(t, "/metrics"); !strings.Contains(page, `tenantbackup_graph_wait_seconds_count{tenantbackup_graph_wait_reason="throttled"`) {
		t.Error("the waits are not measured")
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

func TestGraphIsWrittenToByRequests(t *testing.T) {
	f := fake(t, fakeOptions{})
	g := graphFlags{kind: graphRequest, cloud: "global", url: f.base}
	c, err := g.connect(t.Context(), surroundings{clock: runs.SystemClock{}})
	if err != nil {
		t.Fatal(err)
	}
	id, err := c.client.Create(t.Context(), "contoso", "deviceCategory", []byte(`{"displayName":"Kiosks","description":""}`))
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.client.Get(t.Context(), "contoso", "deviceCategory", []string{id})
	if err != nil || list[0].Err != nil || list[0].Policy.Name != "Kiosks" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestWithoutBatchesEveryReadIsARequest(t *testing.T) {
	f := fake(t, fakeOptions{})
	to, err := url.Parse(f.base)
	if err != nil {
		t.Fatal(err)
	}
	for _, noBatch := range []bool{false, true} {
		var batches atomic.Int64
		forward := httputil.NewSingleHostReverseProxy(to)
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/$batch") {
				batches.Add(1)
			}
			forward.ServeHTTP(w, r)
		}))
		t.Cleanup(proxy.Close)
		c, err := graphFlags{kind: graphRequest, cloud: "global", url: proxy.URL, noBatch: noBatch}.connect(t.Context(), surroundings{clock: runs.SystemClock{}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.client.Get(t.Context(), "contoso", "deviceConfiguration", []string{guid, guid[:35] + "5"})
		if err != nil || len(got) != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		if asked := batches.Load() > 0; asked == noBatch {
			t.Errorf("without batches %t: %d batches", noBatch, batches.Load())
		}
	}
}

// A restore writes through the real client, also to the fake one: what was deleted there is
// there again.
func TestARestoreWritesToTheGraphThatItReads(t *testing.T) {
	f := fake(t, fakeOptions{})
	s := serveOn(t, serveOptions{
		source: source{data: t.TempDir()}, addr: "127.0.0.1:0", role: roleAll, migrate: true, perTenant: 1,
		graph: graphFlags{kind: graphRequest, cloud: "global", url: f.base},
	}, f.base)
	set := s.begin(t, "/backup-sets", `{"name":"By hand","policy_types":["deviceCategory"]}`).BackupSetID
	token, err := newLoopbackTokens(f.base, nil, func(string) string { return "" }).Token(t.Context(), demoTenant, "")
	if err != nil {
		t.Fatal(err)
	}
	at := server{base: f.base}
	categories := func() (list struct {
		Value []struct{ ID, DisplayName string }
	}) {
		if code := at.do(t, "GET", "/v1.0/deviceManagement/deviceCategories", token.Value, "", &list); code != 200 || len(list.Value) == 0 {
			t.Fatalf("categories: %d, %+v", code, list)
		}
		return list
	}
	before := categories()
	if code := at.do(t, "DELETE", "/v1.0/deviceManagement/deviceCategories/"+before.Value[0].ID, token.Value, "", nil); code != 204 {
		t.Fatalf("delete: %d", code)
	}
	preview := s.begin(t, "/backup-sets/"+set+"/restore-previews", "")
	s.begin(t, "/restores", `{"preview_run_id":"`+preview.ID+`","reason":"deleted by mistake"}`)
	names := map[string]int{}
	for _, c := range categories().Value {
		names[c.DisplayName]++
	}
	for _, c := range before.Value {
		if names[c.DisplayName] != 1 {
			t.Errorf("%s is there %d times", c.DisplayName, names[c.DisplayName])
		}
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}
