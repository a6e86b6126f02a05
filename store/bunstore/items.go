package bunstore

import (
	"context"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// maxInList bounds how many values one condition names, to keep statements short.
const maxInList = 500

// SaveItems implements [runs.ItemStore].
func (s *Store) SaveItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, items []runs.Item, total int) (out runs.Run, err error) {
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		old, err := t.held(ctx, tenant, lease)
		if err != nil {
			return err
		}
		changed := old
		if err := t.saveItems(ctx, &changed, items); err != nil {
			return err
		}
		if total >= 0 {
			changed.Total = num(total)
		}
		changed.UpdatedAt = tsOf(t.now)
		out = changed.run()
		return update(ctx, t, &old, &changed)
	})
	if err != nil {
		return runs.Run{}, err
	}
	return out, nil
}

// subject is what an item is about; a run has one item for each.
type subject struct {
	id ident
	t  optional
}

func (r *itemRow) subject() subject { return subject{r.PolicyID, r.PolicyType} }

// saveItems stores items of the run and moves its counts, which the caller writes.
func (t *tx) saveItems(ctx context.Context, run *runRow, items []runs.Item) error {
	rows := make([]itemRow, 0, len(items))
	at := map[subject]int{}
	for _, item := range items {
		r, err := itemRowOf(run, item)
		if err != nil {
			return err
		}
		i, again := at[r.subject()]
		switch {
		case !again:
			at[r.subject()] = len(rows)
			rows = append(rows, r)
		case rows[i].Status != text(runs.ItemSuccess):
			rows[i] = r
		}
	}
	stored, err := t.storedItems(ctx, run, rows)
	if err != nil {
		return err
	}
	added := rows[:0]
	for _, r := range rows {
		old, exists := stored[r.subject()]
		if exists && old.Status == text(runs.ItemSuccess) {
			continue
		}
		if exists {
			run.count(old.Status, -1)
			if err := remove(ctx, t, &old); err != nil {
				return err
			}
		}
		run.count(r.Status, 1)
		added = append(added, r)
	}
	return insert(ctx, t, added...)
}

// storedItems returns the items that the run has already for the subjects of rows.
func (t *tx) storedItems(ctx context.Context, run *runRow, rows []itemRow) (map[subject]itemRow, error) {
	stored := map[subject]itemRow{}
	if run.Processed == 0 {
		return stored, nil
	}
	for len(rows) > 0 {
		n := min(len(rows), maxInList)
		ids := make([]ident, n)
		for i := range ids {
			ids[i] = rows[i].PolicyID
		}
		found, err := find[itemRow](ctx, t.s, t, t.s.dialect.using("run_items_policy")+"WHERE t.run_id = ? AND t.policy_id IN (?)", run.ID, valuesOf(ids))
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			stored[r.subject()] = r
		}
		rows = rows[n:]
	}
	return stored, nil
}

// count moves the counts by n items of an outcome.
func (r *runRow) count(status text, n num) {
	r.Processed += n
	switch runs.ItemStatus(status) {
	case runs.ItemSuccess:
		r.Succeeded += n
	case runs.ItemFailed:
		r.Failed += n
	case runs.ItemSkipped:
		r.Skips += n
	}
}

// ListItems implements [runs.ItemStore].
func (s *Store) ListItems(ctx context.Context, tenant graph.TenantID, run runs.ID, filter runs.ItemFilter, slice runs.Slice) (list []runs.Item, err error) {
	c := where("t.run_id = ?", uidOf(run))
	andIn(c, "t.status", filter.Statuses)
	if filter.PolicyType != "" {
		c.and("t.policy_type = ?", text(filter.PolicyType))
	}
	if err := c.afterID("t.id", slice.After); err != nil {
		return nil, err
	}
	err = s.view(ctx, tenant, func(q querier) error {
		if _, err := s.run(ctx, q, tenant, uidOf(run)); err != nil {
			return err
		}
		rows, err := find[itemRow](ctx, s, q, c.tail("t.id", slice), c.args...)
		for i := range rows {
			list = append(list, rows[i].item())
		}
		return err
	})
	return list, err
}

// afterID goes on after a position in a list by the id in a column.
func (c *conditions) afterID(column string, after runs.Keyset) error {
	if after.IsZero() {
		return nil
	}
	if after.Key != "" {
		return errBadCursor()
	}
	c.and(column+" > ?", uidOf(after.ID))
	return nil
}

type itemRow struct {
	TenantID                      ident
	RunID, ID                     uid
	PolicyType                    optional
	PolicyID                      ident
	Name, Status, Reason, Message text
	Attempt                       num
	BackupItemID                  uid
	TargetID                      ident
}

var itemsTable = &table{name: "run_items", key: 3, columns: []string{
	"tenant_id", "run_id", "id", "policy_type", "policy_id", "name", "status", "reason", "message", "attempt", "backup_item_id", "target_id",
}}

func (*itemRow) table() *table { return itemsTable }

func (r *itemRow) columns() []column {
	return []column{
		&r.TenantID, &r.RunID, &r.ID, &r.PolicyType, &r.PolicyID, &r.Name, &r.Status, &r.Reason, &r.Message, &r.Attempt, &r.BackupItemID, &r.TargetID,
	}
}

func itemRowOf(run *runRow, i runs.Item) (itemRow, error) {
	var f fields
	return itemRow{
		TenantID: run.TenantID, RunID: run.ID, ID: f.key("items.id", i.ID), PolicyType: optional{string(i.PolicyType), true},
		PolicyID: ident(i.PolicyID), Name: text(i.Name), Status: text(i.Status), Reason: text(i.Reason), Message: text(i.Message),
		Attempt: num(i.Attempt), BackupItemID: f.id("items.backup_item_id", i.BackupItemID), TargetID: ident(i.TargetID),
	}, f.bad.Err()
}

func (r *itemRow) item() runs.Item {
	return runs.Item{
		ID: r.ID.id(), PolicyType: graph.PolicyType(r.PolicyType.text), PolicyID: string(r.PolicyID), Name: string(r.Name),
		Status: runs.ItemStatus(r.Status), Reason: runs.Reason(r.Reason), Message: string(r.Message), Attempt: int(r.Attempt),
		BackupItemID: r.BackupItemID.id(), TargetID: string(r.TargetID),
	}
}
