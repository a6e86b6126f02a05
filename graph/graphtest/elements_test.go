package graphtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// add appends an element.
func add(element string) func([]json.RawMessage) ([]json.RawMessage, error) {
	return func(have []json.RawMessage) ([]json.RawMessage, error) {
		return append(have, json.RawMessage(element)), nil
	}
}

func TestAnElementGetsAnIDOfItsOwnAndTheOthersStay(t *testing.T) {
	g := with(t, 200, graphtest.Config{})
	ctx := context.Background()
	for list, c := range map[string]struct {
		t       graph.PolicyType
		element string
		inner   string
	}{
		"localizedNotificationMessages": {"notificationMessageTemplate", `{"locale":"nb-no","subject":"Hei","messageTemplate":"x","isDefault":false}`, ""},
		"definitionValues":              {"groupPolicyConfiguration", `{"enabled":true,"presentationValues":[{"value":"x"}]}`, "presentationValues"},
		"roleAssignments":               {"roleDefinition", `{"displayName":"Helpdesk","members":[],"resourceScopes":[]}`, ""},
		"settings":                      {"endpointSecurityIntent", `{"definitionId":"x","valueJson":"1"}`, ""},
		"apps":                          {"targetedManagedAppConfiguration", `{"mobileAppIdentifier":{"bundleId":"com.contoso.new"}}`, ""},
	} {
		t.Run(list, func(t *testing.T) {
			p := first(t, g, c.t)
			before := elements(t, p, list)
			var ids []string
			for range 2 {
				got, err := g.EditList(ctx, tenant, c.t, p.ID, list, add(c.element))
				if err != nil {
					t.Fatal(err)
				}
				e, _ := decode(got[len(got)-1])
				ids = append(ids, fmt.Sprint(e["id"]))
				if c.inner != "" {
					below, _ := e[c.inner].([]any)
					if v, _ := below[0].(map[string]any); v["id"] == nil {
						t.Errorf("%s has no id: %s", c.inner, got[len(got)-1])
					}
				}
			}
			if ids[0] == "<nil>" || ids[0] == ids[1] && list != "apps" && list != "localizedNotificationMessages" { // those name themselves
				t.Errorf("ids %q", ids)
			}
			after, _ := g.Object(tenant, c.t, p.ID)
			got := elements(t, after, list)
			if diff := cmp.Diff(before, got[:len(got)-2]); diff != "" {
				t.Errorf("the elements that were there (-before +after):\n%s", diff)
			}
			if (part(p, list) == nil) != (part(after, list) == nil) {
				t.Error("a part has become a property, or the other way round")
			}
		})
	}
}

// elements decodes a list of a policy.
func elements(t *testing.T, p graph.Policy, list string) []any {
	t.Helper()
	object, err := p.Decode()
	out, ok := object[list].([]any)
	if err != nil || !ok {
		t.Fatalf("%s %s has no list %s: %v", p.Type, p.ID, list, err)
	}
	return out
}

func TestAssignmentsAreMadeOneByOne(t *testing.T) {
	g := with(t, 100, graphtest.Config{})
	ctx := context.Background()
	p := first(t, g, "windowsAutopilotDeploymentProfile")
	group := g.Groups(tenant)[7]
	before := len(elements(t, p, "assignments"))
	element := fmt.Sprintf(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":%q}}`, group.ID)
	got, err := g.EditList(ctx, tenant, p.Type, p.ID, "assignments", add(element))
	if err != nil || len(got) != before+1 {
		t.Fatalf("%d assignments, %v", len(got), err)
	}
	after, _ := g.Object(tenant, p.Type, p.ID)
	if e, _ := decode(got[before]); e["id"] != p.ID+"_"+group.ID || !slices.Contains(after.References, group) {
		t.Errorf("made %s, references %v", got[before], after.References)
	}
	if log := g.WriteLog(tenant); len(log) != 1 || log[0].Op != graphtest.OpAssign || !log[0].Done {
		t.Errorf("log %v", log)
	}
	none := func([]json.RawMessage) ([]json.RawMessage, error) { return nil, nil }
	if got, err = g.EditList(ctx, tenant, p.Type, p.ID, "assignments", none); err != nil || len(got) != 0 {
		t.Errorf("%d assignments left, %v", len(got), err)
	}
}

func TestElementsThatGraphRefuses(t *testing.T) {
	g := with(t, 200, graphtest.Config{})
	ctx := context.Background()
	role, profile, strength := first(t, g, "roleDefinition"), first(t, g, "windowsAutopilotDeploymentProfile"), first(t, g, "authenticationStrengthPolicy")
	builtIn := strength
	builtIn.ID, builtIn.Raw = unknown, []byte(`{"id":"`+unknown+`","displayName":"MFA","policyType":"builtIn"}`)
	if err := g.Put(tenant, builtIn); err != nil {
		t.Fatal(err)
	}
	before := g.Snapshot(tenant)
	edit := func(p graph.Policy, list, element string) error {
		_, err := g.EditList(ctx, tenant, p.Type, p.ID, list, add(element))
		return err
	}
	gone := role
	gone.ID = "gone"
	for name, c := range map[string]struct {
		err  error
		kind graph.Kind
	}{
		"a role for an unknown group": {edit(role, "roleAssignments", `{"members":["`+unknown+`"]}`), graph.KindInvalid},
		"an unknown group":            {edit(profile, "assignments", `{"target":{"@odata.type":"#t","groupId":"`+unknown+`"}}`), graph.KindInvalid},
		"no object":                   {edit(role, "roleAssignments", `[]`), graph.KindInvalid},
		"of an object that is gone":   {edit(gone, "roleAssignments", `{}`), graph.KindNotFound},
		"of one that is Microsoft's":  {edit(builtIn, "combinationConfigurations", `{}`), graph.KindInvalid},
		"what the function itself says": {func() error {
			_, err := g.EditList(ctx, tenant, role.Type, role.ID, "roleAssignments", func([]json.RawMessage) ([]json.RawMessage, error) {
				return nil, &graph.Error{Kind: graph.KindConflict}
			})
			return err
		}(), graph.KindConflict},
	} {
		t.Run(name, func(t *testing.T) {
			wantKind(t, c.err, c.kind)
			if e := (*graph.Error)(nil); !errors.As(c.err, &e) || e.StatusCode == 0 || e.Code == "" {
				t.Errorf("%v is not as Graph says it", c.err)
			}
		})
	}
	if diff := changed(before, g.Snapshot(tenant)); len(diff) != 0 {
		t.Errorf("a refused element changed %v", diff)
	}
}

func TestAPriorityMovesTheOthersDown(t *testing.T) {
	g := with(t, 300, graphtest.Config{})
	ctx := context.Background()
	const typ = graph.PolicyType("enrollmentRestriction")
	var all []string
	for _, h := range list(t, g, typ) {
		all = append(all, h.ID)
	}
	priority := func(id string) int {
		p, _ := g.Object(tenant, typ, id)
		object, _ := decode(p.Raw)
		var n int
		_, _ = fmt.Sscan(fmt.Sprint(object["priority"]), &n)
		return n
	}
	last := all[len(all)-1]
	if priority(all[1]) != 1 || priority(last) < 3 {
		t.Fatal("the tenant has too few restrictions")
	}
	if err := g.Prioritize(ctx, tenant, typ, last, 1); err != nil {
		t.Fatal(err)
	}
	if priority(last) != 1 || priority(all[1]) != 2 || priority(all[2]) != 3 || priority(all[0]) != 0 {
		t.Errorf("priorities are %d, %d, %d and %d", priority(last), priority(all[1]), priority(all[2]), priority(all[0]))
	}
	wantKind(t, g.Prioritize(ctx, tenant, typ, all[0], 2), graph.KindInvalid)
	wantKind(t, g.Prioritize(ctx, tenant, typ, last, 0), graph.KindInvalid)
	wantKind(t, g.Prioritize(ctx, tenant, typ, unknown, 2), graph.KindNotFound)
	wantKind(t, g.Prioritize(ctx, tenant, "deviceCategory", list(t, g, "deviceCategory")[0].ID, 2), graph.KindInvalid)
}

func TestRemoveDeletesWhatMayBeDeleted(t *testing.T) {
	g := with(t, 100, graphtest.Config{})
	ctx := context.Background()
	defaults := list(t, g, "enrollmentRestriction")[0].ID
	p := first(t, g, "deviceConfiguration")
	wantKind(t, g.Remove(ctx, tenant, "enrollmentRestriction", defaults), graph.KindInvalid)
	inject(t, g, graphtest.Fault{Op: graphtest.OpDelete, Err: throttled})
	wantKind(t, g.Remove(ctx, tenant, p.Type, p.ID), graph.KindThrottled)
	if err := g.Remove(ctx, tenant, p.Type, p.ID); err != nil {
		t.Error(err)
	}
	if _, ok := g.Object(tenant, p.Type, p.ID); ok {
		t.Error("it is still there")
	}
	wantKind(t, g.Remove(ctx, tenant, p.Type, p.ID), graph.KindNotFound)
	if got := g.Written(tenant); len(got) != 1 || got[0].ID != p.ID || g.Writes(tenant) != 4 {
		t.Errorf("written %v in %d calls", got, g.Writes(tenant))
	}
}

// What a template sets is the same in every tenant, and every value stands in a field of it.
func TestDefinitionsAreThoseOfTheTemplates(t *testing.T) {
	g := with(t, 200, graphtest.Config{})
	known := map[string]graphtest.Definition{}
	for _, d := range g.Definitions() {
		known[d.ID] = d
	}
	values := 0
	for _, h := range list(t, g, "groupPolicyConfiguration") {
		p, _ := g.Object(tenant, "groupPolicyConfiguration", h.ID)
		for _, v := range elements(t, p, "definitionValues") {
			value := v.(map[string]any)
			d, ok := known[value["definition"].(map[string]any)["id"].(string)]
			want, _ := decode(d.Raw)
			if diff := cmp.Diff(want, value["definition"]); !ok || diff != "" {
				t.Fatalf("definition (-known +in the object):\n%s", diff)
			}
			for _, pv := range value["presentationValues"].([]any) {
				field, _ := decode(d.Presentations[0])
				if diff := cmp.Diff(field, pv.(map[string]any)["presentation"]); diff != "" {
					t.Fatalf("presentation (-known +in the object):\n%s", diff)
				}
				values++
			}
		}
	}
	if values == 0 {
		t.Error("no template has a value")
	}
}
