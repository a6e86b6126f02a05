package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Notification tells the caller about a run that he or she started, or about the runs that one
// bulk call started.
type Notification struct {
	ID        string     `json:"id" format:"uuid"`
	RunID     *string    `json:"run_id" format:"uuid" doc:"null when it is about a batch"`
	BatchID   *string    `json:"batch_id" format:"uuid" doc:"Of the runs that it is about, when one bulk call started them; null when it is about one run"`
	Status    string     `json:"status" enum:"queued,running,success,partial,failed,canceled,skipped" doc:"Of the run; of a batch partial when its runs ended differently"`
	Code      *string    `json:"code"`
	Message   string     `json:"message"`
	CreatedAt time.Time  `json:"created_at"`
	ReadAt    *time.Time `json:"read_at"`
}

// NotificationList is one page of notifications.
type NotificationList struct {
	List[Notification]
	UnreadCount int `json:"unread_count" doc:"All unread ones of the caller in this tenant, not only those of the page"`
}

type notificationQuery struct {
	Paging
	Unread flagParam `query:"unread" doc:"true: only unread ones"`
}

type seenBody struct {
	CreatedAt instantParam `json:"created_at,omitempty" doc:"As it was shown"`
}

func showNotification(n runs.Notification) Notification {
	return Notification{
		ID: string(n.ID), RunID: text(n.RunID), BatchID: text(n.BatchID()), Status: string(n.Status), Code: text(n.Code), Message: n.Message,
		CreatedAt: n.CreatedAt.UTC(), ReadAt: instant(n.ReadAt),
	}
}

// inbox registers what people are told.
func (a *API) inbox() {
	starter := a.cfg.Starter
	add(a, route{
		id: "list-notifications", method: http.MethodGet, path: "notifications", summary: "The caller's own notifications, newest first",
		action: runs.ActionLook, target: "notifications",
	}, func(ctx context.Context, c *call, q *notificationQuery, _ *nothing) (NotificationList, error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		unread := given(q.Unread.value(&bad, "unread"), false)
		if err := bad.Err(); err != nil {
			return NotificationList{}, err
		}
		list, err := starter.Notifications(ctx, c.tenant, c.actor, unread, page)
		if err != nil {
			return NotificationList{}, err
		}
		n, err := starter.Unread(ctx, c.tenant, c.actor)
		return NotificationList{listOf(list, showNotification), n}, err
	})
	add(a, route{
		id: "read-notification", method: http.MethodPost, path: "notifications/{id}/read", summary: "Mark one of the caller's notifications as read", optional: true,
		notes:  "With the created_at that was seen it stays unread when it tells something newer by now.",
		action: runs.ActionLook, target: "notification",
	}, func(ctx context.Context, c *call, _ *nothing, b *seenBody) (Notification, error) {
		var bad runs.InvalidError
		seen := b.CreatedAt.value(&bad, "created_at")
		if err := bad.Err(); err != nil {
			return Notification{}, err
		}
		n, err := starter.MarkRead(ctx, c.tenant, c.actor, c.id, seen)
		return showNotification(n), err
	})
}
