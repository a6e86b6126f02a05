package restore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// widget is an object of the type that the tests bring.
func widget(id, name, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"id":%q,"displayName":%q%s}`, id, name, more)
}

func TestTheMatchRule(t *testing.T) {
	testenv.SlowUnderRace(t)
	for _, c := range []struct {
		name    string
		backup  []string // widgets when the set is made
		remove  []string // ids that are deleted then
		live    []string // widgets that are made or changed then
		options restore.Options
		want    map[string]string // captured id -> action, reason, target
	}{
		{
			"the original that changed", []string{widget("a", "A", `"v":1`)}, nil, []string{widget("a", "A", `"v":2`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "change a"},
		},
		{
			"the original under another name", []string{widget("a", "A", `"v":1`)}, nil, []string{widget("a", "Z", `"v":1`), widget("b", "A", `"v":1`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "change a"},
		},
		{
			"existing ones are skipped unless asked otherwise", []string{widget("a", "A", `"v":1`)}, nil, []string{widget("a", "A", `"v":2`)},
			restore.Options{}, map[string]string{"a": "skip exists a"},
		},
		{
			"none", []string{widget("a", "A", "")}, []string{"a"}, []string{widget("b", "B", "")},
			restore.Options{}, map[string]string{"a": "create"},
		},
		{
			"one of the same name", []string{widget("a", "A  name", `"v":1`)}, []string{"a"}, []string{widget("b", " a Name", `"v":2`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "change b"},
		},
		{
			"one of the same content but its name's case", []string{widget("a", "A", `"v":1`)}, []string{"a"}, []string{widget("b", "A", `"v":1`)},
			restore.Options{}, map[string]string{"a": "unchanged b"},
		},
		{
			"one of the same name but another platform", []string{widget("a", "A", `"platform":"ios"`)}, []string{"a"}, []string{widget("b", "A", `"platform":"windows"`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "create"},
		},
		{
			"one of the same name but another template", []string{widget("a", "A", `"template":{"id":"1"}`)}, []string{"a"}, []string{widget("b", "A", `"template":{"id":"2"}`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "create"},
		},
		{
			"one of the same name but another type name", []string{widget("a", "A", `"@odata.type":"#x"`)}, []string{"a"}, []string{widget("b", "A", `"@odata.type":"#y"`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "create"},
		},
		{
			"the id with another type name", []string{widget("a", "A", `"@odata.type":"#x"`)}, nil, []string{widget("a", "A", `"@odata.type":"#y"`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "create"},
		},
		{
			"two of the same name, of which one is of this platform", []string{widget("a", "A", `"platform":"ios","v":1`)}, []string{"a"},
			[]string{widget("b", "A", `"platform":"windows"`), widget("c", "A", `"platform":"ios","v":2`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "change c"},
		},
		{
			"two of the same name", []string{widget("a", "A", "")}, []string{"a"}, []string{widget("b", "A", `"v":1`), widget("c", "A", `"v":2`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "blocked ambiguous_match"},
		},
		{
			"the object of another item", []string{widget("a", "A", `"v":1`), widget("b", "A", `"v":2`)}, []string{"a"}, nil,
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "create", "b": "unchanged b"},
		},
		{
			"two items for one object", []string{widget("a", "A", `"v":1`), widget("b", "A", `"v":2`)}, []string{"a", "b"}, []string{widget("c", "A", `"v":3`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "blocked ambiguous_match", "b": "blocked ambiguous_match"},
		},
		{
			"two items of one name, told apart by platform", []string{widget("a", "A", `"platform":"ios","v":1`), widget("b", "A", `"platform":"windows"`)}, []string{"a", "b"},
			[]string{widget("c", "A", `"platform":"ios","v":3`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "change c", "b": "create"},
		},
		{
			"what every tenant has, under another id and name", []string{widget("a", "Default", `"priority":0,"v":1`)}, []string{"a"},
			[]string{widget("b", "Standard", `"priority":0,"v":2`), widget("c", "Default", `"priority":3`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "change b"},
		},
		{
			"what every tenant has is never made", []string{widget("a", "Default", `"priority":0`)}, []string{"a"}, []string{widget("c", "Default", `"priority":3`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "blocked builtin_object"},
		},
		{
			"what every tenant has is not copied", []string{widget("a", "Default", `"priority":0,"v":1`)}, nil, []string{widget("a", "Default", `"priority":0,"v":2`)},
			restore.Options{Existing: restore.CreateCopy}, map[string]string{"a": "blocked builtin_object a"},
		},
		{
			"an ordinary object is not what every tenant has", []string{widget("a", "Default", `"priority":3`)}, []string{"a"}, []string{widget("b", "Default", `"priority":0`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "create"},
		},
		{
			"Microsoft's own objects", []string{widget("a", "A", `"isBuiltIn":true,"v":1`), widget("b", "B", `"isBuiltIn":true`)}, []string{"b"},
			[]string{widget("a", "A", `"isBuiltIn":true,"v":2`)},
			restore.Options{Existing: restore.Overwrite}, map[string]string{"a": "skip builtin_object a", "b": "skip builtin_object"},
		},
		{
			"a copy", []string{widget("a", "A", `"v":1`), widget("b", "B", "")}, []string{"b"}, []string{widget("a", "A", `"v":2`)},
			restore.Options{Existing: restore.CreateCopy}, map[string]string{"a": "create a", "b": "create"},
		},
		{
			"a copy whose name is taken", []string{widget("a", "A", `"v":1`)}, nil, []string{widget("a", "A", `"v":2`), widget("c", "A (restored)", "")},
			restore.Options{Existing: restore.CreateCopy}, map[string]string{"a": "blocked conflict a"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
			for _, raw := range c.backup {
				w.put(rig.Tenant, "widget", raw)
			}
			set := w.backup()
			for _, id := range c.remove {
				w.ok(w.Graph.Delete(rig.Tenant, "widget", id))
			}
			for _, raw := range c.live {
				w.put(rig.Tenant, "widget", raw)
			}
			_, items := w.preview(rig.Tenant, set, restore.PreviewParams{Options: c.options})
			got := map[string]string{}
			for id, i := range items {
				got[id] = strings.Join(strings.Fields(fmt.Sprint(i.Action, " ", i.Reason, " ", i.TargetID)), " ")
				if i.LiveHash.IsZero() != (i.TargetID == "") {
					t.Errorf("%s: target %q with the hash %s", id, i.TargetID, i.LiveHash)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAnIDThatIsTakenBySomethingElseIsNotOverwritten(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.empty(2)
	w.put(rig.Tenant, "chosen", `{"id":"c1","displayName":"Finance"}`)
	w.put(rig.Tenant, "chosen", `{"id":"c2","displayName":"Legal","v":1}`)
	w.put(rig.Tenant, "chosen", `{"id":"c3","displayName":"Sales"}`)
	set := w.backup()
	w.put(fabrikam, "chosen", `{"id":"c1","displayName":"Human resources"}`)
	w.put(fabrikam, "chosen", `{"id":"c2","displayName":"legal","v":2}`)
	_, items := w.preview(fabrikam, set, restore.PreviewParams{SourceTenant: rig.Tenant, Options: restore.Options{Existing: restore.Overwrite}})
	if i := items["c1"]; i.Action != restore.Blocked || i.Reason != runs.ReasonConflict {
		t.Errorf("%+v", i)
	}
	if i := items["c2"]; i.Action != restore.Change || i.TargetID != "c2" {
		t.Errorf("%+v", i)
	}
	if i := items["c3"]; i.Action != restore.Create {
		t.Errorf("%+v", i)
	}
}

// TestIDsOfAnotherTenantMeanNothing puts an object of the very id and another name into the
// target, as small numbers collide.
func TestIDsOfAnotherTenantMeanNothing(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.empty(2)
	w.put(rig.Tenant, "gadget", `{"id":"1","displayName":"North"}`)
	w.put(rig.Tenant, "gadget", `{"id":"2","displayName":"South"}`)
	p := w.put(rig.Tenant, "widget", widget("w", "W", `"gadget":"1"`))
	p.References = []graph.Reference{{Kind: "gadget", ID: "1", Name: "North"}}
	w.ok(w.Graph.Put(rig.Tenant, p))
	set := w.backup()
	w.put(fabrikam, "gadget", `{"id":"1","displayName":"South"}`)
	w.put(fabrikam, "gadget", `{"id":"2","displayName":"North"}`)
	w.put(fabrikam, "widget", widget("v", "W", `"gadget":"2"`))
	_, items := w.preview(fabrikam, set, restore.PreviewParams{SourceTenant: rig.Tenant, Options: restore.Options{Existing: restore.Overwrite}})
	for id, want := range map[string]string{"1": "2", "2": "1", "w": "v"} {
		if i := items[id]; i.TargetID != want || i.Action != restore.Unchanged {
			t.Errorf("%s: %s %s %s with %s, %v", id, i.Type, i.Action, i.Reason, i.TargetID, i.Diff)
		}
	}
}
