package bunstore

import (
	"context"
	"fmt"
	"strconv"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// AppendAudit implements [runs.AuditStore]. The tenant may be [runs.SystemTenant].
func (s *Store) AppendAudit(ctx context.Context, tenant graph.TenantID, entries ...runs.AuditEntry) error {
	return s.change(ctx, auditScope(tenant), func(_ context.Context, t *tx) error {
		return t.trail(tenant, runs.Trail{Audit: entries})
	})
}

// ListAudit implements [runs.AuditStore].
func (s *Store) ListAudit(ctx context.Context, tenant graph.TenantID, filter runs.AuditFilter, slice runs.Slice) (list []runs.AuditEntry, err error) {
	c := where("t.tenant_id = ?", ident(tenant))
	andIn(c, "t.action", filter.Actions)
	if filter.RunID != "" {
		c.and("t.run_id = ?", uidOf(filter.RunID))
	}
	if filter.Resource != "" {
		c.and("t.resource_id = ?", ident(filter.Resource))
	}
	if !slice.After.IsZero() {
		seq, err := strconv.ParseInt(slice.After.Key, 10, 64)
		if err != nil {
			return nil, errBadCursor()
		}
		c.and("t.seq < ?", seq)
	}
	err = s.look(ctx, auditScope(tenant), func(q querier) error {
		rows, err := find[auditRow](ctx, s, q, c.tail("t.seq DESC", slice), c.args...)
		if err != nil {
			return err
		}
		list, err = mapRows(rows, (*auditRow).entry)
		return err
	})
	return list, err
}

// auditRows numbers the collected entries within their tenants; last is the number before
// the first one.
func (t *tx) auditRows(last map[graph.TenantID]num) ([]auditRow, error) {
	rows := make([]auditRow, 0, len(t.entries))
	for _, e := range t.entries {
		last[e.TenantID]++
		r, err := auditRowOf(e, last[e.TenantID])
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	t.entries = nil
	return rows, nil
}

// flush writes the trail and then the tallies, which count the trail too.
func (d sqliteDialect) flush(ctx context.Context, t *tx) error {
	last := map[graph.TenantID]num{}
	for _, e := range t.entries {
		if _, known := last[e.TenantID]; known {
			continue
		}
		seq, err := t.lastSeq(ctx, e.TenantID)
		if err != nil {
			return err
		}
		last[e.TenantID] = seq
	}
	rows, err := t.auditRows(last)
	if err != nil {
		return err
	}
	if err := insert(ctx, t, rows...); err != nil {
		return err
	}
	if err := insert(ctx, t, t.notices...); err != nil {
		return err
	}
	return t.writeTallies(ctx)
}

// lastSeq needs no lock where only one transaction writes.
func (t *tx) lastSeq(ctx context.Context, tenant graph.TenantID) (num, error) {
	stmt, err := t.prepare(ctx, "SELECT max(seq) FROM {audit_log} WHERE tenant_id = ?")
	if err != nil {
		return 0, fmt.Errorf("store: numbering the audit log: %w", err)
	}
	var last ts // NULL when the tenant has none
	if err := stmt.QueryRowContext(ctx, ident(tenant).value()).Scan(&last); err != nil {
		return 0, fmt.Errorf("store: numbering the audit log: %w", err)
	}
	return num(last.micro), nil
}

type auditRow struct {
	TenantID                   ident
	Seq                        num
	ID                         uid
	At                         ts
	ActorID, ActorName, Action text
	ResourceType               text
	ResourceID                 ident
	RunID                      uid
	Outcome, Details           text
}

var auditTable = &table{name: "audit_log", key: 2, columns: []string{
	"tenant_id", "seq", "id", "at", "actor_id", "actor_name", "action", "resource_type", "resource_id", "run_id", "outcome", "details",
}}

func (*auditRow) table() *table { return auditTable }

func (r *auditRow) columns() []column {
	return []column{
		&r.TenantID, &r.Seq, &r.ID, &r.At, &r.ActorID, &r.ActorName, &r.Action, &r.ResourceType, &r.ResourceID, &r.RunID, &r.Outcome, &r.Details,
	}
}

func auditRowOf(e runs.AuditEntry, seq num) (auditRow, error) {
	var f fields
	details, err := jsonText(e.Details, len(e.Details))
	if err != nil {
		return auditRow{}, err
	}
	return auditRow{
		TenantID: ident(e.TenantID), Seq: seq, ID: f.key("audit.id", e.ID), At: tsOf(e.At), ActorID: text(e.Actor.ID),
		ActorName: text(e.Actor.Name), Action: text(e.Action), ResourceType: text(e.Resource.Type),
		ResourceID: ident(e.Resource.ID), RunID: f.id("audit.run_id", e.RunID), Outcome: text(e.Outcome), Details: details,
	}, f.bad.Err()
}

func (r *auditRow) entry() (runs.AuditEntry, error) {
	e := runs.AuditEntry{
		ID: r.ID.id(), Seq: int64(r.Seq), At: r.At.time(), Actor: runs.Actor{ID: string(r.ActorID), Name: string(r.ActorName)},
		TenantID: graph.TenantID(r.TenantID), Action: string(r.Action),
		Resource: runs.Target{Type: string(r.ResourceType), ID: runs.ID(r.ResourceID)}, RunID: r.RunID.id(), Outcome: string(r.Outcome),
	}
	return e, fromJSON(r, r.Details, &e.Details)
}
