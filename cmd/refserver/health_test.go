package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
)

// shown is the health of a server, a line for each part.
func (a *app) shown(t *testing.T, r role) string {
	t.Helper()
	var b strings.Builder
	for _, p := range a.health(r)(t.Context()) {
		seen := ""
		if !p.Seen.IsZero() {
			seen = " seen " + a.clock.Now().Sub(p.Seen).String() + " ago"
		}
		fmt.Fprintf(&b, "%s bad=%t%s: %s\n", p.Name, p.Bad, seen, p.Text)
	}
	return b.String()
}

func TestTheHealthTellsOfDatabaseQueueAndWorkers(t *testing.T) {
	now := clock.NewMock()
	now.Set(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	queue, err := memqueue.New(memqueue.Config{Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	a, err := open(t.Context(), options{source: source{data: t.TempDir()}, clock: now, users: product.DemoUsers(), queue: queue, migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	says := func(r role, want ...string) {
		t.Helper()
		got := a.shown(t, r)
		for _, s := range want {
			if !strings.Contains(got, s) {
				t.Errorf("the health lacks %q:\n%s", s, got)
			}
		}
	}
	says(roleAll, "Database bad=false", "Queue bad=false: No run waits in it.", "Workers bad=false: Begins its work.", "Dispatcher bad=false: Begins")
	if got := a.shown(t, roleWeb); !strings.Contains(got, "Workers bad=false: No run is without one.") || strings.Contains(got, "Dispatcher") {
		t.Errorf("of a process that only answers:\n%s", got)
	}
	if _, err := a.dispatcher.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.runner.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	now.Add(time.Minute)
	says(roleAll, "Workers bad=false seen 1m0s ago: At work", "Dispatcher bad=false seen 1m0s ago: At work")
	if err := a.queue.Enqueue(t.Context(), runs.Job{TenantID: "contoso", RunID: "01980000-0000-7000-8000-000000000001"}); err != nil {
		t.Fatal(err)
	}
	now.Add(10 * time.Minute)
	says(roleAll, "Queue bad=false: Runs that wait for a worker: 1, the longest for 10m0s.", "Workers bad=true seen 11m0s ago", "Dispatcher bad=true")
	now.Add(10 * time.Minute)
	says(roleWeb, "Queue bad=true", "Is a worker running?")
	if err := a.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	says(roleAll, "Database bad=true: The schema does not answer as it should; the log has the cause.")
	if got := a.queueHealth(t.Context(), &toldQueue{stats: runs.QueueStats{SetAside: 2, Delayed: 1}}); !got.Bad || !strings.Contains(got.Text, "could not be read: 2") {
		t.Errorf("with jobs set aside: %+v", got)
	}
}

// A process that only answers sees of workers what the database knows.
func TestTheHealthTellsOfRunsThatNoWorkerOfAnyProcessTakes(t *testing.T) {
	now := clock.NewMock()
	now.Set(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	a, err := open(t.Context(), options{source: source{data: t.TempDir()}, clock: now, users: product.DemoUsers(), queue: &stepQueue{}, migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close(t.Context())
	if err := a.plant(t.Context()); err != nil {
		t.Fatal(err)
	}
	says := func(want string) {
		t.Helper()
		if got := a.shown(t, roleWeb); !strings.Contains(got, "Workers "+want) {
			t.Errorf("the health lacks %q:\n%s", want, got)
		}
	}
	start := func() runs.Run {
		t.Helper()
		page, err := a.scheduler.List(t.Context(), demoTenant, demoOwner, backupsched.Filter{}, runs.PageRequest{})
		if err != nil {
			t.Fatal(err)
		}
		run, _, err := a.scheduler.RunNow(t.Context(), demoTenant, demoOwner, page.Items[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	run := start()
	now.Add(50 * time.Second)
	says("bad=false: No run is without one.")
	now.Add(4 * time.Minute)
	says("bad=false: Runs that none has taken: 1. The longest has been without one for 4m50s. Does a worker run?")
	now.Add(11 * time.Minute)
	says("bad=true: Runs that none has taken: 1.")

	if _, err := a.db.ChangeRun(t.Context(), demoTenant, run.ID, func(at time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		r.Status, r.Attempt, r.StartedAt, r.AttemptStartedAt, r.Lane = runs.StatusRunning, 1, at, at, 1
		r.LeaseToken, r.LeaseOwner, r.LeaseUntil = r.LeaseToken+1, "gone", at.Add(time.Minute)
		return runs.Change{Run: r}, nil
	}); err != nil {
		t.Fatal(err)
	}
	now.Add(90 * time.Second)
	says("bad=false: No run is without one.") // its lease ended just now
	now.Add(2 * time.Minute)
	says("bad=true: Runs whose worker has stopped: 1. The longest has been without one for 2m30s.")
}

// silentQueue is a queue that does not answer.
type silentQueue struct{ stepQueue }

func (*silentQueue) Stats(context.Context) (runs.QueueStats, error) {
	return runs.QueueStats{}, errors.New("no route to the queue")
}

// The page sends people to the log.
func TestTheLogHasTheCauseOfWhatTheHealthSaysIsBad(t *testing.T) {
	var log bytes.Buffer
	a, err := open(t.Context(), options{source: source{data: t.TempDir()}, users: product.DemoUsers(), queue: &silentQueue{}, migrate: true, log: logFlags{}.logger(&log)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for part, cause := range map[string]string{"Database bad=true": "database is closed", "Queue bad=true": "no route to the queue"} {
		log.Reset()
		if got := a.shown(t, roleAll); !strings.Contains(got, part) || !strings.Contains(log.String(), cause) {
			t.Errorf("%s: the log lacks %q:\n%s\n%s", part, cause, got, log.String())
		}
	}
}
