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

// codeReachesAll stands for the warning "assignments_widen" of a policy that would be created:
// there is no now that it could reach more than.
const codeReachesAll = "created_for_all"

// warningCode is the code by which these pages know a warning of an item.
func warningCode(a restore.Action, code string) string {
	if a == restore.Create && code == "assignments_widen" {
		return codeReachesAll
	}
	return code
}

// knownCautions are what a person should know before a restore, the gravest first, by the codes
// of warnings and of what blocks.
var knownCautions = []struct{ code, words, short string }{
	{"secrets_masked", "Graph never showed the secrets of these policies. They stay where the live ones are the same; elsewhere the policy is blocked, and the secret must be typed in by hand.",
		"Its secrets are not in the backup. They stay only where the live ones are the same."},
	{"access_state", "Conditional Access comes back in a weaker state than it was captured in, or than it has: it protects less until somebody enables it.",
		"Conditional Access would protect less"},
	{"assignments_widen", "These would reach more people or devices than they do now. Look at their assignments first.",
		"It would reach more than it does now"},
	{codeReachesAll, "These would be created for all users or all devices, and reach them at once. Look at their assignments first.",
		"It would reach them at once"},
	{"dependency_missing", "Groups, filters or other objects that these refer to are not in this tenant. Make them first, restore them as well, or choose to map assignments to groups of the same name.",
		"Something that it refers to is missing"},
	{"reference_unclear", "What these refer to could be several objects here, or could not be looked up. Check it after the restore.",
		"A reference is not clear"},
	{"ambiguous_match", "Several objects of the tenant could be meant. Rename or remove one of them, then make a new preview.", ""},
	{"fixed_property", "These differ in a property that nobody can change once the object exists. It stays as it is.",
		"A property cannot be changed any more"},
	{"name_taken", "The name of the copy, or the id, belongs to another object. Choose another suffix.",
		"A name is taken"},
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
