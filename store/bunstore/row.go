package bunstore

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// table describes one table. Every table ends with the column row_sum, a checksum over all
// the others, so that a changed bit anywhere in a row is noticed when the row is read.
type table struct {
	name    string   // without the prefix
	columns []string // without row_sum, in the order of row.columns
	key     int      // the first key columns are the primary key
	data    string   // a column with bulk bytes that have a checksum of their own; "" for none
	added   int      // the last columns came with a later migration
	folded  int      // of these, the last ones are only folded into the sum, see sum
	chained int      // of these, the last ones are hashes that the sum leaves out, see chain
}

// stored lists all columns as they are stored: row_sum follows the others.
func (t *table) stored() []string {
	names := append(slices.Clone(t.columns), rowSumColumn)
	if t.data != "" {
		names = append(names, t.data)
	}
	return names
}

// row is one row of a table in memory.
type row interface {
	table() *table
	columns() []column // pointers to the fields, in the order of table.columns
}

// rowOf lets generic functions make rows of a concrete type.
type rowOf[R any] interface {
	*R
	row
}

const rowSumColumn = "row_sum"

var sumTable = crc64.MakeTable(crc64.ECMA)

// sum is the checksum of a row: CRC-64 finds every change of up to 64 neighbouring bits.
// It guards against accidents; it is no signature. A column that was added later counts
// only where it is not its default, so that rows from before keep their sum. What is folded
// is put into the sum by an exclusive or, which the SQL that takes the column back can undo; but
// for what an exclusive or does not show, such as a time in the place of none.
func (t *table) sum(cols []column, scratch []byte) (num, []byte) {
	b := append(scratch[:0], t.name...)
	first, folded := len(cols)-t.added, int64(0)
	cols = cols[:len(cols)-t.chained]
	for i, c := range cols {
		if i < first {
			b = c.appendSum(b)
		} else if _, isTime := c.(*ts); c.value() != nil && (c.value() != int64(0) || isTime) {
			if n, whole := foldedValue(c.value()); whole && n != 0 && i >= len(cols)-t.folded {
				folded ^= n
				continue
			}
			b = c.appendSum(append(b, byte(i)))
		}
	}
	return num(int64(crc64.Checksum(b, sumTable)) ^ folded), b
}

// foldedValue is a stored value as the number that is folded into a sum: an id is the exclusive
// or of its halves.
func foldedValue(v any) (n int64, ok bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case []byte:
		if len(v) == 16 {
			return int64(binary.BigEndian.Uint64(v) ^ binary.BigEndian.Uint64(v[8:])), true
		}
	}
	return 0, false
}

// selectList names all columns and the row sum under the alias t.
func (t *table) selectList() string {
	return `t."` + strings.Join(t.columns, `", t."`) + `", t."` + rowSumColumn + `"`
}

// label names a row in messages by its primary key.
func label(r row) string {
	t, cols := r.table(), r.columns()
	b := []byte(t.name)
	for i := range t.key {
		b = append(append(append(b, ' '), t.columns[i]...), '=')
		b = cols[i].appendText(b)
	}
	return string(b)
}

// querier is what reading needs: a pool or a transaction of bun, which writes arguments
// into the statement as literals of the dialect. That lets the planner see that a
// condition implies that of a partial index. Others make parameters of what no such condition
// speaks of: [often], [reading].
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each runs a query that selects r.table().selectList() and then one column for each of
// extra, and calls fn for each row that was read into r and extra. A row that is not as it
// was written is an error that is [backupset.ErrDamaged].
func (s *Store) each(ctx context.Context, q querier, r row, extra []column, fn func() error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	scan := s.newScanner(r, extra)
	for rows.Next() {
		if err := scan.row(rows); err != nil {
			return err
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// scanner reads rows into one row again and again.
type scanner struct {
	r       row
	cols    []column
	sum     num
	dest    []any
	scratch []byte
}

func (s *Store) newScanner(r row, extra []column) *scanner {
	scan := &scanner{r: r, cols: r.columns()}
	for _, c := range slices.Concat(scan.cols, []column{&scan.sum}, extra) {
		scan.dest = append(scan.dest, s.dialect.dest(c))
	}
	return scan
}

func (s *scanner) row(rows *sql.Rows) error {
	if err := s.r.table().scan(rows, s.dest...); err != nil {
		return err
	}
	return checkSum(s.r, s.cols, s.sum, &s.scratch)
}

// scan reads columns of a row of the table. What does not fit into them is damage.
func (t *table) scan(rows *sql.Rows, dest ...any) error {
	err := rows.Scan(dest...)
	if err == nil || isContext(err) {
		return err
	}
	return fmt.Errorf("%w: a row of %s: %w", backupset.ErrDamaged, t.name, err)
}

// checkSum compares a row as it was read with the sum that was read with it.
func checkSum(r row, cols []column, stored num, scratch *[]byte) error {
	var sum num
	if sum, *scratch = r.table().sum(cols, *scratch); sum != stored {
		return fmt.Errorf("%w: %s differs from its checksum; run a check of the store", backupset.ErrDamaged, label(r))
	}
	return nil
}

// find returns the rows of a table that tail selects; the table's alias is t.
func find[R any, P rowOf[R]](ctx context.Context, s *Store, q querier, tail string, args ...any) ([]R, error) {
	var (
		r   R
		out []R
		t   = P(&r).table()
	)
	query := s.sql("SELECT " + t.selectList() + " FROM {" + t.name + "} AS t " + tail)
	err := s.each(ctx, q, P(&r), nil, func() error {
		out = append(out, r)
		return nil
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: reading %s: %w", t.name, err)
	}
	return out, nil
}

// findOne returns the row that tail selects; found is false when there is none.
func findOne[R any, P rowOf[R]](ctx context.Context, s *Store, q querier, tail string, args ...any) (r R, found bool, err error) {
	rows, err := find[R, P](ctx, s, q, tail, args...)
	if err != nil || len(rows) == 0 {
		return r, false, err
	}
	return rows[0], true, nil
}

// damaged is the error about a stored row that is not what was written; what names it by
// its ids, and nothing of its content is told.
func damaged(what string, cause error) error {
	return fmt.Errorf("store: %w: %s: %w", backupset.ErrDamaged, what, cause)
}
