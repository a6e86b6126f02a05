package bunstore

import (
	"context"
	"fmt"
)

// batch is a number of rows of one table as they will be stored. Adding needs no
// transaction.
type batch interface {
	add(r row)
	rows() int
	table() *table
	// insert tells which rows were added: with newOnly not those that would break a unique
	// rule, else all.
	insert(ctx context.Context, t *tx, newOnly bool) ([]bool, error)
}

// bulky is a row of a table with a data column.
type bulky interface{ bulk() []byte }

// encode makes a batch of at least one row.
func encode[R any, P rowOf[R]](d sqlDialect, rows []R) batch {
	b := d.newBatch(P(&rows[0]).table(), len(rows))
	for i := range rows {
		b.add(P(&rows[i]))
	}
	return b
}

// insert adds rows of one table.
func insert[R any, P rowOf[R]](ctx context.Context, t *tx, rows ...R) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := t.insert(ctx, encode[R, P](t.s.dialect, rows), false)
	return err
}

// insertNew adds the rows that break no unique rule and tells for each whether it did.
func insertNew[R any, P rowOf[R]](ctx context.Context, t *tx, rows []R) ([]bool, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	return t.insert(ctx, encode[R, P](t.s.dialect, rows), true)
}

// insert adds the rows of a batch and counts them.
func (t *tx) insert(ctx context.Context, b batch, newOnly bool) (added []bool, err error) {
	added, err = b.insert(ctx, t, newOnly)
	if err != nil {
		return nil, fmt.Errorf("store: adding to %s: %w", b.table().name, err)
	}
	t.countAdded(b.table(), added)
	return added, nil
}

// countAdded moves the tally of a table, but not that of the tallies themselves, which
// would count without end.
func (t *tx) countAdded(def *table, added []bool) {
	if def == talliesTable {
		return
	}
	for _, ok := range added {
		if ok {
			t.tally[def.name]++
		}
	}
}
