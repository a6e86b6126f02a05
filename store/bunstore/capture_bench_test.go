package bunstore_test

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
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

// BenchmarkPostgresSaveCaptured stores the same tenant on Postgres, and beside it the same
// bytes as they were captured, in a table of two columns: what the database can do.
func BenchmarkPostgresSaveCaptured(b *testing.B) {
	n := 2000
	if testing.Short() {
		n = 100
	}
	url := pgtest.Start(b, pgtest.Options{Durable: true}).Database(b)
	db, err := sql.Open("pgx", url)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s, err := pgstore.Open(b.Context(), url, pgstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE plain (id bytea PRIMARY KEY, data bytea NOT NULL); ALTER TABLE plain ALTER data SET STORAGE EXTERNAL"); err != nil {
		b.Fatal(err)
	}
	var took [2]time.Duration
	var raw int64
	rounds := 0
	for b.Loop() {
		w := newWorker(b, s, graph.TenantID(fmt.Sprintf("5c0ffee5-0000-4000-8000-%012d", rounds)), n)
		rounds++
		run := w.claimed(w.schedule())
		set, err := s.OpenSet(b.Context(), w.tenant, run.Lease(), backupset.BackupSet{ID: w.id(), ScheduledFor: w.now, CreatedAt: w.now}, runs.Trail{})
		w.ok(err)
		var all []backupset.Captured
		for _, list := range w.captured() {
			all = append(all, list...)
		}
		raw += w.raw
		began := time.Now()
		for part := range slices.Chunk(all, 50) {
			w.save(run.Lease(), set.ID, part)
		}
		took[0] += time.Since(began)
		began = time.Now()
		for part := range slices.Chunk(all, 50) {
			var ids, data [][]byte
			for _, c := range part {
				id := sha256.Sum256(fmt.Append(c.Payload, rounds))
				ids, data = append(ids, id[:]), append(data, c.Payload)
			}
			_, err := db.Exec("INSERT INTO plain SELECT * FROM unnest($1::bytea[], $2::bytea[]) ON CONFLICT DO NOTHING", ids, data)
			w.ok(err)
		}
		took[1] += time.Since(began)
		w.ok(func() error { _, err := db.Exec("TRUNCATE plain"); return err }())
	}
	b.ReportMetric(float64(raw)/1e6/took[0].Seconds(), "MB/s")
	b.ReportMetric(float64(raw)/1e6/took[1].Seconds(), "plain-MB/s")
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "x_plain")
}
