package pages

import (
	"bytes"
	"net/http"

	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// RenderDiff is a difference as HTML.
func RenderDiff(changes []backupset.Change, from, most, budget int, at func(int) string) (string, error) {
	all, err := loadTemplates()
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	v := newDiff(changes, diffLimits{before: "In the backup", after: "Live", from: from, most: most, budget: &budget, at: at})
	err = all["error"].ExecuteTemplate(&out, "diff", v)
	return out.String(), err
}

// Patterns are all patterns of the pages' own mux.
func (p *Pages) Patterns() []string { return p.patterns }

// PatternOf is the pattern that a request matches.
func (p *Pages) PatternOf(r *http.Request) string {
	_, pattern := p.mux.Handler(r)
	return pattern
}
