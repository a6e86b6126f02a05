package graph_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

// permitted is a small catalogue with every case of permissions.
func permitted(t testing.TB) *graph.Catalogue {
	t.Helper()
	row := func(key graph.PolicyType, support graph.Support, p graph.Permissions) graph.TypeInfo {
		return graph.TypeInfo{Key: key, Path: "/" + string(key), Version: "beta", Support: support, Permissions: p}
	}
	view := row("view", graph.LookupOnly, graph.Permissions{Read: []graph.Permission{{"Config.Read.All"}}})
	view.ViewOf = "profile"
	c, err := graph.NewCatalogue(
		row("profile", graph.Restorable, graph.Permissions{
			Read:    []graph.Permission{{"Config.Read.All", "Config.ReadWrite.All"}},
			Secrets: []graph.Permission{{"Config.ReadWrite.All"}},
			Write:   []graph.Permission{{"Config.ReadWrite.All"}},
		}),
		row("access", graph.Restorable, graph.Permissions{
			Read:  []graph.Permission{{"Policy.Read.All"}},
			Write: []graph.Permission{{"Policy.ReadWrite.Access"}, {"Application.Read.All"}},
		}),
		row("upload", graph.ReportOnly, graph.Permissions{
			Read: []graph.Permission{{"Config.Read.All", "Config.ReadWrite.All"}}, Write: []graph.Permission{{"Nobody.Needs.This"}},
		}),
		row("open", graph.Restorable, graph.Permissions{}),
		view,
		row("group", graph.LookupOnly, graph.Permissions{Read: []graph.Permission{{"GroupMember.Read.All", "Group.Read.All"}}}),
		row("signedIn", graph.LookupOnly, graph.Permissions{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// may writes what an app may do as "type rsw", a letter for each of reading, reading secrets
// and writing.
func may(list []graph.Access) []string {
	out := make([]string, len(list))
	for i, a := range list {
		letters := strings.Builder{}
		for _, can := range []struct {
			letter string
			yes    bool
		}{{"r", a.Reads()}, {"s", a.ReadsSecrets()}, {"w", a.Writes()}} {
			if !can.yes {
				can.letter = "-"
			}
			letters.WriteString(can.letter)
		}
		out[i] = string(a.Info.Key) + " " + letters.String()
	}
	return out
}

func TestPreflightTellsWhatAnAppMay(t *testing.T) {
	all := []string{"Config.ReadWrite.All", "Policy.Read.All", "Policy.ReadWrite.Access", "Application.Read.All", "Group.Read.All"}
	for _, tc := range []struct {
		name    string
		granted []string
		types   []graph.PolicyType
		want    []string
	}{
		{"nothing granted", nil, nil, []string{"profile ---", "access ---", "upload ---", "open rsw", "group ---"}},
		{"everything", all, nil, []string{"profile rsw", "access rsw", "upload rs-", "open rsw", "group rs-"}},
		{"reading only", []string{"Config.Read.All", "Policy.Read.All"}, []graph.PolicyType{"profile", "access"}, []string{"profile r--", "access rs-"}},
		{"one of two demands for writing", []string{"Policy.Read.All", "Policy.ReadWrite.Access"}, []graph.PolicyType{"access"}, []string{"access rs-"}},
		{"writing without reading", []string{"Policy.ReadWrite.Access", "Application.Read.All"}, []graph.PolicyType{"access"}, []string{"access ---"}},
		{"either of a group", []string{"GroupMember.Read.All"}, []graph.PolicyType{"group"}, []string{"group rs-"}},
		{"other letter case", []string{"policy.read.all"}, []graph.PolicyType{"access"}, []string{"access ---"}},
		{"types in their order", all, []graph.PolicyType{"view", "open", "profile"}, []string{"view ---", "open rsw", "profile rsw"}},
		{"no types", all, []graph.PolicyType{}, []string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := graph.Preflight(permitted(t), tc.granted, tc.types)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, may(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPreflightNamesWhatIsMissing(t *testing.T) {
	got, err := graph.Preflight(permitted(t), []string{"Application.Read.All", "Config.Read.All"}, []graph.PolicyType{"profile", "access", "upload"})
	if err != nil {
		t.Fatal(err)
	}
	want := []graph.Permissions{
		{Secrets: []graph.Permission{{"Config.ReadWrite.All"}}, Write: []graph.Permission{{"Config.ReadWrite.All"}}},
		{Read: []graph.Permission{{"Policy.Read.All"}}, Write: []graph.Permission{{"Policy.ReadWrite.Access"}}},
		{}, // it cannot be restored
	}
	if diff := cmp.Diff(want, []graph.Permissions{got[0].Missing, got[1].Missing, got[2].Missing}); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPreflightRefusesATypeThatDoesNotExist(t *testing.T) {
	_, err := graph.Preflight(permitted(t), nil, []graph.PolicyType{"profile", "nope"})
	var e *graph.Error
	if !errors.As(err, &e) || e.Kind != graph.KindUnsupported || !strings.Contains(err.Error(), `"nope"`) {
		t.Errorf("%v; want unsupported, naming the type", err)
	}
}

// Whoever is granted all that a type of the catalogue names may do with it all that the
// module can.
func TestPreflightOfTheCatalogue(t *testing.T) {
	var granted []string
	for _, info := range graph.Catalog.All() {
		for _, demands := range [][]graph.Permission{info.Permissions.Read, info.Permissions.Secrets, info.Permissions.Write} {
			granted = append(granted, slices.Concat(demands...)...)
		}
	}
	list, err := graph.Preflight(graph.Catalog, granted, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if !a.ReadsSecrets() || a.Writes() != (a.Info.Support == graph.Restorable) {
			t.Errorf("%s: %+v is missing", a.Info.Key, a.Missing)
		}
	}
}

// What an app was granted tells before a run which types it will not get.
func ExamplePreflight() {
	catalogue, err := graph.NewCatalogue(graph.TypeInfo{
		Key: "namedLocation", Path: "/identity/conditionalAccess/namedLocations", Version: "v1.0", Support: graph.Restorable,
		Permissions: graph.Permissions{
			Read:  []graph.Permission{{"Policy.Read.All"}},
			Write: []graph.Permission{{"Policy.ReadWrite.ConditionalAccess"}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	granted := []string{"Policy.Read.All"} // as a PermissionReader tells
	list, err := graph.Preflight(catalogue, granted, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range list {
		fmt.Println(a.Info.Key, "backup:", a.Reads(), "restore:", a.Writes(), "missing:", a.Missing.Write)
	}
	// Output: namedLocation backup: true restore: false missing: [[Policy.ReadWrite.ConditionalAccess]]
}
