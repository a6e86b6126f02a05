package capture

import (
	"encoding/json"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Types returns the policy types that a run lists one after the other and captures, in that
// order; nil for a run of another sort, such as one of single policies. The total of such a run
// grows with each type that it lists, so that until its end only its types say how far it is: each
// one that is done has an account in the run's set. c must be the catalogue of the [Executor].
func Types(c *graph.Catalogue, run runs.Run) []graph.PolicyType {
	switch run.Kind {
	case runs.KindBackup:
		var p runs.BackupParams
		if json.Unmarshal(run.Params, &p) == nil {
			return resolve(c, p.PolicyTypes, p.IncludeFoundations).known
		}
	case runs.KindSetCreate:
		var p CreateSetParams
		if json.Unmarshal(run.Params, &p) != nil {
			return nil
		}
		if p.Everything {
			p.PolicyTypes = everything(c)
		}
		return resolve(c, p.PolicyTypes, p.IncludeFoundations).known
	}
	return nil
}

// selection is what a run captures.
type selection struct {
	known   []graph.PolicyType // in the order asked for, then the foundations
	unknown []graph.PolicyType
}

// resolve splits the requested types into those that can be captured and the others.
// Nothing is dropped in silence: a type that the catalogue does not know, or that cannot be
// captured by itself, is reported by the run.
func resolve(c *graph.Catalogue, types []graph.PolicyType, foundations bool) selection {
	var s selection
	for _, t := range types {
		info, ok := c.Lookup(t)
		switch {
		case slices.Contains(s.known, t) || slices.Contains(s.unknown, t):
		case ok && info.Capturable():
			s.known = append(s.known, t)
		default:
			s.unknown = append(s.unknown, t)
		}
	}
	if foundations && len(s.known) > 0 {
		for _, f := range c.Foundations() {
			if !slices.Contains(s.known, f.Key) {
				s.known = append(s.known, f.Key)
			}
		}
	}
	return s
}
