package guequeue_test

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
)

func TestSeveralProcessesMayMigrateAtOnce(t *testing.T) {
	url := pgtest.Server(t).Database(t)
	q, _ := newQueue(t, url, guequeue.Options{})
	if err := q.Ready(context.Background()); !errors.Is(err, guequeue.ErrNoTable) {
		t.Errorf("before: %v, want ErrNoTable", err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		db := open(t, i%2, url)
		wg.Go(func() {
			for range 2 { // it does no harm to do it again
				if err := guequeue.Migrate(context.Background(), db); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := q.Ready(context.Background()); err != nil {
		t.Errorf("after: %v", err)
	}
}

func TestTheSchemaCanBeRunByHand(t *testing.T) {
	for i, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			url := pgtest.Server(t).Database(t)
			q, db := queueOver(t, open(t, i, url), guequeue.Options{})
			exec(t, db, guequeue.Schema())
			if err := q.Ready(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestATableOfAnotherFormIsNotReady(t *testing.T) {
	q, db := newQueue(t, database(t), guequeue.Options{})
	exec(t, db, `ALTER TABLE gue_jobs DROP COLUMN args`)
	if err := q.Ready(context.Background()); !errors.Is(err, guequeue.ErrNoTable) {
		t.Errorf("%v, want ErrNoTable", err)
	}
}

func TestAUserWhoDoesNotOwnTheTableIsReadyWithTheGrants(t *testing.T) {
	const user = `guequeue "test"` // the quotes are part of the name
	ctx, owned := context.Background(), database(t)
	owner := open(t, 0, owned)
	exec(t, owner, `DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'guequeue "test"') THEN
		CREATE ROLE "guequeue ""test""" LOGIN PASSWORD 'secret'; END IF; END $$`)
	u, err := url.Parse(owned)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, "secret")
	for i, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			exec(t, owner, `REVOKE ALL ON gue_jobs FROM "guequeue ""test"""`)
			q, _ := queueOver(t, open(t, i, u.String()), guequeue.Options{})
			if err := q.Ready(ctx); !errors.Is(err, guequeue.ErrNoPrivileges) {
				t.Errorf("before: %v, want ErrNoPrivileges", err)
			}
			exec(t, owner, `GRANT SELECT, INSERT, UPDATE ON gue_jobs TO "guequeue ""test"""`)
			if err := q.Ready(ctx); !errors.Is(err, guequeue.ErrNoPrivileges) {
				t.Errorf("without DELETE: %v, want ErrNoPrivileges", err)
			}
			exec(t, owner, guequeue.Grants(user))
			if err := q.Ready(ctx); err != nil {
				t.Errorf("after: %v", err)
			}
			came, handle := told()
			work(t, q, handle)
			enqueue(t, q, job(i))
			receive(t, came)
		})
	}
}

func TestStatsCountTheJobsOfTheQueue(t *testing.T) {
	for i, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			q, db := queueOver(t, open(t, i, database(t)), guequeue.Options{})
			stats := func() runs.QueueStats {
				t.Helper()
				s, err := q.Stats(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			if diff := cmp.Diff(runs.QueueStats{}, stats()); diff != "" {
				t.Errorf("of an empty queue: %s", diff)
			}
			foreign, _ := queueOver(t, db, guequeue.Options{Name: "another"})
			enqueue(t, foreign, job(9))
			later, person := job(2), job(3)
			later.NotBefore, person.Interactive = time.Now().Add(time.Hour), true
			enqueue(t, q, job(1), later, person)
			s := stats()
			if s.Oldest <= 0 || s.Oldest > time.Minute { // an interactive job is not years old
				t.Errorf("the oldest is due for %v", s.Oldest)
			}
			s.Oldest = 0
			if diff := cmp.Diff(runs.QueueStats{Due: 2, Delayed: 1}, s); diff != "" {
				t.Error(diff)
			}
			exec(t, db, `UPDATE gue_jobs SET run_at = run_at - interval '90 s', updated_at = updated_at - interval '90 s' WHERE priority = 0 AND run_at <= now()`)
			if s := stats(); s.Oldest < 90*time.Second || s.Oldest > 150*time.Second {
				t.Errorf("the oldest is due for %v, want 90 s and a bit", s.Oldest)
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	db := open(t, 0, "postgres://nobody@127.0.0.1:1/none?sslmode=disable")
	small := open(t, 0, "postgres://nobody@127.0.0.1:1/none?sslmode=disable")
	small.SetMaxOpenConns(4)
	for _, c := range []struct {
		name        string
		options     guequeue.Options
		small       bool
		field, code string
	}{
		{name: "nothing is needed"},
		{name: "a name", options: guequeue.Options{Name: "Jobs"}, field: "name", code: "queue_name_invalid"},
		{name: "workers", options: guequeue.Options{Workers: -1}, field: "workers", code: "negative"},
		{name: "takers", options: guequeue.Options{Takers: -1}, field: "takers", code: "negative"},
		{name: "polls", options: guequeue.Options{PollEvery: -1}, field: "poll_every", code: "negative"},
		{name: "retries", options: guequeue.Options{RetryAfter: -1}, field: "retry_after", code: "negative"},
		{name: "a pool whose connections takers could all hold", small: true, options: guequeue.Options{Takers: 4}, field: "db", code: "pool_too_small"},
		{name: "a pool with one more", small: true, options: guequeue.Options{Takers: 3}},
		{name: "a pool with more than the workers", small: true, options: guequeue.Options{Workers: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pool := db
			if c.small {
				pool = small
			}
			_, err := guequeue.New(pool, c.options)
			var bad *runs.InvalidError
			switch {
			case c.code == "" && err != nil:
				t.Error(err)
			case c.code != "" && (!errors.As(err, &bad) || len(bad.Fields) != 1 || bad.Fields[0].Field != c.field || bad.Fields[0].Code != c.code):
				t.Errorf("error %v, want %s of %s", err, c.code, c.field)
			}
		})
	}
	if _, err := guequeue.New(nil, guequeue.Options{}); !errors.Is(err, runs.ErrInvalid) {
		t.Errorf("without a pool: %v", err)
	}
}
