package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// OpenPreview implements [restore.Store].
func (m *Memory) OpenPreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease, p restore.Preview) (restore.Preview, error) {
	if err := m.lock(ctx); err != nil {
		return restore.Preview{}, err
	}
	defer m.mu.Unlock()
	r, err := m.held(tenant, lease)
	if err != nil {
		return restore.Preview{}, err
	}
	if _, ok := m.previews[r.ID]; ok {
		return m.previews.get(tenant, r.ID)
	}
	p.SourceTenant = cmp.Or(p.SourceTenant, tenant)
	if _, err := m.sets.get(tenant, p.SetID); err != nil && p.SourceTenant == tenant {
		return restore.Preview{}, err
	}
	p.RunID, p.TenantID = r.ID, tenant
	p.ReadyAt, p.Totals, p.RestoreRunID = restore.Preview{}.ReadyAt, nil, ""
	m.previews.put(tenant, r.ID, p)
	return m.previews.get(tenant, r.ID)
}

// SavePreviewItems implements [restore.Store].
func (m *Memory) SavePreviewItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, outcomes []restore.PreviewItem, items []runs.Item) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	r, err := m.held(tenant, lease)
	if err != nil {
		return err
	}
	p, err := m.previews.get(tenant, r.ID)
	if err != nil {
		return err
	}
	if !p.ReadyAt.IsZero() {
		return runs.Conflict("preview_ready", "make a new preview")
	}
	list := slices.Clone(m.previewItems[r.ID])
	for _, o := range outcomes {
		list = slices.DeleteFunc(list, func(old restore.PreviewItem) bool { return old.ItemID == o.ItemID })
	}
	for _, o := range outcomes {
		if slices.ContainsFunc(list, func(old restore.PreviewItem) bool { return old.Position == o.Position }) {
			return runs.Conflict("preview_position_taken", "take another position")
		}
		o.PreviewID = r.ID
		list = append(list, keep(o))
	}
	m.previewItems[r.ID] = list
	m.putItems(r, items)
	return nil
}

// ReadyPreview implements [restore.Store].
func (m *Memory) ReadyPreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease) (restore.Preview, error) {
	if err := m.lock(ctx); err != nil {
		return restore.Preview{}, err
	}
	defer m.mu.Unlock()
	r, err := m.held(tenant, lease)
	if err != nil {
		return restore.Preview{}, err
	}
	p, err := m.previews.get(tenant, r.ID)
	if err != nil || !p.ReadyAt.IsZero() {
		return p, err
	}
	p.ReadyAt, p.Totals = m.now(), map[restore.Action]int{}
	for _, i := range m.previewItems[r.ID] {
		p.Totals[i.Action]++
	}
	m.previews.put(tenant, r.ID, p)
	return m.previews.get(tenant, r.ID)
}

// GetPreview implements [restore.Store].
func (m *Memory) GetPreview(ctx context.Context, tenant graph.TenantID, run runs.ID) (restore.Preview, error) {
	if err := m.lock(ctx); err != nil {
		return restore.Preview{}, err
	}
	defer m.mu.Unlock()
	return m.previews.get(tenant, run)
}

// ListPreviewItems implements [restore.Store].
func (m *Memory) ListPreviewItems(ctx context.Context, tenant graph.TenantID, preview runs.ID, filter restore.Filter, slice runs.Slice) ([]restore.PreviewItem, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if _, err := m.previews.get(tenant, preview); err != nil {
		return nil, err
	}
	var list []restore.PreviewItem
	for _, i := range m.previewItems[preview] {
		if among(filter.Actions, i.Action) && is(filter.Type, i.Type) && among(filter.ItemIDs, i.ItemID) {
			list = append(list, keep(i))
		}
	}
	return page(list, slice, func(i restore.PreviewItem) runs.Keyset { return numberKey(int64(i.Position), i.ItemID) }, byNumber), nil
}

// UsePreview implements [restore.Store].
func (m *Memory) UsePreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease, preview runs.ID, trail runs.Trail) (restore.Preview, error) {
	if err := m.lock(ctx); err != nil {
		return restore.Preview{}, err
	}
	defer m.mu.Unlock()
	r, err := m.held(tenant, lease)
	if err != nil {
		return restore.Preview{}, err
	}
	p, err := m.previews.get(tenant, preview)
	if err != nil {
		return restore.Preview{}, err
	}
	if p.RestoreRunID != "" && p.RestoreRunID != r.ID {
		return restore.Preview{}, runs.Conflict("preview_used", "make a new preview")
	}
	if p.ReadyAt.IsZero() {
		return restore.Preview{}, runs.Conflict("preview_not_ready", "wait for the preview")
	}
	if p.RestoreRunID == "" {
		p.RestoreRunID = r.ID
		m.previews.put(tenant, preview, p)
		m.write(tenant, trail)
	}
	return p, nil
}

// SaveSteps implements [restore.Store].
func (m *Memory) SaveSteps(ctx context.Context, tenant graph.TenantID, lease runs.Lease, steps []restore.Step, items []runs.Item) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	r, err := m.held(tenant, lease)
	if err != nil {
		return err
	}
	for _, s := range steps {
		s.RunID = r.ID
		m.steps[r.ID] = append(slices.DeleteFunc(m.steps[r.ID], func(old restore.Step) bool { return old.ItemID == s.ItemID }), keep(s))
	}
	m.putItems(r, items)
	return nil
}

// ListSteps implements [restore.Store].
func (m *Memory) ListSteps(ctx context.Context, tenant graph.TenantID, run runs.ID, slice runs.Slice) ([]restore.Step, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if _, err := m.runs.get(tenant, run); err != nil {
		return nil, err
	}
	return page(slices.Clone(m.steps[run]), slice, func(s restore.Step) runs.Keyset { return idKey(s.ItemID) }, byText), nil
}

// purgePreviews removes at most limit rows of the tenant's previews of its set, and returns
// how many.
func (m *Memory) purgePreviews(set backupset.BackupSet, limit int) int {
	removed := 0
	for _, p := range m.previews.where(set.TenantID, func(p restore.Preview) bool { return p.SetID == set.ID && p.SourceTenant == p.TenantID }) {
		p.ReadyAt, p.Totals = restore.Preview{}.ReadyAt, nil
		n := min(limit-removed, len(m.previewItems[p.RunID]))
		m.previewItems[p.RunID] = m.previewItems[p.RunID][n:]
		removed += n
		n = min(limit-removed, len(m.steps[p.RestoreRunID]))
		m.steps[p.RestoreRunID] = m.steps[p.RestoreRunID][n:]
		removed += n
		if removed == limit {
			m.previews.put(p.TenantID, p.RunID, p)
			return removed
		}
		delete(m.previews, p.RunID)
		removed++
	}
	return removed
}
