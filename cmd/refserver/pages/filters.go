package pages

import (
	"net/http"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// A filter that is not understood must not be left out: the list would look as if it were filtered.

// yesNo are the choices of a filter by what is or is not.
var yesNo = []string{"yes", "no"}

// notOffered says what is wrong with the value of a filter.
const notOffered = "is not one of the choices that this list offers"

// anyOf reads the values of a filter that offers choices, each once. One that is not offered is noted
// in bad.
func anyOf[T ~string](v *visit, bad *runs.InvalidError, name string, offered []T) (chosen []T) {
	for _, s := range v.query[name] {
		switch {
		case s == "" || slices.Contains(chosen, T(s)):
		case slices.Contains(offered, T(s)):
			chosen = append(chosen, T(s))
		case !slices.ContainsFunc(bad.Fields, func(e runs.FieldError) bool { return e.Field == name }):
			bad.Add(name, "choice_unknown", notOffered)
		}
	}
	return chosen
}

// oneOf is the same for a filter with a single value; "" when nothing is chosen.
func oneOf[T ~string](v *visit, bad *runs.InvalidError, name string, offered []T) T {
	s := T(v.query.Get(name))
	if s != "" && !slices.Contains(offered, s) {
		bad.Add(name, "choice_unknown", notOffered)
		return ""
	}
	return s
}

// typeOf reads a filter by policy type: one that the catalogue knows, or that the list has.
func (v *visit) typeOf(bad *runs.InvalidError, name string, has ...graph.PolicyType) graph.PolicyType {
	t := graph.PolicyType(v.query.Get(name))
	if _, known := v.cfg.Catalogue.Lookup(t); known {
		return t
	}
	return oneOf(v, bad, name, has)
}

// unfiltered is the address of a list whose filters are not right, without them; empty for others.
func unfiltered(r *http.Request, status int) string {
	if r.Method != http.MethodGet || status != http.StatusUnprocessableEntity || r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.EscapedPath()
}
