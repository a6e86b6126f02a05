package graphserver_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

// send asks with a JSON body and wants a status.
func (w *world) send(status int, method, target string, body any, headers ...string) map[string]any {
	w.t.Helper()
	doc, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	r := w.ask(method, target, string(doc), append([]string{"Content-Type", "application/json"}, headers...)...)
	if r.status != status {
		w.t.Fatalf("%s %s: %d %s, want %d", method, target, r.status, r.body, status)
	}
	if status == http.StatusNoContent && len(r.body) > 0 {
		w.t.Fatalf("%s %s: 204 with a body", method, target)
	}
	if len(r.body) == 0 {
		return nil
	}
	return anyOf(w.t, r.body)
}

func anyOf(t testing.TB, doc []byte) map[string]any {
	t.Helper()
	object, err := graph.Policy{Raw: doc}.Decode()
	if err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return object
}

type object = map[string]any

// withEverything is a world that has objects of every type that can be restored but those
// that exist once.
func withEverything(t testing.TB) *world {
	t.Helper()
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	types, _ := graphtest.GeneratedTypes()
	if err := g.AddTenant(tenant, graphtest.TenantConfig{Seed: 1, Policies: 350, Types: append(types, graphtest.RareTypes()...)}); err != nil {
		t.Fatal(err)
	}
	s, err := graphserver.New(g, graphserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, graph: g, server: s, token: graphserver.Token(tenant, graphserver.TokenOptions{})}
	for _, kind := range []string{"windowsManagedAppProtection", "mdmWindowsInformationProtectionPolicy", "windowsInformationProtectionPolicy"} {
		body := `{"@odata.type":"#microsoft.graph.` + kind + `","displayName":"Windows","roleScopeTagIds":["0"]}`
		if _, err := g.Create(t.Context(), tenant, "appProtectionPolicy", []byte(body)); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
	}
	return w
}

// copyable is an object that a second one like it can be made of.
func (w *world) copyable(t graph.PolicyType) graph.Policy {
	info, _ := graph.Catalog.Lookup(t)
	return w.one(t, func(p graph.Policy) bool {
		o, err := p.Decode()
		return err == nil && len(p.Warnings) == 0 && !info.Write.Default.Applies(o) && !info.Write.BuiltIn.Applies(o)
	})
}

// body is an object as far as writes take it.
func (w *world) body(p graph.Policy, update bool) object {
	info, _ := graph.Catalog.Lookup(p.Type)
	o, err := p.Decode()
	if err != nil {
		w.t.Fatal(err)
	}
	info.StripReadOnly(o, update)
	return o
}

// collection is where objects of a type are written.
func collection(p graph.Policy) string {
	info, _ := graph.Catalog.Lookup(p.Type)
	if p.Type == "appProtectionPolicy" {
		return "/beta/deviceAppManagement/" + strings.Replace(strings.TrimPrefix(p.ODataType, "#microsoft.graph.")+"s", "Policys", "Policies", 1)
	}
	return "/" + info.Version + info.Path
}

const root = "http://graph.test/beta/deviceManagement/"

// bound are the values of an administrative template as a write has them.
func bound(values []any) []any {
	for _, v := range values {
		value := v.(object)
		definition := root + "groupPolicyDefinitions('" + value["definition"].(object)["id"].(string) + "')"
		delete(value, "definition")
		value["definition@odata.bind"] = definition
		for _, f := range value["presentationValues"].([]any) {
			field := f.(object)
			field["presentation@odata.bind"] = definition + "/presentations('" + field["presentation"].(object)["id"].(string) + "')"
			delete(field, "presentation")
		}
	}
	return values
}

// made makes a copy of an object with the requests that Graph documents for its type, and
// returns the copy's id. Assignments come after it.
func (w *world) made(p graph.Policy) string {
	w.t.Helper()
	at, body := collection(p), w.body(p, false)
	take := func(key string) any { v := body[key]; delete(body, key); return v }
	post := func(status int) string {
		w.t.Helper()
		return w.send(status, "POST", at, body)["id"].(string)
	}
	switch p.Type {
	case "roleScopeTag":
		return post(200)
	case "groupPolicyConfiguration":
		values := take("definitionValues").([]any)
		id := post(201)
		half := len(values) / 2
		w.send(204, "POST", at+"/"+id+"/updateDefinitionValues", object{"added": bound(values[:half]), "updated": []any{}, "deletedIds": []any{}})
		for _, v := range bound(values[half:]) {
			w.send(201, "POST", at+"('"+id+"')/definitionValues", v)
		}
		return id
	case "endpointSecurityIntent":
		template := take("templateId").(string)
		body["settingsDelta"] = take("settings")
		delete(body, "@odata.type")
		return w.send(200, "POST", "/beta/deviceManagement/templates/"+template+"/createInstance", body)["id"].(string)
	case "appProtectionPolicy", "targetedManagedAppConfiguration":
		if strings.Contains(p.ODataType, "InformationProtection") { // is for no apps
			return post(201)
		}
		apps := object{"apps": take("apps"), "appGroupType": body["appGroupType"]}
		id := post(201)
		w.send(204, "POST", at+"/"+id+"/targetApps", apps)
		return id
	case "mobileApp":
		categories, _ := take("categories").([]any)
		id := post(201)
		for _, c := range categories {
			w.send(204, "POST", at+"/"+id+"/categories/$ref", object{"@odata.id": "http://graph.test/beta/deviceAppManagement/mobileAppCategories/" + c.(object)["id"].(string)})
		}
		return id
	case "intuneBrandingProfile":
		rest := w.body(p, true)
		first := []string{"profileName", "profileDescription", "roleScopeTagIds"}
		for _, key := range first {
			delete(rest, key)
		}
		maps.DeleteFunc(body, func(key string, _ any) bool { return !slices.Contains(first, key) })
		id := post(201)
		w.send(200, "PATCH", at+"/"+id, rest)
		return id
	case "notificationMessageTemplate":
		messages, description := take("localizedNotificationMessages").([]any), take("description")
		id := post(200)
		w.send(200, "PATCH", at+"/"+id, object{"description": description})
		for _, m := range messages {
			w.send(201, "POST", at+"/"+id+"/localizedNotificationMessages", m)
		}
		return id
	case "roleDefinition":
		assignments, _ := take("roleAssignments").([]any)
		id := post(200)
		for _, a := range assignments {
			a := a.(object)
			a["roleDefinition@odata.bind"] = root + "roleDefinitions('" + id + "')"
			tags, _ := a["roleScopeTags"].([]any)
			delete(a, "roleScopeTags")
			binds := []string{}
			for _, tag := range tags {
				binds = append(binds, root+"roleScopeTags('"+tag.(object)["id"].(string)+"')")
			}
			a["roleScopeTags@odata.bind"] = binds
			w.send(201, "POST", "/beta/deviceManagement/roleAssignments", a)
		}
		return id
	case "authenticationStrengthPolicy":
		take("combinationConfigurations")
		return post(201)
	case "authenticationContextClassReference":
		id := "c77"
		delete(body, "id")
		w.send(204, "PATCH", at+"/"+id, body)
		return id
	default:
		return post(201)
	}
}

// assigned gives an object assignments by the request of its type.
func (w *world) assigned(p graph.Policy, assignments []any) {
	w.t.Helper()
	key, status := "assignments", 204
	switch p.Type {
	case "windowsAutopilotDeploymentProfile", "termsAndConditions", "appleUserInitiatedEnrollmentProfile":
		for _, a := range assignments {
			w.send(201, "POST", collection(p)+"/"+p.ID+"/assignments", a)
		}
		return
	case "policySet":
		w.send(204, "POST", collection(p)+"/"+p.ID+"/update", object{
			"addedPolicySetItems": []any{}, "updatedPolicySetItems": []any{}, "deletedPolicySetItems": []any{}, "assignments": assignments,
		})
		return
	case "deviceManagementScript", "deviceShellScript", "macCustomAttributeScript":
		key = "deviceManagementScriptAssignments"
	case "deviceHealthScript", "deviceComplianceScript":
		key = "deviceHealthScriptAssignments"
	case "enrollmentRestriction", "windowsEnrollmentStatusPage", "coManagementAuthority":
		key = "enrollmentConfigurationAssignments"
	case "mobileApp":
		key = "mobileAppAssignments"
	case "hardwareConfiguration":
		key = "hardwareConfigurationAssignments"
	case "deviceConfiguration", "softwareUpdateRing", "settingsCatalogPolicy", "deviceCompliancePolicy", "compliancePolicyV2", "groupPolicyConfiguration", "roleScopeTag":
		status = 200
	}
	got := w.send(status, "POST", collection(p)+"/"+p.ID+"/assign", object{key: assignments})
	if list, _ := got["value"].([]any); status == 200 && len(list) != len(assignments) {
		w.t.Errorf("assign answers with %d assignments of %d", len(list), len(assignments))
	}
}

// plainObject is an object without what differs from one to the next of the same content.
func plainObject(o object, p graph.Policy) object {
	info, _ := graph.Catalog.Lookup(p.Type)
	info.StripReadOnly(o, false)
	for _, key := range append([]string{"id", "priority"}, info.Volatile...) {
		delete(o, key)
	}
	forget(o)
	return o
}

// forget takes out ids of elements, time stamps and names of types that follow from the place.
func forget(v any) {
	switch v := v.(type) {
	case object:
		_, isValue := v["presentation"]
		_, isDefinition := v["categoryPath"]
		if _, isField := v["label"]; !isField && !isDefinition {
			if _, isAssignment := v["members"]; isValue || isAssignment || v["settingInstance"] != nil {
				delete(v, "id")
			}
		}
		for key, inner := range v {
			if strings.HasSuffix(key, "DateTime") {
				delete(v, key)
			}
			forget(inner)
		}
	case []any:
		for _, inner := range v {
			forget(inner)
		}
	}
}

func TestEveryTypeIsMadeAgainByItsOwnRequests(t *testing.T) {
	w := withEverything(t)
	for _, info := range graph.Catalog.All() {
		if info.Support == graph.Restorable && info.Key != "deviceManagementSettings" && info.Key != "windowsHelloForBusiness" { // exist once
			t.Run(string(info.Key), func(t *testing.T) { w.in(t).remade(info, w.copyable(info.Key)) })
		}
	}
}

// remade makes a copy of an object, gives it an assignment, and compares it.
func (w *world) remade(info graph.TypeInfo, p graph.Policy) graph.Policy {
	w.t.Helper()
	group := w.graph.Groups(tenant)[3].ID
	id := w.made(p)
	made, ok := w.graph.Object(tenant, info.Key, id)
	if !ok || id == p.ID {
		w.t.Fatalf("the Graph has no %s that is new", id)
	}
	if info.Write.Assigned {
		w.assigned(made, []any{object{"target": object{"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group}}})
		made, _ = w.graph.Object(tenant, info.Key, id)
		list := elementsOf(w.t, part(made, "assignments"))
		if len(list) != 1 || list[0]["target"].(object)["groupId"] != group {
			w.t.Errorf("assignments: %s", part(made, "assignments"))
		}
	}
	want, _ := p.Decode()
	got, _ := made.Decode()
	if diff := cmp.Diff(plainObject(want, p), plainObject(got, p)); diff != "" {
		w.t.Errorf("the copy is another one (-original +copy):\n%s", diff)
	}
	w.get(collection(made) + "/" + id)
	return made
}

func elementsOf(t testing.TB, list json.RawMessage) []object {
	t.Helper()
	var out []object
	if err := json.Unmarshal(list, &out); err != nil {
		t.Fatalf("%v in %s", err, list)
	}
	return out
}
