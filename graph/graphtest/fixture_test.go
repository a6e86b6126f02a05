package graphtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

const tenant graph.TenantID = "contoso"

// sameBytes compares payloads whole: byte by byte, cmp takes seconds for a tenant.
var sameBytes = cmp.Comparer(func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })

// with is a Graph with one tenant of n policies.
func with(t testing.TB, n int, cfg graphtest.Config) *graphtest.Graph {
	t.Helper()
	return withTenant(t, cfg, graphtest.TenantConfig{Seed: 1, Policies: n})
}

func withTenant(t testing.TB, cfg graphtest.Config, tc graphtest.TenantConfig) *graphtest.Graph {
	t.Helper()
	g, err := graphtest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.AddTenant(tenant, tc); err != nil {
		t.Fatal(err)
	}
	return g
}

// list reads a type to its end and fails the test when it cannot.
func list(t testing.TB, g graph.Reader, typ graph.PolicyType) []graph.Header {
	t.Helper()
	var out []graph.Header
	for _, p := range pages(t, g, typ) {
		out = append(out, p...)
	}
	return out
}

func pages(t testing.TB, g graph.Reader, typ graph.PolicyType) [][]graph.Header {
	t.Helper()
	var out [][]graph.Header
	err := g.List(context.Background(), tenant, typ, func(p graph.Page) error {
		out = append(out, p.Headers)
		return nil
	})
	if err != nil {
		t.Fatalf("list %s: %v", typ, err)
	}
	return out
}

func ids(headers []graph.Header) []string {
	out := make([]string, len(headers))
	for i, h := range headers {
		out[i] = h.ID
	}
	return out
}

// inject adds faults and fails the test when they make no sense.
func inject(t testing.TB, g *graphtest.Graph, faults ...graphtest.Fault) {
	t.Helper()
	if err := g.Inject(faults...); err != nil {
		t.Fatal(err)
	}
}

// weight is what a policy takes in bytes.
func weight(p graph.Policy) int {
	n := len(p.Raw)
	for _, part := range p.Parts {
		n += len(part.Raw)
	}
	return n
}

func part(p graph.Policy, name string) []byte {
	i := slices.IndexFunc(p.Parts, func(q graph.Part) bool { return q.Name == name })
	if i < 0 {
		return nil
	}
	return p.Parts[i].Raw
}

// wantKind fails the test unless err is an *graph.Error of a kind.
func wantKind(t testing.TB, err error, kind graph.Kind) {
	t.Helper()
	if got := graph.KindOf(err); got != kind {
		t.Errorf("error %v is of kind %q, want %q", err, got, kind)
	}
}
