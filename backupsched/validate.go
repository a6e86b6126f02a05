package backupsched

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Draft is what a person says about a schedule. [NewDraft] fills in the defaults.
type Draft struct {
	// ID is what Create gives the new schedule; empty makes one. Others do not look at it.
	ID runs.ID

	Name    string
	Enabled bool
	Recurrence
	PolicyTypes        []graph.PolicyType
	IncludeFoundations bool
	RetentionKeepLast  int
}

// NewDraft returns a draft with the defaults: enabled, UTC, foundations included, the
// newest 30 complete sets kept. Everything else must be filled in.
func NewDraft() Draft {
	return Draft{
		Enabled: true, Recurrence: Recurrence{Timezone: DefaultTimezone},
		IncludeFoundations: true, RetentionKeepLast: DefaultRetentionKeepLast,
	}
}

// validate lists everything that is wrong with the draft. Field names are those of the
// JSON API; rejected values are never repeated.
func (d Draft) validate(catalogue *graph.Catalogue) error {
	bad := &runs.InvalidError{}
	if d.ID != "" && !d.ID.Valid() {
		bad.Add("id", "id_invalid", "must be a UUID in lower case")
	}
	validateName(bad, d.Name)
	if err := d.Recurrence.Validate(); err != nil {
		var rec *runs.InvalidError
		if !errors.As(err, &rec) {
			return err
		}
		bad.Fields = append(bad.Fields, rec.Fields...)
	}
	if len(d.PolicyTypes) == 0 {
		bad.Add("policy_types", "policy_types_required", "name at least one policy type")
	}
	for i, t := range d.PolicyTypes {
		field := fmt.Sprintf("policy_types[%d]", i)
		info, known := catalogue.Lookup(t)
		switch {
		case !known:
			bad.Add(field, "policy_type_unknown", "is not in the catalogue of policy types, where names look like settingsCatalogPolicy")
		case !info.Capturable():
			bad.Add(field, "policy_type_not_capturable", strings.TrimSpace("cannot be captured by itself. "+info.Note))
		case slices.Contains(d.PolicyTypes[:i], t):
			bad.Add(field, "policy_type_duplicate", "is named twice")
		}
	}
	if d.RetentionKeepLast < 1 || d.RetentionKeepLast > MaxRetentionKeepLast {
		bad.Add("retention_keep_last", "retention_keep_last_range", fmt.Sprintf("must be between 1 and %d", MaxRetentionKeepLast))
	}
	return bad.Err()
}

func validateName(bad *runs.InvalidError, name string) {
	switch {
	case strings.TrimSpace(name) == "":
		bad.Add("name", "name_required", "is required")
	case !utf8.ValidString(name):
		bad.Add("name", "name_invalid", "must be valid UTF-8")
	case utf8.RuneCountInString(name) > MaxNameLength:
		bad.Add("name", "name_too_long", fmt.Sprintf("has more than %d characters", MaxNameLength))
	case strings.ContainsFunc(name, unicode.IsControl):
		bad.Add("name", "name_invalid", "must not contain control characters")
	}
}

// Warning is something that a person should know about a valid schedule.
type Warning struct {
	Code    string // stable: "slot_in_gap"
	Field   string
	Message string
	Gap     Gap
}

// warnAhead is how far ahead slots are searched for gaps when a schedule is saved.
const warnAhead = 2 * 366 * 24 * time.Hour

// maxWarnings bounds the warnings of one schedule: two years of two changes a year.
const maxWarnings = 4

// warnings tells which slots of the next two years fall into a gap.
func (r Recurrence) warnings(at time.Time) ([]Warning, error) {
	gaps, err := r.Gaps(at, warnAhead)
	if err != nil {
		return nil, err
	}
	var out []Warning
	for _, g := range gaps[:min(len(gaps), maxWarnings)] {
		lost := "this backup is skipped"
		if r.Frequency == Weekly && len(r.DaysOfWeek) == 1 {
			lost = "this backup is skipped, which leaves 14 days without one"
		}
		advice := ""
		if g.NextSafe != "" {
			advice = "; the next time that exists is " + g.NextSafe
		}
		out = append(out, Warning{
			Code: "slot_in_gap", Field: "time_of_day", Gap: g,
			Message: fmt.Sprintf("on %s %s does not exist in %s: %s%s", g.Date, r.TimeOfDay, r.Timezone, lost, advice),
		})
	}
	return out, nil
}
