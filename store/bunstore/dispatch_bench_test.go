package bunstore_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// dueAt is the first slot of the benchmark's schedules: 02:30 in Berlin.
var dueAt = time.Date(2026, time.March, 2, 1, 30, 0, 0, time.UTC)

// dueSchedules stores n schedules, so many of each tenant, that are all due in one minute.
// Those of a tenant are spread over all, as they come to be in real life.
func dueSchedules(b *testing.B, s *bunstore.Store, n, perTenant int) {
	b.Helper()
	ids := uuidv7.NewGenerator(func() time.Time { return dueAt })
	list := make([]backupsched.Schedule, n)
	for i := range list {
		tenant := graph.TenantID(fmt.Sprintf("5c0ffee5-0000-4000-8000-%012d", i%max(n/perTenant, 1)))
		list[i] = backupsched.Schedule{
			ID: runs.ID(ids.New()), TenantID: tenant, Name: fmt.Sprintf("Nightly %d", i), Enabled: true,
			Recurrence:  backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"},
			PolicyTypes: []graph.PolicyType{"settingsCatalogPolicy", "deviceCompliancePolicy"}, RetentionKeepLast: 30,
			NextRunAt: dueAt, CreatedAt: dueAt, UpdatedAt: dueAt,
		}
	}
	if err := s.ImportSchedules(b.Context(), list); err != nil {
		b.Fatal(err)
	}
}

// nowhere is a queue that forgets: the benchmark is about the store and the planning.
type nowhere struct{}

func (nowhere) Enqueue(context.Context, ...runs.Job) error { return nil }
func (nowhere) Work(context.Context, runs.Handler) error   { return nil }

// day is a clock that shows the slot of one day.
type day struct{ now time.Time }

func (d *day) Now() time.Time                       { return d.now }
func (d *day) After(time.Duration) <-chan time.Time { return nil }

// BenchmarkDispatch lets a Dispatcher tick over schedules that are all due in one minute: in
// chunks of 1,000 a transaction, and one by one as most schedulers do. Each iteration is one
// day; no rows are removed, so later days meet a fuller database.
func BenchmarkDispatch(b *testing.B) {
	for _, c := range []struct {
		name            string
		schedules, size int
	}{{"chunks", 100_000, 1000}, {"one-by-one", 20_000, 1}} {
		b.Run(c.name, func(b *testing.B) {
			if testing.Short() {
				c.schedules /= 50
			}
			s, _ := newStore(b, sqlitestore.Options{})
			dueSchedules(b, s.Store, c.schedules, 100)
			clock := &day{now: dueAt}
			d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: s, Queue: nowhere{}, Clock: clock, ChunkSize: c.size})
			if err != nil {
				b.Fatal(err)
			}
			days, took := 0, time.Duration(0)
			cpu := processorTime(b)
			for b.Loop() {
				clock.now = dueAt.AddDate(0, 0, days)
				began := time.Now()
				report, err := d.Tick(b.Context())
				if err != nil || report.Queued != c.schedules {
					b.Fatalf("%+v %v", report, err)
				}
				took += time.Since(began)
				days++
			}
			b.ReportMetric(float64(c.schedules*days)/(processorTime(b)-cpu).Seconds(), "schedules/cpu-s")
			b.ReportMetric(float64(c.schedules*days)/took.Seconds(), "schedules/s")
		})
	}
}

// processorTime is what the process has used of the processors: on a busy machine it tells
// more than the wall clock.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
