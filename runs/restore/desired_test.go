package restore

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

func testTypes(t testing.TB) *graph.Catalogue {
	t.Helper()
	c, err := testCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// testCatalogue has a type in which every rule of writing has something to do, and what it
// refers to.
func testCatalogue() (*graph.Catalogue, error) {
	return graph.Catalog.With(
		graph.TypeInfo{
			Key: "widget", Path: "/widgets", Version: "beta", NameProperty: "displayName", Support: graph.Restorable, RestoreOrder: 100,
			Write: graph.WriteRules{
				Strip: []string{"readOut", "parts[].stamp"}, StripUpdate: []string{"platform", "inner.fixed"},
				MatchBy: []string{"platform", "template.id"}, Default: &graph.DefaultRule{Property: "priority", Values: []string{"0"}},
				BuiltIn:  &graph.DefaultRule{Property: "isBuiltIn", Values: []string{"true"}},
				Assigned: true, AssignmentFields: []string{"intent"},
			},
			Refs: []graph.RefRule{
				{Path: "gadget", Type: "gadget"},
				{Path: "deep.**.gadgetId", Type: "gadget", In: "#gadgetReference"},
				{Path: "groups[]", Kind: "group", Fixed: []string{"All"}},
			},
		},
		graph.TypeInfo{Key: "gadget", Path: "/gadgets", Version: "beta", NameProperty: "displayName", Support: graph.Restorable, RestoreOrder: 10},
		graph.TypeInfo{
			Key: "chosen", Path: "/chosen", Version: "beta", NameProperty: "displayName", Support: graph.Restorable, RestoreOrder: 10, ListComplete: true,
			Write: graph.WriteRules{Strip: []string{"!id"}, StripUpdate: []string{"id"}},
		},
	)
}

// pureEngine compares policies and reads nothing.
func pureEngine(t testing.TB) *engine { return newEngine(nil, testTypes(t), 1) }

func policyOf(t testing.TB, pt graph.PolicyType, raw string, parts ...graph.Part) *graph.Policy {
	t.Helper()
	var head struct {
		ID, DisplayName, Name string
		Type                  string `json:"@odata.type"`
	}
	if err := json.Unmarshal([]byte(raw), &head); err != nil {
		t.Fatal(err)
	}
	return &graph.Policy{Type: pt, ID: head.ID, Name: head.DisplayName + head.Name, ODataType: head.Type, Raw: json.RawMessage(raw), Parts: parts}
}

func assignments(raw string) graph.Part {
	return graph.Part{Name: "assignments", Raw: json.RawMessage(raw)}
}

// wishOf is a wish whose references all mean the same in the target.
func wishOf(t testing.TB, e *engine, captured, live *graph.Policy, o Options) wish {
	t.Helper()
	c, err := e.sidesOf(captured)
	if err != nil {
		t.Fatal(err)
	}
	w := wish{info: e.factsFor(captured.Type), captured: c, options: o.withDefaults(), refs: func(r reference) mapping { return mapping{id: r.id} }}
	if live != nil {
		l, err := e.sidesOf(live)
		if err != nil {
			t.Fatal(err)
		}
		w.live = &l
	}
	return w
}

// decoded decodes JSON so that order and space do not matter and numbers do.
func decoded(t testing.TB, raw []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v
}

func sameJSON(t testing.TB, what string, want string, got []byte) {
	t.Helper()
	if d := cmp.Diff(decoded(t, []byte(want)), decoded(t, got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func codes(d desired) []string {
	var out []string
	for _, w := range d.warnings {
		out = append(out, w.Code)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestABodyHasEverythingButWhatNoWriteTakes(t *testing.T) {
	e := pureEngine(t)
	p := policyOf(t, "widget", `{
		"@odata.context":"x","@odata.type":"#widget","id":"w1","displayName":"W","version":3,"readOut":1,"isAssigned":true,
		"createdDateTime":"2026-01-01T00:00:00Z","#action":{"target":"x"},"big":12345678901234567890,"exact":1.0,
		"parts":[{"stamp":"s","keep":{"stamp":"inner"}}],"platform":"windows","inner":{"fixed":1,"free":2},
		"roleScopeTagIds@odata.type":"#Collection(String)","list":["b","a"],"text":"a\u0026b<c>"}`,
		graph.Part{Name: "settings", Raw: json.RawMessage(`[{"id":"0","v":1}]`)}, assignments(`[{"id":"a","target":{"@odata.type":"#t"}}]`))
	d := desire(wishOf(t, e, p, nil, Options{}))
	sameJSON(t, "create", `{"@odata.type":"#widget","displayName":"W","big":12345678901234567890,"exact":1.0,
		"parts":[{"keep":{"stamp":"inner"}}],"platform":"windows","inner":{"fixed":1,"free":2},"list":["b","a"],"text":"a&b<c>","settings":[{"v":1}]}`, d.createBody())
	if !strings.Contains(string(d.createBody()), `"exact":1.0`) {
		t.Error("a number was written in another way")
	}
	live := policyOf(t, "widget", `{"@odata.type":"#widget","id":"w1","displayName":"W","platform":"ios","inner":{"fixed":9},"new":{"since":"backup"}}`)
	d = desire(wishOf(t, e, p, live, Options{}))
	sameJSON(t, "update", `{"@odata.type":"#widget","displayName":"W","big":12345678901234567890,"exact":1.0,
		"parts":[{"keep":{"stamp":"inner"}}],"inner":{"free":2},"list":["b","a"],"text":"a&b<c>","settings":[{"v":1}]}`, d.updateBody(e.factsFor("widget")))
	if diff := cmp.Diff([]string{codeFixedProperty}, codes(d)); diff != "" {
		t.Error(diff)
	}
	if len(d.warnings) != 2 {
		t.Errorf("%v, want both fixed properties named", d.warnings)
	}
}

func TestWhatTheBackupDoesNotKnowStays(t *testing.T) {
	e := pureEngine(t)
	live := policyOf(t, "widget", `{"id":"w1","displayName":"W","a":1,"new":{"since":"backup"}}`)
	d := desire(wishOf(t, e, policyOf(t, "widget", `{"id":"w1","displayName":"W","a":1}`), live, Options{}))
	diff, err := e.canon.Diff(d.live, &d.policy)
	if err != nil || len(diff) > 0 {
		t.Errorf("%v, %v: nothing of the backup differs", diff, err)
	}
	if strings.Contains(string(d.updateBody(e.factsFor("widget"))), "since") {
		t.Error("it is written")
	}
}

func TestAnIDThatIsChosenIsKept(t *testing.T) {
	e := pureEngine(t)
	p := policyOf(t, "chosen", `{"id":"c1","displayName":"Finance"}`)
	sameJSON(t, "create", `{"id":"c1","displayName":"Finance"}`, ptr(desire(wishOf(t, e, p, nil, Options{}))).createBody())
	sameJSON(t, "update", `{"displayName":"Finance"}`, ptr(desire(wishOf(t, e, p, p, Options{}))).updateBody(e.factsFor("chosen")))
}

func ptr(d desired) *desired { return &d }

func TestAPolymorphicObjectSaysItsType(t *testing.T) {
	e := pureEngine(t)
	p := policyOf(t, "deviceConfiguration", `{"id":"1","displayName":"X"}`)
	p.ODataType = "#microsoft.graph.windows10CustomConfiguration" // of the listing
	d := desire(wishOf(t, e, p, nil, Options{}))
	sameJSON(t, "create", `{"@odata.type":"#microsoft.graph.windows10CustomConfiguration","displayName":"X"}`, d.createBody())
}

func TestReferencesAreMapped(t *testing.T) {
	e := pureEngine(t)
	p := policyOf(t, "widget", `{"id":"w1","displayName":"W","gadget":"g1",
		"deep":[{"x":{"@odata.type":"#gadgetReference","gadgetId":"g2"}},{"@odata.type":"#other","gadgetId":"g3"}],
		"groups":["All","11111111-1111-4111-8111-111111111111"]}`)
	p.References = []graph.Reference{
		{Kind: "gadget", ID: "g1", Name: "One"}, {Kind: "group", ID: "11111111-1111-4111-8111-111111111111", Name: "G", Rule: "r"},
	}
	var asked []reference
	w := wishOf(t, e, p, nil, Options{})
	w.refs = func(r reference) mapping {
		asked = append(asked, r)
		return mapping{id: "new-" + r.id, verdict: refMapped}
	}
	d := desire(w)
	sameJSON(t, "create", `{"displayName":"W","gadget":"new-g1",
		"deep":[{"x":{"@odata.type":"#gadgetReference","gadgetId":"new-g2"}},{"@odata.type":"#other","gadgetId":"g3"}],
		"groups":["All","new-11111111-1111-4111-8111-111111111111"]}`, d.createBody())
	want := []reference{
		{key: key{"gadget", "g2"}}, {key: key{"gadget", "g1"}, name: "One"},
		{key: key{"", "11111111-1111-4111-8111-111111111111"}, kind: "group", name: "G", rule: "r"},
	}
	if diff := cmp.Diff(want, asked, cmp.AllowUnexported(reference{}, key{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(asked, referencesOf(w.info, w.captured, w.options), cmp.AllowUnexported(reference{}, key{})); diff != "" {
		t.Errorf("what is asked for differs from what is mapped: %s", diff)
	}
}

func TestWhatCannotBeMappedBlocks(t *testing.T) {
	e := pureEngine(t)
	p := policyOf(t, "widget", `{"id":"w1","displayName":"W","gadget":"g1"}`)
	for _, c := range []struct {
		m       mapping
		reason  runs.Reason
		codes   []string
		pending int
	}{
		{mapping{id: "g9", verdict: refKept}, "", nil, 0},
		{mapping{id: "g9", verdict: refMapped}, "", nil, 0},
		{mapping{id: "g1", verdict: refPending}, "", nil, 1},
		{mapping{id: "g1", verdict: refMissing}, runs.ReasonDependencyMissing, []string{codeDependencyMissing}, 0},
		{mapping{id: "g1", verdict: refAmbiguous}, runs.ReasonAmbiguousMatch, []string{codeReferenceUnclear}, 0},
		{mapping{id: "g1", verdict: refUnreadable, reason: runs.ReasonForbidden}, runs.ReasonForbidden, []string{codeReferenceUnclear}, 0},
	} {
		w := wishOf(t, e, p, nil, Options{})
		w.refs = func(reference) mapping { return c.m }
		d := desire(w)
		if d.reason != c.reason || !slices.Equal(codes(d), c.codes) || len(d.pending) != c.pending {
			t.Errorf("%+v: reason %q, warnings %v, pending %v", c.m, d.reason, d.warnings, d.pending)
		}
	}
}

func TestTheStateOfConditionalAccessIsTheWeakestUnlessTheCapturedOneIsConfirmed(t *testing.T) {
	e := pureEngine(t)
	const on, report, off = "enabled", "enabledForReportingButNotEnforced", "disabled"
	access := func(state string) *graph.Policy {
		if state == "" {
			return nil
		}
		return policyOf(t, accessType, `{"id":"1","displayName":"CA","state":"`+state+`"}`)
	}
	for _, c := range []struct {
		captured, live string
		option         AccessState
		want           string
	}{
		{on, "", AccessKeep, off}, {report, "", AccessKeep, off}, {off, "", AccessKeep, off},
		{on, on, AccessKeep, on}, {on, report, AccessKeep, report}, {on, off, AccessKeep, off},
		{report, on, AccessKeep, report}, {off, on, AccessKeep, off}, {report, report, AccessKeep, report},
		{"brandNew", "brandNew", AccessKeep, "brandNew"}, {on, "brandNew", AccessKeep, on},
		{on, "", AccessDisabled, off}, {on, "", AccessReportOnly, report}, {on, "", AccessOriginal, on},
		{report, "", AccessDisabled, off}, {report, "", AccessReportOnly, report}, {report, "", AccessOriginal, report},
		{off, "", AccessReportOnly, off}, {off, "", AccessOriginal, off},
		{on, on, AccessDisabled, off}, {on, on, AccessReportOnly, report}, {on, on, AccessOriginal, on},
		{on, off, AccessOriginal, on}, {on, off, AccessReportOnly, off}, {on, report, AccessOriginal, on},
		{off, on, AccessOriginal, off}, {report, on, AccessOriginal, report}, {report, on, AccessDisabled, off},
		{"brandNew", "", AccessReportOnly, report},
	} {
		d := desire(wishOf(t, e, access(c.captured), access(c.live), Options{Access: c.option}))
		var got struct{ State string }
		if err := json.Unmarshal(d.policy.Raw, &got); err != nil || got.State != c.want {
			t.Errorf("captured %s, live %q, %s: %s, %v, want %s", c.captured, c.live, c.option, got.State, err, c.want)
		}
		if warned := slices.Contains(codes(d), codeAccessState); warned != (c.want != c.captured || c.live != "" && strength(c.want) < strength(c.live)) {
			t.Errorf("captured %s, live %q, %s: warnings %v", c.captured, c.live, c.option, d.warnings)
		}
	}
}

func TestACopyHasASuffix(t *testing.T) {
	e := pureEngine(t)
	w := wishOf(t, e, policyOf(t, "widget", `{"id":"w1","displayName":"A \"quoted\" name"}`), nil, Options{Existing: CreateCopy})
	w.copied = true
	d := desire(w)
	sameJSON(t, "create", `{"displayName":"A \"quoted\" name (restored)"}`, d.createBody())
	if d.policy.Name != `A "quoted" name (restored)` {
		t.Errorf("name %q", d.policy.Name)
	}
}

func TestMaskedSecretsAreNotWritten(t *testing.T) {
	e := pureEngine(t)
	oma := func(ref, value string) *graph.Policy {
		return policyOf(t, "deviceConfiguration", `{"id":"1","displayName":"D","@odata.type":"#x","omaSettings":[
			{"omaUri":"./a","isEncrypted":false,"value":"plain"},{"omaUri":"./b","isEncrypted":true,"secretReferenceValueId":"`+ref+`","value":"`+value+`"}]}`)
	}
	catalog := func(token, state string) *graph.Policy {
		return policyOf(t, "settingsCatalogPolicy", `{"id":"1","name":"S","settings":[{"settingInstance":{"settingDefinitionId":"d","simpleSettingValue":
			{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSecretSettingValue","value":"`+token+`","valueState":"`+state+`"}}}]}`)
	}
	exported := func(value string) *graph.Policy { // one secret that Graph shows, one that it does not
		return policyOf(t, "deviceConfiguration", `{"id":"1","displayName":"D","@odata.type":"#x","omaSettings":[
			{"omaUri":"./wifi/password","isEncrypted":false,"value":"`+value+`"},{"omaUri":"./b","isEncrypted":true,"secretReferenceValueId":"r1","value":"****"}]}`)
	}
	for _, c := range []struct {
		name           string
		captured, live *graph.Policy
		item           []string
		blocked, warns bool
	}{
		{"masked by an export, beside one that is live", exported("[masked]"), exported("s3cret"), []string{"secrets_masked"}, true, true},
		{"an encrypted value, no object", oma("r1", "****"), nil, nil, true, true},
		{"an encrypted value, the same live", oma("r1", "****"), oma("r1", "****"), nil, false, true},
		{"an encrypted value, another live", oma("r1", "****"), oma("r2", "****"), nil, true, true},
		{"an encrypted value that was shown", oma("r1", "s3cret"), nil, nil, false, false},
		{"a token, no object", catalog("t1", "encryptedValueToken"), nil, nil, true, true},
		{"a token, the same live", catalog("t1", "encryptedValueToken"), catalog("t1", "encryptedValueToken"), nil, false, true},
		{"a token, another live", catalog("t1", "encryptedValueToken"), catalog("t2", "encryptedValueToken"), nil, true, true},
		{"a secret typed in", catalog("s3cret", "notEncrypted"), nil, nil, false, false},
		{"said by the capture only", policyOf(t, "widget", `{"id":"1","displayName":"W"}`), policyOf(t, "widget", `{"id":"1","displayName":"W"}`), []string{"secrets_masked"}, true, true},
		{"nothing secret", policyOf(t, "widget", `{"id":"1","displayName":"W","description":"****"}`), nil, nil, false, false},
	} {
		w := wishOf(t, e, c.captured, c.live, Options{})
		w.warnings = c.item
		d := desire(w)
		if blocked := d.reason == runs.ReasonSecretsMasked; blocked != c.blocked {
			t.Errorf("%s: reason %q", c.name, d.reason)
		}
		if warned := slices.Contains(codes(d), codeSecretsMasked); warned != c.warns {
			t.Errorf("%s: warnings %v", c.name, d.warnings)
		}
		if text, _ := json.Marshal(d.warnings); strings.Contains(string(text), "s3cret") {
			t.Errorf("%s: a warning shows the secret", c.name)
		}
	}
}

func TestAnEncryptedValueThatWasShownIsGivenInPlainText(t *testing.T) {
	e := pureEngine(t)
	p := policyOf(t, "deviceConfiguration", `{"@odata.type":"#x","id":"1","displayName":"X","omaSettings":[
		{"omaUri":"./b","isEncrypted":true,"secretReferenceValueId":"r","value":"s3cret"},{"omaUri":"./a","isEncrypted":false,"value":"v"}]}`)
	sameJSON(t, "create", `{"@odata.type":"#x","displayName":"X","omaSettings":[
		{"omaUri":"./b","isEncrypted":false,"secretReferenceValueId":null,"value":"s3cret"},{"omaUri":"./a","isEncrypted":false,"value":"v"}]}`,
		ptr(desire(wishOf(t, e, p, nil, Options{}))).createBody())
}

func TestScopeTagsAreLeftOutWhereTheyAreNotSupported(t *testing.T) {
	e := pureEngine(t)
	p := policyOf(t, "deviceConfiguration", `{"@odata.type":"#x","id":"1","displayName":"X","supportsScopeTags":false,"roleScopeTagIds":["0"]}`)
	sameJSON(t, "create", `{"@odata.type":"#x","displayName":"X"}`, ptr(desire(wishOf(t, e, p, nil, Options{}))).createBody())
}
