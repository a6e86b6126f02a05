package runs_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

// notifyFor is a timeout that nothing else has.
const notifyFor = 1234 * time.Millisecond

// patience is a clock on which the timeout of a notifier passes when the test says so.
type patience struct {
	runs.Clock
	over chan time.Time
}

func (p patience) After(d time.Duration) <-chan time.Time {
	if d == notifyFor {
		return p.over
	}
	return p.Clock.After(d)
}

// hanging is a host's channel that does not answer.
type hanging struct {
	deaf    bool          // it does not look at its context either
	called  chan error    // what ended the context of each call
	release chan struct{} // closed: every call returns
}

func (h hanging) Notify(ctx context.Context, _ graph.TenantID, _ runs.Notification) error {
	if h.deaf {
		<-h.release
		return nil
	}
	select {
	case <-ctx.Done():
		h.called <- context.Cause(ctx)
		return ctx.Err()
	case <-h.release:
		return nil
	}
}

// resting is a queue without work.
type resting struct{ *rig.Queue }

func (resting) Work(ctx context.Context, _ runs.Handler) error { <-ctx.Done(); return nil }

// hung is a starter and a runner that tell one channel.
type hung struct {
	*rig.Rig
	starter *runs.Starter
	runner  *runs.Runner
	clock   patience
	log     *strings.Builder

	mu      sync.Mutex
	dropped []runs.DropReason
}

func newHung(t *testing.T, n runs.Notifier) *hung {
	t.Helper()
	h := &hung{Rig: rig.New(t, rig.Options{Policies: -1}), log: &strings.Builder{}}
	h.clock = patience{h.Clock, make(chan time.Time)}
	watch := runs.Observer{Dropped: func(_ context.Context, d runs.DroppedNotification) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if d.TenantID != rig.Tenant || d.RunID == "" {
			t.Errorf("dropped %+v", d)
		}
		h.dropped = append(h.dropped, d.Reason)
	}}
	var err error
	log := slog.New(slog.NewTextHandler(h.log, nil))
	if h.starter, err = runs.NewStarter(runs.StarterConfig{
		Store: h.Store, Queue: h.Queue, Clock: h.clock, Authorizer: runs.RoleAuthorizer{RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil }},
		Notifier: n, NotifyTimeout: notifyFor, Observer: watch, Logger: log,
	}); err != nil {
		t.Fatal(err)
	}
	if h.runner, err = runs.NewRunner(runs.Config{
		Store: h.Store, Queue: resting{h.Queue}, Clock: h.clock, Executors: []runs.Executor{script(func(context.Context, *runs.Attempt) error { return nil })},
		Notifier: n, NotifyTimeout: notifyFor, Observer: watch, Logger: log,
	}); err != nil {
		t.Fatal(err)
	}
	return h
}

// start starts a run, which goes to its end; the timeout passes so many times meanwhile.
func (h *hung) start(t *testing.T, key string, timeouts int) runs.Run {
	t.Helper()
	ended := make(chan struct{})
	var run runs.Run
	var err error
	go func() {
		defer close(ended)
		if run, _, err = h.starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: kindTest, Key: key}); err != nil {
			return
		}
		job, _ := h.Queue.Take()
		err = h.runner.Handle(t.Context(), job)
	}()
	for range timeouts {
		select {
		case h.clock.over <- time.Time{}:
		case <-ended:
			t.Fatalf("the run ended before its timeouts, error %v", err)
		}
	}
	<-ended
	if err != nil {
		t.Fatal(err)
	}
	return h.Run(run.ID)
}

func TestANotifierThatHangsKeepsNobodyForLong(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		n := hanging{deaf: deaf, called: make(chan error, 100), release: make(chan struct{})}
		h := newHung(t, n)
		if run := h.start(t, "k", 3); run.Status != runs.StatusSuccess {
			t.Errorf("the run is %s", run.Status)
		}
		if diff := cmp.Diff([]runs.DropReason{runs.DropTimeout, runs.DropTimeout, runs.DropTimeout}, h.dropped); diff != "" {
			t.Errorf("dropped (-want +got):\n%s", diff)
		}
		if n := strings.Count(h.log.String(), "was not handed on"); n != 3 {
			t.Errorf("%d lines are logged:\n%s", n, h.log)
		}
		if unread, err := h.starter.Unread(t.Context(), rig.Tenant, rig.Owner); err != nil || unread != 1 {
			t.Errorf("%d are stored, error %v", unread, err)
		}
		if !deaf {
			for range 3 {
				if cause := <-n.called; cause == nil || errors.Is(cause, context.Canceled) {
					t.Errorf("the call's context ended with %v, want the timeout", cause)
				}
			}
		}
		close(n.release)
		if err := stopped(t, h); err != nil {
			t.Error(err)
		}
	}
}

// TestANotifierThatNeverReturnsIsAskedNoMore: or every run would cost a timeout and each
// notification a goroutine.
func TestANotifierThatNeverReturnsIsAskedNoMore(t *testing.T) {
	n := hanging{deaf: true, release: make(chan struct{})}
	h := newHung(t, n)
	for i := range 4 { // the starter tells of one, the runner of two
		h.start(t, string(rune('a'+i)), 3)
	}
	h.start(t, "e", 1) // the starter's, of which four are late
	for i := range 3 {
		h.start(t, string(rune('f'+i)), 1)
	}
	h.dropped = nil
	h.start(t, "z", 0)
	if diff := cmp.Diff([]runs.DropReason{runs.DropBusy, runs.DropBusy, runs.DropBusy}, h.dropped); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	left := make(chan error, 1)
	go func() { left <- stopped(t, h) }()
	h.clock.over <- time.Time{} // the runner waits for its calls, but not for ever
	if err := <-left; err != nil || !strings.Contains(h.log.String(), "left behind") {
		t.Errorf("a runner with calls that never return stops with %v and logs:\n%s", err, h.log)
	}
	close(n.release)
	if err := stopped(t, h); err != nil { // waits for the calls
		t.Error(err)
	}
	h.dropped = nil
	h.start(t, "again", 0)
	if slices.Contains(h.dropped, runs.DropTimeout) {
		t.Errorf("dropped %v once the channel answers again", h.dropped)
	}
}

// stopped lets the runner run and stop at once.
func stopped(t *testing.T, h *hung) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return h.runner.Run(ctx)
}

func TestANegativeNotifyTimeoutIsRefused(t *testing.T) {
	r := rig.New(t, rig.Options{Policies: -1})
	_, err := runs.NewRunner(runs.Config{Store: r.Store, Queue: r.Queue, Executors: []runs.Executor{script(nil)}, NotifyTimeout: -1})
	if !errors.Is(err, runs.ErrInvalid) || !strings.Contains(err.Error(), "notify_timeout") {
		t.Errorf("a runner: error %v", err)
	}
	_, err = runs.NewStarter(runs.StarterConfig{Store: r.Store, Queue: r.Queue, Authorizer: runs.RoleAuthorizer{}, NotifyTimeout: -1})
	if !errors.Is(err, runs.ErrInvalid) || !strings.Contains(err.Error(), "notify_timeout") {
		t.Errorf("a starter: error %v", err)
	}
}
