package retention_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// The roles of [runs.Store] that a Starter and a Runner use.

func (f *fakeStore) CreateRun(_ context.Context, tenant graph.TenantID, run runs.Run, trail runs.Trail) (runs.Run, bool, error) {
	end, err := f.begin("CreateRun")
	if err != nil {
		return runs.Run{}, false, err
	}
	defer end()
	for _, r := range f.runs {
		if r.TenantID == tenant && r.Key == run.Key && r.Status.Active() {
			return r, false, nil
		}
	}
	f.runs[run.ID] = run
	f.write(trail)
	return run, true, nil
}

func (f *fakeStore) GetRun(_ context.Context, tenant graph.TenantID, id runs.ID) (runs.Run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.runs[id]
	if !ok || r.TenantID != tenant {
		return runs.Run{}, runs.ErrNotFound
	}
	return r, nil
}

func (f *fakeStore) ChangeRun(_ context.Context, tenant graph.TenantID, id runs.ID, change runs.ChangeFunc) (runs.Run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.runs[id]
	switch {
	case !ok || r.TenantID != tenant:
		return runs.Run{}, runs.ErrNotFound
	case r.Status.Terminal():
		return runs.Run{}, runs.ErrConflict
	}
	c, err := change(f.now(), r, runs.Room{})
	if err != nil {
		return runs.Run{}, err
	}
	f.runs[id] = c.Run
	f.write(c.Trail)
	return c.Run, nil
}

// WaitingRuns: nothing of it takes turns here.
func (f *fakeStore) WaitingRuns(context.Context, graph.TenantID, int) ([]runs.Run, error) {
	return nil, nil
}

func (f *fakeStore) AppendAudit(_ context.Context, _ graph.TenantID, entries ...runs.AuditEntry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write(runs.Trail{Audit: entries})
	return nil
}

// fakeQueue keeps jobs until a test takes them.
type fakeQueue struct {
	mu   sync.Mutex
	jobs []runs.Job
}

func (q *fakeQueue) Enqueue(_ context.Context, jobs ...runs.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, jobs...)
	return nil
}

func (q *fakeQueue) Work(ctx context.Context, _ runs.Handler) error {
	<-ctx.Done()
	return nil
}

// take removes and returns the jobs that are due.
func (q *fakeQueue) take(now time.Time) (due []runs.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = slices.DeleteFunc(q.jobs, func(j runs.Job) bool {
		if j.NotBefore.After(now) {
			return false
		}
		due = append(due, j)
		return true
	})
	return due
}
