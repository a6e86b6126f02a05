// Ownstore shows how to bring a store of one's own: a complete [store.Store] on Go maps in
// a few short files, and the suite that proves it right in a test file of a few lines.
//
// The parts:
//
//   - memory.go: the maps, the one lock, and the rules that hold for all records.
//   - schedules.go, runs.go, items.go, log.go: when, what happens, and its trail.
//   - capture.go, inventory.go, sets.go, groups.go: what was captured and what stays.
//   - page.go: lists in pages.
//   - memory_test.go: the suite, and a few dozen ways to break the store that it must see.
//
// It keeps nothing when the process ends. To keep things, replace the maps by tables.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	var s store.Store = NewMemory(runs.SystemClock{})
	const contoso graph.TenantID = "contoso"
	start := func(id runs.ID) (runs.Run, bool, error) {
		at := time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)
		return s.CreateRun(ctx, contoso, runs.Run{
			ID: id, Kind: runs.KindPolicySync, Trigger: runs.TriggerManual, Status: runs.StatusQueued,
			Key: "policy.sync", CreatedAt: at, UpdatedAt: at,
		}, runs.Trail{})
	}
	first, _, err := start("01980000-0000-7000-8000-000000000001")
	if err != nil {
		return err
	}
	second, created, err := start("01980000-0000-7000-8000-000000000002")
	if err != nil {
		return err
	}
	fmt.Printf("started twice with one key: created %t, the same run %t\n", created, first.ID == second.ID)
	return nil
}
