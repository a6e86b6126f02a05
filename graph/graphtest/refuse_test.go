package graphtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

const unknown = "00000000-0000-4000-8000-000000000000"

// Each case takes an object that could be written, spoils it, and writes it.
func TestWritesThatGraphRefuses(t *testing.T) {
	g := with(t, 200, graphtest.Config{})
	ctx := context.Background()
	set := func(key string, v any) func(map[string]any) { return func(o map[string]any) { o[key] = v } }
	without := func(key string) func(map[string]any) { return func(o map[string]any) { delete(o, key) } }
	in := func(o map[string]any, path ...string) map[string]any {
		for _, key := range path {
			o = o[key].(map[string]any)
		}
		return o
	}
	type spoil struct {
		t      graph.PolicyType
		update bool
		change func(map[string]any)
		want   string // in the error
	}
	for name, c := range map[string]spoil{
		"a read-only property":            {"deviceConfiguration", false, set("version", 3), `"version" is read-only`},
		"one of the type's":               {"settingsCatalogPolicy", false, set("settingCount", 3), `"settingCount" is read-only`},
		"one in a list":                   {"deviceCompliancePolicy", false, func(o map[string]any) { o["scheduledActionsForRule"].([]any)[0].(map[string]any)["id"] = "x" }, "is read-only"},
		"an id":                           {"deviceCategory", false, set("id", unknown), `"id" is read-only`},
		"assignments inline":              {"deviceManagementScript", false, set("assignments", []any{}), `"assignments" is read-only`},
		"an annotation":                   {"deviceManagementScript", false, set("roleScopeTagIds@odata.context", "x"), "@odata.context"},
		"an annotation of a value inside": {"conditionalAccessPolicy", false, func(o map[string]any) { in(o, "conditions", "users")["x@odata.type"] = "x" }, "x@odata.type"},
		"an action":                       {"deviceManagementScript", false, set("#microsoft.graph.assign", nil), "#microsoft.graph.assign"},
		"no type where there are several": {"deviceConfiguration", false, without("@odata.type"), `"@odata.type" is required`},
		"no type in an update":            {"namedLocation", true, without("@odata.type"), `"@odata.type" is required`},
		"another type in an update":       {"namedLocation", true, set("@odata.type", "#microsoft.graph.other"), "not that of the object"},
		"a type of digits":                {"deviceConfiguration", false, set("@odata.type", 5), "not the name of a type"},
		"what is fixed":                   {"windowsDriverUpdateProfile", true, set("approvalType", "manual"), `"approvalType" is read-only`},
		"no name":                         {"deviceConfiguration", false, without("displayName"), `"displayName" is required`},
		"a name of digits":                {"deviceConfiguration", false, set("displayName", 5), `"displayName" is required`},
		"an update to no name":            {"deviceConfiguration", true, set("displayName", nil), `"displayName" is required`},
		"a default object":                {"enrollmentRestriction", false, set("priority", 0), "there already in every tenant"},
		"a location of Microsoft's":       {"namedLocation", false, set("@odata.type", "#microsoft.graph.compliantNetworkNamedLocation"), "there already in every tenant"},
		"no script":                       {"deviceHealthScript", false, set("detectionScriptContent", nil), `"detectionScriptContent" must not be null`},
		"no rule":                         {"deviceCompliancePolicy", false, without("scheduledActionsForRule"), "exactly one rule"},
		"a rule without a block":          {"deviceCompliancePolicy", true, set("scheduledActionsForRule", []any{map[string]any{}}), "exactly one rule"},
		"another object's secret": {"deviceConfiguration", false, func(o map[string]any) {
			o["omaSettings"] = []any{map[string]any{"secretReferenceValueId": unknown, "value": "****"}}
		}, "SecretReferenceValueId"},
		"an unknown scope tag": {"deviceManagementScript", false, set("roleScopeTagIds", []any{"0", "99"}), "roleScopeTagIds[]: the tenant has no such object"},
		"an unknown app":       {"windowsEnrollmentStatusPage", true, set("selectedMobileAppIds", []any{unknown}), "selectedMobileAppIds[]"},
		"an unknown location": {"conditionalAccessPolicy", false, func(o map[string]any) {
			in(o, "conditions")["locations"] = map[string]any{"excludeLocations": []any{unknown}}
		}, "malformed or incorrect"},
		"an unknown group": {"conditionalAccessPolicy", true, func(o map[string]any) { in(o, "conditions", "users")["includeGroups"] = []any{unknown} }, "malformed or incorrect"},
		"an unknown strength": {"conditionalAccessPolicy", false, func(o map[string]any) {
			in(o, "grantControls")["authenticationStrength"] = map[string]any{"id": unknown}
		}, "malformed or incorrect"},
		"an unknown user": {"conditionalAccessPolicy", false, func(o map[string]any) { in(o, "conditions", "users")["excludeUsers"] = []any{unknown} }, "malformed or incorrect"},
		"an unknown template": {"deviceCompliancePolicy", false, func(o map[string]any) {
			o["scheduledActionsForRule"] = []any{map[string]any{"scheduledActionConfigurations": []any{map[string]any{"actionType": "block", "notificationTemplateId": unknown}}}}
		}, "notificationTemplateId: the tenant has no such object"},
	} {
		t.Run(name, func(t *testing.T) {
			p := first(t, g, c.t)
			write := func(body map[string]any) (err error) {
				if c.update {
					return g.Update(ctx, tenant, c.t, p.ID, raw(t, body))
				}
				_, err = g.Create(ctx, tenant, c.t, raw(t, body))
				return err
			}
			body := bodyOf(t, p, c.update)
			if err := write(body); err != nil {
				t.Fatalf("unspoiled: %v", err)
			}
			before := g.Snapshot(tenant)
			c.change(body)
			err := write(body)
			wantKind(t, err, graph.KindInvalid)
			if !strings.Contains(fmt.Sprint(err), c.want) || strings.Contains(fmt.Sprint(err), unknown) {
				t.Errorf("%v, want %s and no value", err, c.want)
			}
			if diff := changed(before, g.Snapshot(tenant)); len(diff) != 0 {
				t.Errorf("the refused write changed %v", diff)
			}
		})
	}
}

func TestBodiesThatAreNoObjectsAreRefused(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	p := first(t, g, "deviceConfiguration")
	for _, body := range []string{``, `[]`, `"x"`, `{"displayName":"x"`, `{} {}`} {
		_, err := g.Create(context.Background(), tenant, p.Type, []byte(body))
		wantKind(t, err, graph.KindInvalid)
		wantKind(t, g.Update(context.Background(), tenant, p.Type, p.ID, []byte(body)), graph.KindInvalid)
	}
	wantKind(t, g.Update(context.Background(), tenant, p.Type, "gone", []byte(`{}`)), graph.KindNotFound)
}

func TestAssignmentsThatGraphRefuses(t *testing.T) {
	g := with(t, 100, graphtest.Config{})
	ctx := context.Background()
	p, access := first(t, g, "deviceConfiguration"), first(t, g, "conditionalAccessPolicy")
	defaults := list(t, g, "enrollmentRestriction")[0].ID
	const all = `{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget"}`
	assign := func(a string) error { return g.Assign(ctx, tenant, p.Type, p.ID, []json.RawMessage{[]byte(a)}) }
	if err := assign(`{"target":` + all + `}`); err != nil {
		t.Fatal(err)
	}
	before := g.Snapshot(tenant)
	for name, c := range map[string]struct {
		err  error
		kind graph.Kind
	}{
		"of nothing":             {g.Assign(ctx, tenant, p.Type, "gone", nil), graph.KindNotFound},
		"of a type without any":  {g.Assign(ctx, tenant, access.Type, access.ID, nil), graph.KindInvalid},
		"of a default object":    {g.Assign(ctx, tenant, "enrollmentRestriction", defaults, nil), graph.KindInvalid},
		"without a target":       {assign(`{}`), graph.KindInvalid},
		"a target that is text":  {assign(`{"target":"everybody"}`), graph.KindInvalid},
		"a target without type":  {assign(`{"target":{}}`), graph.KindInvalid},
		"half of one":            {assign(`{"target":{}`), graph.KindInvalid},
		"with an id":             {assign(`{"id":"x","target":` + all + `}`), graph.KindInvalid},
		"with an annotation":     {assign(`{"target@odata.type":"x","target":` + all + `}`), graph.KindInvalid},
		"with another's field":   {assign(`{"runRemediationScript":true,"target":` + all + `}`), graph.KindInvalid},
		"a target with more":     {assign(`{"target":{"@odata.type":"#t","x":1}}`), graph.KindInvalid},
		"to a group that is not": {assign(`{"target":{"@odata.type":"#t","groupId":"` + unknown + `"}}`), graph.KindInvalid},
		"by an unknown filter":   {assign(`{"target":{"@odata.type":"#t","deviceAndAppManagementAssignmentFilterId":"` + unknown + `"}}`), graph.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, c.err, c.kind) })
	}
	if diff := changed(before, g.Snapshot(tenant)); len(diff) != 0 {
		t.Errorf("a refused assignment changed %v", diff)
	}
}

func TestDefaultObjectsAreChangedAndMicrosoftsAreNot(t *testing.T) {
	g := with(t, 100, graphtest.Config{})
	ctx := context.Background()
	id := list(t, g, "enrollmentRestriction")[0].ID
	p, _ := g.Object(tenant, "enrollmentRestriction", id)
	body := bodyOf(t, p, true)
	body["description"] = "for everybody"
	if err := g.Update(ctx, tenant, p.Type, id, raw(t, body)); err != nil {
		t.Errorf("the default restriction: %v", err)
	}
	_, err := g.Create(ctx, tenant, "deviceManagementSettings", []byte(`{}`))
	wantKind(t, err, graph.KindInvalid)

	if err := g.Put(tenant, graph.Policy{Type: "deviceHealthScript", ID: "ms", Name: "x", Raw: []byte(`{"id":"ms","displayName":"x","isGlobalScript":true}`)}); err != nil {
		t.Fatal(err)
	}
	wantKind(t, g.Update(ctx, tenant, "deviceHealthScript", "ms", []byte(`{"displayName":"y"}`)), graph.KindInvalid)
	wantKind(t, g.Assign(ctx, tenant, "deviceHealthScript", "ms", nil), graph.KindInvalid)
}

func TestProtectedTypesWantAnApproval(t *testing.T) {
	clock := &hand{now: graphtest.Epoch}
	g := with(t, 60, graphtest.Config{ApprovalRequired: []graph.PolicyType{"deviceCategory"}, Clock: clock})
	ctx, reason := context.Background(), graph.WithJustification(context.Background(), "agreed with the board")
	id := list(t, g, "deviceCategory")[0].ID
	write := func(ctx context.Context, kind graph.Kind, status int) {
		t.Helper()
		for name, err := range map[string]error{
			"update": g.Update(ctx, tenant, "deviceCategory", id, []byte(`{"displayName":"another"}`)),
			"delete": g.Remove(ctx, tenant, "deviceCategory", id),
		} {
			var e *graph.Error
			if errors.As(err, &e); graph.KindOf(err) != kind || e != nil && status != 0 && e.StatusCode != status {
				t.Errorf("%s: %v, want %s (%d)", name, err, kind, status)
			}
		}
	}
	write(ctx, graph.KindApprovalRequired, 400)
	first := g.Update(reason, tenant, "deviceCategory", id, []byte(`{"displayName":"y"}`))
	wantKind(t, first, graph.KindApprovalRequired)
	var held *graphtest.HeldError
	got := g.Approvals(tenant)
	if !errors.As(first, &held) || len(got) != 1 || held.Code != got[0].ID || got[0].Justification != "agreed with the board" || got[0].Key.ID != id {
		t.Fatalf("%v, requests %+v", first, got)
	}
	wantKind(t, g.Update(reason, tenant, "deviceCategory", id, []byte(`{"displayName":"y"}`)), graph.KindApprovalRequired)
	if n := len(g.Approvals(tenant)); n != 1 {
		t.Errorf("the same was asked for %d times", n)
	}
	write(reason, graph.KindApprovalRequired, 409)
	if n := g.Decide(tenant, graphtest.ApprovalGiven, "another"); n != 0 {
		t.Errorf("%d requests were decided that nobody named", n)
	}
	if n := g.Decide(tenant, graphtest.ApprovalGiven, got[0].ID); n != 1 {
		t.Errorf("%d requests were decided", n)
	}
	wantKind(t, g.Update(reason, tenant, "deviceCategory", id, []byte(`{"displayName":"z"}`)), graph.KindApprovalRequired)
	wantKind(t, g.Update(reason, tenant, "deviceCategory", id, []byte(`{ "displayName": "y" }`)), "")
	if got := g.Approvals(tenant); len(got) != 1 || got[0].Status != graphtest.ApprovalCompleted {
		t.Errorf("requests %+v", got)
	}
	wantKind(t, g.Remove(reason, tenant, "deviceCategory", id), graph.KindApprovalRequired)
	clock.now = clock.now.Add(3 * 24 * time.Hour)
	if got := g.Approvals(tenant); len(got) != 2 || got[1].Status != graphtest.ApprovalExpired || g.Decide(tenant, graphtest.ApprovalGiven) != 0 {
		t.Errorf("after three days: %+v", got)
	}
	if _, err := g.Create(ctx, tenant, "mobileAppCategory", []byte(`{"displayName":"x"}`)); err != nil {
		t.Errorf("a type that is not protected: %v", err)
	}
}

func TestAnApprovedWriteThatFailsCanBeMadeAgain(t *testing.T) {
	g := with(t, 60, graphtest.Config{ApprovalRequired: []graph.PolicyType{"deviceCategory"}})
	ctx := graph.WithJustification(context.Background(), "agreed")
	for _, body := range []string{`{"displayName":"x","version":3}`, `{"displayName":"x"}`} {
		_, err := g.Create(ctx, tenant, "deviceCategory", []byte(body))
		wantKind(t, err, graph.KindApprovalRequired)
	}
	g.Decide(tenant, graphtest.ApprovalGiven)
	for range 2 {
		_, err := g.Create(ctx, tenant, "deviceCategory", []byte(`{"displayName":"x","version":3}`))
		wantKind(t, err, graph.KindInvalid)
	}
	if err := g.Inject(graphtest.Fault{Op: graphtest.OpCreate, Applied: true}); err != nil {
		t.Fatal(err)
	}
	_, err := g.Create(ctx, tenant, "deviceCategory", []byte(`{"displayName":"x"}`))
	wantKind(t, err, graph.KindAmbiguous)
	_, err = g.Create(ctx, tenant, "deviceCategory", []byte(`{"displayName":"x"}`)) // it was made
	wantKind(t, err, graph.KindApprovalRequired)
}

// hand is a clock that a test moves.
type hand struct{ now time.Time }

func (h *hand) Now() time.Time                       { return h.now }
func (h *hand) After(time.Duration) <-chan time.Time { return nil }

func TestWhatIsCreatedIsSeenAfterALag(t *testing.T) {
	clock := &hand{now: graphtest.Epoch}
	g := with(t, 60, graphtest.Config{Clock: clock, CreateLag: time.Minute})
	ctx := context.Background()
	id, err := g.Create(ctx, tenant, "roleScopeTag", []byte(`{"displayName":"New site"}`))
	if err != nil {
		t.Fatal(err)
	}
	seen := func() (found [3]bool) {
		for _, h := range list(t, g, "roleScopeTag") {
			found[0] = found[0] || h.ID == id
		}
		results, err := g.Get(ctx, tenant, "roleScopeTag", []string{id})
		found[1] = err == nil && results[0].Err == nil
		_, err = g.Create(ctx, tenant, "deviceCategory", []byte(`{"displayName":"x","roleScopeTagIds":["`+id+`"]}`))
		found[2] = err == nil
		return found
	}
	clock.now = clock.now.Add(59 * time.Second)
	if got := seen(); got != [3]bool{} {
		t.Errorf("after 59 s: listed, fetched, referred to: %v", got)
	}
	if err := g.Update(ctx, tenant, "roleScopeTag", id, []byte(`{"displayName":"Newer site"}`)); err != nil {
		t.Errorf("a change by the id: %v", err)
	}
	if got := seen(); got != [3]bool{} {
		t.Errorf("a change has made it visible: %v", got)
	}
	clock.now = clock.now.Add(time.Second)
	if got := seen(); got != [3]bool{true, true, true} {
		t.Errorf("after a minute: %v", got)
	}
	for _, cfg := range []graphtest.Config{{CreateLag: time.Second}, {Clock: clock, CreateLag: -1}} {
		if _, err := graphtest.New(cfg); err == nil || !strings.Contains(err.Error(), "CreateLag") {
			t.Errorf("New took a lag that cannot be: %v", err)
		}
	}
}

func TestAnAppTakesAssignmentsOnceItIsPublished(t *testing.T) {
	clock := &hand{now: graphtest.Epoch}
	g := with(t, 60, graphtest.Config{Clock: clock, PublishLag: time.Minute})
	ctx := context.Background()
	id, err := g.Create(ctx, tenant, "mobileApp", []byte(`{"@odata.type":"#microsoft.graph.webApp","displayName":"Site","publisher":"Contoso","appUrl":"https://contoso.example"}`))
	if err != nil {
		t.Fatal(err)
	}
	state := func() string {
		t.Helper()
		got, err := g.Get(ctx, tenant, "mobileApp", []string{id})
		if err != nil || got[0].Err != nil {
			t.Fatal(err, got[0].Err)
		}
		object, err := got[0].Policy.Decode()
		if err != nil {
			t.Fatal(err)
		}
		return object["publishingState"].(string)
	}
	wantKind(t, g.Assign(ctx, tenant, "mobileApp", id, nil), graph.KindInvalid)
	if err := g.Update(ctx, tenant, "mobileApp", id, []byte(`{"@odata.type":"#microsoft.graph.webApp","displayName":"Our site"}`)); err != nil || state() != "processing" {
		t.Errorf("after a change (%v) it is %s", err, state())
	}
	clock.now = clock.now.Add(time.Minute)
	if err := g.Assign(ctx, tenant, "mobileApp", id, nil); err != nil || state() != "published" {
		t.Errorf("after a minute it is %s, and assigning it: %v", state(), err)
	}
	for _, cfg := range []graphtest.Config{{PublishLag: time.Second}, {Clock: clock, PublishLag: -1}} {
		if _, err := graphtest.New(cfg); err == nil || !strings.Contains(err.Error(), "PublishLag") {
			t.Errorf("New took a lag that cannot be: %v", err)
		}
	}
}

func TestEveryWriteIsOnRecord(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	ctx := context.Background()
	category, p := list(t, g, "deviceCategory")[0].ID, first(t, g, "deviceManagementScript")
	inject(t, g, graphtest.Fault{Op: graphtest.OpUpdate, Applied: true}, graphtest.Fault{Op: graphtest.OpUpdate, Nth: 2, Err: &graph.Error{Kind: graph.KindForbidden}})
	_ = g.Update(ctx, tenant, "deviceCategory", category, []byte(`{"displayName":"x"}`)) // its reply is lost
	_ = g.Update(ctx, tenant, "deviceCategory", category, []byte(`{"displayName":"y"}`))
	_, _ = g.Create(ctx, tenant, "deviceCategory", []byte(`{}`))
	made, err := g.Create(ctx, tenant, "mobileAppCategory", []byte(`{"displayName":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Assign(ctx, tenant, p.Type, p.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := g.Assign(ctx, tenant, p.Type, p.ID, nil); err != nil {
		t.Fatal(err)
	}
	one, two, three := graphtest.Key{Type: "deviceCategory", ID: category}, graphtest.Key{Type: "mobileAppCategory", ID: made}, graphtest.Key{Type: p.Type, ID: p.ID}
	want := []graphtest.Write{
		{Op: graphtest.OpUpdate, Key: one, Done: true}, {Op: graphtest.OpUpdate, Key: one}, {Op: graphtest.OpCreate, Key: graphtest.Key{Type: "deviceCategory"}},
		{Op: graphtest.OpCreate, Key: two, Done: true}, {Op: graphtest.OpAssign, Key: three, Done: true}, {Op: graphtest.OpAssign, Key: three, Done: true},
	}
	if diff := cmp.Diff(want, g.WriteLog(tenant)); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]graphtest.Key{one, three, two}, g.Written(tenant)); diff != "" {
		t.Errorf("what was written (-want +got):\n%s", diff)
	}
	g.ResetCounts()
	if len(g.WriteLog(tenant)) != 0 {
		t.Error("the log was not reset")
	}
}

// No change behind a client's back is one that a restore could not take back.
func TestChurnLeavesAloneWhatNoWriteTakes(t *testing.T) {
	g := with(t, 100, graphtest.Config{})
	before := g.Snapshot(tenant)
	for seed := range uint64(3) {
		if _, err := g.Churn(tenant, 100, seed); err != nil {
			t.Fatal(err)
		}
	}
	for key, p := range g.Snapshot(tenant) {
		info, _ := graph.Catalog.Lookup(key.Type)
		was, _ := before[key].Decode()
		now, err := p.Decode()
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range append(info.Write.Strip, info.Write.StripUpdate...) {
			if path != "assignments" && was[path] != nil && cmp.Diff(was[path], now[path]) != "" {
				t.Errorf("%v: Churn changed %s", key, path)
			}
		}
	}
}
