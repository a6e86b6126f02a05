package runs

import (
	"context"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

func timeKeyset(at time.Time, id ID) Keyset {
	return Keyset{Key: strconv.FormatInt(at.UnixMicro(), 10), ID: id}
}

// Notifications returns the actor's own notifications, newest first.
func (s *Starter) Notifications(ctx context.Context, tenant graph.TenantID, actor Actor, unreadOnly bool, page PageRequest) (Page[Notification], error) {
	if err := s.guard.Allow(ctx, tenant, actor, ActionLook, Target{Type: "notifications"}); err != nil {
		return Page[Notification]{}, err
	}
	slice, err := page.Slice()
	if err != nil {
		return Page[Notification]{}, err
	}
	list, err := s.store.ListNotifications(ctx, tenant, actor.ID, unreadOnly, slice)
	if err != nil {
		return Page[Notification]{}, err
	}
	return NewPage(list, slice.Limit, func(n Notification) Keyset { return timeKeyset(n.CreatedAt, n.ID) }), nil
}

// MarkRead marks one of the actor's own notifications as read.
func (s *Starter) MarkRead(ctx context.Context, tenant graph.TenantID, actor Actor, id ID) (Notification, error) {
	if err := s.guard.Allow(ctx, tenant, actor, ActionLook, Target{Type: "notification", ID: id}); err != nil {
		return Notification{}, err
	}
	if !id.Valid() {
		return Notification{}, ErrNotFound
	}
	return s.store.MarkNotificationRead(ctx, tenant, actor.ID, id, now(s.clock))
}

// Unread counts the actor's own unread notifications.
func (s *Starter) Unread(ctx context.Context, tenant graph.TenantID, actor Actor) (int, error) {
	if err := s.guard.Allow(ctx, tenant, actor, ActionLook, Target{Type: "notifications"}); err != nil {
		return 0, err
	}
	return s.store.CountUnread(ctx, tenant, actor.ID)
}

// Audit returns the tenant's audit log, newest first.
func (s *Starter) Audit(ctx context.Context, tenant graph.TenantID, actor Actor, filter AuditFilter, page PageRequest) (Page[AuditEntry], error) {
	if err := s.guard.Allow(ctx, tenant, actor, ActionLook, Target{Type: "audit"}); err != nil {
		return Page[AuditEntry]{}, err
	}
	slice, err := page.Slice()
	if err != nil {
		return Page[AuditEntry]{}, err
	}
	list, err := s.store.ListAudit(ctx, tenant, filter, slice)
	if err != nil {
		return Page[AuditEntry]{}, err
	}
	return NewPage(list, slice.Limit, func(e AuditEntry) Keyset {
		return Keyset{Key: strconv.FormatInt(e.Seq, 10), ID: e.ID}
	}), nil
}
