package backupset

import (
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Status is the state of a backup set.
type Status string

// The states.
const (
	Building Status = "building" // a run is filling it
	Complete Status = "complete" // every requested type was known, permitted and listed to its end, and every listed policy captured or skipped by a rule
	Partial  Status = "partial"  // anything less
)

// BackupSet is what a capture produced. A schedule's set never changes once it left
// Building; what does change are its holds, its deletion and when it was verified.
type BackupSet struct {
	ID         runs.ID
	TenantID   graph.TenantID
	Name       string
	ScheduleID runs.ID // empty for a manual set
	RunID      runs.ID // the run that made it

	// ScheduledFor orders the sets of a schedule: the slot, or the time the run was
	// created when there is none (run now, retry).
	ScheduledFor time.Time

	Status      Status
	Revision    int // 1 when sealed; each addition to a manual set raises it
	ItemsCount  int
	Types       []Manifest // per type, in the order of capture
	CreatedAt   time.Time
	CompletedAt time.Time // zero while building

	DeletedAt      time.Time // soft delete
	DeletedReason  string    // why: a retention reason, or "manual"
	PurgingAt      time.Time // purge has begun; it cannot be undeleted any more
	LastVerifiedAt time.Time
	Holds          []Hold

	// InUse: an active restore or preview reads it, that is, a queued or running run whose
	// kind begins with "restore." has it as its Target. Set by stores on reading. Runs of
	// the set's own tenant count only: one of another tenant that restores from the set
	// finds what was purged meanwhile missing.
	InUse bool
}

// Deleted tells whether the set is soft-deleted.
func (s BackupSet) Deleted() bool { return !s.DeletedAt.IsZero() }

// Hold keeps a set from being dropped for as long as it stands.
type Hold struct {
	Name   string // unique within the set
	By     runs.Actor
	Reason string
	At     time.Time
}

// Manifest is the account of one type within a set: what Graph listed and what became of it.
type Manifest struct {
	Type      graph.PolicyType
	Pages     []int // rows per page of the listing that reached its end, in order; nil when the type was not listed, because policies were selected one by one or imported
	Listed    int   // distinct policies seen
	Captured  int
	Failed    int
	Skipped   int
	Forbidden bool // 403 for the whole type
	Complete  bool // the listing reached its end and lacks nothing that is known to exist, or every selected policy was looked at
}

// Whole tells whether nothing of the type is missing.
func (m Manifest) Whole() bool {
	return m.Complete && !m.Forbidden && m.Failed == 0 && m.Captured+m.Skipped == m.Listed
}

// Exhaustive tells whether a policy of the type that is not in the set did not exist.
func (m Manifest) Exhaustive() bool { return m.Whole() && len(m.Pages) > 0 }

// Item is one policy within a set.
type Item struct {
	ID         runs.ID
	SetID      runs.ID
	PolicyID   runs.ID // the inventory's id
	VersionID  runs.ID
	Type       graph.PolicyType
	ExternalID string // Graph's object id
	Name       string // as captured
	Hash       Hash
	CapturedAt time.Time
	Warnings   []string
	Revision   int // of the set when the item came: 1, or more for one that was added later
}

// PolicyVersion is one distinct content of one policy.
type PolicyVersion struct {
	ID         runs.ID
	PolicyID   runs.ID
	Number     int // 1, 2, ... per policy, by first capture
	Hash       Hash
	Name       string
	CapturedAt time.Time // first capture
	RunID      runs.ID   // which captured it first
}

// Policy is one row of a tenant's inventory.
type Policy struct {
	ID               runs.ID
	Type             graph.PolicyType
	ExternalID       string
	Name             string
	LastSeenAt       time.Time // zero while it is known from imported files only
	GoneSince        time.Time // zero while it exists; a complete listing sets it, and for what was seen before Graph is asked by id
	CurrentVersionID runs.ID   // latest captured content, empty before the first capture
}
