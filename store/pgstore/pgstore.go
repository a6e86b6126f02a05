// Package pgstore opens a bunstore on Postgres: many processes, on many machines, on one
// database.
//
// The parts:
//
//   - [Open] opens a pool with uptrace/bun's pgdriver and the settings that a store needs;
//     [Connect] opens the pool alone, for a host that shares it.
//   - [New] takes a *bun.DB that the host has opened, with whatever driver.
//   - [Store] is a [bunstore.Store] that closes what Open opened.
//
// One rule holds everywhere: the database's clock judges leases, so that the clocks of the
// processes need not agree.
package pgstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"
)

// Options configures [Open] and [New]. The zero value is usable.
type Options struct {
	// Clock, OwnClock, Prefix, Canonicalizer, Enqueuer and RowSecurity are those of
	// [bunstore.Options].
	Clock         runs.Clock
	OwnClock      bool
	Prefix        string
	Canonicalizer *backupset.Canonicalizer
	Enqueuer      runs.TxEnqueuer
	RowSecurity   *bunstore.RowSecurity

	// Connection configures what Open opens; New ignores it.
	Connection Connection
}

// Connection is how Open connects. The zero value is usable.
type Connection struct {
	// Schema holds the tables; it must exist. Defaults to the user's search path.
	Schema string

	// MaxConns bounds the pool. It must exceed what works at once: the Runner's workers,
	// the queue's takers, the dispatcher, retention and the API. Defaults to 20.
	MaxConns int

	// StatementTimeout ends a statement that takes longer, on the server. It bounds how long
	// a call goes on whose context was cancelled during a statement, too: unlike a deadline,
	// that does not interrupt pgdriver. Defaults to 30 s.
	StatementTimeout time.Duration

	// LockTimeout ends a statement that waits longer for a lock. Defaults to 10 s.
	LockTimeout time.Duration

	// IdleTimeout ends a transaction whose process says nothing for so long between two
	// statements, on the server. Otherwise a process that stands still, or a machine that
	// vanished, would keep its locks, and all dispatchers waiting, until TCP gives up after
	// hours. It must be longer than a queue takes to claim a run. Defaults to 1 min.
	IdleTimeout time.Duration
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	*bunstore.Store
	db *bun.DB
}

// Connect opens a pool on a database, such as
// postgres://user:password@host:5432/name?sslmode=verify-full. A server that is not on this
// machine needs sslmode in the URL, since what is assumed without one differs between
// drivers: verify-full checks the server's certificate (by the authorities in the file
// sslrootcert, else by those that the machine trusts), require only encrypts, disable does
// neither. The caller closes the pool. It is for a host that shares the pool, for example
// with a queue; otherwise [Open] does it all.
func Connect(ctx context.Context, url string, c Connection) (*bun.DB, error) {
	driver, err := driverOptions(url, c)
	if err != nil {
		return nil, err
	}
	conns := c.MaxConns
	if conns == 0 {
		conns = 20
	}
	pool := sql.OpenDB(pgdriver.NewConnector(driver...))
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("pgstore: connecting: %w", err), pool.Close())
	}
	return bun.NewDB(pool, pgdialect.New()), nil
}

// Open connects as [Connect] does and makes a store of the pool. The schema is left alone:
// call Migrate on a new database. Close the store when nothing uses it any more.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	db, err := Connect(ctx, url, opts.Connection)
	if err != nil {
		return nil, err
	}
	s, err := New(db, opts)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{Store: s, db: db}, nil
}

// New makes a store of a pool that the host has opened and closes itself. Its connections
// should have a statement_timeout, a lock_timeout and an idle_in_transaction_session_timeout.
func New(db *bun.DB, opts Options) (*bunstore.Store, error) {
	if db == nil {
		return nil, runs.Invalid("db", "required", "is required")
	}
	return bunstore.New(db, db, bunstore.Options{
		Clock: opts.Clock, OwnClock: opts.OwnClock, Prefix: opts.Prefix, Canonicalizer: opts.Canonicalizer, Enqueuer: opts.Enqueuer, RowSecurity: opts.RowSecurity,
	})
}

// DB is the pool, for a queue that shares it.
func (s *Store) DB() *bun.DB { return s.db }

// Close closes all connections.
func (s *Store) Close() error { return s.db.Close() }
