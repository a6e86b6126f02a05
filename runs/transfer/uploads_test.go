package transfer_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// backend is a rig's store with calls that a test can make fail.
type backend struct {
	*sqlitestore.Store
	before func(method string) error // asked before and after calls; nil allows all
}

func (b *backend) ask(method string) error {
	if b.before == nil {
		return nil
	}
	return b.before(method)
}

func (b *backend) AddChunk(ctx context.Context, tenant graph.TenantID, id runs.ID, n int, data []byte, bounds transfer.Bounds) error {
	return b.around("AddChunk", func() error { return b.Store.AddChunk(ctx, tenant, id, n, data, bounds) })
}

func (b *backend) Chunk(ctx context.Context, tenant graph.TenantID, id runs.ID, n int) (data []byte, err error) {
	err = b.around("Chunk", func() error {
		data, err = b.Store.Chunk(ctx, tenant, id, n)
		return err
	})
	return data, err
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
	back := &backend{}
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

// uploads are the files that wait.
func (w *world) uploads() []transfer.TenantUpload {
	w.TB.Helper()
	list, err := w.Store.OldUploads(w.TB.Context(), w.Clock.Now().Add(time.Hour), "", 1000)
	if err != nil {
		w.TB.Fatal(err)
	}
	return list
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
