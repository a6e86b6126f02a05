package runs

import (
	"context"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Notifier hands notifications on to the host's own channel, such as mail or Teams.
//
// It is called once for each notification, after the change of state that it tells of was
// stored, by the goroutine that changed it; so it returns soon. What it fails to deliver is
// logged and not tried again, as after a crash in between: the stored notification is what
// counts. It must be safe for concurrent use.
type Notifier interface {
	// Notify hands on one notification of the tenant.
	Notify(ctx context.Context, tenant graph.TenantID, n Notification) error
}
