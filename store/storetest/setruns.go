package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func setRunPromises() []promise {
	return []promise{
		{"a run and its set are stored together, with their trail", runAndSetAreStored},
		{"a start that gives another run makes no set", otherRunMakesNoSet},
		{"starts at once with one key give one run with one set", setRunsAtOnce},
		{"the id of a run or set that exists is an error and nothing is written", setRunIDsThatExist},
		{"a run that cannot fill a manual set is refused", setRunIsRefused},
		{"the run fills its set and seals it", setRunFillsItsSet},
		{"the set of a run that was never claimed becomes partial", setOfAnUnclaimedRun},
	}
}

// newSetRun returns a run that fills a new manual set.
func (f *fixture) newSetRun() runs.Run {
	r := f.newRun(contoso)
	r.Kind, r.BackupSetID, r.CreatedAt = runs.KindSetCreate, f.id(), start.Add(time.Minute)
	r.Target = runs.Target{Type: "backup_set", ID: r.BackupSetID}
	return r
}

// startSet stores a run that is new with its set.
func (f *fixture) startSet(r runs.Run, name string) runs.Run {
	f.Helper()
	stored, created, err := f.store.CreateSetRun(f.ctx, r.TenantID, r, name, f.trail(r.TenantID, "run.started"))
	f.ok(err)
	if !created {
		f.Fatalf("the run was not created; %s was given", stored.ID)
	}
	return stored
}

// setOf is the set that comes with a run.
func setOf(r runs.Run, name string) backupset.BackupSet {
	return backupset.BackupSet{
		ID: r.BackupSetID, TenantID: r.TenantID, Name: name, RunID: r.ID, Status: backupset.Building,
		ScheduledFor: r.CreatedAt, CreatedAt: r.CreatedAt,
	}
}

func runAndSetAreStored(t *testing.T, f *fixture) {
	r := f.newSetRun()
	same(t, "run returned", f.startSet(r, "before the update – Grüße"), r)
	same(t, "run stored", f.get(r), r)
	same(t, "sets", must(f.store.ListSets(f.ctx, contoso, backupset.SetFilter{}, all))(t), []backupset.BackupSet{setOf(r, "before the update – Grüße")})
	f.wroteTrail(contoso, "run.started")
}

func otherRunMakesNoSet(t *testing.T, f *fixture) {
	r := f.startSet(f.newSetRun(), "a")
	again := f.newSetRun()
	again.Key = r.Key
	f.nothingWritten("a second start", func() {
		stored, created, err := f.store.CreateSetRun(f.ctx, contoso, again, "b", f.trail(contoso, "x"))
		f.ok(err)
		if created {
			t.Error("created is true")
		}
		same(t, "run given", stored, r)
	})
}

func setRunsAtOnce(t *testing.T, f *fixture) {
	var mu sync.Mutex
	var failed error
	winners, given := 0, map[runs.ID]bool{}
	atOnce(crowd, func(int) {
		r := f.newSetRun()
		r.Key = "one key"
		stored, created, err := f.store.CreateSetRun(f.ctx, contoso, r, "one", f.trail(contoso, "run.started"))
		mu.Lock()
		defer mu.Unlock()
		failed = errors.Join(failed, err)
		given[stored.BackupSetID] = true
		if created {
			winners++
		}
	})
	f.ok(failed)
	list := must(f.store.ListSets(f.ctx, contoso, backupset.SetFilter{}, all))(t)
	if winners != 1 || len(given) != 1 || len(list) != 1 || !given[first(t, list).ID] {
		t.Errorf("%d starts at once: %d created, %d different sets given, %d stored; want 1, 1 and 1", crowd, winners, len(given), len(list))
	}
	f.wroteTrail(contoso, "run.started")
}

func setRunIDsThatExist(t *testing.T, f *fixture) {
	first := f.startSet(f.newSetRun(), "a")
	sameRun, sameSet := f.newSetRun(), f.newSetRun()
	sameRun.ID, sameSet.BackupSetID = first.ID, first.BackupSetID
	f.nothingWritten("a run with an id that exists", func() {
		for what, r := range map[string]runs.Run{"run": sameRun, "set": sameSet} {
			if _, created, err := f.store.CreateSetRun(f.ctx, contoso, r, "b", f.trail(contoso, "x")); err == nil {
				t.Errorf("the id of a %s that exists: no error, created %t", what, created)
			}
		}
	})
}

func setRunIsRefused(t *testing.T, f *fixture) {
	s := f.schedule(contoso)
	noSet, scheduled, ended := f.newSetRun(), f.newSetRun(), f.newSetRun()
	noSet.BackupSetID, scheduled.ScheduleID = "", s.ID
	ended.Status, ended.FinishedAt = runs.StatusSkipped, start
	f.nothingWritten("a run that cannot fill a manual set", func() {
		for what, r := range map[string]runs.Run{"without a set": noSet, "of a schedule": scheduled, "that has ended": ended} {
			_, _, err := f.store.CreateSetRun(f.ctx, contoso, r, "b", f.trail(contoso, "x"))
			f.wants("a run "+what, err, runs.ErrInvalid)
		}
	})
}

func setRunFillsItsSet(t *testing.T, f *fixture) {
	r := f.startSet(f.newSetRun(), "a")
	c := &capture{f: f, tenant: contoso, run: f.claim(r)}
	c.set = must(f.store.OpenSet(f.ctx, contoso, c.lease(), f.newSet(r), runs.Trail{}))(t)
	same(t, "set that OpenSet gives", c.set, setOf(r, "a"))
	c.save(content{t: settings, id: "p1", body: "a"})
	got := c.finish()
	if got.Status != backupset.Complete || got.Revision != 1 || got.ItemsCount != 1 {
		t.Errorf("sealed set: %+v", got)
	}
}

func setOfAnUnclaimedRun(t *testing.T, f *fixture) {
	r := f.startSet(f.newSetRun(), "a")
	f.finish(r, runs.StatusCanceled, start.Add(time.Hour))
	if got := f.set(setOf(r, "a")); got.Status != backupset.Partial || got.CompletedAt.IsZero() {
		t.Errorf("set: %+v", got)
	}
}
