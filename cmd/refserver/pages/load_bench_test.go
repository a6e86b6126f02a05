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
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// The size of the tenant that BenchmarkPages looks at.
const (
	loadSchedules = 1000
	loadDays      = 100 // a run of each schedule every day
	loadReaders   = 8
)

// crowded fills a tenant with 1,000 schedules and 100,000 runs by the engine itself: the server
// was off on each of a hundred days, so each slot was missed; and some schedules have backups.
func crowded(b *testing.B) *world {
	b.Helper()
	w := newWorld(b, nil)
	days, backups := loadDays, 40
	if testing.Short() {
		days, backups = 2, 3
	}
	var first runs.ID
	for i := range loadSchedules {
		s := w.schedule(func(d *backupsched.Draft) { d.Name = fmt.Sprintf("Schedule %04d", i) })
		if i == 0 {
			first = s.ID
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
		w.backup(first)
	}
	return w
}

// BenchmarkPages measures how long pages take in a crowded tenant while eight people read and a
// runner works, beside one reader alone.
func BenchmarkPages(b *testing.B) {
	w := crowded(b)
	server := httptest.NewServer(w.mux)
	defer server.Close()

	schedules := must(w.cfg.Scheduler.List(b.Context(), tenant, owner, backupsched.Filter{}, runs.PageRequest{Limit: 1}))(b)
	sets := must(w.cfg.Archive.List(b.Context(), tenant, owner, backupset.SetFilter{}, runs.PageRequest{Limit: 1}))(b)
	backups := must(w.cfg.Starter.List(b.Context(), tenant, owner, runs.RunFilter{Kinds: []runs.Kind{runs.KindBackup}, Statuses: []runs.Status{runs.StatusSuccess}}, runs.PageRequest{Limit: 1}))(b)
	for _, p := range []struct{ name, path string }{
		{"schedules", tenantPath("schedules")},
		{"schedules/search", tenantPath("schedules") + "?q=07"},
		{"schedule", tenantPath("schedules", schedules.Items[0].ID)},
		{"runs", tenantPath("runs")},
		{"runs/missed", tenantPath("runs") + "?status=skipped&kind=backup"},
		{"runs/none", tenantPath("runs") + "?status=failed"},
		{"run", tenantPath("runs", backups.Items[0].ID)},
		{"sets", tenantPath("sets")},
		{"set", tenantPath("sets", sets.Items[0].ID)},
	} {
		for _, readers := range []int{1, loadReaders} {
			b.Run(fmt.Sprintf("%s/readers=%d", p.name, readers), func(b *testing.B) {
				w.measure(b, server.URL+p.path, schedules.Items[0].ID, readers)
			})
		}
	}
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
