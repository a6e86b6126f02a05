package storetest

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func snapshotPromises() []promise {
	return []promise{
		{"a snapshot keeps a policy's content without a set", contentWithoutASet},
		{"a snapshot of known content makes no version and gives the one that holds it", snapshotOfKnownContent},
		{"what a snapshot was taken of stays when other content comes and when sets are purged", snapshotStays},
		{"a snapshot at once makes one version", snapshotAtOnce},
	}
}

// shot is the outcome of a snapshot.
func (f *fixture) shot(c backupset.Captured) runs.Item {
	i := f.outcome(c)
	i.BackupItemID = ""
	return i
}

// snap takes a snapshot under a run of its own.
func (f *fixture) snap(c content) (backupset.PolicyVersion, bool, runs.Run) {
	f.Helper()
	r := f.running(contoso)
	captured := f.captured(c)
	v, created, err := f.store.SaveSnapshot(f.ctx, contoso, r.Lease(), captured, f.shot(captured))
	f.ok(err)
	return v, created, r
}

func contentWithoutASet(t *testing.T, f *fixture) {
	v, created, r := f.snap(content{t: settings, id: "p1", body: "a"})
	policy := f.policy(contoso, "p1")
	want := backupset.PolicyVersion{
		ID: v.ID, PolicyID: policy.ID, Number: 1, Hash: f.captured(content{body: "a"}).Hash, Name: "name of p1", CapturedAt: start, RunID: r.ID,
	}
	same(t, "version", v, want)
	same(t, "versions stored", f.versions(contoso, policy.ID), []backupset.PolicyVersion{want})
	if !created || policy.CurrentVersionID != v.ID {
		t.Errorf("created %t, policy %+v", created, policy)
	}
	same(t, "payload", must(f.store.Payload(f.ctx, contoso, v.ID))(t), []byte("payload of p1: a"))
	same(t, "counts", f.get(r).Counts, runs.Counts{Processed: 1, Succeeded: 1})
	same(t, "outcome", first(t, f.items(contoso, r.ID)).PolicyID, "p1")
	same(t, "sets", must(f.store.ListSets(f.ctx, contoso, backupset.SetFilter{}, all))(t), nil)
	if f.get(r).BackupSetID != "" {
		t.Error("the run names a set")
	}
}

func snapshotOfKnownContent(t *testing.T, f *fixture) {
	f.manualSet(contoso, content{t: settings, id: "p1", body: "a", payload: "first"})
	held := f.versions(contoso, f.policy(contoso, "p1").ID)
	f.clock.Advance(time.Minute)
	v, created, _ := f.snap(content{t: settings, id: "p1", body: "a", payload: "second"})
	if created {
		t.Error("said to have made a version")
	}
	same(t, "version", v, first(t, held))
	same(t, "versions", f.versions(contoso, v.PolicyID), held)
	same(t, "payload", must(f.store.Payload(f.ctx, contoso, v.ID))(t), []byte("first"))
	f.snap(content{t: settings, id: "p1", body: "b"})
	again, created, _ := f.snap(content{t: settings, id: "p1", body: "a"}) // as it was before
	if created || again.ID != v.ID || f.policy(contoso, "p1").CurrentVersionID != v.ID {
		t.Errorf("content that came back: got version %+v, created %t", again, created)
	}
}

func snapshotStays(t *testing.T, f *fixture) {
	set, versions := f.superseded(content{t: settings, id: "p1", body: "a"}, content{t: settings, id: "p2", body: "b"})
	kept, _, _ := f.snap(content{t: settings, id: "p1", body: "a"}) // of a version that a set has
	made, _, _ := f.snap(content{t: settings, id: "p1", body: "of no set"})
	f.manualSet(contoso, content{t: settings, id: "p1", body: "newest"})
	total := backupset.PurgeResult{}
	for _, step := range f.purge(set, 10) {
		total.Items, total.Versions = total.Items+step.Items, total.Versions+step.Versions
	}
	same(t, "removed", total, backupset.PurgeResult{Items: 2, Versions: 1})
	for _, v := range []backupset.PolicyVersion{kept, made} {
		must(f.store.Payload(f.ctx, contoso, v.ID))(t)
	}
	gone := 0
	for _, v := range versions {
		if _, err := f.store.Payload(f.ctx, contoso, v.ID); err != nil {
			gone++
		}
	}
	same(t, "versions that are gone", gone, 1)
}

func snapshotAtOnce(t *testing.T, f *fixture) {
	var list []runs.Run
	for range crowd {
		list = append(list, f.running(contoso))
	}
	atOnce(crowd, func(i int) {
		captured := f.captured(content{t: settings, id: "p1", body: "a"})
		if _, _, err := f.store.SaveSnapshot(f.ctx, contoso, list[i].Lease(), captured, f.shot(captured)); err != nil {
			t.Errorf("SaveSnapshot: %v", err)
		}
	})
	if n := len(f.versions(contoso, f.policy(contoso, "p1").ID)); n != 1 || len(f.policies(contoso)) != 1 {
		t.Errorf("got %d versions of %d policies, want one of each", n, len(f.policies(contoso)))
	}
}
