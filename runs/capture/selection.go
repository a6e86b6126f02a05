package capture

import (
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

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
