package pages

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// auditWords say what an action of the audit log means. A test holds them against the actions
// that the module records.
var auditWords = map[string]string{
	"access.denied":        "was refused by role",
	"backup.created":       "made a backup set",
	"backup_set.deleted":   "deleted a backup set",
	"backup_set.exported":  "exported a backup set",
	"backup_set.extended":  "added policies to a backup set",
	"backup_set.held":      "put a hold on a backup set",
	"backup_set.imported":  "imported a backup set",
	"backup_set.purged":    "purged a backup set",
	"backup_set.released":  "released a hold",
	"backup_set.undeleted": "undeleted a backup set",
	"backup_set.verified":  "verified a backup set",
	"dispatch.cycle":       "started what was due",
	"policy.synced":        "refreshed the policy list",
	"restore.started":      "began a restore",
	"restore.finished":     "ended a restore",
	"retention.applied":    "applied retention",
	"run.started":          "queued or began a run",
	"run.finished":         "ended a run",
	"run.retried":          "retried a run",
	"run.canceled":         "canceled a run",
	"run.refused":          "skipped a run",
	"schedule.created":     "created a schedule",
	"schedule.updated":     "changed a schedule",
	"schedule.enabled":     "turned a schedule on",
	"schedule.disabled":    "turned a schedule off",
	"schedule.deleted":     "deleted a schedule",
}

func auditActionWords(action string) string {
	if w, ok := auditWords[action]; ok {
		return w
	}
	return action
}

// auditEntryWords say what was done: with the kind of a run, and with what was refused.
func auditEntryWords(e runs.AuditEntry) string {
	words := auditActionWords(e.Action)
	switch {
	case e.Details["kind"] != "" && strings.HasPrefix(e.Action, "run."):
		words = runEntryWords(e) + ": " + kindWords(runs.Kind(e.Details["kind"]))
	case e.Action == "access.denied" && e.Details["action"] != "":
		words += ": " + rightWords(runs.Action(e.Details["action"]))
	}
	return words
}

// runEntryWords tell apart what has the same action in the log: who asks for a run queues it, and a
// worker begins it; a person retries, and the engine puts a run off; a wish to cancel is no end.
func runEntryWords(e runs.AuditEntry) string {
	attempt := e.Details["attempt"]
	switch {
	case e.Action == "run.started" && attempt == "":
		return "queued a run"
	case e.Action == "run.started" && attempt == "1":
		return "began a run"
	case e.Action == "run.started":
		return "began attempt " + attempt + " of a run"
	case e.Action == "run.retried" && e.Actor.ID == runs.SystemActor.ID && e.Details["code"] != "":
		return "put off a run to its next attempt"
	case e.Action == "run.retried" && e.Actor.ID == runs.SystemActor.ID:
		return "gave back a run"
	case e.Action == "run.canceled" && e.Outcome != string(runs.StatusCanceled):
		return "asked a run to stop"
	}
	return auditActionWords(e.Action)
}

// auditReason is what stands in the log as a reason; the engine's are codes.
func auditReason(e runs.AuditEntry) string {
	if words, ok := retentionReasons[e.Details["reason"]]; ok {
		return words
	}
	return e.Details["reason"]
}

// auditFact is a detail of an audit entry.
type auditFact struct{ Name, Value string }

// facts are the details of an entry in a fixed order; what the row shows elsewhere is left out.
func (v *visit) facts(e runs.AuditEntry) []auditFact {
	var list []auditFact
	for _, name := range slices.Sorted(maps.Keys(e.Details)) {
		value := e.Details[name]
		switch name {
		case "trigger":
			value = triggerWords(runs.Trigger(value))
		case "kind", "retry_of", "reason", "action":
			continue
		case "policy_type":
			value = v.typeName(graph.PolicyType(value))
		}
		if reason, found := strings.CutPrefix(name, "reason."); found && retentionReasons[reason] != "" {
			name = retentionReasons[reason]
		}
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			value = inWords(momentOf(at, v.zone, v.now))
		}
		list = append(list, auditFact{strings.ReplaceAll(name, "_", " "), value})
	}
	return list
}
