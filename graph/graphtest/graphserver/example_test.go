package graphserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

// A program that speaks to Microsoft Graph is pointed at a server of the test's own.
func Example() {
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := g.AddTenant("contoso", graphtest.TenantConfig{Seed: 1, Policies: 100}); err != nil {
		fmt.Println(err)
		return
	}
	handler, err := graphserver.New(g, graphserver.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	ask := func(token string) {
		req, err := http.NewRequest(http.MethodGet, server.URL+"/beta/deviceManagement/configurationPolicies", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := server.Client().Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close()
		var page struct {
			Value []json.RawMessage `json:"value"`
			Next  string            `json:"@odata.nextLink"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(resp.StatusCode, len(page.Value), "policies, more:", page.Next != "")
	}
	ask("not a token")
	ask(graphserver.Token("contoso", graphserver.TokenOptions{}))
	// Output:
	// 401 0 policies, more: false
	// 200 25 policies, more: true
}

// logged is a client of one's own: it wraps another one.
type logged struct{ graph.Client }

// A client of one's own, with a server between it and the tenants, is tried on the promises of
// every client.
func ExampleServer_Inject() {
	var _ = func(t *testing.T) { // func TestMyClient
		graphtest.Run(t, func(t testing.TB, g *graphtest.Graph) graphtest.Subject {
			server, err := graphserver.New(g, graphserver.Config{})
			if err != nil {
				t.Fatal(err)
			}
			front := httptest.NewServer(server)
			t.Cleanup(front.Close)
			unlimited := msgraph.Limit{Rate: -1, Burst: -1, WriteRate: -1, WriteBurst: -1, AtOnce: -1}
			client, err := msgraph.New(msgraph.Config{
				BaseURL: front.URL, Tokens: anyTenant{g},
				MaxWait: time.Millisecond, // what Graph asks to wait for longer is an error
				Limits: map[graph.Workload]msgraph.Limit{
					graph.WorkloadIntune: unlimited, graph.WorkloadAccess: unlimited, graph.WorkloadDirectory: unlimited,
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			return graphtest.Subject{Client: logged{client}, Inject: server.Inject}
		})
	}
}

// anyTenant signs in with what the tenants of a Graph grant.
type anyTenant struct{ graph *graphtest.Graph }

func (a anyTenant) Token(ctx context.Context, tenant graph.TenantID, _ string) (msgraph.Token, error) {
	roles, err := a.graph.Permissions(ctx, tenant)
	return msgraph.Token{Value: graphserver.Token(tenant, graphserver.TokenOptions{Roles: roles})}, err
}
