package runs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/hook"
	"github.com/tenantatlas/tenantbackup/internal/redact"
)

// teller changes runs and tells the host of the notifications that were stored with it.
type teller struct {
	store    Store
	notifier Notifier
	log      *slog.Logger
	clock    Clock
	timeout  time.Duration // of one call of the notifier
	dropped  func(context.Context, DroppedNotification)
	calls    *calls
}

// notifyTimeout is the default of how long a call of the notifier may take.
const notifyTimeout = time.Second

// maxLateCalls is how many calls of a notifier may go on after their time. With as many
// nothing more is handed on: a channel that hangs must not cost every run its timeout, nor
// the process a goroutine for each notification.
const maxLateCalls = 8

var (
	errNotifyTimeout = errors.New("runs: the notifier did not return in time")
	errNotifyBusy    = errors.New("runs: too many calls of the notifier have not returned")
)

// change is ChangeRun; the notifications that it stored come back, to be told.
func (t teller) change(ctx context.Context, tenant graph.TenantID, id ID, change ChangeFunc) (run Run, news []Notification, err error) {
	run, err = t.store.ChangeRun(ctx, tenant, id, func(now time.Time, cur Run, room Room) (Change, error) {
		answer, err := change(now, cur, room)
		news = answer.Trail.Notifications // the store may ask again: what was answered last counts
		return answer, err
	})
	if err != nil {
		return run, nil, err
	}
	return run, news, nil
}

// tell hands notifications on. What is not handed on is logged and counted: it is stored.
func (t teller) tell(ctx context.Context, tenant graph.TenantID, news []Notification) {
	if t.notifier == nil {
		return
	}
	ctx = context.WithoutCancel(ctx) // what happened is news also to those who are told late
	for _, n := range news {
		err := t.hand(ctx, tenant, n)
		if err == nil {
			continue
		}
		t.log.WarnContext(ctx, "a notification was not handed on; it is stored", "notification_id", n.ID, "run_id", n.RunID, redact.Err(err))
		hook.Tell(ctx, t.log, t.dropped, DroppedNotification{TenantID: tenant, NotificationID: n.ID, RunID: n.RunID, Reason: dropReason(err)})
	}
}

func dropReason(err error) DropReason {
	switch {
	case errors.Is(err, errNotifyTimeout):
		return DropTimeout
	case errors.Is(err, errNotifyBusy):
		return DropBusy
	}
	return DropFailed
}

// hand calls the notifier and waits for it, but not for long: the host's code may hang.
func (t teller) hand(ctx context.Context, tenant graph.TenantID, n Notification) error {
	if !t.calls.begin() {
		return errNotifyBusy
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var c call
	done := make(chan error, 1)
	go func() { // t.calls knows of it until it ends, see leave
		err := t.notify(ctx, tenant, n)
		t.calls.end(&c)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-t.clock.After(t.timeout):
	}
	end(errNotifyTimeout)
	if t.calls.isLate(&c) {
		return errNotifyTimeout
	}
	if err := <-done; err != nil { // it returned since, because its context had ended
		return fmt.Errorf("%w: %w", errNotifyTimeout, err)
	}
	return nil
}

// notify keeps a panic of the host's code from ending the process.
func (t teller) notify(ctx context.Context, tenant graph.TenantID, n Notification) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("runs: the notifier panicked with a %T", p)
		}
	}()
	return t.notifier.Notify(ctx, tenant, n)
}

// leave waits for the calls that are late, whose contexts have ended, for one timeout more.
func (t teller) leave(ctx context.Context) {
	select {
	case <-t.calls.idle():
		return
	default:
	}
	select {
	case <-t.calls.idle():
	case <-t.clock.After(t.timeout):
		t.log.WarnContext(ctx, "calls of the notifier have not returned although their contexts ended; they are left behind")
	}
}

// calls are those of a notifier that have not returned.
type calls struct {
	mu         sync.Mutex
	open, late int
	none       chan struct{} // closed once none is open; nil while nobody waits for that
}

// call is one of them.
type call struct{ late, ended bool }

// begin tells whether another call may be made.
func (c *calls) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.late >= maxLateCalls {
		return false
	}
	c.open++
	return true
}

func (c *calls) end(one *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one.ended = true
	c.open--
	if one.late {
		c.late--
	}
	if c.open == 0 && c.none != nil {
		close(c.none)
		c.none = nil
	}
}

// isLate notes that nobody waits for a call any more, unless it has ended just now.
func (c *calls) isLate(one *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !one.ended {
		one.late = true
		c.late++
	}
	return one.late
}

// idle is closed once no call is open.
func (c *calls) idle() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == 0 {
		none := make(chan struct{})
		close(none)
		return none
	}
	if c.none == nil {
		c.none = make(chan struct{})
	}
	return c.none
}
