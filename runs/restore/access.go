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

// accessState is the weakest of what was captured, what the options allow and what is live.
// Without a captured state, which no object of Graph lacks, it is disabled.
func (d *desired) accessState(w wish, captured []byte) []byte {
	if captured == nil {
		d.warn(codeAccessState, "it will be %s; it was captured without a state", accessStates[0])
		return quoted(accessStates[0])
	}
	state := textOf(captured)
	allowed := map[AccessState]string{AccessDisabled: accessStates[0], AccessReportOnly: accessStates[1], AccessOriginal: state}[w.options.Access]
	best := state
	if strength(allowed) < strength(best) {
		best = allowed
	}
	if w.live != nil {
		if now := textOf(backupset.Lookup(w.live.canon, "state")); strength(now) < strength(best) {
			best = now
		}
	}
	if best != state {
		d.warn(codeAccessState, "it will be %s; it was captured %s", best, state)
	}
	return quoted(best)
}
