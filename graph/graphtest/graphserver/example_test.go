package graphserver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
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
