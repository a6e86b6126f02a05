package api

import (
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/tenantatlas/tenantbackup/runs"
)

// The kinds of query parameters. All are strings to huma, so that it refuses none with a
// message of its own; their schemas tell what they must be.
type (
	idParam      string
	limitParam   string
	flagParam    string
	instantParam string
)

// Schema implements huma.SchemaProvider.
func (idParam) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
}

// Schema implements huma.SchemaProvider.
func (limitParam) Schema(huma.Registry) *huma.Schema {
	least, most := 1.0, float64(runs.MaxPageSize)
	return &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most, Default: runs.DefaultPageSize}
}

// Schema implements huma.SchemaProvider.
func (flagParam) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeBoolean} }

// Schema implements huma.SchemaProvider.
func (instantParam) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

// Paging is the query parameters of every list.
type Paging struct {
	Limit  limitParam `query:"limit" doc:"How many items at most"`
	Cursor string     `query:"cursor" doc:"next_cursor of the page before"`
}

func (p Paging) request(bad *runs.InvalidError) runs.PageRequest {
	page := runs.PageRequest{Cursor: p.Cursor}
	if p.Limit != "" {
		n, err := strconv.Atoi(string(p.Limit))
		if err != nil || n < 1 || n > runs.MaxPageSize {
			bad.Add("limit", "limit_range", "must be between 1 and 200")
		}
		page.Limit = n
	}
	return page
}

// List is one page of a list.
type List[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor" doc:"Send it as cursor to get the next page; null on the last one"`
}

// listOf shows a page.
func listOf[T, V any](page runs.Page[T], show func(T) V) List[V] {
	return List[V]{Items: each(page.Items, show), NextCursor: optional(page.NextCursor)}
}

// each shows the elements of a list that is never null.
func each[T, V any](list []T, show func(T) V) []V {
	out := make([]V, 0, len(list))
	for _, x := range list {
		out = append(out, show(x))
	}
	return out
}

// oneOf checks values against those that a field has, and returns the ones that were given.
func oneOf[T ~string](bad *runs.InvalidError, field string, values []string, allowed ...T) []T {
	var out []T
	for _, v := range values {
		switch {
		case v == "":
		case slices.Contains(allowed, T(v)):
			if !slices.Contains(out, T(v)) {
				out = append(out, T(v))
			}
		default:
			names := make([]string, len(allowed))
			for i, a := range allowed {
				names[i] = string(a)
			}
			bad.Add(field, field+"_unknown", "must be one of "+strings.Join(names, ", "))
		}
	}
	return out
}

func (p flagParam) value(bad *runs.InvalidError, field string) *bool {
	switch p {
	case "":
		return nil
	case "true", "false":
		on := p == "true"
		return &on
	}
	bad.Add(field, field+"_invalid", "must be true or false")
	return nil
}

func (p instantParam) value(bad *runs.InvalidError, field string) time.Time {
	if p == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, string(p))
	if err != nil {
		bad.Add(field, field+"_invalid", "must be a time such as 2026-03-29T01:00:00Z")
	}
	return at.UTC()
}

// between are the bounds of a filter by time.
func between(bad *runs.InvalidError, from, to instantParam) (at, before time.Time) {
	at, before = from.value(bad, "from"), to.value(bad, "to")
	if !at.IsZero() && !before.IsZero() && before.Before(at) {
		bad.Add("to", "to_invalid", "must not be before from")
	}
	return at, before
}

// queryNames returns the names of the query parameters that a struct holds, and whether
// each may be repeated.
func queryNames(t reflect.Type) map[string]bool {
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("query"), ","); name != "" {
			names[name] = f.Type.Kind() == reflect.Slice
		}
	}
	return names
}

// maxQueryValue bounds a query parameter. The longest are cursors of long names.
const maxQueryValue = 4096

// checkQuery refuses what no route could mean.
func checkQuery(raw string, known map[string]bool) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return runs.Invalid("query", "query_invalid", "must be well-formed: name=value, joined by &")
	}
	var bad runs.InvalidError
	for _, name := range slices.Sorted(maps.Keys(query)) {
		repeatable, ok := known[name]
		switch {
		case !ok:
			bad.Add(shown(name), "parameter_unknown", "is not a query parameter of this route")
			continue
		case len(query[name]) > 1 && !repeatable:
			bad.Add(name, "parameter_repeated", "is there more than once")
		}
		for _, v := range query[name] {
			if len(v) > maxQueryValue || !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
				bad.Add(name, "parameter_invalid", "must be a short text without control characters")
			}
		}
	}
	return bad.Err()
}
