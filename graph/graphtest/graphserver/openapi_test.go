package graphserver_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

// openAPI is Microsoft's own description of Graph.
type openAPI struct {
	Paths map[string]map[string]struct {
		RequestBody struct {
			Content map[string]struct{ Schema *schema }
		}
		Responses map[string]struct {
			Content map[string]struct{ Schema *schema }
		}
	}
	Components struct{ Schemas map[string]*schema }
}

// schema is as much of JSON Schema as that description uses.
type schema struct {
	Ref           string `json:"$ref"`
	Title         string
	Type          string
	Nullable      bool
	Format        string
	Pattern       string
	Enum          []string
	Required      []string
	Minimum       *float64
	Maximum       *float64
	MaxProperties *int
	Items         *schema
	Properties    map[string]*schema
	AllOf         []*schema
	AnyOf         []*schema

	pattern *regexp.Regexp
}

// readOpenAPI reads the description from the shared data, or skips the test by name.
func readOpenAPI(t testing.TB) *openAPI {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(testenv.Data(t), "graph-openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out openAPI
	if err := json.Unmarshal(doc, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

// match finds the path of the description that an address is of: "/beta/a/5" is of
// "/beta/a/{a-id}". Whole names go before keys.
func (api *openAPI) match(address string) (string, bool) {
	address, _, _ = strings.Cut(strings.TrimPrefix(address, "http://graph.test"), "?")
	pieces := strings.Split(regexp.MustCompile(`\('([^']*)'\)`).ReplaceAllString(address, "/$1"), "/")
	best, fixed := "", -1
	for path := range api.Paths {
		want := strings.Split(path, "/")
		if len(want) != len(pieces) {
			continue
		}
		n := 0
		for i := range want {
			switch {
			case want[i] == pieces[i]:
				n++
			case !strings.HasPrefix(want[i], "{"):
				n = -len(want)
			}
		}
		if n > fixed {
			best, fixed = path, n
		}
	}
	return best, best != ""
}

// validator checks values against the description.
type validator struct {
	api      *openAPI
	problems []string

	// unknown are the properties that the description does not have, as "type property". Of
	// derived types, which it does not describe, none are unknown.
	unknown map[string]bool

	// path is that of the request. What stands below its objects may be expanded in them.
	path string
}

func newValidator(api *openAPI, path string) *validator {
	return &validator{api: api, unknown: map[string]bool{}, path: path}
}

func (v *validator) fail(at, format string, args ...any) {
	v.problems = append(v.problems, at+": "+fmt.Sprintf(format, args...))
}

func (v *validator) resolve(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = v.api.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}

// check reports what is wrong with a value at a place.
func (v *validator) check(s *schema, value any, at string) {
	s = v.resolve(s)
	if s == nil {
		v.fail(at, "the description has no schema for it")
		return
	}
	if len(s.AnyOf) > 0 {
		v.anyOf(s, value, at)
		return
	}
	if value == nil {
		if !s.Nullable {
			v.fail(at, "null, and not nullable")
		}
		return
	}
	if object, ok := value.(map[string]any); ok && (len(s.AllOf) > 0 || s.Type == "object") {
		v.object(s, object, at)
		return
	}
	switch got := value.(type) {
	case string:
		v.text(s, got, at)
	case json.Number:
		v.number(s, got, at)
	case bool:
		if s.Type != "boolean" {
			v.fail(at, "a boolean, want %s", s.Type)
		}
	case []any:
		if s.Type != "array" {
			v.fail(at, "an array, want %s", s.Type)
			return
		}
		for i, e := range got {
			v.check(s.Items, e, fmt.Sprintf("%s[%d]", at, i))
		}
	default:
		v.fail(at, "an object, want %s", s.Type)
	}
}

// anyOf wants one of the alternatives to fit, and reports on the first if none does.
func (v *validator) anyOf(s *schema, value any, at string) {
	var first *validator
	for _, alternative := range s.AnyOf {
		try := newValidator(v.api, v.path)
		try.check(alternative, value, at)
		if len(try.problems) == 0 {
			maps.Copy(v.unknown, try.unknown)
			return
		}
		if first == nil {
			first = try
		}
	}
	v.problems = append(v.problems, first.problems...)
}

// properties are those of a type and of what it is derived from, and its name.
func (v *validator) properties(s *schema) (all map[string]*schema, required []string, title string, max int) {
	all, max = map[string]*schema{}, -1
	s = v.resolve(s)
	for _, base := range s.AllOf {
		inherited, needed, name, _ := v.properties(base)
		maps.Copy(all, inherited)
		required, title = append(required, needed...), name
	}
	maps.Copy(all, s.Properties)
	if s.MaxProperties != nil {
		max = *s.MaxProperties
	}
	if s.Title != "" {
		title = s.Title
	}
	return all, append(required, s.Required...), title, max
}

func (v *validator) object(s *schema, object map[string]any, at string) {
	known, required, title, most := v.properties(s)
	kind := strings.TrimPrefix(fmt.Sprint(object["@odata.type"]), "#microsoft.graph.")
	version, _, _ := strings.Cut(strings.TrimPrefix(v.path, "/"), "/")
	version, _, _ = strings.Cut(version, ".") // "v1"
	derived := object["@odata.type"] != nil && kind != title
	if own := v.api.Components.Schemas[version+".microsoft.graph."+kind]; derived && own != nil {
		known, required, _, _ = v.properties(own)
		title, derived = kind, false
	}
	if most >= 0 && len(object) > most {
		v.fail(at, "an object of %d properties, want at most %d", len(object), most)
	}
	for _, key := range required {
		if _, ok := object[key]; !ok {
			v.fail(at, "%s is missing", key)
		}
	}
	for key, inner := range object {
		if strings.Contains(key, "@odata.") || strings.HasPrefix(key, "#") {
			continue
		}
		if s, ok := known[key]; ok {
			v.check(s, inner, at+"."+key)
			continue
		}
		if s := v.part(key); s != nil {
			v.check(s, inner, at+"."+key)
			continue
		}
		if !derived {
			v.unknown[title+" "+key] = true
		}
	}
}

// part is the schema of a collection below an object, which it shows when it is expanded.
func (v *validator) part(name string) *schema {
	collection, _, _ := strings.Cut(v.path, "/{")
	for path, methods := range v.api.Paths {
		if strings.HasPrefix(path, collection+"/{") && strings.HasSuffix(path, "}/"+name) {
			shown := v.resolve(methods["get"].Responses["200"].Content["application/json"].Schema)
			if shown == nil {
				continue
			}
			if list := shown.Properties["value"]; list != nil {
				return list
			}
			return shown
		}
	}
	return nil
}

func (v *validator) text(s *schema, got, at string) {
	if s.Type != "string" {
		v.fail(at, "a string, want %s", s.Type)
		return
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, got) {
		v.fail(at, "%q is none of %v", got, s.Enum)
	}
	if s.Pattern != "" {
		if s.pattern == nil {
			s.pattern = regexp.MustCompile(s.Pattern)
		}
		if !s.pattern.MatchString(got) {
			v.fail(at, "%q does not match %s", got, s.Pattern)
		}
	}
	switch s.Format {
	case "date-time":
		if _, err := time.Parse(time.RFC3339Nano, got); err != nil {
			v.fail(at, "%q is no time", got)
		}
	case "base64url": // Graph writes the other alphabet, too
		if _, err := base64.StdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(got)); err != nil {
			v.fail(at, "is not base64")
		}
	}
}

func (v *validator) number(s *schema, got json.Number, at string) {
	n, err := got.Float64()
	switch {
	case s.Type != "integer" && s.Type != "number", err != nil:
		v.fail(at, "a number, want %s", s.Type)
		return
	case s.Minimum != nil && n < *s.Minimum || s.Maximum != nil && n > *s.Maximum:
		v.fail(at, "%s is out of range", got)
	}
	if _, err := strconv.ParseInt(got.String(), 10, 64); s.Type == "integer" && err != nil {
		v.fail(at, "%s is not whole", got)
	}
}
