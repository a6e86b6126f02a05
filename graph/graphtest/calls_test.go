package graphtest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

func TestHooksSeeEveryCallAndStepInOrder(t *testing.T) {
	g := with(t, 60, graphtest.Config{PageSize: 3})
	var seen []string
	g.OnCall(func(_ context.Context, c graphtest.Call) {
		seen = append(seen, strings.TrimSpace(fmt.Sprintf("%s %s %v %d", c.Op, c.Type, c.IDs, c.Page)))
	})
	_ = list(t, g, "roleScopeTag")
	_, _ = g.Get(context.Background(), tenant, "roleScopeTag", []string{"1", "9"})
	_ = g.Update(context.Background(), tenant, "roleScopeTag", "9", nil)
	want := []string{
		"list roleScopeTag [] 0", "page roleScopeTag [] 1", "page roleScopeTag [] 2",
		"get roleScopeTag [1 9] 0", "item roleScopeTag [1] 0", "item roleScopeTag [9] 0",
		"update roleScopeTag [9] 0",
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("calls:\n%s", diff)
	}
}

// Tests that kill or stop a capture hold it up at a chosen call.
func TestAHookMayBlockUntilTheContextEnds(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	reached := make(chan struct{})
	g.OnCall(func(ctx context.Context, c graphtest.Call) {
		if c.Op == graphtest.OpItem {
			close(reached)
			<-ctx.Done()
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := g.Get(ctx, tenant, "roleScopeTag", []string{"1"})
		done <- err
	}()
	<-reached
	if n := len(list(t, g, "roleScopeTag")); n != 4 {
		t.Errorf("another call saw %d objects while one is held up", n)
	}
	cancel()
	if err := <-done; err != context.Canceled {
		t.Errorf("the call that was held up returned %v", err)
	}
}

func TestAHookMayChangeTheTenant(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	h := ids(list(t, g, "settingsCatalogPolicy"))[:2]
	g.OnCall(func(_ context.Context, c graphtest.Call) {
		if c.Op == graphtest.OpItem && c.IDs[0] == h[1] {
			_ = g.Delete(tenant, c.Type, h[1])
		}
	})
	results, err := g.Get(context.Background(), tenant, "settingsCatalogPolicy", h)
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results[0].Err)
	}
	wantKind(t, results[1].Err, graph.KindNotFound)
}

func TestCountersSayWhatWasCalled(t *testing.T) {
	g := with(t, 60, graphtest.Config{PageSize: 2})
	ctx := context.Background()
	_ = list(t, g, "roleScopeTag")
	_ = list(t, g, "deviceCategory")
	_, _ = g.Get(ctx, tenant, "roleScopeTag", []string{"1", "2", "nobody's"})
	_, _ = g.Get(ctx, tenant, "roleScopeTag", []string{"2"})
	for name, got := range map[string][2]int{
		"lists":                 {g.Count(tenant, graphtest.OpList, ""), 2},
		"lists of a type":       {g.Count(tenant, graphtest.OpList, "roleScopeTag"), 1},
		"pages":                 {g.Count(tenant, graphtest.OpPage, ""), 4},
		"gets":                  {g.Count(tenant, graphtest.OpGet, ""), 2},
		"items":                 {g.Count(tenant, graphtest.OpItem, ""), 4},
		"calls":                 {g.Count(tenant, "", ""), 4},
		"calls of others":       {g.Count("fabrikam", "", ""), 0},
		"writes":                {g.Writes(tenant), 0},
		"fetches of 1":          {g.Fetched(tenant, "roleScopeTag", "1"), 1},
		"fetches of 2":          {g.Fetched(tenant, "roleScopeTag", "2"), 2},
		"fetches of nobody's":   {g.Fetched(tenant, "roleScopeTag", "nobody's"), 0},
		"fetches of other type": {g.Fetched(tenant, "deviceCategory", "1"), 0},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", name, got[0], got[1])
		}
	}
	if diff := cmp.Diff([]graphtest.Key{{Type: "roleScopeTag", ID: "2"}}, g.FetchedTwice(tenant)); diff != "" {
		t.Errorf("fetched twice:\n%s", diff)
	}
	g.ResetCounts()
	if g.Count(tenant, "", "") != 0 || len(g.FetchedTwice(tenant)) != 0 {
		t.Error("ResetCounts left something")
	}
}

func TestEveryTryToWriteIsCounted(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	ctx := context.Background()
	inject(t, g, graphtest.Fault{Op: graphtest.OpUpdate, Err: &graph.Error{Kind: graph.KindForbidden}})
	_, _ = g.Create(ctx, tenant, "roleScopeTag", []byte("not JSON"))
	_ = g.Update(ctx, tenant, "roleScopeTag", "1", []byte("{}"))
	_ = g.Assign(ctx, tenant, "roleScopeTag", "nobody's", nil)
	if n := g.Writes(tenant); n != 3 {
		t.Errorf("%d tries were counted, want 3", n)
	}
}

// Run with -race.
func TestConcurrentUse(t *testing.T) {
	g := with(t, 60, graphtest.Config{PageSize: 5})
	ctx := context.Background()
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := range 6 {
				for _, typ := range []graph.PolicyType{"settingsCatalogPolicy", "conditionalAccessPolicy"} {
					h := ids(list(t, g, typ))
					if _, err := g.Get(ctx, tenant, typ, h); err != nil {
						t.Error(err)
					}
				}
				switch w {
				case 0:
					_, _ = g.Churn(tenant, 20, uint64(i))
				case 1:
					_, _ = g.Touch(tenant, 20, uint64(i))
				case 2:
					_ = g.Inject(graphtest.Fault{Tenant: "nobody", Err: throttled})
					g.OnCall(func(context.Context, graphtest.Call) {})
				case 3:
					p, err := g.Add(tenant, "settingsCatalogPolicy")
					if err != nil || g.Delete(tenant, p.Type, p.ID) != nil {
						t.Error(err)
					}
				case 4:
					id, err := g.Create(ctx, tenant, "deviceCategory", []byte(`{"displayName":"x"}`))
					if err != nil || g.Update(ctx, tenant, "deviceCategory", id, []byte(`{"displayName":"y"}`)) != nil {
						t.Error(err)
					}
				case 5:
					_ = g.AddTenant(graph.TenantID(fmt.Sprint("t", i)), graphtest.TenantConfig{Policies: 1})
					_ = g.Snapshot(tenant)
				}
			}
		})
	}
	wg.Wait()
}
