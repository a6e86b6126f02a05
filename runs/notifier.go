package runs

import (
	"context"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Notifier hands notifications on to the host's own channel, such as mail or Teams.
//
// It is called once for each state of a notification (a run is queued, begins, ends; a batch is
// queued, its last run ends), after the change that it tells of was stored, and whoever changed
// it waits for the call: so it returns soon, best after putting the notification into a queue
// of the host's own. What it fails to deliver is logged, told to
// [Observer].Dropped and not tried again, as after a crash in between: the stored notification
// is what counts. It must be safe for concurrent use.
//
// After NotifyTimeout ([Config], [StarterConfig]) the call's context ends, nobody waits any
// longer and the notification counts as dropped. A call that goes on all the same keeps a
// goroutine; while 8 do, nothing is handed on. [Runner.Run] waits for such calls for one
// NotifyTimeout more before it returns; a Starter, which has no end, never does.
type Notifier interface {
	// Notify hands on one notification of the tenant. It returns when ctx ends.
	Notify(ctx context.Context, tenant graph.TenantID, n Notification) error
}
