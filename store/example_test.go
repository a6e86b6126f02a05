package store_test

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// A check reads everything and reports what is not as it was written.
func ExampleChecker() {
	ctx := context.Background()
	db, err := sqlitestore.Open(ctx, sqlitestore.Memory, sqlitestore.Options{})
	if err != nil {
		panic(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		panic(err)
	}
	report, err := store.Checker(db).Check(ctx, store.CheckOptions{ReadData: true})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(report.Problems), "problems")
	// Output: 0 problems
}
