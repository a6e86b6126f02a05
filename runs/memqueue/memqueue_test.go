package memqueue_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func job(id string, notBefore time.Time) runs.Job {
	return runs.Job{TenantID: "t", RunID: runs.ID(id), NotBefore: notBefore}
}

// start works the queue inside a synctest bubble, where time.Now is fake and every wait is
// over at once when nothing else can run.
func start(t *testing.T, cfg memqueue.Config, handle runs.Handler) (*memqueue.Queue, func()) {
	t.Helper()
	q, err := memqueue.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- q.Work(ctx, handle) }()
	return q, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Work: %v", err)
		}
	}
}

func TestJobsComeWhenTheyAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		type delivery struct {
			ID    runs.ID
			After time.Duration
		}
		var mu sync.Mutex
		var got []delivery
		q, stop := start(t, memqueue.Config{Workers: 1}, func(_ context.Context, j runs.Job) (runs.Work, error) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, delivery{j.RunID, time.Since(begin)})
			return nil, nil
		})
		q.Enqueue(t.Context(), job("c", begin.Add(time.Hour)), job("b", begin.Add(time.Minute)), job("a", time.Time{}))
		time.Sleep(2 * time.Hour)
		stop()
		want := []delivery{{"a", 0}, {"b", time.Minute}, {"c", time.Hour}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestJobsOfOneInstantComeInTheOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, err := memqueue.New(memqueue.Config{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		person := job("p", time.Time{})
		person.Interactive = true
		due := time.Now().Add(time.Minute)
		q.Enqueue(t.Context(), job("b", due), job("z", time.Time{}), job("a", due), job("c", due), person)
		time.Sleep(time.Minute)
		again := job("a", time.Time{})
		again.Back = true
		q.Enqueue(t.Context(), job("d", time.Time{}), again, job("e", time.Now().Add(-time.Hour)))
		var got []runs.ID
		ctx, cancel := context.WithCancel(t.Context())
		q.Work(ctx, func(_ context.Context, j runs.Job) (runs.Work, error) {
			if got = append(got, j.RunID); q.Len() == 0 {
				cancel()
			}
			return nil, nil
		})
		if diff := cmp.Diff([]runs.ID{"p", "z", "b", "c", "d", "a", "e"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestARunWaitsAtMostOnceAndAtItsEarliestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var at []time.Duration
		q, stop := start(t, memqueue.Config{Workers: 1}, func(context.Context, runs.Job) (runs.Work, error) {
			at = append(at, time.Since(begin))
			return nil, nil
		})
		q.Enqueue(t.Context(), job("a", begin.Add(time.Hour)))
		q.Enqueue(t.Context(), job("a", begin.Add(time.Minute)), job("a", begin.Add(2*time.Hour)))
		if q.Len() != 1 {
			t.Errorf("%d jobs wait for one run", q.Len())
		}
		time.Sleep(3 * time.Hour)
		stop()
		if diff := cmp.Diff([]time.Duration{time.Minute}, at); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAFailedJobComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var at []time.Duration
		q, stop := start(t, memqueue.Config{RetryAfter: 3 * time.Second}, func(context.Context, runs.Job) (runs.Work, error) {
			at = append(at, time.Since(begin))
			if len(at) < 3 {
				return nil, errors.New("store is down")
			}
			return nil, nil
		})
		q.Enqueue(t.Context(), job("a", time.Time{}))
		time.Sleep(time.Minute)
		stop()
		if diff := cmp.Diff([]time.Duration{0, 3 * time.Second, 6 * time.Second}, at); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestNoMoreThanTheWorkersAreBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var busy, most atomic.Int32
		enter := func() {
			n := busy.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Second)
			busy.Add(-1)
		}
		q, stop := start(t, memqueue.Config{Workers: 3}, func(context.Context, runs.Job) (runs.Work, error) {
			enter()
			return func(context.Context) error { enter(); return nil }, nil
		})
		for range 20 {
			q.Enqueue(t.Context(), job("a", time.Time{}), job("b", time.Time{}), job("c", time.Time{}), job("d", time.Time{}))
			time.Sleep(300 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		stop()
		if most.Load() != 3 {
			t.Errorf("%d handlers and works at once, want 3", most.Load())
		}
	})
}

func TestStopWaitsForHandlersAndDoesNotEndTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended error
		finished := false
		q, stop := start(t, memqueue.Config{}, func(ctx context.Context, _ runs.Job) (runs.Work, error) {
			time.Sleep(time.Minute)
			ended, finished = ctx.Err(), true
			return nil, nil
		})
		q.Enqueue(t.Context(), job("a", time.Time{}), job("b", time.Now().Add(time.Hour)))
		synctest.Wait()
		stop()
		if !finished || ended != nil {
			t.Errorf("finished %v, context %v; want a handler that ended in peace", finished, ended)
		}
		if q.Len() != 1 {
			t.Errorf("%d jobs wait after the stop, want the one that was not due", q.Len())
		}
	})
}

func TestNegativeConfigIsRefusedByField(t *testing.T) {
	for field, cfg := range map[string]memqueue.Config{"workers": {Workers: -1}, "retry_after": {RetryAfter: -1}} {
		_, err := memqueue.New(cfg)
		var invalid *runs.InvalidError
		if !errors.As(err, &invalid) || invalid.Fields[0].Field != field {
			t.Errorf("error is %v, want one that names %s", err, field)
		}
	}
}

func TestTwoRunnersOfOneQueueShareItsJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var mu sync.Mutex
		var begun []time.Duration
		work := runs.Handler(func(context.Context, runs.Job) (runs.Work, error) {
			mu.Lock()
			begun = append(begun, time.Since(begin))
			mu.Unlock()
			time.Sleep(time.Hour)
			return nil, nil
		})
		q, stop := start(t, memqueue.Config{Workers: 1}, work)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- q.Work(ctx, work) }()
		synctest.Wait()
		q.Enqueue(t.Context(), job("a", time.Time{}), job("b", time.Time{}))
		time.Sleep(3 * time.Hour)
		stop()
		cancel()
		<-done
		if diff := cmp.Diff([]time.Duration{0, 0}, begun); diff != "" {
			t.Errorf("jobs began after (-want +got):\n%s", diff)
		}
	})
}
