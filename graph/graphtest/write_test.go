package graphtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

func TestCreateKeepsTheBodyAndSplitsOffParts(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	body := `{ "@odata.type": "#microsoft.graph.deviceManagementConfigurationPolicy", "id": "old", "name": "New",
	  "n": 12345678901234567890.10, "settings": [{"id":"0"},{"id":"1"}], "assignments": [{"id":"dropped"}], "settingCount": 9 }`
	id, err := g.Create(context.Background(), tenant, "settingsCatalogPolicy", json.RawMessage(body))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := g.Object(tenant, "settingsCatalogPolicy", id)
	if !ok || id == "old" {
		t.Fatalf("created under id %q: %v", id, ok)
	}
	obj, err := decode(p.Raw)
	if err != nil {
		t.Fatalf("%v in %s", err, p.Raw)
	}
	want := map[string]any{
		"@odata.type": p.ODataType, "id": id, "name": "New", "n": json.Number("12345678901234567890.10"), "settingCount": json.Number("2"),
		"createdDateTime": obj["lastModifiedDateTime"], "lastModifiedDateTime": obj["createdDateTime"],
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

// What was captured can be created again and captured again with the same content.
func TestACaptureCanBeCreatedAgain(t *testing.T) {
	g := with(t, 100, graphtest.Config{})
	h := list(t, g, "settingsCatalogPolicy")[0]
	p, _ := g.Object(tenant, "settingsCatalogPolicy", h.ID)
	body := strings.TrimSuffix(string(p.Raw), "}") + `,"settings":` + string(part(p, "settings")) + "}"
	id, err := g.Create(context.Background(), tenant, "settingsCatalogPolicy", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	q, _ := g.Object(tenant, "settingsCatalogPolicy", id)
	if string(part(q, "settings")) != string(part(p, "settings")) || q.Name != p.Name || q.ODataType != p.ODataType {
		t.Errorf("%q came back as %q with other settings", p.Name, q.Name)
	}
}

func TestUpdateReplacesWhatTheBodyNames(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	id := list(t, g, "deviceConfiguration")[0].ID
	before, _ := g.Object(tenant, "deviceConfiguration", id)
	err := g.Update(context.Background(), tenant, "deviceConfiguration", id, []byte(`{"id":"other","displayName":"New name","extra":{"a":[1]}}`))
	if err != nil {
		t.Fatal(err)
	}
	p, _ := g.Object(tenant, "deviceConfiguration", id)
	was, _ := decode(before.Raw)
	obj, err := decode(p.Raw)
	if err != nil || obj["displayName"] != "New name" || p.Name != "New name" || obj["extra"] == nil || obj["id"] != id {
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

func TestUpdateReplacesSettings(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	id := list(t, g, "settingsCatalogPolicy")[0].ID
	if err := g.Update(context.Background(), tenant, "settingsCatalogPolicy", id, []byte(`{"settings":[{"id":"0"}]}`)); err != nil {
		t.Fatal(err)
	}
	p, _ := g.Object(tenant, "settingsCatalogPolicy", id)
	obj, err := decode(p.Raw)
	if err != nil || obj["settingCount"] != json.Number("1") || obj["settings"] != nil || string(part(p, "settings")) != `[{"id":"0"}]` {
		t.Errorf("%v: settingCount %v, settings %s", err, obj["settingCount"], part(p, "settings"))
	}
}

func TestAssignReplacesTheWholeList(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	ctx := context.Background()
	id := list(t, g, "deviceCompliancePolicy")[0].ID
	group := g.Groups(tenant)[3]
	err := g.Assign(ctx, tenant, "deviceCompliancePolicy", id, []json.RawMessage{
		[]byte(fmt.Sprintf(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":%q}}`, group.ID)),
		[]byte(`{"id":"old","target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := g.Object(tenant, "deviceCompliancePolicy", id)
	var got []struct {
		ID     string
		Target struct{ GroupID string }
	}
	if err := json.Unmarshal(part(p, "assignments"), &got); err != nil || len(got) != 2 || got[0].ID != id+"_"+group.ID || got[0].Target.GroupID != group.ID || got[1].ID == "old" {
		t.Errorf("assignments are %s, %v", part(p, "assignments"), err)
	}
	if diff := cmp.Diff([]graph.Reference{group}, p.References); diff != "" {
		t.Errorf("references:\n%s", diff)
	}
	if err := g.Assign(ctx, tenant, "deviceCompliancePolicy", id, nil); err != nil {
		t.Fatal(err)
	}
	if p, _ := g.Object(tenant, "deviceCompliancePolicy", id); string(part(p, "assignments")) != "[]" || len(p.References) != 0 {
		t.Errorf("after assigning nobody: %s", part(p, "assignments"))
	}
}

func TestWritesThatGraphRefuses(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	ctx := context.Background()
	create := func(body string) error {
		_, err := g.Create(ctx, tenant, "deviceConfiguration", []byte(body))
		return err
	}
	id := list(t, g, "deviceConfiguration")[0].ID
	ca := list(t, g, "conditionalAccessPolicy")[0].ID
	assign := func(a string) error {
		return g.Assign(ctx, tenant, "deviceConfiguration", id, []json.RawMessage{[]byte(a)})
	}
	before := g.Snapshot(tenant)
	for name, c := range map[string]struct {
		err  error
		kind graph.Kind
	}{
		"an empty body":         {create(``), graph.KindInvalid},
		"an array":              {create(`[]`), graph.KindInvalid},
		"half a body":           {create(`{"displayName":"x"`), graph.KindInvalid},
		"no name":               {create(`{}`), graph.KindInvalid},
		"a name of digits":      {create(`{"displayName":5}`), graph.KindInvalid},
		"a type of digits":      {create(`{"displayName":"x","@odata.type":5}`), graph.KindInvalid},
		"update of nothing":     {g.Update(ctx, tenant, "deviceConfiguration", "gone", []byte(`{}`)), graph.KindNotFound},
		"update with text":      {g.Update(ctx, tenant, "deviceConfiguration", id, []byte(`"x"`)), graph.KindInvalid},
		"update to no name":     {g.Update(ctx, tenant, "deviceConfiguration", id, []byte(`{"displayName":null}`)), graph.KindInvalid},
		"assigning nothing":     {g.Assign(ctx, tenant, "deviceConfiguration", "gone", nil), graph.KindNotFound},
		"no assignments at all": {g.Assign(ctx, tenant, "conditionalAccessPolicy", ca, nil), graph.KindInvalid},
		"no target":             {assign(`{"id":"x"}`), graph.KindInvalid},
		"a target that is text": {assign(`{"target":"everybody"}`), graph.KindInvalid},
		"half an assignment":    {assign(`{"target":{}`), graph.KindInvalid},
		"an unknown group":      {assign(`{"target":{"groupId":"00000000-0000-4000-8000-000000000000"}}`), graph.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, c.err, c.kind) })
	}
	if diff := changed(before, g.Snapshot(tenant)); len(diff) != 0 {
		t.Errorf("a refused write changed %v", diff)
	}
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
