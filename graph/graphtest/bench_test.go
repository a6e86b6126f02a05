package graphtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

func BenchmarkAddTenant(b *testing.B) {
	for _, n := range []int{500, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				g := with(b, n, graphtest.Config{})
				b.StopTimer()
				total := 0
				for _, p := range g.Snapshot(tenant) {
					total += weight(p)
				}
				b.SetBytes(int64(total))
				b.StartTimer()
			}
		})
	}
}

func BenchmarkList(b *testing.B) {
	g := with(b, 2_000, graphtest.Config{})
	n := len(list(b, g, "settingsCatalogPolicy"))
	for b.Loop() {
		_ = g.List(context.Background(), tenant, "settingsCatalogPolicy", func(graph.Page) error { return nil })
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkGet(b *testing.B) {
	g := with(b, 2_000, graphtest.Config{})
	all := ids(list(b, g, "settingsCatalogPolicy"))[:20]
	total := 0
	for _, id := range all {
		p, _ := g.Object(tenant, "settingsCatalogPolicy", id)
		total += weight(p)
	}
	b.SetBytes(int64(total))
	for b.Loop() {
		_, _ = g.Get(context.Background(), tenant, "settingsCatalogPolicy", all)
	}
	b.ReportMetric(20*float64(b.N)/b.Elapsed().Seconds(), "policies/s")
}

func BenchmarkChurn(b *testing.B) {
	g := with(b, 2_000, graphtest.Config{})
	for seed := uint64(0); b.Loop(); seed++ {
		_, _ = g.Churn(tenant, 1, seed)
	}
}
