package graph_test

import (
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
)

// An embedder adds a type of its own; the built-in catalogue stays as it is.
func ExampleCatalogue_With() {
	catalogue, err := graph.Catalog.With(graph.TypeInfo{
		Key: "groupLifecyclePolicy", DisplayName: "Group expiration", Platform: "entra",
		Path: "/groupLifecyclePolicies", Version: "v1.0", NameProperty: "id",
		Support: graph.ReportOnly, RestoreOrder: 100, ListComplete: true,
		Note: "Captured for reports.",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	info, _ := catalogue.Lookup("groupLifecyclePolicy")
	_, builtIn := graph.Catalog.Lookup("groupLifecyclePolicy")
	fmt.Println(info.DisplayName, info.Capturable(), builtIn)

	_, err = catalogue.With(graph.TypeInfo{Key: "roleScopeTag", Path: "/mine", Version: "beta", Support: graph.Restorable})
	fmt.Println(err)
	// Output:
	// Group expiration true false
	// graph: catalogue type 0: key "roleScopeTag" exists already; choose another key
}
