package graphtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// bodyOf is a policy as a body: its parts inline, without what the type's rules strip.
func bodyOf(t *testing.T, p graph.Policy, update bool) map[string]any {
	t.Helper()
	info, _ := graph.Catalog.Lookup(p.Type)
	object, err := p.Decode()
	if err != nil {
		t.Fatal(err)
	}
	info.StripReadOnly(object, update)
	return object
}

func raw(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// first is an object of a type that could be made again: no default one, without secrets.
func first(t *testing.T, g *graphtest.Graph, typ graph.PolicyType) graph.Policy {
	t.Helper()
	info, _ := graph.Catalog.Lookup(typ)
	for _, h := range list(t, g, typ) {
		p, _ := g.Object(tenant, typ, h.ID)
		if object, err := p.Decode(); err == nil && len(p.Warnings) == 0 && !info.Write.Default.Applies(object) {
			return p
		}
	}
	t.Fatalf("there is no %s", typ)
	return graph.Policy{}
}

func TestCreateKeepsTheBodyAndSplitsOffParts(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	body := `{ "@odata.type": "#microsoft.graph.deviceManagementConfigurationPolicy", "name": "New",
	  "n": 12345678901234567890.10, "settings": [{"id":"0"},{"id":"1"}], "templateReference": {"templateId":"x_1"} }`
	id, err := g.Create(context.Background(), tenant, "settingsCatalogPolicy", json.RawMessage(body))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := g.Object(tenant, "settingsCatalogPolicy", id)
	obj, err := decode(p.Raw)
	if err != nil || !ok {
		t.Fatalf("%v, %v in %s", ok, err, p.Raw)
	}
	want := map[string]any{
		"@odata.type": p.ODataType, "id": id, "name": "New", "n": json.Number("12345678901234567890.10"), "settingCount": json.Number("2"),
		"createdDateTime": obj["lastModifiedDateTime"], "lastModifiedDateTime": obj["createdDateTime"],
		"isAssigned": false, "creationSource": nil, "description": nil, "roleScopeTagIds": []any{"0"},
		"templateReference": map[string]any{"templateId": "x_1", "templateDisplayName": "Endpoint protection", "templateDisplayVersion": "Version 1"},
	}
	if diff := cmp.Diff(want, obj); diff != "" || p.Name != "New" {
		t.Errorf("the object (-want +got):\n%s", diff)
	}
	if string(part(p, "settings")) != `[{"id":"0"},{"id":"1"}]` || string(part(p, "assignments")) != "[]" {
		t.Errorf("parts: %s", p.Parts)
	}
	if h := list(t, g, "settingsCatalogPolicy"); h[len(h)-1].ID != id {
		t.Error("the new policy is not listed")
	}
}

func TestUpdateReplacesWhatTheBodyNames(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	before := first(t, g, "deviceConfiguration")
	body := fmt.Sprintf(`{"@odata.type":%q,"displayName":"New name","extra":{"a":[1]}}`, before.ODataType)
	if err := g.Update(context.Background(), tenant, before.Type, before.ID, []byte(body)); err != nil {
		t.Fatal(err)
	}
	p, _ := g.Object(tenant, before.Type, before.ID)
	was, _ := decode(before.Raw)
	obj, err := decode(p.Raw)
	if err != nil || obj["displayName"] != "New name" || p.Name != "New name" || obj["extra"] == nil {
		t.Errorf("%v: %s", err, p.Raw)
	}
	for key := range was {
		if key != "displayName" && key != "version" && key != "lastModifiedDateTime" && cmp.Diff(was[key], obj[key]) != "" {
			t.Errorf("Update changed %s", key)
		}
	}
	if string(part(p, "assignments")) != string(part(before, "assignments")) {
		t.Error("Update changed the assignments")
	}
}

// What an update of the settings catalog leaves out is gone, but for assignments.
func TestUpdateReplacesAWholeCatalogPolicy(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	before := first(t, g, "settingsCatalogPolicy")
	if err := g.Update(context.Background(), tenant, before.Type, before.ID, []byte(`{"name":"New","settings":[{"id":"0"}]}`)); err != nil {
		t.Fatal(err)
	}
	p, _ := g.Object(tenant, before.Type, before.ID)
	obj, err := decode(p.Raw)
	was, _ := decode(before.Raw)
	if err != nil || obj["settingCount"] != json.Number("1") || string(part(p, "settings")) != `[{"id":"0"}]` || obj["platforms"] != nil || obj["description"] != nil {
		t.Errorf("%v: %s, settings %s", err, p.Raw, part(p, "settings"))
	}
	if obj["id"] != p.ID || obj["createdDateTime"] != was["createdDateTime"] || string(part(p, "assignments")) != string(part(before, "assignments")) {
		t.Errorf("it has lost what it is: %s", p.Raw)
	}
	if err := g.Update(context.Background(), tenant, before.Type, before.ID, []byte(`{"name":"Bare"}`)); err != nil {
		t.Fatal(err)
	}
	if p, _ := g.Object(tenant, before.Type, before.ID); string(part(p, "settings")) != "[]" {
		t.Errorf("an update without settings left %s", part(p, "settings"))
	}
}

func TestAssignReplacesTheWholeList(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	ctx := context.Background()
	id := first(t, g, "deviceCompliancePolicy").ID
	group := g.Groups(tenant)[3]
	err := g.Assign(ctx, tenant, "deviceCompliancePolicy", id, []json.RawMessage{
		[]byte(fmt.Sprintf(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":%q}}`, group.ID)),
		[]byte(`{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := g.Object(tenant, "deviceCompliancePolicy", id)
	var got []struct {
		ID, Source, SourceID string
		Target               struct {
			GroupID string
			Filter  string `json:"deviceAndAppManagementAssignmentFilterType"`
		}
	}
	if err := json.Unmarshal(part(p, "assignments"), &got); err != nil || len(got) != 2 || got[0].ID != id+"_"+group.ID ||
		got[0].Target.GroupID != group.ID || got[1].Source != "direct" || got[1].SourceID != id || got[1].Target.Filter != "none" {
		t.Errorf("assignments are %s, %v", part(p, "assignments"), err)
	}
	if !slices.Contains(p.References, group) {
		t.Errorf("references: %v", p.References)
	}
	if err := g.Assign(ctx, tenant, "deviceCompliancePolicy", id, nil); err != nil {
		t.Fatal(err)
	}
	if p, _ := g.Object(tenant, "deviceCompliancePolicy", id); string(part(p, "assignments")) != "[]" || slices.Contains(p.References, group) {
		t.Errorf("after assigning nobody: %s, %v", part(p, "assignments"), p.References)
	}
}

func TestTheFieldsOfATypesAssignmentsAreKept(t *testing.T) {
	g := with(t, 100, graphtest.Config{})
	p := first(t, g, "deviceHealthScript")
	const assignment = `{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"},"runRemediationScript":true,"runSchedule":{"interval":3}}`
	if err := g.Assign(context.Background(), tenant, p.Type, p.ID, []json.RawMessage{[]byte(assignment)}); err != nil {
		t.Fatal(err)
	}
	p, _ = g.Object(tenant, p.Type, p.ID)
	var got []struct {
		RunRemediationScript bool
		RunSchedule          struct{ Interval int }
	}
	if err := json.Unmarshal(part(p, "assignments"), &got); err != nil || len(got) != 1 || !got[0].RunRemediationScript || got[0].RunSchedule.Interval != 3 {
		t.Errorf("assignments are %s, %v", part(p, "assignments"), err)
	}
}

func TestTwoObjectsMayHaveOneName(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	a, err := g.Create(context.Background(), tenant, "deviceCategory", []byte(`{"displayName":"Twin"}`))
	b, again := g.Create(context.Background(), tenant, "deviceCategory", []byte(`{"displayName":"twin "}`))
	if err != nil || again != nil || a == b {
		t.Errorf("ids %s and %s, %v, %v", a, b, err, again)
	}
}

// A new restriction gets the next priority when the one it asks for is taken.
func TestPrioritiesAreGivenOnce(t *testing.T) {
	g := with(t, 100, graphtest.Config{})
	p := first(t, g, "enrollmentRestriction")
	priority := func(id string) string {
		p, _ := g.Object(tenant, p.Type, id)
		obj, _ := decode(p.Raw)
		return fmt.Sprint(obj["priority"])
	}
	taken := priority(p.ID)
	id, err := g.Create(context.Background(), tenant, p.Type, raw(t, bodyOf(t, p, false)))
	if err != nil || priority(id) == taken || priority(id) == "0" {
		t.Errorf("%v: the copy has priority %s, as %s", err, priority(id), taken)
	}
	if err := g.Delete(tenant, p.Type, p.ID); err != nil {
		t.Fatal(err)
	}
	if id, err := g.Create(context.Background(), tenant, p.Type, raw(t, bodyOf(t, p, false))); err != nil || priority(id) != taken {
		t.Errorf("%v: priority %s is free again, and the new one got %s", err, taken, priority(id))
	}
}

func TestIdsThatAreChosenAreKeptAndTakenOnce(t *testing.T) {
	g := with(t, 0, graphtest.Config{})
	const typ = graph.PolicyType("authenticationContextClassReference")
	body := []byte(`{"id":"c7","displayName":"Confidential","isAvailable":true}`)
	if id, err := g.Create(context.Background(), tenant, typ, body); err != nil || id != "c7" {
		t.Errorf("id %q, %v", id, err)
	}
	_, err := g.Create(context.Background(), tenant, typ, body)
	wantKind(t, err, graph.KindConflict)
}

// The dangerous one: the server has done it, the client does not know.
func TestALostReplyLeavesTheObjectBehind(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	ctx := context.Background()
	inject(t, g, graphtest.Fault{Op: graphtest.OpCreate, Applied: true})
	id, err := g.Create(ctx, tenant, "deviceCategory", []byte(`{"displayName":"Lost"}`))
	wantKind(t, err, graph.KindAmbiguous)
	h := list(t, g, "deviceCategory")
	if id != "" || h[len(h)-1].Name != "Lost" {
		t.Errorf("id %q was returned, the last category is %q", id, h[len(h)-1].Name)
	}
	inject(t, g, graphtest.Fault{Op: graphtest.OpCreate, Applied: true, Err: &graph.Error{Kind: graph.KindTimeout}},
		graphtest.Fault{Op: graphtest.OpUpdate, ID: h[0].ID, Err: &graph.Error{Kind: graph.KindForbidden}})
	_, err = g.Create(ctx, tenant, "deviceCategory", []byte(`{"displayName":"Lost too"}`))
	wantKind(t, err, graph.KindTimeout)
	wantKind(t, g.Update(ctx, tenant, "deviceCategory", h[0].ID, []byte(`{"displayName":"x"}`)), graph.KindForbidden)
	if p, _ := g.Object(tenant, "deviceCategory", h[0].ID); p.Name != h[0].Name {
		t.Error("a forbidden update happened")
	}
}
