package transfer

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// ChunkSize is how many bytes of a file one chunk holds, but for the last.
const ChunkSize = 1 << 20

// Upload is a file that waits for its import.
type Upload struct {
	ID        runs.ID
	TenantID  graph.TenantID
	Size      int64  // in bytes
	SHA256    string // in hexadecimal
	CreatedAt time.Time
	ReadyAt   time.Time // zero until every chunk is there
}

// Bounds are how much a tenant may have in files that wait for their import, those that are
// being received included. 0 is no bound.
type Bounds struct {
	Files int
	Bytes int64
}

// ErrUploadsFull makes what a [Store] returns when more would be beyond the bounds: the conflict
// "uploads_full".
func ErrUploadsFull() error {
	return runs.Conflict("uploads_full", "the tenant has as many files waiting for their import as it may; wait until they are imported, retry the imports that failed, or come again when the files are too old and removed")
}

// TenantUpload names an upload across tenants.
type TenantUpload struct {
	TenantID graph.TenantID
	ID       runs.ID
}

// Store keeps files until they are imported. The rules of [runs.Store] hold.
type Store interface {
	// AddUpload begins an upload; an id that exists is ErrConflict. Size, SHA256 and ReadyAt
	// come with ReadyUpload. When the tenant has as many files or bytes as the bounds allow it
	// is ErrUploadsFull, also when many begin at once.
	AddUpload(ctx context.Context, tenant graph.TenantID, u Upload, b Bounds) error

	// AddChunk stores the chunk number n, from 0, of an upload that is not ready; a chunk
	// that is there already is ErrConflict. data has 1 to ChunkSize bytes. When the tenant's
	// files would be larger than the bounds allow with it, it is ErrUploadsFull, also when many
	// are added at once.
	AddChunk(ctx context.Context, tenant graph.TenantID, upload runs.ID, n int, data []byte, b Bounds) error

	// ReadyUpload says that every chunk is there, and how large the file is. It is ErrConflict
	// when the chunks are not such a file, or the upload is ready already.
	ReadyUpload(ctx context.Context, tenant graph.TenantID, upload runs.ID, size int64, sha256 string, at time.Time) (Upload, error)

	// GetUpload returns an upload, or ErrNotFound.
	GetUpload(ctx context.Context, tenant graph.TenantID, upload runs.ID) (Upload, error)

	// Chunk returns a chunk of an upload, or ErrNotFound.
	Chunk(ctx context.Context, tenant graph.TenantID, upload runs.ID, n int) ([]byte, error)

	// RemoveUpload removes an upload with its chunks; one that is not there is no error.
	RemoveUpload(ctx context.Context, tenant graph.TenantID, upload runs.ID) error

	// OldUploads returns the uploads of all tenants that were begun before the given time,
	// ordered by id, after the given id.
	OldUploads(ctx context.Context, before time.Time, after runs.ID, limit int) ([]TenantUpload, error)
}
