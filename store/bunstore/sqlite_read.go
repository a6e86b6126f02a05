package bunstore

import (
	"context"
	"database/sql"
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
	if stmt := r.s.keptReads.get(text); ok && stmt != nil {
		if seen := r.s.plans.seen; seen != nil {
			seen(text)
		}
		if r.tx != nil {
			stmt = r.tx.Tx.StmtContext(ctx, stmt)
		}
		return stmt.QueryContext(ctx, values...)
	}
	if ok {
		r.fresh = append(r.fresh, text)
	}
	if r.tx != nil {
		return r.tx.QueryContext(ctx, query, args...)
	}
	return r.s.read.QueryContext(ctx, query, args...)
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

// maxParameters is how many values of a list become parameters.
const maxParameters = 64

// parameters makes a query one of the driver's, where all arguments are values of columns or
// numbers. Lists are filled up by their last value, so that there are few texts.
func parameters(query string, args []any) (text string, out []any, ok bool) {
	var b strings.Builder
	for _, arg := range args {
		before, rest, _ := strings.Cut(query, "?")
		b.WriteString(before)
		query = rest
		switch v := arg.(type) {
		case value:
			out = append(out, v.value())
		case int:
			out = append(out, v)
		case int64:
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
	b.WriteString(query)
	return b.String(), out, true
}
