package backupsched

import (
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// What the audit log says about the fields of a schedule, by the names that the JSON API has
// for them. Lists are separated by commas.

// auditedFields are the fields that a person sets, but for the types, which may be many, and
// whether the schedule is on, which has actions of its own.
func auditedFields(s Schedule) map[string]string {
	days := make([]string, len(s.DaysOfWeek))
	for i, d := range s.DaysOfWeek {
		days[i] = strconv.Itoa(d)
	}
	return map[string]string{
		"name": s.Name, "timezone": s.Timezone, "frequency": string(s.Frequency), "time_of_day": s.TimeOfDay,
		"days_of_week":        strings.Join(days, ","),
		"include_foundations": strconv.FormatBool(s.IncludeFoundations),
		"retention_keep_last": strconv.Itoa(s.RetentionKeepLast),
	}
}

// auditedCreation is what a schedule begins with.
func auditedCreation(s Schedule) map[string]string {
	details := auditedFields(s)
	if len(s.DaysOfWeek) == 0 {
		delete(details, "days_of_week")
	}
	details["enabled"] = strconv.FormatBool(s.Enabled)
	addTypes(details, "policy_types", s.PolicyTypes)
	return details
}

// auditedChange is each field that differs, as it was and as it is: time_of_day.before and
// time_of_day.after. Of the types it has policy_types.added and policy_types.removed.
func auditedChange(before, after Schedule) map[string]string {
	details := map[string]string{}
	is := auditedFields(after)
	for field, was := range auditedFields(before) {
		if was != is[field] {
			details[field+".before"], details[field+".after"] = was, is[field]
		}
	}
	addTypes(details, "policy_types.added", without(after.PolicyTypes, before.PolicyTypes))
	addTypes(details, "policy_types.removed", without(before.PolicyTypes, after.PolicyTypes))
	return details
}

// without are the types that are not among the others.
func without(types, others []graph.PolicyType) (list []graph.PolicyType) {
	known := make(map[graph.PolicyType]bool, len(others))
	for _, t := range others {
		known[t] = true
	}
	for _, t := range types {
		if !known[t] {
			list = append(list, t)
		}
	}
	return list
}

// maxAuditedTypes is how many characters of types a detail has: a detail is cut after 500, and
// half a type would look like another one.
const maxAuditedTypes = 480

// addTypes names types, as many as there is room for, and says how many more there are: "a,b,+3".
func addTypes(details map[string]string, name string, types []graph.PolicyType) {
	var b strings.Builder
	for i, t := range types {
		if b.Len()+len(t) > maxAuditedTypes {
			b.WriteString(",+" + strconv.Itoa(len(types)-i))
			break
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(t))
	}
	if len(types) > 0 {
		details[name] = strings.TrimPrefix(b.String(), ",")
	}
}
