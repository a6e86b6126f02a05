package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// OpenSet implements [backupset.CaptureStore].
func (m *Memory) OpenSet(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set backupset.BackupSet, trail runs.Trail) (backupset.BackupSet, error) {
	if err := m.lock(ctx); err != nil {
		return backupset.BackupSet{}, err
	}
	defer m.mu.Unlock()
	r, err := m.held(tenant, lease)
	if err != nil {
		return backupset.BackupSet{}, err
	}
	if r.BackupSetID != "" {
		return m.look(tenant, r.BackupSetID)
	}
	if _, ok := m.sets[set.ID]; ok {
		return backupset.BackupSet{}, runs.Conflict("set_exists", "take another id")
	}
	set.TenantID, set.RunID, set.Status = tenant, r.ID, backupset.Building
	m.sets.put(tenant, set.ID, set)
	r.BackupSetID = set.ID
	m.runs.put(tenant, r.ID, r)
	m.write(tenant, trail)
	return m.look(tenant, set.ID)
}

// building returns the run of a lease and a set that it may still fill.
func (m *Memory) building(tenant graph.TenantID, lease runs.Lease, id runs.ID) (runs.Run, backupset.BackupSet, error) {
	r, err := m.held(tenant, lease)
	if err != nil {
		return runs.Run{}, backupset.BackupSet{}, err
	}
	set, err := m.sets.get(tenant, id)
	if err != nil {
		return runs.Run{}, backupset.BackupSet{}, err
	}
	if set.Status != backupset.Building {
		return runs.Run{}, backupset.BackupSet{}, runs.Conflict("set_sealed", "the set is sealed; make a new one")
	}
	if r.BackupSetID != id {
		return runs.Run{}, backupset.BackupSet{}, runs.Conflict("set_of_another_run", "another run fills the set")
	}
	return r, set, nil
}

// holds tells whether a set has an item of that policy.
func (m *Memory) holds(set runs.ID, t graph.PolicyType, externalID string) bool {
	return slices.ContainsFunc(m.setItems[set], func(i backupset.Item) bool {
		return i.Type == t && i.ExternalID == externalID
	})
}

// itemExists tells whether a set of any tenant has an item with that id.
func (m *Memory) itemExists(id runs.ID) bool {
	for _, items := range m.setItems {
		if slices.ContainsFunc(items, func(i backupset.Item) bool { return i.ID == id }) {
			return true
		}
	}
	return false
}

// SaveCaptured implements [backupset.CaptureStore].
func (m *Memory) SaveCaptured(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, captured []backupset.Captured, items []runs.Item) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	r, s, err := m.taking(tenant, lease, set)
	if err != nil {
		return err
	}
	for _, c := range captured {
		if m.itemExists(c.ItemID) && !m.holds(set, c.Policy.Type, c.Policy.ID) {
			return runs.Conflict("item_exists", "take another id")
		}
	}
	items = slices.Clone(items)
	var added []graph.PolicyType
	for _, c := range captured {
		if m.holds(set, c.Policy.Type, c.Policy.ID) {
			items = held(items, s, c.Policy)
			continue
		}
		v := m.keepVersion(tenant, r.ID, c)
		m.setItems[set] = append(m.setItems[set], keep(backupset.Item{
			ID: c.ItemID, SetID: set, PolicyID: v.PolicyID, VersionID: v.ID, Type: c.Policy.Type, ExternalID: c.Policy.ID,
			Name: c.Policy.Name, Hash: c.Hash, CapturedAt: c.CapturedAt, Warnings: c.Policy.Warnings, Revision: s.Revision + 1,
		}))
		added = append(added, c.Policy.Type)
	}
	m.account(s, added)
	m.putItems(r, items)
	return nil
}

// keepVersion makes what was captured the policy's current version. What comes from a file
// says nothing of what is live.
func (m *Memory) keepVersion(tenant graph.TenantID, run runs.ID, c backupset.Captured) version {
	policy := m.inventoryRow(tenant, c.Policy.Type, c.Policy.ID)
	v := m.versionOf(tenant, policy.ID, run, c)
	if c.Imported {
		policy.Name = cmp.Or(policy.Name, c.Policy.Name)
		m.policies.put(tenant, policy.ID, policy)
		return v
	}
	policy.Name, policy.LastSeenAt, policy.CurrentVersionID = c.Policy.Name, c.CapturedAt, v.ID
	m.policies.put(tenant, policy.ID, policy)
	return v
}

// versionOf finds the version of a policy with the captured content, or makes it.
func (m *Memory) versionOf(tenant graph.TenantID, policy, run runs.ID, c backupset.Captured) version {
	number := 0
	for _, v := range m.versions.where(tenant, func(v version) bool { return v.PolicyID == policy }) {
		if v.Hash == c.Hash {
			return v
		}
		number = max(number, v.Number)
	}
	v := version{PolicyVersion: backupset.PolicyVersion{
		ID: m.newID(), PolicyID: policy, Number: number + 1, Hash: c.Hash, Name: c.Policy.Name, CapturedAt: c.CapturedAt, RunID: run,
	}, Payload: c.Payload}
	m.versions.put(tenant, v.ID, v)
	return v
}

// CopyItems implements [backupset.CaptureStore].
func (m *Memory) CopyItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, from, to runs.ID, types []graph.PolicyType) (int, error) {
	if err := m.lock(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	r, _, err := m.building(tenant, lease, to)
	if err != nil {
		return 0, err
	}
	if _, err := m.sets.get(tenant, from); err != nil {
		return 0, err
	}
	var outcomes []runs.Item
	for _, item := range m.setItems[from] {
		if !slices.Contains(types, item.Type) || m.holds(to, item.Type, item.ExternalID) {
			continue
		}
		item.ID, item.SetID, item.Revision = m.newID(), to, 1
		m.setItems[to] = append(m.setItems[to], keep(item))
		outcomes = append(outcomes, runs.Item{
			ID: m.newID(), PolicyType: item.Type, PolicyID: item.ExternalID, Name: item.Name,
			Status: runs.ItemSuccess, Attempt: r.Attempt, BackupItemID: item.ID,
		})
	}
	m.putItems(r, outcomes)
	return len(outcomes), nil
}

// SaveManifest implements [backupset.CaptureStore].
func (m *Memory) SaveManifest(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, manifest backupset.Manifest) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	_, s, err := m.building(tenant, lease, set)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(s.Types, func(old backupset.Manifest) bool { return old.Type == manifest.Type })
	if i < 0 {
		s.Types = append(s.Types, manifest)
	} else {
		s.Types[i] = manifest
	}
	m.sets.put(tenant, set, s)
	return nil
}

// SealSet implements [backupset.CaptureStore].
func (m *Memory) SealSet(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, status backupset.Status, trail runs.Trail) (backupset.BackupSet, error) {
	if err := m.lock(ctx); err != nil {
		return backupset.BackupSet{}, err
	}
	defer m.mu.Unlock()
	r, err := m.held(tenant, lease)
	if err != nil {
		return backupset.BackupSet{}, err
	}
	s, err := m.sets.get(tenant, set)
	if err != nil {
		return backupset.BackupSet{}, err
	}
	if s.Status != backupset.Building {
		return m.look(tenant, set)
	}
	if !m.adds(s, r.ID) {
		return backupset.BackupSet{}, runs.Conflict("set_counts_differ", "items, manifests and outcomes differ; capture again")
	}
	s.Status, s.Revision, s.ItemsCount, s.CompletedAt = status, 1, len(m.setItems[set]), m.now()
	m.sets.put(tenant, set, s)
	m.write(tenant, trail)
	return m.look(tenant, set)
}

// adds tells whether each type of a set has as many items as its manifest says, and as many
// successful outcomes in the run.
func (m *Memory) adds(s backupset.BackupSet, run runs.ID) bool {
	items, said, outcomes := map[graph.PolicyType]int{}, map[graph.PolicyType]int{}, map[graph.PolicyType]int{}
	for _, manifest := range s.Types {
		said[manifest.Type] += manifest.Captured
	}
	for _, i := range m.setItems[s.ID] {
		items[i.Type]++
	}
	for _, i := range m.items[run] {
		if i.Status == runs.ItemSuccess {
			outcomes[i.PolicyType]++
		}
	}
	for _, t := range slices.Concat(types(items), types(said), types(outcomes)) {
		if items[t] != said[t] || items[t] != outcomes[t] {
			return false
		}
	}
	return true
}
