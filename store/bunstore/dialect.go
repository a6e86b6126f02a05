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

// tuples returns the parameters of n rows of a prepared statement.
func (sqlDialect) tuples(n, width int) string {
	tuple := "(?" + strings.Repeat(",?", width-1) + ")"
	return tuple + strings.Repeat(","+tuple, n-1)
}

// placeholder returns the i-th parameter, counted from 1.
func (sqlDialect) placeholder(int) string { return "?" }

// contains is the condition that a text column contains the argument.
func (sqlDialect) contains(column string) string { return "instr(" + column + ", ?) > 0" }

// using names the index that answers a query, for those queries where the planner takes the
// primary key instead, since that begins with the tenant or run too.
func (sqlDialect) using(index string) string { return "INDEXED BY {" + index + "} " }

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

// selfCheck lets the database check its own structures and calls found for each problem.
func (d sqlDialect) selfCheck(ctx context.Context, q querier, found func(code, table, detail string), prefix string) error {
	rows, err := q.QueryContext(ctx, "PRAGMA integrity_check")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var message string
		if err := rows.Scan(&message); err != nil {
			return err
		}
		if message != "ok" {
			found(problemDatabase, "", message)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return d.foreignKeys(ctx, q, found, prefix)
}

func (sqlDialect) foreignKeys(ctx context.Context, q querier, found func(code, table, detail string), prefix string) error {
	rows, err := q.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var table, parent string
		var rowid, key any
		if err := rows.Scan(&table, &rowid, &parent, &key); err != nil {
			return err
		}
		if name, ours := strings.CutPrefix(table, prefix); ours {
			found(problemReference, name, "a row names one of "+strings.TrimPrefix(parent, prefix)+" that is not there")
		}
	}
	return rows.Err()
}

// definitions returns the statements that made the tables and indexes, as the database
// keeps them: word by word. One that stands under another kind, name or table is left out.
func (sqlDialect) definitions(ctx context.Context, q querier) (map[string]bool, error) {
	rows, err := q.QueryContext(ctx, "SELECT upper(type), name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	stored := map[string]bool{}
	for rows.Next() {
		var kind, name, table, stmt string
		if err := rows.Scan(&kind, &name, &table, &stmt); err != nil {
			return nil, err
		}
		if strings.Contains(stmt, kind+` "`+name+`"`) && strings.Contains(stmt, `"`+table+`"`) {
			stored[stmt] = true
		}
	}
	return stored, rows.Err()
}

// defined returns the definitions of all tables and indexes as the database keeps them once
// the migrations are done: SQLite writes an added column behind the last one.
func (sqlDialect) defined(list []Migration) []string {
	var defs []string
	for _, m := range list {
		for _, stmt := range statements(m.Up) {
			if strings.HasPrefix(stmt, "CREATE ") {
				defs = append(defs, stmt)
				continue
			}
			alter, column, ok := strings.Cut(stmt, " ADD COLUMN ")
			if !ok {
				continue
			}
			table := "CREATE " + strings.TrimPrefix(alter, "ALTER ") + " ("
			for i, def := range defs {
				if columns, rest, _ := strings.Cut(def, ",\n  PRIMARY KEY"); strings.HasPrefix(def, table) {
					defs[i] = columns + ", " + column + ",\n  PRIMARY KEY" + rest
				}
			}
		}
	}
	return defs
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
