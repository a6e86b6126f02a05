package restore

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Filter selects items of a preview. Empty fields select everything.
type Filter struct {
	Actions []Action
	Type    graph.PolicyType
	ItemIDs []runs.ID
}

// Step is how far a restore has come with one item: what it wrote, or is about to. It lets
// an attempt go on after a crash without making anything twice.
type Step struct {
	RunID  runs.ID
	ItemID runs.ID // of the set

	Type       graph.PolicyType
	SourceID   string // the captured object's id
	TargetID   string // the object that was written, empty while a create is on its way
	BegunAt    time.Time
	WrittenAt  time.Time // the object's content is as it shall be
	AssignedAt time.Time // its assignments, too
}

// Store keeps previews and the steps of restores. The rules of [runs.Store] on tenants and
// leases hold; the tenant is the target's.
//
// Previews of a set of the same tenant go when that is purged, with the steps of the
// restores that used them; those across tenants stay.
type Store interface {
	// OpenPreview makes the lease's run's preview, or returns it when there is one. A set
	// that the tenant does not have is ErrNotFound, unless SourceTenant is another one.
	OpenPreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease, p Preview) (Preview, error)

	// SavePreviewItems stores outcomes and the run's items for them in one transaction. An
	// outcome of the same ItemID is replaced. A preview that is ready is ErrConflict, as is
	// a Position that another item has.
	SavePreviewItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, outcomes []PreviewItem, items []runs.Item) error

	// ReadyPreview counts the outcomes into Totals and sets ReadyAt, once.
	ReadyPreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease) (Preview, error)

	// GetPreview returns the preview of a run, or ErrNotFound.
	GetPreview(ctx context.Context, tenant graph.TenantID, run runs.ID) (Preview, error)

	// ListPreviewItems returns outcomes ordered by Position (Keyset.Key is its decimal, and
	// Keyset.ID the ItemID), one row more than the limit when there are more. ErrNotFound
	// when there is no such preview in the tenant.
	ListPreviewItems(ctx context.Context, tenant graph.TenantID, preview runs.ID, filter Filter, slice runs.Slice) ([]PreviewItem, error)

	// UsePreview gives the preview to the lease's run, once: it is ErrConflict
	// "preview_used" when another run has it, and "preview_not_ready" before it is ready. The
	// trail is written with it, and not when the run has the preview already.
	UsePreview(ctx context.Context, tenant graph.TenantID, lease runs.Lease, preview runs.ID, trail runs.Trail) (Preview, error)

	// SaveSteps stores how far the lease's run has come, replacing steps of the same ItemID,
	// and the run's items, in one transaction.
	SaveSteps(ctx context.Context, tenant graph.TenantID, lease runs.Lease, steps []Step, items []runs.Item) error

	// ListSteps returns the steps of a run ordered by ItemID, one row more than the limit
	// when there are more. ErrNotFound when the run is not in the tenant.
	ListSteps(ctx context.Context, tenant graph.TenantID, run runs.ID, slice runs.Slice) ([]Step, error)
}
