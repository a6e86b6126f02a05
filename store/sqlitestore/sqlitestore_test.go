package sqlitestore_test

import (
	"path/filepath"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
	"github.com/tenantatlas/tenantbackup/store/storetest"
)

// open opens a new, migrated database.
func open(t testing.TB, path string, opts sqlitestore.Options) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	for name, path := range map[string]func(t testing.TB) string{
		"file":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "store.db") },
		"memory": func(testing.TB) string { return sqlitestore.Memory },
	} {
		t.Run(name, func(t *testing.T) {
			opener := func(t testing.TB, clock runs.Clock) store.Store {
				return open(t, path(t), sqlitestore.Options{Clock: clock})
			}
			storetest.Run(t, opener)
			storetest.RunOnClock(t, opener)
		})
	}
}
