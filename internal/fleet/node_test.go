package fleet

import (
	"context"
	"database/sql"
	"hash/fnv"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// config says what a node is.
type config struct {
	Role string // dispatcher or worker; only for a process
	Name string
	URL  string // of the database, for the login without rights of its own

	Skew       time.Duration // of the node's clock against the machine's
	Workers    int           // runs at once
	LeaseFor   time.Duration
	SweepEvery time.Duration
	StopGrace  time.Duration
	RetryBase  time.Duration
	ChunkSize  int           // schedules in one transaction of a dispatcher
	Grace      time.Duration // of a dispatcher
	GraphTakes time.Duration // every call to Graph
}

// node is what one process of the service has: a pool, a store on it that queues the jobs
// of new runs in its transactions, and the queue.
type node struct {
	config
	db    *sql.DB
	store *bunstore.Store
	queue *guequeue.Queue
	clock runs.Clock
	log   *slog.Logger
}

func newNode(ctx context.Context, c config) (*node, error) {
	n := &node{config: c, clock: skewed(c.Skew)}
	n.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})).With("node", c.Name)
	pool, err := pgstore.Connect(ctx, c.URL, pgstore.Connection{MaxConns: 2*takers + c.Workers + 4})
	if err != nil {
		return nil, err
	}
	n.db = pool.DB
	n.queue, err = guequeue.New(pool.DB, guequeue.Options{
		Workers: max(c.Workers, 1), Takers: takers, PollEvery: 500 * time.Millisecond, RetryAfter: 200 * time.Millisecond, Logger: n.log,
	})
	if err == nil {
		n.store, err = pgstore.New(pool, pgstore.Options{Clock: n.clock, Enqueuer: n.queue, RowSecurity: &bunstore.RowSecurity{Login: login}})
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return n, nil
}

const takers = 2

func (n *node) close() error { return n.db.Close() }

// runner makes the node a worker. The queue is its own, or that one as a test watches it.
func (n *node) runner(queue runs.Queue, reader graph.Reader) (*runs.Runner, error) {
	executor, err := capture.New(capture.Config{Reader: reader, Store: n.store, Parallel: 1})
	if err != nil {
		return nil, err
	}
	return runs.NewRunner(runs.Config{
		Store: n.store, Queue: queue, Executors: []runs.Executor{executor}, Clock: n.clock, Worker: n.Name, Logger: n.log,
		LeaseFor: n.LeaseFor, SweepEvery: n.SweepEvery, StopGrace: n.StopGrace, Retry: runs.RetryPolicy{Base: n.RetryBase},
	})
}

// dispatcher makes the node a dispatcher on a clock.
func (n *node) dispatcher(clock runs.Clock) (*backupsched.Dispatcher, error) {
	return backupsched.NewDispatcher(backupsched.DispatcherConfig{
		Store: n.store, Queue: n.queue, Clock: clock, ChunkSize: n.ChunkSize, Grace: n.Grace, Logger: n.log,
	})
}

// The fake tenants: so small that their runs are short, and the same in every process.
const (
	policies   = 2
	policyType = graph.PolicyType("deviceCompliancePolicy")
)

// fakeGraph makes tenants when they are first asked for.
type fakeGraph struct {
	*graphtest.Graph
	mu    sync.Mutex
	known map[graph.TenantID]bool
}

func newGraph(takes time.Duration) (*fakeGraph, error) {
	g, err := graphtest.New(graphtest.Config{})
	if err != nil {
		return nil, err
	}
	if takes > 0 {
		g.OnCall(func(ctx context.Context, c graphtest.Call) {
			if c.Op == graphtest.OpPage || c.Op == graphtest.OpItem {
				return // steps of a call
			}
			select {
			case <-ctx.Done():
			case <-time.After(takes):
			}
		})
	}
	return &fakeGraph{Graph: g, known: map[graph.TenantID]bool{}}, nil
}

func (g *fakeGraph) meet(tenant graph.TenantID) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known[tenant] {
		return nil
	}
	g.known[tenant] = true
	h := fnv.New64a()
	h.Write([]byte(tenant))
	return g.AddTenant(tenant, graphtest.TenantConfig{
		Seed: h.Sum64(), Policies: policies, Types: []graph.PolicyType{policyType}, Foundations: -1,
	})
}

// List implements [graph.Reader].
func (g *fakeGraph) List(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
	if err := g.meet(tenant); err != nil {
		return err
	}
	return g.Graph.List(ctx, tenant, t, page)
}

// Get implements [graph.Reader].
func (g *fakeGraph) Get(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
	if err := g.meet(tenant); err != nil {
		return nil, err
	}
	return g.Graph.Get(ctx, tenant, t, ids)
}

var _ graph.Reader = (*fakeGraph)(nil)
