package graphtest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

func TestTheDirectoryIsLookedUpByIdAndByName(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	kinds := map[string]bool{}
	for _, have := range g.Directory(tenant) {
		kinds[have.Kind] = true
		got, err := g.Resolve(context.Background(), tenant, []graph.Reference{
			have,
			{Kind: have.Kind, ID: "elsewhere", Name: strings.ToUpper(have.Name)},
			{Kind: have.Kind, ID: have.ID, Name: "renamed since"},
			{Kind: have.Kind, ID: "elsewhere", Name: have.Name, Rule: "another rule"},
		})
		want := []graph.Resolution{{Exists: true, Matches: []graph.Reference{have}}, {Matches: []graph.Reference{have}}, {Exists: true}, {}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%+v: %v (-want +got):\n%s", have, err, diff)
		}
	}
	if diff := cmp.Diff(map[string]bool{"group": true, "user": true, "application": true, "role": true}, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

func TestAnUnknownKindOrTenantIsAnError(t *testing.T) {
	g := with(t, 0, graphtest.Config{})
	_, err := g.Resolve(context.Background(), tenant, []graph.Reference{{Kind: "group"}, {Kind: "servicePrincipal"}})
	wantKind(t, err, graph.KindUnsupported)
	_, err = g.Resolve(context.Background(), "nobody", []graph.Reference{{Kind: "group"}})
	wantKind(t, err, graph.KindUnauthorized)
}
