package bunstore

import (
	"context"
	"slices"
	"strings"
)

// rowsPerStatement is how many rows one statement writes: opening tables and indexes costs
// more than a row does, and very long statements cost more again.
const rowsPerStatement = 50

// rowBatch is a number of rows as parameters of prepared statements.
type rowBatch struct {
	def     *table
	n       int
	values  []any  // of all stored columns of all rows
	used    []bool // columns that are not the default in some row; the others are left out
	scratch []byte
}

func newRowBatch(def *table, n int) *rowBatch {
	width := len(def.stored())
	b := &rowBatch{def: def, used: make([]bool, width), values: make([]any, 0, width*n)}
	for i := range def.key {
		b.used[i] = true
	}
	return b
}

func (b *rowBatch) rows() int { return b.n }

func (b *rowBatch) table() *table { return b.def }

func (b *rowBatch) add(r row) {
	cols := r.columns()
	at := len(b.values)
	for _, c := range cols {
		b.values = append(b.values, c.value())
	}
	var sum num
	sum, b.scratch = b.def.sum(cols, b.scratch)
	b.values = append(b.values, int64(sum))
	if r, ok := r.(bulky); ok {
		b.values = append(b.values, r.bulk())
	}
	for i, v := range b.values[at:] {
		b.used[i] = b.used[i] || v != nil && v != int64(0)
	}
	b.n++
}

// names lists the columns that are used.
func (b *rowBatch) names() []string {
	var names []string
	for i, name := range b.def.stored() {
		if b.used[i] {
			names = append(names, name)
		}
	}
	return names
}

// args are the used values of the rows from one index up to another.
func (b *rowBatch) args(from, to int) []any {
	width := len(b.used)
	args := make([]any, 0, width*(to-from))
	for i, v := range b.values[from*width : to*width] {
		if b.used[i%width] {
			args = append(args, v)
		}
	}
	return args
}

func (b *rowBatch) insert(ctx context.Context, t *tx, newOnly bool) (added []bool, err error) {
	names := b.names()
	for at := 0; at < b.n; at += rowsPerStatement {
		done, err := b.insertSome(ctx, t, names, at, min(at+rowsPerStatement, b.n), newOnly)
		if err != nil {
			return nil, err
		}
		added = append(added, done...)
	}
	return added, nil
}

func (b *rowBatch) insertSome(ctx context.Context, t *tx, names []string, from, to int, newOnly bool) ([]bool, error) {
	stmt, err := t.prepare(ctx, "INSERT INTO {"+b.def.name+`} ("`+strings.Join(names, `", "`)+`") VALUES `+tuples(to-from, len(names))+onConflict[newOnly])
	if err != nil {
		return nil, err
	}
	n, err := execStmt(ctx, stmt, b.args(from, to))
	if err != nil {
		return nil, err
	}
	if n == int64(to-from) || to-from == 1 {
		return slices.Repeat([]bool{n > 0}, to-from), nil
	}
	return b.present(ctx, t, from, to)
}

// present tells which rows are in the table now, by id and checksum: after some of many met
// a conflict it tells them apart.
func (b *rowBatch) present(ctx context.Context, t *tx, from, to int) ([]bool, error) {
	width, id, sum := len(b.used), b.def.key-1, len(b.def.columns)
	stmt, err := t.prepare(ctx, "SELECT count(*) FROM {"+b.def.name+`} WHERE "`+b.def.columns[id]+`" = ? AND `+rowSumColumn+" = ?")
	if err != nil {
		return nil, err
	}
	found := make([]bool, to-from)
	for i := range found {
		values := b.values[(from+i)*width:]
		var n int
		if err := stmt.QueryRowContext(ctx, values[id], values[sum]).Scan(&n); err != nil {
			return nil, err
		}
		found[i] = n > 0
	}
	return found, nil
}

// blockSize is enough for long statements, few enough to stay in the processor's cache.
func (sqliteDialect) blockSize() int { return 2 * rowsPerStatement }

// moveSchedules writes the next runs of schedules.
func (sqliteDialect) moveSchedules(ctx context.Context, t *tx, moved []*scheduleRow) (int64, error) {
	args := make([]any, 0, 4*len(moved))
	for _, r := range moved {
		var sum num
		sum, t.scratch = schedulesTable.sum(r.columns(), t.scratch)
		args = append(args, r.TenantID.value(), r.ID.value(), r.NextRunAt.value(), int64(sum))
	}
	stmt, err := t.prepare(ctx, "UPDATE {schedules} AS s SET next_run_at = v.column3, "+rowSumColumn+" = v.column4 FROM (VALUES "+
		tuples(len(moved), 4)+") AS v WHERE s.tenant_id = v.column1 AND s.id = v.column2")
	if err != nil {
		return 0, err
	}
	return execStmt(ctx, stmt, args)
}
