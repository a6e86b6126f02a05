package capture_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

var (
	kills = flag.Int("kills", usualKills(), "how many times the worker process is killed")
	seed  = flag.Uint64("seed", 1, "seed of the random points")
)

// usualKills is less with the race detector, which has no say in what a killed process
// leaves behind, and makes each of them three times as slow.
func usualKills() int {
	if testenv.RaceDetector {
		return 6
	}
	return 30
}

// The environment of a worker process: the test binary run again.
const (
	workerPath = "TENANTBACKUP_TEST_WORKER" // path of the database
	workerDie  = "TENANTBACKUP_TEST_DIE"    // the call to Graph at which it kills itself; 0 for never
)

const killPolicies = 500

var killTypes = []graph.PolicyType{"settingsCatalogPolicy", "deviceConfiguration", "conditionalAccessPolicy", "deviceCompliancePolicy"}

func TestMain(m *testing.M) {
	if path := os.Getenv(workerPath); path != "" {
		if err := worker(path); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

// killGraph is the same tenant in every process.
func killGraph() (*graphtest.Graph, error) {
	g, err := graphtest.New(graphtest.Config{Clock: runs.SystemClock{}})
	if err != nil {
		return nil, err
	}
	return g, g.AddTenant(rig.Tenant, graphtest.TenantConfig{Seed: 3, Policies: killPolicies, Types: killTypes, Foundations: -1})
}

// worker is a process that works until no run is active any more, or until it dies.
func worker(path string) error {
	g, err := killGraph()
	if err != nil {
		return err
	}
	die, _ := strconv.ParseInt(os.Getenv(workerDie), 10, 64)
	var calls atomic.Int64
	g.OnCall(func(context.Context, graphtest.Call) {
		if calls.Add(1) == die {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, err := sqlitestore.Open(ctx, path, sqlitestore.Options{})
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
	executor, err := capture.New(capture.Config{Reader: g, Store: db, SaveSize: 8})
	if err != nil {
		return err
	}
	runner, err := runs.NewRunner(runs.Config{
		Store: db, Queue: queue, Executors: []runs.Executor{executor}, Retry: runs.RetryPolicy{Base: time.Millisecond},
		LeaseFor: 300 * time.Millisecond, SweepEvery: 50 * time.Millisecond, QueuedFor: 50 * time.Millisecond,
		AfterRun: func(context.Context, runs.Run) error { stop(); return nil },
	})
	if err != nil {
		return err
	}
	return runner.Run(ctx)
}

// spawn runs a worker process. die is the call at which it kills itself, or 0; after is when
// it is killed from outside, or 0. It tells whether the process was killed.
func spawn(t *testing.T, path string, die int, after time.Duration) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), workerPath+"="+path, workerDie+"="+strconv.Itoa(die))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if after > 0 {
		timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
		defer timer.Stop()
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL && ctx.Err() == nil:
		return true
	}
	t.Fatalf("the worker ended with %v", err)
	return false
}

func TestKilledAtRandomPointsNothingIsLostOrDoubled(t *testing.T) {
	t.Logf("%d kills, seed %d", *kills, *seed)
	random := rand.New(rand.NewPCG(*seed, 1))
	g, err := killGraph()
	if err != nil {
		t.Fatal(err)
	}
	source := g.Snapshot(rig.Tenant)
	path := filepath.Join(t.TempDir(), "killed.db")
	killed, ended := 0, 0
	for killed < *kills {
		run := startKilled(t, path, fmt.Sprint("round ", ended))
		for range 8 {
			if killed == *kills {
				break
			}
			// A backup makes about 1,100 calls and steps; half of the deaths come at one of
			// them, the others at any instant.
			died := false
			if random.IntN(2) == 0 {
				died = spawn(t, path, 1+random.IntN(400), 0)
			} else {
				died = spawn(t, path, 0, time.Duration(50+random.IntN(600))*time.Millisecond)
			}
			if !died {
				break // the run ended first
			}
			killed++
		}
		checkKilled(t, path, run, source)
		ended++
	}
	t.Logf("%d kills over %d runs", killed, ended)
}

// startKilled stores a run for the workers.
func startKilled(t *testing.T, path, key string) runs.ID {
	t.Helper()
	db := openKilled(t, path)
	defer db.Close()
	starter, err := runs.NewStarter(runs.StarterConfig{Store: db, Queue: &rig.Queue{}, Authorizer: runs.RoleAuthorizer{
		RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	run, _, err := starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{
		Kind: runs.KindBackup, Key: key, Params: runs.BackupParams{Name: "killed", PolicyTypes: killTypes}.JSON(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return run.ID
}

func openKilled(t *testing.T, path string) *sqlitestore.Store {
	t.Helper()
	db, err := sqlitestore.Open(t.Context(), path, sqlitestore.Options{})
	if err == nil {
		err = db.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// checkKilled lets the run end and looks at what it left.
func checkKilled(t *testing.T, path string, id runs.ID, source map[graphtest.Key]graph.Policy) {
	t.Helper()
	var run runs.Run
	for range 20 {
		db := openKilled(t, path)
		var err error
		run, err = db.GetRun(t.Context(), rig.Tenant, id)
		db.Close()
		if err != nil {
			t.Fatal(err)
		}
		if run.Status.Terminal() {
			break
		}
		spawn(t, path, 0, 0)
	}
	if !run.Status.Terminal() {
		t.Fatalf("the run never ended: %s after %d attempts", run.Status, run.Attempt)
	}
	db := openKilled(t, path)
	defer db.Close()
	report, err := db.Check(t.Context(), store.CheckOptions{ReadData: true})
	if err != nil || len(report.Problems) > 0 {
		t.Fatalf("the store is not sound: %v, %+v", err, report.Problems)
	}
	if run.Status != runs.StatusSuccess {
		t.Fatalf("the run is %s %s (%s)", run.Status, run.ErrorCode, run.ErrorMessage)
	}
	set, err := db.GetSet(t.Context(), rig.Tenant, run.BackupSetID)
	if err != nil || set.Status != backupset.Complete {
		t.Fatalf("the set is %s, error %v", set.Status, err)
	}
	items, err := db.ListSetItems(t.Context(), rig.Tenant, set.ID, backupset.SetItemFilter{}, runs.Slice{Limit: 10 * killPolicies})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[graphtest.Key]bool{}
	for _, item := range items {
		key := graphtest.Key{Type: item.Type, ID: item.ExternalID}
		if seen[key] {
			t.Errorf("%v is in the set twice", key)
		}
		seen[key] = true
		if _, ok := source[key]; !ok {
			t.Errorf("%v is in the set and not in Graph", key)
		}
	}
	if len(seen) != len(source) || run.Counts.Succeeded != len(source) {
		t.Errorf("the set holds %d policies, the run counts %d, Graph has %d", len(seen), run.Counts.Succeeded, len(source))
	}
}
