package pgstore_test

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/storetest"
)

// TestStore runs the suite of every store over both drivers, with and without row-level
// security.
func TestStore(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			d := newDatabase(t, w)
			storetest.Run(t, func(t testing.TB, clock runs.Clock) store.Store {
				d.empty(t)
				return d.store(t, clock)
			})
		})
	}
}
