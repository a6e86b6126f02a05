// Package storetest is the suite that every [store.Store] runs: one subtest for each
// promise that the roles make, with a sentence for a name. A backend's test file is then
// one call:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB, clock runs.Clock) store.Store {
//			return openEmptyStore(t, clock)
//		})
//	}
//
// The parts:
//
//   - [Run]: the promises of all roles.
//   - [RunOnClock]: what holds besides for a store that takes its time from the given
//     clock, and not from a database.
//   - [Clock]: the clock that both set; it stands still unless it is told.
//
// Three tables are checked against the interface itself, so that a new method cannot be
// left out: what a wrong tenant sees ([Run] fails for a method with a tenant and without a
// row), what a worker without its lease can write, and which lists are read in pages.
//
// It needs the standard library only, and reads a store through its public methods alone.
package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
)

// Open returns a new, empty store that takes its time from the clock, unless it has a
// database's clock, and arranges with t that the store is closed. It is called once for
// every promise, but for promises that look at the same rows and leave them as they are.
type Open = func(t testing.TB, clock runs.Clock) store.Store

// promise is one thing that a role promises.
type promise struct {
	name string // a sentence
	keep func(t *testing.T, f *fixture)
}

// role is a named group of promises. Promises of a shared role work on one store, one
// after the other.
type role struct {
	name     string
	promises []promise
	shared   bool
}

// Run checks every promise of every role.
func Run(t *testing.T, open func(t testing.TB, clock runs.Clock) store.Store) {
	roles := []role{
		{name: "Records", promises: recordPromises()},
		{name: "Tenants", promises: tenantPromises()},
		{name: "OtherTenant", promises: otherTenantPromises(), shared: true},
		{name: "Leases", promises: leasePromises()},
		{name: "Pages", promises: pagePromises()},
		{name: "ScheduleStore", promises: schedulePromises()},
		{name: "DispatchStore", promises: dispatchPromises()},
		{name: "RunStore", promises: runPromises()},
		{name: "SetRuns", promises: setRunPromises()},
		{name: "Batches", promises: batchPromises()},
		{name: "Turns", promises: turnPromises()},
		{name: "LastRun", promises: lastRunPromises()},
		{name: "ItemStore", promises: itemPromises()},
		{name: "AuditStore", promises: auditPromises()},
		{name: "NotificationStore", promises: notificationPromises()},
		{name: "StrandedRuns", promises: strandedPromises()},
		{name: "CaptureStore", promises: capturePromises()},
		{name: "SealSet", promises: sealPromises()},
		{name: "Additions", promises: additionPromises()},
		{name: "SaveSnapshot", promises: snapshotPromises()},
		{name: "SetStore", promises: setPromises()},
		{name: "InventoryStore", promises: inventoryPromises()},
		{name: "GroupStore", promises: groupPromises()},
		{name: "PurgeSet", promises: purgePromises()},
		{name: "SystemStore", promises: systemPromises()},
		{name: "Previews", promises: previewPromises()},
		{name: "Steps", promises: stepPromises()},
		{name: "Uploads", promises: uploadPromises()},
	}
	for _, r := range slices.Concat(roles, listRoles()) {
		runRole(t, r, open)
	}
}

// RunOnClock checks that the store takes its time from the clock it was opened with. It is
// for stores without a database's clock of their own.
func RunOnClock(t *testing.T, open func(t testing.TB, clock runs.Clock) store.Store) {
	runRole(t, role{name: "Clock", promises: clockPromises()}, open)
}

func runRole(t *testing.T, r role, open Open) {
	t.Run(r.name, func(t *testing.T) {
		var common *fixture
		if r.shared {
			common = newFixture(t, open)
		}
		for _, p := range r.promises {
			t.Run(p.name, func(t *testing.T) {
				if r.shared {
					common.T = t // failures belong to the promise, the store to the role
					p.keep(t, common)
					return
				}
				p.keep(t, newFixture(t, open))
			})
		}
	})
}

// start is when the suite's clock begins.
var start = time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)
