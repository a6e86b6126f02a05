package storetest

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func purgePromises() []promise {
	return []promise{
		{"a purged set is gone with its items, and the trail says so", purgedSetIsGone},
		{"a purge goes in steps of the limit, from which it goes on", purgeGoesInSteps},
		{"a version that nothing else needs goes, with its payload", unneededVersionGoes},
		{"a version that another set needs stays, with its payload", neededVersionStays},
		{"the current version of a policy stays, with its payload", currentVersionStays},
		{"a payload that another version shares stays", sharedPayloadStays},
		{"a set that is not deleted, held or in use is not purged", setThatMayNotBePurged},
		{"a set that became held while it is purged is left as it is", heldMeanwhile},
		{"purges at once remove each item once", purgesAtOnce},
		{"a policy that was purged can be captured again", capturedAgainAfterPurge},
	}
}

func purgedSetIsGone(t *testing.T, f *fixture) {
	beside := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"})
	set := f.retire(f.manualSet(contoso, content{t: settings, id: "p1", body: "a"}, content{t: settings, id: "p2", body: "b"}), start)
	var told []backupset.PurgeResult
	got := must(f.store.PurgeSet(f.ctx, contoso, set.ID, 100, func(s backupset.BackupSet, r backupset.PurgeResult) runs.Trail {
		if s.ID != set.ID || s.Name != set.Name {
			t.Errorf("set given to the trail: got %+v", s)
		}
		told = append(told, r)
		return f.trail(contoso, "backup_set.purged")
	}))(t)
	if got.Items != 2 || !got.Done || len(told) == 0 || told[len(told)-1] != got {
		t.Errorf("result: got %+v, trail was told %+v; want 2 items, done, and the same told", got, told)
	}
	_, err := f.store.GetSet(f.ctx, contoso, set.ID)
	f.wants("GetSet", err, runs.ErrNotFound)
	_, err = f.store.ListSetItems(f.ctx, contoso, set.ID, backupset.SetItemFilter{}, all)
	f.wants("ListSetItems", err, runs.ErrNotFound)
	_, err = f.store.PurgeSet(f.ctx, contoso, set.ID, 1, noTrail)
	f.wants("PurgeSet again", err, runs.ErrNotFound)
	_, err = f.store.ChangeSet(f.ctx, contoso, set.ID, func(_ time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
		return backupset.SetChange{Set: s}, nil
	})
	f.wants("ChangeSet", err, runs.ErrNotFound)
	if list := must(f.store.ListSets(f.ctx, contoso, backupset.SetFilter{Deleted: true}, all))(t); len(list) != 0 {
		t.Errorf("deleted sets: got %+v", list)
	}
	same(t, "set beside it", f.set(beside), beside)
	same(t, "items beside it", len(f.setItems(contoso, beside.ID)), 1)
	f.wroteTrail(contoso, "backup_set.purged")

	empty := f.retire(f.manualSet(contoso), start)
	same(t, "purge of an empty set", f.purge(empty, 1), []backupset.PurgeResult{{Done: true}})
}

func purgeGoesInSteps(t *testing.T, f *fixture) {
	var contents []content
	for i := range 5 {
		contents = append(contents, content{t: settings, id: "p" + strconv.Itoa(i), body: strconv.Itoa(i)})
	}
	set := f.retire(f.manualSet(contoso, contents...), start)
	trails := 0
	step := func() backupset.PurgeResult {
		return must(f.store.PurgeSet(f.ctx, contoso, set.ID, 2, func(backupset.BackupSet, backupset.PurgeResult) runs.Trail {
			trails++
			return f.trail(contoso, "backup_set.purged")
		}))(t)
	}
	for i, left := range []int{3, 1} {
		if got := step(); got.Items != 2 || got.Done {
			t.Errorf("step %d: got %+v, want 2 items and not done", i, got)
		}
		if now := f.set(set); now.PurgingAt.IsZero() || !now.Deleted() {
			t.Errorf("step %d: the set does not say that it is being purged: %+v", i, now)
		}
		same(t, "items left", len(f.setItems(contoso, set.ID)), left)
	}
	f.wroteTrail(contoso)
	if got := step(); got.Items != 1 || !got.Done {
		t.Errorf("last step: got %+v, want 1 item and done", got)
	}
	f.wroteTrail(contoso, "backup_set.purged")
}

// superseded keeps content of policy p1 in a set, which it retires, and then newer content
// in another set, so that the retired set's version is not the current one.
func (f *fixture) superseded(old ...content) (retired backupset.BackupSet, versions []backupset.PolicyVersion) {
	f.Helper()
	set := f.manualSet(contoso, old...)
	for _, item := range f.setItems(contoso, set.ID) {
		versions = append(versions, f.versions(contoso, item.PolicyID)...)
	}
	var newer []content
	for _, c := range old {
		newer = append(newer, content{t: c.t, id: c.id, body: "newer " + c.body})
	}
	f.manualSet(contoso, newer...)
	return f.retire(set, start), versions
}

func unneededVersionGoes(t *testing.T, f *fixture) {
	set, versions := f.superseded(content{t: settings, id: "p1", body: "a"}, content{t: settings, id: "p2", body: "b"})
	var total backupset.PurgeResult
	for _, step := range f.purge(set, 1) {
		total.Versions += step.Versions
		total.Payloads += step.Payloads
		total.Bytes += step.Bytes
	}
	if total.Versions != 2 || total.Payloads != 2 || total.Bytes <= 0 {
		t.Errorf("removed: got %+v, want 2 versions, 2 payloads and their bytes", total)
	}
	for _, v := range versions {
		_, err := f.store.Payload(f.ctx, contoso, v.ID)
		f.wants("payload", err, runs.ErrNotFound)
		left := f.versions(contoso, v.PolicyID)
		if len(left) != 1 || left[0].ID == v.ID || left[0].Number != 2 {
			t.Errorf("versions left: got %+v, want the newer one with its number", left)
		}
	}
}

func neededVersionStays(t *testing.T, f *fixture) {
	keeper := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"})
	deleted := f.retire(f.manualSet(contoso, content{t: settings, id: "p1", body: "a"}), start)
	set, versions := f.superseded(content{t: settings, id: "p1", body: "a"})
	for _, step := range f.purge(set, 10) {
		same(t, "removed", step, backupset.PurgeResult{Items: 1, Done: true})
	}
	same(t, "payload", must(f.store.Payload(f.ctx, contoso, first(t, versions).ID))(t), []byte("payload of p1: a"))
	f.purge(f.retire(keeper, start), 10)
	must(f.store.Payload(f.ctx, contoso, first(t, versions).ID))(t) // needed by a set that can be undeleted
	if steps := f.purge(deleted, 10); first(t, steps).Versions != 1 || first(t, steps).Payloads != 1 {
		t.Errorf("removed with the last set that needed it: got %+v", steps)
	}
}

func currentVersionStays(t *testing.T, f *fixture) {
	set := f.retire(f.manualSet(contoso, content{t: settings, id: "p1", body: "a"}), start)
	policy := f.policy(contoso, "p1")
	f.listing(f.running(contoso), start, true) // even when the policy itself is gone
	same(t, "removed", f.purge(set, 10), []backupset.PurgeResult{{Items: 1, Done: true}})
	same(t, "current version", f.policy(contoso, "p1").CurrentVersionID, policy.CurrentVersionID)
	same(t, "versions", len(f.versions(contoso, policy.ID)), 1)
	same(t, "payload", must(f.store.Payload(f.ctx, contoso, policy.CurrentVersionID))(t), []byte("payload of p1: a"))
}

func sharedPayloadStays(t *testing.T, f *fixture) {
	one := content{t: settings, id: "p1", body: "a", payload: "the very same bytes"}
	two, theirs := one, one
	two.id = "p2"
	f.manualSet(contoso, two)
	f.manualSet(fabrikam, theirs)
	set, versions := f.superseded(one)
	f.purge(set, 10)
	_, err := f.store.Payload(f.ctx, contoso, first(t, versions).ID)
	f.wants("payload of the purged version", err, runs.ErrNotFound)
	same(t, "payload of the other policy", must(f.store.Payload(f.ctx, contoso, f.policy(contoso, "p2").CurrentVersionID))(t), []byte(one.payload))
	same(t, "payload of the other tenant", must(f.store.Payload(f.ctx, fabrikam, f.policy(fabrikam, "p1").CurrentVersionID))(t), []byte(one.payload))
}

func setThatMayNotBePurged(t *testing.T, f *fixture) {
	held := f.changeSet(f.manualSet(contoso), func(s *backupset.BackupSet) {
		s.DeletedAt, s.Holds = start, []backupset.Hold{{Name: "a", By: ada, At: start}}
	})
	used := f.retire(f.manualSet(contoso), start)
	restore := f.newRun(contoso)
	restore.Kind, restore.Target = "restore.execute", runs.Target{Type: "backup_set", ID: used.ID}
	f.claim(f.start(restore))
	for what, set := range map[string]backupset.BackupSet{
		"a set that is not deleted": f.manualSet(contoso), "a set that is held": held, "a set in use": used,
	} {
		f.nothingWritten(what, func() {
			_, err := f.store.PurgeSet(f.ctx, contoso, set.ID, 10, noTrail)
			f.wants("purging "+what, err, runs.ErrConflict)
		})
	}
}

func heldMeanwhile(t *testing.T, f *fixture) {
	set := f.retire(f.manualSet(contoso, content{t: settings, id: "p1", body: "a"}, content{t: settings, id: "p2", body: "b"}), start)
	must(f.store.PurgeSet(f.ctx, contoso, set.ID, 1, noTrail))(t)
	f.changeSet(set, func(s *backupset.BackupSet) { s.Holds = []backupset.Hold{{Name: "a", By: ada, At: start}} })
	f.nothingWritten("purging on", func() {
		_, err := f.store.PurgeSet(f.ctx, contoso, set.ID, 1, noTrail)
		f.wants("PurgeSet", err, runs.ErrConflict)
	})
	f.changeSet(set, func(s *backupset.BackupSet) { s.Holds = nil })
	same(t, "steps after the release", len(f.purge(set, 1)), 1)
}

func purgesAtOnce(t *testing.T, f *fixture) {
	var contents []content
	for i := range 12 {
		contents = append(contents, content{t: settings, id: "p" + strconv.Itoa(i), body: strconv.Itoa(i)})
	}
	set, _ := f.superseded(contents...)
	var mu sync.Mutex
	var total backupset.PurgeResult
	done := 0
	atOnce(4, func(int) {
		for {
			r, err := f.store.PurgeSet(f.ctx, contoso, set.ID, 2, func(backupset.BackupSet, backupset.PurgeResult) runs.Trail {
				return f.trail(contoso, "backup_set.purged")
			})
			mu.Lock()
			total.Items += r.Items
			total.Versions += r.Versions
			if r.Done {
				done++
			}
			mu.Unlock()
			if errors.Is(err, runs.ErrNotFound) || r.Done {
				return
			}
			if err != nil {
				t.Errorf("PurgeSet: %v", err)
				return
			}
		}
	})
	if total.Items != 12 || total.Versions != 12 || done != 1 {
		t.Errorf("removed by all: got %d items, %d versions, done %d times; want 12, 12, 1", total.Items, total.Versions, done)
	}
	f.wroteTrail(contoso, "backup_set.purged")
}

func capturedAgainAfterPurge(t *testing.T, f *fixture) {
	set, _ := f.superseded(content{t: settings, id: "p1", body: "a", payload: "first"})
	f.purge(set, 10)
	f.manualSet(contoso, content{t: settings, id: "p1", body: "a", payload: "again"})
	policy := f.policy(contoso, "p1")
	same(t, "payload", must(f.store.Payload(f.ctx, contoso, policy.CurrentVersionID))(t), []byte("again"))
	if list := f.versions(contoso, policy.ID); len(list) != 2 || list[0].ID != policy.CurrentVersionID || list[0].Number != 3 {
		t.Errorf("versions: got %+v, want the new one first, with number 3", list)
	}
}
