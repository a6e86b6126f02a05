package graphtest_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

func TestEveryTypeThatIsCapturedCanBeGenerated(t *testing.T) {
	policies, foundations := graphtest.GeneratedTypes()
	got := slices.Concat(policies, foundations, graphtest.RareTypes())
	var want []graph.PolicyType
	for _, info := range graph.Catalog.All() {
		if info.Capturable() {
			want = append(want, info.Key)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-catalogue +generated):\n%s", diff)
	}
}

func TestRareTypesAreGeneratedWhenTheyAreNamed(t *testing.T) {
	policies, _ := graphtest.GeneratedTypes()
	rare := graphtest.RareTypes()
	usual := withTenant(t, graphtest.Config{}, graphtest.TenantConfig{Policies: 200})
	g := withTenant(t, graphtest.Config{}, graphtest.TenantConfig{Policies: 200, Foundations: 3, Types: append(policies, rare...)})
	before, got, sum := counts(usual), counts(g), 0
	for typ, n := range got {
		info, _ := graph.Catalog.Lookup(typ)
		if !info.Foundation {
			sum += n
		} else if n != 3 {
			t.Errorf("%d of the foundation %s, want 3", n, typ)
		}
	}
	if sum != 200 {
		t.Errorf("%d policies, want 200", sum)
	}
	for _, typ := range rare {
		if before[typ] > 0 || got[typ] == 0 {
			t.Errorf("%s: %d unasked, %d asked for", typ, before[typ], got[typ])
		}
	}
	for _, typ := range []graph.PolicyType{"windowsHelloForBusiness", "deviceManagementSettings"} {
		if _, err := g.Add(tenant, typ); got[typ] != 1 || err == nil {
			t.Errorf("%s: %d, want the one that every tenant has; another could be added: %v", typ, got[typ], err)
		}
	}
	only := counts(withTenant(t, graphtest.Config{}, graphtest.TenantConfig{Policies: 9, Foundations: -1, Types: []graph.PolicyType{"deviceManagementSettings"}}))
	if diff := cmp.Diff(map[graph.PolicyType]int{"deviceManagementSettings": 1}, only); diff != "" {
		t.Error(diff)
	}
}
