package runs

import (
	"context"

	"fmt"
	"log/slog"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
)

// teller changes runs and tells the host of the notifications that were stored with it.
type teller struct {
	store    Store
	notifier Notifier
	log      *slog.Logger
}

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

// tell hands notifications on. What fails is logged: they are stored.
func (t teller) tell(ctx context.Context, tenant graph.TenantID, news []Notification) {
	if t.notifier == nil {
		return
	}
	ctx = context.WithoutCancel(ctx) // what happened is news also to those who are told late
	for _, n := range news {
		if err := t.notify(ctx, tenant, n); err != nil {
			t.log.WarnContext(ctx, "a notification was not handed on; it is stored", "notification_id", n.ID, "run_id", n.RunID, redact.Err(err))
		}
	}
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
