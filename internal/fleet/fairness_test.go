package fleet

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
)

// counted is a queue that counts deliveries which came to nothing.
type counted struct {
	*guequeue.Queue
	mu   sync.Mutex
	idle map[runs.ID]int
}

func (q *counted) Work(ctx context.Context, handle runs.Handler) error {
	return q.Queue.Work(ctx, func(ctx context.Context, job runs.Job) (runs.Work, error) {
		work, err := handle(ctx, job)
		if work == nil {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.idle[job.RunID]++
		}
		return work, err
	})
}

func TestATenantsBacklogDelaysAnotherTenantByOneRunAtMost(t *testing.T) {
	backlog, ended := 300, 10
	if *campaign {
		backlog, ended = 1000, 1000
	}
	const many, one = graph.TenantID("many"), graph.TenantID("one")
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			noLeaks(t)
			w := newWorld(t, pgtest.Server(t))
			w.start(many, backlog)
			w.start(one, 1)
			n := w.newNode(config{Name: "worker", Workers: workers, LeaseFor: 10 * time.Second, SweepEvery: 500 * time.Millisecond})
			g := must(newGraph(0))(t)
			if workers > 1 {
				// The first run of the backlog lasts until the other tenant's has begun: that must
				// not wait for it.
				begun := make(chan struct{})
				begin := sync.OnceFunc(func() { close(begun) })
				g.OnCall(func(ctx context.Context, c graphtest.Call) {
					if c.Tenant == one {
						begin()
						return
					}
					select {
					case <-begun:
					case <-ctx.Done():
					case <-time.After(30 * time.Second):
						t.Error("the other tenant's run did not begin")
						begin()
					}
				})
			}
			q := &counted{Queue: n.queue, idle: map[runs.ID]int{}}
			stop := w.run(must(n.runner(q, g))(t))
			looked := w.watch(100 * time.Millisecond)
			w.ended(5*time.Minute, ended+1)
			stop()
			looked()
			before := w.number(`SELECT count(*) FROM tb_runs WHERE tenant_id = $1 AND started_at <
				(SELECT coalesce(started_at, 'infinity') FROM tb_runs WHERE tenant_id = $2)`, many, one)
			if before > 1 {
				t.Errorf("%d runs of the backlog began before the other tenant's", before)
			}
			most := 0
			for id, idle := range q.idle {
				most = max(most, idle)
				if idle > 2 {
					t.Errorf("run %s was delivered %d times in vain", id, idle)
				}
			}
			t.Logf("%d runs of the backlog began before the other tenant's; no run was delivered in vain more than %d times; %d of %d runs were", before, most, len(q.idle), backlog)
			w.none("a run of the backlog that did not end well", `SELECT id, status, error_code FROM tb_runs WHERE status NOT IN ('success', 'queued')`)
		})
	}
}
