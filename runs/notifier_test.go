package runs_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

// mailbox is a host's channel.
type mailbox struct {
	mu   sync.Mutex
	sent []runs.Notification
	fail func() error
}

func (m *mailbox) Notify(_ context.Context, tenant graph.TenantID, n runs.Notification) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if tenant != rig.Tenant {
		return errors.New("another tenant's")
	}
	m.sent = append(m.sent, n)
	if m.fail != nil {
		return m.fail()
	}
	return nil
}

func (m *mailbox) statuses() (got []runs.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range m.sent {
		got = append(got, n.Status)
	}
	return got
}

// notified makes a rig whose starter and runner tell one mailbox.
func notified(t *testing.T, m *mailbox, execute func(context.Context, *runs.Attempt) error) *rig.Rig {
	t.Helper()
	o := with(execute)
	o.Starter.Notifier, o.Runner.Notifier = m, m
	return rig.New(t, o)
}

func TestTheHostIsToldWhatWasStored(t *testing.T) {
	failed := errors.New("does not work")
	for name, tt := range map[string]struct {
		execute func(context.Context, *runs.Attempt) error
		want    []runs.Status
	}{
		"a run that succeeds": {func(context.Context, *runs.Attempt) error { return nil },
			[]runs.Status{runs.StatusQueued, runs.StatusRunning, runs.StatusSuccess}},
		"a run that is tried three times is begun once": {func(context.Context, *runs.Attempt) error { return failed },
			[]runs.Status{runs.StatusQueued, runs.StatusRunning, runs.StatusFailed}},
		"a run that ends partial": {func(_ context.Context, a *runs.Attempt) error {
			a.Finish(runs.Result{Status: runs.StatusPartial})
			return nil
		}, []runs.Status{runs.StatusQueued, runs.StatusRunning, runs.StatusPartial}},
		"a run that is skipped": {func(_ context.Context, a *runs.Attempt) error {
			a.Finish(runs.Result{Status: runs.StatusSkipped})
			return nil
		}, []runs.Status{runs.StatusQueued, runs.StatusRunning, runs.StatusSkipped}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &mailbox{}
			r := notified(t, m, tt.execute)
			begin(t, r, "k")
			r.Drain()
			if diff := cmp.Diff(tt.want, m.statuses()); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			page, err := r.Starter.Notifications(t.Context(), rig.Tenant, rig.Owner, false, runs.PageRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(page.Items, m.sent[len(m.sent)-1:]); diff != "" {
				t.Errorf("stored and told last differ (-stored +told):\n%s", diff)
			}
		})
	}
}

func TestTheHostIsToldOfACancelOnce(t *testing.T) {
	m := &mailbox{}
	r := notified(t, m, func(context.Context, *runs.Attempt) error { return nil })
	run := begin(t, r, "k")
	if _, err := r.Starter.Cancel(t.Context(), rig.Tenant, rig.Owner, run.ID); err != nil {
		t.Fatal(err)
	}
	r.Drain()
	if diff := cmp.Diff([]runs.Status{runs.StatusQueued, runs.StatusCanceled}, m.statuses()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestTheHostIsToldOfARunThatIsJoinedOnce(t *testing.T) {
	m := &mailbox{}
	r := notified(t, m, func(context.Context, *runs.Attempt) error { return nil })
	begin(t, r, "k")
	if _, reused, err := r.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: kindTest, Key: "k"}); err != nil || !reused {
		t.Fatalf("reused %v, error %v", reused, err)
	}
	if diff := cmp.Diff([]runs.Status{runs.StatusQueued}, m.statuses()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestANotifierThatFailsOrPanicsChangesNothing(t *testing.T) {
	for name, fail := range map[string]func() error{
		"fails":  func() error { return errors.New("mail is down") },
		"panics": func() error { panic("mail is down") },
	} {
		t.Run(name, func(t *testing.T) {
			m := &mailbox{fail: fail}
			r := notified(t, m, func(context.Context, *runs.Attempt) error { return nil })
			run := begin(t, r, "k")
			r.Clock.Add(time.Second)
			r.Drain()
			if got := r.Run(run.ID).Status; got != runs.StatusSuccess || len(m.sent) != 3 {
				t.Errorf("the run is %s, told %v", got, m.statuses())
			}
		})
	}
}
