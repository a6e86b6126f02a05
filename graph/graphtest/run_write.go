package graphtest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

var writeChecks = []check{
	{"a created object is there under its new id, with its parts", Config{}, created},
	{"a create that Graph refuses is invalid and makes nothing", Config{}, refusedCreate},
	{"a create whose reply was lost is ambiguous, and is not sent again", Config{}, lostCreate},
	{"an update changes what its body names, and nothing else", Config{}, updated},
	{"an update replaces the whole where the catalogue says so", Config{}, replacedWhole},
	{"assignments are replaced as a whole", Config{}, assignedWhole},
	{"an update or an assignment of what is not there is not found", Config{}, writeNotFound},
	{"a write without a justification is held back where it takes one", Config{ApprovalRequired: []graph.PolicyType{plain}}, unjustified},
	{"a write with one waits until it is approved, and is done once then", Config{ApprovalRequired: []graph.PolicyType{plain}}, approved},
	{"a client that may only look refuses every write and reads as before", Config{}, writeBlocked},
}

// newCategory and newPolicy are what the checks create.
const (
	newCategory = `{"displayName":"New","description":"Made","roleScopeTagIds":["0"]}`
	newPolicy   = `{"name":"New","description":"Made","platforms":"windows10","technologies":"mdm","roleScopeTagIds":["0"],` +
		`"settings":[%s]}`
)

// setting is one of a settings catalog policy.
func setting(n int) string {
	return fmt.Sprintf(`{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSetting","settingInstance":{`+
		`"@odata.type":"#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance","settingDefinitionId":"device_vendor_msft_policy_%d",`+
		`"simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationIntegerSettingValue","value":%d}}}`, n, n)
}

// object decodes what the tenant holds.
func (f *fixture) object(t graph.PolicyType, id string) map[string]any {
	f.Helper()
	p, ok := f.graph.Object(here, t, id)
	if !ok {
		f.Fatalf("the tenant has no %s %q", t, id)
	}
	out, err := p.Decode()
	f.ok(err)
	return out
}

func shown(v any) string { return fmt.Sprint(bared(v)) }

func created(f *fixture) {
	bodies := map[graph.PolicyType]string{plain: newCategory, many: fmt.Sprintf(newPolicy, setting(1)+","+setting(2))}
	for t, body := range bodies {
		before := f.truth(here, t)
		id, err := f.Create(f.Context(), here, t, []byte(body))
		f.ok(err)
		if _, old := before[id]; old || id == "" || len(f.truth(here, t)) != len(before)+1 {
			f.Errorf("Create of %s: id %q, and %d objects after %d", t, id, len(f.truth(here, t)), len(before))
		}
		var want map[string]any
		f.ok(json.Unmarshal([]byte(body), &want))
		have := f.object(t, id)
		for key, v := range want {
			if list, ok := v.([]any); ok && key == "settings" {
				got, _ := have[key].([]any)
				if len(got) != len(list) {
					f.Errorf("%s has %d settings of %d", t, len(got), len(list))
				}
			} else if shown(have[key]) != shown(v) {
				f.Errorf("%s of the new %s is %s; want %s", key, t, shown(have[key]), shown(v))
			}
		}
		p, err := f.get(t, id)
		f.ok(err)
		f.same(map[string]graph.Policy{id: p}, map[string]graph.Policy{id: f.truth(here, t)[id]})
	}
}

func refusedCreate(f *fixture) {
	before := len(f.graph.Snapshot(here))
	for t, body := range map[graph.PolicyType]string{
		scriptType:            `{"displayName":"Without its script","fileName":"x.ps1","runAsAccount":"system"}`,
		"deviceConfiguration": `{"displayName":"Without its type"}`,
	} {
		_, err := f.Create(f.Context(), here, t, []byte(body))
		f.kind("Create of "+string(t), err, graph.KindInvalid)
	}
	if n := len(f.graph.Snapshot(here)); n != before {
		f.Errorf("%d objects were made", n-before)
	}
}

func lostCreate(f *fixture) {
	before := len(f.truth(here, plain))
	f.wrong(Fault{Tenant: here, Op: OpCreate, Type: plain, Applied: true})
	_, err := f.Create(f.Context(), here, plain, []byte(newCategory))
	f.kind("Create", err, graph.KindAmbiguous)
	if n := len(f.truth(here, plain)) - before; n != 1 {
		f.Errorf("%d objects were made; want one, by the request whose reply was lost", n)
	}
}

func updated(f *fixture) {
	id := f.idsOf(scriptType)[0]
	before := f.object(scriptType, id)
	f.ok(f.Update(f.Context(), here, scriptType, id, []byte(`{"displayName":"Other","description":"Changed"}`)))
	after := f.object(scriptType, id)
	if after["displayName"] != "Other" || after["description"] != "Changed" {
		f.Errorf("name and description are %v and %v", after["displayName"], after["description"])
	}
	for key := range before {
		if !slices.Contains([]string{"displayName", "description", "lastModifiedDateTime", "version"}, key) && shown(before[key]) != shown(after[key]) {
			f.Errorf("the update changed %s, which its body does not name", key)
		}
	}
}

func replacedWhole(f *fixture) {
	id, err := f.Create(f.Context(), here, many, []byte(fmt.Sprintf(newPolicy, setting(1)+","+setting(2))))
	f.ok(err)
	f.ok(f.Update(f.Context(), here, many, id, []byte(fmt.Sprintf(newPolicy, setting(3)))))
	settings, _ := f.object(many, id)["settings"].([]any)
	if len(settings) != 1 {
		f.Errorf("the policy has %d settings; the update has one", len(settings))
	}
	if p, err := f.get(many, id); err != nil || f.content(p) != f.content(f.truth(here, many)[id]) {
		f.Errorf("the policy is not read as it is: %v", err)
	}
}

func assignedWhole(f *fixture) {
	groups := f.graph.Groups(here)
	if len(groups) < 3 {
		f.Fatal("the tenant has too few groups")
	}
	to := func(ids ...string) (out []json.RawMessage) {
		for _, id := range ids {
			out = append(out, []byte(`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"`+id+`"}}`))
		}
		return out
	}
	for _, t := range []graph.PolicyType{scriptType, many} {
		id := f.idsOf(t)[0]
		for _, ids := range [][]string{{groups[0].ID, groups[1].ID}, {groups[2].ID}, {}} {
			f.ok(f.Assign(f.Context(), here, t, id, to(ids...)))
			got := map[string]bool{}
			list, _ := f.object(t, id)["assignments"].([]any)
			for _, e := range list {
				entry, _ := e.(map[string]any)
				target, _ := entry["target"].(map[string]any)
				got[fmt.Sprint(target["groupId"])] = true
			}
			want := slices.Sorted(slices.Values(ids))
			if !slices.Equal(slices.Sorted(maps.Keys(got)), want) || len(list) != len(ids) {
				f.Errorf("%s is assigned to %v; want %v", t, slices.Sorted(maps.Keys(got)), want)
			}
		}
		f.kind("an assignment to a group that is not there", f.Assign(f.Context(), here, t, id, to("00000000-0000-4000-8000-000000000000")), graph.KindInvalid)
	}
}

func writeNotFound(f *fixture) {
	const nothing = "00000000-0000-4000-8000-000000000000"
	f.kind("Update", f.Update(f.Context(), here, plain, nothing, []byte(`{"displayName":"x"}`)), graph.KindNotFound)
	f.kind("Assign", f.Assign(f.Context(), here, scriptType, nothing, nil), graph.KindNotFound)
}

func unjustified(f *fixture) {
	id := f.idsOf(plain)[0]
	_, err := f.Create(f.Context(), here, plain, []byte(newCategory))
	f.kind("Create", err, graph.KindApprovalRequired)
	f.kind("Update", f.Update(f.Context(), here, plain, id, []byte(`{"displayName":"Other"}`)), graph.KindApprovalRequired)
	if n := len(f.graph.Approvals(here)); n != 0 {
		f.Errorf("%d requests for approval were made", n)
	}
}

func approved(f *fixture) {
	const reason = "Wiederhergestellt nach Löschung – 復元 👍"
	ctx := graph.WithJustification(f.Context(), reason)
	id, before := f.idsOf(plain)[0], len(f.truth(here, plain))
	create := func(ctx context.Context, body string) error {
		_, err := f.Create(ctx, here, plain, []byte(body))
		return err
	}
	update := func(name string) error {
		return f.Update(ctx, here, plain, id, []byte(`{"displayName":"`+name+`"}`))
	}
	f.kind("Create", create(ctx, newCategory), graph.KindApprovalRequired)
	f.kind("Update", update("Other"), graph.KindApprovalRequired)
	f.kind("Create again", create(ctx, newCategory), graph.KindApprovalRequired)
	f.kind("Update again", update("Other"), graph.KindApprovalRequired)
	f.kind("another Update", update("Another"), graph.KindApprovalRequired)
	requests := f.graph.Approvals(here)
	for _, a := range requests {
		if !strings.HasPrefix(a.Justification, reason) {
			f.Errorf("those who approve read %q; want %q", a.Justification, reason)
		}
	}
	if len(requests) != 2 || len(f.truth(here, plain)) != before || f.object(plain, id)["displayName"] == "Other" {
		f.Errorf("%d requests for approval, and something was written", len(requests))
	}
	f.graph.Decide(here, ApprovalGiven)
	f.kind("another Create", create(ctx, `{"displayName":"Something else","roleScopeTagIds":["0"]}`), graph.KindApprovalRequired)
	f.ok(create(ctx, newCategory))
	f.ok(update("Other"))
	if n := len(f.truth(here, plain)) - before; n != 1 || f.object(plain, id)["displayName"] != "Other" {
		f.Errorf("%d objects were made, and the name is %v", n, f.object(plain, id)["displayName"])
	}
	f.kind("Create after it was done", create(ctx, newCategory), graph.KindApprovalRequired)
	f.graph.Decide(here, ApprovalRejected)
	f.kind("Create after it was rejected", create(ctx, newCategory), graph.KindApprovalRequired)
}

func writeBlocked(f *fixture) {
	id := f.idsOf(plain)[0]
	reader := graph.WriteBlocked(f.Client)
	_, err := reader.Create(f.Context(), here, plain, []byte(newCategory))
	f.kind("Create", err, graph.KindWriteBlocked)
	f.kind("Update", reader.Update(f.Context(), here, plain, id, []byte(`{"displayName":"x"}`)), graph.KindWriteBlocked)
	f.kind("Assign", reader.Assign(f.Context(), here, scriptType, f.idsOf(scriptType)[0], nil), graph.KindWriteBlocked)
	if n := f.graph.Writes(here); n > 0 {
		f.Errorf("%d writes were sent", n)
	}
	f.Client = reader
	got, err := f.capture(f.Context(), here, many)
	f.ok(err)
	f.same(got, f.truth(here, many))
}
