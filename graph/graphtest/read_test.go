package graphtest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

func TestListGivesEveryObjectOnceAtEveryPageSize(t *testing.T) {
	var want []string
	for _, size := range []int{999, 1, 25, 26, 0} {
		g := with(t, 120, graphtest.Config{PageSize: size})
		p := pages(t, g, "settingsCatalogPolicy")
		if size == 0 {
			size = 25
		}
		for i, headers := range p {
			if len(headers) != size && i < len(p)-1 || len(headers) > size {
				t.Errorf("page size %d: page %d of %d has %d rows", size, i+1, len(p), len(headers))
			}
		}
		got := ids(list(t, g, "settingsCatalogPolicy"))
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) != counts(g)["settingsCatalogPolicy"] {
			t.Errorf("page size %d lists something else:\n%s", size, diff)
		}
	}
}

func TestListCanHaveAnEmptyMiddlePage(t *testing.T) {
	g := with(t, 120, graphtest.Config{PageSize: 10, EmptyMiddlePage: true})
	p := pages(t, g, "settingsCatalogPolicy")
	if len(p) < 3 || len(p[1]) != 0 || len(p[2]) == 0 {
		t.Errorf("want an empty second page and rows after it; %d pages", len(p))
	}
	if got, want := len(list(t, g, "settingsCatalogPolicy")), counts(g)["settingsCatalogPolicy"]; got != want {
		t.Errorf("listed %d of %d", got, want)
	}
	if p := pages(t, g, "roleScopeTag"); len(p) != 1 || len(p[0]) != 4 {
		t.Errorf("a listing of one page has no middle: %v", p)
	}
}

func TestListCanRepeatRowsBetweenPages(t *testing.T) {
	p := pages(t, with(t, 60, graphtest.Config{PageSize: 10, OverlapPages: true}), "settingsCatalogPolicy")
	if len(p) < 2 {
		t.Fatalf("%d pages", len(p))
	}
	for i := 1; i < len(p); i++ {
		if diff := cmp.Diff(p[i-1][len(p[i-1])-1], p[i][0]); diff != "" {
			t.Errorf("page %d does not begin with the last row before it:\n%s", i+1, diff)
		}
	}
}

func TestListOfNothingIsOneEmptyPage(t *testing.T) {
	g := withTenant(t, graphtest.Config{}, graphtest.TenantConfig{})
	if p := pages(t, g, "policySet"); len(p) != 1 || len(p[0]) != 0 {
		t.Errorf("got %v", p)
	}
}

// A listed row is the whole capture exactly where the catalogue says so. Everywhere else
// there is more to fetch: script contents, settings, assignments.
func TestListCarriesWholePoliciesOnlyWhereTheCatalogueSaysSo(t *testing.T) {
	g := with(t, 100, graphtest.Config{})
	for typ := range counts(g) {
		info, _ := graph.Catalog.Lookup(typ)
		for _, h := range list(t, g, typ) {
			p, _ := g.Object(tenant, typ, h.ID)
			if h.Name != p.Name || h.ODataType != p.ODataType {
				t.Errorf("%s: row %+v of %q", typ, h, p.Name)
			}
			if (h.Policy != nil) != info.ListComplete {
				t.Errorf("%s: the row carries the policy: %v", typ, h.Policy != nil)
			}
			if h.Policy != nil && cmp.Diff(*h.Policy, p, sameBytes) != "" {
				t.Errorf("%s: the row's policy differs from the object", typ)
			}
		}
	}
}

func TestGetAnswersInTheOrderOfTheIDs(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	h := ids(list(t, g, "settingsCatalogPolicy"))
	asked := []string{h[3], "nobody's", h[0], h[3]}
	results, err := g.Get(context.Background(), tenant, "settingsCatalogPolicy", asked)
	if err != nil || len(results) != len(asked) {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for i, r := range results {
		if r.ID != asked[i] {
			t.Errorf("result %d is for %s, want %s", i, r.ID, asked[i])
		}
		if i == 1 {
			wantKind(t, r.Err, graph.KindNotFound)
			continue
		}
		want, _ := g.Object(tenant, "settingsCatalogPolicy", asked[i])
		if r.Err != nil || cmp.Diff(want, r.Policy, sameBytes) != "" {
			t.Errorf("result %d: %v, or another policy", i, r.Err)
		}
	}
}

func TestGetDoesNotCopyPayloads(t *testing.T) {
	g := with(t, 20, graphtest.Config{})
	id := list(t, g, "settingsCatalogPolicy")[0].ID
	first, _ := g.Object(tenant, "settingsCatalogPolicy", id)
	results, err := g.Get(context.Background(), tenant, "settingsCatalogPolicy", []string{id})
	if err != nil || &results[0].Policy.Raw[0] != &first.Raw[0] {
		t.Errorf("Get copied the bytes, or failed: %v", err)
	}
}

func TestUnknownTenantsAndTypesAreAnsweredAsGraphWould(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	ctx := context.Background()
	never := func(graph.Page) error { t.Error("a page was given"); return nil }
	for _, c := range []struct {
		tenant graph.TenantID
		typ    graph.PolicyType
		kind   graph.Kind
	}{
		{"nobody", "roleScopeTag", graph.KindUnauthorized},
		{tenant, "noSuchType", graph.KindUnsupported},
		{tenant, "endpointSecurityPolicy", graph.KindUnsupported}, // captured as settings catalog
		{tenant, "groupReference", graph.KindUnsupported},
	} {
		wantKind(t, g.List(ctx, c.tenant, c.typ, never), c.kind)
		_, err := g.Get(ctx, c.tenant, c.typ, []string{"1"})
		wantKind(t, err, c.kind)
		_, err = g.Create(ctx, c.tenant, c.typ, []byte(`{"displayName":"x"}`))
		wantKind(t, err, c.kind)
		wantKind(t, g.Update(ctx, c.tenant, c.typ, "1", []byte(`{}`)), c.kind)
		wantKind(t, g.Assign(ctx, c.tenant, c.typ, "1", nil), c.kind)
	}
}

func TestTenantsAreApart(t *testing.T) {
	g := with(t, 30, graphtest.Config{})
	if err := g.AddTenant("fabrikam", graphtest.TenantConfig{Seed: 1, Policies: 30}); err != nil {
		t.Fatal(err)
	}
	before := g.Snapshot("fabrikam")
	if diff := cmp.Diff(before, g.Snapshot(tenant), sameBytes); diff != "" {
		t.Fatalf("one seed, two contents:\n%.500s", diff)
	}
	if _, err := g.Churn(tenant, 100, 1); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, g.Snapshot("fabrikam"), sameBytes); diff != "" {
		t.Errorf("churn of one tenant reached the other:\n%.500s", diff)
	}
	if g.Count("fabrikam", "", "") != 0 {
		t.Error("calls are counted for the wrong tenant")
	}
}

func TestAPageErrorEndsTheListingAsItIs(t *testing.T) {
	g := with(t, 200, graphtest.Config{PageSize: 5})
	full := errors.New("the store is full")
	n := 0
	err := g.List(context.Background(), tenant, "settingsCatalogPolicy", func(graph.Page) error { n++; return full })
	if err != full || n != 1 {
		t.Errorf("got %v after %d pages", err, n)
	}
}

func TestAnEndedContextEndsEveryCall(t *testing.T) {
	g := with(t, 60, graphtest.Config{PageSize: 5})
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_, getErr := g.Get(over, tenant, "roleScopeTag", []string{"1"})
	_, createErr := g.Create(over, tenant, "deviceCategory", []byte(`{"displayName":"x"}`))
	for i, err := range []error{
		g.List(over, tenant, "roleScopeTag", func(graph.Page) error { return nil }), getErr, createErr,
		g.Update(over, tenant, "roleScopeTag", "1", []byte(`{}`)), g.Assign(over, tenant, "roleScopeTag", "1", nil),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	err := g.List(ctx, tenant, "settingsCatalogPolicy", func(graph.Page) error { n++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("canceled on the first page: %v after %d pages", err, n)
	}
}

// A context that ends within the last page must not look like a listing that is complete.
func TestACancelOnTheLastPageIsNotACompleteListing(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	err := g.List(ctx, tenant, "roleScopeTag", func(graph.Page) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnObjectDeletedAfterTheListingIsNotFound(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	h := ids(list(t, g, "deviceConfiguration"))
	if err := g.Delete(tenant, "deviceConfiguration", h[1]); err != nil {
		t.Fatal(err)
	}
	results, err := g.Get(context.Background(), tenant, "deviceConfiguration", h[:3])
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, results[1].Err, graph.KindNotFound)
	if results[0].Err != nil || results[2].Err != nil {
		t.Errorf("the others failed too: %v", results)
	}
	if got := ids(list(t, g, "deviceConfiguration")); len(got) != len(h)-1 {
		t.Errorf("listed %d after deleting one of %d", len(got), len(h))
	}
}

func TestBytesThatWereHandedOutNeverChange(t *testing.T) {
	g := with(t, 40, graphtest.Config{})
	held := g.Snapshot(tenant)
	sum := func(p graph.Policy) [sha256.Size]byte {
		text := append(bytes.Clone(p.Raw), fmt.Sprint(p.References)...)
		for _, q := range p.Parts {
			text = append(append(text, q.Name...), q.Raw...)
		}
		return sha256.Sum256(text)
	}
	sums := map[graphtest.Key][sha256.Size]byte{}
	for key, p := range held {
		sums[key] = sum(p)
	}
	for seed := range uint64(2) {
		if _, err := g.Churn(tenant, 100, seed); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Touch(tenant, 100, seed); err != nil {
			t.Fatal(err)
		}
	}
	for key, p := range held {
		if err := g.Rename(tenant, key.Type, key.ID, "renamed"); err != nil {
			t.Fatal(err)
		}
		_ = g.Assign(context.Background(), tenant, key.Type, key.ID, nil)
		_ = g.Update(context.Background(), tenant, key.Type, key.ID, []byte(`{"description":"updated","settings":[]}`))
		if sum(p) != sums[key] {
			t.Fatalf("%v changed in the hands of its holder", key)
		}
	}
}
