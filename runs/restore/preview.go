package restore

import (
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Existing says what becomes of an item whose policy exists in the target.
type Existing string

// The ways.
const (
	SkipExisting Existing = "skip"      // leave it alone; the default
	Overwrite    Existing = "overwrite" // make it what the backup says
	CreateCopy   Existing = "copy"      // make another object, its name with a suffix
)

// Assignments says what becomes of the assignments of a restored policy.
type Assignments string

// The ways.
const (
	NoAssignments       Assignments = "none"     // leave them as they are; a new object gets none. The default
	OriginalAssignments Assignments = "original" // to the very groups of the backup
	MappedAssignments   Assignments = "mapped"   // to the target's groups of the same name and rule
)

// AccessState says in which state a Conditional Access policy is restored that was enabled
// when it was captured. One that exists never becomes stricter than it is, but by
// [AccessOriginal]: its own state stays, unless the backup's or this one is weaker.
type AccessState string

// The states.
const (
	AccessKeep       AccessState = "keep"        // one that exists keeps its state, what is made is disabled. The default
	AccessDisabled   AccessState = "disabled"    // also what exists
	AccessReportOnly AccessState = "report_only" // evaluated, not enforced
	AccessOriginal   AccessState = "original"    // as captured; the actor has confirmed it
)

// Options say how to restore. The zero value takes the defaults.
type Options struct {
	Existing    Existing    `json:"existing,omitempty"`
	CopySuffix  string      `json:"copy_suffix,omitempty"` // for CreateCopy; defaults to " (restored)"
	Assignments Assignments `json:"assignments,omitempty"`
	Access      AccessState `json:"access_state,omitempty"`
}

// Action is what a restore would do with an item.
type Action string

// The actions.
const (
	Create    Action = "create"
	Change    Action = "change"
	Unchanged Action = "unchanged"
	Skip      Action = "skip"    // the options or a rule say so: the reason tells which
	Blocked   Action = "blocked" // it cannot be done safely: the reason tells why

	// In drift reports: Change, Unchanged and Blocked, and
	Added   Action = "added"   // live, and not in the set
	Removed Action = "removed" // in the set, and not live
)

// Preview is the outcome of a restore.preview or drift.report run, which it is named by.
type Preview struct {
	RunID    runs.ID
	TenantID graph.TenantID // the target
	Kind     runs.Kind      // restore.preview or drift.report

	SourceTenant graph.TenantID // whose set it is; the target unless restored across tenants
	SetID        runs.ID
	SetRevision  int
	Options      Options

	CreatedAt time.Time
	ReadyAt   time.Time // zero until every item has its outcome
	Totals    map[Action]int

	RestoreRunID runs.ID // the run that has begun to do it; a preview serves once
}

// Warning is something that a person should know before a restore.
type Warning struct {
	Code   string `json:"code"`   // stable: "secrets_masked", "assignments_widen", "dependency_missing", ...
	Detail string `json:"detail"` // for people; redacted, never content
}

// PreviewItem is what a restore would do with one item of the set.
type PreviewItem struct {
	PreviewID runs.ID // Preview.RunID
	ItemID    runs.ID // of the set; a new id for Added
	Position  int     // in the order of restore, from 0; unique within the preview

	Type       graph.PolicyType
	ExternalID string // of the policy that was captured
	Name       string
	VersionID  runs.ID // what is restored; empty for Added

	Action     Action
	Reason     runs.Reason
	TargetID   string // the live object that the policy was matched with
	TargetName string
	LiveHash   backupset.Hash // of that object's canonical form; zero without one
	Diff       []backupset.Change
	Warnings   []Warning
}
