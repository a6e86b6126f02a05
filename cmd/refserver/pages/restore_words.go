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
		runs.ReasonUnchanged:           "It is the same as in the backup.",
		runs.ReasonUnsupportedType:     "Policies of this type are backed up to look at; Graph offers no way to write them back.",
		runs.ReasonBuiltinObject:       "It is Microsoft's own, or one that every tenant has: nobody can make it.",
		runs.ReasonSecretsMasked:       "Graph never showed its secrets, so writing it would destroy them. Type them in by hand in the admin centre.",
		runs.ReasonDependencyMissing:   "Something that it refers to is not in this tenant. Make that first, or restore it as well where the backup set has it.",
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
	if item.Reason == runs.ReasonUnchanged && kind == runs.KindRestorePreview {
		return "It is already as these choices would make it."
	}
	if w, ok := words[item.Reason]; ok {
		return w
	}
	return sentence(strings.ReplaceAll(string(item.Reason), "_", " "))
}

// codeReachesAll stands for the warning "assignments_widen" of a policy that would be created:
// there is no now that it could reach more than.
const codeReachesAll = "created_for_all"

// codeStaysWeaker stands for the warning "access_state" of a policy that is left alone.
const codeStaysWeaker = "access_stays"

// warningCode is the code by which these pages know a warning of an item.
func warningCode(a restore.Action, code string) string {
	switch {
	case a == restore.Create && code == "assignments_widen":
		return codeReachesAll
	case a == restore.Unchanged && code == "access_state":
		return codeStaysWeaker
	}
	return code
}

// knownCaution is a code of warnings or of what blocks, in words: of all policies that have it, and of
// one.
type knownCaution struct{ code, words, short string }

// knownCautions are the warnings about what would be written, the gravest first.
var knownCautions = []knownCaution{
	{"access_state", "Conditional Access comes back in a weaker state than it was captured in, or than it has: it protects less until somebody enables it.",
		"Conditional Access would protect less"},
	{code: codeStaysWeaker, short: "Conditional Access stays weaker than it was captured"},
	{"assignments_widen", "These would reach more people or devices than they do now. Look at their assignments first.",
		"It would reach more than it does now"},
	{codeReachesAll, "These would be created for all users or all devices, and reach them at once. Look at their assignments first.",
		"It would reach them at once"},
	{"secrets_masked", "Graph never showed the secrets of these policies. They stay, since the live ones are the same.",
		"Its secrets are not in the backup. They stay only where the live ones are the same."},
	{"fixed_property", "These differ in a property that nobody can change once the object exists. It stays as it is.",
		"A property cannot be changed any more"},
	{"dependency_missing", "", "Something that it refers to is missing"},
	{"reference_unclear", "", "A reference is not clear"},
	{"name_taken", "", "A name is taken"},
}

// knownBlocks are the reasons for which a policy would not be written that somebody can do something
// about.
var knownBlocks = []knownCaution{
	{code: string(runs.ReasonDependencyMissing), words: "Something that they refer to is missing in this tenant."},
	{code: string(runs.ReasonAmbiguousMatch), words: "Several objects of the tenant could be meant. Rename or remove one of them, then make a new preview."},
	{code: string(runs.ReasonSecretsMasked), words: "Graph never showed their secrets, so writing them would destroy those. Type them in by hand in the admin centre."},
	{code: string(runs.ReasonConflict), words: "The name of the copy, or the id, belongs to another object. Choose another suffix."},
	{code: string(runs.ReasonForbidden), words: "The app may not read what they need in the tenant. Grant the permission and make a new preview."},
}

// tells tells whether a warning is worth a word: nobody is warned of what would not be done.
func tells(p restore.Preview, item restore.PreviewItem, code string) bool {
	written := item.Action == restore.Create || item.Action == restore.Change
	switch {
	case p.Kind != runs.KindRestorePreview || written || code == "secrets_masked":
		return true
	case item.Action == restore.Unchanged:
		return code == "access_state" // else it would look as if nothing differed
	case item.Action != restore.Blocked:
		return false
	}
	return code != "access_state" && code != "assignments_widen" && code != "fixed_property"
}

// previewWarning is a warning of a preview in words: what it means, and the detail.
func previewWarning(a restore.Action, w restore.Warning) string {
	w.Code = warningCode(a, w.Code)
	detail := visible(w.Detail)
	for _, c := range knownCautions {
		switch {
		case c.code != w.Code || c.short == "":
		case detail == "" || strings.HasSuffix(c.short, "."):
			return sentence(c.short)
		default:
			return sentence(c.short + ": " + detail)
		}
	}
	return sentence(detail)
}
