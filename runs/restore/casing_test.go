package restore

import (
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// TestANameInAnotherLetterCaseIsNotRestored puts names that decide what a restore does into
// captured objects as they are, and as only Graph may know them again.
func TestANameInAnotherLetterCaseIsNotRestored(t *testing.T) {
	e, access := pureEngine(t), accessType
	for _, c := range []struct {
		name string
		t    graph.PolicyType
		raw  string
		want string // the name that is meant, "" for none
	}{
		{"as it is", access, `"state":"disabled"`, ""},
		{"beside it", access, `"state":"disabled","State":"enabled"`, "state"},
		{"in its place", access, `"STATE":"enabled"`, "state"},
		{"with an escape", access, `"\u0053tate":"enabled"`, "state"},
		{"with a letter that only folds to it", access, `"ſtate":"enabled"`, "state"},
		{"another word", access, `"states":"enabled","estate":"x"`, ""},
		{"deeper, where it decides nothing", access, `"conditions":{"State":"x"}`, ""},
		{"whom it concerns", access, `"conditions":{"users":{"includeGroups":[],"ExcludeGroups":["x"]}}`, "excludeGroups"},
		{"on the way to it", access, `"conditions":{"Users":{"includeGroups":["x"]}}`, "users"},
		{"the name", "widget", `"DisplayName":"x"`, "displayName"},
		{"the id", "chosen", `"ID":"x"`, "id"},
		{"assignments", "widget", `"Assignments":[]`, "assignments"},
		{"scope tags", "widget", `"RoleScopeTagIds":["1"]`, "roleScopeTagIds"},
		{"whether there are scope tags", "widget", `"supportsscopetags":false`, "supportsScopeTags"},
		{"whether it is encrypted", "widget", `"omaSettings":[{"IsEncrypted":true,"value":"x"}]`, "isEncrypted"},
		{"the reference to a secret", "widget", `"omaSettings":[{"SecretReferenceValueID":"x"}]`, "secretReferenceValueId"},
		{"the state of a secret", "widget", `"settings":[{"ValueState":"notEncrypted"}]`, "valueState"},
		{"what no write takes", "widget", `"ReadOut":1`, "readOut"},
		{"what no write takes, in a list", "widget", `"parts":[{"Stamp":1}]`, "stamp"},
		{"what no update takes", "widget", `"inner":{"Fixed":1}`, "fixed"},
		{"what it is matched by", "widget", `"template":{"Id":"x"}`, "id"},
		{"whether every tenant has one", "widget", `"Priority":0`, "priority"},
		{"whether it is Microsoft's", "widget", `"IsBuiltIn":true`, "isBuiltIn"},
		{"what it refers to", "widget", `"Gadget":"x"`, "gadget"},
		{"what it refers to, at any depth", "widget", `"deep":{"a":[{"@odata.type":"#gadgetReference","GadgetId":"x"}]}`, "gadgetId"},
	} {
		p := policyOf(t, c.t, `{"id":"1","displayName":"P",`+c.raw+`}`)
		_, err := e.toRestore(e.factsFor(c.t), p)
		if c.want == "" && err == nil {
			continue
		}
		if c.want == "" || err == nil || !strings.Contains(err.Error(), `"`+c.want+`"`) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestNothingThatGraphShowsIsTakenForMiscased(t *testing.T) {
	n := 0
	eachGenerated(t, func(e *engine, _ *graphtest.Graph, p graph.Policy, w wish) {
		n++
		if _, err := e.toRestore(w.info, &p); err != nil {
			t.Errorf("%s: %v", p.Type, err)
		}
	})
	if n < 100 {
		t.Errorf("%d policies show nothing", n)
	}
}

func TestConditionalAccessWithoutAStateIsMadeDisabled(t *testing.T) {
	e := pureEngine(t)
	for _, o := range []AccessState{AccessKeep, AccessDisabled, AccessReportOnly, AccessOriginal} {
		d := desire(wishOf(t, e, policyOf(t, accessType, `{"id":"1","displayName":"CA"}`), nil, Options{Access: o}))
		sameJSON(t, string(o), `{"displayName":"CA","state":"disabled"}`, d.policy.Raw)
		if c := codes(d); len(c) != 1 || c[0] != codeAccessState {
			t.Errorf("%s: warnings %v", o, d.warnings)
		}
	}
}
