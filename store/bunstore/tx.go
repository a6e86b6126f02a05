package bunstore

import (
	"bytes"
	"context"
	"database/sql"
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

// insert adds rows of one table.
func insert[R any, P rowOf[R]](ctx context.Context, t *tx, rows ...R) error {
	return insertRows[R, P](ctx, t, rows, "", nil)
}

// insertNew adds the rows that break no unique rule and tells for each whether it did.
func insertNew[R any, P rowOf[R]](ctx context.Context, t *tx, rows []R) ([]bool, error) {
	added := make([]bool, len(rows))
	return added, insertRows[R, P](ctx, t, rows, " ON CONFLICT DO NOTHING", added)
}

// insertRows executes one prepared statement per row, which is the fastest way with this
// driver: longer statements of many rows spend what they save on parsing or binding.
// Columns in which all rows have the default are left out of it.
func insertRows[R any, P rowOf[R]](ctx context.Context, t *tx, rows []R, conflict string, added []bool) error {
	if len(rows) == 0 {
		return nil
	}
	def := P(&rows[0]).table()
	width := len(def.columns) + 1
	if def.data != "" {
		width++
	}
	values := make([]any, 0, width*len(rows))
	used := make([]bool, width)
	for i := range rows {
		for j, c := range t.stored(P(&rows[i])) {
			values = append(values, c)
			used[j] = used[j] || c != nil && c != int64(0)
		}
	}
	names := append(slices.Clone(def.columns), rowSumColumn)
	used[len(def.columns)] = true
	if def.data != "" {
		names = append(names, def.data)
	}
	n := 0
	for j, name := range names {
		if used[j] || j < def.key {
			used[j] = true
			names[n] = name
			n++
		}
	}
	stmt, err := t.prepare(ctx, "INSERT INTO {"+def.name+`} ("`+strings.Join(names[:n], `", "`)+`") VALUES (`+t.s.dialect.placeholders(n)+")"+conflict)
	if err != nil {
		return fmt.Errorf("store: adding to %s: %w", def.name, err)
	}
	args := make([]any, 0, n)
	count := int64(len(rows))
	for i := range rows {
		args = args[:0]
		for j, v := range values[i*width : (i+1)*width] {
			if used[j] {
				args = append(args, v)
			}
		}
		changed, err := exec(ctx, stmt, args)
		if err != nil {
			return fmt.Errorf("store: adding to %s: %w", def.name, err)
		}
		if added != nil {
			added[i] = changed > 0
			count += changed - 1
		}
	}
	if def != talliesTable { // which would count itself without end
		t.tally[def.name] += count
	}
	return nil
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

// stored returns what is stored for a row: its columns, its sum, and its bulk bytes.
func (t *tx) stored(r row) []any {
	cols := r.columns()
	values := make([]any, 0, len(cols)+2)
	for _, c := range cols {
		values = append(values, c.value())
	}
	var sum num
	sum, t.scratch = r.table().sum(cols, t.scratch)
	values = append(values, int64(sum))
	if b, ok := r.(bulky); ok {
		values = append(values, b.bulk())
	}
	return values
}

// bulky is a row of a table with a data column.
type bulky interface{ bulk() []byte }

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
