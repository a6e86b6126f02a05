package sqlitestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// Opening leaves the schema alone: Migrate brings it up to date when the host wants it.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	db, err := sqlitestore.Open(ctx, filepath.Join(dir, "backups.db"), sqlitestore.Options{})
	if err != nil {
		panic(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		panic(err)
	}
	fmt.Println("ready")
	// Output: ready
}
