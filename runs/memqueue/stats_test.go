package memqueue_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
)

func TestStatsTellWhatWaitsAndForHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, err := memqueue.New(memqueue.Config{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		is := func(when string, want runs.QueueStats) {
			t.Helper()
			got, err := q.Stats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		begin := time.Now()
		is("at first", runs.QueueStats{})
		q.Enqueue(t.Context(), job("at once", time.Time{}), job("long due", begin.Add(-time.Hour)), job("later", begin.Add(time.Minute)))
		is("when they came", runs.QueueStats{Due: 2, Delayed: 1})
		time.Sleep(90 * time.Second)
		is("when all are due", runs.QueueStats{Due: 3, Oldest: 90 * time.Second})

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		release, done := make(chan struct{}), make(chan error, 1)
		go func() {
			done <- q.Work(ctx, func(context.Context, runs.Job) (runs.Work, error) {
				return func(context.Context) error { <-release; return nil }, nil
			})
		}()
		synctest.Wait()
		is("while one is worked on", runs.QueueStats{Due: 2, Oldest: 90 * time.Second})
		close(release)
		synctest.Wait()
		is("when all are done", runs.QueueStats{})
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
