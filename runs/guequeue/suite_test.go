package guequeue_test

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/runs/queuetest"
)

func TestQueueKeepsThePromisesOfAQueue(t *testing.T) {
	noLeaks(t)
	for i, d := range drivers {
		url := database(t)
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			queuetest.Run(t, func(t testing.TB, workers int) (runs.Queue, func() runs.Queue) {
				exec(t, open(t, i, url), `TRUNCATE gue_jobs`)
				another := func() runs.Queue {
					q, _ := queueOver(t, open(t, i, url), guequeue.Options{Workers: workers, RetryAfter: 10 * time.Millisecond})
					return q
				}
				return another(), another
			})
		})
	}
}
