package bunstore_test

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// BenchmarkSaveCaptured stores a tenant of 2,000 policies, 50 at a time, when all its content
// is new and when all of it is known. Making the canonical form and its hash is not part.
func BenchmarkSaveCaptured(b *testing.B) {
	for _, known := range []bool{false, true} {
		b.Run(map[bool]string{false: "new", true: "known"}[known], func(b *testing.B) {
			var policies, raw int64
			for b.Loop() {
				b.StopTimer()
				s, _ := newStore(b, sqlitestore.Options{})
				w := newWorker(b, s, "5c0ffee5-0000-4000-8000-00000000000a", 2000)
				sched := w.schedule()
				if known {
					w.backup(sched)
					w.now = w.now.AddDate(0, 0, 1)
				}
				run := w.claimed(sched)
				set, err := s.OpenSet(b.Context(), w.tenant, run.Lease(), backupset.BackupSet{
					ID: w.id(), ScheduleID: sched.ID, ScheduledFor: w.now, CreatedAt: w.now,
				}, runs.Trail{})
				w.ok(err)
				w.raw = 0
				var all []backupset.Captured
				for _, list := range w.captured() {
					all = append(all, list...)
				}
				b.StartTimer()
				for at := 0; at < len(all); at += 50 {
					w.save(run.Lease(), set.ID, all[at:min(at+50, len(all))])
				}
				policies += int64(len(all))
				raw += w.raw
			}
			b.ReportMetric(float64(policies)/b.Elapsed().Seconds(), "policies/s")
			b.ReportMetric(float64(raw)/1e6/b.Elapsed().Seconds(), "MB/s")
		})
	}
}
