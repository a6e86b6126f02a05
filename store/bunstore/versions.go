package bunstore

import (
	"context"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// ListVersions implements [backupset.InventoryStore].
func (s *Store) ListVersions(ctx context.Context, tenant graph.TenantID, policy runs.ID, slice runs.Slice) (list []backupset.PolicyVersion, err error) {
	c := where("t.tenant_id = ? AND t.policy_id = ?", ident(tenant), uidOf(policy))
	if !slice.After.IsZero() {
		number, err := position(slice.After)
		if err != nil {
			return nil, err
		}
		c.and("t.number < ?", number)
	}
	err = s.view(ctx, tenant, func(q querier) error {
		if _, err := s.policy(ctx, q, tenant, uidOf(policy)); err != nil {
			return err
		}
		rows, err := find[versionRow](ctx, s, q, c.tail("t.number DESC", slice), c.args...)
		for i := range rows {
			list = append(list, rows[i].version())
		}
		return err
	})
	return list, err
}

// contentRef is one content of one policy.
type contentRef struct {
	policy uid
	hash   digest
}

// versionsOf returns the versions that exist of the given contents.
func (s *Store) versionsOf(ctx context.Context, q querier, tenant graph.TenantID, contents []contentRef) (map[contentRef]versionRow, error) {
	known := make(map[contentRef]versionRow, len(contents))
	for len(contents) > 0 {
		n := min(len(contents), maxInList)
		args := []any{ident(tenant)}
		for _, c := range contents[:n] {
			args = append(args, c.policy, c.hash)
		}
		rows, err := find[versionRow](ctx, s, q, s.dialect.using("policy_versions_hash")+"WHERE t.tenant_id = ? AND (t.policy_id, t.hash) IN ("+s.dialect.pairs(n)+")", args...)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			known[contentRef{r.PolicyID, r.Hash}] = r
		}
		contents = contents[n:]
	}
	return known, nil
}

type versionRow struct {
	TenantID     ident
	ID, PolicyID uid
	Number       num
	Hash         digest // of the canonical form
	PayloadID    digest // of the stored bytes
	Name         text
	CapturedAt   ts
	RunID        uid
	Snapshot     num // 1 when one was taken of it, so that it stays
}

var versionsTable = &table{name: "policy_versions", key: 2, added: 1, folded: 1, columns: []string{
	"tenant_id", "id", "policy_id", "number", "hash", "payload_id", "name", "captured_at", "run_id", "snapshot",
}}

func (*versionRow) table() *table { return versionsTable }

func (r *versionRow) columns() []column {
	return []column{
		&r.TenantID, &r.ID, &r.PolicyID, &r.Number, &r.Hash, &r.PayloadID, &r.Name, &r.CapturedAt, &r.RunID, &r.Snapshot,
	}
}

func (r *versionRow) version() backupset.PolicyVersion {
	return backupset.PolicyVersion{
		ID: r.ID.id(), PolicyID: r.PolicyID.id(), Number: int(r.Number), Hash: backupset.Hash(r.Hash), Name: string(r.Name),
		CapturedAt: r.CapturedAt.time(), RunID: r.RunID.id(),
	}
}
