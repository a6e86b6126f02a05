package storetest

import (
	"bytes"
	"crypto/sha256"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func capturePromises() []promise {
	return []promise{
		{"the first OpenSet makes the run's set, the next ones return it", openSetOnce},
		{"OpenSet at once makes one set", openSetAtOnce},
		{"the id of a set or an item that exists is an error and nothing is written", captureIDThatExists},
		{"a captured policy is kept with its item, version, payload and inventory row", capturedPolicyIsKept},
		{"payloads come back byte for byte", payloadsComeBack},
		{"unchanged content adds no version and keeps the first payload", unchangedContentAddsNothing},
		{"changed content adds a version, earlier content does not come twice", changedContentAddsAVersion},
		{"the same content in two policies and two tenants is kept apart", sameContentIsKeptApart},
		{"a policy that the set holds already stays as it is", policyInTheSetStays},
		{"outcomes without a capture are counted with the others", outcomesWithoutACapture},
		{"a policy is captured once when many save it at once", captureAtOnce},
		{"copied items are those of the types that are not there yet", copyItems},
		{"copying from a set that nobody has is not found", copyFromNowhere},
	}
}

func openSetOnce(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	r := f.claim(f.start(f.newBackup(s, start)))
	set := f.newSet(r)
	first := must(f.store.OpenSet(f.ctx, contoso, r.Lease(), set, f.trail(contoso, "backup.created")))(t)
	same(t, "set returned", first, set)
	same(t, "set stored", f.set(set), set)
	if got := f.get(r).BackupSetID; got != set.ID {
		t.Errorf("set that the run names: got %q, want %q", got, set.ID)
	}
	f.nothingWritten("the second OpenSet", func() {
		again := must(f.store.OpenSet(f.ctx, contoso, r.Lease(), f.newSet(r), f.trail(contoso, "backup.created")))(t)
		same(t, "set returned again", again, first)
	})
	f.wroteTrail(contoso, "backup.created")
	f.change(r, waiting)
	again := must(f.store.OpenSet(f.ctx, contoso, f.claim(r).Lease(), f.newSet(r), runs.Trail{}))(t)
	same(t, "set returned to a later attempt", again, first)
}

func openSetAtOnce(t *testing.T, f *fixture) {
	r := f.running(contoso)
	var mu sync.Mutex
	given := map[runs.ID]bool{}
	atOnce(crowd, func(int) {
		set, err := f.store.OpenSet(f.ctx, contoso, r.Lease(), f.newSet(r), runs.Trail{})
		mu.Lock()
		defer mu.Unlock()
		given[set.ID] = true
		if err != nil {
			t.Errorf("OpenSet: %v", err)
		}
	})
	if list := must(f.store.ListSets(f.ctx, contoso, backupset.SetFilter{}, all))(t); len(given) != 1 || len(list) != 1 {
		t.Errorf("sets given: got %d, stored %d, want 1", len(given), len(list))
	}
}

func captureIDThatExists(t *testing.T, f *fixture) {
	c, r := f.manual(contoso), f.running(contoso)
	c.save(content{t: settings, id: "p1", body: "a"})
	f.nothingWritten("taking ids that exist", func() {
		set := f.newSet(r)
		set.ID = c.set.ID
		if _, err := f.store.OpenSet(f.ctx, contoso, r.Lease(), set, f.trail(contoso, "x")); err == nil {
			t.Error("OpenSet with the id of a set: no error")
		}
		fine, taken := f.captured(content{t: settings, id: "p2", body: "b"}), f.captured(content{t: settings, id: "p3", body: "c"})
		taken.ItemID = first(t, f.setItems(contoso, c.set.ID)).ID
		err := f.store.SaveCaptured(f.ctx, contoso, c.lease(), c.set.ID,
			[]backupset.Captured{fine, taken}, []runs.Item{f.outcome(fine), f.outcome(taken)})
		if err == nil {
			t.Error("SaveCaptured with the id of an item: no error")
		}
	})
}

func capturedPolicyIsKept(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	captured := f.captured(content{t: settings, id: "p1", body: "a"})
	captured.Policy.Warnings = []string{"secrets_masked", "incomplete_capture"}
	outcome := f.outcome(captured)
	f.ok(f.store.SaveCaptured(f.ctx, contoso, c.lease(), c.set.ID, []backupset.Captured{captured}, []runs.Item{outcome}))

	policy := first(t, f.policies(contoso))
	version := first(t, f.versions(contoso, policy.ID))
	same(t, "policy", policy, backupset.Policy{
		ID: policy.ID, Type: settings, ExternalID: "p1", Name: "name of p1", LastSeenAt: policy.LastSeenAt, CurrentVersionID: version.ID,
	})
	same(t, "version", version, backupset.PolicyVersion{
		ID: version.ID, PolicyID: policy.ID, Number: 1, Hash: captured.Hash, Name: "name of p1", CapturedAt: start, RunID: c.run.ID,
	})
	same(t, "set items", f.setItems(contoso, c.set.ID), []backupset.Item{{
		ID: captured.ItemID, SetID: c.set.ID, PolicyID: policy.ID, VersionID: version.ID, Type: settings, ExternalID: "p1",
		Name: "name of p1", Hash: captured.Hash, CapturedAt: start, Warnings: captured.Policy.Warnings, Revision: 1,
	}})
	same(t, "run items", f.items(contoso, c.run.ID), []runs.Item{outcome})
	same(t, "counts", f.get(c.run).Counts, runs.Counts{Processed: 1, Succeeded: 1})
	same(t, "payload", must(f.store.Payload(f.ctx, contoso, version.ID))(t), captured.Payload)
	same(t, "policy by its id", must(f.store.GetPolicy(f.ctx, contoso, policy.ID))(t), policy)
	_, err := f.store.Payload(f.ctx, contoso, nobody)
	f.wants("payload of a version that nobody has", err, runs.ErrNotFound)
}

func payloadsComeBack(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	everyByte := make([]byte, 256)
	for i := range everyByte {
		everyByte[i] = byte(i)
	}
	noise := make([]byte, 0, 300_000) // does not compress
	for sum := sha256.Sum256(nil); len(noise) < cap(noise); sum = sha256.Sum256(sum[:]) {
		noise = append(noise, sum[:min(len(sum), cap(noise)-len(noise))]...)
	}
	for name, payload := range map[string][]byte{
		"one byte": {0}, "every byte": everyByte, "repeated": bytes.Repeat([]byte(`{"@odata.type": "#x" }`), 10_000),
		"noise": noise, "JSON with a byte order mark": []byte("\xef\xbb\xbf{\r\n \"a\" : 1.0 }\n\x00"),
	} {
		c.save(content{t: settings, id: name, body: name, payload: string(payload)})
		got := must(f.store.Payload(f.ctx, contoso, f.policy(contoso, name).CurrentVersionID))(t)
		if !bytes.Equal(got, payload) {
			t.Errorf("%s: got %d bytes that differ from the %d given", name, len(got), len(payload))
		}
	}
}

func unchangedContentAddsNothing(t *testing.T, f *fixture) {
	f.manualSet(contoso, content{t: settings, id: "p1", body: "a", payload: "first"})
	version := f.versions(contoso, f.policy(contoso, "p1").ID)
	second := f.manualSet(contoso, content{t: settings, id: "p1", body: "a", payload: "second, of the same content"})
	policy := f.policy(contoso, "p1")
	same(t, "versions", f.versions(contoso, policy.ID), version)
	same(t, "current version", policy.CurrentVersionID, first(t, version).ID)
	same(t, "payload", must(f.store.Payload(f.ctx, contoso, first(t, version).ID))(t), []byte("first"))
	same(t, "version in the second set", first(t, f.setItems(contoso, second.ID)).VersionID, first(t, version).ID)
}

func changedContentAddsAVersion(t *testing.T, f *fixture) {
	var sets []backupset.BackupSet
	for _, body := range []string{"a", "b", "a"} {
		f.clock.Advance(time.Minute)
		sets = append(sets, f.manualSet(contoso, content{t: settings, id: "p1", body: body}))
	}
	policy := f.policy(contoso, "p1")
	versions := f.versions(contoso, policy.ID)
	if len(versions) != 2 || versions[0].Number != 2 || versions[1].Number != 1 {
		t.Fatalf("versions: got %+v, want numbers 2 and 1", versions)
	}
	same(t, "run that captured each first", []runs.ID{versions[0].RunID, versions[1].RunID}, []runs.ID{sets[1].RunID, sets[0].RunID})
	for i, want := range []runs.ID{versions[1].ID, versions[0].ID, versions[1].ID} {
		same(t, "version in a set", first(t, f.setItems(contoso, sets[i].ID)).VersionID, want)
	}
	same(t, "current version", policy.CurrentVersionID, versions[1].ID)
}

func sameContentIsKeptApart(t *testing.T, f *fixture) {
	one := content{t: settings, id: "p1", body: "same", payload: "as p1"}
	two := content{t: settings, id: "p2", body: "same", payload: "as p2"}
	three := content{t: scripts, id: "p1", body: "same", payload: "as p1 of another type"}
	f.manualSet(contoso, one, two, three)
	theirs := one
	theirs.payload = "as theirs"
	f.manualSet(fabrikam, theirs)
	payloads := map[string]bool{}
	for tenant, want := range map[graph.TenantID]int{contoso: 3, fabrikam: 1} {
		list := f.policies(tenant)
		if len(list) != want {
			t.Errorf("policies of %s: got %d, want %d", tenant, len(list), want)
		}
		for _, p := range list {
			versions := f.versions(tenant, p.ID)
			if len(versions) != 1 || versions[0].Number != 1 {
				t.Errorf("versions of %s in %s: got %+v, want one", p.ExternalID, tenant, versions)
			}
			payloads[string(must(f.store.Payload(f.ctx, tenant, p.CurrentVersionID))(t))] = true
		}
	}
	same(t, "payloads", payloads, map[string]bool{"as p1": true, "as p2": true, "as p1 of another type": true, "as theirs": true})
}

func policyInTheSetStays(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	c.save(content{t: settings, id: "p1", body: "a"})
	before := f.setItems(contoso, c.set.ID)
	f.nothingWritten("the same capture again", func() { c.save(content{t: settings, id: "p1", body: "a"}) })
	c.save(content{t: settings, id: "p1", body: "changed meanwhile"}, content{t: settings, id: "p2", body: "b"})
	after := f.setItems(contoso, c.set.ID)
	if len(after) != 2 {
		t.Fatalf("items: got %+v, want 2", after)
	}
	same(t, "item that was there", after[:1], before)
	f.countsMatch(c.run)
	same(t, "counts", f.get(c.run).Counts, runs.Counts{Processed: 2, Succeeded: 2})
}

func outcomesWithoutACapture(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	captured := f.captured(content{t: settings, id: "p1", body: "a"})
	items := []runs.Item{f.newItem("p2", runs.ItemFailed), f.outcome(captured), f.newItem("p3", runs.ItemSkipped)}
	f.ok(f.store.SaveCaptured(f.ctx, contoso, c.lease(), c.set.ID, []backupset.Captured{captured}, items))
	same(t, "counts", f.get(c.run).Counts, runs.Counts{Processed: 3, Succeeded: 1, Failed: 1, Skipped: 1})
	if n := len(f.setItems(contoso, c.set.ID)); n != 1 {
		t.Errorf("items of the set: got %d, want the captured one", n)
	}
	c.save(content{t: settings, id: "p2", body: "b"}) // captured by a later attempt
	same(t, "counts after it was captured", f.get(c.run).Counts, runs.Counts{Processed: 3, Succeeded: 2, Skipped: 1})
}

func captureAtOnce(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	atOnce(crowd, func(int) {
		captured := f.captured(content{t: settings, id: "p1", body: "a"})
		if err := f.store.SaveCaptured(f.ctx, contoso, c.lease(), c.set.ID, []backupset.Captured{captured}, []runs.Item{f.outcome(captured)}); err != nil {
			t.Errorf("SaveCaptured: %v", err)
		}
	})
	policy := f.policy(contoso, "p1")
	if items, versions := f.setItems(contoso, c.set.ID), f.versions(contoso, policy.ID); len(items) != 1 || len(versions) != 1 || len(f.policies(contoso)) != 1 {
		t.Errorf("got %d items, %d versions, %d policies, want 1 each", len(items), len(versions), len(f.policies(contoso)))
	}
	f.countsMatch(c.run)
}

func copyItems(t *testing.T, f *fixture) {
	old := f.manual(contoso)
	masked := f.captured(content{t: settings, id: "p1", body: "a"})
	masked.Policy.Warnings = []string{"secrets_masked"}
	f.ok(f.store.SaveCaptured(f.ctx, contoso, old.lease(), old.set.ID, []backupset.Captured{masked}, []runs.Item{f.outcome(masked)}))
	old.save(content{t: settings, id: "p2", body: "b"}, content{t: scripts, id: "p3", body: "c"})
	from := old.finish()

	c := f.manual(contoso)
	c.save(content{t: settings, id: "p2", body: "newer"})
	there := f.setItems(contoso, c.set.ID)
	copied := func(types ...graph.PolicyType) int {
		return must(f.store.CopyItems(f.ctx, contoso, c.lease(), from.ID, c.set.ID, types))(t)
	}
	if n := copied(); n != 0 {
		t.Errorf("copied for no types: got %d, want 0", n)
	}
	if n := copied(settings); n != 1 {
		t.Errorf("copied: got %d, want 1: p1 is of the type and not there yet", n)
	}
	f.nothingWritten("copying again", func() {
		if n := copied(settings); n != 0 {
			t.Errorf("copied again: got %d, want 0", n)
		}
	})
	want, original := map[string]backupset.Item{"p2": first(t, there)}, first(t, f.setItems(contoso, from.ID))
	got := map[string]backupset.Item{}
	for _, item := range f.setItems(contoso, c.set.ID) {
		got[item.ExternalID] = item
	}
	original.ID, original.SetID = got["p1"].ID, c.set.ID
	want["p1"] = original
	same(t, "items of the set", got, want)
	for _, item := range f.items(contoso, c.run.ID) {
		if item.PolicyID == "p1" && (item.Status != runs.ItemSuccess || item.BackupItemID != got["p1"].ID || item.PolicyType != settings || item.Name != "name of p1") {
			t.Errorf("run item of what was copied: got %+v", item)
		}
	}
	same(t, "counts", f.get(c.run).Counts, runs.Counts{Processed: 2, Succeeded: 2})
	same(t, "items that were copied from", len(f.setItems(contoso, from.ID)), 3)
}

func copyFromNowhere(t *testing.T, f *fixture) {
	c := f.manual(contoso)
	f.nothingWritten("copying from nowhere", func() {
		_, err := f.store.CopyItems(f.ctx, contoso, c.lease(), nobody, c.set.ID, []graph.PolicyType{settings})
		f.wants("CopyItems", err, runs.ErrNotFound)
	})
}
