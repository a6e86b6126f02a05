package storetest

import (
	"reflect"
	"slices"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// leaseRows names every write of a worker by its method. A method of the store that takes a
// runs.Lease and has no row fails the suite. Each call succeeds under the run's lease.
func leaseRows() map[string]func(f *fixture, c *capture, lease runs.Lease) error {
	return map[string]func(f *fixture, c *capture, lease runs.Lease) error{
		"SaveItems": func(f *fixture, c *capture, lease runs.Lease) error {
			_, err := f.store.SaveItems(f.ctx, c.tenant, lease, []runs.Item{f.newItem("new", runs.ItemFailed)}, 5)
			return err
		},
		"OpenSet": func(f *fixture, c *capture, lease runs.Lease) error {
			_, err := f.store.OpenSet(f.ctx, c.tenant, lease, f.newSet(c.run), f.trail(c.tenant, "backup.created"))
			return err
		},
		"SaveCaptured": func(f *fixture, c *capture, lease runs.Lease) error {
			captured := f.captured(content{t: scripts, id: "new", body: "new"})
			return f.store.SaveCaptured(f.ctx, c.tenant, lease, c.set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)})
		},
		"SaveSnapshot": func(f *fixture, c *capture, lease runs.Lease) error {
			captured := f.captured(content{t: scripts, id: "new", body: "new"})
			_, _, err := f.store.SaveSnapshot(f.ctx, c.tenant, lease, captured, f.shot(captured))
			return err
		},
		"CopyItems": func(f *fixture, c *capture, lease runs.Lease) error {
			from := must(f.store.ListSets(f.ctx, c.tenant, backupset.SetFilter{Statuses: []backupset.Status{backupset.Complete}}, all))(f)
			_, err := f.store.CopyItems(f.ctx, c.tenant, lease, first(f, from).ID, c.set.ID, []graph.PolicyType{settings})
			return err
		},
		"SaveManifest": func(f *fixture, c *capture, lease runs.Lease) error {
			return f.store.SaveManifest(f.ctx, c.tenant, lease, c.set.ID, manifest(scripts, 9))
		},
		"SealSet": func(f *fixture, c *capture, lease runs.Lease) error {
			_, err := f.store.SealSet(f.ctx, c.tenant, lease, c.set.ID, backupset.Partial, f.trail(c.tenant, "backup.created"))
			return err
		},
		"OpenPreview": func(f *fixture, c *capture, lease runs.Lease) error {
			_, err := f.store.OpenPreview(f.ctx, c.tenant, lease, f.newPreview(c.run, c.set.ID))
			return err
		},
		"SavePreviewItems": func(f *fixture, c *capture, lease runs.Lease) error {
			return f.store.SavePreviewItems(f.ctx, c.tenant, lease, []restore.PreviewItem{f.found(0, restore.Create)}, []runs.Item{f.newItem("new", runs.ItemSuccess)})
		},
		"ReadyPreview": func(f *fixture, c *capture, lease runs.Lease) error {
			_, err := f.store.ReadyPreview(f.ctx, c.tenant, lease)
			return err
		},
		"UsePreview": func(f *fixture, c *capture, lease runs.Lease) error {
			_, err := f.store.UsePreview(f.ctx, c.tenant, lease, f.readied, f.trail(c.tenant, "restore.started"))
			return err
		},
		"SaveSteps": func(f *fixture, c *capture, lease runs.Lease) error {
			return f.store.SaveSteps(f.ctx, c.tenant, lease, []restore.Step{f.newStep(f.id())}, []runs.Item{f.newItem("new", runs.ItemSuccess)})
		},
		"RecordListing": func(f *fixture, c *capture, lease runs.Lease) error {
			_, err := f.store.RecordListing(f.ctx, c.tenant, lease, backupset.Listing{
				Type: scripts, Seen: []graph.Header{{ID: "new", Name: "new"}}, Complete: true, At: start,
			})
			return err
		},
	}
}

func leasePromises() []promise {
	list := []promise{{"every method that takes a lease has a row in the suite", func(t *testing.T, _ *fixture) {
		lease := reflect.TypeFor[runs.Lease]()
		same(t, "rows", sortedKeys(leaseRows()), methods(func(m reflect.Type) bool {
			return slices.Contains(parameters(m), lease)
		}))
	}}}
	for _, name := range sortedKeys(leaseRows()) {
		list = append(list, promise{name + " is refused without the lease and then writes nothing", func(t *testing.T, f *fixture) {
			f.fenced(name, leaseRows()[name])
		}})
	}
	return list
}

// fenced tries a write under every lease that is not the run's, and then under the one
// that is.
func (f *fixture) fenced(name string, call func(f *fixture, c *capture, lease runs.Lease) error) {
	f.Helper()
	earlier := f.manualSet(contoso, content{t: settings, id: "earlier", body: "earlier"}) // to copy from
	f.readied = f.looking(earlier).ready().run.ID
	newCapture := func() *capture {
		c := f.manual(contoso)
		c.save(content{t: scripts, id: "p1", body: "a"})
		f.ok(f.store.SaveManifest(f.ctx, contoso, c.lease(), c.set.ID, manifest(scripts, 1)))
		must(f.store.OpenPreview(f.ctx, contoso, c.lease(), f.newPreview(c.run, c.set.ID)))(f)
		return c
	}
	c, back, ended := newCapture(), newCapture(), newCapture()
	lease := c.lease()
	f.change(c.run, waiting)
	c.run = f.claim(c.run)
	f.change(back.run, waiting)
	f.finish(ended.run, runs.StatusFailed, start)
	f.nothingWritten(name+" without the lease", func() {
		for _, without := range []struct {
			what  string
			c     *capture
			lease runs.Lease
		}{
			{"after another worker claimed the run", c, lease},
			{"under a token that was never given", c, runs.Lease{RunID: lease.RunID, Token: c.lease().Token + 1}},
			{"after the run was given back", back, back.lease()},
			{"after the run has ended", ended, ended.lease()},
		} {
			f.wants(name+" "+without.what, call(f, without.c, without.lease), runs.ErrLeaseLost)
		}
	})
	if err := call(f, c, c.lease()); err != nil {
		f.Errorf("%s under the run's lease: %v", name, err)
	}
}
