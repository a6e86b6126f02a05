package bunstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// reading is a querier for the pool or for a transaction that reads. A short query costs SQLite
// as much to prepare as to answer, so that those of values that can be parameters stay prepared.
// The conditions of partial indexes belong into the text itself, where the planner sees them.
type reading struct {
	s     *Store
	tx    *bun.Tx  // nil for the pool
	fresh []string // statements that were not kept before
}

func (sqliteDialect) reader(s *Store, tx *bun.Tx) (querier, func(context.Context)) {
	r := &reading{s: s, tx: tx}
	return r, func(ctx context.Context) { s.keptReads.keep(ctx, s, s.read.DB, r.fresh) }
}

// QueryContext implements querier.
func (r *reading) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	text, values, ok := parameters(query, args)
	if !ok {
		if r.tx != nil {
			return r.tx.QueryContext(ctx, query, args...)
		}
		return r.s.read.QueryContext(ctx, query, args...)
	}
	if seen := r.s.plans.seen; seen != nil {
		seen(text)
	}
	if stmt := r.s.keptReads.get(text); stmt != nil {
		if r.tx != nil {
			stmt = r.tx.Tx.StmtContext(ctx, stmt)
		}
		rows, err := stmt.QueryContext(ctx, values...)
		if !isClosed(err) { // another one has not just come in its place
			return rows, err
		}
	} else {
		r.fresh = append(r.fresh, text)
	}
	if r.tx != nil {
		return r.tx.Tx.QueryContext(ctx, text, values...)
	}
	return r.s.read.DB.QueryContext(ctx, text, values...)
}

// value is that of a column, as it is given to the driver.
type value interface{ value() any }

// values is a list for the IN of a condition.
type values []value

func valuesOf[T value](list []T) values {
	out := make(values, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// AppendQuery implements schema.QueryAppender.
func (l values) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	for i, v := range l {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = gen.Append(b, v)
	}
	return b, nil
}

// maxParameters is how many there are at most.
const maxParameters = 64

// parameters makes a query one of the driver's, where all arguments are values of columns or
// numbers. So that there are few texts, lists are filled up by their last value, and limits are
// parameters too.
func parameters(query string, args []any) (text string, out []any, ok bool) {
	var b strings.Builder
	literal := func(sql string) {
		for {
			before, after, found := strings.Cut(sql, " LIMIT ")
			b.WriteString(before)
			if !found {
				return
			}
			digits := len(after) - len(strings.TrimLeft(after, "0123456789"))
			b.WriteString(" LIMIT ")
			if n, err := strconv.Atoi(after[:digits]); err == nil {
				b.WriteByte('?')
				out, after = append(out, n), after[digits:]
			}
			sql = after
		}
	}
	for _, arg := range args {
		before, rest, _ := strings.Cut(query, "?")
		literal(before)
		query = rest
		switch v := arg.(type) {
		case value:
			out = append(out, v.value())
		case int, int64:
			out = append(out, v)
		case values:
			n := 1
			for n < len(v) {
				n *= 2
			}
			if len(v) == 0 || n > maxParameters {
				return "", nil, false
			}
			for i := range n {
				out = append(out, v[min(i, len(v)-1)].value())
			}
			b.WriteString(strings.Repeat("?,", n-1))
		default:
			return "", nil, false
		}
		b.WriteByte('?')
	}
	literal(query)
	return b.String(), out, len(out) <= maxParameters
}
