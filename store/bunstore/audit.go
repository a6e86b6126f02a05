package bunstore

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// AppendAudit implements [runs.AuditStore]. The tenant may be [runs.SystemTenant].
func (s *Store) AppendAudit(ctx context.Context, tenant graph.TenantID, entries ...runs.AuditEntry) error {
	return s.change(ctx, auditScope(tenant), func(_ context.Context, t *tx) error {
		return t.trail(tenant, runs.Trail{Audit: entries})
	})
}

// frequentActions are those of which every backup writes entries. The index of actions leaves
// them out; there are some in any page of the log.
var frequentActions = []string{"run.started", "run.finished", "backup.created", "retention.applied"}

// isRareAction is the condition of the index of actions, as it has it.
var isRareAction = `t."action" <> '` + strings.Join(frequentActions, `' AND t."action" <> '`) + `'`

// auditLookups are the parts of the log that a filter wants; one index gives each in its order.
func auditLookups(f runs.AuditFilter) []lookup {
	switch {
	case f.RunID != "":
		return []lookup{{index: "audit_run", cond: "t.run_id IS NOT NULL"}}
	case f.Resource != "":
		return []lookup{{index: "audit_resource", cond: "t.resource_id <> ''"}}
	case len(f.Actions) > 0 && !slices.ContainsFunc(f.Actions, func(a string) bool { return slices.Contains(frequentActions, a) }):
		return lookupEach("audit_action", isRareAction+` AND t."action" = ?`, f.Actions)
	}
	return []lookup{{}}
}

// ListAudit implements [runs.AuditStore].
func (s *Store) ListAudit(ctx context.Context, tenant graph.TenantID, filter runs.AuditFilter, slice runs.Slice) (list []runs.AuditEntry, err error) {
	after, err := position(slice.After)
	if err != nil {
		return nil, err
	}
	for _, l := range auditLookups(filter) {
		c := l.in(s.dialect, tenant)
		andIn(c, `t."action"`, filter.Actions)
		if filter.RunID != "" {
			c.and("t.run_id = ?", uidOf(filter.RunID))
		}
		if filter.Resource != "" {
			c.and("t.resource_id = ?", ident(filter.Resource))
		}
		if !slice.After.IsZero() {
			c.and("t.seq < ?", after)
		}
		err = s.look(ctx, auditScope(tenant), func(q querier) error {
			rows, err := find[auditRow](ctx, s, q, c.tail("t.seq DESC", slice), c.args...)
			if err != nil {
				return err
			}
			part, err := mapRows(rows, (*auditRow).entry)
			list = append(list, part...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return merged(list, func(a, b runs.AuditEntry) int { return cmp.Compare(b.Seq, a.Seq) }, slice), nil
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
	PrevHash, Hash             link
}

var auditTable = &table{name: "audit_log", key: 2, added: 2, chained: 2, columns: []string{
	"tenant_id", "seq", "id", "at", "actor_id", "actor_name", "action", "resource_type", "resource_id", "run_id", "outcome", "details",
	"prev_hash", "hash",
}}

func (*auditRow) table() *table { return auditTable }

func (r *auditRow) columns() []column {
	return []column{
		&r.TenantID, &r.Seq, &r.ID, &r.At, &r.ActorID, &r.ActorName, &r.Action, &r.ResourceType, &r.ResourceID, &r.RunID, &r.Outcome, &r.Details,
		&r.PrevHash, &r.Hash,
	}
}

// auditRowOf makes the row of an entry that follows the head.
func auditRowOf(e runs.AuditEntry, head *headRow) (auditRow, error) {
	var f fields
	details, err := jsonText(e.Details, len(e.Details))
	if err != nil {
		return auditRow{}, err
	}
	if strings.Contains(string(details), `\ufffd`) { // JSON writes what is no UTF-8 so
		e.Details = nil
		if err := json.Unmarshal([]byte(details), &e.Details); err != nil {
			return auditRow{}, err
		}
	}
	e.Seq = int64(head.Seq) + 1
	return auditRow{
		PrevHash: head.Hash, Hash: link(runs.ChainHash(runs.AuditHash(head.Hash), e)),
		TenantID: ident(e.TenantID), Seq: num(e.Seq), ID: f.key("audit.id", e.ID), At: tsOf(e.At), ActorID: text(e.Actor.ID),
		ActorName: text(e.Actor.Name), Action: text(e.Action), ResourceType: text(e.Resource.Type),
		ResourceID: ident(e.Resource.ID), RunID: f.id("audit.run_id", e.RunID), Outcome: text(e.Outcome), Details: details,
	}, f.bad.Err()
}

func (r *auditRow) entry() (runs.AuditEntry, error) {
	e := runs.AuditEntry{
		ID: r.ID.id(), Seq: int64(r.Seq), At: r.At.time(), Actor: runs.Actor{ID: string(r.ActorID), Name: string(r.ActorName)},
		TenantID: graph.TenantID(r.TenantID), Action: string(r.Action),
		Resource: runs.Target{Type: string(r.ResourceType), ID: runs.ID(r.ResourceID)}, RunID: r.RunID.id(), Outcome: string(r.Outcome),
		PrevHash: runs.AuditHash(r.PrevHash), Hash: runs.AuditHash(r.Hash),
	}
	return e, fromJSON(r, r.Details, &e.Details)
}
