package main

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// write stores a trail. The callers hold the lock and have checked everything.
func (m *Memory) write(tenant graph.TenantID, trail runs.Trail) {
	for _, e := range trail.Audit {
		head := m.heads[tenant]
		e.TenantID, e.Seq, e.PrevHash = tenant, head.Seq+1, head.Hash
		e.Hash = runs.ChainHash(head.Hash, e)
		m.audit[tenant] = append(m.audit[tenant], keep(e))
		m.heads[tenant] = runs.AuditHead{Seq: e.Seq, Hash: e.Hash}
	}
	for _, n := range trail.Notifications {
		m.notifications.put(tenant, n.ID, n)
	}
}

// AppendAudit implements [runs.AuditStore].
func (m *Memory) AppendAudit(ctx context.Context, tenant graph.TenantID, entries ...runs.AuditEntry) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.write(tenant, runs.Trail{Audit: entries})
	return nil
}

// ListAudit implements [runs.AuditStore].
func (m *Memory) ListAudit(ctx context.Context, tenant graph.TenantID, filter runs.AuditFilter, slice runs.Slice) ([]runs.AuditEntry, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var list []runs.AuditEntry
	for _, e := range m.audit[tenant] {
		if among(filter.Actions, e.Action) && is(filter.RunID, e.RunID) && is(filter.Resource, e.Resource.ID) &&
			is(filter.Actor, e.Actor.ID) && !e.At.Before(filter.From) && (filter.To.IsZero() || e.At.Before(filter.To)) {
			list = append(list, keep(e))
		}
	}
	return page(list, slice, func(e runs.AuditEntry) runs.Keyset { return numberKey(e.Seq, e.ID) }, newestFirst), nil
}

// AuditHead implements [runs.AuditStore].
func (m *Memory) AuditHead(ctx context.Context, tenant graph.TenantID) (runs.AuditHead, error) {
	if err := m.lock(ctx); err != nil {
		return runs.AuditHead{}, err
	}
	defer m.mu.Unlock()
	return m.heads[tenant], nil
}

// inbox returns the notifications of one recipient.
func (m *Memory) inbox(tenant graph.TenantID, recipient string, unreadOnly bool) []runs.Notification {
	return m.notifications.where(tenant, func(n runs.Notification) bool {
		return n.Recipient == recipient && !(unreadOnly && !n.ReadAt.IsZero())
	})
}

// ListNotifications implements [runs.NotificationStore].
func (m *Memory) ListNotifications(ctx context.Context, tenant graph.TenantID, recipient string, unreadOnly bool, slice runs.Slice) ([]runs.Notification, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return page(m.inbox(tenant, recipient, unreadOnly), slice, func(n runs.Notification) runs.Keyset {
		return timeKey(n.CreatedAt, n.ID)
	}, newestFirst), nil
}

// MarkNotificationRead implements [runs.NotificationStore].
func (m *Memory) MarkNotificationRead(ctx context.Context, tenant graph.TenantID, recipient string, id runs.ID, seen, at time.Time) (runs.Notification, error) {
	if err := m.lock(ctx); err != nil {
		return runs.Notification{}, err
	}
	defer m.mu.Unlock()
	n, err := m.notifications.get(tenant, id)
	if err != nil || n.Recipient != recipient {
		return runs.Notification{}, runs.ErrNotFound
	}
	if n.ReadAt.IsZero() && !n.CreatedAt.After(seen) {
		n.ReadAt = at
		m.notifications.put(tenant, id, n)
	}
	return m.notifications.get(tenant, id)
}

// CountUnread implements [runs.NotificationStore].
func (m *Memory) CountUnread(ctx context.Context, tenant graph.TenantID, recipient string) (int, error) {
	if err := m.lock(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	return len(m.inbox(tenant, recipient, true)), nil
}
