package store

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// CreateRun implements [runs.RunStore].
func (o observed) CreateRun(ctx context.Context, tenant graph.TenantID, run runs.Run, trail runs.Trail) (_ runs.Run, _ bool, err error) {
	ctx, call := o.begin(ctx, "CreateRun", tenant)
	defer call.done(&err)
	return o.Store.CreateRun(ctx, tenant, run, trail)
}

// CreateSetRun implements [runs.RunStore].
func (o observed) CreateSetRun(ctx context.Context, tenant graph.TenantID, run runs.Run, setName string, trail runs.Trail) (_ runs.Run, _ bool, err error) {
	ctx, call := o.begin(ctx, "CreateSetRun", tenant)
	defer call.done(&err)
	return o.Store.CreateSetRun(ctx, tenant, run, setName, trail)
}

// CreateBatch implements [runs.RunStore].
func (o observed) CreateBatch(ctx context.Context, tenant graph.TenantID, batch []runs.NewRun, notice func(created int) runs.Notification) (_ []runs.StoredRun, err error) {
	ctx, call := o.begin(ctx, "CreateBatch", tenant)
	defer call.done(&err)
	return o.Store.CreateBatch(ctx, tenant, batch, notice)
}

// GetRun implements [runs.RunStore].
func (o observed) GetRun(ctx context.Context, tenant graph.TenantID, id runs.ID) (_ runs.Run, err error) {
	ctx, call := o.begin(ctx, "GetRun", tenant)
	defer call.done(&err)
	return o.Store.GetRun(ctx, tenant, id)
}

// ListRuns implements [runs.RunStore].
func (o observed) ListRuns(ctx context.Context, tenant graph.TenantID, filter runs.RunFilter, slice runs.Slice) (_ []runs.Run, err error) {
	ctx, call := o.begin(ctx, "ListRuns", tenant)
	defer call.done(&err)
	return o.Store.ListRuns(ctx, tenant, filter, slice)
}

// ChangeRun implements [runs.RunStore].
func (o observed) ChangeRun(ctx context.Context, tenant graph.TenantID, id runs.ID, change runs.ChangeFunc) (_ runs.Run, err error) {
	ctx, call := o.begin(ctx, "ChangeRun", tenant)
	defer call.done(&err)
	return o.Store.ChangeRun(ctx, tenant, id, func(now time.Time, cur runs.Run, room runs.Room) (answer runs.Change, err error) {
		answer, err = change(now, cur, room)
		call.refused = err != nil
		return answer, err
	})
}

// WaitingRuns implements [runs.RunStore].
func (o observed) WaitingRuns(ctx context.Context, tenant graph.TenantID, lanes int) (_ []runs.Run, err error) {
	ctx, call := o.begin(ctx, "WaitingRuns", tenant)
	defer call.done(&err)
	return o.Store.WaitingRuns(ctx, tenant, lanes)
}

// SaveItems implements [runs.ItemStore].
func (o observed) SaveItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, items []runs.Item, total int) (_ runs.Run, err error) {
	ctx, call := o.begin(ctx, "SaveItems", tenant)
	defer call.done(&err)
	return o.Store.SaveItems(ctx, tenant, lease, items, total)
}

// ListItems implements [runs.ItemStore].
func (o observed) ListItems(ctx context.Context, tenant graph.TenantID, run runs.ID, filter runs.ItemFilter, slice runs.Slice) (_ []runs.Item, err error) {
	ctx, call := o.begin(ctx, "ListItems", tenant)
	defer call.done(&err)
	return o.Store.ListItems(ctx, tenant, run, filter, slice)
}

// AppendAudit implements [runs.AuditStore].
func (o observed) AppendAudit(ctx context.Context, tenant graph.TenantID, entries ...runs.AuditEntry) (err error) {
	ctx, call := o.begin(ctx, "AppendAudit", tenant)
	defer call.done(&err)
	return o.Store.AppendAudit(ctx, tenant, entries...)
}

// ListAudit implements [runs.AuditStore].
func (o observed) ListAudit(ctx context.Context, tenant graph.TenantID, filter runs.AuditFilter, slice runs.Slice) (_ []runs.AuditEntry, err error) {
	ctx, call := o.begin(ctx, "ListAudit", tenant)
	defer call.done(&err)
	return o.Store.ListAudit(ctx, tenant, filter, slice)
}

// AuditHead implements [runs.AuditStore].
func (o observed) AuditHead(ctx context.Context, tenant graph.TenantID) (_ runs.AuditHead, err error) {
	ctx, call := o.begin(ctx, "AuditHead", tenant)
	defer call.done(&err)
	return o.Store.AuditHead(ctx, tenant)
}

// ListNotifications implements [runs.NotificationStore].
func (o observed) ListNotifications(ctx context.Context, tenant graph.TenantID, recipient string, unreadOnly bool, slice runs.Slice) (_ []runs.Notification, err error) {
	ctx, call := o.begin(ctx, "ListNotifications", tenant)
	defer call.done(&err)
	return o.Store.ListNotifications(ctx, tenant, recipient, unreadOnly, slice)
}

// MarkNotificationRead implements [runs.NotificationStore].
func (o observed) MarkNotificationRead(ctx context.Context, tenant graph.TenantID, recipient string, id runs.ID, seen, at time.Time) (_ runs.Notification, err error) {
	ctx, call := o.begin(ctx, "MarkNotificationRead", tenant)
	defer call.done(&err)
	return o.Store.MarkNotificationRead(ctx, tenant, recipient, id, seen, at)
}

// CountUnread implements [runs.NotificationStore].
func (o observed) CountUnread(ctx context.Context, tenant graph.TenantID, recipient string) (_ int, err error) {
	ctx, call := o.begin(ctx, "CountUnread", tenant)
	defer call.done(&err)
	return o.Store.CountUnread(ctx, tenant, recipient)
}

// StrandedRuns implements [runs.SystemStore].
func (o observed) StrandedRuns(ctx context.Context, q runs.Stranded) (_ []runs.Run, err error) {
	ctx, call := o.begin(ctx, "StrandedRuns", "")
	defer call.done(&err)
	return o.Store.StrandedRuns(ctx, q)
}
