package main

import (
	"context"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// look returns a set as it is read: with InUse set.
func (m *Memory) look(tenant graph.TenantID, id runs.ID) (backupset.BackupSet, error) {
	s, err := m.sets.get(tenant, id)
	s.InUse = err == nil && m.inUse(tenant, id)
	return s, err
}

// inUse tells whether an active restore or preview reads the set.
func (m *Memory) inUse(tenant graph.TenantID, set runs.ID) bool {
	readers := m.runs.where(tenant, func(r runs.Run) bool {
		return r.Status.Active() && strings.HasPrefix(string(r.Kind), "restore.") && r.Target == runs.Target{Type: "backup_set", ID: set}
	})
	return len(readers) > 0
}

// lookWhere returns the tenant's sets that pass, in no order.
func (m *Memory) lookWhere(tenant graph.TenantID, pass func(backupset.BackupSet) bool) []backupset.BackupSet {
	list := m.sets.where(tenant, pass)
	for i := range list {
		list[i].InUse = m.inUse(tenant, list[i].ID)
	}
	return list
}

// GetSet implements [backupset.SetStore].
func (m *Memory) GetSet(ctx context.Context, tenant graph.TenantID, id runs.ID) (backupset.BackupSet, error) {
	if err := m.lock(ctx); err != nil {
		return backupset.BackupSet{}, err
	}
	defer m.mu.Unlock()
	return m.look(tenant, id)
}

// ListSets implements [backupset.SetStore].
func (m *Memory) ListSets(ctx context.Context, tenant graph.TenantID, filter backupset.SetFilter, slice runs.Slice) ([]backupset.BackupSet, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	list := m.lookWhere(tenant, func(s backupset.BackupSet) bool {
		return s.Deleted() == filter.Deleted && among(filter.IDs, s.ID) && is(filter.ScheduleID, s.ScheduleID) && among(filter.Statuses, s.Status) &&
			(filter.PolicyID == "" && filter.VersionID == "" || m.holdsWhat(s.ID, filter))
	})
	return page(list, slice, func(s backupset.BackupSet) runs.Keyset { return timeKey(s.CreatedAt, s.ID) }, newestFirst), nil
}

// holdsWhat tells whether a set has what a filter names.
func (m *Memory) holdsWhat(set runs.ID, filter backupset.SetFilter) bool {
	for _, item := range m.setItems[set] {
		if item.PolicyID == filter.PolicyID && is(filter.VersionID, item.VersionID) {
			return true
		}
	}
	return false
}

// ListSetItems implements [backupset.SetStore].
func (m *Memory) ListSetItems(ctx context.Context, tenant graph.TenantID, set runs.ID, filter backupset.SetItemFilter, slice runs.Slice) ([]backupset.Item, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if _, err := m.sets.get(tenant, set); err != nil {
		return nil, err
	}
	var list []backupset.Item
	for _, item := range m.setItems[set] {
		if is(filter.Type, item.Type) && contains(item.Name, filter.Search) && among(filter.IDs, item.ID) && is(filter.PolicyID, item.PolicyID) && (filter.Revision == 0 || item.Revision <= filter.Revision) {
			list = append(list, keep(item))
		}
	}
	return page(list, slice, func(i backupset.Item) runs.Keyset { return idKey(i.ID) }, byText), nil
}

// ChangeSet implements [backupset.SetStore].
func (m *Memory) ChangeSet(ctx context.Context, tenant graph.TenantID, id runs.ID, change backupset.SetChangeFunc) (backupset.BackupSet, error) {
	if err := m.lock(ctx); err != nil {
		return backupset.BackupSet{}, err
	}
	defer m.mu.Unlock()
	current, err := m.look(tenant, id)
	if err != nil {
		return backupset.BackupSet{}, err
	}
	c, err := change(m.now(), current)
	if err != nil {
		return backupset.BackupSet{}, err
	}
	stored, err := m.sets.get(tenant, id) // the function may have written into its copy
	if err != nil {
		return backupset.BackupSet{}, err
	}
	stored.DeletedAt, stored.DeletedReason = c.Set.DeletedAt, c.Set.DeletedReason
	stored.LastVerifiedAt, stored.Holds = c.Set.LastVerifiedAt, c.Set.Holds
	m.sets.put(tenant, id, stored)
	m.write(tenant, c.Trail)
	return m.look(tenant, id)
}
