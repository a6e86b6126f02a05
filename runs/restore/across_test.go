package restore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// The groups that policies of these tests are assigned to.
const (
	known   = "11111111-1111-4111-8111-111111111111" // is in the target under its id
	renamed = "22222222-2222-4222-8222-222222222222" // is there under another id
	gone    = "33333333-3333-4333-8333-333333333333" // is not there
	twice   = "44444444-4444-4444-8444-444444444444" // is there twice under other ids
	other   = "55555555-5555-4555-8555-555555555555" // what renamed is in the target
)

// directory is a reader with groups of its own.
type directory struct {
	graph.Reader
	unsupported bool
}

func (d directory) Resolve(_ context.Context, _ graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error) {
	if d.unsupported {
		return nil, &graph.Error{Kind: graph.KindUnsupported}
	}
	out := make([]graph.Resolution, len(refs))
	for i, ref := range refs {
		out[i].Exists = ref.ID == known
		switch {
		case ref.Name == "renamed" && ref.Rule == "rule":
			out[i].Matches = []graph.Reference{{Kind: "group", ID: other, Name: "renamed", Rule: "rule"}}
		case ref.Name == "twice":
			out[i].Matches = []graph.Reference{{Kind: "group", ID: gone}, {Kind: "group", ID: other}}
		}
	}
	return out, nil
}

// assignedTo is an assignment to each of some groups.
func assignedTo(groups ...string) graph.Part {
	var list []string
	for _, g := range groups {
		list = append(list, fmt.Sprintf(`{"id":"x_%s","source":"direct","target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":%q,"deviceAndAppManagementAssignmentFilterId":null,"deviceAndAppManagementAssignmentFilterType":"none"}}`, g, g))
	}
	return graph.Part{Name: "assignments", Raw: []byte("[" + strings.Join(list, ",") + "]")}
}

func groupReferences() []graph.Reference {
	return []graph.Reference{
		{Kind: "group", ID: known, Name: "known"}, {Kind: "group", ID: renamed, Name: "renamed", Rule: "rule"},
		{Kind: "group", ID: gone, Name: "gone"}, {Kind: "group", ID: twice, Name: "twice"},
	}
}

func TestAssignmentsAreRestoredAsTheOptionsSay(t *testing.T) {
	for _, c := range []struct {
		groups  []string
		options restore.Assignments
		want    string
		codes   []string
	}{
		{[]string{known, renamed, gone}, restore.NoAssignments, "create", nil},
		{[]string{known}, restore.OriginalAssignments, "create", nil},
		{[]string{known, renamed}, restore.OriginalAssignments, "blocked dependency_missing", []string{"dependency_missing"}},
		{[]string{known, renamed}, restore.MappedAssignments, "create", nil},
		{[]string{known, gone}, restore.MappedAssignments, "blocked dependency_missing", []string{"dependency_missing"}},
		{[]string{twice}, restore.MappedAssignments, "blocked ambiguous_match", []string{"reference_unclear"}},
	} {
		o := rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}
		w := newWorld(t, o, nil, restore.PreviewerConfig{})
		w.runner = w.newRunner(restore.PreviewerConfig{Reader: directory{Reader: w.Graph}})
		p := w.put(rig.Tenant, "widget", widget("a", "A", ""), assignedTo(c.groups...))
		p.References = groupReferences()
		w.ok(w.Graph.Put(rig.Tenant, p))
		set := w.backup()
		w.ok(w.Graph.Delete(rig.Tenant, "widget", "a"))
		_, items := w.preview(rig.Tenant, set, restore.PreviewParams{Options: restore.Options{Assignments: c.options}})
		i := items["a"]
		if got := strings.TrimSpace(string(i.Action) + " " + string(i.Reason)); got != c.want || !slices.Equal(warningCodes(i), c.codes) {
			t.Errorf("%v, %s: %q, warnings %v", c.groups, c.options, got, i.Warnings)
		}
	}
}

func TestAssignmentsOfAnExistingPolicyAreComparedAsTheyAreWritten(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.runner = w.newRunner(restore.PreviewerConfig{Reader: directory{Reader: w.Graph}})
	p := w.put(rig.Tenant, "widget", widget("a", "A", `"v":1`), assignedTo(renamed))
	p.References = groupReferences()
	w.ok(w.Graph.Put(rig.Tenant, p))
	set := w.backup()
	at := func(live graph.Part, o restore.Assignments) restore.PreviewItem {
		t.Helper()
		w.put(rig.Tenant, "widget", widget("a", "A", `"v":1`), live)
		_, items := w.preview(rig.Tenant, set, restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite, Assignments: o}})
		return items["a"]
	}
	if i := at(assignedTo(other), restore.MappedAssignments); i.Action != restore.Unchanged {
		t.Errorf("the mapped group is there already: %s, %v", i.Action, i.Diff)
	}
	if i := at(assignedTo(other, known), restore.MappedAssignments); i.Action != restore.Change || len(i.Diff) != 1 || i.Diff[0].Op != backupset.OpRemove || len(i.Warnings) > 0 {
		t.Errorf("%s, %v, %v", i.Action, i.Diff, i.Warnings)
	}
	i := at(assignedTo(known), restore.MappedAssignments)
	if i.Action != restore.Change || len(i.Diff) != 2 || !slices.Equal(warningCodes(i), []string{"assignments_widen"}) {
		t.Errorf("%s, %v, %v", i.Action, i.Diff, i.Warnings)
	}
	if i := at(assignedTo(known), restore.NoAssignments); i.Action != restore.Unchanged {
		t.Errorf("assignments are left alone: %s, %v", i.Action, i.Diff)
	}
}

// TestAWholeTenantIntoAnother restores a tenant into one of other groups, users and ids.
func TestAWholeTenantIntoAnother(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: 60}, nil, restore.PreviewerConfig{})
	w.ok(w.Graph.AddTenant(fabrikam, graphtest.TenantConfig{Seed: 77}))
	set := w.backup()
	_, items := w.preview(fabrikam, set, restore.PreviewParams{SourceTenant: rig.Tenant})
	for _, i := range items {
		switch {
		case i.Action == restore.Create:
		case i.Action == restore.Blocked && i.Reason == runs.ReasonDependencyMissing && slices.Contains(warningCodes(i), "dependency_missing"):
		case i.Action == restore.Blocked && i.Reason == runs.ReasonSecretsMasked && slices.Contains(warningCodes(i), "secrets_masked"):
		case i.Action == restore.Blocked && i.Reason == runs.ReasonBuiltinObject:
		case i.Action == restore.Skip && i.Reason == runs.ReasonBuiltinObject:
		default:
			t.Errorf("%s %s: %s %s %v", i.Type, i.Name, i.Action, i.Reason, i.Warnings)
		}
	}
	if n := actions(items)["create"]; n < len(items)/2 {
		t.Errorf("only %d of %d are made: %v", n, len(items), actions(items))
	}
}

// TestAFoundationIsMadeWithWhatRefersToIt: a policy may refer to what the target does not have
// when the same restore makes it, and not otherwise.
func TestAFoundationIsMadeWithWhatRefersToIt(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.empty(3)
	w.put(rig.Tenant, "gadget", `{"id":"g","displayName":"Gadget"}`)
	w.put(rig.Tenant, "widget", widget("a", "A", `"gadget":"g"`))
	set := w.backup()
	across := restore.PreviewParams{SourceTenant: rig.Tenant}
	_, items := w.preview(fabrikam, set, across)
	if d := cmp.Diff(map[string]int{"create": 2}, actions(items)); d != "" {
		t.Error(d)
	}
	across.ItemIDs = []runs.ID{items["a"].ItemID}
	_, items = w.preview(fabrikam, set, across)
	if d := cmp.Diff(map[string]int{"blocked dependency_missing": 1}, actions(items)); d != "" {
		t.Error(d)
	}
	w.put(fabrikam, "gadget", `{"id":"h","displayName":"gadget"}`)
	_, items = w.preview(fabrikam, set, across)
	if d := cmp.Diff(map[string]int{"create": 1}, actions(items)); d != "" {
		t.Error(d)
	}
	w.put(fabrikam, "gadget", `{"id":"i","displayName":"Gadget"}`)
	_, items = w.preview(fabrikam, set, across)
	if d := cmp.Diff(map[string]int{"blocked ambiguous_match": 1}, actions(items)); d != "" {
		t.Error(d)
	}
	w.ok(w.Graph.Inject(graphtest.Fault{Op: graphtest.OpList, Type: "gadget", Err: &graph.Error{Kind: graph.KindForbidden}, Times: -1}))
	_, items = w.preview(fabrikam, set, across)
	if d := cmp.Diff(map[string]int{"blocked forbidden": 1}, actions(items)); d != "" {
		t.Errorf("what could not be listed is not missing: %s", d)
	}
}

// TestWhatTheLivePolicyRefersToIsNotMissing: a policy that exists may keep a reference that
// nobody can look up.
func TestWhatTheLivePolicyRefersToIsNotMissing(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.put(rig.Tenant, "widget", widget("a", "A", `"gadget":"nowhere","v":1`))
	w.put(rig.Tenant, "widget", widget("b", "B", `"gadget":"nowhere","v":1`))
	set := w.backup()
	w.put(rig.Tenant, "widget", widget("a", "A", `"gadget":"nowhere","v":2`))
	w.put(rig.Tenant, "widget", widget("b", "B", `"gadget":"elsewhere","v":2`))
	_, items := w.preview(rig.Tenant, set, restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite}})
	if a, b := items["a"], items["b"]; a.Action != restore.Change || b.Action != restore.Blocked {
		t.Errorf("%s %s and %s %s", a.Action, a.Reason, b.Action, b.Reason)
	}
}

// TestADirectoryThatCannotBeLookedUp keeps ids within a tenant, and takes them to no other.
func TestADirectoryThatCannotBeLookedUp(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1, Catalogue: restore.TestTypes(t)}, nil, restore.PreviewerConfig{})
	w.runner = w.newRunner(restore.PreviewerConfig{Reader: directory{Reader: w.Graph, unsupported: true}})
	w.empty(3)
	w.put(rig.Tenant, "widget", widget("a", "A", `"groups":["`+known+`"]`))
	set := w.backup()
	_, items := w.preview(fabrikam, set, restore.PreviewParams{SourceTenant: rig.Tenant})
	if i := items["a"]; i.Action != restore.Blocked || i.Reason != runs.ReasonDependencyMissing {
		t.Errorf("across: %s %s", i.Action, i.Reason)
	}
	w.ok(w.Graph.Delete(rig.Tenant, "widget", "a"))
	_, items = w.preview(rig.Tenant, set, restore.PreviewParams{})
	if i := items["a"]; i.Action != restore.Create {
		t.Errorf("within: %s %s", i.Action, i.Reason)
	}
}
