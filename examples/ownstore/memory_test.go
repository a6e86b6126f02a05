package main

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/storetest"
)

func open(_ testing.TB, clock runs.Clock) store.Store { return NewMemory(clock) }

func TestMemoryKeepsThePromisesOfAStore(t *testing.T) { storetest.Run(t, open) }

func TestMemoryTakesItsTimeFromTheClock(t *testing.T) { storetest.RunOnClock(t, open) }

func Example() {
	main()
	// Output: started twice with one key: created false, the same run true
}
