package pages

import (
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
)

// advice is a code in words: what happened, and what a person can do.
type advice struct {
	What string
	Do   string
}

// codeAdvice explains the codes of runs. A test holds it against the codes that there are.
var codeAdvice = map[runs.Code]advice{
	runs.CodeUnknownPolicyType: {"A policy type that was asked for is not known here.", "Take the type out of the schedule, or update this server: a newer one may know it. The other types were captured."},
	runs.CodeScheduleBusy:      {"Another run of the same schedule was under way, so this one did nothing.", "Nothing, if that run ended well. When it happens every time, runs take longer than the schedule leaves them: let it run less often, or with fewer types."},
	runs.CodeMissedSlot:        {"This server was not running, or could not reach its database, when the run was due.", "Run the schedule now if you cannot wait for its next time; missed times are not made up for. Then find out why the server was down."},
	runs.CodeGraphThrottled:    {"Microsoft Graph asked to slow down.", "It did so for longer than this run could wait. Retry later, and move schedules apart when several tenants or tools work at the same hour."},
	runs.CodeGraphUnavailable:  {"Microsoft Graph could not be reached, or answered with errors.", "It did so for longer than this run could wait. Look at the Microsoft 365 service health and at this server's network, then retry."},
	runs.CodeGraphUnauthorized: {"Microsoft Graph refused the sign-in of the app.", "Renew the app's secret or certificate, or its consent in the tenant, then retry."},
	runs.CodeGraphForbidden:    {"The app lacked permissions in the tenant.", "The permissions page says what is still missing. Grant that in Entra, wait until the app gets a new token (about an hour), then retry. When it is granted by now, retry at once."},
	runs.CodeTimeout:           {"The run, or a call to Microsoft Graph, took too long.", "Retry: what was captured is kept. When it happens again, let the schedule capture fewer types at once."},
	runs.CodeCanceled:          {"Somebody canceled the run.", "Retry it when it should be done after all. What was done until then stays."},
	runs.CodeWorkerLost:        {"The server stopped in the middle of the run.", "It did so several times. Look at the server's log for crashes or too little memory, then retry."},
	runs.CodeInternal:          {"Something unexpected went wrong.", "Search the server's log for the id of this run: the cause is there. Then retry."},
	runs.CodeUnknownKind:       {"No part of this server does runs of this kind.", "Run a server that has this part, or update all servers that share the database."},
	runs.CodeItemsFailed:       {"Some policies did not work out.", "The items below say which and why. Retry covers what failed, not the rest."},
	runs.CodeScheduleInvalid:   {"The schedule has no next time on this server.", "Open the schedule and save it with a time zone that the form knows."},
	runs.CodeRetentionPaused:   {"Retention stopped before it removed anything, and waits for you.", "Open the schedule and look at its retention plan. The summary below says whether it waits for your word."},
	runs.CodeSetDamaged:        {"Stored content is not what was captured.", "Keep the other backup sets, make a new backup now, and look for faults of the database's disk. The policies below cannot be restored from this set."},
	runs.CodeSetUnavailable:    {"The backup set is deleted, gone, or takes no policies any more.", "Undelete the set if it was deleted lately, or take another one."},
	runs.CodeImportInvalid:     {"The file cannot be imported.", "The message says why. Export the set again, or import another file."},
	runs.CodePreviewUnusable:   {"The preview of this restore is gone, or was used by another restore. Nothing was written.", "Make a new preview and confirm that one."},
	runs.CodePreviewStale:      {"The preview became too old while the restore waited. Nothing was written.", "Retry: that makes a new preview, which you can look at and confirm."},
}

// adviceFor explains a code; one of a host's own kind has no words here.
func adviceFor(c runs.Code) advice {
	if a, ok := codeAdvice[c]; ok {
		return a
	}
	return advice{What: "The run ended with a code that these pages have no words for.", Do: "The message and the server's log say more."}
}

// reasons are the reasons of items in words. A test holds them against docs/errors.md.
var reasons = map[runs.Reason]string{
	runs.ReasonExists:             "exists already, and existing ones were to be left alone",
	runs.ReasonAlreadyInSet:       "the backup set has it already",
	runs.ReasonThrottled:          "Microsoft Graph asked to slow down",
	runs.ReasonTimeout:            "no answer in time",
	runs.ReasonServiceUnavailable: "Microsoft Graph failed or could not be reached",
	runs.ReasonUnauthenticated:    "the sign-in was refused",
	runs.ReasonForbidden:          "a permission or licence is missing",
	runs.ReasonNotFound:           "gone before it could be read",
	runs.ReasonConflict:           "collides with another object",
	runs.ReasonInvalidPayload:     "refused, or not what this type promises",
	runs.ReasonUnsupportedType:    "the type is not supported",
	runs.ReasonBuiltinObject:      "Microsoft's own object, which cannot be changed",
	runs.ReasonSecretsMasked:      "its secrets were not shown, so they have to be typed in again",
	runs.ReasonDependencyMissing:  "something that it refers to is not there",
	runs.ReasonAmbiguousMatch:     "several live objects could be meant",
	runs.ReasonChanged:            "changed after the preview: look again before writing",
	runs.ReasonApprovalRequired:   "waits for an approval in the tenant",
	runs.ReasonUnknownOutcome:     "may or may not have been written: look in the tenant",
	runs.ReasonIncompleteCapture:  "could not be read to its end",
	runs.ReasonWriteBlocked:       "writing is not allowed here",
	runs.ReasonUnchanged:          "is already as the restore makes it",
	runs.ReasonNotAssigned:        "written, but its assignments were not",
	runs.ReasonInternal:           "something unexpected; the server's log has the cause",
	"license_missing":             "the tenant has no licence for this type",
	"names_missing":               "names of groups that it refers to could not be looked up",
}

func reasonWords(r runs.Reason) string {
	if w, ok := reasons[r]; ok {
		return w
	}
	return string(r)
}

// retentionReasons are the reasons of retention in words. A test holds them against
// docs/errors.md.
var retentionReasons = map[string]string{
	"no_policy": "nothing says what may go", "schedule_deleted": "the schedule was deleted, its backups stay", "manual": "made by hand",
	"building": "being captured", "unknown_status": "in an unknown state", "deleted": "removed before", "future": "dated in the future",
	"held": "held", "in_use": "in use by a restore", "younger_than_min_age": "too young", "keep_last": "among the newest complete ones",
	"partial_recent": "partial, newer than the last complete one that counts", "partial_no_complete": "partial, and there is no complete one",
	"paused_set_shrunk":     "kept since the newest set shrank to less than half",
	"paused_more_than_half": "kept since more than half would go: confirm the plan",
	"not_planned_yet":       "not in the plan yet", "beyond_keep_last": "older than the newest that are kept",
	"partial_stale": "partial, and newer ones are there",
}

// retentionGoes tells whether a reason is one to remove a set.
func retentionGoes(reason string) bool {
	return reason == "beyond_keep_last" || reason == "partial_stale"
}

// pauseWords say why retention stopped.
var pauseWords = map[retention.Pause]string{
	retention.PausedHalf:   "More than half of the schedule's backup sets would go. Nothing goes until a person confirms the plan.",
	retention.PausedShrunk: "The newest backup set has less than half the items of the one before. Nothing goes until a backup does not shrink again.",
}

// actionWords are the outcomes of previews, drift reports in words: what a restore would do.
var actionWords = map[string]string{
	"create": "to create", "change": "to change", "unchanged": "unchanged", "skip": "to skip", "blocked": "blocked",
	"added": "added since", "removed": "removed since",
}
