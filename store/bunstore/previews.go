package bunstore

import (
	"context"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// OpenPreview implements [restore.Store].
func (s *Store) OpenPreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease, p restore.Preview) (out restore.Preview, err error) {
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		run, err := t.held(ctx, tenant, lease)
		if err != nil {
			return err
		}
		r, found, err := s.findPreview(ctx, t, tenant, run.ID)
		if err == nil && !found {
			r, err = t.addPreview(ctx, &run, p)
		}
		if err != nil {
			return err
		}
		out, err = r.preview()
		return err
	})
	if err != nil {
		return restore.Preview{}, err
	}
	return out, nil
}

// addPreview makes the preview of a run. A set of the same tenant is locked, so that it is
// not purged past the preview; of another tenant's nothing can be said here.
func (t *tx) addPreview(ctx context.Context, run *runRow, p restore.Preview) (previewRow, error) {
	options, err := jsonText(p.Options, 1)
	if err != nil {
		return previewRow{}, err
	}
	if p.SourceTenant == "" {
		p.SourceTenant = graph.TenantID(run.TenantID)
	}
	var f fields
	r := previewRow{
		TenantID: run.TenantID, RunID: run.ID, Kind: text(p.Kind), SourceTenant: ident(p.SourceTenant), SetID: f.key("set_id", p.SetID),
		SetRevision: num(p.SetRevision), Options: options, CreatedAt: tsOf(p.CreatedAt),
	}
	if p.Kind == "" {
		f.bad.Add("kind", "required", "is required")
	}
	if err := f.bad.Err(); err != nil {
		return previewRow{}, err
	}
	if r.SourceTenant == r.TenantID {
		if _, err := t.s.set(ctx, t, graph.TenantID(r.TenantID), r.SetID); err != nil {
			return previewRow{}, err
		}
	}
	return r, insert(ctx, t, r)
}

// SavePreviewItems implements [restore.Store].
func (s *Store) SavePreviewItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, outcomes []restore.PreviewItem, items []runs.Item) error {
	return s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		old, err := t.held(ctx, tenant, lease)
		if err != nil {
			return err
		}
		p, err := s.preview(ctx, t, tenant, old.ID)
		if err != nil {
			return err
		}
		if p.ReadyAt.set {
			return runs.Conflict("preview_ready", "the preview is ready and never changes again")
		}
		if err := t.putOutcomes(ctx, &p, outcomes); err != nil {
			return err
		}
		changed := old
		if err := t.saveItems(ctx, &changed, items); err != nil {
			return err
		}
		changed.UpdatedAt = tsOf(t.now)
		return update(ctx, t, &old, &changed)
	})
}

// putOutcomes stores outcomes in place of those of the same items.
func (t *tx) putOutcomes(ctx context.Context, p *previewRow, outcomes []restore.PreviewItem) error {
	rows := make([]previewItemRow, 0, len(outcomes))
	at := make(map[uid]int, len(outcomes)) // named twice in one call: the last counts
	for i := range outcomes {
		r, err := previewItemRowOf(p, &outcomes[i])
		if err != nil {
			return err
		}
		if n, again := at[r.ItemID]; again {
			rows[n] = r
			continue
		}
		at[r.ItemID] = len(rows)
		rows = append(rows, r)
	}
	ids := make([]uid, len(rows))
	for i := range rows {
		ids[i] = rows[i].ItemID
	}
	err := inParts(ids, func(in any) error {
		stored, err := find[previewItemRow](ctx, t.s, t, "WHERE t.preview_id = ? AND t.item_id IN (?)", p.RunID, in)
		for i := range stored {
			if err := remove(ctx, t, &stored[i]); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	added, err := insertNew(ctx, t, rows)
	for _, ok := range added {
		if !ok {
			return runs.Conflict("preview_position_taken", "another item of the preview has the position")
		}
	}
	return err
}

// ReadyPreview implements [restore.Store].
func (s *Store) ReadyPreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease) (out restore.Preview, err error) {
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		run, err := t.held(ctx, tenant, lease)
		if err != nil {
			return err
		}
		old, err := s.preview(ctx, t, tenant, run.ID)
		if err != nil {
			return err
		}
		ready := old
		if !ready.ReadyAt.set {
			ready.ReadyAt = tsOf(t.now)
			if err := t.countActions(ctx, &ready); err != nil {
				return err
			}
		}
		if out, err = ready.preview(); err != nil {
			return err
		}
		return update(ctx, t, &old, &ready)
	})
	if err != nil {
		return restore.Preview{}, err
	}
	return out, nil
}

// countActions sets the totals of a preview.
func (t *tx) countActions(ctx context.Context, p *previewRow) error {
	rows, err := t.QueryContext(ctx, t.s.sql("SELECT t.action, count(*) FROM {preview_items} AS t WHERE t.preview_id = ? GROUP BY t.action"), p.RunID)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var action string
		var n int64
		if err := rows.Scan(&action, &n); err != nil {
			return err
		}
		if total := p.total(restore.Action(action)); total != nil {
			*total = num(n)
		}
	}
	return rows.Err()
}

// UsePreview implements [restore.Store].
func (s *Store) UsePreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease, preview runs.ID, trail runs.Trail) (out restore.Preview, err error) {
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		run, err := t.held(ctx, tenant, lease)
		if err != nil {
			return err
		}
		old, err := s.preview(ctx, t, tenant, uidOf(preview))
		if err != nil {
			return err
		}
		switch {
		case old.RestoreRunID != "" && old.RestoreRunID != run.ID:
			return runs.Conflict("preview_used", "another restore has begun to do what the preview says; make a new preview")
		case !old.ReadyAt.set:
			return runs.Conflict("preview_not_ready", "the preview has not looked at every item yet; wait until its run has ended")
		}
		used := old
		used.RestoreRunID = run.ID
		if out, err = used.preview(); err != nil {
			return err
		}
		if old.RestoreRunID == run.ID {
			return nil
		}
		if err := update(ctx, t, &old, &used); err != nil {
			return err
		}
		return t.trail(tenant, trail)
	})
	if err != nil {
		return restore.Preview{}, err
	}
	return out, nil
}

// GetPreview implements [restore.Store].
func (s *Store) GetPreview(ctx context.Context, tenant graph.TenantID, run runs.ID) (p restore.Preview, err error) {
	err = s.look(ctx, tenant, func(q querier) error {
		r, err := s.preview(ctx, q, tenant, uidOf(run))
		if err != nil {
			return err
		}
		p, err = r.preview()
		return err
	})
	if err != nil {
		return restore.Preview{}, err
	}
	return p, nil
}

func (s *Store) preview(ctx context.Context, q querier, tenant graph.TenantID, run uid) (previewRow, error) {
	r, found, err := s.findPreview(ctx, q, tenant, run)
	if err == nil && !found {
		err = notFound("preview")
	}
	return r, err
}

func (s *Store) findPreview(ctx context.Context, q querier, tenant graph.TenantID, run uid) (previewRow, bool, error) {
	return findOne[previewRow](ctx, s, q, "WHERE t.tenant_id = ? AND t.run_id = ?"+s.locking(q), ident(tenant), run)
}

type previewRow struct {
	TenantID                                                    ident
	RunID                                                       uid
	Kind                                                        text
	SourceTenant                                                ident
	SetID                                                       uid
	SetRevision                                                 num
	Options                                                     text
	CreatedAt, ReadyAt                                          ts
	Creates, Changes, Unchanged, Skips, Blocked, Added, Removed num // items, once it is ready
	RestoreRunID                                                uid
}

var previewsTable = &table{name: "previews", key: 2, columns: []string{
	"tenant_id", "run_id", "kind", "source_tenant", "set_id", "set_revision", "options", "created_at", "ready_at",
	"creates", "changes", "unchanged", "skips", "blocked", "added", "removed", "restore_run_id",
}}

func (*previewRow) table() *table { return previewsTable }

func (r *previewRow) columns() []column {
	return []column{
		&r.TenantID, &r.RunID, &r.Kind, &r.SourceTenant, &r.SetID, &r.SetRevision, &r.Options, &r.CreatedAt, &r.ReadyAt,
		&r.Creates, &r.Changes, &r.Unchanged, &r.Skips, &r.Blocked, &r.Added, &r.Removed, &r.RestoreRunID,
	}
}

// actions are those that a preview counts.
var actions = []restore.Action{
	restore.Create, restore.Change, restore.Unchanged, restore.Skip, restore.Blocked, restore.Added, restore.Removed,
}

// total is the count of items with an action, nil for an action that nobody knows.
func (r *previewRow) total(a restore.Action) *num {
	for i, total := range []*num{&r.Creates, &r.Changes, &r.Unchanged, &r.Skips, &r.Blocked, &r.Added, &r.Removed} {
		if actions[i] == a {
			return total
		}
	}
	return nil
}

func (r *previewRow) preview() (restore.Preview, error) {
	p := restore.Preview{
		RunID: r.RunID.id(), TenantID: graph.TenantID(r.TenantID), Kind: runs.Kind(r.Kind), SourceTenant: graph.TenantID(r.SourceTenant),
		SetID: r.SetID.id(), SetRevision: int(r.SetRevision), CreatedAt: r.CreatedAt.time(), ReadyAt: r.ReadyAt.time(), RestoreRunID: r.RestoreRunID.id(),
	}
	for _, a := range actions {
		if n := *r.total(a); n != 0 {
			if p.Totals == nil {
				p.Totals = map[restore.Action]int{}
			}
			p.Totals[a] = int(n)
		}
	}
	return p, fromJSON(r, r.Options, &p.Options)
}
