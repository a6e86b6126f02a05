package main

import (
	"context"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// held returns the run of a lease, if it is held by that lease.
func (m *Memory) held(tenant graph.TenantID, lease runs.Lease) (runs.Run, error) {
	r, err := m.runs.get(tenant, lease.RunID)
	if err != nil {
		return runs.Run{}, err
	}
	if !r.HeldBy(lease) {
		return runs.Run{}, runs.ErrLeaseLost
	}
	return r, nil
}

// SaveItems implements [runs.ItemStore].
func (m *Memory) SaveItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, items []runs.Item, total int) (runs.Run, error) {
	if err := m.lock(ctx); err != nil {
		return runs.Run{}, err
	}
	defer m.mu.Unlock()
	r, err := m.held(tenant, lease)
	if err != nil {
		return runs.Run{}, err
	}
	if total >= 0 {
		r.Counts.Total = total
	}
	m.putItems(r, items)
	return m.runs.get(tenant, r.ID)
}

// putItems stores outcomes of a run and counts what is stored.
func (m *Memory) putItems(r runs.Run, items []runs.Item) {
	list := m.items[r.ID]
	for _, item := range items {
		i := slices.IndexFunc(list, func(old runs.Item) bool {
			return old.PolicyType == item.PolicyType && old.PolicyID == item.PolicyID
		})
		switch {
		case i < 0:
			list = append(list, item)
		case list[i].Status != runs.ItemSuccess: // a success is never replaced
			list[i] = item
		}
	}
	m.items[r.ID] = list
	r.Counts = runs.Counts{Total: r.Counts.Total, Processed: len(list)}
	for _, item := range list {
		switch item.Status {
		case runs.ItemSuccess:
			r.Counts.Succeeded++
		case runs.ItemFailed:
			r.Counts.Failed++
		case runs.ItemSkipped:
			r.Counts.Skipped++
		}
	}
	m.runs.put(r.TenantID, r.ID, r)
}

// ListItems implements [runs.ItemStore].
func (m *Memory) ListItems(ctx context.Context, tenant graph.TenantID, run runs.ID, filter runs.ItemFilter, slice runs.Slice) ([]runs.Item, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if _, err := m.runs.get(tenant, run); err != nil {
		return nil, err
	}
	var list []runs.Item
	for _, item := range m.items[run] {
		if among(filter.Statuses, item.Status) && is(filter.PolicyType, item.PolicyType) {
			list = append(list, item)
		}
	}
	return page(list, slice, func(i runs.Item) runs.Keyset { return idKey(i.ID) }, byText), nil
}
