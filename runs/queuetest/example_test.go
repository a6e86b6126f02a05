package queuetest_test

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/runs/queuetest"
)

// The test file of a queue is this long. A queue over a database returns a function that
// opens one more beside it.
func ExampleRun() {
	_ = func(t *testing.T) {
		queuetest.Run(t, func(t testing.TB, workers int) (runs.Queue, func() runs.Queue) {
			q, err := memqueue.New(memqueue.Config{Workers: workers, RetryAfter: 10 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			return q, nil
		})
	}
}
