package bunstore

import (
	"context"
)

// Contradictions are ways to make rows contradict each other, each row being sound by
// itself: one for each of the facts that a check looks at, in their order.
func Contradictions() []func(ctx context.Context, s *Store) error {
	return []func(ctx context.Context, s *Store) error{
		edit("WHERE t.processed > 0", func(r *runRow) { r.Processed++ }),
		edit("WHERE t.items_count > 0", func(r *setRow) { r.ItemsCount-- }),
		edit("WHERE t.captured > 0", func(r *manifestRow) { r.Captured++ }),
		drop[manifestRow]("WHERE t.captured > 0"),
		edit("", func(r *setItemRow) { r.Revision = 99 }),
		edit("WHERE t.backup_set_id IS NOT NULL", func(r *runRow) { r.BackupSetID = "" }),
		edit("WHERE t.backup_item_id IS NOT NULL", func(r *itemRow) { r.BackupItemID = r.ID }),
		edit("", func(r *scheduleRow) { r.LastRunStatus = "canceled" }),
		edit("WHERE t.kind = 'backup' AND t.finished_at IS NOT NULL", func(r *runRow) { r.FinishedAt.micro += 1 << 40 }),
		drop[auditRow]("WHERE t.seq = 2"),
		edit("WHERE t.last_number > 0", func(r *policyRow) { r.LastNumber = 0 }),
		func(ctx context.Context, s *Store) error { // a version that was replaced and kept
			return s.change(ctx, everybody, func(ctx context.Context, t *tx) error {
				v, _, err := findOne[versionRow](ctx, s, t, "")
				if err != nil {
					return err
				}
				v.ID, v.Number, v.Hash = s.newID(), v.Number+99, digest{1}
				p, err := s.policy(ctx, t, "contoso", v.PolicyID)
				if err != nil {
					return err
				}
				old := p
				p.LastNumber = v.Number
				if err := update(ctx, t, &old, &p); err != nil {
					return err
				}
				return insert(ctx, t, v)
			})
		},
		func(ctx context.Context, s *Store) error {
			return s.change(ctx, everybody, func(ctx context.Context, t *tx) error {
				return insert(ctx, t, s.codec.newPayload("contoso", digest{1}, []byte("nobody's")))
			})
		},
		edit("WHERE t.ready_at IS NOT NULL", func(r *previewRow) { r.Creates, r.Changes = r.Creates+1, r.Changes-1 }),
		edit("", func(r *previewRow) { r.SetID = r.RunID }),
		drop[chunkRow]("WHERE t.number = 0"),
	}
}

// edit changes the first row that tail selects.
func edit[R any, P rowOf[R]](tail string, change func(r P)) func(ctx context.Context, s *Store) error {
	return func(ctx context.Context, s *Store) error {
		return s.change(ctx, everybody, func(ctx context.Context, t *tx) error {
			old, _, err := findOne[R, P](ctx, s, t, tail)
			if err != nil {
				return err
			}
			changed := old
			change(&changed)
			return update(ctx, t, P(&old), P(&changed))
		})
	}
}

// SpoilSchedules makes those of a tenant what no program stores, with the right checksums.
func (s *Store) SpoilSchedules(ctx context.Context, tenant string) error {
	return edit("WHERE t.tenant_id = '"+tenant+"'", func(r *scheduleRow) { r.PolicyTypes = "no JSON" })(ctx, s)
}

// drop removes the first row that tail selects.
func drop[R any, P rowOf[R]](tail string) func(ctx context.Context, s *Store) error {
	return func(ctx context.Context, s *Store) error {
		return s.change(ctx, everybody, func(ctx context.Context, t *tx) error {
			r, _, err := findOne[R, P](ctx, s, t, tail)
			if err != nil {
				return err
			}
			return remove(ctx, t, P(&r))
		})
	}
}

// Facts lists what a check looks at, as code and table.
func Facts() (list [][2]string) {
	for _, f := range facts() {
		list = append(list, [2]string{f.code, f.table})
	}
	return list
}
