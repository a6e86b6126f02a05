package graph_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

// captured tells whether a capture has what Graph keeps beside the object under a name.
func captured(info graph.TypeInfo, name string) bool {
	queries := []string{info.Read.ItemQuery}
	for _, rule := range info.Read.Typed {
		queries = append(queries, rule.ItemQuery)
	}
	expanded := func(query string) bool {
		_, list, _ := strings.Cut(query, "$expand=")
		list, _, _ = strings.Cut(list, "(")
		return slices.Contains(strings.Split(list, ","), name)
	}
	return slices.ContainsFunc(info.Read.Parts, func(p graph.PartRule) bool { return p.Name == name }) || slices.ContainsFunc(queries, expanded)
}

// beside are the collections that Graph keeps beside objects. Every other array is part of them.
var beside = []string{
	"assignments", "settings", "scheduledActionsForRule", "definitionValues", "items", "apps", "categories", "roleAssignments",
	"localizedNotificationMessages", "combinationConfigurations", "protectedAppLockerFiles", "exemptAppLockerFiles",
}

func TestACaptureHasEverythingThatRulesLookAt(t *testing.T) {
	for _, info := range graph.Catalog.All() {
		if !info.Capturable() {
			continue
		}
		paths := slices.Clone(info.Write.Strip)
		for _, r := range info.Refs {
			paths = append(paths, r.Path)
		}
		for _, s := range info.Write.Requests.Steps {
			paths = append(paths, s.Part)
		}
		if info.Write.Assigned {
			paths = append(paths, "assignments")
		}
		for _, path := range paths {
			root, _, _ := strings.Cut(path, ".")
			if root = strings.TrimSuffix(root, "[]"); slices.Contains(beside, root) && !captured(info, root) {
				t.Errorf("%s: a rule looks at %q, and a capture has no %s", info.Key, path, root)
			}
		}
	}
}

func TestEveryTypeThatIsCapturedSaysWhatItTakes(t *testing.T) {
	for _, info := range graph.Catalog.All() {
		switch p := info.Permissions; {
		case !info.Capturable():
		case len(p.Read) == 0:
			t.Errorf("%s: no permission to read it is known", info.Key)
		case info.Support == graph.Restorable && len(p.Write) == 0:
			t.Errorf("%s: no permission to write it is known", info.Key)
		case info.Read.Masked != (len(p.Secrets) > 0):
			t.Errorf("%s: masked %v, and permissions for secrets %v", info.Key, info.Read.Masked, p.Secrets)
		case info.Write.Polymorphic && info.Read.MinimalMetadata:
			t.Errorf("%s: rows may lack the type that a write needs", info.Key)
		}
	}
}

// An object of a shared collection belongs to one type, or it would be captured twice.
func TestTypesThatShareACollectionShareNoObject(t *testing.T) {
	byPath := map[string][]graph.TypeInfo{}
	for _, info := range graph.Catalog.All() {
		if info.Capturable() {
			byPath[info.Path] = append(byPath[info.Path], info)
		}
	}
	shared := 0
	for path, types := range byPath {
		for i, a := range types {
			for _, b := range types[i+1:] {
				shared++
				if !apart(a.Read, b.Read) && !apart(b.Read, a.Read) {
					t.Errorf("%s: an object can be of %s and of %s", path, a.Key, b.Key)
				}
			}
			if len(types) > 1 && !a.Write.Polymorphic {
				t.Errorf("%s shares %s, so its writes need the type", a.Key, path)
			}
		}
	}
	if shared != 7 { // two in the configurations, four in the enrollment configurations
		t.Errorf("%d pairs of types share a collection", shared)
	}
}

// apart tells whether nothing of a can be of b.
func apart(a, b graph.ReadRules) bool {
	return len(a.Only) > 0 && !slices.ContainsFunc(a.Only, func(kind string) bool {
		return !slices.Contains(b.Except, kind) && (len(b.Only) == 0 || slices.Contains(b.Only, kind))
	})
}

func TestTheNarrowLimitsOfConditionalAccessAreItsOwn(t *testing.T) {
	want := map[graph.PolicyType]graph.Workload{
		"conditionalAccessPolicy":             graph.WorkloadAccess,
		"namedLocation":                       graph.WorkloadAccess,
		"authenticationContextClassReference": graph.WorkloadAccess,
		"authenticationStrengthPolicy":        graph.WorkloadDirectory,
		"termsOfUseAgreement":                 graph.WorkloadDirectory,
		"groupReference":                      graph.WorkloadDirectory,
		"applicationReference":                graph.WorkloadDirectory,
	}
	got := map[graph.PolicyType]graph.Workload{}
	for _, info := range graph.Catalog.All() {
		if info.Workload != graph.WorkloadIntune {
			got[info.Key] = info.Workload
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("workloads beside Intune (-want +got):\n%s", diff)
	}
	// One request a second is enough only when a list is all that is asked for.
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if info := lookup(t, key); info.Workload == graph.WorkloadAccess && !info.ListComplete {
			t.Errorf("%s takes a request per object", key)
		}
	}
}

// everyRule is a type of an embedder's own that uses what there is.
func everyRule() graph.TypeInfo {
	info := own("ownThing")
	info.NameProperty = "title"
	info.Workload = graph.WorkloadDirectory
	info.Permissions = graph.Permissions{
		Read: []graph.Permission{{"Own.Read.All", "Own.ReadWrite.All"}}, Secrets: []graph.Permission{{"Own.Secrets"}}, Write: []graph.Permission{{"Own.ReadWrite.All"}},
	}
	info.Read = graph.ReadRules{
		ListQuery: "$filter=startswith(title,'a%20b')&$top=5",
		Typed: map[string]graph.TypedRule{
			"#own.red":  {Path: "/own/reds", ItemQuery: "$expand=shades($expand=tones)"},
			"#own.blue": {Path: "/own/blues"},
		},
		Unlisted: []string{"image"}, Masked: true, MinimalMetadata: true,
		Parts: []graph.PartRule{
			{Name: "assignments", Path: "assignments", ByID: "/own/assignments", ByIDQuery: "$expand=who"},
			{Name: "rules", Path: "own.special/rules", Query: "$top=9", Count: "ruleCount", Each: []graph.PartRule{{Name: "steps", Path: "steps"}}},
		},
	}
	info.Write = graph.WriteRules{Polymorphic: true, Replaces: true, Assigned: true, Requests: graph.RequestRules{
		Put: true, First: []string{"title"}, AssignKey: "ownAssignments", Hook: graph.HookPolicySet,
		Steps: []graph.StepRule{
			{Part: "rules", Created: true, Action: "setRules", Key: "rules", With: []string{"order"}},
			{Part: "notes", Match: "language"}, {Part: "tags", Link: "/own/tags"},
		},
	}}
	return info
}

func TestAnOwnTypeMayUseEveryRule(t *testing.T) {
	c, err := graph.Catalog.With(everyRule())
	if err != nil {
		t.Fatal(err)
	}
	got, _ := c.Lookup("ownThing")
	if diff := cmp.Diff(everyRule(), got); diff != "" {
		t.Errorf("the type (-given +kept):\n%s", diff)
	}
	got.Read.Typed["#own.red"] = graph.TypedRule{}
	got.Read.Parts[1].Each[0].Name = "changed"
	again, _ := c.Lookup("ownThing")
	if diff := cmp.Diff(everyRule(), again); diff != "" {
		t.Errorf("the type was changed from outside (-given +kept):\n%s", diff)
	}
}

func TestAnOwnTypeCountsWhereItsPathIsUnlessItSaysSo(t *testing.T) {
	for path, want := range map[string]graph.Workload{
		"/own/things":                          graph.WorkloadIntune,
		"/identity/conditionalAccess/own":      graph.WorkloadAccess,
		"/deviceManagement/conditionalAccess2": graph.WorkloadIntune,
	} {
		info := own("ownThing")
		info.Path = path
		c, err := graph.Catalog.With(info)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := c.Lookup("ownThing"); got.Workload != want {
			t.Errorf("%s counts for %q, want %q", path, got.Workload, want)
		}
	}
}
