package storetest_test

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
	"github.com/tenantatlas/tenantbackup/store/storetest"
)

// The test file of a backend is this long: it opens an empty store on the given clock.
func ExampleRun() {
	_ = func(t *testing.T) {
		storetest.Run(t, func(t testing.TB, clock runs.Clock) store.Store {
			db, err := sqlitestore.Open(t.Context(), sqlitestore.Memory, sqlitestore.Options{Clock: clock})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			return db
		})
	}
}
