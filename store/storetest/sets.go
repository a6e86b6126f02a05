package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func setPromises() []promise {
	return []promise{
		{"a set that nobody has is not found", unknownSetIsNotFound},
		{"sets are found by schedule, status and deletion", setsAreFound},
		{"sets are found by what they hold", setsAreFoundByWhatTheyHold},
		{"set items are found by type", setItemsAreFound},
		{"set items are found by a part of their name", setItemsAreSearched},
		{"deletion, verification and holds of a set change, with a trail", setChanges},
		{"nothing else of a set changes", nothingElseOfASetChanges},
		{"a refused change of a set leaves everything as it is", refusedSetChangeWritesNothing},
		{"no change of a set is lost when many come at once", setChangesAreNotLost},
		{"a set is in use while a restore or preview of it is active", setInUse},
	}
}

func unknownSetIsNotFound(t *testing.T, f *fixture) {
	_, err := f.store.GetSet(f.ctx, contoso, nobody)
	f.wants("GetSet", err, runs.ErrNotFound)
	_, err = f.store.ListSetItems(f.ctx, contoso, nobody, backupset.SetItemFilter{}, all)
	f.wants("ListSetItems", err, runs.ErrNotFound)
	_, err = f.store.ListVersions(f.ctx, contoso, nobody, all)
	f.wants("ListVersions", err, runs.ErrNotFound)
	_, err = f.store.GetPolicy(f.ctx, contoso, nobody)
	f.wants("GetPolicy", err, runs.ErrNotFound)
	_, err = f.store.ChangeSet(f.ctx, contoso, nobody, func(_ time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
		t.Error("change was asked about a set that nobody has")
		return backupset.SetChange{Set: s}, nil
	})
	f.wants("ChangeSet", err, runs.ErrNotFound)
	_, err = f.store.PurgeSet(f.ctx, contoso, nobody, 1, noTrail)
	f.wants("PurgeSet", err, runs.ErrNotFound)
}

func setsAreFound(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	c := f.capture(f.newBackup(s, start))
	partial := must(f.store.SealSet(f.ctx, contoso, c.lease(), c.set.ID, backupset.Partial, runs.Trail{}))(t)
	f.finish(c.run, runs.StatusPartial, start)
	building := f.capture(f.newBackup(s, start.Add(time.Minute))).set
	manual := f.manualSet(contoso)
	gone := f.retire(f.manualSet(contoso), start)
	for what, q := range map[string]struct {
		filter backupset.SetFilter
		want   []runs.ID // newest first: of one time, by descending id
	}{
		"everything but deleted": {backupset.SetFilter{}, []runs.ID{manual.ID, building.ID, partial.ID}},
		"schedule":               {backupset.SetFilter{ScheduleID: s.ID}, []runs.ID{building.ID, partial.ID}},
		"status":                 {backupset.SetFilter{Statuses: []backupset.Status{backupset.Partial}}, []runs.ID{partial.ID}},
		"statuses":               {backupset.SetFilter{Statuses: []backupset.Status{backupset.Complete, backupset.Building}}, []runs.ID{manual.ID, building.ID}},
		"deleted":                {backupset.SetFilter{Deleted: true}, []runs.ID{gone.ID}},
		"ids":                    {backupset.SetFilter{IDs: []runs.ID{partial.ID, gone.ID, nobody}}, []runs.ID{partial.ID}},
		"deleted ids":            {backupset.SetFilter{IDs: []runs.ID{partial.ID, gone.ID}, Deleted: true}, []runs.ID{gone.ID}},
		"deleted of a schedule":  {backupset.SetFilter{Deleted: true, ScheduleID: s.ID}, nil},
	} {
		var got []runs.ID
		for _, s := range must(f.store.ListSets(f.ctx, contoso, q.filter, all))(t) {
			got = append(got, s.ID)
		}
		same(t, what, got, q.want)
	}
	same(t, "a deleted set by its id", f.set(gone), gone)
}

func setsAreFoundByWhatTheyHold(t *testing.T, f *fixture) {
	p1, p2 := content{t: settings, id: "p1", body: "a"}, content{t: scripts, id: "p2", body: "b"}
	both, again := f.manualSet(contoso, p1, p2), f.manualSet(contoso, p1)
	changed := f.manualSet(contoso, content{t: settings, id: "p1", body: "other"})
	gone := f.retire(f.manualSet(contoso, p1), start)
	f.manualSet(contoso)
	of := func(set backupset.BackupSet, external string) backupset.Item {
		for _, i := range must(f.store.ListSetItems(f.ctx, contoso, set.ID, backupset.SetItemFilter{}, all))(t) {
			if i.ExternalID == external {
				return i
			}
		}
		t.Fatalf("the set has no %s", external)
		return backupset.Item{}
	}
	item := of(both, "p1")
	for what, q := range map[string]struct {
		filter backupset.SetFilter
		want   []runs.ID
	}{
		"a policy":                  {backupset.SetFilter{PolicyID: item.PolicyID}, []runs.ID{changed.ID, again.ID, both.ID}},
		"another policy":            {backupset.SetFilter{PolicyID: of(both, "p2").PolicyID}, []runs.ID{both.ID}},
		"a version":                 {backupset.SetFilter{PolicyID: item.PolicyID, VersionID: item.VersionID}, []runs.ID{again.ID, both.ID}},
		"a later version":           {backupset.SetFilter{PolicyID: item.PolicyID, VersionID: of(changed, "p1").VersionID}, []runs.ID{changed.ID}},
		"a version in deleted sets": {backupset.SetFilter{PolicyID: item.PolicyID, VersionID: item.VersionID, Deleted: true}, []runs.ID{gone.ID}},
		"a version of no policy":    {backupset.SetFilter{VersionID: item.VersionID}, nil},
		"an unknown policy":         {backupset.SetFilter{PolicyID: nobody}, nil},
	} {
		var got []runs.ID
		for _, s := range must(f.store.ListSets(f.ctx, contoso, q.filter, all))(t) {
			got = append(got, s.ID)
		}
		same(t, what, got, q.want)
	}
	if got := must(f.store.ListSets(f.ctx, fabrikam, backupset.SetFilter{PolicyID: item.PolicyID}, all))(t); len(got) > 0 {
		t.Errorf("another tenant was shown %d sets", len(got))
	}
}

func setItemsAreFound(t *testing.T, f *fixture) {
	set := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"}, content{t: scripts, id: "p2", body: "b"})
	whole := must(f.store.ListSetItems(f.ctx, contoso, set.ID, backupset.SetItemFilter{}, all))(t)
	for _, i := range whole {
		same(t, "the item of a policy", must(f.store.ListSetItems(f.ctx, contoso, set.ID, backupset.SetItemFilter{PolicyID: i.PolicyID}, all))(t), []backupset.Item{i})
	}
	got := must(f.store.ListSetItems(f.ctx, contoso, set.ID, backupset.SetItemFilter{Type: scripts}, all))(t)
	if len(got) != 1 || got[0].ExternalID != "p2" {
		t.Errorf("items of a type: got %+v, want p2", got)
	}
}

func setItemsAreSearched(t *testing.T, f *fixture) {
	contents := []content{{t: settings, id: "Übung", body: "first"}}
	for i := range 450 { // more than a store reads at once
		contents = append(contents, content{t: settings, id: fmt.Sprintf("p%03d", i), body: "b"})
	}
	contents = append(contents, content{t: scripts, id: "ÜBER", body: "a"}, content{t: settings, id: "100%", body: "a"}, content{t: settings, id: "aübb", body: "a"})
	set := f.manualSet(contoso, contents...)
	for what, q := range map[string]struct {
		filter backupset.SetItemFilter
		want   []string
	}{
		"any case":     {backupset.SetItemFilter{Search: "OF üB"}, []string{"Übung", "ÜBER"}},
		"in the midst": {backupset.SetItemFilter{Search: "übb"}, []string{"aübb"}},
		"percent sign": {backupset.SetItemFilter{Search: "%"}, []string{"100%"}},
		"with a type":  {backupset.SetItemFilter{Search: "üb", Type: settings}, []string{"Übung", "aübb"}},
		"nothing":      {backupset.SetItemFilter{Search: "nothing"}, nil},
	} {
		var got []string
		slice := runs.Slice{Limit: 1}
		for {
			rows := must(f.store.ListSetItems(f.ctx, contoso, set.ID, q.filter, slice))(t)
			if len(rows) == 0 {
				break
			}
			got = append(got, rows[0].ExternalID)
			if len(rows) > 2 {
				t.Errorf("%s: %d rows of a page of one", what, len(rows))
			}
			if len(rows) == 1 {
				break
			}
			slice.After = runs.Keyset{ID: rows[0].ID}
		}
		same(t, what, got, q.want)
	}
}

func setChanges(t *testing.T, f *fixture) {
	set, beside := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"}), f.manualSet(contoso)
	want := set
	want.DeletedAt, want.DeletedReason, want.LastVerifiedAt = start, "beyond_keep_last", start.Add(time.Second)
	want.Holds = []backupset.Hold{
		{Name: "audit 2026", By: ada, Reason: "Prüfung", At: start}, {Name: "second", By: bob, At: start.Add(time.Second)},
	}
	got := must(f.store.ChangeSet(f.ctx, contoso, set.ID, func(now time.Time, current backupset.BackupSet) (backupset.SetChange, error) {
		same(t, "set given to change", current, set)
		if now.IsZero() {
			t.Error("change was given no time")
		}
		return backupset.SetChange{Set: want, Trail: f.trail(contoso, "backup_set.held")}, nil
	}))(t)
	same(t, "set returned", got, want)
	same(t, "set stored", f.set(set), want)
	same(t, "set beside it", f.set(beside), beside)
	f.wroteTrail(contoso, "backup_set.held")
	f.changeSet(set, func(s *backupset.BackupSet) {
		s.DeletedAt, s.DeletedReason, s.LastVerifiedAt, s.Holds = time.Time{}, "", time.Time{}, nil
	})
	same(t, "set with everything taken back", f.set(set), set)
}

func nothingElseOfASetChanges(t *testing.T, f *fixture) {
	set := f.manualSet(contoso, content{t: settings, id: "p1", body: "a"})
	f.changeSet(set, func(s *backupset.BackupSet) {
		*s = backupset.BackupSet{
			ID: f.id(), TenantID: fabrikam, Name: "other", ScheduleID: f.id(), RunID: f.id(), ScheduledFor: longAgo,
			Status: backupset.Building, Revision: 9, ItemsCount: 9, CreatedAt: longAgo, CompletedAt: longAgo, PurgingAt: longAgo, InUse: true,
		}
	})
	same(t, "set", f.set(set), set)
}

func refusedSetChangeWritesNothing(t *testing.T, f *fixture) {
	set := f.changeSet(f.manualSet(contoso), func(s *backupset.BackupSet) { s.Holds = []backupset.Hold{{Name: "a", By: ada, At: start}} })
	f.nothingWritten("a refused change", func() {
		_, err := f.store.ChangeSet(f.ctx, contoso, set.ID, func(_ time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
			s.DeletedAt = start
			overwrite(s.Holds, backupset.Hold{Name: "b"})
			return backupset.SetChange{Set: s, Trail: f.trail(contoso, "x")}, errRefused
		})
		f.wants("ChangeSet", err, errRefused)
	})
}

func setChangesAreNotLost(t *testing.T, f *fixture) {
	set := f.manualSet(contoso)
	atOnce(crowd, func(i int) {
		_, err := f.store.ChangeSet(f.ctx, contoso, set.ID, func(_ time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
			s.Holds = append(s.Holds, backupset.Hold{Name: string(rune('a' + i)), By: ada, At: start})
			return backupset.SetChange{Set: s}, nil
		})
		if err != nil {
			t.Errorf("ChangeSet: %v", err)
		}
	})
	if n := len(f.set(set).Holds); n != crowd {
		t.Errorf("holds after %d changes that each add one: got %d", crowd, n)
	}
}

func setInUse(t *testing.T, f *fixture) {
	set := f.manualSet(contoso)
	restore := func(kind runs.Kind) runs.Run {
		r := f.newRun(contoso)
		r.Kind, r.Target = kind, runs.Target{Type: "backup_set", ID: set.ID}
		return f.start(r)
	}
	f.claim(restore("backup_set.verify"))
	if f.set(set).InUse {
		t.Error("a run that is no restore makes the set in use")
	}
	for _, kind := range []runs.Kind{"restore.preview", "restore.execute"} {
		r := restore(kind)
		listed := must(f.store.ListSets(f.ctx, contoso, backupset.SetFilter{}, all))(t)
		if !f.set(set).InUse || !first(t, listed).InUse {
			t.Errorf("%s: the set is not in use", kind)
		}
		f.claim(r)
		f.finish(r, runs.StatusFailed, start)
		if f.set(set).InUse {
			t.Errorf("%s: the set is in use after the end", kind)
		}
	}
}
