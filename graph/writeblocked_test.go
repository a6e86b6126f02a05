package graph_test

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
)

func TestABlockedClientReadsAndNeverWrites(t *testing.T) {
	const tenant, policyType = graph.TenantID("contoso"), graph.PolicyType("settingsCatalogPolicy")
	c := graph.WriteBlocked(struct {
		graph.Reader
		graph.Writer // nil, so that a write which gets through panics
	}{Reader: scripted{}})
	rows := 0
	if err := c.List(t.Context(), tenant, policyType, func(p graph.Page) error { rows = len(p.Headers); return nil }); err != nil || rows != 3 {
		t.Errorf("%d rows, %v", rows, err)
	}
	id, err := c.Create(t.Context(), tenant, policyType, nil)
	for name, err := range map[string]error{
		"create": err,
		"update": c.Update(t.Context(), tenant, policyType, "a", nil),
		"assign": c.Assign(t.Context(), tenant, policyType, "a", nil),
	} {
		if graph.KindOf(err) != graph.KindWriteBlocked || err.Error() != "graph: "+name+" settingsCatalogPolicy: write_blocked" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if id != "" {
		t.Errorf("something was created: %q", id)
	}
}
