package bunstore

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

func (*Store) OpenPreview(context.Context, graph.TenantID, runs.Lease, restore.Preview) (restore.Preview, error) {
	return restore.Preview{}, errPending
}
func (*Store) SavePreviewItems(context.Context, graph.TenantID, runs.Lease, []restore.PreviewItem, []runs.Item) error {
	return errPending
}
func (*Store) ReadyPreview(context.Context, graph.TenantID, runs.Lease) (restore.Preview, error) {
	return restore.Preview{}, errPending
}
func (*Store) GetPreview(context.Context, graph.TenantID, runs.ID) (restore.Preview, error) {
	return restore.Preview{}, errPending
}
func (*Store) ListPreviewItems(context.Context, graph.TenantID, runs.ID, restore.Filter, runs.Slice) ([]restore.PreviewItem, error) {
	return nil, errPending
}
func (*Store) UsePreview(context.Context, graph.TenantID, runs.Lease, runs.ID) (restore.Preview, error) {
	return restore.Preview{}, errPending
}
func (*Store) SaveSteps(context.Context, graph.TenantID, runs.Lease, []restore.Step, []runs.Item) error {
	return errPending
}
func (*Store) ListSteps(context.Context, graph.TenantID, runs.ID, runs.Slice) ([]restore.Step, error) {
	return nil, errPending
}
func (*Store) AddUpload(context.Context, graph.TenantID, transfer.Upload) error { return errPending }
func (*Store) AddChunk(context.Context, graph.TenantID, runs.ID, int, []byte) error {
	return errPending
}
func (*Store) ReadyUpload(context.Context, graph.TenantID, runs.ID, int64, string, time.Time) (transfer.Upload, error) {
	return transfer.Upload{}, errPending
}
func (*Store) GetUpload(context.Context, graph.TenantID, runs.ID) (transfer.Upload, error) {
	return transfer.Upload{}, errPending
}
func (*Store) Chunk(context.Context, graph.TenantID, runs.ID, int) ([]byte, error) {
	return nil, errPending
}
func (*Store) RemoveUpload(context.Context, graph.TenantID, runs.ID) error { return errPending }
func (*Store) OldUploads(context.Context, time.Time, runs.ID, int) ([]transfer.TenantUpload, error) {
	return nil, errPending
}
