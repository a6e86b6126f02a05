package pages

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// inbox registers the pages of notifications. All are the actor's own.
func (p *Pages) inbox() {
	p.add(route{method: http.MethodGet, path: "notifications", action: runs.ActionLook, target: "notifications"}, listNotifications)
	p.add(route{method: http.MethodPost, path: "notifications/read", action: runs.ActionLook, target: "notification"}, readNotifications)
	p.add(route{method: http.MethodPost, path: "notifications/{id}/open", action: runs.ActionLook, target: "notification"}, openNotification)
}

// inboxNotices are what the forms of these pages have done.
var inboxNotices = map[string]string{
	"notifications_read": "Marked as read.",
}

type inboxData struct {
	Unread bool // only unread ones are shown
	Here   string
	Rows   []notificationRow
	Some   bool // of the rows are unread
	Pager  pager
}

type notificationRow struct {
	runs.Notification
	Seen   string // what marking it as read names: its id and what it told when
	Badge  badge
	About  string // what the run is about; empty for a batch
	Ended  string // how a restore ended
	What   string // what a code means
	Detail string
	Many   string // "3 runs" of a batch; empty for one run
}

func listNotifications(v *visit) (answer, error) {
	request, err := v.pageRequest()
	if err != nil {
		return nil, err
	}
	var bad runs.InvalidError
	data := inboxData{Unread: oneOf(v, &bad, "unread", []string{"yes"}) != "", Here: v.with("cursor", request.Cursor)}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	found, err := v.cfg.Starter.Notifications(v.ctx(), v.tenant, v.actor, data.Unread, request)
	if err != nil {
		return nil, err
	}
	told, err := v.notified(found.Items)
	if err != nil {
		return nil, err
	}
	about, err := v.subjects(told)
	if err != nil {
		return nil, err
	}
	for _, n := range found.Items {
		row := notificationRow{Notification: n, About: about[n.RunID].Name, Seen: string(n.ID) + " " + n.CreatedAt.Format(time.RFC3339Nano), Badge: runBadge(runs.Run{Status: n.Status, ErrorCode: n.Code})}
		if at := slices.IndexFunc(told, func(r runs.Run) bool { return r.ID == n.RunID }); at >= 0 {
			row.Ended = restoredWords(told[at])
		}
		if n.Code != "" {
			row.What = adviceFor(n.Code).What
		}
		// The message begins with what the row shows in words.
		_, row.Detail, _ = strings.Cut(n.Message, " - ")
		if n.BatchID() != "" {
			row.Many, row.Detail, _ = strings.Cut(row.Detail, ": ")
			row.What = batchWords(row.Detail)
		}
		data.Some = data.Some || n.ReadAt.IsZero()
		data.Rows = append(data.Rows, row)
	}
	data.Pager = v.pager(found.NextCursor)
	return page{template: "notifications", title: "Notifications", data: data}, nil
}

// notified are the runs of notifications, with one query.
func (v *visit) notified(list []runs.Notification) ([]runs.Run, error) {
	var ids []runs.ID
	for _, n := range list {
		if n.RunID != "" {
			ids = append(ids, n.RunID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, runs.RunFilter{IDs: ids}, runs.PageRequest{Limit: runs.MaxPageSize})
	return found.Items, err
}

// batchWords say how the runs of a batch are: "1 failed, 2 success" is "1 failed, 2 successful".
func batchWords(counts string) string {
	words := strings.NewReplacer(" "+string(runs.StatusSuccess), " successful", " "+string(runs.StatusQueued), " waiting to start", " "+string(runs.StatusPartial), " partly successful")
	return words.Replace(counts)
}

// readNotifications marks one, or all of a page, as read.
func readNotifications(v *visit) (answer, error) {
	ids := v.form["id"]
	if len(ids) == 0 || len(ids) > runs.MaxPageSize {
		return nil, runs.Invalid("id", "ids_count", "must name 1 to 200 notifications")
	}
	for _, id := range ids {
		id, told, _ := strings.Cut(id, " ")
		seen, _ := time.Parse(time.RFC3339Nano, told) // without it whatever it tells
		if _, err := v.cfg.Starter.MarkRead(v.ctx(), v.tenant, v.actor, runs.ID(id), seen); err != nil {
			return nil, err
		}
	}
	back := v.path("notifications")
	if to := v.local(v.form.Get("back")); to == back || strings.HasPrefix(to, back+"?") {
		back = to
	}
	return see{back, "notifications_read"}, nil
}

// openNotification marks one as read and leads to its run, or to the runs of its batch.
func openNotification(v *visit) (answer, error) {
	n, err := v.cfg.Starter.MarkRead(v.ctx(), v.tenant, v.actor, v.id(), time.Time{})
	if err != nil {
		return nil, err
	}
	if batch := n.BatchID(); batch != "" {
		return see{path: v.batchPath(batch)}, nil
	}
	return see{path: v.path("runs", string(n.RunID))}, nil
}
