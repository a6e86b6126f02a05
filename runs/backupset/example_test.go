package backupset_test

import (
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Two captures that differ only in key order and in when Graph says it was modified are the
// same content; a changed setting is not.
func ExampleCanonicalizer_Diff() {
	c := backupset.NewCanonicalizer(graph.Catalog)
	capture := func(raw string) *graph.Policy {
		return &graph.Policy{Type: "deviceConfiguration", ID: "1", Raw: []byte(raw)}
	}
	monday := capture(`{"id":"1","displayName":"Wi-Fi","hidden":false,"lastModifiedDateTime":"2026-03-02T01:00:00Z"}`)
	tuesday := capture(`{"lastModifiedDateTime":"2026-03-03T01:00:00Z","hidden":false,"displayName":"Wi-Fi","id":"1"}`)
	friday := capture(`{"id":"1","displayName":"Wi-Fi","hidden":true}`)

	same, _ := c.Diff(monday, tuesday)
	fmt.Println(len(same), "changes")
	changed, _ := c.Diff(tuesday, friday)
	for _, d := range changed {
		fmt.Println(d.Op, d.Path, string(d.Before), "->", string(d.After))
	}
	// Output:
	// 0 changes
	// replace hidden false -> true
}
