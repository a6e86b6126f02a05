package pgstore_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
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

// A host shares its own pool, here of pgx, with the store and the queue: a new run and its job
// are stored in one transaction. The pool must be large enough, see guequeue. Give the queue to runs.NewStarter, runs.NewRunner and
// backupsched.NewDispatcher too; the rest is wired as in examples/quickstart.
func ExampleNew() {
	ctx := context.Background()
	open := func(url string) *bun.DB {
		pool, err := pgxpool.New(ctx, url+"&pool_max_conns=30&statement_timeout=30s&lock_timeout=10s&idle_in_transaction_session_timeout=60s")
		if err != nil {
			panic(err)
		}
		return bun.NewDB(stdlib.OpenDBFromPool(pool), pgdialect.New())
	}
	security := &bunstore.RowSecurity{Login: "backup"} // CREATE ROLE backup LOGIN NOINHERIT PASSWORD '...'

	// Before a deployment, as the owner of the tables.
	owned := open("postgres://owner:secret@db.example.com/backup?sslmode=verify-full")
	defer owned.Close()
	owner, err := pgstore.New(owned, pgstore.Options{RowSecurity: security})
	if err != nil {
		panic(err)
	}
	if err := errors.Join(owner.Migrate(ctx), owner.SecureRows(ctx), guequeue.Migrate(ctx, owned.DB)); err != nil {
		panic(err)
	}
	// The user takes jobs; the roles of row-level security queue those of new runs.
	if _, err := owned.ExecContext(ctx, guequeue.Confine("tenantbackup_app", bunstore.TenantSetting, "tenantbackup_system", "backup")); err != nil {
		panic(err)
	}

	// In the program. With pgx give Options.Listener too, see guequeue.Listener.
	db := open("postgres://backup:secret@db.example.com/backup?sslmode=verify-full")
	defer db.Close()
	queue, err := guequeue.New(db.DB, guequeue.Options{})
	if err != nil {
		panic(err)
	}
	store, err := pgstore.New(db, pgstore.Options{RowSecurity: security, Enqueuer: queue})
	if err != nil {
		panic(err)
	}
	if err := errors.Join(store.Ready(ctx), queue.Ready(ctx)); err != nil {
		panic(err)
	}
}
