package bunstore

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
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
	case f.Actor != "" && f.Actor != runs.SystemActor.ID:
		return []lookup{{index: "audit_actor", cond: "t.actor_id <> 'system'"}}
	case len(f.Actions) > 0 && !slices.ContainsFunc(f.Actions, func(a string) bool { return slices.Contains(frequentActions, a) }):
		return lookupEach("audit_action", isRareAction+` AND t."action" = ?`, f.Actions)
	}
	return []lookup{{}}
}

// auditAt is the index of times. What it finds must be sorted by number.
const auditAt = "audit_at"

// manyEntries is how many entries of a time are looked through for those of a filter that has no
// index. Where these do not fill a page, few entries fit, and the index of times finds the others.
const manyEntries = 1000

// ListAudit implements [runs.AuditStore].
func (s *Store) ListAudit(ctx context.Context, tenant graph.TenantID, filter runs.AuditFilter, slice runs.Slice) (list []runs.AuditEntry, err error) {
	after, err := position(slice.After)
	if err != nil {
		return nil, err
	}
	within, timed := numbers{before: math.MaxInt64}, !filter.From.IsZero() || !filter.To.IsZero()
	if timed {
		if within, err = s.timeNumbers(ctx, tenant, filter.From, filter.To); err != nil {
			return nil, err
		}
	}
	if !slice.After.IsZero() {
		within.before = min(within.before, max(after, 0))
	}
	lookups, older := auditLookups(filter), within
	if timed && lookups[0].index == "" {
		within.after = max(within.after, within.before-1-manyEntries)
	}
	for _, l := range lookups {
		part, err := s.auditPart(ctx, tenant, filter, l, within, slice)
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
	}
	if older.before = within.after + 1; older.after < within.after && len(list) < most(slice) {
		part, err := s.auditPart(ctx, tenant, filter, lookup{index: auditAt}, older, slice)
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
	}
	return merged(list, func(a, b runs.AuditEntry) int { return cmp.Compare(b.Seq, a.Seq) }, slice), nil
}

// auditPart is what a filter finds by one index among some entries.
func (s *Store) auditPart(ctx context.Context, tenant graph.TenantID, filter runs.AuditFilter, l lookup, within numbers, slice runs.Slice) (list []runs.AuditEntry, err error) {
	c := l.in(s.dialect, tenant)
	andIn(c, `t."action"`, filter.Actions)
	if filter.RunID != "" {
		c.and("t.run_id = ?", uidOf(filter.RunID))
	}
	if filter.Resource != "" {
		c.and("t.resource_id = ?", ident(filter.Resource))
	}
	if filter.Actor != "" {
		c.and("t.actor_id = ?", text(filter.Actor))
	}
	if !filter.From.IsZero() {
		c.and(`t."at" >= ?`, tsOf(filter.From))
	}
	if !filter.To.IsZero() {
		c.and(`t."at" < ?`, tsOf(filter.To))
	}
	if within.after > 0 {
		c.and("t.seq > ?", within.after)
	}
	if within.before < math.MaxInt64 {
		c.and("t.seq < ?", within.before)
	}
	if l.index == auditAt { // the index alone finds the numbers; the sign keeps the log's own order out of it
		found := c
		c = where("t.tenant_id = ?", ident(tenant))
		c.and("t.seq IN (SELECT t.seq FROM {audit_log} AS t "+found.tail("+t.seq DESC", slice)+")", found.args...)
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
