package bunstore

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// SealSet implements [backupset.CaptureStore].
func (s *Store) SealSet(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, status backupset.Status, trail runs.Trail) (out backupset.BackupSet, err error) {
	if status != backupset.Complete && status != backupset.Partial {
		return backupset.BackupSet{}, runs.Invalid("status", "status_invalid", "must be complete or partial")
	}
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		run, old, err := t.filling(ctx, tenant, lease, set)
		if err != nil {
			return err
		}
		list, err := s.whole(ctx, t, []setRow{old})
		if err != nil {
			return err
		}
		out = list[0]
		if out.Status != backupset.Building {
			return nil
		}
		if err := t.compareCounts(ctx, &run, &old, out.Types, status); err != nil {
			return err
		}
		sealed := old
		sealed.Status, sealed.Revision, sealed.CompletedAt = text(status), 1, tsOf(t.now)
		if err := update(ctx, t, &old, &sealed); err != nil {
			return err
		}
		types := out.Types
		out = sealed.set()
		out.Types = types
		return t.trail(tenant, trail)
	})
	if err != nil {
		return backupset.BackupSet{}, err
	}
	return out, nil
}

// compareCounts counts what is stored for each type and compares it with the accounts of
// the capture, so that a set is only called complete when all that was listed is there.
func (t *tx) compareCounts(ctx context.Context, run *runRow, set *setRow, manifests []backupset.Manifest, status backupset.Status) error {
	items, err := t.itemsByType(ctx, set.ID)
	if err != nil {
		return err
	}
	outcomes, err := t.countByType(ctx, `SELECT t.policy_type, count(*) FROM {run_items} AS t
		WHERE t.run_id = ? AND t.status = 'success' GROUP BY t.policy_type`, run.ID)
	if err != nil {
		return err
	}
	total := 0
	for _, m := range manifests {
		total += items[m.Type]
		if items[m.Type] != m.Captured || outcomes[m.Type] != m.Captured {
			return differs(m.Type, items[m.Type], m.Captured, outcomes[m.Type])
		}
		if status == backupset.Complete && !m.Whole() {
			return runs.Conflict("set_not_complete", fmt.Sprintf("type %s is not whole, so the set can only be partial", m.Type))
		}
		delete(items, m.Type)
		delete(outcomes, m.Type)
	}
	for typ, n := range items {
		return differs(typ, n, 0, outcomes[typ])
	}
	for typ, n := range outcomes {
		return differs(typ, 0, 0, n)
	}
	if total != int(set.ItemsCount) {
		return runs.Conflict("set_counts_differ", fmt.Sprintf("the set has %d items and counts %d", total, set.ItemsCount))
	}
	return nil
}

// itemsByType counts the items of a set.
func (t *tx) itemsByType(ctx context.Context, set uid) (map[graph.PolicyType]int, error) {
	return t.countByType(ctx, `SELECT p.type, count(*) FROM {backup_items} AS t
		`+t.s.dialect.join()+` {policies} AS p ON p.tenant_id = t.tenant_id AND p.id = t.policy_id
		WHERE t.set_id = ? GROUP BY p.type`, set)
}

func differs(t graph.PolicyType, items, manifest, outcomes int) error {
	return runs.Conflict("set_counts_differ", fmt.Sprintf(
		"type %s: the set has %d items, its manifest says %d, the run has %d outcomes", t, items, manifest, outcomes))
}

func (t *tx) countByType(ctx context.Context, query string, args ...any) (map[graph.PolicyType]int, error) {
	rows, err := t.QueryContext(ctx, t.s.sql(query), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[graph.PolicyType]int{}
	for rows.Next() {
		var typ graph.PolicyType
		var n int
		if err := rows.Scan(&typ, &n); err != nil {
			return nil, err
		}
		counts[typ] = n
	}
	return counts, rows.Err()
}
