package storetest

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

func uploadPromises() []promise {
	return []promise{
		{"a file comes back chunk by chunk, with what is said about it once it is whole", fileComesBack},
		{"the id of an upload or the number of a chunk that exists is a conflict", uploadThatExists},
		{"a chunk of no size, too large or of no place is refused", chunkOutOfRange},
		{"a file that lacks a chunk, or has one of another size, is not ready", incompleteFile},
		{"a file that is ready never changes again", readyFile},
		{"what is not there is not found", noUpload},
		{"a removed upload is gone with its chunks, and removing it again is no error", removedUpload},
		{"old uploads are those begun before a time, of all tenants", oldUploads},
		{"a chunk that many add at once is kept once", chunkAtOnce},
		{"a tenant has no more files or bytes than the bounds allow", uploadsAreBounded},
		{"the bounds hold when many add at once", uploadsAreBoundedAtOnce},
	}
}

// hash is what a caller says about the bytes of a file; the store does not look.
var hash = strings.Repeat("0a", 32)

// upload begins a file and adds chunks to it.
func (f *fixture) upload(tenant graph.TenantID, chunks ...[]byte) transfer.Upload {
	f.Helper()
	u := transfer.Upload{ID: f.id(), TenantID: tenant, CreatedAt: start}
	f.ok(f.store.AddUpload(f.ctx, tenant, u, transfer.Bounds{}))
	for n, data := range chunks {
		f.ok(f.store.AddChunk(f.ctx, tenant, u.ID, n, data, transfer.Bounds{}))
	}
	return u
}

func fileComesBack(t *testing.T, f *fixture) {
	given := transfer.Upload{ID: f.id(), TenantID: fabrikam, Size: 9, SHA256: "x", CreatedAt: start, ReadyAt: start}
	want := transfer.Upload{ID: given.ID, TenantID: contoso, CreatedAt: start}
	f.ok(f.store.AddUpload(f.ctx, contoso, given, transfer.Bounds{}))
	same(t, "upload that has begun", must(f.store.GetUpload(f.ctx, contoso, given.ID))(t), want)
	whole := bytes.Repeat([]byte{0, 1, 0xff, '\'', '"', '\\', '\n'}, transfer.ChunkSize)[:transfer.ChunkSize]
	last := []byte{0}
	f.ok(f.store.AddChunk(f.ctx, contoso, given.ID, 1, last, transfer.Bounds{})) // in whatever order they come
	f.ok(f.store.AddChunk(f.ctx, contoso, given.ID, 0, whole, transfer.Bounds{}))
	want.Size, want.SHA256, want.ReadyAt = transfer.ChunkSize+1, hash, start.Add(time.Minute)
	same(t, "upload returned", must(f.store.ReadyUpload(f.ctx, contoso, given.ID, want.Size, hash, want.ReadyAt))(t), want)
	same(t, "upload stored", must(f.store.GetUpload(f.ctx, contoso, given.ID))(t), want)
	for n, data := range [][]byte{whole, last} {
		if got := must(f.store.Chunk(f.ctx, contoso, given.ID, n))(t); !bytes.Equal(got, data) {
			t.Errorf("chunk %d: got %d bytes that differ from the %d given", n, len(got), len(data))
		}
	}
	last[0] = 'x'
	must(f.store.Chunk(f.ctx, contoso, given.ID, 1))(t)[0] = 'y'
	same(t, "chunk after writing over what went in and came out", must(f.store.Chunk(f.ctx, contoso, given.ID, 1))(t), []byte{0})
}

func uploadThatExists(_ *testing.T, f *fixture) {
	u := f.upload(contoso, []byte("a"))
	f.nothingWrittenBy("adding what is there", runs.ErrConflict,
		func() error { return f.store.AddUpload(f.ctx, contoso, u, transfer.Bounds{}) },
		func() error { return f.store.AddChunk(f.ctx, contoso, u.ID, 0, []byte("b"), transfer.Bounds{}) })
}

func chunkOutOfRange(_ *testing.T, f *fixture) {
	u := f.upload(contoso)
	f.nothingWrittenBy("adding a chunk that cannot be", runs.ErrInvalid,
		func() error { return f.store.AddChunk(f.ctx, contoso, u.ID, -1, []byte("a"), transfer.Bounds{}) },
		func() error { return f.store.AddChunk(f.ctx, contoso, u.ID, 0, nil, transfer.Bounds{}) },
		func() error {
			return f.store.AddChunk(f.ctx, contoso, u.ID, 0, make([]byte, transfer.ChunkSize+1), transfer.Bounds{})
		})
}

func incompleteFile(_ *testing.T, f *fixture) {
	whole := make([]byte, transfer.ChunkSize)
	ready := func(u transfer.Upload, size int64, sha256 string) func() error {
		return func() error {
			_, err := f.store.ReadyUpload(f.ctx, contoso, u.ID, size, sha256, start)
			return err
		}
	}
	gap := f.upload(contoso, whole)
	f.ok(f.store.AddChunk(f.ctx, contoso, gap.ID, 2, []byte("a"), transfer.Bounds{}))
	one := f.upload(contoso, []byte("abc"))
	short := f.upload(contoso, []byte("ab"), []byte("c"))
	f.nothingWrittenBy("making an incomplete file ready", runs.ErrConflict,
		ready(gap, transfer.ChunkSize+1, hash), ready(gap, 2*transfer.ChunkSize+1, hash), ready(one, 2, hash), ready(one, 4, hash), ready(short, 3, hash),
		ready(f.upload(contoso), 1, hash))
	f.nothingWrittenBy("a hash that is none", runs.ErrInvalid, ready(one, 3, "abc"))
	f.ok(ready(one, 3, hash)())
}

func readyFile(_ *testing.T, f *fixture) {
	u := f.upload(contoso, []byte("abc"))
	must(f.store.ReadyUpload(f.ctx, contoso, u.ID, 3, hash, start))(f)
	f.nothingWrittenBy("changing a ready file", runs.ErrConflict,
		func() error { return f.store.AddChunk(f.ctx, contoso, u.ID, 1, []byte("d"), transfer.Bounds{}) },
		func() error {
			_, err := f.store.ReadyUpload(f.ctx, contoso, u.ID, 3, hash, start.Add(time.Hour))
			return err
		})
}

func noUpload(_ *testing.T, f *fixture) {
	u := f.upload(contoso, []byte("a"))
	chunk := func(id runs.ID, n int) func() error {
		return func() error { _, err := f.store.Chunk(f.ctx, contoso, id, n); return err }
	}
	f.nothingWrittenBy("asking for what is not there", runs.ErrNotFound, chunk(u.ID, 1), chunk(u.ID, -1), chunk(nobody, 0),
		func() error { _, err := f.store.GetUpload(f.ctx, contoso, nobody); return err },
		func() error { return f.store.AddChunk(f.ctx, contoso, nobody, 0, []byte("a"), transfer.Bounds{}) },
		func() error { _, err := f.store.ReadyUpload(f.ctx, contoso, nobody, 0, hash, start); return err })
}

func removedUpload(_ *testing.T, f *fixture) {
	u, other := f.upload(contoso, []byte("a")), f.upload(contoso, []byte("b"))
	f.ok(f.store.RemoveUpload(f.ctx, contoso, u.ID))
	_, err := f.store.GetUpload(f.ctx, contoso, u.ID)
	f.wants("a removed upload", err, runs.ErrNotFound)
	_, err = f.store.Chunk(f.ctx, contoso, u.ID, 0)
	f.wants("a chunk of a removed upload", err, runs.ErrNotFound)
	f.nothingWritten("removing it again", func() { f.ok(f.store.RemoveUpload(f.ctx, contoso, u.ID)) })
	must(f.store.Chunk(f.ctx, contoso, other.ID, 0))(f)
}

func oldUploads(t *testing.T, f *fixture) {
	var want []transfer.TenantUpload
	for i, tenant := range []graph.TenantID{contoso, fabrikam, contoso} {
		u := transfer.Upload{ID: f.id(), CreatedAt: start.Add(time.Duration(i) * time.Hour)}
		f.ok(f.store.AddUpload(f.ctx, tenant, u, transfer.Bounds{}))
		want = append(want, transfer.TenantUpload{TenantID: tenant, ID: u.ID})
	}
	same(t, "uploads", must(f.store.OldUploads(f.ctx, start.Add(2*time.Hour), "", 10))(t), want[:2])
}

func chunkAtOnce(t *testing.T, f *fixture) {
	u := f.upload(contoso)
	var mu sync.Mutex
	var kept []byte
	atOnce(crowd, func(i int) {
		data := []byte("chunk " + strconv.Itoa(i))
		if err := f.store.AddChunk(f.ctx, contoso, u.ID, 0, data, transfer.Bounds{}); err == nil {
			mu.Lock()
			defer mu.Unlock()
			if kept != nil {
				t.Error("two callers were told that their chunk was kept")
			}
			kept = data
		} else if conflictCode(err) == "" {
			t.Errorf("AddChunk: %v", err)
		}
	})
	same(t, "chunk", must(f.store.Chunk(f.ctx, contoso, u.ID, 0))(t), kept)
}

// readUploads adds the uploads of all tenants with their chunks to a snapshot.
func (f *fixture) readUploads(rows map[string]any) {
	f.Helper()
	for _, u := range must(f.store.OldUploads(f.ctx, start.AddDate(100, 0, 0), "", all.Limit))(f) {
		rows[key(u.TenantID, "upload", u.ID)] = must(f.store.GetUpload(f.ctx, u.TenantID, u.ID))(f)
		for n := range 3 {
			if data, err := f.store.Chunk(f.ctx, u.TenantID, u.ID, n); err == nil {
				rows[key(u.TenantID, "chunk "+strconv.Itoa(n), u.ID)] = data
			}
		}
	}
}

func uploadsAreBounded(_ *testing.T, f *fixture) {
	f.upload(fabrikam, []byte("another tenant's"))
	u, ready := f.upload(contoso, []byte("abc")), f.upload(contoso, []byte("de"))
	must(f.store.ReadyUpload(f.ctx, contoso, ready.ID, 2, hash, start))(f)
	begin := func(b transfer.Bounds) func() error {
		return func() error {
			return f.store.AddUpload(f.ctx, contoso, transfer.Upload{ID: f.id(), CreatedAt: start}, b)
		}
	}
	chunk := func(n int, b transfer.Bounds) func() error {
		return func() error { return f.store.AddChunk(f.ctx, contoso, u.ID, n, []byte("fg"), b) }
	}
	f.nothingWrittenBy("adding beyond the bounds", runs.ErrConflict,
		begin(transfer.Bounds{Files: 2}), begin(transfer.Bounds{Bytes: 5}), chunk(1, transfer.Bounds{Bytes: 6}))
	f.ok(chunk(1, transfer.Bounds{Files: 1, Bytes: 7})()) // a chunk is no file
	f.ok(begin(transfer.Bounds{Files: 3, Bytes: 8})())
	f.ok(f.store.RemoveUpload(f.ctx, contoso, ready.ID))
	f.ok(begin(transfer.Bounds{Files: 3, Bytes: 6})())
}

func uploadsAreBoundedAtOnce(t *testing.T, f *fixture) {
	atOnce := func(what string, want int, add func(i int) error) {
		t.Helper()
		errs := make([]error, 12)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = add(i) })
		}
		wg.Wait()
		added := 0
		for _, err := range errs {
			if err == nil {
				added++
			} else {
				f.wants(what+" beyond the bounds", err, runs.ErrConflict)
			}
		}
		same(t, what+" added", added, want)
	}
	for range 6 { // the first ones of a pool meet seldom
		u, ids := f.upload(contoso), make([]runs.ID, 12)
		for i := range ids {
			ids[i] = f.id()
		}
		atOnce("files", 4, func(i int) error {
			return f.store.AddUpload(f.ctx, contoso, transfer.Upload{ID: ids[i], CreatedAt: start}, transfer.Bounds{Files: 5})
		})
		atOnce("chunks", 3, func(i int) error {
			return f.store.AddChunk(f.ctx, contoso, u.ID, i, []byte("ab"), transfer.Bounds{Bytes: 7})
		})
		for _, id := range append(ids, u.ID) {
			f.ok(f.store.RemoveUpload(f.ctx, contoso, id))
		}
	}
}
