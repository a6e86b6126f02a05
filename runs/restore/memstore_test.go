package restore_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

type restoreStore interface {
	restore.RequestsStore
}

type memStore struct {
	*sqlitestore.Store
	mu       sync.Mutex
	rig      *rig.Rig
	previews map[runs.ID]restore.Preview
	items    map[runs.ID]map[runs.ID]restore.PreviewItem
}

func newRestoreStore(r *rig.Rig) restoreStore {
	return &memStore{Store: r.Store, rig: r, previews: map[runs.ID]restore.Preview{}, items: map[runs.ID]map[runs.ID]restore.PreviewItem{}}
}

func (m *memStore) held(ctx context.Context, tenant graph.TenantID, lease runs.Lease) error {
	run, err := m.GetRun(ctx, tenant, lease.RunID)
	if err == nil && !run.HeldBy(lease) {
		err = runs.ErrLeaseLost
	}
	return err
}

func (m *memStore) OpenPreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease, p restore.Preview) (restore.Preview, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.held(ctx, tenant, lease); err != nil {
		return p, err
	}
	if have, ok := m.previews[lease.RunID]; ok {
		return have, nil
	}
	m.previews[lease.RunID], m.items[lease.RunID] = p, map[runs.ID]restore.PreviewItem{}
	return p, nil
}

func (m *memStore) SavePreviewItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, outcomes []restore.PreviewItem, items []runs.Item) error {
	if _, err := m.SaveItems(ctx, tenant, lease, items, -1); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.previews[lease.RunID].ReadyAt.IsZero() {
		return runs.Conflict("preview_ready", "ready")
	}
	for _, o := range outcomes {
		m.items[lease.RunID][o.ItemID] = o
	}
	return nil
}

func (m *memStore) ReadyPreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease) (restore.Preview, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.previews[lease.RunID]
	if p.ReadyAt.IsZero() {
		p.ReadyAt, p.Totals = m.rig.Clock.Now(), map[restore.Action]int{}
		for _, i := range m.items[lease.RunID] {
			p.Totals[i.Action]++
		}
		m.previews[lease.RunID] = p
	}
	return p, m.held(ctx, tenant, lease)
}

func (m *memStore) GetPreview(_ context.Context, tenant graph.TenantID, run runs.ID) (restore.Preview, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.previews[run]
	if !ok || p.TenantID != tenant {
		return p, runs.ErrNotFound
	}
	return p, nil
}

func (m *memStore) ListPreviewItems(_ context.Context, tenant graph.TenantID, run runs.ID, f restore.Filter, s runs.Slice) ([]restore.PreviewItem, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.previews[run]; !ok || p.TenantID != tenant {
		return nil, runs.ErrNotFound
	}
	list := slices.SortedFunc(maps.Values(m.items[run]), func(a, b restore.PreviewItem) int { return cmp.Compare(a.Position, b.Position) })
	after := -1
	if i := m.items[run][s.After.ID]; !s.After.IsZero() {
		after = i.Position
	}
	list = slices.DeleteFunc(list, func(i restore.PreviewItem) bool {
		return i.Position <= after || len(f.Actions) > 0 && !slices.Contains(f.Actions, i.Action) ||
			f.Type != "" && f.Type != i.Type || len(f.ItemIDs) > 0 && !slices.Contains(f.ItemIDs, i.ItemID)
	})
	return list[:min(len(list), s.Limit+1)], nil
}

func (m *memStore) UsePreview(_ context.Context, _ graph.TenantID, lease runs.Lease, preview runs.ID) (restore.Preview, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.previews[preview]
	p.RestoreRunID = lease.RunID
	m.previews[preview] = p
	return p, nil
}
