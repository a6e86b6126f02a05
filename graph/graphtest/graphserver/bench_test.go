package graphserver_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

// BenchmarkCapture reads 1,000 settings catalog policies with their parts, 15 requests to a
// batch.
func BenchmarkCapture(b *testing.B) {
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		b.Fatal(err)
	}
	if err := g.AddTenant(tenant, graphtest.TenantConfig{Seed: 1, Policies: 1000, Types: []graph.PolicyType{"settingsCatalogPolicy"}}); err != nil {
		b.Fatal(err)
	}
	s, err := graphserver.New(g, graphserver.Config{})
	if err != nil {
		b.Fatal(err)
	}
	w := &world{t: b, graph: g, server: s, token: graphserver.Token(tenant, graphserver.TokenOptions{})}
	ids := idsOf(b, flat(w.all(catalog)))
	var bodies []string
	for at := 0; at < len(ids); at += 5 {
		var items []item
		for _, id := range ids[at : at+5] {
			for _, part := range []string{"", "/settings?$top=1000", "/assignments"} {
				items = append(items, item{ID: fmt.Sprint(len(items)), Method: "GET", URL: "/deviceManagement/configurationPolicies/" + id + part, Headers: map[string]string{"Accept": "application/json;odata.metadata=full"}})
			}
		}
		body, err := json.Marshal(map[string]any{"requests": items})
		if err != nil {
			b.Fatal(err)
		}
		bodies = append(bodies, string(body))
	}
	for b.Loop() {
		size := 0
		for _, body := range bodies {
			size += len(w.ask("POST", "/beta/$batch", body).body)
		}
		b.SetBytes(int64(size))
	}
}
