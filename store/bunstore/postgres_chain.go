package bunstore

import (
	"context"
	"maps"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

func (postgresDialect) ownRows() []row { return nil }

// putHeads adds the new hashes of heads that this transaction has locked to what is put off.
func putHeads(t *tx, heads map[graph.TenantID]*headRow) {
	for _, tenant := range slices.Sorted(maps.Keys(heads)) {
		h := heads[tenant]
		t.pending = appendFormatted(t.pending, t.s.sql("UPDATE {audit_heads} SET hash = ? WHERE tenant_id = ?;\n"), []column{&h.Hash, &h.TenantID})
	}
}

func (d postgresDialect) auditHead(ctx context.Context, s *Store, q querier, tenant graph.TenantID) (headRow, error) {
	heads, err := d.readHeads(ctx, s, q, "WHERE tenant_id = ?", ident(tenant))
	return heads[ident(tenant)], err
}

func (d postgresDialect) auditHeads(ctx context.Context, c *checker) (map[ident]headRow, error) {
	return d.readHeads(ctx, c.s, c.q, "")
}

func (postgresDialect) readHeads(ctx context.Context, s *Store, q querier, tail string, args ...any) (map[ident]headRow, error) {
	rows, err := q.QueryContext(ctx, s.sql("SELECT tenant_id, seq, hash FROM {audit_heads} "+tail), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	heads := map[ident]headRow{}
	for rows.Next() {
		var h headRow
		if err := rows.Scan(postgresDest{&h.TenantID}, postgresDest{&h.Seq}, postgresDest{&h.Hash}); err != nil {
			return nil, err
		}
		heads[h.TenantID] = h
	}
	return heads, rows.Err()
}
