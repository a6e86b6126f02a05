package msgraph_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

func TestResolveFindsObjectsByIDAndByName(t *testing.T) {
	const app = "?$select=id,appId,displayName"
	s := serveCanned(t, map[string]any{
		"/v1.0/groups/g1" + groupQuery: `{"id":"g1","displayName":"Staff"}`,
		"/v1.0/groups?$filter=displayName eq 'Staff & O''Neil'&$select=id,displayName,membershipRule": `{"value":[
			{"id":"g2","displayName":"STAFF & o'neil","membershipRule":"r"},{"id":"g3","displayName":"Staff & O'Neil","membershipRule":"s"},{"id":"g4","displayName":"Staff & O'Neil 2"}]}`,
		"/v1.0/users/u1?$select=id,displayName":                                                               `{"id":"u1","displayName":"U"}`,
		"/v1.0/users?$filter=displayName eq 'U'&$select=id,displayName":                                       `{"value":[{"id":"u1","displayName":"U"}]}`,
		"/v1.0/servicePrincipals(appId='c1')" + app:                                                           `{"id":"o1","appId":"c1","displayName":"App"}`,
		"/v1.0/servicePrincipals?$filter=displayName eq 'App'&$select=id,appId,displayName":                   `{"value":[{"id":"o1","appId":"c1","displayName":"App"}]}`,
		"/v1.0/servicePrincipals/o1" + app:                                                                    `{"id":"o1","appId":"c1","displayName":"App"}`,
		"/v1.0/roleManagement/directory/roleDefinitions/r1?$select=id,displayName":                            `{"id":"r1","displayName":"Role"}`,
		"/v1.0/roleManagement/directory/roleDefinitions?$filter=displayName eq 'Role'&$select=id,displayName": `{"value":[]}`,
		"/v1.0/groups/bad id" + groupQuery:                                                                    400,
	})
	got, err := s.client(t).Resolve(t.Context(), contoso, []graph.Reference{
		{Kind: "group", ID: "g1", Name: "Staff & O'Neil"},
		{Kind: "group", ID: "gone", Name: "Staff & O'Neil", Rule: "s"},
		{Kind: "user", ID: "u1", Name: "U"},
		{Kind: "application", ID: "c1", Name: "App"},
		{Kind: "servicePrincipal", ID: "o1", Name: "App"},
		{Kind: "role", ID: "r1", Name: "Role"},
		{Kind: "group", ID: "bad id"},
		{Kind: "user", ID: "u1", Name: "U"},
	})
	if err != nil {
		t.Fatal(err)
	}
	user := graph.Resolution{Exists: true, Matches: []graph.Reference{{Kind: "user", ID: "u1", Name: "U"}}}
	want := []graph.Resolution{
		{Exists: true, Matches: []graph.Reference{{Kind: "group", ID: "g2", Name: "STAFF & o'neil", Rule: "r"}, {Kind: "group", ID: "g3", Name: "Staff & O'Neil", Rule: "s"}}},
		{Matches: []graph.Reference{{Kind: "group", ID: "g3", Name: "Staff & O'Neil", Rule: "s"}}},
		user,
		{Exists: true, Matches: []graph.Reference{{Kind: "application", ID: "c1", Name: "App"}}},
		{Exists: true, Matches: []graph.Reference{{Kind: "servicePrincipal", ID: "o1", Name: "App"}}},
		{Exists: true},
		{},
		user,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s.times("/v1.0/users/u1?$select=id,displayName") != 1 {
		t.Error("the same reference was looked up twice")
	}
}

func TestResolveReadsOnUntilThereAreTwoMatches(t *testing.T) {
	s := serveCanned(t, map[string]any{
		"/v1.0/groups?$filter=displayName eq 'A'&$select=id,displayName,membershipRule": `{"value":[{"id":"1","displayName":"A"}],"@odata.nextLink":"ROOT/v1.0/2"}`,
		"/v1.0/2": `{"value":[{"id":"2","displayName":"A"}],"@odata.nextLink":"ROOT/v1.0/3"}`,
	})
	got, err := s.client(t).Resolve(t.Context(), contoso, []graph.Reference{{Kind: "group", Name: "A"}})
	if err != nil || len(got[0].Matches) != 2 || s.times("/v1.0/3") != 0 {
		t.Errorf("got %v, error %v, the third page was asked for %d times", got, err, s.times("/v1.0/3"))
	}
}

func TestResolveFailsWhenALookupFails(t *testing.T) {
	byName := "/v1.0/groups?$filter=displayName eq 'A'&$select=id,displayName,membershipRule"
	for name, answers := range map[string]map[string]any{
		"by id":              {"/v1.0/groups/1" + groupQuery: 403, byName: `{"value":[]}`},
		"by name":            {"/v1.0/groups/1" + groupQuery: `{"id":"1"}`, byName: 403},
		"on the second page": {"/v1.0/groups/1" + groupQuery: `{"id":"1"}`, byName: `{"value":[],"@odata.nextLink":"ROOT/v1.0/2"}`, "/v1.0/2": 403},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := serveCanned(t, answers).client(t).Resolve(t.Context(), contoso, []graph.Reference{{Kind: "group", ID: "1", Name: "A"}})
			wantKind(t, err, graph.KindForbidden)
		})
	}
	_, err := serveCanned(t, nil).client(t).Resolve(t.Context(), contoso, []graph.Reference{{Kind: "alien", ID: "1"}})
	wantKind(t, err, graph.KindUnsupported)
}
