package graphserver_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

// FuzzAnswers asks for anything. There is always an answer, and it is JSON.
func FuzzAnswers(f *testing.F) {
	for _, target := range []string{
		"/beta/deviceManagement/configurationPolicies?$top=3&$filter=name eq 'x' or (not isof('a'))&$expand=settings,assignments",
		"/beta/deviceManagement/deviceCompliancePolicies?$expand=scheduledActionsForRule($expand=scheduledActionConfigurations)",
		"/beta/deviceManagement/deviceConfigurations('x')/getOmaSettingPlainTextValue(secretReferenceValueId='a')",
		"/beta/deviceManagement/configurationPolicies?$skiptoken=MS4xLnRydWU", "/v1.0/groups/x?$select=id", "/contoso/oauth2/v2.0/token",
		"/beta/deviceManagement/roleAssignments/x", "/beta/$batch", "/beta//", "/v1.0/identity/conditionalAccess/deletedItems/policies",
		"/beta/deviceManagement/groupPolicyDefinitions/x/presentations", "/beta/deviceAppManagement/mobileApps/x/assign",
	} {
		f.Add("GET", target, "application/json;odata.metadata=full", "")
		f.Add("POST", target, "", `{"displayName":"x","assignments":[{"target":null}],"settings":{}}`)
		f.Add("PATCH", target, "", `{"a":[{"@odata.type":"#microsoft.graph.x"}]}`)
	}
	f.Add("POST", "/beta/$batch", "", `{"requests":[{"id":"1","method":"GET","url":"/deviceManagement/intents?$top=1"},{"id":"2","method":"DELETE","url":"x","dependsOn":["1"],"body":null}]}`)
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		f.Fatal(err)
	}
	if err := g.AddTenant(tenant, graphtest.TenantConfig{Seed: 1, Policies: 40}); err != nil {
		f.Fatal(err)
	}
	s, err := graphserver.New(g, graphserver.Config{})
	if err != nil {
		f.Fatal(err)
	}
	token := graphserver.Token(tenant, graphserver.TokenOptions{})
	f.Fuzz(func(t *testing.T, method, target, accept, body string) {
		path, query, _ := strings.Cut(target, "?")
		r := &http.Request{
			Method: method, URL: &url.URL{Path: path, RawQuery: query}, Host: "graph.test", Body: http.NoBody,
			Header: http.Header{"Authorization": {"Bearer " + token}, "Accept": {accept}, "Content-Type": {"application/json"}},
		}
		if body != "" {
			r.Body = httptest.NewRequest("POST", "/", strings.NewReader(body)).Body
		}
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r.WithContext(t.Context()))
		if rec.Code < 200 || rec.Code > 599 || rec.Body.Len() > 0 && !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s %s: %d %.300s", method, target, rec.Code, rec.Body)
		}
	})
}

// FuzzTokens shows anything as a token. It never opens a tenant.
func FuzzTokens(f *testing.F) {
	f.Add("Bearer a.b.c")
	f.Add("Bearer .eyJ0aWQiOm51bGx9.")
	f.Add("Basic " + graphserver.Token(tenant, graphserver.TokenOptions{}))
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		f.Fatal(err)
	}
	s, err := graphserver.New(g, graphserver.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "/beta/deviceManagement/intents", nil)
		r.Header["Authorization"] = []string{header}
		rec := httptest.NewRecorder()
		if s.ServeHTTP(rec, r); rec.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d", header, rec.Code)
		}
	})
}
