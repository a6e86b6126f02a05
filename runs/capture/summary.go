package capture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Summary is the account of a backup or inventory run, kept in [runs.Run.Summary].
type Summary struct {
	PoliciesTotal      int                                `json:"policies_total"`
	PoliciesBackedUp   int                                `json:"policies_backed_up"`
	ErrorsCount        int                                `json:"errors_count"`
	TypeBreakdown      map[graph.PolicyType]TypeBreakdown `json:"type_breakdown"`
	Warnings           []string                           `json:"warnings,omitempty"`
	UnknownPolicyTypes []graph.PolicyType                 `json:"unknown_policy_types,omitempty"`
}

// audited are the facts of a summary that the audit log keeps beside the set's name.
func audited(set string, s Summary) map[string]string {
	return map[string]string{
		"set_name": redact.Text(set), "captured": strconv.Itoa(s.PoliciesBackedUp), "policies": strconv.Itoa(s.PoliciesTotal),
	}
}

// TypeBreakdown is the account of one type.
type TypeBreakdown struct {
	Listed    int  `json:"listed"`
	Captured  int  `json:"captured"`
	Failed    int  `json:"failed"`
	Skipped   int  `json:"skipped"`
	Forbidden bool `json:"forbidden"`
	Complete  bool `json:"complete"` // the listing reached its end and lacks nothing that is known to exist
}

// BreakdownOf is the account that a set's manifest gives.
func BreakdownOf(m backupset.Manifest) TypeBreakdown {
	return TypeBreakdown{
		Listed: m.Listed, Captured: m.Captured, Failed: m.Failed, Skipped: m.Skipped,
		Forbidden: m.Forbidden, Complete: m.Complete,
	}
}

// account gathers what became of the types of a run.
type account struct {
	inventory bool // listing was all there was to do
	manifests []backupset.Manifest
	unknown   []graph.PolicyType
	warnings  map[string]int // code -> policies
	firstErr  error          // why a type could not be listed, other than 403
}

func (c *account) warn(codes []string) {
	for _, code := range codes {
		if c.warnings == nil {
			c.warnings = map[string]int{}
		}
		c.warnings[code]++
	}
}

// whole tells whether everything that was asked for is there.
func (c *account) whole() bool {
	return len(c.unknown) == 0 && !slices.ContainsFunc(c.manifests, func(m backupset.Manifest) bool {
		return !m.Complete || m.Forbidden || !c.inventory && !m.Whole()
	})
}

// listedNone tells whether not one type could be listed.
func (c *account) listedNone() bool {
	return !slices.ContainsFunc(c.manifests, func(m backupset.Manifest) bool { return m.Complete || m.Listed > 0 })
}

func (c *account) summary() Summary {
	s := Summary{TypeBreakdown: map[graph.PolicyType]TypeBreakdown{}, UnknownPolicyTypes: c.unknown}
	for _, m := range c.manifests {
		s.TypeBreakdown[m.Type] = BreakdownOf(m)
		s.PoliciesTotal += m.Listed
		s.PoliciesBackedUp += m.Captured
		s.ErrorsCount += m.Failed
		if !m.Complete {
			s.ErrorsCount++
		}
	}
	for code, n := range c.warnings {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s: %d", code, n))
	}
	slices.Sort(s.Warnings)
	return s
}

// result is how the run ends.
func (c *account) result() runs.Result {
	r := runs.Result{Status: runs.StatusSuccess, Summary: c.summary()}
	if c.whole() {
		return r
	}
	r.Status = runs.StatusPartial
	var incomplete, forbidden []string
	for _, m := range c.manifests {
		switch {
		case m.Forbidden:
			forbidden = append(forbidden, string(m.Type))
		case !m.Complete:
			incomplete = append(incomplete, string(m.Type))
		}
	}
	none := c.listedNone()
	switch {
	case len(c.unknown) > 0 && !none:
		r.Code = runs.CodeUnknownPolicyType
		r.Message = fmt.Sprintf("%d requested policy types are not known; take them out of the schedule or add them to the catalogue", len(c.unknown))
	case len(forbidden) > 0:
		r.Code = runs.CodeGraphForbidden
		r.Message = "not permitted to read: " + strings.Join(forbidden, ", ")
	case len(incomplete) > 0:
		r.Code = runs.CodeItemsFailed
		r.Message = "could not be listed to the end: " + strings.Join(incomplete, ", ")
	default:
		r.Code = runs.CodeItemsFailed
		r.Message = "some policies could not be captured; the items of the run say which"
	}
	if none {
		r.Status = runs.StatusFailed
		if len(forbidden) == 0 {
			r.Code = runs.CodeOf(c.firstErr)
		}
	}
	return r
}
