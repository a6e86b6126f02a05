package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
)

// sqliteDialect knows SQLite: one writer at a time, so that whoever changes something has
// read the latest rows, and no tenant's wall but the queries' own conditions.
type sqliteDialect struct{}

func (sqliteDialect) name() string { return "sqlite" }

func (sqliteDialect) bun() schema.Dialect { return sqlitedialect.New() }

// begin takes the time from the store's clock: there is no other.
func (sqliteDialect) begin(_ context.Context, t *tx, _ scope) error {
	t.now = t.s.clockTime()
	return nil
}

// tryChange leaves it to the transaction, which has no messages to save.
func (sqliteDialect) tryChange(context.Context, *Store, graph.TenantID, runs.ID, runs.ChangeFunc) (runs.Run, bool, error) {
	return runs.Run{}, false, nil
}

func (sqliteDialect) probe(context.Context, *Store) error { return nil }

func (sqliteDialect) suitable(context.Context, querier) error { return nil }

func (sqliteDialect) beginView(context.Context, *Store, bun.Tx, scope) error { return nil }

func (sqliteDialect) viewOptions() *sql.TxOptions { return nil }

func (sqliteDialect) nowArg(s *Store) any { return tsOf(s.clockTime()) }

// again tells that a transaction never meets another one, so none is worth repeating.
func (sqliteDialect) again(error) bool { return false }

// explain says when the file cannot be worked with now: another process holds it for longer than
// busy_timeout, the disk is full, broken or may not be written to, or the store was closed.
func (sqliteDialect) explain(ctx context.Context, err error) error {
	if err == nil || isContext(err) || errors.Is(err, runs.ErrUnavailable) {
		return err
	}
	var coded interface{ Code() int } // as the driver's errors have it
	switch {
	case ctx.Err() != nil && (errors.Is(err, sql.ErrTxDone) || errors.As(err, &coded) && coded.Code() == sqliteInterrupted):
		return fmt.Errorf("%w: %w", ctx.Err(), err) // which took the transaction away from what was asked in it
	case errors.As(err, &coded) && slices.Contains(sqliteAway, coded.Code()&0xff): // the rest of an extended code says more
	case strings.HasSuffix(err.Error(), "sql: database is closed"): // database/sql has no name for it
	default:
		return err
	}
	return fmt.Errorf("store: %w: %w", runs.ErrUnavailable, err)
}

// sqliteInterrupted is SQLITE_INTERRUPT.
const sqliteInterrupted = 9

// sqliteAway are SQLITE_BUSY, LOCKED, READONLY, IOERR, FULL and CANTOPEN.
// https://www.sqlite.org/rescode.html
var sqliteAway = []int{5, 6, 8, 10, 13, 14}

// taken is never met: a claim has looked at all others.
func (sqliteDialect) taken(error, string) bool { return false }

func (sqliteDialect) lock(lockKind) string { return "" }

// alone: there is one that writes.
func (sqliteDialect) alone(context.Context, *tx, string) error { return nil }

func (sqliteDialect) dispatchSettings() string { return "" }

func (sqliteDialect) migrationSettings() string { return "" }

func (sqliteDialect) dest(c column) any { return c }

// touch runs a prepared statement with parameters of the driver, kept for the transaction.
func (sqliteDialect) touch(ctx context.Context, t *tx, query string, args []column) error {
	stmt, err := t.prepare(ctx, query)
	if err != nil {
		return err
	}
	values := make([]any, len(args))
	for i, c := range args {
		values[i] = c.value()
	}
	n, err := execStmt(ctx, stmt, values)
	if err == nil && n != 1 {
		err = errStale
	}
	return err
}

func (sqliteDialect) flushPending(context.Context, *tx) error { return nil }

func (sqliteDialect) newBatch(def *table, n int) batch { return newRowBatch(def, n) }

// tuples returns the parameters of n rows of a prepared statement.
func tuples(n, width int) string {
	tuple := "(?" + strings.Repeat(",?", width-1) + ")"
	return tuple + strings.Repeat(","+tuple, n-1)
}

// pairs is a list of n pairs of arguments.
func (sqliteDialect) pairs(n int) string { return "VALUES " + tuples(n, 2) }

// contains is the condition that a text column contains the argument.
func (sqliteDialect) contains(column string) string { return "instr(" + column + ", ?) > 0" }

// using names the index that answers a query, for those queries where the planner takes the
// primary key instead, since that begins with the tenant or run too.
func (sqliteDialect) using(index string) string { return "INDEXED BY {" + index + "} " }

// join keeps the planner from looking at the joined table first.
func (sqliteDialect) join() string { return "CROSS JOIN" }

// tableExists tells whether the database has a table of that very name.
func (sqliteDialect) tableExists(ctx context.Context, q querier, name string) (bool, error) {
	n, err := count(ctx, q, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", name)
	return n > 0, err
}

// selfCheck lets the database check its own structures and calls found for each problem.
func (d sqliteDialect) selfCheck(ctx context.Context, q querier, found func(code, table, detail string), prefix string) error {
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

func (sqliteDialect) foreignKeys(ctx context.Context, q querier, found func(code, table, detail string), prefix string) error {
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
// keeps them: word by word. One that stands under another kind, name or table is left out, also
// where they are kept as bytes: SQLite takes them, but whoever looks for tables finds none.
func (sqliteDialect) definitions(ctx context.Context, q querier) (map[string]bool, error) {
	rows, err := q.QueryContext(ctx, "SELECT upper(type), name, tbl_name, sql FROM sqlite_master WHERE typeof(sql) = 'text' AND "+
		"typeof(type) = 'text' AND typeof(name) = 'text' AND typeof(tbl_name) = 'text'")
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
func (sqliteDialect) defined(list []Migration) []string {
	var defs []string
	for _, m := range list {
		for _, stmt := range statements(m.Up) {
			if strings.HasPrefix(stmt, "CREATE ") {
				defs = append(defs, stmt)
				continue
			}
			if index, ok := strings.CutPrefix(stmt, "DROP INDEX "); ok {
				defs = slices.DeleteFunc(defs, func(def string) bool { return strings.HasPrefix(def, "CREATE INDEX "+index+" ") })
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
