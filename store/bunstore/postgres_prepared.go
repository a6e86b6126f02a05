package bunstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun"
)

// What a store does again and again is kept planned by the server: parsing and planning cost
// several times what executing does. The connections are the host's, any of them may come
// next, and a pooler may stand in between, so that the drivers' own prepared statements will
// not do. Statements are prepared by SQL instead, under names that tell their text: they are
// executed as if they were there, and where one is missing, in the same message again after
// what makes it.
// https://www.postgresql.org/docs/current/sql-prepare.html

// script is a number of statements that go to the server in one message. The server runs
// them as one transaction, so that all or none of them take effect.
// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
type script struct {
	s     *Store
	of    scope
	steps []step
}

// step is a statement with question marks for its arguments, of which there are some.
type step struct {
	text string
	args []column
}

func (c *script) add(text string, args ...column) { c.steps = append(c.steps, step{text, args}) }

// exec runs the script.
func (c *script) exec(ctx context.Context) error {
	_, err := c.s.write.ExecContext(ctx, "?", c.message(false))
	if sqlState(err) == unknownStatement {
		_, err = c.s.write.ExecContext(ctx, "?", c.message(true))
	}
	return err
}

// query runs the script; its last step gives the rows.
func (c *script) query(ctx context.Context, db *bun.DB) (*sql.Rows, error) {
	if seen := c.s.plans.seen; seen != nil {
		seen(string(appendFormatted(nil, c.steps[0].text, c.steps[0].args)))
	}
	rows, err := db.QueryContext(ctx, "?", c.message(false))
	if sqlState(err) == unknownStatement {
		rows, err = db.QueryContext(ctx, "?", c.message(true))
	}
	return rows, err
}

const unknownStatement = "26000"

// aboutStatement tells whether an error may be about how a statement is prepared, not about
// what it does: that it is not there, is another one, or was planned for other tables.
func aboutStatement(err error) bool {
	switch state := sqlState(err); {
	case strings.HasPrefix(state, "26"), strings.HasPrefix(state, "0A"), strings.HasPrefix(state, "42"):
		return true
	}
	return false
}

// message is what the server gets. It is handed on as an argument, which bun leaves as it is.
func (c *script) message(prepare bool) bun.Safe {
	b := append(make([]byte, 0, 2048), c.s.rows.local(c.of)...)
	for _, step := range c.steps {
		name := c.s.plans.name(step)
		if name == "" {
			b = append(appendFormatted(b, step.text, step.args), ";\n"...)
			continue
		}
		if prepare {
			b = append(b, do(fmt.Sprintf("IF NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name = '%s') THEN EXECUTE %s; END IF;",
				name, quoteText(step.preparation(name))))...)
		}
		b = append(append(b, "EXECUTE "...), name...)
		before := byte('(')
		for _, arg := range step.args {
			b = appendValue(append(b, before), arg)
			before = ','
		}
		b = append(b, ");\n"...)
	}
	return bun.Safe(b)
}

// preparation makes the statement with numbers for its question marks.
func (p step) preparation(name string) string {
	types := make([]string, len(p.args))
	var text strings.Builder
	rest := p.text
	for i, arg := range p.args {
		types[i] = arg.postgresType()
		before, after, _ := strings.Cut(rest, "?")
		text.WriteString(before + "$" + strconv.Itoa(i+1))
		rest = after
	}
	return "PREPARE " + name + "(" + strings.Join(types, ", ") + ") AS " + text.String() + rest
}

// plans are the names of the statements of a store.
type plans struct {
	works atomic.Bool // the driver takes scripts; see probe
	locks bool        // for tests: nothing is tried without locks
	seen  func(query string)

	// The texts of a change, as they are sent.
	view, moveHead, firstHead, insertEntry, insertNotice, tally string

	mu     sync.RWMutex
	byText map[string]string
}

func newPlans(prefix string) *plans {
	insert := func(t *table) string {
		return `INSERT INTO {` + t.name + `} ("` + strings.Join(t.stored(), `", "`) + `") VALUES (?` + strings.Repeat(", ?", len(t.columns)) + `)`
	}
	p := &plans{
		view:        viewText(),
		moveHead:    one("UPDATE {audit_heads} SET seq = ?, hash = ? WHERE tenant_id = ? AND seq = ?"),
		firstHead:   "INSERT INTO {audit_heads} (tenant_id, seq, hash) VALUES (?, ?, ?)",
		insertEntry: insert(auditTable), insertNotice: insert(notificationsTable),
		tally: "INSERT INTO {tallies} AS t (name, shard, rows) VALUES (?, " + tallyShard + ", ?) ON CONFLICT (name, shard) DO UPDATE SET rows = t.rows + excluded.rows",

		byText: map[string]string{},
	}
	for _, text := range []*string{&p.view, &p.moveHead, &p.firstHead, &p.insertEntry, &p.insertNotice, &p.tally} {
		*text = withPrefix(*text, prefix)
	}
	return p
}

// maxPlans bounds the statements that are prepared: each takes memory in each session of the
// server. Further ones are sent as they are.
const maxPlans = 64

// name is what a step is prepared as, or "".
func (p *plans) name(st step) string {
	p.mu.RLock()
	name, known := p.byText[st.text]
	full := len(p.byText) >= maxPlans
	p.mu.RUnlock()
	if known || full {
		return name
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := sha256.Sum256([]byte(st.preparation("")))
	name = "tenantbackup_" + hex.EncodeToString(sum[:12])
	p.byText[st.text] = name
	return name
}

// probe finds out whether the driver sends a script as it is and gives the rows of its last
// statement. pgdriver does; pgx prepares queries by itself, one by one. Where it does not,
// everything goes as transactions with a message for each statement.
func (postgresDialect) probe(ctx context.Context, s *Store) error {
	n, err := count(ctx, s.read, "SET LOCAL "+TenantSetting+" = ''; SELECT 7")
	if err != nil && sqlState(err) == "" { // the connection failed, which says nothing
		return fmt.Errorf("store: looking at what the driver can do: %w", err)
	}
	s.plans.works.Store(err == nil && n == 7)
	return nil
}

// often is a querier for queries that are asked again and again with other arguments. Only
// values of columns and ints become parameters, so that the conditions of partial indexes
// stay in the text, where the planner sees them.
type often struct {
	s  *Store
	of scope
}

// QueryContext implements querier.
func (o often) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c := script{s: o.s, of: o.of}
	var text strings.Builder
	var values []column
	for _, arg := range args {
		before, rest, _ := strings.Cut(query, "?")
		text.WriteString(before)
		query = rest
		switch v := arg.(type) {
		case ident:
			values = append(values, &v)
		case uid:
			values = append(values, &v)
		case int:
			n := num(v)
			values = append(values, &n)
		default:
			text.WriteString(o.s.read.QueryGen().FormatQuery("?", arg))
			continue
		}
		text.WriteByte('?')
	}
	text.WriteString(query)
	c.add(text.String(), values...)
	return c.query(ctx, o.s.read)
}

// confined is a querier for one query of a scope.
type confined struct {
	s  *Store
	of scope
}

// QueryContext implements querier.
func (o confined) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return o.s.read.QueryContext(ctx, "?", bun.Safe(o.s.rows.local(o.of)+o.s.read.QueryGen().FormatQuery(query, args...)))
}
