package bunstore_test

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// BenchmarkRowSecurity does the same with and without row-level security, by turns on one
// database: the baseline is a superuser, to whom the policies do not apply.
func BenchmarkRowSecurity(b *testing.B) {
	n, times := 20_000, 200
	if testing.Short() {
		n, times = 200, 10
	}
	r := newRival(b, n, 100)
	plain, secured := r.store, r.secured()
	r.dispatch(1, 1000, n)
	r.exec("VACUUM ANALYZE")
	tenant := graph.TenantID("5c0ffee5-0000-4000-8000-000000000001")
	list, err := plain.ListRuns(b.Context(), tenant, runs.RunFilter{}, runs.Slice{Limit: 100})
	r.ok(err)
	ids := make([]runs.ID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	for _, c := range []struct {
		name  string
		times int
		do    func(s *pgstore.Store, i int) error
	}{
		{"GetRun", times, func(s *pgstore.Store, i int) error {
			_, err := s.GetRun(b.Context(), tenant, ids[i%len(ids)])
			return err
		}},
		{"ListRuns", times, func(s *pgstore.Store, _ int) error {
			_, err := s.ListRuns(b.Context(), tenant, runs.RunFilter{}, runs.Slice{Limit: 50})
			return err
		}},
		{"ChangeRun", times, func(s *pgstore.Store, i int) error {
			_, err := s.ChangeRun(b.Context(), tenant, ids[i%len(ids)], func(now time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
				r.UpdatedAt = now
				return runs.Change{Run: r}, nil
			})
			return err
		}},
		{"DispatchDue", 1, func(s *pgstore.Store, _ int) error {
			d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: s, Queue: nowhere{}, Clock: &day{now: dueAt}})
			if err == nil {
				_, err = d.Tick(b.Context())
			}
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took [2]time.Duration
			rounds := 0
			for b.Loop() {
				for k := range 2 {
					which := (rounds + k) % 2 // neither is always the first
					if c.name == "DispatchDue" {
						r.reset()
					}
					began := time.Now()
					for i := range c.times {
						r.ok(c.do([]*pgstore.Store{plain, secured}[which], i))
					}
					took[which] += time.Since(began)
				}
				rounds++
			}
			calls := float64(rounds * c.times)
			b.ReportMetric(float64(took[0].Microseconds())/calls, "us/plain")
			b.ReportMetric(float64(took[1].Microseconds())/calls, "us/secured")
			b.ReportMetric(float64(took[1])/float64(took[0]), "x_plain")
			b.ReportMetric(0, "ns/op") // is of both together
		})
	}
}
