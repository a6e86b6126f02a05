package restore

import (
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

const accessType = graph.PolicyType("conditionalAccessPolicy")

// accessStates are the states of a Conditional Access policy, the weaker first.
var accessStates = []string{"disabled", "enabledForReportingButNotEnforced", "enabled"}

// strength is how strict a state is. One that is not known counts as enforced.
func strength(state string) int {
	if i := slices.Index(accessStates, state); i >= 0 {
		return i
	}
	return len(accessStates) - 1
}

// accessState is the weakest of what was captured, what the options allow and what is live; what is
// live does not count where the captured state was asked for, and confirmed. Without a captured
// state, which no object of Graph lacks, it is disabled.
func (d *desired) accessState(w wish, captured []byte) []byte {
	if captured == nil {
		d.warn(codeAccessState, "it will be %s; it was captured without a state", accessStates[0])
		return quoted(accessStates[0])
	}
	state, now := textOf(captured), ""
	best := weaker(state, w.options.Access.allowed(state, w.live != nil))
	if w.live != nil {
		now = textOf(backupset.Lookup(w.live.canon, "state"))
		if w.options.Access != AccessOriginal {
			best = weaker(best, now)
		}
	}
	switch {
	case best != state:
		d.warn(codeAccessState, "it will be %s; it was captured %s", best, state)
	case w.live != nil && strength(best) < strength(now):
		d.warn(codeAccessState, "it will be %s, as it was captured; it is %s now", best, now)
	}
	return quoted(best)
}

// allowed is the strictest state that the option allows for a policy of a captured state.
func (o AccessState) allowed(captured string, exists bool) string {
	switch {
	case o == AccessOriginal, o == AccessKeep && exists:
		return captured
	case o == AccessReportOnly:
		return accessStates[1]
	}
	return accessStates[0]
}

// weaker is the weaker of two states, the first where they are equally strict.
func weaker(a, b string) string {
	if strength(b) < strength(a) {
		return b
	}
	return a
}
