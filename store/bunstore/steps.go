package bunstore

import (
	"context"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// SaveSteps implements [restore.Store].
func (s *Store) SaveSteps(ctx context.Context, tenant graph.TenantID, lease runs.Lease, steps []restore.Step, items []runs.Item) error {
	return s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		old, err := t.held(ctx, tenant, lease)
		if err != nil {
			return err
		}
		if err := t.putSteps(ctx, &old, steps); err != nil {
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

// putSteps stores steps of a run in place of those of the same items.
func (t *tx) putSteps(ctx context.Context, run *runRow, steps []restore.Step) error {
	shall := make(map[uid]stepRow, len(steps)) // named twice in one call: the last counts
	var ids []uid
	for _, step := range steps {
		r, err := stepRowOf(run, step)
		if err != nil {
			return err
		}
		if _, again := shall[r.ItemID]; !again {
			ids = append(ids, r.ItemID)
		}
		shall[r.ItemID] = r
	}
	err := inParts(ids, func(in any) error {
		stored, err := find[stepRow](ctx, t.s, t, "WHERE t.run_id = ? AND t.item_id IN (?)", run.ID, in)
		for i := range stored {
			r := shall[stored[i].ItemID]
			delete(shall, stored[i].ItemID)
			if err := update(ctx, t, &stored[i], &r); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	var added []stepRow
	for _, id := range ids {
		if r, isNew := shall[id]; isNew {
			added = append(added, r)
		}
	}
	return insert(ctx, t, added...)
}

// ListSteps implements [restore.Store].
func (s *Store) ListSteps(ctx context.Context, tenant graph.TenantID, run runs.ID, slice runs.Slice) (list []restore.Step, err error) {
	c := where("t.run_id = ?", uidOf(run))
	if err := c.afterID("t.item_id", slice.After); err != nil {
		return nil, err
	}
	err = s.view(ctx, tenant, func(q querier) error {
		if _, err := s.run(ctx, q, tenant, uidOf(run)); err != nil {
			return err
		}
		rows, err := find[stepRow](ctx, s, q, c.tail("t.item_id", slice), c.args...)
		for i := range rows {
			list = append(list, rows[i].step())
		}
		return err
	})
	return list, err
}

type stepRow struct {
	TenantID                       ident
	RunID, ItemID                  uid
	Type                           text
	SourceID, TargetID             ident
	BegunAt, WrittenAt, AssignedAt ts
}

var stepsTable = &table{name: "restore_steps", key: 3, columns: []string{
	"tenant_id", "run_id", "item_id", "type", "source_id", "target_id", "begun_at", "written_at", "assigned_at",
}}

func (*stepRow) table() *table { return stepsTable }

func (r *stepRow) columns() []column {
	return []column{&r.TenantID, &r.RunID, &r.ItemID, &r.Type, &r.SourceID, &r.TargetID, &r.BegunAt, &r.WrittenAt, &r.AssignedAt}
}

func stepRowOf(run *runRow, s restore.Step) (stepRow, error) {
	var f fields
	r := stepRow{
		TenantID: run.TenantID, RunID: run.ID, ItemID: f.key("steps.item_id", s.ItemID), Type: text(s.Type), SourceID: ident(s.SourceID),
		TargetID: ident(s.TargetID), BegunAt: tsOf(s.BegunAt), WrittenAt: tsOf(s.WrittenAt), AssignedAt: tsOf(s.AssignedAt),
	}
	if s.Type == "" {
		f.bad.Add("steps.type", "required", "is required")
	}
	return r, f.bad.Err()
}

func (r *stepRow) step() restore.Step {
	return restore.Step{
		RunID: r.RunID.id(), ItemID: r.ItemID.id(), Type: graph.PolicyType(r.Type), SourceID: string(r.SourceID), TargetID: string(r.TargetID),
		BegunAt: r.BegunAt.time(), WrittenAt: r.WrittenAt.time(), AssignedAt: r.AssignedAt.time(),
	}
}
