package bunstore

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// CreateBatch implements [runs.RunStore].
func (s *Store) CreateBatch(ctx context.Context, tenant graph.TenantID, batch []runs.NewRun, notice func(created int) runs.Notification) ([]runs.StoredRun, error) {
	if len(batch) == 0 {
		return nil, runs.Invalid("batch", "batch_size", "needs at least one run")
	}
	wanted := make([]runRow, len(batch))
	for i, b := range batch {
		b.Run.TenantID = tenant
		var err error
		if wanted[i], err = runRowOf(b.Run); err != nil {
			return nil, err
		}
	}
	// Two batches with the same schedules wait for each other's rows in one order, not in a ring.
	order := make([]int, len(batch))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(wanted[a].Key, wanted[b].Key) })
	stored := make([]runs.StoredRun, len(batch))
	err := s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		created := 0
		for _, i := range order {
			r := wanted[i]
			added, err := t.addRun(ctx, &r, nil)
			if err != nil {
				return err
			}
			stored[i] = runs.StoredRun{Run: r.run(), Created: added}
			if !added {
				continue
			}
			created++
			if err := t.trail(tenant, batch[i].Trail); err != nil {
				return err
			}
		}
		if created == 0 {
			return nil
		}
		return t.trail(tenant, runs.Trail{Notifications: []runs.Notification{notice(created)}})
	})
	if err != nil {
		return nil, err
	}
	return stored, nil
}

// batch counts the other runs of the run's batch by status. The notification about the batch is
// locked before, so that of two runs that end at once the second sees the first.
func (t *tx) batch(ctx context.Context, r *runRow) (map[runs.Status]int, error) {
	if r.BatchID == "" {
		return nil, nil
	}
	if _, _, err := t.notice(ctx, r.TenantID, r.BatchID); err != nil {
		return nil, err
	}
	rows, err := t.QueryContext(ctx, t.s.sql(batchQuery(t.s.dialect)), r.TenantID, r.BatchID, r.ID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	others, counts, dest := map[runs.Status]int{}, map[runs.Status]*int{}, []any{}
	for _, status := range runs.Statuses() {
		counts[status] = new(int)
		dest = append(dest, counts[status])
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
	}
	for status, n := range counts {
		if *n > 0 {
			others[status] = *n
		}
	}
	return others, rows.Err()
}

// batchQuery counts by status in the columns of one row: to group would be to sort.
func batchQuery(d sqlDialect) string {
	var counts []string
	for _, status := range runs.Statuses() {
		counts = append(counts, "count(CASE WHEN t.status = "+quoteText(string(status))+" THEN 1 END)")
	}
	return "SELECT " + strings.Join(counts, ", ") + " FROM {runs} AS t " + d.using("runs_batch") +
		"WHERE t.tenant_id = ? AND t.batch_id = ? AND " + isOfBatch + " AND t.id <> ?"
}
