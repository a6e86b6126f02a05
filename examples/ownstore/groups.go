package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// group returns the sets of a schedule that are not deleted, oldest first.
func (m *Memory) group(tenant graph.TenantID, schedule runs.ID) []backupset.BackupSet {
	list := m.lookWhere(tenant, func(s backupset.BackupSet) bool { return s.ScheduleID == schedule && !s.Deleted() })
	slices.SortFunc(list, func(a, b backupset.BackupSet) int {
		return cmp.Or(a.ScheduledFor.Compare(b.ScheduledFor), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// ListGroup implements [backupset.GroupStore].
func (m *Memory) ListGroup(ctx context.Context, tenant graph.TenantID, schedule runs.ID) ([]backupset.BackupSet, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return m.group(tenant, schedule), nil
}

// ChangeGroup implements [backupset.GroupStore].
func (m *Memory) ChangeGroup(ctx context.Context, tenant graph.TenantID, schedule runs.ID, decide func(time.Time, []backupset.BackupSet) (backupset.GroupChange, error)) (int, error) {
	if err := m.lock(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	now := m.now()
	change, err := decide(now, m.group(tenant, schedule))
	if err != nil {
		return 0, err
	}
	var drop []backupset.BackupSet
	for _, id := range change.Drop {
		s, err := m.look(tenant, id)
		if err != nil || s.ScheduleID != schedule || s.Deleted() || s.Status == backupset.Building || len(s.Holds) > 0 || s.InUse {
			return 0, runs.Conflict("set_protected", "a set is not in the group, is being captured, held or in use; decide again")
		}
		s.DeletedAt, s.DeletedReason = now, change.Reason[id]
		drop = append(drop, s)
	}
	for _, s := range drop {
		m.sets.put(tenant, s.ID, s)
	}
	m.write(tenant, change.Trail)
	return len(drop), nil
}

// PurgeSet implements [backupset.GroupStore].
func (m *Memory) PurgeSet(ctx context.Context, tenant graph.TenantID, id runs.ID, limit int, trail func(backupset.BackupSet, backupset.PurgeResult) runs.Trail) (backupset.PurgeResult, error) {
	if err := m.lock(ctx); err != nil {
		return backupset.PurgeResult{}, err
	}
	defer m.mu.Unlock()
	s, err := m.look(tenant, id)
	if err != nil {
		return backupset.PurgeResult{}, err
	}
	if !s.Deleted() || len(s.Holds) > 0 || s.InUse {
		return backupset.PurgeResult{}, runs.Conflict("set_not_purgeable", "the set is not deleted, or held or in use")
	}
	if s.PurgingAt.IsZero() {
		s.PurgingAt = m.now()
		m.sets.put(tenant, id, s)
	}
	previews := m.purgePreviews(s, limit)
	items := m.setItems[id]
	step := items[:min(len(items), limit-previews)]
	m.setItems[id] = items[len(step):]
	result := backupset.PurgeResult{Items: len(step), Previews: previews, Done: len(step) == len(items) && previews < limit}
	for _, item := range step {
		if v, ok := m.versions[item.VersionID]; ok && !m.needed(tenant, v.record) {
			delete(m.versions, item.VersionID)
			result.Versions++
			result.Payloads++
			result.Bytes += int64(len(v.record.Payload))
		}
	}
	if result.Done {
		delete(m.sets, id)
		delete(m.setItems, id)
		m.write(tenant, trail(s, result))
	}
	return result, nil
}

// needed tells whether a version is a policy's current one, a snapshot or in a set.
func (m *Memory) needed(tenant graph.TenantID, v version) bool {
	if v.Snapshot {
		return true
	}
	if p, err := m.policies.get(tenant, v.PolicyID); err == nil && p.CurrentVersionID == v.ID {
		return true
	}
	for _, items := range m.setItems {
		if slices.ContainsFunc(items, func(i backupset.Item) bool { return i.VersionID == v.ID }) {
			return true
		}
	}
	return false
}

// PurgeableSets implements [backupset.SystemStore].
func (m *Memory) PurgeableSets(ctx context.Context, deletedBefore time.Time, after runs.ID, limit int) ([]backupset.TenantSet, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var list []backupset.TenantSet
	for _, s := range m.sets.everywhere(func(s backupset.BackupSet) bool { return s.Deleted() && s.DeletedAt.Before(deletedBefore) }) {
		list = append(list, backupset.TenantSet{TenantID: s.TenantID, ID: s.ID})
	}
	return following(list, after, limit, func(s backupset.TenantSet) runs.ID { return s.ID }), nil
}

// Groups implements [backupset.SystemStore].
func (m *Memory) Groups(ctx context.Context, after runs.ID, limit int) ([]backupset.TenantGroup, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var list []backupset.TenantGroup
	for _, s := range m.sets.everywhere(func(s backupset.BackupSet) bool {
		return s.ScheduleID != "" && s.Status != backupset.Building && !s.Deleted()
	}) {
		if g := (backupset.TenantGroup{TenantID: s.TenantID, ScheduleID: s.ScheduleID}); !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	return following(list, after, limit, func(g backupset.TenantGroup) runs.ID { return g.ScheduleID }), nil
}
