package graphserver_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

func (w *world) reference(kind string, ok func(graph.Reference) bool) graph.Reference {
	w.t.Helper()
	for _, ref := range w.graph.Directory(tenant) {
		if ref.Kind == kind && (ok == nil || ok(ref)) {
			return ref
		}
	}
	w.t.Fatalf("the directory has no %s for this test", kind)
	return graph.Reference{}
}

func TestTheDirectoryIsLookedUpByIDAndByName(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	for kind, path := range map[string]string{
		"group": "/v1.0/groups", "user": "/v1.0/users", "application": "/v1.0/servicePrincipals",
		"role": "/v1.0/roleManagement/directory/roleDefinitions",
	} {
		t.Run(kind, func(t *testing.T) {
			w := w.in(t)
			ref := w.reference(kind, nil)
			one := path + "/" + ref.ID
			if kind == "application" {
				one = path + "(appId='" + ref.ID + "')"
			}
			got := w.get(one + "?$select=id,displayName")
			id := text(got["id"])
			if text(got["displayName"]) != ref.Name || got["description"] != nil || (id == ref.ID) == (kind == "application") {
				t.Errorf("got %s for %v", got, ref)
			}
			// Names are compared without regard to case.
			filter := url.QueryEscape("displayName eq '" + strings.ToUpper(strings.ReplaceAll(ref.Name, "'", "''")) + "'")
			if ids := idsOf(t, flat(w.all(path+"?$filter="+filter))); !slices.Contains(ids, id) {
				t.Errorf("by name: %v, want %s", ids, id)
			}
			if rows := flat(w.all(path + "?$filter=" + url.QueryEscape("displayName eq 'nobody'"))); len(rows) != 0 {
				t.Errorf("nobody is %s", rows)
			}
			w.get(path + "/" + id)
			w.ask("GET", path+"/"+unknown, "").wantError(t, 404)
			w.ask("GET", path+"/nonsense", "").wantError(t, 400)
			w.ask("GET", path+"?$filter=nonsense", "").wantError(t, 400)
			w.ask("POST", path, `{}`, "Content-Type", "application/json").wantError(t, 405)
		})
	}
	w.ask("GET", "/v1.0/groups(appId='"+unknown+"')", "").wantError(t, 400)
	w.ask("GET", "/v1.0/contacts", "").wantError(t, 404)
}

func TestADynamicGroupShowsItsRule(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	dynamic := w.reference("group", func(r graph.Reference) bool { return r.Rule != "" })
	static := w.reference("group", func(r graph.Reference) bool { return r.Rule == "" })
	const fields = "?$select=id,displayName,groupTypes,membershipRule,securityEnabled"
	a, b := w.get("/v1.0/groups/"+dynamic.ID+fields), w.get("/v1.0/groups/"+static.ID+fields)
	if text(a["membershipRule"]) != dynamic.Rule || string(a["groupTypes"]) != `["DynamicMembership"]` {
		t.Errorf("a dynamic group is %s", a)
	}
	if string(b["membershipRule"]) != "null" || string(b["groupTypes"]) != `[]` || string(b["securityEnabled"]) != "true" {
		t.Errorf("another group is %s", b)
	}
}

func TestTheDirectoryComesInPages(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{PageSize: 5})
	pages := w.all("/v1.0/groups?$select=id")
	want := len(w.graph.Groups(tenant))
	if ids := idsOf(t, flat(pages)); len(pages) < 2 || len(ids) != want || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != want {
		t.Errorf("%d groups on %d pages, want %d", len(ids), len(pages), want)
	}
}

func TestManyObjectsAreNamedAtOnce(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	group, user := w.reference("group", nil), w.reference("user", nil)
	kinds := func(body object) (out []string) {
		for _, o := range w.send(200, "POST", "/v1.0/directoryObjects/getByIds", body)["value"].([]any) {
			out = append(out, o.(object)["@odata.type"].(string))
		}
		slices.Sort(out)
		return out
	}
	both := []string{"#microsoft.graph.group", "#microsoft.graph.user"}
	if got := kinds(object{"ids": []string{group.ID, unknown, user.ID}}); !slices.Equal(got, both) {
		t.Errorf("got %v", got)
	}
	if got := kinds(object{"ids": []string{group.ID, user.ID}, "types": []string{"user"}}); !slices.Equal(got, both[1:]) {
		t.Errorf("got %v", got)
	}
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf("%08x-0000-4000-8000-000000000000", i)
	}
	for _, body := range []object{{"ids": many}, {"ids": "x"}, {"types": []string{"user"}}, {"ids": []string{}, "more": true}} {
		w.send(http.StatusBadRequest, "POST", "/v1.0/directoryObjects/getByIds", body)
	}
}

func TestAPrincipalsIDIsTheTenantsOwn(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	const other = graph.TenantID("11111111-0000-4000-8000-000000000000")
	if err := w.graph.AddTenant(other, graphtest.TenantConfig{Seed: 1, Policies: 60}); err != nil {
		t.Fatal(err)
	}
	target := "/v1.0/servicePrincipals(appId='" + w.reference("application", nil).ID + "')"
	here := text(w.get(target)["id"])
	w.token = graphserver.Token(other, graphserver.TokenOptions{})
	if there := text(w.get(target)["id"]); here == there || here == "" {
		t.Errorf("ids %s and %s", here, there)
	}
}

func TestDefinitionsOfTemplatesCanBeLookedUp(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	d := w.graph.Definitions()[7]
	at := "/beta/deviceManagement/groupPolicyDefinitions"
	name := text(w.get(at + "/" + d.ID)["displayName"])
	found := flat(w.all(at + "?$filter=" + url.QueryEscape("displayName eq '"+name+"' and classType eq '"+text(decode(t, d.Raw)["classType"])+"'")))
	if ids := idsOf(t, found); !slices.Equal(ids, []string{d.ID}) {
		t.Errorf("by name: %v, want %s", ids, d.ID)
	}
	fields := flat(w.all(at + "('" + d.ID + "')/presentations"))
	if ids, want := idsOf(t, fields), text(decode(t, d.Presentations[0])["id"]); !slices.Equal(ids, []string{want}) {
		t.Errorf("presentations %v, want %s", ids, want)
	}
	w.ask("GET", at+"/"+unknown, "").wantError(t, 404)
	w.ask("GET", at+"/"+d.ID+"/files", "").wantError(t, 404)
	w.ask("POST", at, "{}", "Content-Type", "application/json").wantError(t, 405)
}
