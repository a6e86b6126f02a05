// Package bunstore implements [store.Store] and [store.Checker] over *bun.DB, for SQLite and
// Postgres.
//
// The parts:
//
//   - [New] makes a [Store] of two pools: one that writes and one that reads.
//     store/sqlitestore opens them for SQLite, store/pgstore for Postgres.
//   - [Store.Migrate], [Store.MigrateDown], [Store.Status] and [Migrations]: the schema,
//     which is only ever changed when asked.
//   - [RowSecurity]: the second wall between tenants, on Postgres.
//   - [Store.Check]: whether everything is as it was written.
//
// One rule holds everywhere: a row is read whole, changed in Go and written back with a
// checksum over all its columns, within one transaction. So no statement leaves a stale
// checksum, and a damaged row is an error when it is read, not a wrong answer.
package bunstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/uptrace/bun"
)

// DefaultPrefix begins the name of every table and index unless [Options] says otherwise.
const DefaultPrefix = "tb_"

// Options configures a [Store]. The zero value is usable.
type Options struct {
	// Clock gives the time that leases are judged by where the database has no clock of its
	// own (SQLite), and that of new ids. Defaults to [runs.SystemClock].
	Clock runs.Clock

	// OwnClock, for Postgres, lets Clock judge leases and not the database's clock. It is for
	// tests and for demonstrations that play a history before anybody else works on the
	// database: processes whose clocks differ would take each other's runs away.
	OwnClock bool

	// Prefix begins the name of every table and index: a lower-case letter or underscore,
	// then at most 30 lower-case letters, digits and underscores. Change it where the
	// database has other tables of that name, before the first Migrate. Defaults to
	// [DefaultPrefix].
	Prefix string

	// Canonicalizer recomputes the hashes of versions in a [Store.Check] that reads data.
	// It must know the policy types that the captures knew. Defaults to one over
	// [graph.Catalog].
	Canonicalizer *backupset.Canonicalizer

	// Enqueuer, for Postgres, queues the jobs of new runs in the transaction that makes
	// them. It must keep them in the same database; under RowSecurity both roles need its
	// table (guequeue.Confine). Nil leaves it to whoever makes runs, and what is lost in
	// between to the sweep.
	Enqueuer runs.TxEnqueuer

	// RowSecurity, for Postgres, lets the database keep tenants apart as well. Nil leaves it
	// to the conditions of the queries.
	RowSecurity *RowSecurity
}

// Store keeps everything in one database. It is safe for concurrent use.
type Store struct {
	write, read *bun.DB
	dialect     sqlDialect
	prefix      string
	clock       runs.Clock
	ownClock    bool // it judges, whatever the database has
	ids         *uuidv7.Generator
	canon       *backupset.Canonicalizer
	codec       codec
	rows        *RowSecurity
	enqueuer    runs.TxEnqueuer
	kept        keptStatements // that write
	keptReads   keptStatements
	plans       *plans
	times       auditTimes
	updates     sync.Map    // see updateQuery
	migrated    atomic.Bool // the schema was found to be the program's own
}

// New makes a store over two pools of the same database: write for transactions that
// change something, read for everything else; they may be the same one. The caller owns
// the pools and closes them after the store is no longer used. The schema is left alone:
// see [Store.Migrate].
func New(write, read *bun.DB, opts Options) (*Store, error) {
	if write == nil || read == nil {
		return nil, runs.Invalid("db", "required", "is required")
	}
	dialect, err := dialectOf(write)
	if err != nil {
		return nil, err
	}
	if opts.Prefix == "" {
		opts.Prefix = DefaultPrefix
	}
	if err := checkPrefix(opts.Prefix); err != nil {
		return nil, err
	}
	if opts.Clock == nil {
		opts.Clock = runs.SystemClock{}
	}
	if opts.Canonicalizer == nil {
		opts.Canonicalizer = backupset.NewCanonicalizer(graph.Catalog)
	}
	if opts.Enqueuer != nil && dialect.name() != "postgres" {
		return nil, runs.Invalid("enqueuer", "dialect_unsupported", "needs Postgres")
	}
	var rows *RowSecurity
	if opts.RowSecurity != nil {
		if dialect.name() != "postgres" {
			return nil, runs.Invalid("row_security", "dialect_unsupported", "needs Postgres")
		}
		if rows, err = opts.RowSecurity.withDefaults(); err != nil {
			return nil, err
		}
	}
	codec, err := newCodec()
	if err != nil {
		return nil, fmt.Errorf("store: preparing compression: %w", err)
	}
	return &Store{
		write: write, read: read, dialect: dialect, prefix: opts.Prefix, clock: opts.Clock, ownClock: opts.OwnClock,
		ids: uuidv7.NewGenerator(opts.Clock.Now), canon: opts.Canonicalizer,
		kept:      keptStatements{most: 64, longest: 1000}, // of those with many rows there are many, and their rows cost more than preparing
		keptReads: keptStatements{most: 256, longest: 2000, replaces: true},
		codec:     codec, rows: rows, enqueuer: opts.Enqueuer, plans: newPlans(opts.Prefix),
	}, nil
}

func checkPrefix(prefix string) error {
	ok := len(prefix) >= 1 && len(prefix) <= 31
	for i := range len(prefix) {
		c := prefix[i]
		ok = ok && (c >= 'a' && c <= 'z' || c == '_' || i > 0 && c >= '0' && c <= '9')
	}
	if !ok {
		return runs.Invalid("prefix", "prefix_invalid", "must be a lower-case letter or underscore, then at most 30 lower-case letters, digits and underscores")
	}
	return nil
}

// clockTime is the time of the store's clock as everything in this module keeps it.
func (s *Store) clockTime() time.Time { return s.clock.Now().UTC().Truncate(time.Microsecond) }

func (s *Store) newID() uid { return uidOf(runs.ID(s.ids.New())) }

// view runs fn in one read transaction on the rows of its scope, so that all its queries
// see the same moment.
func (s *Store) view(ctx context.Context, of scope, fn func(q querier) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	tx, err := s.read.BeginTx(ctx, s.dialect.viewOptions())
	if err == nil {
		defer func() { _ = tx.Rollback() }() // it wrote nothing
		err = s.dialect.beginView(ctx, s, tx, of)
	}
	if err != nil {
		return s.dialect.explain(ctx, fmt.Errorf("store: beginning to read: %w", err))
	}
	q, done := s.dialect.reader(s, &tx)
	err = fn(q)
	_ = tx.Rollback()
	done(ctx)
	return s.explained(ctx, err)
}

func (s *Store) explained(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return s.explain(ctx, err)
}

// look is view for a single query, which sees one moment by itself. Where nothing has to be
// said about the scope it needs no transaction.
func (s *Store) look(ctx context.Context, of scope, fn func(q querier) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	switch {
	case s.rows == nil:
		q, done := s.dialect.reader(s, nil)
		defer done(ctx)
		return s.explained(ctx, fn(q))
	case s.plans.works.Load():
		return s.explained(ctx, fn(confined{s, of}))
	}
	return s.view(ctx, of, fn)
}

// lookOften is look for a query that is asked again and again.
func (s *Store) lookOften(ctx context.Context, of scope, fn func(q querier) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if s.plans.works.Load() {
		err := fn(often{s, of})
		if !aboutStatement(err) {
			return s.explained(ctx, err)
		}
	}
	return s.look(ctx, of, fn)
}

// locking ends a query whose rows the transaction will change; a view locks nothing.
func (s *Store) locking(q querier) string {
	if _, writes := q.(*tx); writes {
		return s.dialect.lock(lockWait)
	}
	return ""
}

// lockingInOrder is locking for rows that others may lock too, in the order of their ids, so
// that nobody waits in a ring.
func (s *Store) lockingInOrder(q querier) string {
	if lock := s.locking(q); lock != "" {
		return " ORDER BY t.id" + lock
	}
	return ""
}

// conditions collects the parts of a WHERE clause.
type conditions struct {
	clause string
	args   []any
}

// where begins a clause with what always holds.
func where(cond string, args ...any) *conditions {
	return &conditions{clause: "WHERE " + cond, args: args}
}

func (c *conditions) and(cond string, args ...any) {
	c.clause += " AND " + cond
	c.args = append(c.args, args...)
}

// andIn adds a condition that a column is one of the values, unless there are none.
func andIn[T ~string](c *conditions, column string, values []T) {
	if len(values) > 0 {
		c.and(column+" IN (?)", valuesOf(texts(values)))
	}
}

// texts are the values that differ, which every database can take, whatever they hold.
func texts[T ~string](values []T) []text {
	list := make([]text, len(values))
	for i, v := range values {
		list[i] = text(v)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// tail ends the clause.
func (c *conditions) tail(order string, slice runs.Slice) string {
	return fmt.Sprintf("%s ORDER BY %s LIMIT %d", c.clause, order, most(slice))
}

// most is how many a list gives: one more than the limit, which tells that there are more.
func most(slice runs.Slice) int { return max(slice.Limit, 1) + 1 }

// position is the number in the position that a list goes on after; 0 for its beginning.
func position(after runs.Keyset) (int64, error) {
	if after.IsZero() {
		return 0, nil
	}
	n, err := strconv.ParseInt(after.Key, 10, 64)
	if err != nil {
		return 0, errBadCursor()
	}
	return n, nil
}

// notFound is what a tenant is told about what it does not have.
func notFound(what string) error { return fmt.Errorf("%s: %w", what, runs.ErrNotFound) }

// fields collects what is wrong with the ids of a row that is to be written.
type fields struct{ bad runs.InvalidError }

// id converts an id that may be empty.
func (f *fields) id(field string, id runs.ID) uid {
	u := uidOf(id)
	if u == "" && id != "" {
		f.bad.Add(field, "id_invalid", "must be a UUID in lower case")
	}
	return u
}

// key converts an id that is required.
func (f *fields) key(field string, id runs.ID) uid {
	if id == "" {
		f.bad.Add(field, "required", "is required")
	}
	return f.id(field, id)
}

// tenant checks the tenant of a row.
func (f *fields) tenant(t graph.TenantID) ident {
	if t == runs.SystemTenant {
		f.bad.Add("tenant", "required", "is required")
	}
	return ident(t)
}

// errBadCursor is for a position that no list of this store gave.
func errBadCursor() error {
	return runs.Invalid("cursor", "cursor_invalid", "is not a cursor of this list; start again without one")
}

// isContext tells whether an error is the end of a context.
func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

var (
	_ store.Store = (*Store)(nil)
)
