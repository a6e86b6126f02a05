package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
	"go.uber.org/goleak"
)

var now = time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC)

func id(n int) runs.ID { return runs.ID(fmt.Sprintf("01980000-0000-7000-8000-%012x", n)) }

func newRun(n int) runs.Run {
	return runs.Run{
		ID: id(n), Kind: runs.KindBackup, Trigger: runs.TriggerManual, Status: runs.StatusQueued, Key: fmt.Sprint(n), CreatedAt: now, UpdatedAt: now,
	}
}

// TestReadersDoNotWaitForAWriter reads while a transaction writes and is held open.
func TestReadersDoNotWaitForAWriter(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"), sqlitestore.Options{})
	if _, _, err := s.CreateRun(t.Context(), "contoso", newRun(1), runs.Trail{}); err != nil {
		t.Fatal(err)
	}
	_, err := s.ChangeRun(t.Context(), "contoso", id(1), func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		seen, err := s.GetRun(ctx, "contoso", id(1))
		if err != nil || seen.Status != runs.StatusQueued {
			t.Errorf("reading beside the writer: %s %v", seen.Status, err)
		}
		r.Status = runs.StatusFailed
		return runs.Change{Run: r}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen, err := s.GetRun(t.Context(), "contoso", id(1)); err != nil || seen.Status != runs.StatusFailed {
		t.Errorf("reading after the writer: %s %v", seen.Status, err)
	}
}

// TestTwoProcessesShareAFile: two stores on one file, as two processes have them, dispatch
// and start at once; each slot and key has one run.
func TestTwoProcessesShareAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	stores := []*sqlitestore.Store{open(t, path, sqlitestore.Options{}), open(t, path, sqlitestore.Options{})}
	const schedules = 200
	for i := range schedules {
		if err := stores[i%2].CreateSchedule(t.Context(), "contoso", backupsched.Schedule{
			ID: id(i), Name: fmt.Sprint(i), Enabled: true, NextRunAt: now,
		}, runs.Trail{}); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	inserted := map[runs.ID]int{}
	next := schedules
	for _, s := range append(stores, stores...) {
		wg.Go(func() {
			for {
				result, err := s.DispatchDue(t.Context(), backupsched.Chunk{
					Now: now, Limit: 7,
					Plan: func(sched backupsched.Schedule) backupsched.Plan {
						mu.Lock()
						defer mu.Unlock()
						next++
						r := newRun(next)
						r.ScheduledFor = sched.NextRunAt
						return backupsched.Plan{Runs: []runs.Run{r}, NextRunAt: now.AddDate(0, 0, 1)}
					},
					Cycle: func(backupsched.ChunkResult) runs.AuditEntry { return runs.AuditEntry{ID: id(1)} },
				})
				if err != nil {
					t.Error(err)
				}
				if err != nil || result.Due == 0 {
					return
				}
				mu.Lock()
				for _, job := range result.Inserted {
					inserted[job.RunID]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	list, err := stores[0].ListRuns(t.Context(), "contoso", runs.RunFilter{}, runs.Slice{Limit: 1000})
	if err != nil || len(list) != schedules || len(inserted) != schedules {
		t.Errorf("%d runs stored and %d inserted for %d slots: %v", len(list), len(inserted), schedules, err)
	}
}

func TestPathsAreTakenAsTheyAre(t *testing.T) {
	for _, name := range []string{"plain.db", "with space.db", "50%.db", "a?b=c.db", "a#b.db", "ä.db", "a&_pragma=query_only(1).db"} {
		dir := t.TempDir()
		s := open(t, filepath.Join(dir, name), sqlitestore.Options{})
		if _, _, err := s.CreateRun(t.Context(), "contoso", newRun(1), runs.Trail{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !strings.HasPrefix(f.Name(), name) {
				t.Errorf("%s: made the file %s", name, f.Name())
			}
		}
	}
}

func TestOpenRefusesWhatItCannotOpen(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, path := range map[string]string{"no path": "", "no folder": filepath.Join(dir, "none", "store.db"), "no database": text} {
		s, err := sqlitestore.Open(t.Context(), path, sqlitestore.Options{})
		if err == nil {
			t.Errorf("%s: opened", what)
			_ = s.Close()
		}
	}
	_, err := sqlitestore.Open(t.Context(), "", sqlitestore.Options{})
	var invalid *runs.InvalidError
	if !errors.As(err, &invalid) || invalid.Fields[0].Field != "path" {
		t.Errorf("no path: got error %v, want one that names the field path", err)
	}
}

// TestCloseLeavesOneFileAndNoGoroutine: the write-ahead log is merged.
func TestCloseLeavesOneFileAndNoGoroutine(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "store.db"), sqlitestore.Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetRun(t.Context(), "contoso", id(1)); !errors.Is(err, runs.ErrNotFound) {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("left: %v %v", files, err)
	}
}

// TestAnEndedContextWritesNothing also when it ends while a transaction is under way.
func TestAnEndedContextWritesNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"), sqlitestore.Options{})
	if _, _, err := s.CreateRun(t.Context(), "contoso", newRun(1), runs.Trail{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.ChangeRun(ctx, "contoso", id(1), func(_ time.Time, r runs.Run, _ runs.Room) (runs.Change, error) {
		cancel()
		r.Status = runs.StatusFailed
		return runs.Change{Run: r}, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want one that is %q", err, context.Canceled)
	}
	if r, err := s.GetRun(t.Context(), "contoso", id(1)); err != nil || r.Status != runs.StatusQueued {
		t.Errorf("after the context ended: %s %v", r.Status, err)
	}
}
