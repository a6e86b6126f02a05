package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/store"
)

// The codes of what a check finds. The list only grows; docs/errors.md explains them.
const (
	problemDatabase  = "database_damaged"  // the database's own check found it
	problemSchema    = "schema_changed"    // a table or index is not as the migrations made it
	problemRow       = "row_damaged"       // a row differs from its checksum or cannot be read
	problemMissing   = "row_missing"       // a table has fewer rows than were stored
	problemExtra     = "row_unknown"       // a table has more rows than were stored
	problemReference = "reference_missing" // a row names one that is not there
	problemCount     = "count_wrong"       // a stored count is not that of the rows
	problemUnused    = "row_unused"        // a row that nothing needs any more was left
	problemPayload   = "payload_damaged"   // bytes that do not hash to their address
	problemChain     = "chain_broken"      // an audit entry does not follow from the one before it
	problemHead      = "chain_head_wrong"  // the head of a chain is not the tenant's last entry
	problemHash      = "hash_wrong"        // a version whose content has another hash
)

// Check implements [store.Checker]. It reads in one transaction, so that writers may go on
// and are not taken for damage. A database without a schema of this program is the error
// [ErrNotMigrated] or [ErrSchemaNewer].
func (s *Store) Check(ctx context.Context, opts store.CheckOptions) (store.CheckReport, error) {
	tx, err := s.read.BeginTx(ctx, s.dialect.viewOptions())
	if err != nil {
		return store.CheckReport{}, fmt.Errorf("store: beginning to check: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it wrote nothing
	if err := s.dialect.beginView(ctx, s, tx, everybody); err != nil {
		return store.CheckReport{}, fmt.Errorf("store: beginning to check: %w", err)
	}
	c := &checker{s: s, q: tx}
	steps := []func(context.Context) error{c.migrations, c.database, c.schema, c.rows, c.facts, c.chain}
	if opts.ReadData {
		steps = append(steps, c.payloads, c.chunks)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return c.report, err
		}
	}
	return c.report, nil
}

// checker is one check under way.
type checker struct {
	s      *Store
	q      querier
	report store.CheckReport
}

func (c *checker) found(p store.Problem) { c.report.Problems = append(c.report.Problems, p) }

// unreadable turns the failure of a query into a problem: in a check, what cannot be read is
// what was looked for. Only the end of the context ends the check.
func (c *checker) unreadable(code, table string, err error) error {
	if err == nil || isContext(err) {
		return err
	}
	c.found(store.Problem{Code: code, Table: table, Detail: err.Error()})
	return nil
}

// migrations checks that the database is one that this program can judge.
func (c *checker) migrations(ctx context.Context) error {
	exists, err := c.s.dialect.tableExists(ctx, c.q, c.s.prefix+migrationsTable.name)
	if err != nil {
		return c.unreadable(problemSchema, migrationsTable.name, err)
	}
	if !exists {
		return fmt.Errorf("store: %w", ErrNotMigrated)
	}
	known, err := Migrations(c.s.dialect.name(), c.s.prefix)
	if err != nil {
		return err
	}
	applied, err := c.s.applied(ctx, c.q)
	if err == nil {
		err = compatible(known, applied)
	}
	switch {
	case errors.Is(err, ErrSchemaNewer):
		return err
	case err == nil && len(applied) < len(known):
		err = ErrNotMigrated
	}
	return c.unreadable(problemSchema, migrationsTable.name, err)
}

// database asks the database to check itself: pages, indexes, constraints, foreign keys.
func (c *checker) database(ctx context.Context) error {
	return c.unreadable(problemDatabase, "", c.s.dialect.selfCheck(ctx, c.q, func(code, table, detail string) {
		c.found(store.Problem{Code: code, Table: table, Detail: detail})
	}, c.s.prefix))
}

// schema compares tables and indexes with what the migrations made.
func (c *checker) schema(ctx context.Context) error {
	known, err := Migrations(c.s.dialect.name(), c.s.prefix)
	if err != nil {
		return err
	}
	stored, err := c.s.dialect.definitions(ctx, c.q)
	if err != nil {
		return c.unreadable(problemSchema, "", err)
	}
	for _, stmt := range c.s.dialect.defined(known) {
		if !stored[stmt] {
			c.found(store.Problem{Code: problemSchema, Detail: "a table or index is missing or changed: " + firstLine(stmt)})
		}
	}
	return nil
}

// rows reads every row of every table, compares it with its checksum, and the number of
// rows with the tally.
func (c *checker) rows(ctx context.Context) error {
	counts := map[string]int{}
	for _, r := range blankRows(c.s.dialect) {
		name := r.table().name
		if name == talliesTable.name {
			continue
		}
		n, err := c.table(ctx, r, func() {})
		if err := c.unreadable(problemRow, name, err); err != nil {
			return err
		}
		counts[name] = n
		c.report.Rows += n
	}
	tallies, err := c.s.dialect.tallies(ctx, c)
	if err := c.unreadable(problemRow, talliesTable.name, err); err != nil {
		return err
	}
	c.report.Rows += len(tallies)
	for _, t := range tables(c.s.dialect) {
		if t == talliesTable {
			continue
		}
		tally, ok := tallies[t.name]
		delete(tallies, t.name)
		switch n := num(counts[t.name]); {
		case !ok:
			c.found(store.Problem{Code: problemMissing, Table: talliesTable.name, ID: t.name, Detail: "the tally of the table is missing"})
		case n < tally:
			c.found(store.Problem{Code: problemMissing, Table: t.name, Detail: fmt.Sprintf("%d rows of %d are missing", tally-n, tally)})
		case n > tally:
			c.found(store.Problem{Code: problemExtra, Table: t.name, Detail: fmt.Sprintf("%d rows more than were stored", n-tally)})
		}
	}
	for name := range tallies {
		c.found(store.Problem{Code: problemExtra, Table: talliesTable.name, ID: name, Detail: "a tally of no table"})
	}
	return nil
}

// table reads all rows of a table into r and calls fn for each that is sound.
func (c *checker) table(ctx context.Context, r row, fn func()) (n int, err error) {
	rows, err := c.q.QueryContext(ctx, c.s.sql("SELECT "+r.table().selectList()+" FROM {"+r.table().name+"} AS t"))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	scan := c.s.newScanner(r, nil)
	for rows.Next() {
		n++
		if err := scan.row(rows); err != nil {
			c.found(c.problemOf(r, problemRow, err))
			continue
		}
		fn()
	}
	return n, rows.Err()
}

// problemOf names a row by what could be read of its key.
func (c *checker) problemOf(r row, code string, err error) store.Problem {
	def, cols := r.table(), r.columns()
	p := store.Problem{Code: code, Table: def.name, ID: string(cols[def.key-1].appendText(nil)), Detail: err.Error()}
	if def.columns[0] == "tenant_id" {
		p.Tenant = string(cols[0].appendText(nil))
	}
	return p
}

// facts runs the queries that find rows which contradict each other.
func (c *checker) facts(ctx context.Context) error {
	for _, f := range facts() {
		if err := c.unreadable(f.code, f.table, c.fact(ctx, f)); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) fact(ctx context.Context, f fact) error {
	rows, err := c.q.QueryContext(ctx, c.s.sql(f.query))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var tenant ident
		var id anyID
		if err := rows.Scan(c.s.dialect.dest(&tenant), &id); err != nil {
			return err
		}
		c.found(store.Problem{Code: f.code, Table: f.table, Tenant: string(tenant), ID: string(id), Detail: f.detail})
	}
	return rows.Err()
}

// anyID reads the id of whatever table, for a message.
type anyID string

func (a *anyID) Scan(src any) error {
	var id uid
	if id.Scan(src) == nil {
		*a = anyID(id.id())
		return nil
	}
	switch v := src.(type) {
	case int64:
		*a = anyID(fmt.Sprint(v))
	case string:
		*a = anyID(v)
	case []byte:
		*a = anyID(fmt.Sprintf("%x", v))
		if _, isUUID := parseUUID(string(v)); isUUID {
			*a = anyID(v)
		}
	}
	return nil
}

var (
	_ store.Checker = (*Store)(nil)
	_ sql.Scanner   = (*anyID)(nil)
)
