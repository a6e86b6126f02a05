package retention

import (
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Policy says what to keep of the sets of one schedule. The zero value keeps everything.
type Policy struct {
	// KeepLast is how many of the newest complete sets stay; partial ones are counted
	// apart. 0 keeps everything, negative is invalid.
	KeepLast int

	// MinAge keeps every set that is younger, counted from its creation. 0 means that age
	// does not protect, negative is invalid.
	MinAge time.Duration
}

// Validate names what is wrong with the policy.
func (p Policy) Validate() error {
	var bad runs.InvalidError
	if p.KeepLast < 0 {
		bad.Add("retention_keep_last", codeKeepLastRange, "must be at least 1; 0 keeps everything")
	}
	if p.MinAge < 0 {
		bad.Add("min_age", "min_age_range", "must not be negative")
	}
	return bad.Err()
}

const codeKeepLastRange = "retention_keep_last_range"

// keepsAll tells whether the policy drops nothing. An invalid one is not obeyed: keeping
// too much can be made good, dropping too much cannot.
func (p Policy) keepsAll() bool { return p.KeepLast == 0 || p.Validate() != nil }

// Decision is what becomes of one set, and why.
type Decision struct {
	SetID  runs.ID
	Keep   bool   // false: the plan soft-deletes it
	Reason string // stable, lower_snake: one of the Reason constants
}

// The reasons of decisions.
const (
	ReasonNoPolicy        = "no_policy"        // an empty or invalid policy keeps everything
	ReasonScheduleDeleted = "schedule_deleted" // deleting a schedule never deletes its backups
	ReasonManual          = "manual"           // not made by a schedule
	ReasonBuilding        = "building"         // being captured
	ReasonUnknownStatus   = "unknown_status"   // neither complete nor partial: left alone
	ReasonDeleted         = "deleted"          // already retired
	ReasonFuture          = "future"           // dated in the future, not counted
	ReasonHeld            = "held"             // a hold stands, not counted
	ReasonInUse           = "in_use"           // an active restore or preview reads it
	ReasonYoung           = "younger_than_min_age"
	ReasonLast            = "keep_last"             // one of the newest N complete ones
	ReasonPartial         = "partial_recent"        // one of the newest N partial ones after the N-th complete one
	ReasonNoComplete      = "partial_no_complete"   // the same, in a group that has no complete set at all
	ReasonShrunk          = "paused_set_shrunk"     // the newest set is less than half of the one before: nothing is dropped
	ReasonHalf            = "paused_more_than_half" // would be dropped with more than half of the group: waits for a person
	ReasonNotPlanned      = "not_planned_yet"       // would be dropped, but was not in the plan that the run began with
	ReasonBeyond          = "beyond_keep_last"      // dropped: complete, but older than the newest N
	ReasonPartialStale    = "partial_stale"         // dropped: a partial set that no rule keeps
)
