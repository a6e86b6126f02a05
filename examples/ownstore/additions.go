package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// taking is building, but for a sealed set that was made by hand and is what the run is about.
func (m *Memory) taking(tenant graph.TenantID, lease runs.Lease, id runs.ID) (runs.Run, backupset.BackupSet, error) {
	r, err := m.held(tenant, lease)
	if err != nil {
		return runs.Run{}, backupset.BackupSet{}, err
	}
	set, err := m.sets.get(tenant, id)
	if err != nil {
		return runs.Run{}, backupset.BackupSet{}, err
	}
	if set.Status == backupset.Building || set.ScheduleID != "" || r.Target != (runs.Target{Type: "backup_set", ID: id}) {
		return m.building(tenant, lease, id)
	}
	if set.Deleted() {
		return r, set, fmt.Errorf("backup set: %w", runs.ErrDeleted)
	}
	return r, set, nil
}

// held is what the outcomes of a policy become that the set holds: of one being built the
// earlier outcome stands, what a sealed one holds is skipped.
func held(items []runs.Item, set backupset.BackupSet, p *graph.Policy) []runs.Item {
	about := func(i runs.Item) bool { return i.PolicyType == p.Type && i.PolicyID == p.ID }
	if set.Status == backupset.Building {
		return slices.DeleteFunc(items, about)
	}
	for i := range items {
		if about(items[i]) {
			items[i].Status, items[i].Reason, items[i].BackupItemID = runs.ItemSkipped, runs.ReasonAlreadyInSet, ""
		}
	}
	return items
}

// account notes at a sealed set what was added to it, by the types.
func (m *Memory) account(set backupset.BackupSet, added []graph.PolicyType) {
	if set.Status == backupset.Building || len(added) == 0 {
		return
	}
	for _, t := range added {
		i := slices.IndexFunc(set.Types, func(m backupset.Manifest) bool { return m.Type == t })
		if i < 0 {
			i = len(set.Types)
			set.Types = append(set.Types, backupset.Manifest{Type: t, Complete: true})
		}
		set.Types[i].Listed++
		set.Types[i].Captured++
		set.ItemsCount++
	}
	set.Revision++
	m.sets.put(set.TenantID, set.ID, set)
}

// SaveSnapshot implements [backupset.CaptureStore].
func (m *Memory) SaveSnapshot(ctx context.Context, tenant graph.TenantID, lease runs.Lease, captured backupset.Captured, item runs.Item) (backupset.PolicyVersion, bool, error) {
	if err := m.lock(ctx); err != nil {
		return backupset.PolicyVersion{}, false, err
	}
	defer m.mu.Unlock()
	r, err := m.held(tenant, lease)
	if err != nil {
		return backupset.PolicyVersion{}, false, err
	}
	before := len(m.versions)
	v := m.keepVersion(tenant, r.ID, captured)
	v.Snapshot = true
	m.versions.put(tenant, v.ID, v)
	m.putItems(r, []runs.Item{item})
	return keep(v.PolicyVersion), len(m.versions) > before, nil
}
