package runs_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

func TestCancelOfAQueuedRunIsAtOnce(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return errors.New("must not run") }))
	run := begin(t, r, "k")
	got, err := r.Starter.Cancel(t.Context(), rig.Tenant, rig.Owner, run.ID)
	if err != nil || got.Status != runs.StatusCanceled || got.ErrorCode != runs.CodeCanceled {
		t.Fatalf("canceled run is %s %s, error %v", got.Status, got.ErrorCode, err)
	}
	r.Drain()
	if got := r.Run(run.ID); got.Attempt != 0 {
		t.Error("a canceled run was executed")
	}
	_, err = r.Starter.Cancel(t.Context(), rig.Tenant, rig.Owner, run.ID)
	var conflict *runs.ConflictError
	if !errors.As(err, &conflict) || conflict.Code != "run_finished" {
		t.Errorf("canceling again: %v, want run_finished", err)
	}
}

func TestAPersonMayCancelWhatHeStartedAndNothingElse(t *testing.T) {
	r := rig.New(t, with(func(context.Context, *runs.Attempt) error { return nil }))
	owners := begin(t, r, "k")
	if _, err := r.Starter.Cancel(t.Context(), rig.Tenant, rig.Operator, owners.ID); !errors.Is(err, runs.ErrForbidden) {
		t.Errorf("an operator cancels the owner's run: %v", err)
	}
	own, _, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Operator, runs.Request{Kind: runs.KindPolicySync, Key: "s", Params: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Starter.Cancel(t.Context(), rig.Tenant, rig.Operator, own.ID); err != nil {
		t.Errorf("an operator cancels his own run: %v", err)
	}
}

// live is a Runner on real goroutines inside a synctest bubble, where time only moves when
// nothing else can.
type live struct {
	starter *runs.Starter
	runner  *runs.Runner
	store   *sqlitestore.Store
	queue   *memqueue.Queue
	stop    func() error
}

func (l *live) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.runner.Run(ctx) }()
	l.stop = func() error { cancel(); return <-done }
}

func newLive(t *testing.T, path string, s script, edit func(*runs.Config)) *live {
	t.Helper()
	l := &live{}
	var err error
	check := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	l.store, err = sqlitestore.Open(t.Context(), path, sqlitestore.Options{})
	check()
	err = l.store.Migrate(t.Context())
	check()
	l.queue, err = memqueue.New(memqueue.Config{})
	check()
	owner := func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil }
	l.starter, err = runs.NewStarter(runs.StarterConfig{Store: l.store, Queue: l.queue, Authorizer: runs.RoleAuthorizer{RoleOf: owner}})
	check()
	cfg := runs.Config{Store: l.store, Queue: l.queue, Executors: []runs.Executor{s}}
	if edit != nil {
		edit(&cfg)
	}
	l.runner, err = runs.NewRunner(cfg)
	check()
	return l
}

func (l *live) begin(t *testing.T, key string) runs.Run {
	t.Helper()
	run, _, err := l.starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: kindTest, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func (l *live) run(t *testing.T, id runs.ID) runs.Run {
	t.Helper()
	run, err := l.store.GetRun(t.Context(), rig.Tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestStopLetsAnAttemptFinishWithinItsGrace(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLive(t, filepath.Join(dir, "db"), func(ctx context.Context, _ *runs.Attempt) error {
			time.Sleep(5 * time.Second)
			return ctx.Err()
		}, nil)
		defer l.store.Close()
		l.start(t)
		run := l.begin(t, "k")
		time.Sleep(time.Second)
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		if got := l.run(t, run.ID); got.Status != runs.StatusSuccess {
			t.Errorf("the run is %s %s, want success", got.Status, got.ErrorMessage)
		}
	})
}

func TestStopGivesBackWhatDoesNotFinishAndDoesNotCountTheAttempt(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		hang := script(func(ctx context.Context, a *runs.Attempt) error {
			if calls.Add(1) > 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		l := newLive(t, filepath.Join(dir, "db"), hang, nil)
		l.start(t)
		run := l.begin(t, "k")
		time.Sleep(time.Second)
		begin := time.Now()
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("the stop took %s, want the grace of 10 s", took)
		}
		got := l.run(t, run.ID)
		if got.Status != runs.StatusQueued || got.Attempt != 0 || got.ErrorCode != "" {
			t.Errorf("the run is %s, attempt %d, code %q; want queued as if never tried", got.Status, got.Attempt, got.ErrorCode)
		}
		l.store.Close()

		// The next process starts with an empty queue and goes on.
		l = newLive(t, filepath.Join(dir, "db"), hang, nil)
		defer l.store.Close()
		l.start(t)
		time.Sleep(time.Second)
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		if got := l.run(t, run.ID); got.Status != runs.StatusSuccess || got.Attempt != 1 {
			t.Errorf("after a restart the run is %s, attempt %d; want success at the first", got.Status, got.Attempt)
		}
	})
}

func TestALongAttemptKeepsItsLease(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLive(t, filepath.Join(dir, "db"), func(ctx context.Context, _ *runs.Attempt) error {
			time.Sleep(time.Hour) // 60 leases long, under sweeps all the while
			return ctx.Err()
		}, nil)
		defer l.store.Close()
		l.start(t)
		run := l.begin(t, "k")
		time.Sleep(2 * time.Hour)
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		if got := l.run(t, run.ID); got.Status != runs.StatusSuccess || got.Attempt != 1 || got.LeaseToken != 1 {
			t.Errorf("the run is %s, attempt %d, claim %d; want success at the first", got.Status, got.Attempt, got.LeaseToken)
		}
	})
}

func TestCancelOfARunningRunStopsItAtItsNextItem(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		items := 0
		l := newLive(t, filepath.Join(dir, "db"), func(ctx context.Context, a *runs.Attempt) error {
			for {
				if err := a.Check(ctx); err != nil {
					return err
				}
				items++
				time.Sleep(time.Second)
			}
		}, nil)
		defer l.store.Close()
		l.start(t)
		run := l.begin(t, "k")
		time.Sleep(10 * time.Second)
		got, err := l.starter.Cancel(t.Context(), rig.Tenant, rig.Owner, run.ID)
		if err != nil || got.Status != runs.StatusRunning {
			t.Errorf("cancel answers %s, error %v; want running until its next item", got.Status, err)
		}
		time.Sleep(time.Minute)
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		if got := l.run(t, run.ID); got.Status != runs.StatusCanceled || items > 11 {
			t.Errorf("the run is %s after %d items, want canceled at the next one", got.Status, items)
		}
	})
}

func TestRunnersStartAndStopWithoutLosingOrDoublingARun(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int32
		work := script(func(ctx context.Context, a *runs.Attempt) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(700 * time.Millisecond):
			}
			done.Add(1)
			return nil
		})
		var ids []runs.ID
		for i := range 12 {
			l := newLive(t, filepath.Join(dir, "db"), work, func(c *runs.Config) { c.StopGrace = -1 })
			l.start(t)
			if i < 8 {
				for k := range 5 {
					ids = append(ids, l.begin(t, string(rune('a'+i))+string(rune('a'+k))).ID)
				}
			}
			time.Sleep(time.Duration(300+i*150) * time.Millisecond)
			if i == 11 {
				time.Sleep(time.Minute)
			}
			if err := l.stop(); err != nil {
				t.Error(err)
			}
			l.store.Close()
		}
		l := newLive(t, filepath.Join(dir, "db"), work, nil)
		defer l.store.Close()
		for _, id := range ids {
			if got := l.run(t, id); got.Status != runs.StatusSuccess {
				t.Errorf("a run is %s %s", got.Status, got.ErrorMessage)
			}
		}
		if int(done.Load()) != len(ids) {
			t.Errorf("%d runs were worked on to their end %d times", len(ids), done.Load())
		}
	})
}
