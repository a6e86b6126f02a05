package retention_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func sweep(t tb, w *world) int {
	t.Helper()
	n, err := w.ret.Sweep(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSweepStartsRunsOnlyWhereSomethingWouldGo(t *testing.T) {
	w := newWorld(t)
	over, within, deleted, empty := w.schedule(3), w.schedule(3), w.schedule(1), w.schedule(1)
	w.daily(over, 27, 30)
	w.daily(within, 28, 30)
	w.daily(deleted, 28, 30)
	w.deleteSchedule(deleted)
	w.add(empty, 30, backupset.Building, 1)
	w.add("", 30, backupset.Complete, 1)

	if n := sweep(t, w); n != 1 {
		t.Fatalf("started %d runs, want 1", n)
	}
	if n := sweep(t, w); n != 0 {
		t.Errorf("a second sweep counts %d runs that the first had started", n)
	}
	ended := w.work(t)
	if len(ended) != 1 || ended[0].Target.ID != over || ended[0].Trigger != runs.TriggerSystem {
		t.Errorf("ended %+v", ended)
	}
	if n := sweep(t, w); n != 0 {
		t.Errorf("a sweep afterwards started %d runs, want 0", n)
	}
}

func TestSweepTakesWhatHasBecomeOldEnough(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(1)
	young := func(b *backupset.BackupSet) { b.CreatedAt = dayAt(31, 11) }
	w.add(s, 29, backupset.Complete, 100, young)
	w.add(s, 30, backupset.Complete, 100)
	if n := sweep(t, w); n != 0 {
		t.Fatalf("started %d runs for a young set", n)
	}
	w.clock.set(dayAt(32, 11))
	if n := sweep(t, w); n != 1 {
		t.Errorf("started %d runs a day later, want 1", n)
	}
}

func TestSweepOverMoreGroupsThanAPageGetsThemAll(t *testing.T) {
	w := newWorld(t)
	for range 501 {
		w.daily(w.schedule(1), 29, 30)
	}
	if n := sweep(t, w); n != 501 {
		t.Errorf("started %d runs, want 501", n)
	}
}

func TestAPausedPlanIsSpokenOfOnceUntilItChanges(t *testing.T) {
	w := newWorld(t)
	s := w.schedule(1)
	w.daily(s, 20, 24)
	for _, tt := range []struct {
		when   string
		before func()
		want   int
	}{
		{"first", func() {}, 1},
		{"nothing new", func() {}, 0},
		{"still nothing new", func() {}, 0},
		{"one more backup, and its own run spoke of it", func() { w.add(s, 25, backupset.Complete, 100); w.apply(t, s) }, 0},
		{"one more backup, without a run", func() { w.add(s, 26, backupset.Complete, 100) }, 1},
		{"nothing new again", func() {}, 0},
	} {
		tt.before()
		if n := sweep(t, w); n != tt.want {
			t.Errorf("%s: started %d runs, want %d", tt.when, n, tt.want)
		}
		for _, r := range w.work(t) {
			if r.ErrorCode != runs.CodeRetentionPaused {
				t.Errorf("%s: run ended %s %s, want RETENTION_PAUSED", tt.when, r.Status, r.ErrorCode)
			}
		}
	}
}

func TestAGroupThatCannotBePlannedDoesNotStopTheSweep(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.daily(w.schedule(1), 29, 30)
	}
	calls := 0
	broken := errors.New("disk full")
	w.store.fail = func(op string) error {
		if op == "ListGroup" {
			if calls++; calls == 2 {
				return broken
			}
		}
		return nil
	}
	if n, err := w.ret.Sweep(w.ctx); n != 2 || !errors.Is(err, broken) {
		t.Errorf("started %d, %v; want 2 and the first error", n, err)
	}
}

func TestSweepReportsAScheduleWithoutAUsableKeepLast(t *testing.T) {
	w := newWorld(t)
	w.daily(w.schedule(0), 20, 30)
	if n, err := w.ret.Sweep(w.ctx); n != 0 || !errors.Is(err, runs.ErrInvalid) {
		t.Errorf("started %d, %v; want 0 and ErrInvalid", n, err)
	}
}

func TestRunSweepsAndPurgesAtOnceAndThenOnTheClockUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := runs.SystemClock{} // the bubble's time
		store, queue := newFakeStore(clock), &fakeQueue{}
		var sweeps, purges atomic.Int32
		store.fail = func(op string) error {
			switch op {
			case "Groups":
				sweeps.Add(1)
				return errors.New("not this time") // Run goes on
			case "PurgeableSets":
				purges.Add(1)
			}
			return nil
		}
		starter, err := runs.NewStarter(runs.StarterConfig{Store: store, Queue: queue, Authorizer: runs.RoleAuthorizer{}, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		ret, err := retention.New(retention.Config{Store: store, Starter: starter, Clock: clock, SweepEvery: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- ret.Run(ctx) }()
		for want := int32(1); want <= 3; want++ {
			synctest.Wait()
			if sweeps.Load() != want || purges.Load() != want {
				t.Fatalf("%d sweeps and %d purges, want %d", sweeps.Load(), purges.Load(), want)
			}
			<-clock.After(time.Minute)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
	})
}
