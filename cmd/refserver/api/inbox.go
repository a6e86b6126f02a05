package api

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Notification tells the caller about a run that he or she started.
type Notification struct {
	ID        string     `json:"id" format:"uuid"`
	RunID     string     `json:"run_id" format:"uuid"`
	Status    string     `json:"status" enum:"queued,running,success,partial,failed,canceled,skipped" doc:"Of the run"`
	Code      *string    `json:"code"`
	Message   string     `json:"message"`
	CreatedAt time.Time  `json:"created_at"`
	ReadAt    *time.Time `json:"read_at"`
}

// AuditEntry is one line of the audit log.
type AuditEntry struct {
	ID       string            `json:"id" format:"uuid"`
	At       time.Time         `json:"at"`
	Actor    string            `json:"actor" doc:"Id of the user; system for the engine"`
	Tenant   string            `json:"tenant"`
	Action   string            `json:"action"`
	Resource Target            `json:"resource"`
	RunID    *string           `json:"run_id" format:"uuid"`
	Outcome  string            `json:"outcome"`
	Details  map[string]string `json:"details"`
	PrevHash *string           `json:"prev_hash" doc:"null: the log is not chained"`
	Hash     *string           `json:"hash" doc:"null: the log is not chained"`
}

type notificationQuery struct {
	Paging
	Unread flagParam `query:"unread" doc:"true: only unread ones"`
}

type auditQuery struct {
	Paging
	Action []string `query:"action,explode" doc:"run.started, schedule.created, ..."`
	RunID  idParam  `query:"run_id" doc:"A run of the tenant; any other is 403"`
}

func showNotification(n runs.Notification) Notification {
	return Notification{
		ID: string(n.ID), RunID: string(n.RunID), Status: string(n.Status), Code: text(n.Code), Message: n.Message,
		CreatedAt: n.CreatedAt.UTC(), ReadAt: instant(n.ReadAt),
	}
}

func showAudit(e runs.AuditEntry) AuditEntry {
	v := AuditEntry{
		ID: string(e.ID), At: e.At.UTC(), Actor: e.Actor.ID, Tenant: string(e.TenantID), Action: e.Action,
		Resource: showTarget(e.Resource), RunID: text(e.RunID), Outcome: e.Outcome, Details: map[string]string{},
	}
	maps.Copy(v.Details, e.Details)
	return v
}

// inbox registers what people are told: their notifications and the audit log.
func (a *API) inbox() {
	starter := a.cfg.Starter
	add(a, route{
		id: "list-notifications", method: http.MethodGet, path: "notifications", summary: "The caller's own notifications, newest first",
		action: runs.ActionLook, target: "notifications",
	}, func(ctx context.Context, c *call, q *notificationQuery, _ *nothing) (List[Notification], error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		unread := given(q.Unread.value(&bad, "unread"), false)
		if err := bad.Err(); err != nil {
			return List[Notification]{}, err
		}
		list, err := starter.Notifications(ctx, c.tenant, c.actor, unread, page)
		return listOf(list, showNotification), err
	})
	add(a, route{
		id: "read-notification", method: http.MethodPost, path: "notifications/{id}/read", summary: "Mark one of the caller's notifications as read",
		action: runs.ActionLook, target: "notification",
	}, func(ctx context.Context, c *call, _ *nothing, _ *nothing) (Notification, error) {
		n, err := starter.MarkRead(ctx, c.tenant, c.actor, c.id)
		return showNotification(n), err
	})
	add(a, route{
		id: "list-audit", method: http.MethodGet, path: "audit", summary: "The audit log, newest first", action: runs.ActionLook, target: "audit",
	}, func(ctx context.Context, c *call, q *auditQuery, _ *nothing) (List[AuditEntry], error) {
		var bad runs.InvalidError
		page := q.request(&bad)
		if err := bad.Err(); err != nil {
			return List[AuditEntry]{}, err
		}
		filter := runs.AuditFilter{RunID: runs.ID(q.RunID)}
		for _, action := range q.Action {
			if action != "" {
				filter.Actions = append(filter.Actions, action)
			}
		}
		if q.RunID != "" { // refused as it would be in a path
			if _, err := starter.Get(ctx, c.tenant, c.actor, filter.RunID); err != nil {
				return List[AuditEntry]{}, err
			}
		}
		list, err := starter.Audit(ctx, c.tenant, c.actor, filter, page)
		return listOf(list, showAudit), err
	})
}
