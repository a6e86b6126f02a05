package store

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// OpenPreview implements [restore.Store].
func (o observed) OpenPreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease, p restore.Preview) (_ restore.Preview, err error) {
	ctx, call := o.begin(ctx, "OpenPreview", tenant)
	defer call.done(&err)
	return o.Store.OpenPreview(ctx, tenant, lease, p)
}

// SavePreviewItems implements [restore.Store].
func (o observed) SavePreviewItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, outcomes []restore.PreviewItem, items []runs.Item) (err error) {
	ctx, call := o.begin(ctx, "SavePreviewItems", tenant)
	defer call.done(&err)
	return o.Store.SavePreviewItems(ctx, tenant, lease, outcomes, items)
}

// ReadyPreview implements [restore.Store].
func (o observed) ReadyPreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease) (_ restore.Preview, err error) {
	ctx, call := o.begin(ctx, "ReadyPreview", tenant)
	defer call.done(&err)
	return o.Store.ReadyPreview(ctx, tenant, lease)
}

// GetPreview implements [restore.Store].
func (o observed) GetPreview(ctx context.Context, tenant graph.TenantID, run runs.ID) (_ restore.Preview, err error) {
	ctx, call := o.begin(ctx, "GetPreview", tenant)
	defer call.done(&err)
	return o.Store.GetPreview(ctx, tenant, run)
}

// ListPreviewItems implements [restore.Store].
func (o observed) ListPreviewItems(ctx context.Context, tenant graph.TenantID, preview runs.ID, filter restore.Filter, slice runs.Slice) (_ []restore.PreviewItem, err error) {
	ctx, call := o.begin(ctx, "ListPreviewItems", tenant)
	defer call.done(&err)
	return o.Store.ListPreviewItems(ctx, tenant, preview, filter, slice)
}

// UsePreview implements [restore.Store].
func (o observed) UsePreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease, preview runs.ID, trail runs.Trail) (_ restore.Preview, err error) {
	ctx, call := o.begin(ctx, "UsePreview", tenant)
	defer call.done(&err)
	return o.Store.UsePreview(ctx, tenant, lease, preview, trail)
}

// SaveSteps implements [restore.Store].
func (o observed) SaveSteps(ctx context.Context, tenant graph.TenantID, lease runs.Lease, steps []restore.Step, items []runs.Item) (err error) {
	ctx, call := o.begin(ctx, "SaveSteps", tenant)
	defer call.done(&err)
	return o.Store.SaveSteps(ctx, tenant, lease, steps, items)
}

// ListSteps implements [restore.Store].
func (o observed) ListSteps(ctx context.Context, tenant graph.TenantID, run runs.ID, slice runs.Slice) (_ []restore.Step, err error) {
	ctx, call := o.begin(ctx, "ListSteps", tenant)
	defer call.done(&err)
	return o.Store.ListSteps(ctx, tenant, run, slice)
}

// AddUpload implements [transfer.Store].
func (o observed) AddUpload(ctx context.Context, tenant graph.TenantID, u transfer.Upload, b transfer.Bounds) (err error) {
	ctx, call := o.begin(ctx, "AddUpload", tenant)
	defer call.done(&err)
	return o.Store.AddUpload(ctx, tenant, u, b)
}

// AddChunk implements [transfer.Store].
func (o observed) AddChunk(ctx context.Context, tenant graph.TenantID, upload runs.ID, n int, data []byte, b transfer.Bounds) (err error) {
	ctx, call := o.begin(ctx, "AddChunk", tenant)
	defer call.done(&err)
	return o.Store.AddChunk(ctx, tenant, upload, n, data, b)
}

// ReadyUpload implements [transfer.Store].
func (o observed) ReadyUpload(ctx context.Context, tenant graph.TenantID, upload runs.ID, size int64, sha256 string, at time.Time) (_ transfer.Upload, err error) {
	ctx, call := o.begin(ctx, "ReadyUpload", tenant)
	defer call.done(&err)
	return o.Store.ReadyUpload(ctx, tenant, upload, size, sha256, at)
}

// GetUpload implements [transfer.Store].
func (o observed) GetUpload(ctx context.Context, tenant graph.TenantID, upload runs.ID) (_ transfer.Upload, err error) {
	ctx, call := o.begin(ctx, "GetUpload", tenant)
	defer call.done(&err)
	return o.Store.GetUpload(ctx, tenant, upload)
}

// Chunk implements [transfer.Store].
func (o observed) Chunk(ctx context.Context, tenant graph.TenantID, upload runs.ID, n int) (_ []byte, err error) {
	ctx, call := o.begin(ctx, "Chunk", tenant)
	defer call.done(&err)
	return o.Store.Chunk(ctx, tenant, upload, n)
}

// RemoveUpload implements [transfer.Store].
func (o observed) RemoveUpload(ctx context.Context, tenant graph.TenantID, upload runs.ID) (err error) {
	ctx, call := o.begin(ctx, "RemoveUpload", tenant)
	defer call.done(&err)
	return o.Store.RemoveUpload(ctx, tenant, upload)
}

// OldUploads implements [transfer.Store].
func (o observed) OldUploads(ctx context.Context, before time.Time, after runs.ID, limit int) (_ []transfer.TenantUpload, err error) {
	ctx, call := o.begin(ctx, "OldUploads", "")
	defer call.done(&err)
	return o.Store.OldUploads(ctx, before, after, limit)
}
