package bunstore_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// dueAt is when all schedules of the benchmark are due.
var dueAt = time.Date(2026, time.March, 2, 2, 30, 0, 0, time.UTC)

// dueSchedules stores n schedules of n/100 tenants that are all due in one minute. Those of
// a tenant are spread over all, as they come to be in real life.
func dueSchedules(b *testing.B, s *sqlitestore.Store, n int) {
	b.Helper()
	ids := uuidv7.NewGenerator(func() time.Time { return dueAt })
	list := make([]backupsched.Schedule, n)
	for i := range list {
		tenant := graph.TenantID(fmt.Sprintf("5c0ffee5-0000-4000-8000-%012d", i%max(n/100, 1)))
		list[i] = backupsched.Schedule{
			ID: runs.ID(ids.New()), TenantID: tenant, Name: fmt.Sprintf("Nightly %d", i), Enabled: true,
			Recurrence:  backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "UTC"},
			PolicyTypes: []graph.PolicyType{"settingsCatalogPolicy", "deviceCompliancePolicy"}, RetentionKeepLast: 30,
			NextRunAt: dueAt, CreatedAt: dueAt, UpdatedAt: dueAt,
		}
	}
	if err := s.ImportSchedules(b.Context(), list); err != nil {
		b.Fatal(err)
	}
}

// nightly plans what the dispatcher does: the run of the slot and the next slot, which the
// recurrence finds.
func nightly(b *testing.B, now time.Time, limit int) backupsched.Chunk {
	ids := uuidv7.NewGenerator(func() time.Time { return now })
	return backupsched.Chunk{
		Now: now, Limit: limit,
		Plan: func(s backupsched.Schedule) backupsched.Plan {
			next, err := s.Next(now)
			if err != nil {
				b.Error(err)
			}
			return backupsched.Plan{NextRunAt: next, Runs: []runs.Run{{
				ID: runs.ID(ids.New()), TenantID: s.TenantID, Kind: runs.KindBackup, Trigger: runs.TriggerSchedule,
				Actor: runs.SystemActor, Status: runs.StatusQueued, ScheduleID: s.ID, ScheduledFor: s.NextRunAt,
				Key:    "backup:" + string(s.ID) + ":" + s.NextRunAt.Format("2006-01-02T15:04Z"),
				Target: runs.Target{Type: "schedule", ID: s.ID}, Params: []byte(`{"types":["settingsCatalogPolicy","deviceCompliancePolicy"]}`),
				CreatedAt: now, UpdatedAt: now,
			}}}
		},
		Cycle: func(r backupsched.ChunkResult) runs.AuditEntry {
			return runs.AuditEntry{
				ID: runs.ID(ids.New()), At: now, Actor: runs.SystemActor, Action: "dispatch.cycle",
				Details: map[string]string{"due": fmt.Sprint(r.Due), "inserted": fmt.Sprint(len(r.Inserted))},
			}
		},
	}
}

// BenchmarkDispatch dispatches schedules that are all due in one minute: in chunks of 1,000
// a transaction, and one by one as most schedulers do. Each iteration is one day; no rows
// are removed, so later days meet a fuller database.
func BenchmarkDispatch(b *testing.B) {
	for _, c := range []struct {
		name            string
		schedules, size int
	}{{"chunks", 100_000, 1000}, {"one-by-one", 10_000, 1}} {
		b.Run(c.name, func(b *testing.B) {
			s, _ := newStore(b, sqlitestore.Options{})
			dueSchedules(b, s, c.schedules)
			days, took := 0, time.Duration(0)
			cpu := processorTime(b)
			for b.Loop() {
				now := dueAt.AddDate(0, 0, days)
				began := time.Now()
				for done := 0; done < c.schedules; {
					r, err := s.DispatchDue(b.Context(), nightly(b, now.Add(30*time.Second), c.size))
					if err != nil || len(r.Inserted) == 0 {
						b.Fatalf("after %d: %+v %v", done, r, err)
					}
					done += len(r.Inserted)
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
