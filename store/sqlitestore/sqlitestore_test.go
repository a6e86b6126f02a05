package sqlitestore_test

import (
	"errors"
	"os"
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

// TestStore runs the suite on files, each a copy of one that was migrated.
func TestStore(t *testing.T) {
	template := filepath.Join(t.TempDir(), "template.db")
	s, err := sqlitestore.Open(t.Context(), template, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Migrate(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	opener := func(t testing.TB, clock runs.Clock) store.Store {
		path := filepath.Join(t.TempDir(), "store.db")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		return open(t, path, sqlitestore.Options{Clock: clock})
	}
	storetest.Run(t, opener)
	storetest.RunOnClock(t, opener)
}

// TestMemory runs a part of the suite in memory, where reading and writing share a connection.
func TestMemory(t *testing.T) {
	storetest.RunOnClock(t, func(t testing.TB, clock runs.Clock) store.Store {
		return open(t, sqlitestore.Memory, sqlitestore.Options{Clock: clock})
	})
}
