package store_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/store"
)

// log keeps what an observer is told.
type log struct {
	calls []store.Call
	ends  []store.CallEnd
}

func (l *log) observer() store.Observer {
	return store.Observer{Call: func(ctx context.Context, c store.Call) (context.Context, func(store.CallEnd)) {
		l.calls = append(l.calls, c)
		return context.WithValue(ctx, logKey{}, l), func(e store.CallEnd) { l.ends = append(l.ends, e) }
	}}
}

type logKey struct{}

func TestEveryMethodOfAStoreIsObservedByItsName(t *testing.T) {
	const tenant = graph.TenantID("contoso")
	methods := reflect.TypeFor[store.Store]()
	for i := range methods.NumMethod() {
		m := methods.Method(i)
		t.Run(m.Name, func(t *testing.T) {
			var l log
			observed := reflect.ValueOf(store.Observe(struct{ store.Store }{}, l.observer())).MethodByName(m.Name)
			var args []reflect.Value
			want := store.Call{Method: m.Name}
			for n := range m.Type.NumIn() {
				switch in := m.Type.In(n); {
				case n == 0:
					args = append(args, reflect.ValueOf(t.Context()))
				case in == reflect.TypeFor[graph.TenantID]():
					args, want.Tenant = append(args, reflect.ValueOf(tenant)), tenant
				case !m.Type.IsVariadic() || n < m.Type.NumIn()-1:
					args = append(args, reflect.Zero(in))
				}
			}
			func() {
				defer func() { _ = recover() }() // there is no store behind it
				observed.Call(args)
			}()
			if len(l.calls) != 1 || l.calls[0] != want || len(l.ends) != 1 {
				t.Errorf("observed %+v and %d ends, want %+v and its end", l.calls, len(l.ends), want)
			}
		})
	}
}

// answering is a store that answers two methods as told.
type answering struct {
	store.Store
	err error
	ctx context.Context
}

func (a *answering) GetRun(ctx context.Context, _ graph.TenantID, id runs.ID) (runs.Run, error) {
	a.ctx = ctx
	return runs.Run{ID: id}, a.err
}

func (a *answering) ChangeRun(_ context.Context, _ graph.TenantID, _ runs.ID, change runs.ChangeFunc) (runs.Run, error) {
	if a.err != nil {
		return runs.Run{}, a.err
	}
	c, err := change(time.Time{}, runs.Run{}, runs.Room{})
	return c.Run, err
}

func TestAnObserverIsToldTheKindOfAFailureOnly(t *testing.T) {
	for _, c := range []struct {
		err  error
		want store.Failure
	}{
		{nil, ""},
		{runs.ErrNotFound, store.FailureNotFound},
		{runs.ErrDeleted, store.FailureNotFound},
		{runs.Conflict("run_finished", "no"), store.FailureConflict},
		{runs.ErrBusy, store.FailureBusy},
		{runs.Invalid("cursor", "cursor_invalid", "no"), store.FailureInvalid},
		{runs.ErrLeaseLost, store.FailureLeaseLost},
		{backupset.ErrDamaged, store.FailureDamaged},
		{backupset.ErrMissing, store.FailureDamaged},
		{errors.New("connection to postgres://user:hunter2@db refused"), store.FailureInternal},
	} {
		if c.err != nil {
			c.err = fmt.Errorf("store: %w", c.err)
		}
		var l log
		inner := &answering{err: c.err}
		run, err := store.Observe(inner, l.observer()).GetRun(t.Context(), "contoso", "x")
		if run.ID != "x" || !errors.Is(err, c.err) || l.ends[0].Failure != c.want {
			t.Errorf("%v: answered %v, %v; observed %q, want %q", c.err, run.ID, err, l.ends[0].Failure, c.want)
		}
		if inner.ctx.Value(logKey{}) != &l {
			t.Errorf("%v: the store did not get the observer's context", c.err)
		}
	}
}

func TestACallThatItsCallerEndedIsToldAsCanceled(t *testing.T) {
	var l log
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = store.Observe(&answering{err: errors.New("interrupted")}, l.observer()).GetRun(ctx, "contoso", "x")
	if l.ends[0].Failure != store.FailureCanceled {
		t.Errorf("observed %q", l.ends[0].Failure)
	}
}

func TestAChangeThatItsOwnRuleRefusesIsNoFailure(t *testing.T) {
	var l log
	refusal := errors.New("nothing to do")
	_, err := store.Observe(&answering{}, l.observer()).ChangeRun(t.Context(), "contoso", "x",
		func(time.Time, runs.Run, runs.Room) (runs.Change, error) { return runs.Change{}, refusal })
	if !errors.Is(err, refusal) || l.ends[0].Failure != "" {
		t.Errorf("answered %v, observed %q", err, l.ends[0].Failure)
	}
	_, err = store.Observe(&answering{err: errors.New("disk full")}, l.observer()).ChangeRun(t.Context(), "contoso", "x", nil)
	if err == nil || l.ends[1].Failure != store.FailureInternal {
		t.Errorf("answered %v, observed %q", err, l.ends[1].Failure)
	}
}

// queueing is a store that queues jobs itself.
type queueing struct{ store.Store }

func (queueing) QueuesJobs() bool { return true }

func TestAnObservedStoreTellsWhetherItQueuesJobs(t *testing.T) {
	if runs.QueuesJobs(store.Observe(&answering{}, store.Observer{})) || !runs.QueuesJobs(store.Observe(queueing{}, store.Observer{})) {
		t.Error("an observed store answers otherwise than the store itself")
	}
}
