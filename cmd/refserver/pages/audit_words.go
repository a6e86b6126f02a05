package pages

import (
	"maps"
	"slices"
	"strconv"
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

// auditDid says how much an entry is about; "" where its other words say it.
func auditDid(e runs.AuditEntry) string {
	n := func(name string) int {
		n, _ := strconv.Atoi(e.Details[name]) // what is no number counts nothing
		return n
	}
	switch {
	case e.Action == "retention.applied":
		return count(n("dropped"), "backup set", "backup sets") + " retired, " + number(n("kept")) + " kept"
	case e.Action == "backup_set.extended":
		return count(n("captured"), "policy", "policies") + " added of " + number(n("policies")) + " chosen"
	case e.Details["captured"] != "":
		return count(n("captured"), "policy", "policies") + " captured of " + number(n("policies"))
	case e.Details["imported"] != "":
		return count(n("imported"), "policy", "policies") + " imported of " + number(n("policies"))
	}
	return ""
}

// auditChange is a field of a schedule as it was and as it is. Of a list, it is what came and what
// went.
type auditChange struct {
	Name           string
	Before, After  string
	Added, Removed string
}

// changeParts are how the names of details end that say how a field changed.
var changeParts = []string{"before", "after", "added", "removed"}

// auditChanges are the fields that an entry says were changed, in a fixed order.
func (v *visit) auditChanges(e runs.AuditEntry) []auditChange {
	changes := map[string]auditChange{}
	for name, value := range e.Details {
		field, part, _ := cutLast(name, ".")
		if !slices.Contains(changeParts, part) {
			continue
		}
		c, value := changes[field], v.fieldWords(field, value)
		switch c.Name = fieldLabel(field); part {
		case "before":
			c.Before = shortName(value)
		case "after":
			c.After = shortName(value)
		case "added":
			c.Added = value
		case "removed":
			c.Removed = value
		}
		changes[field] = c
	}
	var list []auditChange
	for _, field := range slices.Sorted(maps.Keys(changes)) {
		list = append(list, changes[field])
	}
	return list
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// fieldWords are the value of a schedule's field in the log for people.
func (v *visit) fieldWords(field, value string) string {
	switch field {
	case "days_of_week":
		if value == "" {
			return "every day"
		}
		return eachWord(value, func(day string) string {
			if n, err := strconv.Atoi(day); err == nil && n > 0 && n < len(weekdays) {
				return weekdays[n]
			}
			return day
		})
	case "policy_types":
		return eachWord(value, func(t string) string {
			if more, found := strings.CutPrefix(t, "+"); found {
				return more + " more"
			}
			return v.typeName(graph.PolicyType(t))
		})
	case "include_foundations", "enabled", "secrets", "portal":
		return map[string]string{"true": "yes", "false": "no"}[value]
	}
	return value
}

// eachWord puts each value of a list into words: "1,3" is "Mon, Wed".
func eachWord(list string, words func(string) string) string {
	values := strings.Split(list, ",")
	for i, value := range values {
		values[i] = words(value)
	}
	return strings.Join(values, ", ")
}

// auditFact is a detail of an audit entry.
type auditFact struct{ Name, Value string }

// facts are the details of an entry in a fixed order; what the row shows elsewhere is left out.
func (v *visit) facts(e runs.AuditEntry) []auditFact {
	var list []auditFact
	for _, name := range slices.Sorted(maps.Keys(e.Details)) {
		value := v.fieldWords(name, e.Details[name])
		switch name {
		case "trigger":
			value = triggerWords(runs.Trigger(value))
		case "kind", "retry_of", "reason", "action", "set_name", "captured", "imported":
			continue
		case "policy_type":
			value = v.typeName(graph.PolicyType(value))
		case "policies":
			if auditDid(e) != "" {
				continue
			}
		case "name":
			if e.Resource.Type == "backup_set" {
				name = "hold"
			}
		}
		if reason, found := strings.CutPrefix(name, "reason."); found && retentionReasons[reason] != "" {
			name = retentionReasons[reason]
		} else if _, part, _ := cutLast(name, "."); slices.Contains(changeParts, part) {
			continue // shown as a change
		}
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			value = inWords(momentOf(at, v.zone, v.now))
		}
		list = append(list, auditFact{strings.ReplaceAll(name, "_", " "), value})
	}
	return list
}
