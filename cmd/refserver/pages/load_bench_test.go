package pages_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// The size of the tenant that BenchmarkPages looks at.
const (
	loadSchedules = 1000
	loadDays      = 100 // a run of each schedule every day
	loadReaders   = 8
)

// crowded fills a tenant with 1,000 schedules and 100,000 runs by the engine itself: the server
// was off on each of a hundred days, so each slot was missed; and some schedules have backups.
func crowded(b *testing.B) (w *world, busy, quiet runs.ID) {
	b.Helper()
	w = newWorld(b, nil)
	days, backups := loadDays, 40
	if testing.Short() {
		days, backups = 2, 3
	}
	// Who did one thing, long ago.
	_, _, err := w.cfg.Starter.Start(b.Context(), tenant, operator, capture.SyncRequest(backupTypes))
	check(b, err)
	w.drain()
	for i := range loadSchedules {
		s := w.schedule(func(d *backupsched.Draft) { d.Name = fmt.Sprintf("Schedule %04d", i) })
		switch i {
		case 0:
			busy = s.ID
		case 1:
			quiet = s.ID
		}
	}
	for range days {
		w.clock.Add(24 * time.Hour)
		must(w.dispatcher.Tick(b.Context()))(b)
	}
	for i := range backups {
		if i%10 == 5 {
			must(w.graph.Churn(tenant, 3, uint64(i)))(b)
		}
		w.backup(busy)
	}
	return w, busy, quiet
}

// BenchmarkPages measures how long pages take in a crowded tenant while eight people read and a
// runner works, beside one reader alone.
func BenchmarkPages(b *testing.B) {
	w, busy, quiet := crowded(b)
	server := httptest.NewServer(w.mux)
	defer server.Close()

	for _, p := range w.loadPages(b, busy, quiet) {
		for _, readers := range []int{1, loadReaders} {
			b.Run(fmt.Sprintf("%s/readers=%d", p.name, readers), func(b *testing.B) {
				w.measure(b, server.URL+p.path, busy, readers)
			})
		}
	}
}

// loadPage is a page that the benchmark reads.
type loadPage struct{ name, path string }

// loadPages are the lists with each of their filters and the pages of single things.
func (w *world) loadPages(b *testing.B, busy, quiet runs.ID) []loadPage {
	b.Helper()
	sets := must(w.cfg.Archive.List(b.Context(), tenant, owner, backupset.SetFilter{}, runs.PageRequest{Limit: 2}))(b).Items
	of := runs.RunFilter{Kinds: []runs.Kind{runs.KindBackup}, Statuses: []runs.Status{runs.StatusSuccess}}
	backups := must(w.cfg.Starter.List(b.Context(), tenant, owner, of, runs.PageRequest{Limit: 1}))(b).Items
	policies := must(w.cfg.Archive.Policies(b.Context(), tenant, owner, backupset.PolicyFilter{}, runs.PageRequest{Limit: 1}))(b).Items
	preview, _, err := w.cfg.Starter.Start(b.Context(), tenant, owner, restore.PreviewRequest(sets[1].ID, restore.PreviewParams{}))
	check(b, err)
	w.drain()
	failed := w.failedRun(busy)
	list := func(area, query string) string { return tenantPath(area) + "?" + query }
	return []loadPage{
		{"schedules", tenantPath("schedules")},
		{"schedules search", list("schedules", "q=07")},
		{"schedules next", list("schedules", "sort=next_run_at")},
		{"schedule", tenantPath("schedules", busy)},
		{"schedule missed", tenantPath("schedules", quiet)},
		{"runs", tenantPath("runs")},
		{"runs retention", list("runs", "retention=shown")},
		{"runs missed", list("runs", "status=skipped&kind=backup")},
		{"runs success", list("runs", "status=success")},
		{"runs failed", list("runs", "status=failed")},
		{"runs partial,failed", list("runs", "status=partial&status=failed")},
		{"runs kind", list("runs", "kind=restore.preview")},
		{"runs trigger", list("runs", "trigger=retry")},
		{"runs schedule", list("runs", "schedule="+string(quiet))},
		{"runs days", list("runs", "from=2026-02-01&to=2026-02-02")},
		{"run", tenantPath("runs", backups[0].ID)},
		{"run failed", tenantPath("runs", failed)},
		{"sets", tenantPath("sets")},
		{"sets schedule", list("sets", "schedule="+string(quiet))},
		{"set", tenantPath("sets", sets[0].ID)},
		{"compare", tenantPath("sets", sets[0].ID, "compare") + "?with=" + string(sets[1].ID)},
		{"policies", tenantPath("policies")},
		{"policy", tenantPath("policies", policies[0].ID)},
		{"preview", tenantPath("restore", "previews", preview.ID)},
		{"notifications", tenantPath("notifications")},
		{"audit", tenantPath("audit")},
		{"audit action", list("audit", "action=schedule.deleted")},
		{"audit run", list("audit", "id="+string(backups[0].ID))},
		{"audit schedule", list("audit", "id="+string(quiet))},
		{"audit person", list("audit", "actor="+operator.ID)},
		{"audit person long ago", list("audit", "actor="+operator.ID+"&to=2026-02-01")},
		{"audit nobody", list("audit", "actor=nobody")},
		{"audit engine", list("audit", "actor=system")},
		{"audit day", list("audit", "from=2026-02-01&to=2026-02-01")},
		{"audit first day", list("audit", "from=2026-01-04&to=2026-01-04")},
		{"audit until", list("audit", "to=2026-01-20")},
		{"audit middle", list("audit", "to=2026-02-22")},
		{"audit since", list("audit", "from=2026-01-20")},
		{"audit future", list("audit", "from=2027-01-20")},
		{"audit backups of a day", list("audit", "action=run.refused&from=2026-02-01&to=2026-02-01")},
		{"audit ends until", list("audit", "action=run.finished&to=2026-02-20")},
		{"settings", tenantPath("settings")},
		{"live", tenantPath("live")},
	}
}

// failedRun is a backup that failed at its second attempt.
func (w *world) failedRun(schedule runs.ID) runs.ID {
	w.t.Helper()
	check(w.t, w.graph.Inject(graphtest.Fault{Tenant: tenant, Op: graphtest.OpList, RetryAfter: "300", Err: &graph.Error{Kind: graph.KindThrottled}}))
	check(w.t, w.graph.Inject(graphtest.Fault{Tenant: tenant, Op: graphtest.OpList, Nth: 2, Times: 1, Err: &graph.Error{Kind: graph.KindUnauthorized}}))
	run := w.backup(schedule)
	if run.Status != runs.StatusFailed || run.Attempt != 2 {
		w.t.Fatalf("a run %s at attempt %d, want one that failed at its second", run.Status, run.Attempt)
	}
	return run.ID
}

// measure reads a page b.N times by so many readers. With more than one, the runner works on
// backups meanwhile.
func (w *world) measure(b *testing.B, url string, schedule runs.ID, readers int) {
	stop, worked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(worked)
		for readers > 1 {
			select {
			case <-stop:
				return
			default:
				if _, _, err := w.cfg.Scheduler.RunNow(b.Context(), tenant, owner, schedule); err == nil {
					for job, found := w.queue.take(); found; job, found = w.queue.take() {
						_ = w.runner.Handle(b.Context(), job)
					}
				}
			}
		}
	}()
	var size atomic.Int64
	took := make([]time.Duration, 0, b.N)
	var mu sync.Mutex
	var group sync.WaitGroup
	var next atomic.Int64
	b.ResetTimer()
	for range readers {
		group.Go(func() {
			for next.Add(1) <= int64(b.N) {
				begun := time.Now()
				n, status, err := fetch(b, url)
				d := time.Since(begun)
				if err != nil || status != http.StatusOK {
					b.Errorf("%s: %d %v", url, status, err)
					return
				}
				size.Store(n)
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	b.StopTimer()
	close(stop)
	<-worked
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(size.Load())/1000, "kB")
}

func fetch(b *testing.B, url string) (size int64, status int, err error) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
	if err != nil {
		return 0, 0, err
	}
	req.SetBasicAuth(owner.ID, "x")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	size, err = io.Copy(io.Discard, res.Body)
	return size, res.StatusCode, err
}
