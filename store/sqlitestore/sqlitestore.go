// Package sqlitestore opens a bunstore on SQLite: one file, nothing to install.
//
// The parts:
//
//   - [Open] opens or creates the file with the settings that a store needs on every
//     connection: write-ahead log, foreign keys, immediate transactions.
//   - [Store] is a [bunstore.Store] that closes what Open opened.
//
// One rule holds everywhere: one process writes through one connection, and reads on
// others, so that nobody waits for a writer just to look.
package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite" // registers the driver "sqlite"
)

// Memory is the path of a database that lives in memory and ends with Close.
const Memory = ":memory:"

// readers is how many connections read at once.
const readers = 4

// Options configures [Open]. The zero value is usable.
type Options struct {
	// Clock, Prefix and Canonicalizer are those of [bunstore.Options].
	Clock         runs.Clock
	Prefix        string
	Canonicalizer *backupset.Canonicalizer

	// Durable syncs the file at every commit, so that not even a power cut loses the last
	// ones. Without it a power cut may lose them but never damages the database, and a
	// crash of the process loses nothing. Writing is several times slower with it.
	Durable bool
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	*bunstore.Store
	write, read *bun.DB
}

// Open opens the database file, creating it when there is none; its folder must exist.
// [Memory] opens one in memory. The schema is left alone: call Migrate on a new database.
// Close the store when nothing uses it any more.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	if path == "" {
		return nil, runs.Invalid("path", "required", "is required; use sqlitestore.Memory for a database in memory")
	}
	write, err := open(ctx, path, opts, 1, "immediate", nil)
	if err != nil {
		return nil, err
	}
	read := write
	if path != Memory { // which is private to its connection
		if read, err = open(ctx, path, opts, readers, "deferred", []string{"query_only(1)"}); err != nil {
			return nil, errors.Join(err, write.Close())
		}
	}
	s := &Store{write: write, read: read}
	s.Store, err = bunstore.New(write, read, bunstore.Options{Clock: opts.Clock, Prefix: opts.Prefix, Canonicalizer: opts.Canonicalizer})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes all connections. The write-ahead log is merged into the file.
func (s *Store) Close() error {
	if s.read == s.write {
		return s.write.Close()
	}
	return errors.Join(s.read.Close(), s.write.Close()) // the last to close merges the log
}

// open makes a pool whose connections all have the same settings.
func open(ctx context.Context, path string, opts Options, conns int, lock string, pragmas []string) (*bun.DB, error) {
	synchronous := "synchronous(normal)"
	if opts.Durable {
		synchronous = "synchronous(full)"
	}
	query := url.Values{"_txlock": {lock}, "_pragma": append([]string{
		"busy_timeout(10000)", // other processes, such as a check, may hold the file
		"journal_mode(wal)",
		synchronous,
		"foreign_keys(1)",
		"cache_size(-32768)",       // 32 MiB, so that a chunk of dispatching stays in memory
		"wal_autocheckpoint(4000)", // 16 MiB: fewer syncs of the file itself
	}, pragmas...)}
	connector, err := sqlite.NewConnector(name(path) + "?" + query.Encode())
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: opening %s: %w", path, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlitestore: opening %s: %w", path, err), db.Close())
	}
	return bun.NewDB(db, sqlitedialect.New()), nil
}

// name writes a path as a URI, so that no character of it is taken for an option.
func name(path string) string {
	if path == Memory {
		return "file::memory:"
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String()
}
