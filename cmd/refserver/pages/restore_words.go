package pages

import (
	"strings"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// whyWords says why an item of a preview or drift report is as it is, and what helps. It is
// empty where the action says everything.
func whyWords(kind runs.Kind, item restore.PreviewItem) string {
	if item.Reason == "" {
		return ""
	}
	words := map[runs.Reason]string{
		runs.ReasonExists:              "It exists, and existing policies are left alone.",
		runs.ReasonUnchanged:           "It is as it shall be.",
		runs.ReasonUnsupportedType:     "Policies of this type are backed up to look at; Graph offers no way to write them back.",
		runs.ReasonBuiltinObject:       "It is Microsoft's own, or one that every tenant has: nobody can make it.",
		runs.ReasonSecretsMasked:       "Graph never showed its secrets, so writing it would destroy them. Type them in by hand in the admin centre.",
		runs.ReasonDependencyMissing:   "Something that it refers to is not in this tenant, such as a group, a filter or a scope tag. Restore that as well, or make it first.",
		runs.ReasonAmbiguousMatch:      "Several objects could be meant, here or in what it refers to. Rename or remove one of them.",
		runs.ReasonInvalidPayload:      "What was captured is damaged or contradicts itself. It cannot be written as it is.",
		runs.ReasonForbidden:           "The app may not read this in the tenant. Grant the permission and make a new preview.",
		runs.ReasonIncompleteCapture:   "The tenant could not be read to its end, so nothing can be called missing. Try again later.",
		runs.ReasonThrottled:           "Graph asked to slow down until the attempts were used up. Try again later.",
		runs.ReasonTimeout:             "Graph gave no answer in time. Try again later.",
		runs.ReasonServiceUnavailable:  "Graph could not be reached. Try again later.",
		runs.ReasonUnauthenticated:     "Graph refused the app's sign-in. Renew its credential or consent.",
		runs.Reason("license_missing"): "The tenant has no licence for this type.",
		runs.ReasonConflict:            "It collides with another object of the tenant.",
		runs.ReasonNotFound:            "It is gone.",
	}
	if w, ok := words[item.Reason]; ok {
		return w
	}
	return sentence(strings.ReplaceAll(string(item.Reason), "_", " "))
}

// previewWarning is a warning of a preview in words: what it means, and the detail.
func previewWarning(w restore.Warning) string {
	words := map[string]string{
		"secrets_masked":     "Secrets are not in the backup. They stay only where the live ones are the same.",
		"assignments_widen":  "It would reach more than it does now",
		"dependency_missing": "Something it refers to is missing",
		"reference_unclear":  "A reference is not clear",
		"access_state":       "Conditional Access comes back weaker",
		"fixed_property":     "A property cannot be changed any more",
		"name_taken":         "A name is taken",
	}
	text, known := words[w.Code]
	switch {
	case !known:
		return sentence(visible(w.Detail))
	case w.Detail == "" || strings.HasSuffix(text, "."):
		return sentence(text)
	}
	return sentence(text + ": " + visible(w.Detail))
}
