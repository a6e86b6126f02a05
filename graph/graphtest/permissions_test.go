package graphtest_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// demanding is a catalogue in which one type takes permissions and all others take none.
func demanding(t testing.TB) *graph.Catalogue {
	t.Helper()
	rows := graph.Catalog.All()
	for i := range rows {
		rows[i].Permissions = graph.Permissions{}
		if rows[i].Key == "namedLocation" {
			rows[i].Permissions = graph.Permissions{
				Read:  []graph.Permission{{"Policy.Read.All"}},
				Write: []graph.Permission{{"Policy.ReadWrite.ConditionalAccess"}, {"Application.Read.All", "Policy.Read.All"}},
			}
		}
	}
	c, err := graph.NewCatalogue(rows...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAClientHasEveryPermissionUntilTheyAreLimited(t *testing.T) {
	ctx := context.Background()
	g := with(t, 60, graphtest.Config{Catalogue: demanding(t)})
	first := list(t, g, "namedLocation")[0]
	location, body := first.ID, json.RawMessage(`{"@odata.type":"`+first.ODataType+`","displayName":"Renamed"}`)

	every := []string{"Application.Read.All", "Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"}
	for _, step := range []struct {
		name        string
		grant       []string // nil for none yet
		granted     []string
		read, write graph.Kind
	}{
		{"at first", nil, every, "", ""},
		{"reading only", []string{"Policy.Read.All"}, []string{"Policy.Read.All"}, "", graph.KindForbidden},
		{"writing only", every[2:], every[2:], graph.KindForbidden, graph.KindForbidden},
		{"nothing", []string{}, []string{}, graph.KindForbidden, graph.KindForbidden},
		{"all of it", every, every, "", ""},
	} {
		t.Run(step.name, func(t *testing.T) {
			if step.grant != nil {
				if err := g.Grant(tenant, step.grant...); err != nil {
					t.Fatal(err)
				}
			}
			got, err := g.Permissions(ctx, tenant)
			if diff := cmp.Diff(step.granted, slices.Clone(got)); diff != "" || err != nil {
				t.Errorf("permissions: %v (-want +got):\n%s", err, diff)
			}
			wantKind(t, g.List(ctx, tenant, "namedLocation", func(graph.Page) error { return nil }), step.read)
			_, err = g.Get(ctx, tenant, "namedLocation", []string{location})
			wantKind(t, err, step.read)
			wantKind(t, g.Update(ctx, tenant, "namedLocation", location, body), step.write)
			wantKind(t, g.List(ctx, tenant, "deviceCategory", func(graph.Page) error { return nil }), "") // takes none
		})
	}
}

func TestNobodyHasPermissionsInAnUnknownTenant(t *testing.T) {
	g := with(t, 0, graphtest.Config{})
	_, err := g.Permissions(context.Background(), "nobody")
	wantKind(t, err, graph.KindUnauthorized)
	if err := g.Grant("nobody", "Policy.Read.All"); err == nil {
		t.Error("granted in an unknown tenant")
	}
}
