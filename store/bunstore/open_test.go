package bunstore_test

import (
	"path/filepath"
	"testing"

	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// newStore opens a new, migrated database file and returns its path too.
func newStore(t testing.TB, opts sqlitestore.Options) (*sqlitestore.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	s := openAt(t, path, opts)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, path
}

// openAt opens a database file until the test ends.
func openAt(t testing.TB, path string, opts sqlitestore.Options) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // some tests close it before
	return s
}
