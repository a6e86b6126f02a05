package capture_test

import (
	"compress/flate"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

// rawBytes is the size of everything in the fake tenant: objects and parts.
func rawBytes(r *rig.Rig) (total int64) {
	for _, p := range r.Graph.Snapshot(rig.Tenant) {
		total += int64(len(p.Raw))
		for _, part := range p.Parts {
			total += int64(len(part.Raw))
		}
	}
	return total
}

func generated() []graph.PolicyType {
	policies, _ := graphtest.GeneratedTypes()
	return policies
}

// BenchmarkCapture captures 2,000 policies from memory through canonical form, hash,
// compression and the SQLite store. The baseline writes the same raw bytes to files, one a
// policy, compressed with the standard library, as backup scripts do.
func BenchmarkCapture(b *testing.B) {
	n := 2000
	if testing.Short() {
		n = 100
	}
	b.Run("new content", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			r := rig.New(b, rig.Options{Policies: n})
			s := r.Schedule(func(d *backupsched.Draft) { d.PolicyTypes = generated() })
			b.SetBytes(rawBytes(r))
			b.StartTimer()
			benchmarkBackup(b, r, s.ID)
		}
	})
	b.Run("unchanged content", func(b *testing.B) {
		r := rig.New(b, rig.Options{Policies: n})
		s := r.Schedule(func(d *backupsched.Draft) { d.PolicyTypes = generated() })
		b.SetBytes(rawBytes(r))
		benchmarkBackup(b, r, s.ID)
		for b.Loop() {
			r.Clock.Add(time.Hour)
			benchmarkBackup(b, r, s.ID)
		}
	})
	b.Run("baseline: files through flate", func(b *testing.B) {
		r := rig.New(b, rig.Options{Policies: n})
		b.SetBytes(rawBytes(r))
		dir := b.TempDir()
		for b.Loop() {
			i := 0
			for _, p := range r.Graph.Snapshot(rig.Tenant) {
				i++
				f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
				if err != nil {
					b.Fatal(err)
				}
				w, err := flate.NewWriter(f, flate.DefaultCompression)
				if err != nil {
					b.Fatal(err)
				}
				w.Write(p.Raw)
				for _, part := range p.Parts {
					w.Write(part.Raw)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		}
	})
}

func benchmarkBackup(b *testing.B, r *rig.Rig, id runs.ID) {
	b.Helper()
	if run := r.Backup(id); run.Status != runs.StatusSuccess {
		b.Fatalf("the backup is %s %s: %s", run.Status, run.ErrorCode, run.ErrorMessage)
	}
}

// BenchmarkSpace takes 30 daily backups of a tenant of 500 policies of which 1 % change a
// day, and reports the bytes on disk, everything included, beside the raw JSON.
func BenchmarkSpace(b *testing.B) {
	days, policies := 30, 500
	if testing.Short() {
		days, policies = 3, 50
	}
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "space.db")
		r := rig.New(b, rig.Options{Policies: policies, Path: path})
		s := r.Schedule(func(d *backupsched.Draft) { d.PolicyTypes, d.RetentionKeepLast = generated(), 100 })
		var raw int64
		for day := range days {
			r.Clock.Set(s.NextRunAt.Add(time.Duration(day) * 24 * time.Hour))
			if day > 0 {
				if _, err := r.Graph.Churn(rig.Tenant, 1, uint64(day)); err != nil {
					b.Fatal(err)
				}
			}
			raw += rawBytes(r)
			if _, err := r.Dispatcher.Tick(b.Context()); err != nil {
				b.Fatal(err)
			}
			r.Drain()
		}
		sets, err := r.Store.ListGroup(b.Context(), rig.Tenant, s.ID)
		if err != nil || len(sets) != days {
			b.Fatalf("%d sets, error %v", len(sets), err)
		}
		if err := r.Store.Close(); err != nil { // merges the log into the file
			b.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/1e6, "MB/disk")
		b.ReportMetric(float64(raw)/1e6, "MB/raw")
		b.ReportMetric(float64(raw)/float64(info.Size()), "raw/disk")
	}
}
