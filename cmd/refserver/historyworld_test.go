package main

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
)

// historyNow is the present of the history in tests: Berlin's clocks were set forward twelve
// days ago, over the slot of a night.
var historyNow = time.Date(2026, 4, 10, 9, 0, 0, 0, time.UTC)

// played is what the history leaves: the database and what is in Graph.
type played struct {
	database []byte
	graph    *graphtest.Graph // for looking at only
}

// thePast is made once for all tests of the binary.
var thePast = sync.OnceValues(func() (played, error) { return playAt(historyNow) })

func playAt(now time.Time) (played, error) {
	dir, err := os.MkdirTemp("", "history-")
	if err != nil {
		return played{}, err
	}
	defer os.RemoveAll(dir)
	g, err := playHistory(context.Background(), source{data: dir}, now, product.TenantIDs())
	if err != nil {
		return played{}, err
	}
	data, err := os.ReadFile(databasePath(dir))
	return played{data, g}, err
}

// past is a product with the history of both demo tenants behind it, that stands at historyNow.
type past struct {
	*app
	now   time.Time
	clock *clock.Mock
	graph *graphtest.Graph // as the history left it
	queue *stepQueue       // nothing works unless settle is called
}

// openHistory opens a copy of the history. Nothing in it moves by itself: not the clock, not the
// dispatcher, not the runs. adjust may change how it is put together; with another Queue, settle
// is not for use.
func openHistory(t testing.TB, adjust ...func(*options)) past {
	t.Helper()
	testenv.SlowUnderRace(t)
	made, err := thePast()
	if err != nil {
		t.Fatal(err)
	}
	return made.open(t, historyNow, adjust...)
}

// open opens a copy.
func (made played) open(t testing.TB, now time.Time, adjust ...func(*options)) past {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(databasePath(dir))), made.database, 0o600); err != nil {
		t.Fatal(err)
	}
	p := past{now: now, clock: clock.NewMock(), queue: &stepQueue{}}
	p.clock.Set(now)
	o := options{source: source{data: dir}, clock: p.clock, users: product.DemoUsers(), queue: p.queue, random: func() float64 { return 0 }}
	for _, change := range adjust {
		change(&o)
	}
	var err error
	if p.app, err = open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	p.graph, _ = p.connection.client.(*graphtest.Graph)
	t.Cleanup(func() {
		if err := p.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// settle works until nothing is left to do. Waits move the clock.
func (p past) settle(t testing.TB) {
	t.Helper()
	if err := p.queue.drain(t.Context(), p.clock, p.runner.Handle); err != nil {
		t.Fatal(err)
	}
}

// finished is a run that has ended, after everything was worked off.
func (p past) finished(t testing.TB, s staff, id runs.ID) runs.Run {
	t.Helper()
	p.settle(t)
	run, err := p.starter.Get(t.Context(), s.tenant, s.person(runs.RoleReadonly), id)
	if err != nil || !run.Status.Terminal() {
		t.Fatalf("the run %s is %s: %v", id, run.Status, err)
	}
	return run
}
