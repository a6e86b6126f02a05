package bunstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

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

// auditLookups are the parts of the log that a filter wants; one index gives each in its order, but
// for that of times.
func (s *Store) auditLookups(ctx context.Context, tenant graph.TenantID, f runs.AuditFilter) ([]lookup, error) {
	switch {
	case f.RunID != "":
		return []lookup{{index: "audit_run", cond: "t.run_id IS NOT NULL"}}, nil
	case f.Resource != "":
		return []lookup{{index: "audit_resource", cond: "t.resource_id <> ''"}}, nil
	case f.Actor != "" && f.Actor != runs.SystemActor.ID:
		return []lookup{{index: "audit_actor", cond: "t.actor_id <> 'system'"}}, nil
	}
	whole := []lookup{{}}
	if len(f.Actions) > 0 && !slices.ContainsFunc(f.Actions, func(a string) bool { return slices.Contains(frequentActions, a) }) {
		whole = lookupEach("audit_action", isRareAction+` AND t."action" = ?`, f.Actions)
	}
	sorted, err := s.sortsAudit(ctx, tenant, f, whole[0].index != "")
	if sorted {
		return []lookup{{index: auditTimes}}, err
	}
	return whole, err
}

// auditTimes is the index of times. What it finds must be sorted by number.
const auditTimes = "audit_at"

// manyEntries is how many entries of the log are sorted, or read and left out, without looking for
// another way.
const manyEntries = 2000

// sortsAudit tells whether a filter by time is answered by the index of times. Where it lets many
// entries pass and leaves few newer ones out, the log itself has the first ones soon, in order. Rare
// actions are few wherever they stand.
func (s *Store) sortsAudit(ctx context.Context, tenant graph.TenantID, f runs.AuditFilter, rare bool) (bool, error) {
	if f.From.IsZero() && f.To.IsZero() {
		return false, nil
	}
	many, err := s.manyAudit(ctx, tenant, f.From, f.To)
	if err != nil || !many || rare || f.To.IsZero() {
		return !many, err
	}
	return s.manyAudit(ctx, tenant, f.To, time.Time{})
}

// manyAudit tells whether the log has more than manyEntries in a time.
func (s *Store) manyAudit(ctx context.Context, tenant graph.TenantID, from, to time.Time) (many bool, err error) {
	c := lookup{index: auditTimes}.in(s.dialect, tenant)
	between(c, from, to)
	err = s.look(ctx, auditScope(tenant), func(q querier) error {
		n, err := count(ctx, q, s.sql(fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM {audit_log} AS t %s LIMIT %d) AS part", c.clause, manyEntries+1)), c.args...)
		many = n > manyEntries
		return err
	})
	return many, err
}

// between adds a filter by time.
func between(c *conditions, from, to time.Time) {
	if !from.IsZero() {
		c.and(`t."at" >= ?`, tsOf(from))
	}
	if !to.IsZero() {
		c.and(`t."at" < ?`, tsOf(to))
	}
}

// ListAudit implements [runs.AuditStore].
func (s *Store) ListAudit(ctx context.Context, tenant graph.TenantID, filter runs.AuditFilter, slice runs.Slice) (list []runs.AuditEntry, err error) {
	after, err := position(slice.After)
	if err != nil {
		return nil, err
	}
	lookups, err := s.auditLookups(ctx, tenant, filter)
	if err != nil {
		return nil, err
	}
	for _, l := range lookups {
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
		between(c, filter.From, filter.To)
		if !slice.After.IsZero() {
			c.and("t.seq < ?", after)
		}
		if l.index == auditTimes { // the index alone finds the numbers; the sign keeps the log's own order out of it
			numbers := c
			c = where("t.tenant_id = ?", ident(tenant))
			c.and("t.seq IN (SELECT t.seq FROM {audit_log} AS t "+numbers.tail("+t.seq DESC", slice)+")", numbers.args...)
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
