package bunstore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
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
	s       *Store
	now     time.Time
	stmts   map[string]*sql.Stmt
	tally   map[string]int64
	entries []runs.AuditEntry
	notices []notificationRow
	scratch []byte
}

// change runs fn in one transaction. Any error rolls everything back, so a statement that
// failed can never be followed by a commit.
func (s *Store) change(ctx context.Context, fn func(ctx context.Context, t *tx) error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	return s.transact(ctx, fn)
}

// transact is change without a look at the schema.
func (s *Store) transact(ctx context.Context, fn func(ctx context.Context, t *tx) error) error {
	btx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: beginning to write: %w", err)
	}
	defer func() { _ = btx.Rollback() }() // does nothing after a commit
	t := &tx{Tx: btx, s: s, now: s.now(), stmts: map[string]*sql.Stmt{}, tally: map[string]int64{}}
	defer t.close()
	if err := fn(ctx, t); err != nil {
		return err
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	t.close()
	if err := btx.Commit(); err != nil {
		return fmt.Errorf("store: committing: %w", err)
	}
	return nil
}

func (t *tx) close() {
	for _, stmt := range t.stmts {
		_ = stmt.Close()
	}
	clear(t.stmts)
}

// flush writes the trail and then the tallies, which count the trail too.
func (t *tx) flush(ctx context.Context) error {
	if err := t.writeAudit(ctx); err != nil {
		return err
	}
	if err := insert(ctx, t, t.notices...); err != nil {
		return err
	}
	return t.writeTallies(ctx)
}

// prepare returns a statement with parameters of the driver, kept for this transaction.
func (t *tx) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := t.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := t.Tx.Tx.PrepareContext(ctx, t.s.sql(query))
	if err != nil {
		return nil, err
	}
	t.stmts[query] = stmt
	return stmt, nil
}

// rowsPerStatement is how many rows one statement writes: opening tables and indexes costs
// more than a row does, and very long statements cost more again.
const rowsPerStatement = 20

// insert adds rows of one table.
func insert[R any, P rowOf[R]](ctx context.Context, t *tx, rows ...R) error {
	_, err := insertRows[R, P](ctx, t, rows, false)
	return err
}

// insertNew adds the rows that break no unique rule and tells for each whether it did.
func insertNew[R any, P rowOf[R]](ctx context.Context, t *tx, rows []R) ([]bool, error) {
	return insertRows[R, P](ctx, t, rows, true)
}

// insertRows leaves out the columns in which all rows have the default.
func insertRows[R any, P rowOf[R]](ctx context.Context, t *tx, rows []R, newOnly bool) (added []bool, err error) {
	if len(rows) == 0 {
		return nil, nil
	}
	def := P(&rows[0]).table()
	b := batch{tx: t, table: def, newOnly: newOnly, used: make([]bool, len(def.stored()))}
	for i := range rows {
		b.add(P(&rows[i]))
	}
	for i := range b.used {
		b.used[i] = b.used[i] || i < def.key
	}
	for at := 0; at < len(rows); at += rowsPerStatement {
		done, err := b.write(ctx, at, min(at+rowsPerStatement, len(rows)))
		if err != nil {
			return nil, fmt.Errorf("store: adding to %s: %w", def.name, err)
		}
		added = append(added, done...)
	}
	if def != talliesTable { // which would count itself without end
		for _, ok := range added {
			if ok {
				t.tally[def.name]++
			}
		}
	}
	return added, nil
}

// batch is a number of rows that are inserted together.
type batch struct {
	*tx
	table   *table
	newOnly bool
	values  []any  // of all stored columns of all rows
	used    []bool // columns that are not the default in some row
}

func (b *batch) add(r row) {
	cols := r.columns()
	at := len(b.values)
	for _, c := range cols {
		b.values = append(b.values, c.value())
	}
	var sum num
	sum, b.scratch = b.table.sum(cols, b.scratch)
	b.values = append(b.values, int64(sum))
	if r, ok := r.(bulky); ok {
		b.values = append(b.values, r.bulk())
	}
	for i, v := range b.values[at:] {
		b.used[i] = b.used[i] || v != nil && v != int64(0)
	}
}

// bulky is a row of a table with a data column.
type bulky interface{ bulk() []byte }

// write inserts the rows from one index up to another and tells which were added.
func (b *batch) write(ctx context.Context, from, to int) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	width := len(b.used)
	var names []string
	for i, name := range b.table.stored() {
		if b.used[i] {
			names = append(names, name)
		}
	}
	args := make([]any, 0, len(names)*(to-from))
	for i, v := range b.values[from*width : to*width] {
		if b.used[i%width] {
			args = append(args, v)
		}
	}
	query := "INSERT INTO {" + b.table.name + `} ("` + strings.Join(names, `", "`) + `") VALUES ` + b.s.dialect.tuples(to-from, len(names))
	added := make([]bool, to-from)
	if !b.newOnly {
		stmt, err := b.prepare(ctx, query)
		if err != nil {
			return nil, err
		}
		for i := range added {
			added[i] = true
		}
		_, err = stmt.ExecContext(context.WithoutCancel(ctx), args...)
		return added, err
	}
	last := b.table.key - 1 // the id within the tenant
	stmt, err := b.prepare(ctx, query+` ON CONFLICT DO NOTHING RETURNING "`+b.table.columns[last]+`"`)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(context.WithoutCancel(ctx), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	returned := map[uid]bool{}
	for rows.Next() {
		var id uid
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		returned[id] = true
	}
	for i := range added {
		id := uid(b.values[(from+i)*width+last].([]byte))
		added[i] = returned[id]
		delete(returned, id) // the same id again was no new one
	}
	return added, rows.Err()
}

// exec runs a prepared statement. The context is looked at here and not handed on: the
// driver would start a goroutine for each of many thousand short statements.
func exec(ctx context.Context, stmt *sql.Stmt, args []any) (int64, error) {
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
	var set []string
	var args []any
	var a, b []byte
	for i := range before {
		a, b = before[i].appendSum(a[:0]), after[i].appendSum(b[:0])
		if bytes.Equal(a, b) {
			continue
		}
		if i < def.key {
			return fmt.Errorf("store: %s: the primary key cannot change", label(old))
		}
		set = append(set, `"`+def.columns[i]+`" = `+t.s.dialect.placeholder(len(set)+1))
		args = append(args, after[i].value())
	}
	if len(set) == 0 {
		return nil
	}
	var sum num
	sum, t.scratch = def.sum(after, t.scratch)
	set = append(set, rowSumColumn+" = "+t.s.dialect.placeholder(len(set)+1))
	args = append(args, int64(sum))
	return t.touchOne(ctx, "UPDATE {"+def.name+"} SET "+strings.Join(set, ", "), args, old)
}

// remove deletes one row.
func remove(ctx context.Context, t *tx, r row) error {
	if err := t.touchOne(ctx, "DELETE FROM {"+r.table().name+"}", nil, r); err != nil {
		return err
	}
	t.tally[r.table().name]--
	return nil
}

// touchOne runs a statement on the one row with the primary key of r.
func (t *tx) touchOne(ctx context.Context, query string, args []any, r row) error {
	def, cols := r.table(), r.columns()
	for i := range def.key {
		word := " AND "
		if i == 0 {
			word = " WHERE "
		}
		query += word + `"` + def.columns[i] + `" = ` + t.s.dialect.placeholder(len(args)+1)
		args = append(args, cols[i].value())
	}
	stmt, err := t.prepare(ctx, query)
	if err != nil {
		return fmt.Errorf("store: changing %s: %w", def.name, err)
	}
	n, err := exec(ctx, stmt, args)
	if err != nil {
		return fmt.Errorf("store: changing %s: %w", def.name, err)
	}
	if n != 1 {
		return fmt.Errorf("store: changing %s: %d rows have its key, want 1", label(r), n)
	}
	return nil
}

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
