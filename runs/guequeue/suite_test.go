package guequeue_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/runs/queuetest"
)

func TestQueueKeepsThePromisesOfAQueue(t *testing.T) {
	noLeaks(t)
	for i, d := range drivers {
		for _, confined := range []bool{false, true} {
			name, owner := d.name, database(t)
			as := owner
			if confined {
				name, as = name+" with row-level security", confine(t, owner)
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				queuetest.Run(t, func(t testing.TB, workers int) (runs.Queue, func() runs.Queue) {
					exec(t, open(t, i, owner), `TRUNCATE gue_jobs`)
					another := func() runs.Queue {
						q, _ := queueOver(t, open(t, i, as), guequeue.Options{Workers: workers, RetryAfter: 10 * time.Millisecond})
						return q
					}
					return another(), another
				})
			})
		}
	}
}

// confine returns the URL of a login as a store with row-level security has it: no superuser,
// owner of nothing, and with no more than the queue's table.
func confine(t *testing.T, owner string) string {
	t.Helper()
	admin := open(t, 1, owner)
	exec(t, admin, `DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'queue_login') THEN
		CREATE ROLE queue_login LOGIN NOINHERIT PASSWORD 'secret'; END IF; END $$`)
	exec(t, admin, guequeue.Grants("queue_login"))
	u, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("queue_login", "secret")
	return u.String()
}
