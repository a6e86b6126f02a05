package bunstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/uptrace/bun"
)

// tx is one transaction that writes. It counts what it adds and removes and collects the
// trail, and writes both when it ends. It belongs to one goroutine.
type tx struct {
	bun.Tx
	s        *Store
	now      time.Time
	settings string // of the database, for this transaction only
	stmts    map[string]*sql.Stmt
	fresh    []string // statements that were not kept from earlier transactions
	tally    map[string]int64
	entries  []runs.AuditEntry
	notices  []notificationRow
	scratch  []byte
	pending  []byte  // statements that nobody has to wait for
	message  *script // takes them where there is no transaction

	lastUpdate updateText
}

// tries is how often a transaction is begun that meets others again and again.
const tries = 10

// change runs fn in one transaction on the rows of its scope. Any error rolls everything
// back, so a statement that failed can never be followed by a commit. When the transaction
// met another one, fn is called again in a new one.
func (s *Store) change(ctx context.Context, of scope, fn func(ctx context.Context, t *tx) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	return s.transact(ctx, of, "", fn)
}

// transact is change without a look at the schema, and with settings of the database.
func (s *Store) transact(ctx context.Context, of scope, settings string, fn func(ctx context.Context, t *tx) error) error {
	for try := 1; ; try++ {
		err := s.once(ctx, of, settings, fn)
		if err == nil {
			return nil
		}
		if try == tries || ctx.Err() != nil || !s.dialect.again(err) {
			return s.explain(ctx, err) // there is no need to wait: the database's locks do, until the other one has ended
		}
	}
}

func (s *Store) once(ctx context.Context, of scope, settings string, fn func(ctx context.Context, t *tx) error) error {
	btx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: beginning to write: %w", err)
	}
	defer func() { _ = btx.Rollback() }() // does nothing after a commit
	t := &tx{Tx: btx, s: s, settings: settings, stmts: map[string]*sql.Stmt{}, tally: map[string]int64{}}
	defer t.close()
	if err := s.dialect.begin(ctx, t, of); err != nil {
		return fmt.Errorf("store: beginning to write: %w", err)
	}
	if err := fn(ctx, t); err != nil {
		return err
	}
	if err := s.dialect.flush(ctx, t); err != nil {
		return err
	}
	t.close()
	if err := btx.Commit(); err != nil {
		return fmt.Errorf("store: committing: %w", err)
	}
	s.kept.keep(ctx, s, s.write.DB, t.fresh)
	return nil
}

func (t *tx) close() {
	for _, stmt := range t.stmts {
		_ = stmt.Close()
	}
	clear(t.stmts)
}

// QueuesJobs tells whether the store queues the jobs of new runs itself; see
// [runs.QueuesJobs].
func (s *Store) QueuesJobs() bool { return s.enqueuer != nil }

// enqueue queues the jobs of runs that this transaction makes.
func (t *tx) enqueue(ctx context.Context, jobs ...runs.Job) error {
	if t.s.enqueuer == nil || len(jobs) == 0 {
		return nil
	}
	if err := t.s.enqueuer.EnqueueTx(ctx, t.Tx.Tx, jobs...); err != nil {
		return fmt.Errorf("store: queueing new runs: %w", err)
	}
	return nil
}

// prepare returns a statement with parameters of the driver, kept for this transaction.
func (t *tx) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := t.stmts[query]; ok {
		return stmt, nil
	}
	if kept := t.s.kept.get(query); kept != nil {
		t.stmts[query] = t.Tx.Tx.StmtContext(ctx, kept)
		return t.stmts[query], nil
	}
	stmt, err := t.Tx.Tx.PrepareContext(ctx, t.s.sql(query))
	if err != nil {
		return nil, err
	}
	t.stmts[query] = stmt
	t.fresh = append(t.fresh, query)
	return stmt, nil
}

// execStmt runs a prepared statement. The context is looked at here and not handed on: the
// driver would start a goroutine for each of many thousand short statements.
func execStmt(ctx context.Context, stmt *sql.Stmt, args []any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(context.WithoutCancel(ctx), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// update writes what differs between a row as it was read in this transaction and as it
// shall be, together with the sum over the whole new row. The primary key stays.
func update(ctx context.Context, t *tx, old, changed row) error {
	def := old.table()
	before, after := old.columns(), changed.columns()
	var differ []int
	for i := range before {
		t.scratch = before[i].appendSum(t.scratch[:0])
		n := len(t.scratch)
		t.scratch = after[i].appendSum(t.scratch)
		if !bytes.Equal(t.scratch[:n], t.scratch[n:]) {
			differ = append(differ, i)
		}
	}
	if len(differ) == 0 {
		return nil
	}
	if differ[0] < def.key {
		return fmt.Errorf("store: %s: the primary key cannot change", label(old))
	}
	if t.lastUpdate.table != def || !slices.Equal(t.lastUpdate.columns, differ) {
		t.lastUpdate = updateText{table: def, columns: differ, query: t.s.updateQuery(def, differ)}
	}
	args := make([]column, 0, len(differ)+2+def.key)
	for _, i := range differ {
		args = append(args, after[i])
	}
	var sum num
	sum, t.scratch = def.sum(after, t.scratch)
	return t.touchOne(ctx, t.lastUpdate.query, append(args, &sum), old)
}

// updateText is the statement of the latest update; the next one is often of the same kind.
type updateText struct {
	table   *table
	columns []int
	query   string
}

// updateQuery is that of a table, made once for each set of columns: there are few.
func (s *Store) updateQuery(def *table, columns []int) string {
	key := struct {
		*table
		columns uint64
	}{table: def}
	for _, i := range columns {
		key.columns |= 1 << i
	}
	if query, ok := s.updates.Load(key); ok {
		return query.(string)
	}
	query := def.updateQuery(columns)
	s.updates.Store(key, query)
	return query
}

// updateQuery sets some columns and the row sum of a row as it was read.
func (t *table) updateQuery(columns []int) string {
	query := "UPDATE {" + t.name + "} SET "
	for _, i := range columns {
		query += `"` + t.columns[i] + `" = ?, `
	}
	return query + rowSumColumn + " = ?" + t.whereRead()
}

// whereRead selects the row with a key, if it still has the sum that it was read with.
func (t *table) whereRead() string {
	return ` WHERE "` + strings.Join(t.columns[:t.key], `" = ? AND "`) + `" = ? AND ` + rowSumColumn + " = ?"
}

// remove deletes one row.
func remove(ctx context.Context, t *tx, r row) error {
	def := r.table()
	if err := t.touchOne(ctx, "DELETE FROM {"+def.name+"}"+def.whereRead(), nil, r); err != nil {
		return err
	}
	t.tally[def.name]--
	return nil
}

// touchOne runs a statement that ends with whereRead on the row r.
func (t *tx) touchOne(ctx context.Context, query string, args []column, r row) error {
	def, cols := r.table(), r.columns()
	args = append(args, cols[:def.key]...)
	var sum num
	sum, t.scratch = def.sum(cols, t.scratch)
	if err := t.s.dialect.touch(ctx, t, query, append(args, &sum)); err != nil {
		return fmt.Errorf("store: changing %s: %w", label(r), err)
	}
	return nil
}

// QueryContext reads what the transaction has written so far, too.
func (t *tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.s.dialect.flushPending(ctx, t); err != nil {
		return nil, err
	}
	return t.Tx.QueryContext(ctx, query, args...)
}

// errStale is for a row that somebody else changed since it was read.
var errStale = errors.New("the row was changed by somebody else at the same time")

// trail notes what goes with a change in a tenant.
func (t *tx) trail(tenant graph.TenantID, trail runs.Trail) error {
	for _, e := range trail.Audit {
		e.TenantID = tenant
		t.entries = append(t.entries, e)
	}
	for _, n := range trail.Notifications {
		r, err := notificationRowOf(tenant, n)
		if err != nil {
			return err
		}
		t.notices = append(t.notices, r)
	}
	return nil
}
