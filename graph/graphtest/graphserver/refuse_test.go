package graphserver_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

const unknown = "00000000-0000-4000-8000-000000000000"

// Each case spoils a request that is right without it.
func TestWritesThatGraphRefuses(t *testing.T) {
	w := withEverything(t)
	path := func(typ graph.PolicyType) string { p := w.copyable(typ); return collection(p) + "/" + p.ID }
	body := func(typ graph.PolicyType, change func(object)) object {
		o := w.body(w.copyable(typ), false)
		change(o)
		return o
	}
	set := func(key string, v any) func(object) { return func(o object) { o[key] = v } }
	without := func(key string) func(object) { return func(o object) { delete(o, key) } }
	target := func(id string) object {
		return object{"target": object{"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": id}}
	}
	group := w.graph.Groups(tenant)[0].ID
	defaults := w.one("enrollmentRestriction", nil).ID
	const configurations, enrollment = "/beta/deviceManagement/deviceConfigurations", "/beta/deviceManagement/deviceEnrollmentConfigurations"
	const tags, locations = "/beta/deviceManagement/roleScopeTags", "/v1.0/identity/conditionalAccess/namedLocations"
	profile := w.copyable("windowsAutopilotDeploymentProfile")
	w.assigned(profile, []any{target(w.graph.Groups(tenant)[9].ID)})

	for name, c := range map[string]struct {
		method, path string
		body         any
		status       int
		want         string // in the message
	}{
		"a read-only property":            {"POST", configurations, body("deviceConfiguration", set("version", 3)), 400, "read-only"},
		"no type where there are several": {"POST", configurations, body("deviceConfiguration", without("@odata.type")), 400, "abstract class"},
		"a type of another collection":    {"POST", enrollment, body("enrollmentRestriction", set("@odata.type", "#microsoft.graph.x")), 400, "could not be resolved"},
		"no name":                         {"POST", configurations, body("deviceConfiguration", without("displayName")), 400, "displayName\\\" is required"},
		"no JSON":                         {"POST", configurations, "text", 400, "JSON content expected"},
		"a default object":                {"POST", enrollment, body("enrollmentRestriction", set("priority", 0)), 400, "every tenant"},
		"a beta property in v1.0":         {"POST", "/v1.0/deviceManagement/deviceCategories", object{"displayName": "x", "roleScopeTagIds": []any{"0"}}, 400, "roleScopeTagIds"},
		"a type that v1.0 does not have":  {"POST", "/v1.0/deviceManagement/configurationPolicies", body("settingsCatalogPolicy", set("x", 1)), 404, "configurationPolicies"},
		"the settings in a PATCH":         {"PATCH", path("settingsCatalogPolicy"), object{"settings": []any{}}, 400, "settings"},
		"a PUT where there is none":       {"PUT", path("deviceConfiguration"), body("deviceConfiguration", set("x", 1)), 405, "PUT"},
		"compliance without a rule":       {"POST", "/beta/deviceManagement/deviceCompliancePolicies", body("deviceCompliancePolicy", without("scheduledActionsForRule")), 400, "exactly one rule"},
		"rules in a PATCH":                {"PATCH", path("deviceCompliancePolicy"), object{"scheduledActionsForRule": []any{}}, 400, "scheduledActionsForRule"},
		"rules by the wrong parameter":    {"POST", path("deviceCompliancePolicy") + "/scheduleActionsForRules", object{"scheduledActions": []any{}}, 400, "not a valid parameter"},
		"no block action":                 {"POST", path("deviceCompliancePolicy") + "/scheduleActionsForRules", object{"deviceComplianceScheduledActionForRules": []any{object{}}}, 400, "block action"},
		"apps inline":                     {"POST", "/beta/deviceAppManagement/targetedManagedAppConfigurations", body("targetedManagedAppConfiguration", set("apps", []any{})), 400, "apps"},
		"an app that is none":             {"POST", path("targetedManagedAppConfiguration") + "/targetApps", object{"apps": []any{object{}}}, 400, "mobileAppIdentifier"},
		"protection in the list of all":   {"POST", "/beta/deviceAppManagement/managedAppPolicies", body("appProtectionPolicy", without("apps")), 400, "abstract class"},
		"protection of another platform":  {"POST", "/beta/deviceAppManagement/windowsManagedAppProtections", body("appProtectionPolicy", without("apps")), 400, "could not be resolved"},
		"definition values inline":        {"POST", "/beta/deviceManagement/groupPolicyConfigurations", body("groupPolicyConfiguration", set("x", 1)), 400, "definitionValues"},
		"a definition that is given":      {"POST", path("groupPolicyConfiguration") + "/definitionValues", object{"enabled": true, "definition": object{"id": "x"}}, 400, "definition"},
		"a definition that is not":        {"POST", path("groupPolicyConfiguration") + "/definitionValues", object{"definition@odata.bind": root + "groupPolicyDefinitions('" + unknown + "')"}, 400, "no such definition"},
		"a definition of another cloud":   {"POST", path("groupPolicyConfiguration") + "/updateDefinitionValues", object{"added": []any{object{"definition@odata.bind": "https://graph.microsoft.us/beta/deviceManagement/groupPolicyDefinitions('" + w.graph.Definitions()[0].ID + "')"}}}, 400, "no such definition"},
		"a value without a field":         {"POST", path("groupPolicyConfiguration") + "/definitionValues", object{"definition@odata.bind": root + "groupPolicyDefinitions('" + w.graph.Definitions()[0].ID + "')", "presentationValues": []any{object{"value": "x"}}}, 400, "presentation"},
		"a value that is gone":            {"POST", path("groupPolicyConfiguration") + "/updateDefinitionValues", object{"deletedIds": []any{unknown}}, 404, ""},
		"an intent from nothing":          {"POST", "/beta/deviceManagement/intents", body("endpointSecurityIntent", set("x", 1)), 400, "template"},
		"an intent without a template":    {"POST", "/beta/deviceManagement/templates//createInstance", object{"displayName": "x"}, 404, ""},
		"an intent for EDR":               {"POST", "/beta/deviceManagement/templates/e44c2ca3-2f9a-400a-a113-6cc88efd773d/createInstance", object{"displayName": "x"}, 400, "Invalid Reference id"},
		"another template":                {"PATCH", path("endpointSecurityIntent"), object{"templateId": unknown}, 400, "read-only"},
		"the default's priority":          {"POST", enrollment + "/" + defaults + "/setPriority", object{"priority": 2}, 400, "priority"},
		"a priority in a PATCH":           {"PATCH", path("windowsEnrollmentStatusPage"), body("windowsEnrollmentStatusPage", set("priority", 2)), 400, "read-only"},
		"deleting the default":            {"DELETE", enrollment + "/" + defaults, nil, 400, "cannot be deleted"},
		"deleting an assigned profile":    {"DELETE", path("windowsAutopilotDeploymentProfile"), nil, 400, "assigned"},
		"assigning a profile as others":   {"POST", path("windowsAutopilotDeploymentProfile") + "/assign", object{"assignments": []any{}}, 404, "assign"},
		"assigning a profile twice":       {"POST", path("windowsAutopilotDeploymentProfile") + "/assignments", target(w.graph.Groups(tenant)[9].ID), 409, "already"},
		"the wrong key for a script":      {"POST", path("deviceManagementScript") + "/assign", object{"assignments": []any{target(group)}}, 400, "not a valid parameter"},
		"no list of assignments":          {"POST", path("deviceConfiguration") + "/assign", object{}, 400, "required"},
		"assignments that are none":       {"POST", path("deviceConfiguration") + "/assign", object{"assignments": []any{"x"}}, 400, "collection of objects"},
		"an unknown group":                {"POST", path("deviceConfiguration") + "/assign", object{"assignments": []any{target(unknown)}}, 400, "no such object"},
		"assigning the default":           {"POST", enrollment + "/" + defaults + "/assign", object{"enrollmentConfigurationAssignments": []any{target(group)}}, 400, "default"},
		"assigning what is gone":          {"POST", configurations + "/" + unknown + "/assign", object{"assignments": []any{}}, 404, ""},
		"a template with its locale":      {"POST", "/beta/deviceManagement/notificationMessageTemplates", object{"displayName": "x", "defaultLocale": "en-us"}, 400, "defaultLocale"},
		"a template with a description":   {"POST", "/beta/deviceManagement/notificationMessageTemplates", object{"displayName": "x", "description": "x"}, 400, "description"},
		"a template with its messages":    {"POST", "/beta/deviceManagement/notificationMessageTemplates", object{"displayName": "x", "localizedNotificationMessages": []any{}}, 400, "localizedNotificationMessages"},
		"a second message of a locale":    {"POST", path("notificationMessageTemplate") + "/localizedNotificationMessages", object{"locale": "en-US"}, 409, "already"},
		"branding in one step":            {"POST", "/beta/deviceManagement/intuneBrandingProfiles", body("intuneBrandingProfile", set("x", 1)), 400, "cannot be set"},
		"other settings of the tenant":    {"PATCH", "/beta/deviceManagement", object{"subscriptionState": "x"}, 400, "Only the settings"},
		"an unknown strength in a policy": {"POST", "/v1.0/identity/conditionalAccess/policies", body("conditionalAccessPolicy", set("grantControls", object{"authenticationStrength": object{"id": unknown}})), 400, "malformed or incorrect"},
		"more of a strength than its id":  {"POST", "/v1.0/identity/conditionalAccess/policies", body("conditionalAccessPolicy", set("grantControls", object{"authenticationStrength": object{"id": unknown, "displayName": "x"}})), 400, "read-only"},
		"an unknown location in a policy": {"PATCH", path("conditionalAccessPolicy"), object{"conditions": object{"locations": object{"includeLocations": []any{unknown}}}}, 400, "malformed or incorrect"},
		"a location without type":         {"POST", locations, body("namedLocation", without("@odata.type")), 400, "abstract class"},
		"combinations in a PATCH":         {"PATCH", path("authenticationStrengthPolicy"), object{"allowedCombinations": []any{"fido2"}}, 400, "allowedCombinations"},
		"no combinations":                 {"POST", path("authenticationStrengthPolicy") + "/updateAllowedCombinations", object{"allowedCombinations": []any{}}, 400, "collection"},
		"assignments of a role inline":    {"POST", "/beta/deviceManagement/roleDefinitions", body("roleDefinition", set("roleAssignments", []any{})), 400, "roleAssignments"},
		"a role's assignment of no role":  {"POST", "/beta/deviceManagement/roleAssignments", object{"displayName": "x"}, 400, "roleDefinition@odata.bind"},
		"a role's assignment below it":    {"POST", path("roleDefinition") + "/roleAssignments", object{"displayName": "x"}, 405, "POST"},
		"a role for an unknown scope tag": {"POST", "/beta/deviceManagement/roleAssignments", object{"displayName": "x", "roleDefinition@odata.bind": "http://graph.test" + path("roleDefinition"), "roleScopeTags@odata.bind": []any{root + "roleScopeTags('99')"}}, 400, "scope tag"},
		"a role for an unknown group":     {"POST", "/beta/deviceManagement/roleAssignments", object{"displayName": "x", "roleDefinition@odata.bind": "http://graph.test" + path("roleDefinition"), "members": []any{unknown}}, 400, "no such object"},
		"a category that is not":          {"POST", path("mobileApp") + "/categories/$ref", object{"@odata.id": root + "x"}, 400, "category"},
		"a category of an unknown id":     {"POST", path("mobileApp") + "/categories/$ref", object{"@odata.id": "http://graph.test/beta/deviceAppManagement/mobileAppCategories/" + unknown}, 400, "category"},
		"a set of unknown apps":           {"POST", path("policySet") + "/update", object{"addedPolicySetItems": []any{object{"@odata.type": "#microsoft.graph.mobileAppPolicySetItem", "payloadId": unknown}}}, 400, "payloadId"},
		"assigning a set as others":       {"POST", path("policySet") + "/assign", object{"assignments": []any{}}, 404, "assign"},
		"an action that is not":           {"POST", path("roleScopeTag") + "/vanish", object{}, 404, "vanish"},
		"writing where nothing is":        {"POST", tags + "x", object{}, 404, "roleScopeTagsx"},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.graph.Snapshot(tenant)
			doc, err := json.Marshal(c.body)
			if err != nil {
				t.Fatal(err)
			}
			r := w.ask(c.method, c.path, string(doc), "Content-Type", "application/json")
			if _, message := r.wantError(t, c.status); !strings.Contains(message, c.want) {
				t.Errorf("the message is %s, want %s in it", message, c.want)
			}
			if diff := cmp.Diff(before, w.graph.Snapshot(tenant), cmp.Comparer(func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })); diff != "" {
				t.Error("a refused request has changed the tenant")
			}
		})
	}
}

func TestABodyOfAnotherKindIsRefused(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	w.ask("POST", "/beta/deviceManagement/deviceCategories", `{"displayName":"x"}`, "Content-Type", "text/plain").wantError(t, http.StatusUnsupportedMediaType)
}

// Intune says it in a document of its own within the message, Entra plainly.
func TestRefusalsHaveTheFormOfTheirService(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	_, message := w.ask("POST", "/beta/deviceManagement/deviceCategories", `{"id":"x"}`, "Content-Type", "application/json").wantError(t, 400)
	var inner struct{ Message string }
	if err := json.Unmarshal([]byte(message), &inner); err != nil || !strings.Contains(inner.Message, " - Operation ID") || !strings.Contains(inner.Message, "Url: https://") {
		t.Errorf("Intune says %s", message)
	}
	_, message = w.ask("POST", "/v1.0/identity/conditionalAccess/policies", `{"id":"x"}`, "Content-Type", "application/json").wantError(t, 400)
	if json.Valid([]byte(message)) {
		t.Errorf("Entra says %s", message)
	}
}

func TestWritesNeedTheirPermission(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	p := w.one("settingsCatalogPolicy", nil)
	read, write := "DeviceManagementConfiguration.Read.All", "DeviceManagementConfiguration.ReadWrite.All"
	for _, c := range []struct {
		roles  []string
		status int
	}{{[]string{read}, 403}, {[]string{write}, 200}} {
		w.token = graphserver.Token(tenant, graphserver.TokenOptions{Roles: c.roles})
		if r := w.ask("POST", collection(p)+"/"+p.ID+"/assign", `{"assignments":[]}`, "Content-Type", "application/json"); r.status != c.status {
			t.Errorf("with %v: %d %s", c.roles, r.status, r.body)
		}
	}
	w.token = graphserver.Token(tenant, graphserver.TokenOptions{Roles: []string{read}})
	for _, target := range []string{"/beta/deviceManagement/roleAssignments", "/beta/deviceManagement/templates/" + unknown + "/createInstance", "/v1.0/directoryObjects/getByIds"} {
		w.ask("POST", target, `{}`, "Content-Type", "application/json").wantError(t, 403)
	}
	for _, target := range []string{"/v1.0/groups", "/v1.0/users/" + unknown, "/v1.0/servicePrincipals(appId='x')", "/v1.0/identity/conditionalAccess/deletedItems/policies"} {
		w.ask("GET", target, "").wantError(t, 403)
	}
}

// post sends over a real connection, as a client does.
func (w *world) post(server *httptest.Server, target, body string) (int, error) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), "POST", server.URL+target, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := server.Client().Do(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func TestAWriteThatFailedMayBeDoneNevertheless(t *testing.T) {
	const target, name = "/beta/deviceManagement/deviceCategories", "Doubtful"
	for fault, c := range map[string]struct {
		set    func(*world) error
		status int // 0 for a broken connection
		done   bool
	}{
		"lost reply":        {func(w *world) error { return w.server.Fault("lost-reply", graphserver.FaultOptions{Method: "POST"}) }, 0, true},
		"lost by the Graph": {func(w *world) error { return w.graph.Inject(graphtest.Fault{Op: graphtest.OpCreate, Applied: true}) }, 0, true},
		"reset before":      {func(w *world) error { return w.server.Fault("reset", graphserver.FaultOptions{Method: "POST"}) }, 0, false},
		"504 after":         {func(w *world) error { return w.server.Fault("late-error", graphserver.FaultOptions{}) }, 504, true},
		"500 after":         {func(w *world) error { return w.server.Fault("late-error", graphserver.FaultOptions{Status: 500}) }, 500, true},
		"accepted":          {func(w *world) error { return w.server.Fault("accepted", graphserver.FaultOptions{}) }, 202, true},
		"500 before": {func(w *world) error {
			return w.server.Fault("server-error", graphserver.FaultOptions{Status: 500, Method: "POST"})
		}, 500, false},
		"throttled by the Graph": {func(w *world) error {
			return w.graph.Inject(graphtest.Fault{Op: graphtest.OpCreate, Err: &graph.Error{Kind: graph.KindThrottled}})
		}, 429, false},
	} {
		t.Run(fault, func(t *testing.T) {
			w := with(t, graphtest.Config{}, graphserver.Config{})
			server := httptest.NewServer(w.server)
			defer server.Close()
			if err := c.set(w); err != nil {
				t.Fatal(err)
			}
			status, err := w.post(server, target, `{"displayName":"`+name+`"}`)
			if status != c.status || (err != nil) != (c.status == 0) || errors.Is(err, t.Context().Err()) && err != nil {
				t.Errorf("got %d, %v, want %d", status, err, c.status)
			}
			done := false
			for _, p := range w.stored("deviceCategory") {
				done = done || p.Name == name
			}
			if done != c.done {
				t.Errorf("done: %t, want %t", done, c.done)
			}
			if left := w.server.Unfired(); len(left) > 0 {
				t.Errorf("faults that did not happen: %v", left)
			}
			if status, err = w.post(server, target, `{"displayName":"again"}`); status != 201 {
				t.Errorf("the next one: %d, %v", status, err)
			}
		})
	}
}

type realClock struct{}

func (realClock) Now() time.Time                         { return time.Now() }
func (realClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

func TestWhatWasCreatedMayBeSeenLater(t *testing.T) {
	for name, lag := range map[string]time.Duration{"of the Graph": 3 * time.Second, "by a fault": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := with(t, graphtest.Config{Clock: realClock{}, CreateLag: lag}, graphserver.Config{})
				if lag == 0 {
					if err := w.server.Fault("visible-later", graphserver.FaultOptions{Wait: 3 * time.Second, Method: "POST"}); err != nil {
						t.Fatal(err)
					}
				}
				made := w.send(201, "POST", "/beta/deviceManagement/deviceComplianceScripts", object{"displayName": "x", "detectionScriptContent": "eA=="})
				target := "/beta/deviceManagement/deviceComplianceScripts/" + made["id"].(string)
				policy := w.copyable("deviceCompliancePolicy")
				refers := object{"@odata.type": policy.ODataType, "deviceCompliancePolicyScript": object{"deviceComplianceScriptId": made["id"]}}
				w.ask("GET", target, "").wantError(t, 404)
				w.send(200, "PATCH", target, object{"displayName": "y"}) // by its id it is there
				w.send(400, "PATCH", collection(policy)+"/"+policy.ID, refers)
				time.Sleep(3 * time.Second)
				w.get(target)
				w.send(200, "PATCH", collection(policy)+"/"+policy.ID, refers)
			})
		})
	}
}
