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

// MarkRead marks one of the actor's own notifications as read. seen is the CreatedAt that was
// shown: when it tells something newer by now it stays unread. With the zero time it is read
// whatever it tells.
func (s *Starter) MarkRead(ctx context.Context, tenant graph.TenantID, actor Actor, id ID, seen time.Time) (Notification, error) {
	if err := s.guard.Allow(ctx, tenant, actor, ActionLook, Target{Type: "notification", ID: id}); err != nil {
		return Notification{}, err
	}
	if !id.Valid() {
		return Notification{}, ErrNotFound
	}
	at := now(s.clock)
	if seen.IsZero() {
		seen = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC) // after any time that is stored
	}
	return s.store.MarkNotificationRead(ctx, tenant, actor.ID, id, seen, at)
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
