package azauth_test

import (
	"io"
	"log"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/azauth"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// reached is a client that signs in by azauth at a Graph behind TLS, with a tenant in it.
func reached(t *testing.T, cfg graphserver.Config) (*msgraph.Client, *graphserver.Server) {
	t.Helper()
	tenants, err := graphtest.New(graphtest.Config{Clock: runs.SystemClock{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := tenants.AddTenant(contoso, graphtest.TenantConfig{Seed: 1, Policies: 5}); err != nil {
		t.Fatal(err)
	}
	if err := tenants.Grant(contoso, "Policy.Read.All"); err != nil {
		t.Fatal(err)
	}
	cfg.Clients = map[string]string{client: secret}
	server, err := graphserver.New(tenants, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(server)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	source, err := azauth.New(azauth.Config{App: secretApp(), Cloud: msgraph.Cloud{Login: s.URL, Graph: s.URL}, HTTP: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := msgraph.New(msgraph.Config{
		Tokens: source, BaseURL: s.URL, HTTP: s.Client(),
		Limits: map[graph.Workload]msgraph.Limit{graph.WorkloadAccess: {Rate: -1, Burst: -1, AtOnce: -1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, server
}

// A token that was revoked is replaced by one that answers Graph's challenge: what Graph demands
// goes through client and SDK to the sign-in service, and comes back in the token.
func TestAClientThatSignsInHere(t *testing.T) {
	c, server := reached(t, graphserver.Config{Faults: []graphserver.Fault{{Name: "token-revoked"}, {Name: "token-expired", FaultOptions: graphserver.FaultOptions{Type: "authenticationStrengthPolicy"}}}})
	granted, err := c.Permissions(t.Context(), contoso)
	if err != nil || !slices.Equal(granted, []string{"Policy.Read.All"}) {
		t.Errorf("granted %q, %v", granted, err)
	}
	for _, typ := range []graph.PolicyType{"namedLocation", "authenticationStrengthPolicy"} {
		if err := c.List(t.Context(), contoso, typ, func(graph.Page) error { return nil }); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
	}
	err = c.List(t.Context(), contoso, "mobileAppCategory", func(graph.Page) error { return nil })
	if graph.KindOf(err) != graph.KindForbidden {
		t.Errorf("a type without permission: %v", err)
	}
	if left := server.Unfired(); len(left) > 0 {
		t.Errorf("these faults did not happen: %v", left)
	}
}

// What the sign-in service says reaches whoever asked for policies.
func TestARefusedSignInEndsTheCall(t *testing.T) {
	c, _ := reached(t, graphserver.Config{})
	err := c.List(t.Context(), fabrikam, "namedLocation", func(graph.Page) error { return nil })
	if graph.KindOf(err) != graph.KindUnauthorized {
		t.Errorf("%v", err)
	}
	wantText(t, err, "AADSTS90002", "no such directory")
}
