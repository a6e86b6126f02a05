package transfer_test

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// backend is a rig's store with uploads in memory, and calls that a test can make fail.
type backend struct {
	*sqlitestore.Store

	mu     sync.Mutex
	files  map[runs.ID]*file
	before func(method string) error // asked before chunks and captures; nil allows all
}

type file struct {
	transfer.Upload
	chunks map[int][]byte
}

func (b *backend) ask(method string) error {
	if b.before == nil {
		return nil
	}
	return b.before(method)
}

func (b *backend) find(tenant graph.TenantID, id runs.ID) (*file, error) {
	f := b.files[id]
	if f == nil || f.TenantID != tenant {
		return nil, runs.ErrNotFound
	}
	return f, nil
}

func (b *backend) AddUpload(_ context.Context, tenant graph.TenantID, u transfer.Upload) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	u.TenantID = tenant
	b.files[u.ID] = &file{u, map[int][]byte{}}
	return nil
}

func (b *backend) AddChunk(_ context.Context, tenant graph.TenantID, id runs.ID, n int, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.ask("AddChunk"); err != nil {
		return err
	}
	f, err := b.find(tenant, id)
	if err != nil {
		return err
	}
	if f.chunks[n] != nil || len(data) > transfer.ChunkSize {
		return runs.ErrConflict
	}
	f.chunks[n] = bytes.Clone(data)
	return nil
}

func (b *backend) ReadyUpload(_ context.Context, tenant graph.TenantID, id runs.ID, size int64, sum string, at time.Time) (transfer.Upload, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, err := b.find(tenant, id)
	if err != nil {
		return transfer.Upload{}, err
	}
	f.Size, f.SHA256, f.ReadyAt = size, sum, at
	return f.Upload, nil
}

func (b *backend) GetUpload(_ context.Context, tenant graph.TenantID, id runs.ID) (transfer.Upload, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, err := b.find(tenant, id)
	if err != nil {
		return transfer.Upload{}, err
	}
	return f.Upload, nil
}

func (b *backend) Chunk(_ context.Context, tenant graph.TenantID, id runs.ID, n int) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.ask("Chunk"); err != nil {
		return nil, err
	}
	f, err := b.find(tenant, id)
	if err != nil || f.chunks[n] == nil {
		return nil, runs.ErrNotFound
	}
	return bytes.Clone(f.chunks[n]), nil
}

func (b *backend) RemoveUpload(_ context.Context, tenant graph.TenantID, id runs.ID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.find(tenant, id); err == nil {
		delete(b.files, id)
	}
	return nil
}

func (b *backend) OldUploads(_ context.Context, before time.Time, after runs.ID, limit int) ([]transfer.TenantUpload, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []transfer.TenantUpload
	for id, f := range b.files {
		if f.CreatedAt.Before(before) && id > after {
			list = append(list, transfer.TenantUpload{TenantID: f.TenantID, ID: id})
		}
	}
	slices.SortFunc(list, func(x, y transfer.TenantUpload) int { return cmp.Compare(x.ID, y.ID) })
	return list[:min(len(list), limit)], nil
}

func (b *backend) SaveCaptured(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, captured []backupset.Captured, items []runs.Item) error {
	return b.around("SaveCaptured", func() error { return b.Store.SaveCaptured(ctx, tenant, lease, set, captured, items) })
}

func (b *backend) SaveManifest(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, m backupset.Manifest) error {
	return b.around("SaveManifest", func() error { return b.Store.SaveManifest(ctx, tenant, lease, set, m) })
}

func (b *backend) SealSet(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, status backupset.Status, trail runs.Trail) (out backupset.BackupSet, err error) {
	err = b.around("SealSet", func() error {
		out, err = b.Store.SealSet(ctx, tenant, lease, set, status, trail)
		return err
	})
	return out, err
}

// around asks before a call, and again when it is done.
func (b *backend) around(method string, call func() error) error {
	if err := b.ask(method); err != nil {
		return err
	}
	if err := call(); err != nil {
		return err
	}
	return b.ask(method + " done")
}

var _ transfer.ImportStore = (*backend)(nil)

// world is a rig that imports.
type world struct {
	*rig.Rig
	back *backend
	up   *transfer.Uploader
}

func newWorld(t testing.TB, o rig.Options, config func(*transfer.ImporterConfig, *transfer.UploaderConfig)) *world {
	t.Helper()
	back := &backend{files: map[runs.ID]*file{}}
	importing, uploading := transfer.ImporterConfig{Store: back, Catalogue: o.Catalogue}, transfer.UploaderConfig{Store: back}
	if config != nil {
		config(&importing, &uploading)
	}
	im, err := transfer.NewImporter(importing)
	if err != nil {
		t.Fatal(err)
	}
	requests, err := transfer.NewRequests(back)
	if err != nil {
		t.Fatal(err)
	}
	o.Runner.Executors = append(o.Runner.Executors, im)
	o.Starter.Preparers = append(o.Starter.Preparers, requests)
	r := rig.New(t, o)
	back.Store = r.Store
	uploading.Guard, uploading.Clock = r.Starter.Guard(), r.Clock
	up, err := transfer.NewUploader(uploading)
	if err != nil {
		t.Fatal(err)
	}
	return &world{r, back, up}
}

// start uploads a file and starts its import.
func (w *world) start(raw []byte) runs.Run {
	w.TB.Helper()
	u, err := w.up.Receive(w.TB.Context(), rig.Tenant, rig.Owner, bytes.NewReader(raw))
	if err != nil {
		w.TB.Fatal(err)
	}
	run, _, err := w.Starter.Start(w.TB.Context(), rig.Tenant, rig.Owner, transfer.ImportRequest(u, ""))
	if err != nil {
		w.TB.Fatal(err)
	}
	return run
}

// bring imports a file to the end.
func (w *world) bring(raw []byte) runs.Run {
	w.TB.Helper()
	run := w.start(raw)
	w.Drain()
	return w.Run(run.ID)
}
