package bunstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"
)

// sqlDialect is all that differs between databases beyond what the column types know.
type sqlDialect interface {
	name() string        // of the folder with the migrations
	bun() schema.Dialect // that writes literals

	// begin prepares a transaction for its scope and gives it the time that leases are
	// judged by; beginView does so for one that reads.
	begin(ctx context.Context, t *tx, of scope) error
	beginView(ctx context.Context, s *Store, tx bun.Tx, of scope) error
	viewOptions() *sql.TxOptions
	reader(s *Store, tx *bun.Tx) (q querier, done func(ctx context.Context)) // reads there, or without a transaction
	nowArg(s *Store) any                                                     // that time, as an argument of a query

	suitable(ctx context.Context, q querier) error // nil when the database can be used at all
	probe(ctx context.Context, s *Store) error     // for what the driver can do

	// tryChange changes a run in a quicker way, if there is one and nothing stands in it.
	tryChange(ctx context.Context, s *Store, tenant graph.TenantID, id runs.ID, change runs.ChangeFunc) (out runs.Run, done bool, err error)

	// again tells whether a transaction failed only because it met another one.
	again(err error) bool
	explain(ctx context.Context, err error) error // adds to an error what it means
	taken(err error, prefix string) bool          // the schedule or lane of a claim, by another claim
	lock(kind lockKind) string                    // ends a query whose rows shall be changed

	alone(ctx context.Context, t *tx, what string) error // lets one transaction at a time go on

	dest(c column) any                                                   // what database/sql scans a value into
	touch(ctx context.Context, t *tx, query string, args []column) error // changes one row, or is errStale
	flushPending(ctx context.Context, t *tx) error                       // writes what was put off
	newBatch(def *table, n int) batch
	moveSchedules(ctx context.Context, t *tx, moved []*scheduleRow) (int64, error)
	blockSize() int // schedules planned and written at once

	flush(ctx context.Context, t *tx) error // the trail and the tallies
	auditHead(ctx context.Context, s *Store, q querier, tenant graph.TenantID) (headRow, error)
	auditHeads(ctx context.Context, c *checker) (map[ident]headRow, error)
	ownRows() []row // of tables that no other database has in this form
	tallies(ctx context.Context, c *checker) (map[string]num, error)
	tallyBooks(name string, rows num, known bool) string // for the SQL of a migration
	dispatchSettings() string                            // of the transaction that dispatches
	migrationSettings() string                           // of the transaction that migrates

	pairs(n int) string
	contains(column string) string
	using(index string) string // names the index that answers a query
	runLookups(f runs.RunFilter) []lookup
	join() string // joins tables in the order in which they shall be looked at

	tableExists(ctx context.Context, q querier, name string) (bool, error)
	selfCheck(ctx context.Context, q querier, found func(code, table, detail string), prefix string) error
	definitions(ctx context.Context, q querier) (map[string]bool, error)
	defined(list []Migration) []string
}

// lockKind says how the rows of a query are locked.
type lockKind int

const (
	lockWait lockKind = iota // wait for whoever holds them
	lockSkip                 // leave out those that somebody holds
)

func dialectOf(db *bun.DB) (sqlDialect, error) {
	switch name := db.Dialect().Name(); name {
	case dialect.SQLite:
		return sqliteDialect{}, nil
	case dialect.PG:
		return postgresDialect{}, nil
	default:
		return nil, runs.Invalid("db", "dialect_unsupported", fmt.Sprintf("the dialect %s is not supported; use sqlite or postgres", name))
	}
}

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

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
