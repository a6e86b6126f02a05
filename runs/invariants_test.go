package runs_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

// ledger is a store that notes every change of a run's state, apart from what is audited.
type ledger struct {
	runs.Store
	mu     sync.Mutex
	states map[runs.ID][]runs.Status // one entry per change that needs an audit line
	wrong  []string                  // transitions that the state machine does not have
	deaf   bool                      // changes fail: the worker lost its store
}

var errDeaf = errors.New("the store does not answer")

func (l *ledger) note(id runs.ID, s runs.Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states[id] = append(l.states[id], s)
}

func (l *ledger) CreateRun(ctx context.Context, t graph.TenantID, run runs.Run, trail runs.Trail) (runs.Run, bool, error) {
	out, created, err := l.Store.CreateRun(ctx, t, run, trail)
	if created {
		l.note(out.ID, out.Status)
	}
	return out, created, err
}

func (l *ledger) ChangeRun(ctx context.Context, t graph.TenantID, id runs.ID, change runs.ChangeFunc) (runs.Run, error) {
	if l.deaf {
		return runs.Run{}, errDeaf
	}
	var before runs.Run
	after, err := l.Store.ChangeRun(ctx, t, id, func(at time.Time, cur runs.Run, room runs.Room) (runs.Change, error) {
		before = cur
		return change(at, cur, room)
	})
	switch {
	case err != nil:
	case before.Status != after.Status:
		if !before.Status.CanBecome(after.Status) || before.CancelRequested && !after.Status.Terminal() {
			l.wrong = append(l.wrong, fmt.Sprintf("%s -> %s, wanted to be canceled: %v", before.Status, after.Status, before.CancelRequested))
		}
		l.note(id, after.Status)
	case before.CancelRequested != after.CancelRequested:
		l.note(id, after.Status)
	}
	return after, err
}

// TestWhateverHappensEveryChangeHasOneAuditLine and every run comes to an end: starts,
// deliveries, errors of every kind, cancels, workers that die and sweeps, in any order.
func TestWhateverHappensEveryChangeHasOneAuditLine(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	l := &ledger{Store: r.Store, states: map[runs.ID][]runs.Status{}}
	starter, err := runs.NewStarter(runs.StarterConfig{Store: l, Queue: r.Queue, Clock: r.Clock, Authorizer: runs.RoleAuthorizer{
		RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	var rt *rapid.T
	var quiet bool
	var die context.CancelFunc
	work := script(func(ctx context.Context, a *runs.Attempt) error {
		if quiet {
			return nil
		}
		item := a.NewItem("x", fmt.Sprint("p", rapid.IntRange(0, 3).Draw(rt, "policy")), "", rapid.SampledFrom(
			[]runs.ItemStatus{runs.ItemSuccess, runs.ItemFailed, runs.ItemSkipped}).Draw(rt, "item"), "", nil)
		if err := a.SaveItems(ctx, []runs.Item{item}, 4); err != nil {
			return err
		}
		switch rapid.IntRange(0, 9).Draw(rt, "outcome") {
		case 0:
			return &graph.Error{Kind: graph.KindThrottled, RetryAfter: time.Minute}
		case 1:
			return &graph.Error{Kind: graph.KindUnauthorized}
		case 2:
			return errors.New("something")
		case 3:
			return runs.ErrStopping
		case 4:
			panic("at the disco")
		case 5:
			l.deaf = true // the worker dies before it can say how it ended
			die()
			return nil
		case 6:
			for range 2 { // asking again changes nothing
				if _, err := starter.Cancel(ctx, rig.Tenant, rig.Operator, a.Run().ID); err != nil {
					return err
				}
			}
			return rapid.SampledFrom([]error{nil, runs.ErrCanceled, &graph.Error{Kind: graph.KindTimeout}}).Draw(rt, "after cancel")
		}
		return nil
	})
	runner, err := runs.NewRunner(runs.Config{Store: l, Queue: r.Queue, Clock: r.Clock, Executors: []runs.Executor{work}})
	if err != nil {
		t.Fatal(err)
	}
	handle := func() bool {
		job, ok := r.Queue.Take()
		if !ok {
			return false
		}
		if job.NotBefore.After(r.Clock.Now()) {
			r.Clock.Set(job.NotBefore)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		die = cancel
		if err := runner.Handle(ctx, job); err != nil && !errors.Is(err, errDeaf) {
			rt.Fatal(err)
		}
		l.deaf = false
		return true
	}
	sweep := func() {
		r.Clock.Add(6 * time.Minute)
		if _, err := runner.Sweep(t.Context()); err != nil {
			rt.Fatal(err)
		}
	}
	rapid.Check(t, func(check *rapid.T) {
		rt, quiet, l.wrong = check, false, nil
		r.Queue.Lose()
		clear(l.states)
		var ids []runs.ID
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 6).Draw(rt, "step") {
			case 0:
				run, reused, err := starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{
					Kind: kindTest, Key: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "key"),
				})
				if err != nil {
					rt.Fatal(err)
				}
				if !reused {
					ids = append(ids, run.ID)
				}
			case 1:
				r.Queue.Lose()
			case 2:
				sweep()
			case 3:
				if len(ids) > 0 {
					_, err := starter.Cancel(t.Context(), rig.Tenant, rig.Owner, rapid.SampledFrom(ids).Draw(rt, "run"))
					if err != nil && !errors.Is(err, runs.ErrConflict) {
						rt.Fatal(err)
					}
				}
			default:
				handle()
			}
		}
		quiet = true
		for range 3 {
			sweep()
			for handle() {
			}
		}
		for _, id := range ids {
			run, err := r.Store.GetRun(t.Context(), rig.Tenant, id)
			if err != nil {
				rt.Fatal(err)
			}
			if !run.Status.Terminal() {
				rt.Fatalf("a run is still %s", run.Status)
			}
			entries, err := r.Store.ListAudit(t.Context(), rig.Tenant, runs.AuditFilter{RunID: id}, runs.Slice{Limit: 1000})
			if err != nil {
				rt.Fatal(err)
			}
			var lines []runs.Status
			for i := range entries {
				lines = append(lines, runs.Status(entries[len(entries)-1-i].Outcome))
			}
			if diff := cmp.Diff(l.states[id], lines); diff != "" {
				rt.Fatalf("audit lines of a run (-its states +its lines):\n%s", diff)
			}
			var counts runs.Counts
			for _, item := range r.Items(id) {
				counts.Processed++
				switch item.Status {
				case runs.ItemSuccess:
					counts.Succeeded++
				case runs.ItemFailed:
					counts.Failed++
				case runs.ItemSkipped:
					counts.Skipped++
				}
			}
			counts.Total = run.Counts.Total
			if diff := cmp.Diff(counts, run.Counts); diff != "" {
				rt.Fatalf("counts of a run (-its items +its counts):\n%s", diff)
			}
		}
		if len(l.wrong) > 0 {
			rt.Fatalf("transitions that do not exist: %v", l.wrong)
		}
	})
}
