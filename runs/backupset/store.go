package backupset

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Store keeps backup sets, versions, payloads and the inventory. It is composed of small
// roles; the rules of [runs.Store] on tenants and concurrency hold here too. Every write
// of a capture names the run's lease and fails with [runs.ErrLeaseLost] when the run is no
// longer held by it.
type Store interface {
	CaptureStore
	SetStore
	InventoryStore
	GroupStore
	SystemStore
}

// Captured is one policy to be kept in a set.
type Captured struct {
	ItemID     runs.ID // of the new backup item
	Policy     *graph.Policy
	Hash       Hash   // of the canonical form
	Payload    []byte // Encode(Policy)
	CapturedAt time.Time

	// Imported: it comes from a file, which says nothing of what is live. A policy that the
	// inventory knows keeps its row as it is; one that it does not know gets a row that was
	// never seen and has no current version.
	Imported bool
}

// Listing is what a listing of one type showed.
type Listing struct {
	Type     graph.PolicyType
	Seen     []graph.Header // distinct ids
	Complete bool           // of all others it is known that there are none: only then policies not seen are marked as gone
	At       time.Time
}

// CaptureStore is what fills a set.
type CaptureStore interface {
	// OpenSet returns the set of the lease's run, creating it in state Building on the
	// first call and naming it in the run's BackupSetID.
	OpenSet(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set BackupSet, trail runs.Trail) (BackupSet, error)

	// SaveCaptured stores captured policies and the run's items for them in one
	// transaction: inventory row, version and payload where the content is new, backup
	// item, run item, counts. A policy that the set holds already is left as it is, and
	// its run item too. A version keeps the payload of its first capture. items may also
	// hold outcomes without a capture. A schedule's set that is sealed is ErrConflict.
	//
	// A manual set that is sealed takes additions of a run whose Target it is: each call that
	// adds something raises the set's Revision, which the new items carry, its ItemsCount and
	// the Listed and Captured of its manifests; a type that it had none of gets a manifest
	// that is whole. The outcome of a policy that the set holds is stored as skipped then,
	// [runs.ReasonAlreadyInSet], unless the run put it there. A set that is deleted is
	// ErrDeleted, any other that the run does not fill ErrConflict.
	SaveCaptured(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, captured []Captured, items []runs.Item) error

	// CopyItems puts the items of another set of the tenant into this one, those of the
	// given types that are not there yet, with a run item of status success for each, and
	// returns how many it copied. No types copies nothing. It serves a retry, which fetches
	// only what is missing.
	CopyItems(ctx context.Context, tenant graph.TenantID, lease runs.Lease, from, to runs.ID, types []graph.PolicyType) (int, error)

	// SaveSnapshot stores one captured policy without a set, and the run's item for it, in
	// one transaction: inventory row, version and payload where the content is new. It returns
	// the version that holds the content, and whether it was made now. The version stays
	// from then on, whatever sets are purged.
	SaveSnapshot(ctx context.Context, tenant graph.TenantID, lease runs.Lease, captured Captured, item runs.Item) (version PolicyVersion, created bool, err error)

	// SaveManifest stores the account of one type of a set being built, replacing an
	// earlier one; a sealed set is ErrConflict. A manifest stored with Whole() true says
	// that the type is done.
	SaveManifest(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, m Manifest) error

	// SealSet counts the items, compares them with the manifests and the run's items and
	// moves the set from Building to status with revision 1. Sealing a sealed set returns
	// it unchanged. A type whose items are not as many as its manifest says were captured
	// or as its successful run items is ErrConflict and the set stays Building.
	SealSet(ctx context.Context, tenant graph.TenantID, lease runs.Lease, set runs.ID, status Status, trail runs.Trail) (BackupSet, error)
}

// SetFilter selects sets. Empty fields select everything but deleted ones.
type SetFilter struct {
	ScheduleID runs.ID
	Statuses   []Status
	Deleted    bool      // only soft-deleted ones
	IDs        []runs.ID // when not empty, these sets only
	PolicyID   runs.ID   // when not empty, sets that hold this policy of the inventory only
	VersionID  runs.ID   // when not empty, sets that hold this version of PolicyID only; without PolicyID it selects nothing
}

// SetItemFilter selects items of a set.
type SetItemFilter struct {
	Type     graph.PolicyType
	Search   string    // part of the name as captured, without regard to case
	Revision int       // when not 0, items that the set had at this revision
	IDs      []runs.ID // when not empty, these items only
	PolicyID runs.ID   // when not empty, the item of this policy of the inventory only
}

// SetChange is what a [SetChangeFunc] decided.
type SetChange struct {
	Set   BackupSet // DeletedAt, DeletedReason, LastVerifiedAt and Holds may differ; nothing else is stored
	Trail runs.Trail
}

// SetChangeFunc decides how a set changes; see [runs.ChangeFunc] for its rules.
type SetChangeFunc func(now time.Time, current BackupSet) (SetChange, error)

// SetStore looks at sets and changes what may change about them.
type SetStore interface {
	// GetSet returns a set, deleted or not, with manifests and holds. After purge: ErrNotFound.
	GetSet(ctx context.Context, tenant graph.TenantID, id runs.ID) (BackupSet, error)

	// ListSets returns sets, newest first by (CreatedAt, ID), with manifests and holds,
	// one row more than the limit when there are more.
	ListSets(ctx context.Context, tenant graph.TenantID, filter SetFilter, slice runs.Slice) ([]BackupSet, error)

	// ListSetItems returns items of a set ordered by ID, one row more than the limit when
	// there are more. ErrNotFound when the set is not in the tenant.
	ListSetItems(ctx context.Context, tenant graph.TenantID, set runs.ID, filter SetItemFilter, slice runs.Slice) ([]Item, error)

	// Payload returns the stored bytes of a version, as given to SaveCaptured. Bytes that
	// fail the store's own checks are an error that is [ErrDamaged], bytes that are not
	// there one that is [ErrMissing]; a version that is not in the tenant is ErrNotFound.
	Payload(ctx context.Context, tenant graph.TenantID, version runs.ID) ([]byte, error)

	// ChangeSet locks a set, asks change, and stores the answer and its trail in one
	// transaction.
	ChangeSet(ctx context.Context, tenant graph.TenantID, id runs.ID, change SetChangeFunc) (BackupSet, error)
}

// PolicyFilter selects inventory rows. Empty fields select everything.
type PolicyFilter struct {
	Type   graph.PolicyType
	Search string // part of the name, without regard to case
	Gone   *bool
	IDs    []runs.ID // when not empty, these policies only
}

// InventoryStore keeps the inventory and the versions.
type InventoryStore interface {
	// RecordListing updates the inventory in one transaction: seen policies are added or
	// renamed, LastSeenAt moves, and they are gone no more; when the listing is complete,
	// known policies of the type that were not seen become gone. It returns how many became
	// gone; one that was gone before keeps its GoneSince and is not counted. A policy that
	// was seen, or found gone, after At is left as it is: two runs may list at once.
	RecordListing(ctx context.Context, tenant graph.TenantID, lease runs.Lease, listing Listing) (gone int, err error)

	// GetPolicy returns one inventory row, or ErrNotFound.
	GetPolicy(ctx context.Context, tenant graph.TenantID, id runs.ID) (Policy, error)

	// ListPolicies returns inventory rows ordered by ID, one row more than the limit when
	// there are more.
	ListPolicies(ctx context.Context, tenant graph.TenantID, filter PolicyFilter, slice runs.Slice) ([]Policy, error)

	// ListVersions returns versions of a policy, newest first by Number, one row more than
	// the limit when there are more. ErrNotFound when the policy is not in the tenant.
	ListVersions(ctx context.Context, tenant graph.TenantID, policy runs.ID, slice runs.Slice) ([]PolicyVersion, error)
}

// GroupChange is what a decision about a group of sets was.
type GroupChange struct {
	Drop   []runs.ID // sets to soft-delete
	Reason map[runs.ID]string
	Trail  runs.Trail
}

// PurgeResult says what one step of a purge removed.
type PurgeResult struct {
	Items, Versions, Payloads int
	Previews                  int   // rows of previews of the set, outcomes and steps included
	Bytes                     int64 // of stored payloads
	Done                      bool  // the set is gone
}

// GroupStore is what retention needs: the sets of one schedule as a group.
type GroupStore interface {
	// ListGroup returns all sets of a schedule that are not deleted, oldest first by
	// (ScheduledFor, ID), with holds. Their Types may be missing: groups are long, and what is
	// kept does not depend on them.
	ListGroup(ctx context.Context, tenant graph.TenantID, schedule runs.ID) ([]BackupSet, error)

	// ChangeGroup locks the group, asks decide with the very sets that ListGroup would
	// return, and soft-deletes what it answers, in one transaction; it returns how many. A
	// set in Drop that is not in the group, is building, held or in use is ErrConflict and
	// nothing is written.
	ChangeGroup(ctx context.Context, tenant graph.TenantID, schedule runs.ID, decide func(now time.Time, sets []BackupSet) (GroupChange, error)) (int, error)

	// PurgeSet removes at most limit items of a soft-deleted set for good, with the
	// versions and payloads that nothing else needs, and with the last item the set
	// itself; then the trail is written, made of what this last step removed. The current
	// version of a policy and those that snapshots were taken of stay. The first step sets
	// PurgingAt; calling again goes on. A set that is not deleted, held or in use is
	// ErrConflict.
	//
	// The tenant's previews of the set, with the steps of the restores that used them, go
	// first and count against the limit. Those of other tenants stay.
	PurgeSet(ctx context.Context, tenant graph.TenantID, id runs.ID, limit int, trail func(BackupSet, PurgeResult) runs.Trail) (PurgeResult, error)
}

// TenantSet names a set across tenants.
type TenantSet struct {
	TenantID graph.TenantID
	ID       runs.ID
}

// TenantGroup names a schedule whose sets form a group, across tenants.
type TenantGroup struct {
	TenantID   graph.TenantID
	ScheduleID runs.ID
}

// SystemStore is what the engine asks across tenants.
type SystemStore interface {
	// PurgeableSets returns soft-deleted sets of all tenants whose DeletedAt is before the
	// given time, ordered by id, after the given id.
	PurgeableSets(ctx context.Context, deletedBefore time.Time, after runs.ID, limit int) ([]TenantSet, error)

	// Groups returns the schedules of all tenants that have sealed sets which are not
	// deleted, ordered by schedule id, after the given id.
	Groups(ctx context.Context, after runs.ID, limit int) ([]TenantGroup, error)
}
