package bunstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"
)

// postgresDialect knows Postgres. Transactions run at read committed; whoever changes rows
// locks the one they hang on first (a run, a schedule, a set), and an update names the
// checksum that it read, so that a change in between is noticed and the transaction
// repeated. Statements carry their values as literals: one round trip each, whatever the
// driver. What is done for every run is kept planned besides, see script, and a change of
// a run is tried without locks first, see tryChange.
type postgresDialect struct{}

func (postgresDialect) name() string { return "postgres" }

func (postgresDialect) bun() schema.Dialect { return pgdialect.New() }

// begin asks for the database's time: it judges leases, whatever clocks the processes have,
// unless [Options] say otherwise.
func (d postgresDialect) begin(ctx context.Context, t *tx, of scope) error {
	query := "SELECT clock_timestamp()"
	if set := t.s.rows.settings(of); set != "" {
		query += ", " + set
	}
	if t.settings != "" {
		query += ", " + t.settings
	}
	rows, err := t.Tx.Tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	var now ts
	dest := []any{postgresDest{&now}}
	for range names[1:] {
		dest = append(dest, new(any))
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
	}
	if t.now = now.time(); t.s.ownClock {
		t.now = t.s.clockTime()
	}
	return rows.Err()
}

func (postgresDialect) beginView(ctx context.Context, s *Store, tx bun.Tx, of scope) error {
	set := s.rows.settings(of)
	if set == "" {
		return nil
	}
	_, err := tx.Tx.ExecContext(ctx, "SELECT "+set)
	return err
}

// viewOptions let all queries of a view see the same moment.
func (postgresDialect) viewOptions() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

func (postgresDialect) reader(s *Store, tx *bun.Tx) (querier, func(context.Context)) {
	nothing := func(context.Context) {}
	if tx == nil {
		return s.read, nothing
	}
	return tx, nothing
}

func (postgresDialect) nowArg(s *Store) any {
	if s.ownClock {
		return tsOf(s.clockTime())
	}
	return bun.Safe("clock_timestamp()")
}

// ErrServerSettings: the connections have settings under which texts would be taken for
// something else; set them for the database or the user.
var ErrServerSettings = errors.New("the database must have the encoding UTF8, and standard_conforming_strings must be on")

// suitable asks for what literals rest on.
func (postgresDialect) suitable(ctx context.Context, q querier) error {
	n, err := count(ctx, q, `SELECT count(*) FROM pg_settings
		WHERE name = 'standard_conforming_strings' AND setting = 'on' OR name IN ('server_encoding', 'client_encoding') AND setting = 'UTF8'`)
	if err == nil && n != 3 {
		err = ErrServerSettings
	}
	if err != nil {
		return fmt.Errorf("store: looking at the settings of the database: %w", err)
	}
	return nil
}

// again: a serialization failure, a deadlock, a unique or foreign key that another
// transaction took since it was looked at. A lock that was not to be had in time is not
// tried again: the caller has waited as long as it was told to.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func (postgresDialect) again(err error) bool {
	switch sqlState(err) {
	case "40001", "40P01", "23505", "23503":
		return true
	}
	return errors.Is(err, errStale)
}

// explain says what the server's timeouts mean and when there is no server, and lets the end of a context be seen: a
// connection that was given up because of it, or in time with it, tells another story.
func (postgresDialect) explain(ctx context.Context, err error) error {
	switch sqlState(err) {
	case "55P03":
		return fmt.Errorf("store: another transaction held what this one needs for longer than lock_timeout; try again: %w: %w", runs.ErrUnavailable, err)
	case "57014":
		return fmt.Errorf("store: a statement took longer than statement_timeout, or was cancelled: %w", err)
	}
	return endOf(ctx, away(err))
}

// away says of an error that the server could not be reached, or sent the connection away.
func away(err error) error {
	var network net.Error
	state := sqlState(err)
	switch {
	case isContext(err), errors.Is(err, runs.ErrUnavailable):
		return err
	case strings.HasPrefix(state, "08"), strings.HasPrefix(state, "57P"), state == "53300": // connection exceptions, shutdowns, too many connections
	case state == "" && (errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
	default:
		return err
	}
	return fmt.Errorf("store: %w: %w", runs.ErrUnavailable, err)
}

// endOf lets the end of a context be seen.
func endOf(ctx context.Context, err error) error {
	if isContext(err) || !errors.Is(err, sql.ErrTxDone) && !errors.Is(err, driver.ErrBadConn) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	cause := ctx.Err()
	if _, has := ctx.Deadline(); cause == nil && has && errors.Is(err, os.ErrDeadlineExceeded) {
		cause = context.DeadlineExceeded // the connection's timer was the first
	}
	if cause == nil {
		return err
	}
	return fmt.Errorf("store: %w: %w", cause, err)
}

func (postgresDialect) taken(err error, prefix string) bool {
	text := err.Error() // of two drivers that have the name of the index in different ways
	return sqlState(err) == "23505" && (strings.Contains(text, `"`+prefix+`runs_lane"`) || strings.Contains(text, `"`+prefix+`runs_running"`))
}

// sqlState returns the code of a Postgres error of pgdriver or pgx, or "".
func sqlState(err error) string {
	var pgx interface{ SQLState() string }
	if errors.As(err, &pgx) {
		return pgx.SQLState()
	}
	var pgdriver interface{ Field(k byte) string }
	if errors.As(err, &pgdriver) {
		return pgdriver.Field('C')
	}
	return ""
}

// lock leaves the keys free, which rows that refer to this one share.
func (postgresDialect) lock(kind lockKind) string {
	if kind == lockSkip {
		return " FOR NO KEY UPDATE OF t SKIP LOCKED"
	}
	return " FOR NO KEY UPDATE OF t"
}

// alone takes a lock that ends with the transaction. Two things of one hash wait for each other
// for nothing, which does no harm.
func (postgresDialect) alone(ctx context.Context, t *tx, what string) error {
	if _, err := t.Tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", what); err != nil {
		return fmt.Errorf("store: waiting for others: %w", err)
	}
	return nil
}

// dispatchSettings keep the planner from joining a chunk with the whole table.
func (postgresDialect) dispatchSettings() string {
	return "set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"
}

// migrationSettings lets one process migrate after the other, and takes its time.
func (postgresDialect) migrationSettings() string {
	return "pg_advisory_xact_lock(7308324465802666338), set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)"
}

func (postgresDialect) dest(c column) any { return postgresDest{c} }

// maxPending bounds what is put off, in bytes.
const maxPending = 1 << 20

// touch puts the statement off: a transaction writes with one round trip, at its end or when
// it reads again. That it changed its row is checked by the server, by a division.
func (d postgresDialect) touch(ctx context.Context, t *tx, query string, args []column) error {
	if t.message != nil {
		t.message.add(one(t.s.sql(query)), args...)
		return nil
	}
	t.pending = append(appendFormatted(t.pending, one(t.s.sql(query)), args), ";\n"...)
	return d.bound(ctx, t)
}

// one fails with divisionByZero unless the query changes a row.
func one(query string) string {
	return "WITH one AS (" + query + " RETURNING 1) SELECT 1 / count(*) FROM one"
}

// bound writes what was put off when it is much.
func (d postgresDialect) bound(ctx context.Context, t *tx) error {
	if len(t.pending) < maxPending {
		return nil
	}
	return d.flushPending(ctx, t)
}

func (postgresDialect) flushPending(ctx context.Context, t *tx) error {
	if len(t.pending) == 0 {
		return nil
	}
	_, err := t.Tx.Tx.ExecContext(ctx, string(t.pending))
	t.pending = t.pending[:0]
	switch {
	case sqlState(err) == divisionByZero:
		return errStale
	case err != nil:
		return fmt.Errorf("store: writing: %w", err)
	}
	return nil
}

const divisionByZero = "22012"

// appendFormatted writes a query with the arguments for its question marks.
func appendFormatted(b []byte, query string, args []column) []byte {
	for _, arg := range args {
		before, rest, _ := strings.Cut(query, "?")
		b = appendPostgres(append(b, before...), arg)
		query = rest
	}
	return append(b, query...)
}

// pairs is a list of n pairs of arguments.
func (postgresDialect) pairs(n int) string {
	return "VALUES " + strings.TrimSuffix(strings.Repeat("(?, ?), ", n), ", ")
}

// contains is the condition that a text column contains the argument.
func (postgresDialect) contains(column string) string { return "strpos(" + column + ", ?) > 0" }

// join leaves the order to the planner.
func (postgresDialect) join() string { return "JOIN" }

// using leaves the choice of the index to the planner.
func (postgresDialect) using(string) string { return "" }
