package bunstore

import (
	"context"
)

// purgePreviews removes at most n rows of the tenant's previews of its set: first the
// outcomes of a preview and the steps of the restore that used it, then the preview itself.
// One that is half gone says so by not being ready.
func (t *tx) purgePreviews(ctx context.Context, set *setRow, n int) (removed int, err error) {
	for removed < n {
		p, found, err := findOne[previewRow](ctx, t.s, t, "WHERE t.tenant_id = ? AND t.set_id = ? AND t.source_tenant = ? ORDER BY t.run_id LIMIT 1"+t.s.locking(t),
			set.TenantID, set.ID, set.TenantID)
		if err != nil || !found {
			return removed, err
		}
		if p.ReadyAt.set {
			half := p
			half.ReadyAt = ts{}
			for _, a := range actions {
				*half.total(a) = 0
			}
			if err := update(ctx, t, &p, &half); err != nil {
				return removed, err
			}
			p = half
		}
		items, err := purgeRows[previewItemRow](ctx, t, n-removed, "WHERE t.preview_id = ? ORDER BY t.item_id", p.RunID)
		if removed += items; err != nil {
			return removed, err
		}
		steps, err := purgeRows[stepRow](ctx, t, n-removed, "WHERE t.run_id = ? ORDER BY t.item_id", p.RestoreRunID)
		if removed += steps; err != nil {
			return removed, err
		}
		if removed < n {
			if err := remove(ctx, t, &p); err != nil {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}

// purgeRows removes at most n of the rows that tail selects.
func purgeRows[R any, P rowOf[R]](ctx context.Context, t *tx, n int, tail string, args ...any) (int, error) {
	rows, err := find[R, P](ctx, t.s, t, tail+limit(n), args...)
	for i := range rows {
		if err := remove(ctx, t, P(&rows[i])); err != nil {
			return i, err
		}
	}
	return len(rows), err
}
