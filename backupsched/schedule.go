package backupsched

import (
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Defaults of a schedule's fields, used by callers that leave them out.
const (
	DefaultTimezone          = "UTC"
	DefaultRetentionKeepLast = 30
)

// MaxNameLength is the longest allowed name, in characters.
const MaxNameLength = 255

// MaxRetentionKeepLast bounds how many complete sets a schedule may ask to keep.
const MaxRetentionKeepLast = 10000

// Schedule is a tenant's recurring backup plan.
type Schedule struct {
	ID       runs.ID
	TenantID graph.TenantID
	Name     string
	Enabled  bool
	Recurrence

	PolicyTypes        []graph.PolicyType // at least one, all known, in the given order
	IncludeFoundations bool               // also capture what policies refer to
	RetentionKeepLast  int                // newest complete sets to keep, at least 1

	NextRunAt     time.Time // the next slot; zero while disabled
	LastRunAt     time.Time // when the latest backup of this schedule ended
	LastRunID     runs.ID
	LastRunStatus runs.Status

	CreatedAt time.Time
	UpdatedAt time.Time // of the latest change by a person, each later than the one before; runs do not move it
	DeletedAt time.Time // the tombstone
}

// Deleted tells whether only the tombstone is left.
func (s Schedule) Deleted() bool { return !s.DeletedAt.IsZero() }

// Clone returns a copy that shares no slices.
func (s Schedule) Clone() Schedule {
	s.DaysOfWeek = slices.Clone(s.DaysOfWeek)
	s.PolicyTypes = slices.Clone(s.PolicyTypes)
	return s
}

// Filter selects schedules and says in which order they come. Empty fields select everything
// that is not deleted, by name.
type Filter struct {
	Search  string // part of the name, without regard to case
	Enabled *bool
	Status  runs.Status // LastRunStatus
	IDs     []runs.ID   // when not empty, these schedules only
	Sort    Sort

	// WithDeleted also returns the deleted ones among IDs, for their names. It needs IDs.
	WithDeleted bool
}
