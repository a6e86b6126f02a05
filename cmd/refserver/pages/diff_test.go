package pages_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func at(from int) string { return fmt.Sprintf("/rest?change=%d", from) }

// diffHTML renders changes with room for all of them.
func diffHTML(t *testing.T, changes ...backupset.Change) string {
	t.Helper()
	html, err := pages.RenderDiff(changes, 0, 100, 100_000, at)
	check(t, err)
	return html
}

func replaced(path, before, after string) backupset.Change {
	return backupset.Change{Path: path, Op: backupset.OpReplace, Before: json.RawMessage(before), After: json.RawMessage(after)}
}

func added(path, after string) backupset.Change {
	return backupset.Change{Path: path, Op: backupset.OpAdd, After: json.RawMessage(after)}
}

func removed(path, before string) backupset.Change {
	return backupset.Change{Path: path, Op: backupset.OpRemove, Before: json.RawMessage(before)}
}

func TestADifferenceIsShownAsAPersonReadsIt(t *testing.T) {
	for name, changes := range map[string][]backupset.Change{
		"scalars": {
			replaced("passwordMinimumLength", "8", "12"),
			replaced("displayName", `"Alpha"`, `"Beta"`),
			replaced("big", "9007199254740993", "9007199254740992.50"),
			replaced("kind", `"1"`, "1"),
			replaced("note", `""`, "null"),
		},
		"added_and_removed": {
			added("conditions/users/excludeGroups[5f1c]", `"5f1c"`),
			removed("omaSettings[./Device/Vendor/MSFT/x~3]/value", `"on"`),
		},
		"identities": {
			replaced("settings[device_vendor_msft_policy_config_update_x]/settingInstance/choiceSettingValue/value", `"x_0"`, `"x_1"`),
			removed("assignments[groupAssignmentTarget:5f1c]", `{"target":{"groupId":"5f1c"}}`),
			added("assignments[exclusionGroupAssignmentTarget:77aa]", `{"target":{"groupId":"77aa"}}`),
			replaced("assignments[allDevicesAssignmentTarget]/target/deviceAndAppManagementAssignmentFilterId", `"a"`, `"b"`),
			replaced("definitionValues[https://graph.microsoft.com/beta/deviceManagement/groupPolicyDefinitions('d1')]/enabled", "true", "false"),
			replaced("omaSettings[]", `["a","b"]`, `["b","a"]`),
			replaced("a~1b/c~0d~2e", "1", "2"),
		},
		"whole_object": {
			added("grantControls", `{"operator":"OR","builtInControls":["mfa","compliantDevice"],"limit":1e400}`),
		},
		"long_strings": {
			replaced("scriptContent", `"`+strings.Repeat("x", 400)+`OLD tail"`, `"`+strings.Repeat("x", 400)+`NEW tail"`),
		},
		"secrets": {
			replaced("wifi/preSharedKey", `"[masked]"`, `"[masked]"`),
			added("vpn/sharedSecret", `"[masked]"`),
			replaced("account", `{"password":"hunter2","user":"a"}`, `{"password":"hunter3","user":"b"}`),
		},
		"hostile": {
			replaced(`<script>alert(1)</script>[" onclick="x]`, `"<img src=x onerror=y>"`, `"</pre><b>"`),
			added("name\u202egpj", `"exe\u202Egpj\u0000\u0007"`),
			added("broken", `{"a":`),
			added("text", `"line 1\nline 2\ttab"`),
			added("open[without end", "1"),
			added("a[", "1"),
			added("]]x[[y]z[]/", "1"),
		},
		"none": {},
	} {
		t.Run(name, func(t *testing.T) { golden(t, "diff/"+name+".html", diffHTML(t, changes...)) })
	}
}

func TestADifferenceNeverShowsASecret(t *testing.T) {
	got := diffHTML(t, replaced("account", `{"password":"hunter2"}`, `{"clientSecret":"hunter3","keys":[{"name":"apiKey","value":"hunter4"}]}`))
	if strings.Contains(got, "hunter") {
		t.Errorf("a secret is on the page: %s", got)
	}
}

func TestALongDifferenceIsCutWithALinkToTheRest(t *testing.T) {
	var changes []backupset.Change
	for i := range 250 {
		changes = append(changes, added(fmt.Sprintf("p%d", i), "1"))
	}
	got := diffHTML(t, changes...)
	if n := strings.Count(got, `<li class="change`); n != 100 {
		t.Errorf("%d changes are shown, want 100", n)
	}
	if !strings.Contains(got, `<a href="/rest?change=100">150 further differences</a>`) {
		t.Error("the page lacks the link to the rest")
	}
	got = must(pages.RenderDiff(changes, 200, 100, 100_000, at))(t)
	if !strings.Contains(got, `<a href="/rest?change=100">200 earlier differences</a>`) || !strings.Contains(got, ">P249<") && !strings.Contains(got, ">P249</span>") {
		t.Errorf("the last page: %s", got)
	}
}

func TestADifferenceOfLargeValuesStaysWithinItsBytes(t *testing.T) {
	var changes []backupset.Change
	for i := range 100 {
		changes = append(changes, replaced(fmt.Sprintf("p%d", i), `"`+strings.Repeat(`\"`, 2000)+`"`, `"`+strings.Repeat("<", 4000)+`"`))
	}
	if got := diffHTML(t, changes...); len(got) > 130_000 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestADifferenceShowsWhatTheCanonicalizerFinds(t *testing.T) {
	p := func(raw string) *graph.Policy {
		return &graph.Policy{Type: "deviceConfiguration", ID: "1", Raw: json.RawMessage(raw)}
	}
	changes := must(backupset.NewCanonicalizer(nil).Diff(
		p(`{"displayName":"A","minimum":10000000000000000000001,"wifiPassword":"hunter2"}`),
		p(`{"displayName":"A","minimum":10000000000000000000002,"wifiPassword":"hunter3"}`)))(t)
	got := diffHTML(t, changes...)
	for _, want := range []string{"10000000000000000000001", "10000000000000000000002", "The secret differs."} {
		if !strings.Contains(got, want) {
			t.Errorf("the difference lacks %q: %s", want, got)
		}
	}
	if strings.Contains(got, "hunter") {
		t.Error("a secret is on the page")
	}
}
