package runs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// crew is a store and a queue that several runners share, on the machine's clock.
type crew struct {
	*testing.T
	store   *sqlitestore.Store
	queue   *memqueue.Queue
	starter *runs.Starter

	mu      sync.Mutex
	order   []runs.Run      // attempts as they began
	takes   map[runs.ID]int // deliveries before the run was claimed
	running map[graph.TenantID]int
	most    map[graph.TenantID]int
}

func newCrew(t *testing.T, workers int) *crew {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "crew.db"), sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	q, err := memqueue.New(memqueue.Config{Workers: workers, RetryAfter: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	starter, err := runs.NewStarter(runs.StarterConfig{Store: s, Queue: q, Authorizer: runs.RoleAuthorizer{
		RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &crew{
		T: t, store: s, queue: q, starter: starter, takes: map[runs.ID]int{},
		running: map[graph.TenantID]int{}, most: map[graph.TenantID]int{},
	}
}

// start starts a run, of a person or of the engine.
func (c *crew) start(tenant graph.TenantID, n int, person bool) runs.Run {
	c.Helper()
	req := runs.Request{Kind: kindTest, Key: fmt.Sprint(n)}
	start := func() (runs.Run, bool, error) { return c.starter.StartSystem(c.Context(), tenant, req) }
	if person {
		start = func() (runs.Run, bool, error) {
			return c.starter.Start(c.Context(), tenant, runs.Actor{ID: "ada"}, req)
		}
	}
	run, reused, err := start()
	if err != nil || reused {
		c.Fatalf("start: reused %v, error %v", reused, err)
	}
	return run
}

// watched notes when an attempt begins and how many there are beside it.
func (c *crew) watched(work script) script {
	return func(ctx context.Context, a *runs.Attempt) error {
		c.mu.Lock()
		c.order = append(c.order, a.Run())
		c.running[a.Tenant()]++
		c.most[a.Tenant()] = max(c.most[a.Tenant()], c.running[a.Tenant()])
		c.mu.Unlock()
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.running[a.Tenant()]--
		}()
		return work(ctx, a)
	}
}

// counted is the crew's queue as a runner sees it; it counts what a run that waits is taken.
type counted struct {
	runs.Queue
	c *crew
}

func (q counted) Work(ctx context.Context, handle runs.Handler) error {
	return q.Queue.Work(ctx, func(ctx context.Context, job runs.Job) (runs.Work, error) {
		run, err := q.c.store.GetRun(ctx, job.TenantID, job.RunID)
		if err != nil {
			return nil, err
		}
		if run.Status == runs.StatusQueued {
			q.c.mu.Lock()
			q.c.takes[job.RunID]++
			q.c.mu.Unlock()
		}
		return handle(ctx, job)
	})
}

// work lets n runners work over a queue until so many runs have ended.
func (c *crew) work(q runs.Queue, n int, cfg runs.Config, total int) {
	c.Helper()
	ended := make(chan struct{}, total)
	cfg.Store, cfg.Queue = c.store, counted{q, c}
	cfg.AfterRun = func(context.Context, runs.Run) error { ended <- struct{}{}; return nil }
	ctx, cancel := context.WithCancel(c.Context())
	var wg sync.WaitGroup
	for range n {
		runner, err := runs.NewRunner(cfg)
		if err != nil {
			c.Fatal(err)
		}
		wg.Go(func() {
			if err := runner.Run(ctx); err != nil {
				c.Error(err)
			}
		})
	}
	defer wg.Wait()
	defer cancel()
	limit := runs.SystemClock{}.After(2 * time.Minute)
	for i := range total {
		select {
		case <-ended:
		case <-limit:
			c.Fatalf("%d of %d runs have ended", i, total)
		}
	}
}

// TestATenantWithAThousandRunsDelaysAnotherByOneRunAtMost with a single worker for both. The
// sweep at the start of a runner queues nothing twice, since every job is there already.
func TestATenantWithAThousandRunsDelaysAnotherByOneRunAtMost(t *testing.T) {
	thousand := 1000
	if testenv.RaceDetector { // which makes SQLite more than ten times slower
		thousand = 100
	}
	for what, c := range map[string]struct {
		queued        int
		many, another bool // whether a person started them
	}{
		"schedules":                 {thousand, false, false},
		"persons":                   {50, true, true},
		"a person beside schedules": {50, true, false},
		"schedules beside a person": {50, false, true},
	} {
		t.Run(what, func(t *testing.T) {
			crew := newCrew(t, 1)
			for n := range c.queued {
				crew.start("contoso", n, c.many)
			}
			crew.start("fabrikam", 0, c.another)
			crew.work(crew.queue, 1, runs.Config{Executors: []runs.Executor{crew.watched(idle)}}, c.queued+1)
			for i, run := range crew.order {
				if run.TenantID == "fabrikam" && i > 1 {
					t.Errorf("%d runs of the other tenant came before", i)
				}
			}
			for i := 1; i < len(crew.order); i++ {
				if a, b := crew.order[i-1], crew.order[i]; a.TenantID == b.TenantID && a.ID > b.ID {
					t.Errorf("run %s came after run %s, which is younger", b.ID, a.ID)
				}
			}
			for id, n := range crew.takes {
				if n > 2 {
					t.Errorf("run %s was taken %d times while it waited", id, n)
				}
			}
			if len(crew.takes) != c.queued+1 {
				t.Errorf("%d runs were taken, want %d", len(crew.takes), c.queued+1)
			}
		})
	}
}

// forgetful is a queue that loses jobs.
type forgetful struct {
	runs.Queue
	mu   sync.Mutex
	rand *rand.Rand
}

func (q *forgetful) chance(of int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.rand.IntN(of) == 0
}

func (q *forgetful) Enqueue(ctx context.Context, jobs ...runs.Job) error {
	var kept []runs.Job
	for _, j := range jobs {
		if !q.chance(10) {
			kept = append(kept, j)
		}
	}
	return q.Queue.Enqueue(ctx, kept...)
}

// TestWhateverHappensTurnsAreKeptAndAllRunsEnd: several runners, runs that fail, wait or are
// canceled, and jobs that are lost.
func TestWhateverHappensTurnsAreKeptAndAllRunsEnd(t *testing.T) {
	seeds, each := uint64(4), 30
	if testenv.RaceDetector {
		seeds, each = 2, 8
	}
	for seed := range seeds {
		perTenant := []int{1, 3}[seed%2]
		t.Run(fmt.Sprintf("seed %d, %d per tenant", seed, perTenant), func(t *testing.T) {
			const tenants = 3
			crew := newCrew(t, 4)
			lossy := &forgetful{Queue: crew.queue, rand: rand.New(rand.NewPCG(seed, 1))}
			work := crew.watched(func(ctx context.Context, a *runs.Attempt) error {
				<-runs.SystemClock{}.After(time.Millisecond)
				switch {
				case lossy.chance(8):
					return &graph.Error{Kind: graph.KindThrottled, RetryAfter: 5 * time.Millisecond}
				case lossy.chance(8):
					return &graph.Error{Kind: graph.KindForbidden}
				case lossy.chance(8):
					panic("at the disco")
				}
				return a.Check(ctx)
			})
			var list []runs.Run
			for n := range each {
				for i := range tenants {
					list = append(list, crew.start(graph.TenantID(fmt.Sprint("tenant", i)), n, lossy.chance(4)))
				}
			}
			canceled := 0
			for _, run := range list {
				if lossy.chance(10) {
					if _, err := crew.starter.Cancel(t.Context(), run.TenantID, runs.Actor{ID: "ada"}, run.ID); err != nil {
						t.Fatal(err)
					}
					canceled++
				}
			}
			cfg := runs.Config{
				PerTenant: perTenant, Executors: []runs.Executor{work}, SweepEvery: 10 * time.Millisecond, QueuedFor: 20 * time.Millisecond,
				Retry: runs.RetryPolicy{Base: time.Millisecond, Max: 5 * time.Millisecond},
			}
			crew.work(lossy, 3, cfg, len(list)-canceled)
			for _, run := range list {
				got, err := crew.store.GetRun(t.Context(), run.TenantID, run.ID)
				if err != nil {
					t.Fatal(err)
				}
				if !got.Status.Terminal() || got.Lane != 0 {
					t.Errorf("a run is %s in lane %d", got.Status, got.Lane)
				}
			}
			for tenant, most := range crew.most {
				if most > perTenant {
					t.Errorf("%d runs of %s at once, want at most %d", most, tenant, perTenant)
				}
			}
		})
	}
}
