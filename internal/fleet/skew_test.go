package fleet

import (
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
)

// The queue itself asks the machine's clock, which is the same for all processes here; see
// "Time" of guequeue for what another one does to it.
func TestClocksThatDisagreeTakeNoLeaseEarly(t *testing.T) {
	const schedules, slots, lease = 24, 3, 20 * time.Second
	skews := []time.Duration{-30 * time.Second, -10 * time.Second, 10 * time.Second, 30 * time.Second}
	w := newWorld(t, pgtest.Start(t, pgtest.Options{}))
	// To the database these slots lie ahead, so that a dispatcher which is behind and starts
	// anew plans one again that another has dispatched.
	first := thisMinute().Add(10 * time.Minute)
	w.plan(schedules, schedules, slots, first)
	var configs []config
	for _, role := range []string{"dispatcher", "worker"} {
		for _, skew := range skews {
			configs = append(configs, config{
				Role: role, Name: fmt.Sprint(role, " ", skew), URL: w.url, Skew: skew, Workers: 2, ChunkSize: 5, // so few that it takes all of them
				// A run outlives a heartbeat and many sweeps, and its lease is shorter than what the
				// clocks are apart, but longer than a busy machine may let a worker wait.
				LeaseFor: lease, SweepEvery: 200 * time.Millisecond, RetryBase: 100 * time.Millisecond, GraphTakes: 4 * time.Second,
			})
		}
	}
	f := startFleet(t, configs...)
	looked := w.watch(100 * time.Millisecond)
	queued, conflicts := 0, 0
	// The first clock comes to the first slot long before the last one, and past the last too.
	for at := first.Add(-40 * time.Second); !at.After(first.Add(slots*time.Minute + 40*time.Second)); at = at.Add(10 * time.Second) {
		f.tell(at)
		for _, p := range f.list[:len(skews)] {
			r, running := <-p.ticks
			if !running {
				t.Fatalf("%s has ended", p.config.Name)
			}
			queued += r.Queued
			conflicts += r.Conflicts
			if r.Missed+r.Invalid+r.Unqueued > 0 {
				t.Errorf("%s: %+v", p.config.Name, r)
			}
		}
	}
	if queued != schedules {
		t.Errorf("%d runs for %d slots", queued, schedules)
	}
	const taken = `SELECT id, attempt, lease_token, lease_owner FROM tb_runs WHERE attempt > 1 OR lease_token > 1`
	until(t, 2*time.Minute, "every run ended, or lost its worker", func() bool {
		return w.number(`SELECT count(*) FROM tb_runs WHERE status NOT IN ('queued', 'running')`) == schedules || len(w.lines(taken)) > 0
	})
	if w.none("a lease that was taken from a worker that was alive", taken); t.Failed() {
		t.FailNow() // a run that is taken from each by the next never ends
	}
	until(t, time.Minute, "no job was left", func() bool { return w.number(`SELECT count(*) FROM gue_jobs`) == 0 })
	f.stop()
	found := looked()
	t.Logf("%d runs, %d slots that had one already, at most %d runs of %d workers at work", queued, conflicts, found.running, found.owners)
	if found.overdue > 0 {
		t.Errorf("a run was %v past its lease though its worker was alive", found.overdue)
	}
	if found.owners < len(skews) {
		t.Errorf("only %d workers had runs at once, so not everybody could take one from another", found.owners)
	}
	w.verdict()
}
