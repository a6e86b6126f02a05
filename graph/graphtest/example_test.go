package graphtest_test

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// A fake Graph: a tenant of a hundred policies, read through the same interface as the
// real one.
func Example() {
	ctx := context.Background()
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := g.AddTenant("contoso", graphtest.TenantConfig{Seed: 1, Policies: 100}); err != nil {
		fmt.Println(err)
		return
	}

	var client graph.Client = g
	var ids []string
	err = client.List(ctx, "contoso", "settingsCatalogPolicy", func(p graph.Page) error {
		for _, h := range p.Headers {
			ids = append(ids, h.ID)
		}
		fmt.Println("a page of", len(p.Headers))
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	results, err := client.Get(ctx, "contoso", "settingsCatalogPolicy", ids[:1])
	if err != nil {
		fmt.Println(err)
		return
	}
	p := results[0].Policy
	fmt.Println(p.Name, p.ODataType)
	for _, part := range p.Parts {
		fmt.Println("beside it:", part.Name)
	}
	// Output:
	// a page of 25
	// a page of 23
	// Firewall - sales - pilot - 001 #microsoft.graph.deviceManagementConfigurationPolicy
	// beside it: assignments
	// beside it: settings
}

// A script of faults: Graph throttles the second call, then goes on.
func ExampleGraph_Inject() {
	ctx := context.Background()
	g, _ := graphtest.New(graphtest.Config{})
	_ = g.AddTenant("contoso", graphtest.TenantConfig{Policies: 10})
	err := g.Inject(graphtest.Fault{
		Op: graphtest.OpList, Type: "namedLocation", Nth: 2,
		Err: &graph.Error{Kind: graph.KindThrottled}, RetryAfter: "2.128",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		n := 0
		err := g.List(ctx, "contoso", "namedLocation", func(p graph.Page) error {
			n += len(p.Headers)
			return nil
		})
		fmt.Println(n, err)
	}
	// Output:
	// 4 <nil>
	// 0 graph: list namedLocation: throttled (429 TooManyRequests), retry after 2.128s
	// 4 <nil>
}

// An administrator changes one percent of the policies between two backups.
func ExampleGraph_Churn() {
	g, _ := graphtest.New(graphtest.Config{})
	_ = g.AddTenant("contoso", graphtest.TenantConfig{Policies: 500})
	keys, err := g.Churn("contoso", 1, 42)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range keys {
		fmt.Println(key.Type)
	}
	// Output:
	// settingsCatalogPolicy
	// settingsCatalogPolicy
	// settingsCatalogPolicy
	// settingsCatalogPolicy
	// softwareUpdateRing
}
