package graph_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

func decoded(t *testing.T, raw string, parts ...graph.Part) map[string]any {
	t.Helper()
	object, err := graph.Policy{Raw: json.RawMessage(raw), Parts: parts}.Decode()
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func TestRulesThatCannotBeFollowedAreRefusedByTheirField(t *testing.T) {
	for want, change := range map[string]func(*graph.TypeInfo){
		`Write.Strip[1]: "a..b" is not a path`:             func(i *graph.TypeInfo) { i.Write.Strip = []string{"a", "a..b"} },
		`Write.Strip[0]: "" is not a path`:                 func(i *graph.TypeInfo) { i.Write.Strip = []string{""} },
		`Write.Strip[1]: "a" is given twice`:               func(i *graph.TypeInfo) { i.Write.Strip = []string{"a", "a"} },
		`Write.Strip[0]: "!a" keeps nothing`:               func(i *graph.TypeInfo) { i.Write.Strip = []string{"!a"} },
		`Write.StripUpdate[0]: "!id" is not a path`:        func(i *graph.TypeInfo) { i.Write.StripUpdate = []string{"!id"} },
		`Write.StripUpdate[0]: "a.**" is not a path`:       func(i *graph.TypeInfo) { i.Write.StripUpdate = []string{"a.**"} },
		`Write.MatchBy[0]: "a[].b" leads to more than one`: func(i *graph.TypeInfo) { i.Write.MatchBy = []string{"a[].b"} },
		`Write.MatchBy[0]: "**.b" leads to more than one`:  func(i *graph.TypeInfo) { i.Write.MatchBy = []string{"**.b"} },
		`Write.Default.Values needs Property`:              func(i *graph.TypeInfo) { i.Write.Default = &graph.DefaultRule{Values: []string{"1"}} },
		`Write.Default.Values is required`:                 func(i *graph.TypeInfo) { i.Write.Default = &graph.DefaultRule{Property: "p"} },
		`Write.BuiltIn.Values[0]: "x" is not a JSON`:       func(i *graph.TypeInfo) { i.Write.BuiltIn = &graph.DefaultRule{Property: "p", Values: []string{"x"}} },
		`Write.BuiltIn.Values[1]: "{}" is not a JSON`: func(i *graph.TypeInfo) {
			i.Write.BuiltIn = &graph.DefaultRule{Property: "p", Values: []string{"1", "{}"}}
		},
		`Write.AssignmentFields needs Assigned`: func(i *graph.TypeInfo) { i.Write.AssignmentFields = []string{"intent"} },
		`Write.AssignmentFields[0]: "target"`:   func(i *graph.TypeInfo) { i.Write.Assigned, i.Write.AssignmentFields = true, []string{"target"} },
		`Refs[0].Path: "a[b]" is not a path`:    func(i *graph.TypeInfo) { i.Refs = []graph.RefRule{{Path: "a[b]", Kind: "group"}} },
		`Refs[1].Type: give either`:             func(i *graph.TypeInfo) { i.Refs = []graph.RefRule{{Path: "a", Kind: "group"}, {Path: "a"}} },
		`Refs[0].Type: give either`:             func(i *graph.TypeInfo) { i.Refs = []graph.RefRule{{Path: "a", Kind: "group", Type: "roleScopeTag"}} },
	} {
		info := own("ownThing")
		change(&info)
		if _, err := graph.Catalog.With(info); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("With returned %v; want an error with %s", err, want)
		}
	}
}

func TestRulesCannotBeChangedFromOutside(t *testing.T) {
	withRules := func() graph.TypeInfo {
		info := own("ownThing")
		info.Write = graph.WriteRules{
			Strip: []string{"seen"}, StripUpdate: []string{"seen"}, MatchBy: []string{"seen"}, Assigned: true, AssignmentFields: []string{"seen"},
			Default: &graph.DefaultRule{Property: "seen", Values: []string{"1"}}, BuiltIn: &graph.DefaultRule{Property: "seen", Values: []string{"1"}},
		}
		info.Write.Requests = graph.RequestRules{
			First: []string{"seen"}, Steps: []graph.StepRule{{Part: "seen", Action: "see", Key: "seen", With: []string{"seen"}}},
		}
		info.Refs = []graph.RefRule{{Path: "seen", Kind: "group", Fixed: []string{"seen"}}}
		info.Workload = graph.WorkloadDirectory
		info.Permissions = graph.Permissions{
			Read: []graph.Permission{{"A.Read"}}, Secrets: []graph.Permission{{"A.Secrets"}}, Write: []graph.Permission{{"A.Write"}},
		}
		info.Read = graph.ReadRules{
			Only: []string{"#a.one"}, Except: []string{"#a.two"}, Unlisted: []string{"seen"},
			Parts: []graph.PartRule{{Name: "seen", Path: "seen", Each: []graph.PartRule{{Name: "seen", Path: "seen"}}}},
		}
		return info
	}
	given := withRules()
	c, err := graph.NewCatalogue(given)
	if err != nil {
		t.Fatal(err)
	}
	looked, _ := c.Lookup("ownThing")
	for _, info := range []graph.TypeInfo{given, looked, c.All()[0]} {
		for _, list := range [][]string{
			info.Write.Strip, info.Write.StripUpdate, info.Write.MatchBy, info.Write.AssignmentFields, info.Refs[0].Fixed,
			info.Write.Requests.First, info.Write.Requests.Steps[0].With, info.Read.Only, info.Read.Except, info.Read.Unlisted,
			info.Permissions.Read[0], info.Permissions.Secrets[0], info.Permissions.Write[0],
		} {
			list[0] = "changed"
		}
		info.Write.Requests.Steps[0].Part = "changed"
		info.Permissions.Read[0] = nil
		info.Read.Parts[0].Each[0].Name = "changed"
		info.Read.Parts[0].Name = "changed"
		info.Write.Default.Property, info.Write.Default.Values[0] = "changed", "2"
		info.Write.BuiltIn.Property, info.Write.BuiltIn.Values[0] = "changed", "2"
		info.Refs[0].Path = "changed"
	}
	got, _ := c.Lookup("ownThing")
	if diff := cmp.Diff(withRules(), got); diff != "" {
		t.Errorf("the rules changed:\n%s", diff)
	}
}

func TestDecodePutsAnObjectAndItsPartsTogether(t *testing.T) {
	got := decoded(t, "\xef\xbb\xbf{\"a\":1.0,\"settings\":[1]}", graph.Part{Name: "settings", Raw: []byte(`[2,{"b":12345678901234567890}]`)})
	want := map[string]any{"a": json.Number("1.0"), "settings": []any{json.Number("2"), map[string]any{"b": json.Number("12345678901234567890")}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, p := range map[string]graph.Policy{
		"nothing":       {},
		"a list":        {Raw: []byte(`[]`)},
		"half":          {Raw: []byte(`{"secret":`)},
		"two":           {Raw: []byte(`{} {"secret":1}`)},
		"a broken part": {Raw: []byte(`{}`), Parts: []graph.Part{{Name: "x", Raw: []byte(`secret`)}}},
	} {
		if _, err := p.Decode(); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v; want an error that tells nothing of the content", name, err)
		}
	}
}

func TestWhatAWriteDoesNotTakeIsStripped(t *testing.T) {
	raw := `{"@odata.context":"c","@odata.type":"#t","id":"i","version":"1.0","displayName":"n","isGlobalScript":false,"#action":{},
	  "roleScopeTagIds@odata.type":"x","roleScopeTagIds":["0"],"a@odata.bind":"b","in":{"id":"kept","x@odata.type":"y","@odata.type":"z"},"assignments":[]}`
	for name, c := range map[string]struct {
		t      graph.PolicyType
		update bool
		raw    string
		found  []string
		left   []string
	}{
		"of any type": {"deviceManagementScript", false, raw,
			[]string{"#action", "@odata.context", "assignments", "id", "roleScopeTagIds@odata.type", "version", "x@odata.type"},
			[]string{"@odata.type", "a@odata.bind", "displayName", "in", "isGlobalScript", "roleScopeTagIds"}},
		"but what the type keeps": {"deviceHealthScript", false, raw,
			[]string{"#action", "@odata.context", "assignments", "id", "isGlobalScript", "roleScopeTagIds@odata.type", "x@odata.type"},
			[]string{"@odata.type", "a@odata.bind", "displayName", "in", "roleScopeTagIds", "version"}},
		"scope tags that the object does not support": {"deviceConfiguration", false, `{"supportsScopeTags":false,"roleScopeTagIds":["0"],"x":1}`,
			[]string{"roleScopeTagIds", "supportsScopeTags"}, []string{"x"}},
		"what is fixed, when it exists": {"windowsDriverUpdateProfile", true, `{"approvalType":"manual","newUpdates":1,"x":1}`,
			[]string{"approvalType", "newUpdates"}, []string{"x"}},
		"and not before": {"windowsDriverUpdateProfile", false, `{"approvalType":"manual","x":1}`, nil, []string{"approvalType", "x"}},
		"within lists": {"deviceCompliancePolicy", false,
			`{"scheduledActionsForRule":[{"id":"r","ruleName":null,"scheduledActionConfigurations":[{"id":"a"},{"actionType":"block"}]}]}`,
			[]string{"scheduledActionsForRule[].id", "scheduledActionsForRule[].scheduledActionConfigurations[].id"}, []string{"scheduledActionsForRule"}},
		"of another shape": {"deviceCompliancePolicy", false, `{"scheduledActionsForRule":{"id":"r"}}`, nil, []string{"scheduledActionsForRule"}},
	} {
		object := decoded(t, c.raw)
		found := lookup(t, c.t).StripReadOnly(object, c.update)
		var left []string
		for key := range object {
			left = append(left, key)
		}
		slices.Sort(left)
		if diff := cmp.Diff(c.found, found) + cmp.Diff(c.left, left); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if again := lookup(t, c.t).StripReadOnly(object, c.update); len(again) != 0 {
			t.Errorf("%s: the second time there was %v", name, again)
		}
	}
}

func TestReferencesAreFoundAndRewritten(t *testing.T) {
	for name, c := range map[string]struct {
		rule  graph.RefRule
		raw   string
		found []string
		want  string
	}{
		"a value":                 {graph.RefRule{Path: "a.b"}, `{"a":{"b":"1"},"b":"2"}`, []string{"1"}, `{"a":{"b":"new 1"},"b":"2"}`},
		"a list":                  {graph.RefRule{Path: "a[]"}, `{"a":["1","2"]}`, []string{"1", "2"}, `{"a":["new 1","new 2"]}`},
		"a value in each of some": {graph.RefRule{Path: "a[].b"}, `{"a":[{"b":"1"},{"c":"2"},null,{"b":"3"}]}`, []string{"1", "3"}, `{"a":[{"b":"new 1"},{"c":"2"},null,{"b":"new 3"}]}`},
		"at any depth": {graph.RefRule{Path: "a.**.v"}, `{"a":{"v":"1","x":[{"y":{"v":"2"}}]},"v":"3"}`, []string{"1", "2"},
			`{"a":{"v":"new 1","x":[{"y":{"v":"new 2"}}]},"v":"3"}`},
		"in objects of a type": {graph.RefRule{Path: "a[].**.v", In: "#r"}, `{"a":[{"v":"1","x":{"@odata.type":"#r","v":"2"}},{"@odata.type":"#s","v":"3"}]}`, []string{"2"},
			`{"a":[{"v":"1","x":{"@odata.type":"#r","v":"new 2"}},{"@odata.type":"#s","v":"3"}]}`},
		"but what is fixed":  {graph.RefRule{Path: "a[]", Fixed: []string{"All"}}, `{"a":["All","all","1"]}`, []string{"1"}, `{"a":["All","all","new 1"]}`},
		"nor what is no id":  {graph.RefRule{Path: "a[]"}, `{"a":["",null,5,{"a":["1"]}]}`, nil, `{"a":["",null,5,{"a":["1"]}]}`},
		"nor another shape":  {graph.RefRule{Path: "a[].b"}, `{"a":{"b":"1"}}`, nil, `{"a":{"b":"1"}}`},
		"nor one that lacks": {graph.RefRule{Path: "a.b"}, `{"a":null}`, nil, `{"a":null}`},
	} {
		object := decoded(t, c.raw)
		var found []string
		c.rule.Rewrite(object, func(id string) string {
			found = append(found, id)
			return "new " + id
		})
		slices.Sort(found)
		if diff := cmp.Diff(c.found, found) + cmp.Diff(decoded(t, c.want), object); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDefaultObjectsAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		t    graph.PolicyType
		raw  string
		want bool
	}{
		"the lowest priority":    {"enrollmentRestriction", `{"priority":0}`, true},
		"another priority":       {"enrollmentRestriction", `{"priority":10}`, false},
		"no priority":            {"enrollmentRestriction", `{}`, false},
		"the built-in scope tag": {"roleScopeTag", `{"isBuiltIn":true}`, true},
		"another scope tag":      {"roleScopeTag", `{"isBuiltIn":false}`, false},
		"a singleton":            {"deviceManagementSettings", `{}`, true},
		"of a type without any":  {"deviceCategory", `{}`, false},
	} {
		if got := lookup(t, c.t).Write.Default.Applies(decoded(t, c.raw)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
