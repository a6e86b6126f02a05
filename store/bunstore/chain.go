package bunstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
)

// AuditHead implements [runs.AuditStore].
func (s *Store) AuditHead(ctx context.Context, tenant graph.TenantID) (head runs.AuditHead, err error) {
	err = s.view(ctx, auditScope(tenant), func(q querier) error {
		h, err := s.dialect.auditHead(ctx, s, q, tenant)
		head = runs.AuditHead{Seq: int64(h.Seq), Hash: runs.AuditHash(h.Hash)}
		return err
	})
	return head, err
}

// chain numbers the collected entries and links each to the one before it in its tenant. The
// heads move along.
func (t *tx) chain(heads map[graph.TenantID]*headRow) ([]auditRow, error) {
	rows := make([]auditRow, 0, len(t.entries))
	for _, e := range t.entries {
		head := heads[e.TenantID]
		r, err := auditRowOf(e, head)
		if err != nil {
			return nil, err
		}
		head.Seq, head.Hash = r.Seq, r.Hash
		rows = append(rows, r)
	}
	t.entries = nil
	return rows, nil
}

// headRow is the end of a tenant's chain. Postgres keeps it without a checksum, since there it
// is changed before it is read.
type headRow struct {
	TenantID ident
	Seq      num
	Hash     link
}

var headsTable = &table{name: "audit_heads", key: 1, columns: []string{"tenant_id", "seq", "hash"}}

func (*headRow) table() *table       { return headsTable }
func (r *headRow) columns() []column { return []column{&r.TenantID, &r.Seq, &r.Hash} }

func (sqliteDialect) ownRows() []row { return []row{&headRow{}} }

// flush writes the trail and then the tallies, which count the trail too.
func (d sqliteDialect) flush(ctx context.Context, t *tx) error {
	heads, known := map[graph.TenantID]*headRow{}, map[graph.TenantID]headRow{}
	var order []graph.TenantID
	for _, e := range t.entries {
		if heads[e.TenantID] != nil {
			continue
		}
		head, err := d.auditHead(ctx, t.s, t, e.TenantID)
		if err != nil {
			return fmt.Errorf("store: numbering the audit log: %w", err)
		}
		order = append(order, e.TenantID)
		heads[e.TenantID], known[e.TenantID] = &head, head
	}
	rows, err := t.chain(heads)
	if err != nil {
		return err
	}
	if err := insert(ctx, t, rows...); err != nil {
		return err
	}
	for _, tenant := range order {
		if err := t.moveHead(ctx, known[tenant], *heads[tenant]); err != nil {
			return err
		}
	}
	if err := insert(ctx, t, t.notices...); err != nil {
		return err
	}
	return t.writeTallies(ctx)
}

// moveHead writes the head of a chain; the first entry with a hash makes it.
func (t *tx) moveHead(ctx context.Context, old, moved headRow) error {
	if old.Hash == (link{}) {
		return insert(ctx, t, moved)
	}
	return update(ctx, t, &old, &moved)
}

// auditHead needs no lock where only one transaction writes.
func (sqliteDialect) auditHead(ctx context.Context, s *Store, q querier, tenant graph.TenantID) (headRow, error) {
	head, found, err := findOne[headRow](ctx, s, q, "WHERE t.tenant_id = ?", ident(tenant))
	if err != nil || found {
		return head, err
	}
	last, err := count(ctx, q, s.sql("SELECT coalesce(max(seq), 0) FROM {audit_log} WHERE tenant_id = ?"), ident(tenant))
	return headRow{TenantID: ident(tenant), Seq: num(last)}, err
}

func (sqliteDialect) auditHeads(ctx context.Context, c *checker) (map[ident]headRow, error) {
	heads := map[ident]headRow{}
	var r headRow
	n := len(c.report.Problems)
	_, err := c.table(ctx, &r, func() { heads[r.TenantID] = r })
	c.report.Problems = c.report.Problems[:n] // damaged rows were found before
	return heads, err
}

// chain checks that every entry of the audit log follows from the one before it, and that the
// heads are those of the last ones.
func (c *checker) chain(ctx context.Context) error {
	ends, err := c.links(ctx)
	if err := c.unreadable(problemChain, auditTable.name, err); err != nil || ends == nil {
		return err
	}
	heads, err := c.s.dialect.auditHeads(ctx, c)
	if err != nil {
		return c.unreadable(problemHead, headsTable.name, err)
	}
	wrong := func(end headRow) {
		c.found(store.Problem{
			Code: problemHead, Table: headsTable.name, Tenant: string(end.TenantID), ID: fmt.Sprint(int64(end.Seq)),
			Detail: "the head of the chain is not the tenant's last audit entry",
		})
	}
	for tenant, end := range ends {
		head, found := heads[tenant]
		delete(heads, tenant)
		if head != end && (found || end.Hash != link{}) {
			wrong(end)
		}
	}
	for _, head := range heads {
		wrong(head)
	}
	return nil
}

// links compares every entry with the one before it and returns the last of each tenant; rows
// that cannot be read were found before.
func (c *checker) links(ctx context.Context) (map[ident]headRow, error) {
	rows, err := c.q.QueryContext(ctx, c.s.sql("SELECT "+auditTable.selectList()+" FROM {audit_log} AS t ORDER BY t.tenant_id, t.seq"))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	ends := map[ident]headRow{}
	var r auditRow
	scan := c.s.newScanner(&r, nil)
	for rows.Next() {
		if err := scan.row(rows); err != nil {
			continue
		}
		entry, err := r.entry()
		if err != nil {
			c.found(c.problemOf(&r, problemRow, err))
			continue
		}
		before := ends[r.TenantID]
		ends[r.TenantID] = headRow{r.TenantID, r.Seq, r.Hash}
		old := r.Hash == link{} && r.PrevHash == link{} && before.Hash == link{}
		switch {
		case old:
		case r.PrevHash != before.Hash:
			c.found(c.problemOf(&r, problemChain, errNotNext))
		case entry.Hash != runs.ChainHash(entry.PrevHash, entry):
			c.found(c.problemOf(&r, problemChain, errEntryChanged))
		}
	}
	return ends, rows.Err()
}

var (
	errNotNext      = errors.New("the audit entry does not follow the one before it: entries were removed, added or put in another order")
	errEntryChanged = errors.New("the audit entry is not the one that was written")
)
