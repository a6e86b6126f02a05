package store

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// OpenSet implements [backupset.CaptureStore].
func (o observed) OpenSet(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set backupset.BackupSet, trail runs.Trail) (_ backupset.BackupSet, err error) {
	ctx, call := o.begin(ctx, "OpenSet", tenant)
	defer call.done(&err)
	return o.Store.OpenSet(ctx, tenant, lease, set, trail)
}

// SaveCaptured implements [backupset.CaptureStore].
func (o observed) SaveCaptured(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, captured []backupset.Captured, items []runs.Item) (err error) {
	ctx, call := o.begin(ctx, "SaveCaptured", tenant)
	defer call.done(&err)
	return o.Store.SaveCaptured(ctx, tenant, lease, set, captured, items)
}

// CopyItems implements [backupset.CaptureStore].
func (o observed) CopyItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, from, to runs.ID, types []graph.PolicyType) (_ int, err error) {
	ctx, call := o.begin(ctx, "CopyItems", tenant)
	defer call.done(&err)
	return o.Store.CopyItems(ctx, tenant, lease, from, to, types)
}

// SaveSnapshot implements [backupset.CaptureStore].
func (o observed) SaveSnapshot(ctx context.Context, tenant graph.TenantID, lease runs.Lease, captured backupset.Captured, item runs.Item) (_ backupset.PolicyVersion, _ bool, err error) {
	ctx, call := o.begin(ctx, "SaveSnapshot", tenant)
	defer call.done(&err)
	return o.Store.SaveSnapshot(ctx, tenant, lease, captured, item)
}

// SaveManifest implements [backupset.CaptureStore].
func (o observed) SaveManifest(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, m backupset.Manifest) (err error) {
	ctx, call := o.begin(ctx, "SaveManifest", tenant)
	defer call.done(&err)
	return o.Store.SaveManifest(ctx, tenant, lease, set, m)
}

// SealSet implements [backupset.CaptureStore].
func (o observed) SealSet(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, status backupset.Status, trail runs.Trail) (_ backupset.BackupSet, err error) {
	ctx, call := o.begin(ctx, "SealSet", tenant)
	defer call.done(&err)
	return o.Store.SealSet(ctx, tenant, lease, set, status, trail)
}

// GetSet implements [backupset.SetStore].
func (o observed) GetSet(ctx context.Context, tenant graph.TenantID, id runs.ID) (_ backupset.BackupSet, err error) {
	ctx, call := o.begin(ctx, "GetSet", tenant)
	defer call.done(&err)
	return o.Store.GetSet(ctx, tenant, id)
}

// ListSets implements [backupset.SetStore].
func (o observed) ListSets(ctx context.Context, tenant graph.TenantID, filter backupset.SetFilter, slice runs.Slice) (_ []backupset.BackupSet, err error) {
	ctx, call := o.begin(ctx, "ListSets", tenant)
	defer call.done(&err)
	return o.Store.ListSets(ctx, tenant, filter, slice)
}

// ListSetItems implements [backupset.SetStore].
func (o observed) ListSetItems(ctx context.Context, tenant graph.TenantID, set runs.ID, filter backupset.SetItemFilter, slice runs.Slice) (_ []backupset.Item, err error) {
	ctx, call := o.begin(ctx, "ListSetItems", tenant)
	defer call.done(&err)
	return o.Store.ListSetItems(ctx, tenant, set, filter, slice)
}

// Payload implements [backupset.SetStore].
func (o observed) Payload(ctx context.Context, tenant graph.TenantID, version runs.ID) (_ []byte, err error) {
	ctx, call := o.begin(ctx, "Payload", tenant)
	defer call.done(&err)
	return o.Store.Payload(ctx, tenant, version)
}

// ChangeSet implements [backupset.SetStore].
func (o observed) ChangeSet(ctx context.Context, tenant graph.TenantID, id runs.ID, change backupset.SetChangeFunc) (_ backupset.BackupSet, err error) {
	ctx, call := o.begin(ctx, "ChangeSet", tenant)
	defer call.done(&err)
	return o.Store.ChangeSet(ctx, tenant, id, func(now time.Time, cur backupset.BackupSet) (answer backupset.SetChange, err error) {
		answer, err = change(now, cur)
		call.refused = err != nil
		return answer, err
	})
}

// RecordListing implements [backupset.InventoryStore].
func (o observed) RecordListing(ctx context.Context, tenant graph.TenantID, lease runs.Lease, listing backupset.Listing) (_ int, err error) {
	ctx, call := o.begin(ctx, "RecordListing", tenant)
	defer call.done(&err)
	return o.Store.RecordListing(ctx, tenant, lease, listing)
}

// GetPolicy implements [backupset.InventoryStore].
func (o observed) GetPolicy(ctx context.Context, tenant graph.TenantID, id runs.ID) (_ backupset.Policy, err error) {
	ctx, call := o.begin(ctx, "GetPolicy", tenant)
	defer call.done(&err)
	return o.Store.GetPolicy(ctx, tenant, id)
}

// ListPolicies implements [backupset.InventoryStore].
func (o observed) ListPolicies(ctx context.Context, tenant graph.TenantID, filter backupset.PolicyFilter, slice runs.Slice) (_ []backupset.Policy, err error) {
	ctx, call := o.begin(ctx, "ListPolicies", tenant)
	defer call.done(&err)
	return o.Store.ListPolicies(ctx, tenant, filter, slice)
}

// ListVersions implements [backupset.InventoryStore].
func (o observed) ListVersions(ctx context.Context, tenant graph.TenantID, policy runs.ID, slice runs.Slice) (_ []backupset.PolicyVersion, err error) {
	ctx, call := o.begin(ctx, "ListVersions", tenant)
	defer call.done(&err)
	return o.Store.ListVersions(ctx, tenant, policy, slice)
}

// ListGroup implements [backupset.GroupStore].
func (o observed) ListGroup(ctx context.Context, tenant graph.TenantID, schedule runs.ID) (_ []backupset.BackupSet, err error) {
	ctx, call := o.begin(ctx, "ListGroup", tenant)
	defer call.done(&err)
	return o.Store.ListGroup(ctx, tenant, schedule)
}

// ChangeGroup implements [backupset.GroupStore].
func (o observed) ChangeGroup(ctx context.Context, tenant graph.TenantID, schedule runs.ID, decide func(now time.Time, sets []backupset.BackupSet) (backupset.GroupChange, error)) (_ int, err error) {
	ctx, call := o.begin(ctx, "ChangeGroup", tenant)
	defer call.done(&err)
	return o.Store.ChangeGroup(ctx, tenant, schedule, func(now time.Time, sets []backupset.BackupSet) (answer backupset.GroupChange, err error) {
		answer, err = decide(now, sets)
		call.refused = err != nil
		return answer, err
	})
}

// PurgeSet implements [backupset.GroupStore].
func (o observed) PurgeSet(ctx context.Context, tenant graph.TenantID, id runs.ID, limit int, trail func(backupset.BackupSet, backupset.PurgeResult) runs.Trail) (_ backupset.PurgeResult, err error) {
	ctx, call := o.begin(ctx, "PurgeSet", tenant)
	defer call.done(&err)
	return o.Store.PurgeSet(ctx, tenant, id, limit, trail)
}

// PurgeableSets implements [backupset.SystemStore].
func (o observed) PurgeableSets(ctx context.Context, deletedBefore time.Time, after runs.ID, limit int) (_ []backupset.TenantSet, err error) {
	ctx, call := o.begin(ctx, "PurgeableSets", "")
	defer call.done(&err)
	return o.Store.PurgeableSets(ctx, deletedBefore, after, limit)
}

// Groups implements [backupset.SystemStore].
func (o observed) Groups(ctx context.Context, after runs.ID, limit int) (_ []backupset.TenantGroup, err error) {
	ctx, call := o.begin(ctx, "Groups", "")
	defer call.done(&err)
	return o.Store.Groups(ctx, after, limit)
}
