package retention

import (
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Defaults of a [Policy] and of [Config].
const (
	DefaultMinAge     = 24 * time.Hour
	DefaultUndoWindow = 7 * 24 * time.Hour
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
		bad.Add("retention_keep_last", "retention_keep_last_range", "must be at least 1")
	}
	if p.MinAge < 0 {
		bad.Add("min_age", "min_age_range", "must not be negative")
	}
	return bad.Err()
}

// Decision is what becomes of one set, and why.
type Decision struct {
	SetID  runs.ID
	Keep   bool
	Reason string // stable, lower_snake: one of the Reason constants
}

// The reasons of decisions.
const (
	ReasonNoPolicy     = "no_policy" // an empty policy keeps everything
	ReasonManual       = "manual"    // not made by a schedule
	ReasonBuilding     = "building"  // being captured
	ReasonDeleted      = "deleted"   // already retired
	ReasonFuture       = "future"    // dated in the future, not counted
	ReasonHeld         = "held"      // a hold stands
	ReasonInUse        = "in_use"    // an active restore or preview reads it
	ReasonYoung        = "younger_than_min_age"
	ReasonLast         = "keep_last"         // one of the newest N complete ones
	ReasonPartial      = "partial_recent"    // one of the newest N partial ones after the N-th complete one
	ReasonShrunk       = "paused_set_shrunk" // the newest set is less than half of the one before: nothing is dropped
	ReasonBeyond       = "beyond_keep_last"  // dropped: complete, but older than the newest N
	ReasonPartialStale = "partial_stale"     // dropped: a partial set that no rule keeps
)
