package main

import (
	"context"
	"maps"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func types(counts map[graph.PolicyType]int) []graph.PolicyType {
	return slices.Collect(maps.Keys(counts))
}

// inventoryRow returns the row of one of Graph's ids, or a new one that is not stored yet.
func (m *Memory) inventoryRow(tenant graph.TenantID, t graph.PolicyType, externalID string) backupset.Policy {
	rows := m.policies.where(tenant, func(p backupset.Policy) bool { return p.Type == t && p.ExternalID == externalID })
	if len(rows) > 0 {
		return rows[0]
	}
	return backupset.Policy{ID: m.newID(), Type: t, ExternalID: externalID}
}

// RecordListing implements [backupset.InventoryStore].
func (m *Memory) RecordListing(ctx context.Context, tenant graph.TenantID, lease runs.Lease, listing backupset.Listing) (int, error) {
	if err := m.lock(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if _, err := m.held(tenant, lease); err != nil {
		return 0, err
	}
	seen := map[string]bool{}
	for _, h := range listing.Seen {
		p := m.inventoryRow(tenant, listing.Type, h.ID)
		seen[h.ID] = true
		if p.LastSeenAt.After(listing.At) || p.GoneSince.After(listing.At) { // a later look knows better
			continue
		}
		p.Name, p.LastSeenAt = h.Name, listing.At
		p.GoneSince = backupset.Policy{}.GoneSince
		m.policies.put(tenant, p.ID, p)
	}
	if !listing.Complete { // what was not seen may still be there
		return 0, nil
	}
	gone := m.policies.where(tenant, func(p backupset.Policy) bool {
		return p.Type == listing.Type && !seen[p.ExternalID] && p.GoneSince.IsZero() && !p.LastSeenAt.After(listing.At)
	})
	for _, p := range gone {
		p.GoneSince = listing.At
		m.policies.put(tenant, p.ID, p)
	}
	return len(gone), nil
}

// GetPolicy implements [backupset.InventoryStore].
func (m *Memory) GetPolicy(ctx context.Context, tenant graph.TenantID, id runs.ID) (backupset.Policy, error) {
	if err := m.lock(ctx); err != nil {
		return backupset.Policy{}, err
	}
	defer m.mu.Unlock()
	return m.policies.get(tenant, id)
}

// ListPolicies implements [backupset.InventoryStore].
func (m *Memory) ListPolicies(ctx context.Context, tenant graph.TenantID, filter backupset.PolicyFilter, slice runs.Slice) ([]backupset.Policy, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	list := m.policies.where(tenant, func(p backupset.Policy) bool {
		return among(filter.IDs, p.ID) && is(filter.Type, p.Type) && contains(p.Name, filter.Search) &&
			(filter.Gone == nil || *filter.Gone == !p.GoneSince.IsZero())
	})
	return page(list, slice, func(p backupset.Policy) runs.Keyset { return idKey(p.ID) }, byText), nil
}

// ListVersions implements [backupset.InventoryStore].
func (m *Memory) ListVersions(ctx context.Context, tenant graph.TenantID, policy runs.ID, slice runs.Slice) ([]backupset.PolicyVersion, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if _, err := m.policies.get(tenant, policy); err != nil {
		return nil, err
	}
	var list []backupset.PolicyVersion
	for _, v := range m.versions.where(tenant, func(v version) bool { return v.PolicyID == policy }) {
		list = append(list, v.PolicyVersion)
	}
	return page(list, slice, func(v backupset.PolicyVersion) runs.Keyset {
		return numberKey(int64(v.Number), v.ID)
	}, newestFirst), nil
}

// Payload implements [backupset.SetStore].
func (m *Memory) Payload(ctx context.Context, tenant graph.TenantID, id runs.ID) ([]byte, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	v, err := m.versions.get(tenant, id)
	return v.Payload, err
}
