package bunstore_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// idle is an executor whose runs end at once.
type idle struct{}

func (idle) Kinds() []runs.Kind                               { return []runs.Kind{runs.KindBackup} }
func (idle) Execute(_ context.Context, a *runs.Attempt) error { a.Finish(runs.Result{}); return nil }

// kept is a queue that keeps what it is given.
type kept struct {
	nowhere
	jobs *[]runs.Job
}

func (k kept) Enqueue(_ context.Context, jobs ...runs.Job) error {
	*k.jobs = append(*k.jobs, jobs...)
	return nil
}

// BenchmarkPostgresRuns brings scheduled backups that do nothing from queued to their end:
// claim, finish, counts, audit and the schedule's last run.
func BenchmarkPostgresRuns(b *testing.B) {
	n := 10_000
	if testing.Short() {
		n = 200
	}
	for _, secure := range []bool{false, true} {
		name := "plain"
		if secure {
			name = "row-level-security"
		}
		b.Run(name, func(b *testing.B) {
			r := newRival(b, n, 10)
			s := r.open(pgstore.Options{Connection: pgstore.Connection{MaxConns: workers + 4}})
			if secure {
				s = r.secured()
			}
			runner, err := runs.NewRunner(runs.Config{Store: s, Queue: nowhere{}, Executors: []runs.Executor{idle{}}, PerTenant: 62})
			r.ok(err)
			var took time.Duration
			done := 0
			for b.Loop() {
				r.reset()
				var jobs []runs.Job
				d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: r.store, Queue: kept{jobs: &jobs}, Clock: &day{now: dueAt}})
				r.ok(err)
				_, err = d.Tick(b.Context())
				r.ok(err)
				r.exec("VACUUM ANALYZE tb_runs, tb_schedules, tb_audit_log")
				r.exec("CHECKPOINT")
				rand.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] }) // neighbours are of one tenant
				began := time.Now()
				work(b, runner, jobs)
				took += time.Since(began)
				done += len(jobs)
				var ended int
				r.ok(r.admin.QueryRow("SELECT count(*) FROM tb_runs WHERE status = 'success'").Scan(&ended))
				if ended != n {
					b.Fatalf("%d of %d runs ended well", ended, n)
				}
			}
			b.ReportMetric(float64(done)/took.Seconds(), "runs/s")
		})
	}
}

// workers is how many runs are under way at once: enough for two cores to be busy while some
// wait for the disk. More drive each other out of the processors' caches.
const workers = 16

func work(b *testing.B, runner *runs.Runner, jobs []runs.Job) {
	b.Helper()
	next := make(chan runs.Job)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for job := range next {
				if err := runner.Handle(b.Context(), job); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, job := range jobs {
		next <- job
	}
	close(next)
	wg.Wait()
}
