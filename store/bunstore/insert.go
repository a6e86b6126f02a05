package bunstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// rowsPerStatement is how many rows one statement writes: opening tables and indexes costs
// more than a row does, and very long statements cost more again.
const rowsPerStatement = 50

// insert adds rows of one table.
func insert[R any, P rowOf[R]](ctx context.Context, t *tx, rows ...R) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := t.insert(ctx, encode[R, P](rows), false)
	return err
}

// insertNew adds the rows that break no unique rule and tells for each whether it did.
func insertNew[R any, P rowOf[R]](ctx context.Context, t *tx, rows []R) ([]bool, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	return t.insert(ctx, encode[R, P](rows), true)
}

// batch is a number of rows of one table as they will be stored.
type batch struct {
	table  *table
	n      int
	values []any  // of all stored columns of all rows
	used   []bool // columns that are not the default in some row; the others are left out
}

// encode makes a batch of at least one row. It needs no transaction.
func encode[R any, P rowOf[R]](rows []R) *batch {
	def := P(&rows[0]).table()
	width := len(def.stored())
	b := &batch{table: def, n: len(rows), used: make([]bool, width), values: make([]any, 0, width*len(rows))}
	for i := range def.key {
		b.used[i] = true
	}
	var scratch []byte
	for i := range rows {
		scratch = b.add(P(&rows[i]), scratch)
	}
	return b
}

func (b *batch) add(r row, scratch []byte) []byte {
	cols := r.columns()
	at := len(b.values)
	for _, c := range cols {
		b.values = append(b.values, c.value())
	}
	sum, scratch := b.table.sum(cols, scratch)
	b.values = append(b.values, int64(sum))
	if r, ok := r.(bulky); ok {
		b.values = append(b.values, r.bulk())
	}
	for i, v := range b.values[at:] {
		b.used[i] = b.used[i] || v != nil && v != int64(0)
	}
	return scratch
}

// bulky is a row of a table with a data column.
type bulky interface{ bulk() []byte }

// names lists the columns that are used.
func (b *batch) names() []string {
	var names []string
	for i, name := range b.table.stored() {
		if b.used[i] {
			names = append(names, name)
		}
	}
	return names
}

// args are the used values of the rows from one index up to another.
func (b *batch) args(from, to int) []any {
	width := len(b.used)
	args := make([]any, 0, width*(to-from))
	for i, v := range b.values[from*width : to*width] {
		if b.used[i%width] {
			args = append(args, v)
		}
	}
	return args
}

// insert adds the rows of a batch and tells which were added: with newOnly not those that
// would break a unique rule, else all.
func (t *tx) insert(ctx context.Context, b *batch, newOnly bool) (added []bool, err error) {
	names := b.names()
	for at := 0; at < b.n; at += rowsPerStatement {
		done, err := t.insertSome(ctx, b, names, at, min(at+rowsPerStatement, b.n), newOnly)
		if err != nil {
			return nil, fmt.Errorf("store: adding to %s: %w", b.table.name, err)
		}
		added = append(added, done...)
	}
	if b.table != talliesTable { // which would count itself without end
		for _, ok := range added {
			if ok {
				t.tally[b.table.name]++
			}
		}
	}
	return added, nil
}

func (t *tx) insertSome(ctx context.Context, b *batch, names []string, from, to int, newOnly bool) ([]bool, error) {
	query := "INSERT INTO {" + b.table.name + `} ("` + strings.Join(names, `", "`) + `") VALUES ` + t.s.dialect.tuples(to-from, len(names))
	if newOnly {
		query += " ON CONFLICT DO NOTHING"
	}
	stmt, err := t.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	n, err := exec(ctx, stmt, b.args(from, to))
	if err != nil {
		return nil, err
	}
	if n == int64(to-from) || to-from == 1 {
		return slices.Repeat([]bool{n > 0}, to-from), nil
	}
	return t.present(ctx, b, from, to)
}

// present tells which rows are in the table now, by id and checksum: after some of many met
// a conflict it tells them apart.
func (t *tx) present(ctx context.Context, b *batch, from, to int) ([]bool, error) {
	width, id, sum := len(b.used), b.table.key-1, len(b.table.columns)
	stmt, err := t.prepare(ctx, "SELECT count(*) FROM {"+b.table.name+`} WHERE "`+b.table.columns[id]+`" = `+
		t.s.dialect.placeholder(1)+" AND "+rowSumColumn+" = "+t.s.dialect.placeholder(2))
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
