package graphserver_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

// now is an object as the Graph holds it, with its parts.
func (w *world) now(p graph.Policy) object {
	w.t.Helper()
	p, ok := w.graph.Object(tenant, p.Type, p.ID)
	if !ok {
		w.t.Fatalf("%s %s is gone", p.Type, p.ID)
	}
	o, err := p.Decode()
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// want compares a value of an object with what it should be.
func (w *world) want(what string, got, want any) {
	w.t.Helper()
	asJSON := func(v any) any {
		doc, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		return anyOf(w.t, append(append([]byte(`{"v":`), doc...), '}'))
	}
	if diff := cmp.Diff(asJSON(want), asJSON(got)); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAnUpdateKeepsWhatItLeavesOutAndAReplacementDoesNot(t *testing.T) {
	w := withEverything(t)
	p := w.copyable("settingsCatalogPolicy")
	at, before := collection(p)+"/"+p.ID, w.now(p)
	got := w.send(200, "PATCH", at, object{"description": "New"})
	w.want("the answer", []any{got["id"], got["description"], got["name"]}, []any{p.ID, "New", p.Name})
	after := w.now(p)
	for _, key := range []string{"settings", "platforms", "templateReference", "assignments", "createdDateTime"} {
		w.want(key, after[key], before[key])
	}
	setting := w.body(p, false)["settings"].([]any)[:1]
	w.send(204, "PUT", at, object{"name": "Other", "platforms": "windows10", "technologies": "mdm", "settings": setting})
	after = w.now(p)
	w.want("replaced", []any{after["name"], after["settings"], after["settingCount"], after["description"]}, []any{"Other", setting, 1, nil})
	w.want("assignments", after["assignments"], before["assignments"])
}

func TestACreationTellsWhereTheObjectIs(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	r := w.ask("POST", "/beta/deviceManagement/deviceCategories", `{"displayName":"x","@odata.type":"microsoft.graph.deviceCategory"}`, "Content-Type", "application/json")
	o := decode(t, r.body)
	if want := "http://graph.test/beta/deviceManagement/deviceCategories('" + text(o["id"]) + "')"; r.status != 201 || r.header.Get("Location") != want {
		t.Errorf("%d, Location %q, want %q", r.status, r.header.Get("Location"), want)
	}
	if context := text(o["@odata.context"]); context != "http://graph.test/beta/$metadata#deviceManagement/deviceCategories/$entity" {
		t.Errorf("context %q", context)
	}
	p, _ := w.graph.Object(tenant, "deviceCategory", text(o["id"]))
	if p.ODataType != "#microsoft.graph.deviceCategory" { // as the documentation writes it, too
		t.Errorf("type %q", p.ODataType)
	}
}

func TestActionsChangeWhatTheyAreFor(t *testing.T) {
	w := withEverything(t)
	block := object{"actionType": "block", "gracePeriodHours": 7, "notificationTemplateId": "", "notificationMessageCCList": []any{}}
	rules := []any{object{"ruleName": "PasswordRequired", "scheduledActionConfigurations": []any{block}}}
	hours := func(o object) any {
		return o["scheduledActionsForRule"].([]any)[0].(object)["scheduledActionConfigurations"].([]any)[0].(object)["gracePeriodHours"]
	}
	t.Run("actions for devices that do not comply", func(t *testing.T) {
		p := w.copyable("deviceCompliancePolicy")
		w.send(204, "POST", collection(p)+"/"+p.ID+"/scheduleActionsForRules", object{"deviceComplianceScheduledActionForRules": rules})
		w.want("hours", hours(w.now(p)), 7)
		p = w.copyable("compliancePolicyV2")
		settings := w.now(p)["settings"]
		w.send(204, "POST", collection(p)+"/"+p.ID+"/microsoft.graph.setScheduledActions", object{"scheduledActions": rules})
		w.want("hours", hours(w.now(p)), 7)
		w.want("settings", w.now(p)["settings"], settings)
	})
	t.Run("priorities", func(t *testing.T) {
		rows, _ := w.graph.Rows(tenant, "enrollmentRestriction")
		p := rows[len(rows)-1].Policy
		w.send(204, "POST", collection(p)+"/"+p.ID+"/setPriority", object{"priority": 1})
		w.want("priority", w.now(p)["priority"], 1)
	})
	t.Run("values of administrative templates", func(t *testing.T) {
		p := w.one("groupPolicyConfiguration", func(p graph.Policy) bool { return count(t, part(p, "definitionValues")) > 3 })
		at := collection(p) + "/" + p.ID
		before := elementsOf(t, part(p, "definitionValues"))
		id := func(i int) any { return before[i]["id"] }
		enabled := before[1]["enabled"].(bool)
		w.send(204, "POST", at+"/updateDefinitionValues", object{"deletedIds": []any{id(0)}, "updated": []any{object{"id": id(1), "enabled": !enabled}}})
		after := w.now(p)["definitionValues"].([]any)
		w.want("ids", []any{after[0].(object)["id"], len(after)}, []any{id(1), len(before) - 1})
		w.want("the changed one", after[0].(object)["enabled"], !enabled)
		w.want("its definition", after[0].(object)["definition"], before[1]["definition"])
		w.send(200, "PATCH", at+"/definitionValues/"+id(2).(string), object{"enabled": false})
		w.send(204, "DELETE", at+"/definitionValues/"+id(3).(string), nil)
		after = w.now(p)["definitionValues"].([]any)
		w.want("after single requests", []any{after[1].(object)["enabled"], len(after)}, []any{false, len(before) - 2})
		w.ask("DELETE", at+"/definitionValues/"+unknown, "").wantError(t, 404)
	})
	t.Run("settings of an intent", func(t *testing.T) {
		p := w.copyable("endpointSecurityIntent")
		first := elementsOf(t, part(p, "settings"))[0]
		w.send(204, "POST", collection(p)+"/"+p.ID+"/updateSettings", object{"settings": []any{
			object{"@odata.type": first["@odata.type"], "id": first["id"], "definitionId": first["definitionId"], "valueJson": `"changed"`},
			object{"@odata.type": "#microsoft.graph.deviceManagementBooleanSettingInstance", "definitionId": "new", "valueJson": "true"},
		}})
		after := w.now(p)["settings"].([]any)
		last := after[len(after)-1].(object)
		w.want("the first", []any{after[0].(object)["value"], after[0].(object)["id"]}, []any{"changed", first["id"]})
		w.want("the new one", []any{last["value"], last["id"] != nil}, []any{true, true})
	})
	t.Run("combinations", func(t *testing.T) {
		p := w.copyable("authenticationStrengthPolicy")
		was := w.now(p)["allowedCombinations"]
		got := w.send(200, "POST", collection(p)+"/"+p.ID+"/updateAllowedCombinations", object{"allowedCombinations": []any{"fido2"}})
		w.want("the answer", []any{got["previousCombinations"], got["currentCombinations"]}, []any{was, []any{"fido2"}})
		w.want("the strength", w.now(p)["allowedCombinations"], []any{"fido2"})
	})
	t.Run("items of a policy set", func(t *testing.T) {
		p := w.copyable("policySet")
		at, before := collection(p)+"/"+p.ID+"/update", w.now(p)["items"].([]any)
		item := before[0].(object)
		app := w.graph.Snapshot(tenant)
		var other string
		for key := range app {
			if key.Type == "mobileApp" && key.ID != item["payloadId"] {
				other = key.ID
			}
		}
		add := object{"@odata.type": "#microsoft.graph.mobileAppPolicySetItem", "payloadId": other, "intent": "available"}
		w.send(204, "POST", at, object{"addedPolicySetItems": []any{add}, "updatedPolicySetItems": []any{object{"id": item["id"], "intent": "uninstall"}}})
		items := w.now(p)["items"].([]any)
		last := items[len(items)-1].(object)
		w.want("intents", []any{items[0].(object)["intent"], last["intent"], last["payloadId"]}, []any{"uninstall", "available", other})
		w.send(204, "POST", at, object{"deletedPolicySetItems": []any{item["id"]}})
		w.want("items left", len(w.now(p)["items"].([]any)), len(before))
	})
	t.Run("privacy", func(t *testing.T) {
		p := w.copyable("deviceConfiguration")
		controls := []any{object{"accessLevel": "forceDeny", "dataCategory": "camera"}}
		w.send(204, "POST", collection(p)+"/"+p.ID+"/windowsPrivacyAccessControls", object{"windowsPrivacyAccessControls": controls})
		w.want("controls", w.now(p)["privacyAccessControls"], controls)
	})
}

func TestATemplateHasOneDefaultMessage(t *testing.T) {
	w := withEverything(t)
	p := w.copyable("notificationMessageTemplate")
	at := collection(p) + "/" + p.ID + "/localizedNotificationMessages"
	first := w.now(p)["localizedNotificationMessages"].([]any)[0].(object)
	w.ask("DELETE", at+"/"+first["id"].(string), "").wantError(t, 400)
	made := w.send(201, "POST", at, object{"locale": "nb-no", "subject": "Hei", "messageTemplate": "Hei", "isDefault": true})
	defaults := func() (out []any) {
		for _, m := range w.now(p)["localizedNotificationMessages"].([]any) {
			if m.(object)["isDefault"] == true {
				out = append(out, m.(object)["locale"])
			}
		}
		return append(out, w.now(p)["defaultLocale"])
	}
	w.want("the default", defaults(), []any{"nb-no", "nb-no"})
	w.send(200, "PATCH", at+"/"+first["id"].(string), object{"isDefault": true})
	w.want("the default", defaults(), []any{first["locale"], first["locale"]})
	w.send(204, "DELETE", at+"/"+made["id"].(string), nil)
	w.ask("DELETE", at+"/"+made["id"].(string), "").wantError(t, 404)
}

func TestAssignmentsOfSomeTypesComeAndGoOneByOne(t *testing.T) {
	w := withEverything(t)
	p := w.copyable("termsAndConditions")
	at := collection(p) + "/" + p.ID + "/assignments"
	before := w.now(p)["assignments"]
	everybody := object{"target": object{"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"}}
	made := w.send(201, "POST", at, everybody)
	w.want("the type of the assignment", made["target"].(object)["@odata.type"], "#microsoft.graph.allLicensedUsersAssignmentTarget")
	w.send(204, "DELETE", at+"/"+made["id"].(string), nil)
	w.want("assignments left", w.now(p)["assignments"], before)
	w.ask("DELETE", at+"/"+made["id"].(string), "").wantError(t, 404)
	w.send(204, "DELETE", collection(p)+"/"+p.ID, nil)
	w.ask("GET", collection(p)+"/"+p.ID, "").wantError(t, 404)
}

func TestARolesAssignmentsAreWrittenByThemselves(t *testing.T) {
	w := withEverything(t)
	p := w.copyable("roleDefinition")
	const at = "/beta/deviceManagement/roleAssignments"
	before := w.now(p)["roleAssignments"].([]any)
	group := w.graph.Groups(tenant)[5].ID
	made := w.send(201, "POST", at, object{
		"displayName": "Night shift", "members": []any{group}, "resourceScopes": []any{group},
		"roleDefinition@odata.bind": root + "roleDefinitions/" + p.ID, "roleScopeTags@odata.bind": []any{root + "roleScopeTags/0"},
	})
	id := made["id"].(string)
	w.want("the answer", []any{made["displayName"], made["roleScopeTags"]}, []any{"Night shift", nil})
	got := w.send(200, "PATCH", at+"/"+id, object{"displayName": "Day shift"})
	w.want("the changed one", []any{got["displayName"], got["members"]}, []any{"Day shift", []any{group}})
	all := w.now(p)["roleAssignments"].([]any)
	w.want("its scope tag", all[len(all)-1].(object)["roleScopeTags"].([]any)[0].(object)["id"], "0")
	w.send(204, "DELETE", at+"/"+id, nil)
	w.want("the others", w.now(p)["roleAssignments"], before)
	w.ask("DELETE", at+"/"+id, "").wantError(t, 404)
}

func TestAnAppComesIntoACategoryAndOutOfIt(t *testing.T) {
	w := withEverything(t)
	app, category := w.copyable("mobileApp"), w.copyable("mobileAppCategory")
	at := collection(app) + "/" + app.ID + "/categories"
	w.send(204, "POST", at+"/$ref", object{"@odata.id": "http://graph.test/beta/deviceAppManagement/mobileAppCategories/" + category.ID})
	w.want("categories", w.now(app)["categories"].([]any)[0].(object)["id"], category.ID)
	w.send(204, "DELETE", at+"/"+category.ID+"/$ref", nil)
	w.want("categories", w.now(app)["categories"], []any{})
	w.ask("DELETE", at+"/"+category.ID+"/$ref", "").wantError(t, 404)
}

func TestTheTenantsSettingsAreChangedThroughIt(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	for _, days := range []int{30, 60} { // the second one finds what the first has made
		w.send(200, "PATCH", "/beta/deviceManagement", object{"settings": object{"deviceComplianceCheckinThresholdDays": days, "secureByDefault": true}})
		got := w.get("/beta/deviceManagement/settings")
		w.want("settings", []any{string(got["deviceComplianceCheckinThresholdDays"]), string(got["secureByDefault"])}, []any{string(raw(t, days)), "true"})
	}
}

func raw(t *testing.T, v any) []byte {
	t.Helper()
	doc, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestAContextIsMadeOrChangedByItsID(t *testing.T) {
	w := withEverything(t)
	const at = "/v1.0/identity/conditionalAccess/authenticationContextClassReferences"
	w.send(204, "PATCH", at+"/c9", object{"displayName": "Secret", "isAvailable": true})
	w.send(204, "PATCH", at+"/c9", object{"displayName": "Top secret"})
	got := w.get(at + "/c9")
	w.want("the context", []any{text(got["displayName"]), string(got["isAvailable"])}, []any{"Top secret", "true"})
}

func TestDeletedPoliciesCanBeRestoredFor30Days(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := with(t, graphtest.Config{Clock: realClock{}}, graphserver.Config{})
		w.token = graphserver.Token(tenant, graphserver.TokenOptions{})
		const bin = "/v1.0/identity/conditionalAccess/deletedItems/policies"
		p := w.copyable("conditionalAccessPolicy")
		before := w.now(p)
		w.send(204, "DELETE", collection(p)+"/"+p.ID, nil)
		w.ask("GET", collection(p)+"/"+p.ID, "").wantError(t, 404)
		if ids := idsOf(t, flat(w.all(bin))); !slices.Equal(ids, []string{p.ID}) {
			t.Errorf("the bin holds %v", ids)
		}
		if at := text(w.get(bin + "/" + p.ID)["deletedDateTime"]); at == "" {
			t.Error("it does not say when it was deleted")
		}
		if other := flat(w.all("/v1.0/identity/conditionalAccess/deletedItems/namedLocations")); len(other) != 0 {
			t.Errorf("the other bin holds %s", other)
		}
		restored := w.send(200, "POST", bin+"/"+p.ID+"/restore", object{})
		w.want("the id", restored["id"], p.ID)
		w.want("the policy", w.now(p), before)
		w.ask("POST", bin+"/"+p.ID+"/restore", `{}`, "Content-Type", "application/json").wantError(t, 404)

		w.send(204, "DELETE", collection(p)+"/"+p.ID, nil)
		time.Sleep(30*24*time.Hour - time.Second)
		w.get(bin + "/" + p.ID)
		time.Sleep(time.Second)
		w.ask("GET", bin+"/"+p.ID, "").wantError(t, 404)
		w.ask("GET", "/v1.0/identity/conditionalAccess/deletedItems/contexts", "").wantError(t, 404)
	})
}

func TestPoliciesInTheBinCanBeDeletedForGood(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	p := w.copyable("namedLocation")
	const bin = "/v1.0/identity/conditionalAccess/deletedItems/namedLocations/"
	w.send(204, "DELETE", collection(p)+"/"+p.ID, nil)
	w.send(204, "DELETE", bin+p.ID, nil)
	w.ask("GET", bin+p.ID, "").wantError(t, 404)
}

func TestALateErrorInABatchIsThatOfItsRequest(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	if err := w.graph.Inject(graphtest.Fault{Op: graphtest.OpCreate, Applied: true}); err != nil {
		t.Fatal(err)
	}
	item := func(id string) object {
		return object{"id": id, "method": "POST", "url": "/deviceManagement/deviceCategories", "headers": object{"Content-Type": "application/json"}, "body": object{"displayName": "x" + id}}
	}
	got := w.send(200, "POST", "/beta/$batch", object{"requests": []any{item("1"), item("2")}})
	status := map[string]string{}
	for _, a := range got["responses"].([]any) {
		status[a.(object)["id"].(string)] = string(a.(object)["status"].(json.Number))
	}
	if want := map[string]string{"1": "504", "2": "201"}; !maps.Equal(status, want) {
		t.Errorf("status %v, want %v", status, want)
	}
}
