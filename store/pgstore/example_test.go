package pgstore_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// A server on another machine needs a word on how the connection is protected; nothing is
// assumed, and nothing was sent when this is refused.
func ExampleOpen() {
	_, err := pgstore.Open(context.Background(), "postgres://backup:secret@db.example.com/backup", pgstore.Options{})
	var invalid *runs.InvalidError
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Fields[0].Field, invalid.Fields[0].Code)
	}
	// Output: url tls_required
}

// The owner of the tables brings the schema up to date and walls tenants in; the program
// logs in as a user who may do neither.
func ExampleOpen_rowSecurity() {
	ctx := context.Background()
	security := &bunstore.RowSecurity{Login: "backup"} // CREATE ROLE backup LOGIN NOINHERIT PASSWORD '...'

	owner, err := pgstore.Open(ctx, "postgres://owner:secret@db.example.com/backup?sslmode=verify-full", pgstore.Options{RowSecurity: security})
	if err != nil {
		panic(err)
	}
	defer owner.Close()
	if err := errors.Join(owner.Migrate(ctx), owner.SecureRows(ctx)); err != nil {
		panic(err)
	}

	db, err := pgstore.Open(ctx, "postgres://backup:secret@db.example.com/backup?sslmode=verify-full", pgstore.Options{RowSecurity: security})
	if err != nil {
		panic(err)
	}
	defer db.Close()
	if err := db.Ready(ctx); err != nil {
		panic(err)
	}
}
