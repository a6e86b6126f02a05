package bunstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
)

// sqlDialect is all that differs between databases beyond what bun's own dialects and the
// column types know.
type sqlDialect struct {
	name string // of the folder with the migrations
}

func dialectOf(db *bun.DB) (sqlDialect, error) {
	if name := db.Dialect().Name(); name != dialect.SQLite {
		return sqlDialect{}, runs.Invalid("db", "dialect_unsupported", fmt.Sprintf("the dialect %s is not supported; use sqlite", name))
	}
	return sqlDialect{name: "sqlite"}, nil
}

// placeholders returns n parameters of a prepared statement, separated by commas.
func (sqlDialect) placeholders(n int) string {
	return strings.TrimSuffix(strings.Repeat("?,", n), ",")
}

// placeholder returns the i-th parameter, counted from 1.
func (sqlDialect) placeholder(int) string { return "?" }

// contains is the condition that a text column contains the argument.
func (sqlDialect) contains(column string) string { return "instr(" + column + ", ?) > 0" }

// sql writes the names of tables and indexes, {like_this}, with the store's prefix.
func (s *Store) sql(query string) string { return withPrefix(query, s.prefix) }

func withPrefix(query, prefix string) string {
	var b strings.Builder
	b.Grow(len(query) + 64)
	for {
		before, rest, found := strings.Cut(query, "{")
		name, after, closed := strings.Cut(rest, "}")
		b.WriteString(before)
		if !found || !closed {
			return b.String()
		}
		b.WriteByte('"')
		b.WriteString(prefix)
		b.WriteString(name)
		b.WriteByte('"')
		query = after
	}
}

// tableExists tells whether the database has a table of that very name.
func (sqlDialect) tableExists(ctx context.Context, q querier, name string) (bool, error) {
	n, err := count(ctx, q, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", name)
	return n > 0, err
}

// count runs a query that gives one number.
func count(ctx context.Context, q querier, query string, args ...any) (int, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var n int
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}
