package pgstore_test

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/storetest"
)

// TestStore runs the suite of every store over both drivers, with and without row-level
// security: each way in a database of its own, beside the others, since it waits for the
// server most of the time.
func TestStore(t *testing.T) {
	for _, w := range ways() {
		d := newDatabase(t, w) // one after the other: they make the same roles
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t testing.TB, clock runs.Clock) store.Store {
				d.empty(t)
				return d.store(t, clock)
			})
		})
	}
}
