package restore_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

var (
	kills    = flag.Int("kills", 5, "how many times the process of a restore is killed")
	killSeed = flag.Uint64("killseed", 1, "seed of the points at which it is killed")
)

// The environment of a worker process: the test binary run again.
const (
	workerPath  = "TENANTBACKUP_TEST_WORKER" // path of the database
	workerGraph = "TENANTBACKUP_TEST_GRAPH"  // address of the Graph
)

func TestMain(m *testing.M) {
	if path := os.Getenv(workerPath); path != "" {
		if err := worker(path, os.Getenv(workerGraph)); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

// worker is a process that works until no run is active any more, or until it dies.
func worker(path, address string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	types, err := restore.TestCatalogue()
	if err != nil {
		return err
	}
	db, err := sqlitestore.Open(ctx, path, sqlitestore.Options{Canonicalizer: backupset.NewCanonicalizer(types)})
	if err != nil {
		return err
	}
	defer db.Close()
	active, err := db.ListRuns(ctx, rig.Tenant, runs.RunFilter{Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}}, runs.Slice{Limit: 1})
	if err != nil || len(active) == 0 {
		return err // the process before was killed right after it had finished
	}
	queue, err := memqueue.New(memqueue.Config{})
	if err != nil {
		return err
	}
	restorer, err := restore.NewRestorer(restore.RestorerConfig{
		Client: wire{address}, Store: db, Source: db, Catalogue: types, FetchSize: 4, Visibility: 300 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	runner, err := runs.NewRunner(runs.Config{
		Store: db, Queue: queue, Executors: []runs.Executor{restorer},
		Retry:    runs.RetryPolicy{Base: time.Millisecond, MaxStalls: 1000, MaxUnknown: 1000},
		LeaseFor: 700 * time.Millisecond, SweepEvery: 50 * time.Millisecond, QueuedFor: 50 * time.Millisecond,
		AfterRun: func(context.Context, runs.Run) error { stop(); return nil },
	})
	if err != nil {
		return err
	}
	return runner.Run(ctx)
}

// death is when a worker process is killed: at a write, before or after Graph has done it, or
// after a time, or never.
type death struct {
	write int // counted from 1; 0 for none
	done  bool
	after time.Duration // 0 for none
}

// spawn runs a worker process and tells whether it was killed.
func (w *world) spawn(path string, d death) bool {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	dead := make(chan struct{})
	var begun sync.WaitGroup
	begun.Add(1)
	s := &served{graph: w.Graph, sync: func() { w.Clock.Set(runs.SystemClock{}.Now()) }, at: d, kill: func() {
		begun.Wait()
		_ = cmd.Process.Kill()
		<-dead
	}}
	server := httptest.NewServer(s)
	cmd.Env = append(os.Environ(), workerPath+"="+path, workerGraph+"="+server.URL)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	begun.Done()
	if d.after > 0 {
		timer := time.AfterFunc(d.after, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	err := cmd.Wait()
	close(dead)
	server.Close() // also waits for what Graph is still doing
	s.doing.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL && ctx.Err() == nil:
		return true
	}
	w.t.Fatalf("the worker ended with %v", err)
	return false
}

// TestARestoreWhoseProcessIsKilledMakesNothingTwice kills processes at their writes and at any
// instant. What they leave in Graph and in the database is all that the next one has.
func TestARestoreWhoseProcessIsKilledMakesNothingTwice(t *testing.T) {
	if *campaign && *kills == 5 {
		*kills = 100
	}
	t.Logf("%d kills, seed %d", *kills, *killSeed)
	random := rand.New(rand.NewPCG(*killSeed, 2))
	path := filepath.Join(t.TempDir(), "killed.db")
	w := newWorld(t, rig.Options{
		Policies: 1, Catalogue: restore.TestTypes(t), Graph: graphtest.Config{CreateLag: 20 * time.Millisecond}, Path: path,
	}, nil, restore.PreviewerConfig{})
	w.fill(3, 6)
	w.Clock.Set(runs.SystemClock{}.Now())
	want, set := w.names(rig.Tenant), w.backup()
	p := restore.PreviewParams{Options: overwrite}
	for _, item := range w.SetItems(set) {
		if item.Type == "widget" || item.Type == "gadget" {
			p.ItemIDs = append(p.ItemIDs, item.ID)
		}
	}
	killed, ended := 0, 0
	for killed < *kills {
		w.Clock.Set(runs.SystemClock{}.Now())
		live := w.Graph.Snapshot(rig.Tenant)
		for _, k := range slices.SortedFunc(maps.Keys(live), func(a, b graphtest.Key) int { return cmp.Compare(live[a].Name, live[b].Name) }) {
			switch {
			case k.Type == "widget" && random.IntN(4) == 0:
				w.put(rig.Tenant, k.Type, widget(k.ID, live[k].Name, `"v":2`))
			case k.Type == "widget" || k.Type == "gadget":
				w.ok(w.Graph.Delete(rig.Tenant, k.Type, k.ID))
			}
		}
		preview := w.previewRun(rig.Tenant, set, p)
		run := w.start(rig.Tenant, restore.ExecuteRequest(preview.ID, because, true))
		w.Queue.Take() // the processes find it in the store
		for range 8 {
			d := death{write: 1 + random.IntN(6), done: killed%3 == 0}
			if killed%3 == 2 {
				d = death{after: time.Duration(100+random.IntN(900)) * time.Millisecond}
			}
			if killed == *kills || !w.spawn(path, d) {
				break // or the run ended first
			}
			killed++
		}
		w.spawn(path, death{})
		w.Clock.Set(runs.SystemClock{}.Now())
		run, err := w.Store.GetRun(t.Context(), rig.Tenant, run.ID)
		w.ok(err)
		got := w.outcomes(rig.Tenant, run.ID)
		if run.Status != runs.StatusSuccess || len(got) != len(p.ItemIDs) || run.Counts.Processed != len(got) {
			t.Fatalf("round %d: the run is %s %s (%s) with %+v, %v", ended, run.Status, run.ErrorCode, run.ErrorMessage, run.Counts, said(got))
		}
		if now := w.names(rig.Tenant); fmt.Sprint(now) != fmt.Sprint(want) {
			t.Fatalf("round %d: there are %v, want %v", ended, now, want)
		}
		w.Clock.Add(time.Second)
		_, items := w.preview(rig.Tenant, set, p)
		if n := actions(items)["unchanged"]; n != len(p.ItemIDs) {
			for _, item := range items {
				if item.Action != restore.Unchanged {
					t.Errorf("%s %s: %s %s %+v", item.Type, item.Name, item.Action, item.Reason, item.Diff)
				}
			}
			t.Fatalf("round %d: afterwards %v", ended, actions(items))
		}
		ended++
	}
	t.Logf("%d kills over %d runs", killed, ended)
}
