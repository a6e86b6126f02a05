package graphserver_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

func TestEveryCollectionOfTheCatalogueIsListedWhole(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	byPath := map[string][]graph.PolicyType{}
	version := map[string]string{}
	for _, info := range graph.Catalog.All() {
		if info.Capturable() && info.Key != "deviceManagementSettings" {
			byPath[info.Path] = append(byPath[info.Path], info.Key)
			version[info.Path] = info.Version
		}
	}
	byPath["/deviceAppManagement/managedAppPolicies"] = append(byPath["/deviceAppManagement/managedAppPolicies"], "targetedManagedAppConfiguration")
	for path, types := range byPath {
		rows := flat(w.all("/" + version[path] + path))
		got := slices.Sorted(slices.Values(idsOf(t, rows)))
		want := slices.Sorted(maps.Keys(w.stored(types...)))
		if !slices.Equal(got, want) {
			t.Errorf("%s lists %d objects, the tenant has %d of %v", path, len(got), len(want), types)
		}
	}
}

func TestAnObjectByItsIDIsAsStored(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	for _, typ := range []graph.PolicyType{"settingsCatalogPolicy", "deviceConfiguration", "softwareUpdateRing", "deviceManagementScript", "conditionalAccessPolicy"} {
		info, _ := graph.Catalog.Lookup(typ)
		p := w.one(typ, nil)
		for _, target := range []string{info.Path + "/" + p.ID, info.Path + "('" + p.ID + "')"} {
			r := w.ask("GET", "/"+info.Version+target, "", "Accept", "application/json;odata.metadata=full")
			if r.status != 200 || !bytes.Equal(r.body, p.Raw) {
				t.Errorf("%s: %d %s\nwant %s", target, r.status, r.brief(), p.Raw[:200])
			}
		}
	}
	for _, target := range []string{"/beta/deviceManagement/intents/unknown", "/beta/deviceManagement/intents/unknown/settings"} {
		if code, _ := w.ask("GET", target, "").wantError(t, 404); code != "ResourceNotFound" {
			t.Errorf("%s: %s", target, code)
		}
	}
}

func TestPathsThatAVersionDoesNotHaveAreNotFound(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	p := w.one("settingsCatalogPolicy", nil)
	for target, status := range map[string]int{
		"/beta/deviceManagement/configurationPolicies":                               200,
		"/v1.0/deviceManagement/configurationPolicies":                               404,
		"/v1.0/deviceManagement/configurationPolicies/" + p.ID:                       404,
		"/v1.0/deviceManagement/deviceConfigurations":                                200,
		"/v1.0/deviceAppManagement/windowsManagedAppProtections":                     404,
		"/beta/deviceManagement/noSuchThings":                                        404,
		"/beta":                                                                      404,
		"/v2.0/deviceManagement/deviceConfigurations":                                404,
		"/beta/deviceManagement/configurationPolicies/" + p.ID + "/noSuchPart":       404,
		"/beta/deviceManagement/configurationPolicies/" + p.ID + "/settings/0":       200,
		"/beta/deviceManagement/configurationPolicies/" + p.ID + "/settings/9999":    404,
		"/beta/deviceManagement/configurationPolicies/" + p.ID + "/settings/0/extra": 404,
	} {
		if r := w.ask("GET", target, ""); r.status != status {
			t.Errorf("%s: %d, want %d", target, r.status, status)
		}
	}
	for _, method := range []string{"HEAD", "TRACE"} {
		if r := w.ask(method, "/beta/deviceManagement/deviceConfigurations", ""); r.status != 405 {
			t.Errorf("%s: %d", method, r.status)
		}
	}
}

func TestAListingLeavesOutWhatOnlyTheObjectShows(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	for typ, key := range map[graph.PolicyType]string{
		"deviceManagementScript": "scriptContent", "deviceShellScript": "scriptContent",
		"deviceComplianceScript": "detectionScriptContent", "deviceHealthScript": "remediationScriptContent",
	} {
		info, _ := graph.Catalog.Lookup(typ)
		row := decode(t, flat(w.all("/beta" + info.Path))[0])
		whole := w.get("/beta" + info.Path + "/" + text(row["id"]))
		if string(row[key]) != "null" || len(whole[key]) < 10 {
			t.Errorf("%s: %s is %.20s in the list and %.20s in the object", typ, key, row[key], whole[key])
		}
	}
	reusable := graph.Policy{Type: "reusablePolicySetting", ID: "r", Raw: []byte(`{"id":"r","displayName":"x","settingInstance":{"a":1}}`)}
	if err := w.graph.Put(tenant, reusable); err != nil {
		t.Fatal(err)
	}
	path := "/beta/deviceManagement/reusablePolicySettings"
	plain, chosen := decode(t, flat(w.all(path))[0]), decode(t, flat(w.all(path + "?$select=id,settingInstance"))[0])
	if string(plain["settingInstance"]) != "null" || string(chosen["settingInstance"]) != `{"a":1}` || chosen["displayName"] != nil {
		t.Errorf("as it is %s, selected %s", plain["settingInstance"], chosen)
	}
}

func TestPartsStandBesideTheObjectUntilTheyAreExpanded(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	compliance := w.one("deviceCompliancePolicy", func(p graph.Policy) bool { return len(part(p, "assignments")) > 10 })
	path := "/beta/deviceManagement/deviceCompliancePolicies"
	rule := func(o map[string]json.RawMessage) map[string]json.RawMessage {
		var rules []map[string]json.RawMessage
		if err := json.Unmarshal(o["scheduledActionsForRule"], &rules); err != nil || len(rules) != 1 {
			t.Fatalf("%v: %s", err, o["scheduledActionsForRule"])
		}
		return rules[0]
	}
	if o := w.get(path + "/" + compliance.ID); o["scheduledActionsForRule"] != nil || o["assignments"] != nil {
		t.Error("the object shows parts that nobody asked for")
	}
	one := w.get(path + "/" + compliance.ID + "?$expand=scheduledActionsForRule")
	if rule(one)["scheduledActionConfigurations"] != nil {
		t.Error("the rule shows its actions, which nobody asked for")
	}
	both := w.get(path + "/" + compliance.ID + "?$expand=assignments,scheduledActionsForRule($expand=scheduledActionConfigurations)")
	if rule(both)["scheduledActionConfigurations"] == nil || !bytes.Equal(both["assignments"], part(compliance, "assignments")) {
		t.Error("what was asked for is missing")
	}
	for _, row := range flat(w.all(path + "?$expand=assignments")) {
		o := decode(t, row)
		if o["scheduledActionsForRule"] != nil || !bytes.Equal(o["assignments"], part(w.stored(compliance.Type)[text(o["id"])], "assignments")) {
			t.Errorf("row %s is expanded otherwise", o["id"])
		}
	}
	for target, status := range map[string]int{
		path + "?$expand=nothing": 400, path + "?$expand=scheduledActionsForRule($expand=nothing)": 400, path + "?$expand=assignments($levels=2)": 400, path + "?$expand=assignments($expand=": 400,
	} {
		if r := w.ask("GET", target, ""); r.status != status {
			t.Errorf("%s: %d, want %d", target, r.status, status)
		}
	}
}

func TestPartsWithinPartsAreReadOneByOne(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	p := w.one("groupPolicyConfiguration", nil)
	path := "/beta/deviceManagement/groupPolicyConfigurations/" + p.ID + "/definitionValues"
	var got []map[string]json.RawMessage
	for _, row := range flat(w.all(path + "?$expand=definition")) {
		o := decode(t, row)
		if o["presentationValues"] != nil || o["definition"] == nil {
			t.Fatalf("a value has %s", slices.Sorted(maps.Keys(o)))
		}
		values := flat(w.all(path + "/" + text(o["id"]) + "/presentationValues?$expand=presentation"))
		o["presentationValues"], _ = json.Marshal(values)
		got = append(got, o)
	}
	out, _ := json.Marshal(got)
	if diff := cmp.Diff(unordered(t, part(p, "definitionValues")), unordered(t, out)); diff != "" {
		t.Errorf("put together they differ (-stored +got):\n%s", diff)
	}
	bare := decode(t, flat(w.all(path))[0])
	if bare["definition"] != nil || bare["presentationValues"] != nil {
		t.Error("a value shows parts that nobody asked for")
	}
}

func TestSomePartsAreExpandedInOnePlaceOnly(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	put := func(typ graph.PolicyType, raw string) {
		if err := w.graph.Put(tenant, graph.Policy{Type: typ, ID: "x", Raw: []byte(raw)}); err != nil {
			t.Fatal(err)
		}
	}
	put("policySet", `{"id":"x","displayName":"s","items":[{"id":"i"}],"assignments":[{"id":"a"}]}`)
	put("termsAndConditions", `{"id":"x","displayName":"t","assignments":[{"id":"a"}]}`)
	put("cloudPcProvisioningPolicy", `{"id":"x","displayName":"c","assignments":[{"id":"a"}]}`)
	app := w.one("mobileApp", nil)
	const full, minimal = "application/json;odata.metadata=full", "application/json"
	for target, want := range map[string]struct {
		accept string
		status int
	}{
		"/beta/deviceAppManagement/policySets/x?$expand=items,assignments":                      {full, 200},
		"/beta/deviceAppManagement/policySets?$expand=items":                                    {full, 400},
		"/beta/deviceManagement/termsAndConditions/x?$expand=assignments":                       {full, 400},
		"/beta/deviceManagement/termsAndConditions/x/assignments":                               {full, 200},
		"/beta/deviceAppManagement/mobileApps/" + app.ID + "?$expand=categories":                {full, 400},
		"/beta/deviceAppManagement/mobileApps/" + app.ID + "?$expand=categories,assignments":    {minimal, 200},
		"/v1.0/deviceManagement/virtualEndpoint/provisioningPolicies/x/assignments":             {full, 404},
		"/v1.0/deviceManagement/virtualEndpoint/provisioningPolicies/x?$expand=assignments":     {full, 200},
		"/beta/deviceAppManagement/managedAppPolicies?$expand=apps":                             {full, 400},
		"/beta/deviceManagement/configurationPolicies?expand=settings":                          {full, 200}, // beta takes options without the dollar
		"/v1.0/deviceManagement/deviceConfigurations?expand=nothing":                            {full, 200}, // v1.0 does not see them
		"/beta/deviceManagement/configurationPolicies?$expand=settings&$expand=assignments":     {full, 400},
		"/beta/deviceManagement/configurationPolicies?$orderby=name":                            {full, 400},
		"/beta/deviceManagement/configurationPolicies?$select=id&my=own":                        {full, 200},
		"/beta/deviceManagement/roleDefinitions?$filter=isBuiltIn%20eq%20false&$expand=nothing": {full, 400},
	} {
		r := w.askRaw(target, want.accept)
		if r.status != want.status {
			t.Errorf("%s: %d %s, want %d", target, r.status, r.brief(), want.status)
		}
	}
}

func TestRoleAssignmentsShowTheirMembersByTheirID(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	role := w.one("roleDefinition", func(p graph.Policy) bool { return count(t, part(p, "roleAssignments")) > 0 })
	var stored []json.RawMessage
	if err := json.Unmarshal(part(role, "roleAssignments"), &stored); err != nil {
		t.Fatal(err)
	}
	for i, row := range flat(w.all("/beta/deviceManagement/roleDefinitions/" + role.ID + "/roleAssignments")) {
		o := decode(t, row)
		if o["members"] != nil || o["roleScopeTags"] != nil || o["resourceScopes"] == nil {
			t.Errorf("a row has %s", slices.Sorted(maps.Keys(o)))
		}
		whole := w.get("/beta/deviceManagement/roleAssignments/" + text(o["id"]) + "?$expand=microsoft.graph.deviceAndAppManagementRoleAssignment/roleScopeTags")
		delete(whole, "@odata.context")
		if diff := cmp.Diff(decode(t, stored[i]), whole); diff != "" {
			t.Errorf("by its id (-stored +got):\n%s", diff)
		}
	}
	if all := flat(w.all("/beta/deviceManagement/roleAssignments")); len(all) < len(stored) {
		t.Errorf("%d of all roles, one alone has %d", len(all), len(stored))
	}
}

func TestAppProtectionIsListedInOneCollectionAndReadInTypedOnes(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	seen := 0
	for _, kind := range []string{"ios", "android"} {
		for _, row := range flat(w.all("/beta/deviceAppManagement/" + kind + "ManagedAppProtections")) {
			o := decode(t, row)
			if text(o["@odata.type"]) != "#microsoft.graph."+kind+"ManagedAppProtection" {
				t.Errorf("%s has %s", kind, o["@odata.type"])
			}
			p := w.stored("appProtectionPolicy")[text(o["id"])]
			whole := w.get("/beta/deviceAppManagement/" + kind + "ManagedAppProtections/" + p.ID + "?$expand=apps,assignments")
			if !bytes.Equal(whole["apps"], decode(t, p.Raw)["apps"]) || !bytes.Equal(whole["assignments"], part(p, "assignments")) {
				t.Errorf("%s lacks apps or assignments", p.ID)
			}
			seen++
		}
	}
	if want := len(w.stored("appProtectionPolicy")); seen != want || want == 0 {
		t.Errorf("%d policies by platform, the tenant has %d", seen, want)
	}
	for _, row := range flat(w.all("/beta/deviceAppManagement/managedAppPolicies")) {
		if o := decode(t, row); o["apps"] != nil {
			t.Error("the common list shows apps")
		}
	}
}

func TestFiltersOfTheCatalogueFind(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	for id, raw := range map[string]string{
		"unused": `"appAvailability":"global","isAssigned":false`, "used": `"appAvailability":"global","isAssigned":true`, "own": `"appAvailability":"lineOfBusiness","isAssigned":false`,
	} {
		p := graph.Policy{Type: "mobileApp", ID: id, ODataType: "#microsoft.graph.managedIOSStoreApp", Raw: []byte(`{"@odata.type":"#microsoft.graph.managedIOSStoreApp","id":"` + id + `","displayName":"It''s x",` + raw + `}`)}
		if err := w.graph.Put(tenant, p); err != nil {
			t.Fatal(err)
		}
	}
	category := w.one("deviceCategory", nil)
	rings := len(w.stored("softwareUpdateRing"))
	apps, _ := graph.Catalog.Lookup("mobileApp")
	ring, _ := graph.Catalog.Lookup("softwareUpdateRing")
	roles, _ := graph.Catalog.Lookup("roleDefinition")
	q := func(filter string) string { return "$filter=" + url.QueryEscape(filter) }
	for target, want := range map[string]int{
		ring.Path + "?" + ring.Read.ListQuery:                                                                                                      rings,
		ring.Path + "?" + q("not isof('microsoft.graph.windowsUpdateForBusinessConfiguration')"):                                                   len(w.stored("deviceConfiguration")),
		apps.Path + "?" + apps.Read.ListQuery:                                                                                                      len(w.stored("mobileApp")) - 1,
		roles.Path + "?" + roles.Read.ListQuery:                                                                                                    len(w.stored("roleDefinition")),
		roles.Path + "?" + q("isBuiltIn eq true"):                                                                                                  0,
		"/deviceManagement/deviceCategories?" + q("displayName eq '"+category.Name+"'"):                                                            1,
		"/deviceManagement/deviceCategories?" + q("displayName ne '"+category.Name+"'"):                                                            len(w.stored("deviceCategory")) - 1,
		"/deviceManagement/deviceCategories?" + q("startswith(displayName,'"+category.Name+"')"):                                                   1,
		apps.Path + "?" + q("displayName eq 'It''''s x' and isAssigned eq true"):                                                                   1,
		apps.Path + "?" + q("(displayName eq 'It''''s x' or isAssigned eq true) and isAssigned eq false"):                                          2,
		"/deviceManagement/configurationPolicies?" + q("templateReference/templateFamily eq 'none' or templateReference/templateFamily ne 'none'"): len(w.stored("settingsCatalogPolicy")),
	} {
		if got := len(flat(w.all("/beta" + target))); got != want {
			t.Errorf("%s: %d rows, want %d", target, got, want)
		}
	}
	for _, target := range []string{
		"/deviceManagement/deviceEnrollmentConfigurations?" + q("endsWith(id,'_SinglePlatformRestriction')"),
		"/deviceManagement/deviceHealthScripts?" + q("isGlobalScript eq false"),
		"/deviceManagement/deviceCategories?" + q("displayName eq"), "/deviceManagement/deviceCategories?" + q("displayName like 'x'"),
		"/deviceManagement/deviceCategories?" + q("(displayName eq 'x'"), "/deviceManagement/deviceCategories?" + q("displayName eq 'x' displayName"),
		"/deviceManagement/deviceCategories?" + q("isof('a'"), "/deviceManagement/deviceCategories?" + q("displayName eq 'x"),
	} {
		if r := w.ask("GET", "/beta"+target, ""); r.status != 400 {
			t.Errorf("%s: %d, want 400", target, r.status)
		}
	}
}

func TestSecretsAreToldOneByOne(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	oma := w.one("deviceConfiguration", func(p graph.Policy) bool { return len(p.Warnings) > 0 })
	ref := secretOf(t, oma)
	call := func(ref string) string {
		return "/beta/deviceManagement/deviceConfigurations/" + oma.ID + "/getOmaSettingPlainTextValue(secretReferenceValueId='" + ref + "')"
	}
	if got := text(w.get(call(ref))["value"]); got != graphserver.PlainText(ref) || got == "" {
		t.Errorf("the secret is %q", got)
	}
	if r := w.ask("GET", call("unknown"), ""); r.status != 404 {
		t.Errorf("an unknown reference: %d", r.status)
	}
}

func TestTheSingletonIsOneObject(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	const path = "/beta/deviceManagement/settings"
	if o := w.get(path); o["value"] != nil {
		t.Errorf("a collection: %s", o)
	}
	raw := `{"secureByDefault":true}`
	if err := w.graph.Put(tenant, graph.Policy{Type: "deviceManagementSettings", ID: "deviceManagementSettings", Raw: []byte(raw)}); err != nil {
		t.Fatal(err)
	}
	if o := w.get(path); string(o["secureByDefault"]) != "true" {
		t.Errorf("%s", o)
	}
	if r := w.ask("GET", path+"/x", ""); r.status != 404 {
		t.Errorf("below it: %d", r.status)
	}
}

func TestTypesOfAnEmbedderHaveACollection(t *testing.T) {
	c, err := graph.Catalog.With(graph.TypeInfo{
		Key: "androidZebra", Path: "/deviceManagement/zebras", Version: "beta", NameProperty: "displayName", Support: graph.Restorable, Write: graph.WriteRules{Assigned: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := with(t, graphtest.Config{Catalogue: c}, graphserver.Config{})
	file := []byte("\xef\xbb\xbf { \"id\": \"z\", \"displayName\": \"x\",\r\n \"assignments\" : [ {\"id\":\"a\"} ] } ")
	if _, err := w.graph.LoadFS(tenant, fstest.MapFS{"androidZebra/z.json": {Data: file}}); err != nil {
		t.Fatal(err)
	}
	if rows := flat(w.all("/beta/deviceManagement/zebras")); len(rows) != 1 || !strings.Contains(string(rows[0]), `"z"`) {
		t.Errorf("rows %s", rows)
	}
	if rows := flat(w.all("/beta/deviceManagement/zebras/z/assignments")); len(rows) != 1 {
		t.Errorf("assignments %s", rows)
	}
	if r := w.ask("GET", "/v1.0/deviceManagement/zebras", ""); r.status != 404 {
		t.Errorf("v1.0: %d", r.status)
	}
}

// unordered is a document with its objects decoded, so that the order of keys does not count.
func unordered(t testing.TB, doc []byte) any {
	t.Helper()
	var out any
	if err := json.Unmarshal(doc, &out); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return out
}
