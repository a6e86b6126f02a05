package main

import (
	"context"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// upload is a file with its chunks by number.
type upload struct {
	transfer.Upload
	Chunks map[int][]byte
}

// AddUpload implements [transfer.Store].
func (m *Memory) AddUpload(ctx context.Context, tenant graph.TenantID, u transfer.Upload, b transfer.Bounds) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if _, ok := m.uploads[u.ID]; ok {
		return runs.Conflict("upload_exists", "take another id")
	}
	if !m.uploadsWithin(tenant, b, 1, 1) {
		return transfer.ErrUploadsFull()
	}
	m.uploads.put(tenant, u.ID, upload{Upload: transfer.Upload{ID: u.ID, TenantID: tenant, CreatedAt: u.CreatedAt}, Chunks: map[int][]byte{}})
	return nil
}

// uploadsWithin tells whether a tenant may have so much more.
func (m *Memory) uploadsWithin(tenant graph.TenantID, b transfer.Bounds, files, bytes int) bool {
	for _, u := range m.uploads.where(tenant, func(upload) bool { return true }) {
		files++
		for _, chunk := range u.Chunks {
			bytes += len(chunk)
		}
	}
	return (b.Files <= 0 || files <= b.Files) && (b.Bytes <= 0 || int64(bytes) <= b.Bytes)
}

// open returns an upload that is not ready.
func (m *Memory) open(tenant graph.TenantID, id runs.ID) (upload, error) {
	u, err := m.uploads.get(tenant, id)
	if err == nil && !u.ReadyAt.IsZero() {
		err = runs.Conflict("upload_ready", "begin another upload")
	}
	return u, err
}

// AddChunk implements [transfer.Store].
func (m *Memory) AddChunk(ctx context.Context, tenant graph.TenantID, id runs.ID, n int, data []byte, b transfer.Bounds) error {
	if n < 0 || len(data) == 0 || len(data) > transfer.ChunkSize {
		return runs.Invalid("data", "size_range", "must be one chunk")
	}
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	u, err := m.open(tenant, id)
	if err != nil {
		return err
	}
	if _, ok := u.Chunks[n]; ok {
		return runs.Conflict("chunk_exists", "the chunk is there")
	}
	if !m.uploadsWithin(tenant, transfer.Bounds{Bytes: b.Bytes}, 0, len(data)) {
		return transfer.ErrUploadsFull()
	}
	u.Chunks[n] = data
	m.uploads.put(tenant, id, u)
	return nil
}

// ReadyUpload implements [transfer.Store].
func (m *Memory) ReadyUpload(ctx context.Context, tenant graph.TenantID, id runs.ID, size int64, sha256 string, at time.Time) (transfer.Upload, error) {
	if len(sha256) != 64 {
		return transfer.Upload{}, runs.Invalid("sha256", "hash_invalid", "must be 64 hexadecimal digits")
	}
	if err := m.lock(ctx); err != nil {
		return transfer.Upload{}, err
	}
	defer m.mu.Unlock()
	u, err := m.open(tenant, id)
	if err != nil {
		return transfer.Upload{}, err
	}
	left := size
	for n := range u.Chunks { // as many as there are: that none is missing shows at its place
		if want := min(size-int64(n)*transfer.ChunkSize, transfer.ChunkSize); int64(len(u.Chunks[n])) != want {
			return transfer.Upload{}, runs.Conflict("upload_incomplete", "upload the file again")
		}
		left -= int64(len(u.Chunks[n]))
	}
	if left != 0 {
		return transfer.Upload{}, runs.Conflict("upload_incomplete", "upload the file again")
	}
	u.Size, u.SHA256, u.ReadyAt = size, sha256, at
	m.uploads.put(tenant, id, u)
	u, err = m.uploads.get(tenant, id)
	return u.Upload, err
}

// GetUpload implements [transfer.Store].
func (m *Memory) GetUpload(ctx context.Context, tenant graph.TenantID, id runs.ID) (transfer.Upload, error) {
	if err := m.lock(ctx); err != nil {
		return transfer.Upload{}, err
	}
	defer m.mu.Unlock()
	u, err := m.uploads.get(tenant, id)
	return u.Upload, err
}

// Chunk implements [transfer.Store].
func (m *Memory) Chunk(ctx context.Context, tenant graph.TenantID, id runs.ID, n int) ([]byte, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	u, err := m.uploads.get(tenant, id)
	if err != nil {
		return nil, err
	}
	if _, ok := u.Chunks[n]; !ok {
		return nil, runs.ErrNotFound
	}
	return slices.Clone(u.Chunks[n]), nil
}

// RemoveUpload implements [transfer.Store].
func (m *Memory) RemoveUpload(ctx context.Context, tenant graph.TenantID, id runs.ID) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if _, err := m.uploads.get(tenant, id); err == nil {
		delete(m.uploads, id)
	}
	return nil
}

// OldUploads implements [transfer.Store].
func (m *Memory) OldUploads(ctx context.Context, before time.Time, after runs.ID, limit int) ([]transfer.TenantUpload, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var list []transfer.TenantUpload
	for _, u := range m.uploads.everywhere(func(u upload) bool { return u.CreatedAt.Before(before) }) {
		list = append(list, transfer.TenantUpload{TenantID: u.TenantID, ID: u.ID})
	}
	return following(list, after, limit, func(u transfer.TenantUpload) runs.ID { return u.ID }), nil
}
