package bunstore

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// ListNotifications implements [runs.NotificationStore].
func (s *Store) ListNotifications(ctx context.Context, tenant graph.TenantID, recipient string, unreadOnly bool, slice runs.Slice) (list []runs.Notification, err error) {
	c := where("t.tenant_id = ? AND t.recipient = ?", ident(tenant), text(recipient))
	if unreadOnly {
		c.and("t.read_at IS NULL")
	}
	if err := c.afterTime(slice.After); err != nil {
		return nil, err
	}
	err = s.look(ctx, tenant, func(q querier) error {
		rows, err := find[notificationRow](ctx, s, q, c.tail("t.created_at DESC, t.id DESC", slice), c.args...)
		for i := range rows {
			list = append(list, rows[i].notification())
		}
		return err
	})
	return list, err
}

// MarkNotificationRead implements [runs.NotificationStore].
func (s *Store) MarkNotificationRead(ctx context.Context, tenant graph.TenantID, recipient string, id runs.ID, seen, at time.Time) (n runs.Notification, err error) {
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		old, found, err := findOne[notificationRow](ctx, s, t,
			"WHERE t.tenant_id = ? AND t.id = ? AND t.recipient = ?"+s.locking(t), ident(tenant), uidOf(id), text(recipient))
		if err != nil {
			return err
		}
		if !found {
			return notFound("notification")
		}
		changed := old
		if !old.ReadAt.set && !old.CreatedAt.time().After(seen) {
			changed.ReadAt = tsOf(at)
		}
		n = changed.notification()
		return update(ctx, t, &old, &changed)
	})
	if err != nil {
		return runs.Notification{}, err
	}
	return n, nil
}

// CountUnread implements [runs.NotificationStore].
func (s *Store) CountUnread(ctx context.Context, tenant graph.TenantID, recipient string) (n int, err error) {
	err = s.look(ctx, tenant, func(q querier) error {
		n, err = count(ctx, q, s.sql("SELECT count(*) FROM {notifications} "+s.dialect.using("notifications_unread")+
			"WHERE tenant_id = ? AND recipient = ? AND read_at IS NULL"), ident(tenant), text(recipient))
		return err
	})
	return n, err
}

// notice reads a notification and locks it.
func (t *tx) notice(ctx context.Context, tenant ident, id uid) (r notificationRow, found bool, err error) {
	return findOne[notificationRow](ctx, t.s, t, "WHERE t.tenant_id = ? AND t.id = ?"+t.s.locking(t), tenant, id)
}

// replaceNotices puts notifications in the place of those with their ids and returns the others.
func (t *tx) replaceNotices(ctx context.Context, tenant graph.TenantID, list []runs.Notification) (others []runs.Notification, err error) {
	for _, n := range list {
		r, err := notificationRowOf(tenant, n)
		if err != nil {
			return nil, err
		}
		old, found, err := t.notice(ctx, r.TenantID, r.ID)
		if err == nil && found {
			err = update(ctx, t, &old, &r)
		}
		if err != nil {
			return nil, err
		}
		if !found {
			others = append(others, n)
		}
	}
	return others, nil
}

type notificationRow struct {
	TenantID                    ident
	ID                          uid
	Recipient                   text
	RunID                       uid
	Kind, Status, Code, Message text
	CreatedAt, ReadAt           ts
}

var notificationsTable = &table{name: "notifications", key: 2, columns: []string{
	"tenant_id", "id", "recipient", "run_id", "kind", "status", "code", "message", "created_at", "read_at",
}}

func (*notificationRow) table() *table { return notificationsTable }

func (r *notificationRow) columns() []column {
	return []column{&r.TenantID, &r.ID, &r.Recipient, &r.RunID, &r.Kind, &r.Status, &r.Code, &r.Message, &r.CreatedAt, &r.ReadAt}
}

func notificationRowOf(tenant graph.TenantID, n runs.Notification) (notificationRow, error) {
	var f fields
	return notificationRow{
		TenantID: f.tenant(tenant), ID: f.key("notification.id", n.ID), Recipient: text(n.Recipient),
		RunID: f.id("notification.run_id", n.RunID), Kind: text(n.Kind), Status: text(n.Status), Code: text(n.Code),
		Message: text(n.Message), CreatedAt: tsOf(n.CreatedAt), ReadAt: tsOf(n.ReadAt),
	}, f.bad.Err()
}

func (r *notificationRow) notification() runs.Notification {
	return runs.Notification{
		ID: r.ID.id(), Recipient: string(r.Recipient), RunID: r.RunID.id(), Kind: runs.Kind(r.Kind),
		Status: runs.Status(r.Status), Code: runs.Code(r.Code), Message: string(r.Message),
		CreatedAt: r.CreatedAt.time(), ReadAt: r.ReadAt.time(),
	}
}
