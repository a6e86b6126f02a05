package bunstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc64"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// AddUpload implements [transfer.Store].
func (s *Store) AddUpload(ctx context.Context, tenant graph.TenantID, u transfer.Upload, b transfer.Bounds) error {
	var f fields
	r := uploadRow{TenantID: f.tenant(tenant), ID: f.key("id", u.ID), CreatedAt: tsOf(u.CreatedAt)}
	if err := f.bad.Err(); err != nil {
		return err
	}
	return s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		if err := t.uploadsWithin(ctx, tenant, b, 1, 1); err != nil {
			return err
		}
		added, err := insertNew(ctx, t, []uploadRow{r})
		if err == nil && !added[0] {
			err = runs.Conflict("upload_exists", "an upload with this id exists; use a new id")
		}
		return err
	})
}

// AddChunk implements [transfer.Store].
func (s *Store) AddChunk(ctx context.Context, tenant graph.TenantID, upload runs.ID, n int, data []byte, b transfer.Bounds) error {
	var bad runs.InvalidError
	if n < 0 {
		bad.Add("number", "number_range", "must be at least 0")
	}
	if len(data) == 0 || len(data) > transfer.ChunkSize {
		bad.Add("data", "size_range", fmt.Sprintf("must be 1 to %d bytes", transfer.ChunkSize))
	}
	if err := bad.Err(); err != nil {
		return err
	}
	return s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		if err := t.uploadsWithin(ctx, tenant, transfer.Bounds{Bytes: b.Bytes}, 0, len(data)); err != nil {
			return err
		}
		u, err := s.openUpload(ctx, t, tenant, upload)
		if err != nil {
			return err
		}
		added, err := insertNew(ctx, t, []chunkRow{{
			TenantID: u.TenantID, UploadID: u.ID, Number: num(n), Size: num(len(data)), CRC64: num(crc64.Checksum(data, sumTable)), data: data,
		}})
		if err == nil && !added[0] {
			err = runs.Conflict("chunk_exists", "the upload has a chunk of this number")
		}
		return err
	})
}

// uploadsWithin looks whether a tenant may have so much more, and keeps others from asking the
// same until the transaction ends: what two add at once must not be beyond the bounds either.
func (t *tx) uploadsWithin(ctx context.Context, tenant graph.TenantID, b transfer.Bounds, files, bytes int) error {
	if b == (transfer.Bounds{}) {
		return nil
	}
	if err := t.s.dialect.alone(ctx, t, t.s.prefix+uploadsTable.name+" "+string(tenant)); err != nil {
		return err
	}
	rows, err := t.QueryContext(ctx, t.s.sql(`SELECT (SELECT count(*) FROM {uploads} WHERE tenant_id = ?),
		(SELECT CAST(coalesce(sum(size), 0) AS bigint) FROM {upload_chunks} WHERE tenant_id = ?)`), ident(tenant), ident(tenant))
	if err != nil {
		return fmt.Errorf("store: reading uploads: %w", err)
	}
	defer rows.Close()
	var n, size int64
	for rows.Next() {
		if err := rows.Scan(&n, &size); err != nil {
			return fmt.Errorf("store: reading uploads: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("store: reading uploads: %w", err)
	}
	if b.Files > 0 && n+int64(files) > int64(b.Files) || b.Bytes > 0 && size+int64(bytes) > b.Bytes {
		return transfer.ErrUploadsFull()
	}
	return nil
}

// openUpload locks an upload that is not ready.
func (s *Store) openUpload(ctx context.Context, t *tx, tenant graph.TenantID, id runs.ID) (uploadRow, error) {
	u, err := s.upload(ctx, t, tenant, id)
	if err == nil && u.ReadyAt.set {
		err = runs.Conflict("upload_ready", "the upload is ready and never changes again")
	}
	return u, err
}

// ReadyUpload implements [transfer.Store].
func (s *Store) ReadyUpload(ctx context.Context, tenant graph.TenantID, upload runs.ID, size int64, sha256 string, at time.Time) (out transfer.Upload, err error) {
	if raw, err := hex.DecodeString(sha256); err != nil || len(raw) != len(digest{}) {
		return transfer.Upload{}, runs.Invalid("sha256", "hash_invalid", "must be 64 hexadecimal digits")
	}
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		old, err := s.openUpload(ctx, t, tenant, upload)
		if err != nil {
			return err
		}
		whole, err := t.wholeFile(ctx, &old, size)
		if err != nil {
			return err
		}
		if !whole {
			return runs.Conflict("upload_incomplete", "chunks of the file are missing or not as large as they should be; upload it again")
		}
		ready := old
		ready.Size, ready.SHA256, ready.ReadyAt = num(size), text(sha256), tsOf(at)
		out = ready.upload()
		return update(ctx, t, &old, &ready)
	})
	if err != nil {
		return transfer.Upload{}, err
	}
	return out, nil
}

// wholeFile tells whether the chunks of an upload are a file of that size.
func (t *tx) wholeFile(ctx context.Context, u *uploadRow, size int64) (bool, error) {
	chunks, err := find[chunkRow](ctx, t.s, t, "WHERE t.upload_id = ? ORDER BY t.number", u.ID)
	left := size
	for i := range chunks {
		if chunks[i].Number != num(i) || chunks[i].Size != num(min(left, transfer.ChunkSize)) {
			return false, err
		}
		left -= int64(chunks[i].Size)
	}
	return left == 0, err
}

// GetUpload implements [transfer.Store].
func (s *Store) GetUpload(ctx context.Context, tenant graph.TenantID, upload runs.ID) (out transfer.Upload, err error) {
	err = s.look(ctx, tenant, func(q querier) error {
		r, err := s.upload(ctx, q, tenant, upload)
		out = r.upload()
		return err
	})
	if err != nil {
		return transfer.Upload{}, err
	}
	return out, nil
}

func (s *Store) upload(ctx context.Context, q querier, tenant graph.TenantID, id runs.ID) (uploadRow, error) {
	r, found, err := findOne[uploadRow](ctx, s, q, "WHERE t.tenant_id = ? AND t.id = ?"+s.locking(q), ident(tenant), uidOf(id))
	if err == nil && !found {
		err = notFound("upload")
	}
	return r, err
}

// Chunk implements [transfer.Store].
func (s *Store) Chunk(ctx context.Context, tenant graph.TenantID, upload runs.ID, n int) (out []byte, err error) {
	err = s.look(ctx, tenant, func(q querier) error {
		var r chunkRow
		var data blob
		found := false
		err := s.each(ctx, q, &r, []column{&data}, func() error {
			found, r.data, out = true, data, data
			return nil
		}, s.sql("SELECT "+chunksTable.selectList()+", t.data FROM {upload_chunks} AS t WHERE t.tenant_id = ? AND t.upload_id = ? AND t.number = ?"),
			ident(tenant), uidOf(upload), num(n))
		switch {
		case err != nil:
			return fmt.Errorf("store: reading upload_chunks: %w", err)
		case !found:
			return notFound("chunk")
		}
		return r.sound()
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// RemoveUpload implements [transfer.Store].
func (s *Store) RemoveUpload(ctx context.Context, tenant graph.TenantID, upload runs.ID) error {
	return s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		u, err := s.upload(ctx, t, tenant, upload)
		if errors.Is(err, runs.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		chunks, err := find[chunkRow](ctx, s, t, "WHERE t.upload_id = ?", u.ID)
		if err != nil {
			return err
		}
		for i := range chunks {
			if err := remove(ctx, t, &chunks[i]); err != nil {
				return err
			}
		}
		return remove(ctx, t, &u)
	})
}

// OldUploads implements [transfer.Store].
func (s *Store) OldUploads(ctx context.Context, before time.Time, after runs.ID, n int) (list []transfer.TenantUpload, err error) {
	c := where("t.created_at < ?", tsOf(before))
	if after != "" {
		c.and("t.id > ?", uidOf(after))
	}
	err = s.look(ctx, everybody, func(q querier) error {
		return s.keys(ctx, q, uploadsTable, c, n, func(tenant graph.TenantID, id runs.ID) {
			list = append(list, transfer.TenantUpload{TenantID: tenant, ID: id})
		})
	})
	return list, err
}

type uploadRow struct {
	TenantID           ident
	ID                 uid
	Size               num
	SHA256             text // in hexadecimal, once it is ready
	CreatedAt, ReadyAt ts
}

var uploadsTable = &table{name: "uploads", key: 2, columns: []string{"tenant_id", "id", "size", "sha256", "created_at", "ready_at"}}

func (*uploadRow) table() *table { return uploadsTable }

func (r *uploadRow) columns() []column {
	return []column{&r.TenantID, &r.ID, &r.Size, &r.SHA256, &r.CreatedAt, &r.ReadyAt}
}

func (r *uploadRow) upload() transfer.Upload {
	return transfer.Upload{
		ID: r.ID.id(), TenantID: graph.TenantID(r.TenantID), Size: int64(r.Size), SHA256: string(r.SHA256),
		CreatedAt: r.CreatedAt.time(), ReadyAt: r.ReadyAt.time(),
	}
}

type chunkRow struct {
	TenantID            ident
	UploadID            uid
	Number, Size, CRC64 num
	data                []byte // not read with the row
}

var chunksTable = &table{name: "upload_chunks", key: 3, data: "data", columns: []string{
	"tenant_id", "upload_id", "number", "size", "data_sum",
}}

func (*chunkRow) table() *table { return chunksTable }

func (r *chunkRow) columns() []column {
	return []column{&r.TenantID, &r.UploadID, &r.Number, &r.Size, &r.CRC64}
}

func (r *chunkRow) bulk() []byte { return r.data }

// sound compares the bytes that were read with what was noted about them.
func (r *chunkRow) sound() error {
	if r.Size != num(len(r.data)) || r.CRC64 != num(crc64.Checksum(r.data, sumTable)) {
		return damaged(label(r), errors.New("the stored bytes differ from their checksum"))
	}
	return nil
}
