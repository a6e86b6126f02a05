package bunstore

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// RecordListing implements [backupset.InventoryStore].
func (s *Store) RecordListing(ctx context.Context, tenant graph.TenantID, lease runs.Lease, listing backupset.Listing) (gone int, err error) {
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		gone = 0
		if _, err := t.held(ctx, tenant, lease); err != nil {
			return err
		}
		known, err := find[policyRow](ctx, s, t, "WHERE t.tenant_id = ? AND t.type = ? ORDER BY t.id"+s.locking(t), ident(tenant), text(listing.Type))
		if err != nil {
			return err
		}
		at, seen := tsOf(listing.At), make(map[ident]graph.Header, len(listing.Seen))
		for _, h := range listing.Seen {
			seen[ident(h.ID)] = h
		}
		for _, old := range known {
			if old.LastSeenAt.micro > at.micro || old.GoneSince.micro > at.micro { // a later look knows better
				delete(seen, old.ExternalID)
				continue
			}
			changed := old
			if h, ok := seen[old.ExternalID]; ok {
				delete(seen, old.ExternalID)
				changed.see(h.Name, at)
			} else if listing.Complete && !old.GoneSince.set {
				changed.GoneSince = at
				gone++
			}
			if err := update(ctx, t, &old, &changed); err != nil {
				return err
			}
		}
		var added []policyRow
		for _, h := range listing.Seen { // in Graph's order, so that ids follow it
			if _, isNew := seen[ident(h.ID)]; isNew {
				delete(seen, ident(h.ID))
				added = append(added, s.newPolicy(tenant, listing.Type, h.ID, h.Name, at))
			}
		}
		return insert(ctx, t, added...)
	})
	if err != nil {
		return 0, err
	}
	return gone, nil
}

func (s *Store) newPolicy(tenant graph.TenantID, t graph.PolicyType, externalID, name string, at ts) policyRow {
	r := policyRow{TenantID: ident(tenant), ID: s.newID(), Type: text(t), ExternalID: ident(externalID)}
	r.see(name, at)
	return r
}

// see notes that Graph showed the policy: whoever is seen exists.
func (r *policyRow) see(name string, at ts) {
	r.Name, r.NameKey = text(name), optional{text: strings.ToLower(name), set: true}
	r.GoneSince = ts{}
	if !r.LastSeenAt.set || r.LastSeenAt.micro < at.micro {
		r.LastSeenAt = at
	}
}

// policyRef is what Graph knows a policy by.
type policyRef struct {
	t          text
	externalID ident
}

func (r *policyRow) ref() policyRef { return policyRef{r.Type, r.ExternalID} }

func refOf(p *graph.Policy) policyRef { return policyRef{text(p.Type), ident(p.ID)} }

// policiesOf returns the inventory rows of captured policies.
func (s *Store) policiesOf(ctx context.Context, q querier, tenant graph.TenantID, captured []backupset.Captured) (map[policyRef]policyRow, error) {
	byType := map[graph.PolicyType][]ident{}
	for _, c := range captured {
		byType[c.Policy.Type] = append(byType[c.Policy.Type], ident(c.Policy.ID))
	}
	known := make(map[policyRef]policyRow, len(captured))
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		ids := byType[t]
		for len(ids) > 0 {
			n := min(len(ids), maxInList)
			rows, err := find[policyRow](ctx, s, q,
				s.dialect.using("policies_external")+"WHERE t.tenant_id = ? AND t.type = ? AND t.external_id IN (?)"+s.lockingInOrder(q), ident(tenant), text(t), valuesOf(ids[:n]))
			if err != nil {
				return nil, err
			}
			for _, r := range rows {
				known[r.ref()] = r
			}
			ids = ids[n:]
		}
	}
	return known, nil
}

// GetPolicy implements [backupset.InventoryStore].
func (s *Store) GetPolicy(ctx context.Context, tenant graph.TenantID, id runs.ID) (p backupset.Policy, err error) {
	err = s.look(ctx, tenant, func(q querier) error {
		r, err := s.policy(ctx, q, tenant, uidOf(id))
		p = r.policy()
		return err
	})
	if err != nil {
		return backupset.Policy{}, err
	}
	return p, nil
}

func (s *Store) policy(ctx context.Context, q querier, tenant graph.TenantID, id uid) (policyRow, error) {
	r, found, err := findOne[policyRow](ctx, s, q, "WHERE t.tenant_id = ? AND t.id = ?"+s.locking(q), ident(tenant), id)
	if err == nil && !found {
		err = notFound("policy")
	}
	return r, err
}

// ListPolicies implements [backupset.InventoryStore].
func (s *Store) ListPolicies(ctx context.Context, tenant graph.TenantID, filter backupset.PolicyFilter, slice runs.Slice) (list []backupset.Policy, err error) {
	c := where("t.tenant_id = ?", ident(tenant))
	if filter.Type != "" {
		c.and("t.type = ?", text(filter.Type))
	}
	if filter.Search != "" {
		c.and(s.dialect.contains("t.name_key"), text(strings.ToLower(filter.Search)))
	}
	if filter.Gone != nil {
		c.and("(t.gone_since IS NOT NULL) = ?", flag(*filter.Gone))
	}
	andIDs(c, "t.id", filter.IDs)
	if err := c.afterID("t.id", slice.After); err != nil {
		return nil, err
	}
	err = s.look(ctx, tenant, func(q querier) error {
		rows, err := find[policyRow](ctx, s, q, c.tail("t.id", slice), c.args...)
		for i := range rows {
			list = append(list, rows[i].policy())
		}
		return err
	})
	return list, err
}

type policyRow struct {
	TenantID              ident
	ID                    uid
	Type                  text
	ExternalID            ident
	Name                  text
	NameKey               optional
	LastSeenAt, GoneSince ts
	CurrentVersionID      uid
	LastNumber            num // the highest number that a version of it ever had
}

var policiesTable = &table{name: "policies", key: 2, columns: []string{
	"tenant_id", "id", "type", "external_id", "name", "name_key", "last_seen_at", "gone_since", "current_version_id", "last_number",
}}

func (*policyRow) table() *table { return policiesTable }

func (r *policyRow) columns() []column {
	return []column{
		&r.TenantID, &r.ID, &r.Type, &r.ExternalID, &r.Name, &r.NameKey, &r.LastSeenAt, &r.GoneSince, &r.CurrentVersionID, &r.LastNumber,
	}
}

func (r *policyRow) policy() backupset.Policy {
	return backupset.Policy{
		ID: r.ID.id(), Type: graph.PolicyType(r.Type), ExternalID: string(r.ExternalID), Name: string(r.Name),
		LastSeenAt: r.LastSeenAt.time(), GoneSince: r.GoneSince.time(), CurrentVersionID: r.CurrentVersionID.id(),
	}
}
