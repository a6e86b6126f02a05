package bunstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// tallyShard spreads the counts of rows by connection, so that writers do not wait for each
// other's commit: of a pool's connections hardly two have the same one.
const tallyShard = "pg_backend_pid() & 255"

// flush writes the trail and the tallies in two round trips: one numbers the entries, the
// other writes everything. It comes last in every transaction and locks in one order (the
// heads of the audit log by tenant, then tallies by name), so that nobody waits in a ring.
func (d postgresDialect) flush(ctx context.Context, t *tx) error {
	if len(t.entries) > 0 {
		heads, err := d.numberAudit(ctx, t)
		if err != nil {
			return fmt.Errorf("store: numbering the audit log: %w", err)
		}
		rows, err := t.chain(heads)
		if err != nil {
			return err
		}
		put(t, rows)
		putHeads(t, heads)
	}
	put(t, t.notices)
	d.putTallies(t)
	if len(t.pending) == 0 {
		// pgdriver says nil to a commit that the server answers with a rollback, because of a
		// statement that failed before. Another statement is refused then.
		t.pending = append(t.pending, "SELECT"...)
	}
	return d.flushPending(ctx, t)
}

// put adds rows to what is put off.
func put[R any, P rowOf[R]](t *tx, rows []R) {
	if len(rows) == 0 {
		return
	}
	b := newArrayBatch(P(&rows[0]).table())
	for i := range rows {
		b.add(P(&rows[i]))
	}
	b.put(t)
	t.tally[b.def.name] += int64(len(rows))
}

// numberAudit takes numbers for the entries of each tenant and returns the heads before. They
// stay locked until the end of the transaction, so that numbers have no gaps.
func (d postgresDialect) numberAudit(ctx context.Context, t *tx) (map[graph.TenantID]*headRow, error) {
	count := map[graph.TenantID]num{}
	for _, e := range t.entries {
		count[e.TenantID]++
	}
	var values []string
	var args []column
	for _, tenant := range slices.Sorted(maps.Keys(count)) {
		name, n := ident(tenant), count[tenant]
		values, args = append(values, "(?, ?)"), append(args, &name, &n)
	}
	rows, err := t.Tx.Tx.QueryContext(ctx, string(appendFormatted(nil, t.s.sql("INSERT INTO {audit_heads} AS h (tenant_id, seq) VALUES "+strings.Join(values, ", ")+
		" ON CONFLICT (tenant_id) DO UPDATE SET seq = h.seq + excluded.seq RETURNING tenant_id, seq, hash"), args)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	heads := map[graph.TenantID]*headRow{}
	for rows.Next() {
		var h headRow
		if err := rows.Scan(postgresDest{&h.TenantID}, postgresDest{&h.Seq}, postgresDest{&h.Hash}); err != nil {
			return nil, err
		}
		h.Seq -= count[graph.TenantID(h.TenantID)]
		heads[graph.TenantID(h.TenantID)] = &h
	}
	return heads, rows.Err()
}

// putTallies adds what the transaction added and removed to one shard of the tallies.
func (postgresDialect) putTallies(t *tx) {
	var values []string
	for _, name := range slices.Sorted(maps.Keys(t.tally)) {
		if n := t.tally[name]; n != 0 {
			values = append(values, fmt.Sprintf("('%s', %s, %d)", name, tallyShard, n))
		}
	}
	if len(values) > 0 {
		t.pending = append(t.pending, t.s.sql("INSERT INTO {tallies} AS t (name, shard, rows) VALUES "+strings.Join(values, ", ")+
			" ON CONFLICT (name, shard) DO UPDATE SET rows = t.rows + excluded.rows;\n")...)
	}
}

// tallies adds the shards up.
func (postgresDialect) tallies(ctx context.Context, c *checker) (map[string]num, error) {
	rows, err := c.q.QueryContext(ctx, c.s.sql("SELECT name, CAST(sum(rows) AS bigint) FROM {tallies} GROUP BY name"))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	tallies := map[string]num{}
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		tallies[name] = num(n)
	}
	return tallies, rows.Err()
}

func (postgresDialect) tallyBooks(name string, rows num, known bool) string {
	if known {
		return fmt.Sprintf("UPDATE {tallies} SET rows = CASE shard WHEN 0 THEN %d ELSE 0 END WHERE name = '%s';\n", rows, name)
	}
	return fmt.Sprintf("INSERT INTO {tallies} (name, shard, rows) VALUES ('%s', 0, %d);\n", name, rows)
}
