package bunstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
)

// arrayBatch is a number of rows as Postgres takes them fastest: one array for each column
// whose values differ, one literal for each column whose values are all the same. A list of
// VALUES costs several times more to parse and plan.
type arrayBatch struct {
	def     *table
	n       int
	columns []arrayColumn // of all stored columns
	ids     []uid         // of the last key column, for telling rows apart after a conflict
	sums    []num
	scratch []byte
}

// arrayColumn is the values of one column.
type arrayColumn struct {
	typ     string
	literal []byte // of the first value
	array   []byte // of all values, without the closing brace
	differ  bool
	settled bool // some value is not the default
}

func (postgresDialect) newBatch(def *table, _ int) batch { return newArrayBatch(def) }

func newArrayBatch(def *table) *arrayBatch {
	return &arrayBatch{def: def, columns: make([]arrayColumn, len(def.stored()))}
}

func (b *arrayBatch) rows() int { return b.n }

func (b *arrayBatch) table() *table { return b.def }

func (b *arrayBatch) add(r row) {
	cols := r.columns()
	var sum num
	sum, b.scratch = b.def.sum(cols, b.scratch)
	for i, c := range cols {
		b.addValue(i, c)
	}
	b.addValue(len(cols), &sum)
	if r, ok := r.(bulky); ok {
		data := blob(r.bulk())
		b.addValue(len(cols)+1, &data)
	}
	if id, ok := cols[b.def.key-1].(*uid); ok {
		b.ids = append(b.ids, *id)
	}
	b.sums = append(b.sums, sum)
	b.n++
}

func (b *arrayBatch) addValue(i int, c column) {
	col := &b.columns[i]
	if !col.differ {
		b.scratch = appendPostgres(b.scratch[:0], c)
		col.differ = b.n > 0 && !bytes.Equal(col.literal, b.scratch)
	}
	if b.n == 0 {
		col.typ, col.literal = c.postgresType(), slices.Clone(b.scratch)
		col.array = append(col.array, '{')
	} else {
		col.array = append(col.array, ',')
	}
	if v := c.value(); v != nil && v != int64(0) || i < b.def.key {
		col.settled = true
	}
	col.array = appendElement(col.array, c)
}

// appendElement writes a value as an element of an array within a string literal.
func appendElement(b []byte, c column) []byte {
	start := len(b)
	quoted := c.postgresType() == "text" || c.postgresType() == "bytea"
	if quoted {
		b = append(b, '"')
	}
	at := len(b)
	b, null := c.postgresText(b)
	if null {
		return append(b[:start], "NULL"...)
	}
	if !quoted {
		return b
	}
	if bytes.ContainsAny(b[at:], `"\'`) {
		raw := slices.Clone(b[at:])
		b = b[:at]
		for _, ch := range raw {
			switch ch {
			case '"', '\\':
				b = append(b, '\\')
			case '\'':
				b = append(b, '\'')
			}
			b = append(b, ch)
		}
	}
	return append(b, '"')
}

// source is what the rows are selected from, and the expression for each column.
func (b *arrayBatch) source(alias string) (exprs []string, from string) {
	var arrays, names []string
	exprs = make([]string, len(b.columns))
	for i := range b.columns {
		col := &b.columns[i]
		if !col.differ {
			exprs[i] = string(col.literal)
			continue
		}
		name := fmt.Sprintf("c%d", i)
		exprs[i] = alias + "." + name
		names = append(names, name)
		arrays = append(arrays, "'"+string(col.array)+"}'::"+col.typ+"[]")
	}
	if len(arrays) > 0 {
		from = " FROM unnest(" + strings.Join(arrays, ", ") + ") AS " + alias + "(" + strings.Join(names, ", ") + ")"
	}
	return exprs, from
}

// insertion is the statement that adds the rows; columns that have their default everywhere
// are left out.
func (b *arrayBatch) insertion(s *Store, newOnly bool) string {
	exprs, from := b.source("u")
	var names, values []string
	for i, name := range b.def.stored() {
		if b.columns[i].settled {
			names, values = append(names, name), append(values, exprs[i])
		}
	}
	// The names of tables are in braces, and so are arrays: names are written first.
	into := s.sql("INSERT INTO {" + b.def.name + `} ("` + strings.Join(names, `", "`) + `")`)
	return into + " SELECT " + strings.Join(values, ", ") + from + onConflict[newOnly]
}

// put adds the rows to what is put off.
func (b *arrayBatch) put(t *tx) {
	t.pending = append(append(t.pending, b.insertion(t.s, false)...), ";\n"...)
}

func (b *arrayBatch) insert(ctx context.Context, t *tx, newOnly bool) ([]bool, error) {
	if !newOnly {
		b.put(t)
		return slices.Repeat([]bool{true}, b.n), postgresDialect{}.bound(ctx, t)
	}
	if err := (postgresDialect{}).flushPending(ctx, t); err != nil {
		return nil, err
	}
	res, err := t.Tx.Tx.ExecContext(ctx, b.insertion(t.s, true))
	if err != nil {
		return nil, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return nil, err
	}
	if n == int64(b.n) || b.n == 1 {
		return slices.Repeat([]bool{n > 0}, b.n), nil
	}
	return b.present(ctx, t)
}

// onConflict ends an insertion, by whether rows may be left out.
var onConflict = map[bool]string{true: " ON CONFLICT DO NOTHING"}

// present tells which rows are in the table now, by id and checksum.
func (b *arrayBatch) present(ctx context.Context, t *tx) ([]bool, error) {
	id := b.def.columns[b.def.key-1]
	args := []byte("'{")
	for i, v := range b.ids {
		if i > 0 {
			args = append(args, ',')
		}
		args, _ = v.postgresText(args)
	}
	rows, err := t.Tx.Tx.QueryContext(ctx, t.s.sql(`SELECT t."`+id+`", t.`+rowSumColumn+` FROM {`+b.def.name+`} AS t WHERE t."`+id+`" = ANY(`)+string(args)+"}'::uuid[])")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	stored := map[uid]num{}
	for rows.Next() {
		var id uid
		var sum num
		if err := rows.Scan(postgresDest{&id}, postgresDest{&sum}); err != nil {
			return nil, err
		}
		stored[id] = sum
	}
	added := make([]bool, b.n)
	for i, id := range b.ids {
		sum, ok := stored[id]
		added[i] = ok && sum == b.sums[i]
		if added[i] {
			delete(stored, id) // the same row twice in one batch is stored once
		}
	}
	return added, rows.Err()
}

func (postgresDialect) blockSize() int { return 250 }

// moveSchedules writes the next runs of schedules that this transaction has locked.
func (postgresDialect) moveSchedules(ctx context.Context, t *tx, moved []*scheduleRow) (int64, error) {
	move := newArrayBatch(movesTable)
	for _, r := range moved {
		var sum num
		sum, t.scratch = schedulesTable.sum(r.columns(), t.scratch)
		move.add(&moveRow{r.TenantID, r.ID, r.NextRunAt, sum})
	}
	exprs, from := move.source("u")
	query := t.s.sql("UPDATE {schedules} AS s SET next_run_at = ") + exprs[2] + ", " + rowSumColumn + " = " + exprs[3] + from +
		" WHERE s.tenant_id = " + exprs[0] + " AND s.id = " + exprs[1]
	res, err := t.Tx.Tx.ExecContext(ctx, query)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// moveRow is a schedule's new place in the line.
type moveRow struct {
	TenantID  ident
	ID        uid
	NextRunAt ts
	Sum       num
}

var movesTable = &table{name: "moves", key: 2, columns: []string{"tenant_id", "id", "next_run_at", "sum"}}

func (*moveRow) table() *table       { return movesTable }
func (r *moveRow) columns() []column { return []column{&r.TenantID, &r.ID, &r.NextRunAt, &r.Sum} }
