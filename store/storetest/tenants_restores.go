package storetest

import (
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// restoreRows are reachRows of previews, restores and uploads.
func restoreRows() map[string]func(f *fixture, tenant graph.TenantID, on targets) error {
	type call = func(f *fixture, tenant graph.TenantID, on targets) error
	return map[string]call{
		"OpenPreview": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.OpenPreview(f.ctx, tenant, on.lease, f.newPreview(runs.Run{TenantID: tenant, Kind: runs.KindDriftReport}, on.sealed))
			return err
		},
		"SavePreviewItems": func(f *fixture, tenant graph.TenantID, on targets) error {
			return f.store.SavePreviewItems(f.ctx, tenant, on.previewer, []restore.PreviewItem{f.found(9, restore.Skip)}, []runs.Item{f.newItem("x", runs.ItemSuccess)})
		},
		"ReadyPreview": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.ReadyPreview(f.ctx, tenant, on.looked)
			return err
		},
		"GetPreview": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.GetPreview(f.ctx, tenant, on.preview)
			return err
		},
		"ListPreviewItems": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.ListPreviewItems(f.ctx, tenant, on.preview, restore.Filter{}, all)
			return err
		},
		"UsePreview": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.UsePreview(f.ctx, tenant, on.restorer, on.preview, f.trail(tenant, "restore.started"))
			return err
		},
		"SaveSteps": func(f *fixture, tenant graph.TenantID, on targets) error {
			return f.store.SaveSteps(f.ctx, tenant, on.restorer, []restore.Step{f.newStep(f.id())}, nil)
		},
		"ListSteps": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.ListSteps(f.ctx, tenant, on.restorer.RunID, all)
			return err
		},
		"AddChunk": func(f *fixture, tenant graph.TenantID, on targets) error {
			return f.store.AddChunk(f.ctx, tenant, on.upload, 1, []byte("x"), transfer.Bounds{})
		},
		"ReadyUpload": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.ReadyUpload(f.ctx, tenant, on.whole, 1, hash, start)
			return err
		},
		"GetUpload": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.GetUpload(f.ctx, tenant, on.upload)
			return err
		},
		"Chunk": func(f *fixture, tenant graph.TenantID, on targets) error {
			_, err := f.store.Chunk(f.ctx, tenant, on.upload, 0)
			return err
		},
	}
}
