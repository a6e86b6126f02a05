package runs

import "github.com/tenantatlas/tenantbackup/graph"

// Code says why a run ended as it did. Codes are stable, UPPER_SNAKE and append-only;
// docs/errors.md lists them. An empty code means that nothing needs explaining.
type Code string

// The codes of runs.
const (
	CodeUnknownPolicyType Code = "UNKNOWN_POLICY_TYPE" // a requested type is not in the catalogue
	CodeScheduleBusy      Code = "SCHEDULE_BUSY"       // another run of the schedule was active
	CodeMissedSlot        Code = "MISSED_SLOT"         // nobody dispatched the slot in time
	CodeGraphThrottled    Code = "GRAPH_THROTTLED"
	CodeGraphUnavailable  Code = "GRAPH_UNAVAILABLE"
	CodeGraphUnauthorized Code = "GRAPH_UNAUTHORIZED"
	CodeGraphForbidden    Code = "GRAPH_FORBIDDEN"
	CodeTimeout           Code = "TIMEOUT"
	CodeCanceled          Code = "CANCELED"
	CodeWorkerLost        Code = "WORKER_LOST" // workers died or vanished too often
	CodeInternal          Code = "INTERNAL"
	CodeUnknownKind       Code = "UNKNOWN_KIND"     // no executor for the run's kind
	CodeItemsFailed       Code = "ITEMS_FAILED"     // some policies could not be captured
	CodeScheduleInvalid   Code = "SCHEDULE_INVALID" // the schedule's rule has no next slot on this machine
	CodeRetentionPaused   Code = "RETENTION_PAUSED" // retention stopped and waits for a person
	CodeSetDamaged        Code = "SET_DAMAGED"      // verifying found content that is not what was captured
	CodeSetUnavailable    Code = "SET_UNAVAILABLE"  // the backup set is deleted, gone, or takes nothing any more
	CodeImportInvalid     Code = "IMPORT_INVALID"   // the file cannot be imported; the message says why
	CodePreviewUnusable   Code = "PREVIEW_UNUSABLE" // the preview of a restore is gone, or another run has executed it
	CodePreviewStale      Code = "PREVIEW_STALE"    // the restore waited until its preview was too old to say what is live
)

// Reason says why an item ended as it did: stable, lower_snake and append-only;
// docs/errors.md lists them.
type Reason string

// The reasons of items.
const (
	ReasonThrottled          Reason = "throttled"
	ReasonTimeout            Reason = "timeout"
	ReasonServiceUnavailable Reason = "service_unavailable"
	ReasonUnauthenticated    Reason = "unauthenticated"
	ReasonForbidden          Reason = "forbidden"
	ReasonNotFound           Reason = "not_found"
	ReasonConflict           Reason = "conflict"
	ReasonInvalidPayload     Reason = "invalid_payload"
	ReasonUnsupportedType    Reason = "unsupported_type"
	ReasonBuiltinObject      Reason = "builtin_object"
	ReasonSecretsMasked      Reason = "secrets_masked"
	ReasonIncompleteCapture  Reason = "incomplete_capture"
	ReasonApprovalRequired   Reason = "approval_required"
	ReasonUnknownOutcome     Reason = "unknown_outcome"
	ReasonWriteBlocked       Reason = "write_blocked"
	ReasonAlreadyInSet       Reason = "already_in_backup_set"
	ReasonDependencyMissing  Reason = "dependency_missing"    // something that the policy refers to is not in the target
	ReasonAmbiguousMatch     Reason = "ambiguous_match"       // several objects could be the policy
	ReasonChanged            Reason = "changed_since_preview" // the live object is not the one that was previewed
	ReasonExists             Reason = "exists"                // skip existing was asked for
	ReasonUnchanged          Reason = "unchanged"             // it is as it shall be; nothing was written
	ReasonNotAssigned        Reason = "not_assigned"          // the content was written, the assignments were not
	ReasonInternal           Reason = "internal"
)

// ReasonOf maps a failure of Graph to the reason of an item.
func ReasonOf(err error) Reason {
	switch graph.KindOf(err) {
	case graph.KindThrottled:
		return ReasonThrottled
	case graph.KindUnavailable:
		return ReasonServiceUnavailable
	case graph.KindTimeout:
		return ReasonTimeout
	case graph.KindUnauthorized:
		return ReasonUnauthenticated
	case graph.KindForbidden:
		return ReasonForbidden
	case graph.KindNotFound:
		return ReasonNotFound
	case graph.KindConflict:
		return ReasonConflict
	case graph.KindInvalid:
		return ReasonInvalidPayload
	case graph.KindUnsupported:
		return ReasonUnsupportedType
	case graph.KindIncomplete:
		return ReasonIncompleteCapture
	case graph.KindAmbiguous:
		return ReasonUnknownOutcome
	case graph.KindApprovalRequired:
		return ReasonApprovalRequired
	case graph.KindWriteBlocked:
		return ReasonWriteBlocked
	}
	return ReasonInternal
}

// CodeOf maps a failure of Graph to the code of a run.
func CodeOf(err error) Code {
	switch graph.KindOf(err) {
	case graph.KindThrottled:
		return CodeGraphThrottled
	case graph.KindUnavailable:
		return CodeGraphUnavailable
	case graph.KindTimeout:
		return CodeTimeout
	case graph.KindUnauthorized:
		return CodeGraphUnauthorized
	case graph.KindForbidden:
		return CodeGraphForbidden
	}
	return CodeInternal
}
