package main

import (
	"context"
	"errors"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

var errPending = errors.New("pending")

func (*Memory) OpenPreview(context.Context, graph.TenantID, runs.Lease, restore.Preview) (restore.Preview, error) {
	return restore.Preview{}, errPending
}
func (*Memory) SavePreviewItems(context.Context, graph.TenantID, runs.Lease, []restore.PreviewItem, []runs.Item) error {
	return errPending
}
func (*Memory) ReadyPreview(context.Context, graph.TenantID, runs.Lease) (restore.Preview, error) {
	return restore.Preview{}, errPending
}
func (*Memory) GetPreview(context.Context, graph.TenantID, runs.ID) (restore.Preview, error) {
	return restore.Preview{}, errPending
}
func (*Memory) ListPreviewItems(context.Context, graph.TenantID, runs.ID, restore.Filter, runs.Slice) ([]restore.PreviewItem, error) {
	return nil, errPending
}
func (*Memory) UsePreview(context.Context, graph.TenantID, runs.Lease, runs.ID) (restore.Preview, error) {
	return restore.Preview{}, errPending
}
func (*Memory) SaveSteps(context.Context, graph.TenantID, runs.Lease, []restore.Step, []runs.Item) error {
	return errPending
}
func (*Memory) ListSteps(context.Context, graph.TenantID, runs.ID, runs.Slice) ([]restore.Step, error) {
	return nil, errPending
}
func (*Memory) AddUpload(context.Context, graph.TenantID, transfer.Upload) error { return errPending }
func (*Memory) AddChunk(context.Context, graph.TenantID, runs.ID, int, []byte) error {
	return errPending
}
func (*Memory) ReadyUpload(context.Context, graph.TenantID, runs.ID, int64, string, time.Time) (transfer.Upload, error) {
	return transfer.Upload{}, errPending
}
func (*Memory) GetUpload(context.Context, graph.TenantID, runs.ID) (transfer.Upload, error) {
	return transfer.Upload{}, errPending
}
func (*Memory) Chunk(context.Context, graph.TenantID, runs.ID, int) ([]byte, error) {
	return nil, errPending
}
func (*Memory) RemoveUpload(context.Context, graph.TenantID, runs.ID) error { return errPending }
func (*Memory) OldUploads(context.Context, time.Time, runs.ID, int) ([]transfer.TenantUpload, error) {
	return nil, errPending
}
