package restore

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/runs"
)

// DefaultCopySuffix is what the name of a copy ends in when the options do not say.
const DefaultCopySuffix = " (restored)"

// maxSuffix bounds the suffix of a copy, in bytes: names in Graph are short.
const maxSuffix = 64

// withDefaults fills what was left out.
func (o Options) withDefaults() Options {
	if o.Existing == "" {
		o.Existing = SkipExisting
	}
	if o.CopySuffix == "" && o.Existing == CreateCopy {
		o.CopySuffix = DefaultCopySuffix
	}
	if o.Assignments == "" {
		o.Assignments = NoAssignments
	}
	if o.Access == "" {
		o.Access = AccessKeep
	}
	return o
}

// check names the fields that are wrong. The options have their defaults.
func (o Options) check(bad *runs.InvalidError) {
	switch o.Existing {
	case SkipExisting, Overwrite, CreateCopy:
	default:
		bad.Add("options.existing", "existing_unknown", `must be "skip", "overwrite" or "copy"`)
	}
	switch o.Assignments {
	case NoAssignments, OriginalAssignments, MappedAssignments:
	default:
		bad.Add("options.assignments", "assignments_unknown", `must be "none", "original" or "mapped"`)
	}
	switch o.Access {
	case AccessKeep, AccessDisabled, AccessReportOnly, AccessOriginal:
	default:
		bad.Add("options.access_state", "access_state_unknown", `must be "keep", "disabled", "report_only" or "original"`)
	}
	switch {
	case o.CopySuffix == "":
	case o.Existing != CreateCopy:
		bad.Add("options.copy_suffix", "copy_suffix_unused", `belongs to existing "copy" only`)
	case len(o.CopySuffix) > maxSuffix || !utf8.ValidString(o.CopySuffix) || strings.TrimSpace(o.CopySuffix) == "" ||
		strings.ContainsFunc(o.CopySuffix, unicode.IsControl):
		bad.Add("options.copy_suffix", "copy_suffix_invalid", "needs 1 to 64 bytes of text without control characters")
	}
}
