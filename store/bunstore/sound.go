package bunstore

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// findSound is find for what is asked across tenants, where a damaged row of one tenant must
// not keep those of all others: damaged rows come back by what could be read of their keys.
func findSound[R any, P rowOf[R]](ctx context.Context, s *Store, q querier, tail string, args ...any) (sound []R, bad []runs.DamagedRow, err error) {
	var r, blank R
	def := P(&r).table()
	rows, err := q.QueryContext(ctx, s.sql("SELECT "+def.selectList()+" FROM {"+def.name+"} AS t "+tail), args...)
	if err != nil {
		return nil, nil, fmt.Errorf("store: reading %s: %w", def.name, err)
	}
	defer rows.Close()
	scan := s.newScanner(P(&r), nil)
	for rows.Next() {
		r = blank // else what cannot be read would have the key of the row before
		if err := scan.row(rows); err != nil {
			bad = append(bad, damagedRow(P(&r), err))
			continue
		}
		sound = append(sound, r)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("store: reading %s: %w", def.name, err)
	}
	return sound, bad, nil
}

// findSoundN is findSound for the first n sound rows: damaged ones stay where they are for
// good, so they must not use up the places of a page. tail has an order and no limit; lock
// follows the limit.
func findSoundN[R any, P rowOf[R]](ctx context.Context, s *Store, q querier, n int, tail, lock string, args ...any) (sound []R, bad []runs.DamagedRow, err error) {
	n = max(n, 0)
	for places := n; ; places = n + 2*len(bad) {
		sound, bad, err = findSound[R, P](ctx, s, q, tail+limit(places)+lock, args...)
		if err != nil {
			return nil, nil, err
		}
		if len(sound) >= n || len(sound)+len(bad) < places {
			return sound[:min(n, len(sound))], bad, nil
		}
	}
}

// damagedRow names a row of a table whose key is a tenant and an id.
func damagedRow(r row, err error) runs.DamagedRow {
	d := runs.DamagedRow{Err: err}
	for _, c := range r.columns()[:r.table().key] {
		switch v := c.(type) {
		case *ident:
			d.TenantID = graph.TenantID(*v)
		case *uid:
			d.ID = v.id()
		}
	}
	return d
}

// keys reads only the keys of a table's rows, in the order of their ids: what is done with a
// row reads it whole, and so a damaged one fails by itself.
func (s *Store) keys(ctx context.Context, q querier, def *table, c *conditions, n int, add func(graph.TenantID, runs.ID)) error {
	rows, err := q.QueryContext(ctx, s.sql("SELECT t.tenant_id, t.id FROM {"+def.name+"} AS t "+c.clause+" ORDER BY t.id"+limit(n)), c.args...)
	if err != nil {
		return fmt.Errorf("store: reading %s: %w", def.name, err)
	}
	defer rows.Close()
	for rows.Next() {
		var tenant ident
		var id uid
		if err := rows.Scan(s.dialect.dest(&tenant), s.dialect.dest(&id)); err != nil {
			return fmt.Errorf("store: reading %s: %w", def.name, err)
		}
		add(graph.TenantID(tenant), id.id())
	}
	return rows.Err()
}
