package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// document is as much of an OpenAPI document as the tests read.
type document struct {
	OpenAPI    string                          `json:"openapi"`
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`

	list []operation // all of them by id
}

type operation struct {
	ID         string `json:"operationId"`
	Summary    string `json:"summary"`
	Parameters []struct {
		Name   string `json:"name"`
		In     string `json:"in"`
		Schema schema `json:"schema"`
	} `json:"parameters"`
	RequestBody *struct {
		Content map[string]mediaType `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]mediaType `json:"content"`
	} `json:"responses"`

	method, path string
}

type mediaType struct {
	Schema  schema          `json:"schema"`
	Example json.RawMessage `json:"example"`
}

type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"` // a string or a list of them
	Format     string            `json:"format"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Items      *schema           `json:"items"`
	Enum       []any             `json:"enum"`
	Additional json.RawMessage   `json:"additionalProperties"`
}

func readDocument(raw []byte) (d document, err error) {
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, err
	}
	for path, methods := range d.Paths {
		for method, op := range methods {
			op.method, op.path = strings.ToUpper(method), path
			d.list = append(d.list, op)
		}
	}
	slices.SortFunc(d.list, func(a, b operation) int { return strings.Compare(a.ID, b.ID) })
	return d, nil
}

// find returns the operation that a path belongs to. Constant segments go before
// parameters, as in a ServeMux.
func (d document) find(method, path string) (operation, bool) {
	path, _, _ = strings.Cut(path, "?")
	var found operation
	for _, op := range d.list {
		if op.method == method && matches(op.path, path) && (found.ID == "" || strings.Count(op.path, "{") < strings.Count(found.path, "{")) {
			found = op
		}
	}
	return found, found.ID != ""
}

func matches(pattern, path string) bool {
	p, s := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(p, s, func(p, s string) bool { return p == s || strings.HasPrefix(p, "{") })
}

// The document is what GET /openapi.json answers: 3.1, every operation with an id of its
// own, a summary, its path parameters and the answers that any request may get.
func TestDocument(t *testing.T) {
	w := newWorld(t)
	r := w.do("", http.MethodGet, "/openapi.json", "")
	if r.status != http.StatusOK || r.body != string(w.api.document) {
		t.Fatalf("GET /openapi.json: %d", r.status)
	}
	if w.document.OpenAPI != "3.1.0" {
		t.Errorf("openapi %q", w.document.OpenAPI)
	}
	seen := map[string]bool{}
	for _, op := range w.document.list {
		if op.ID == "" || seen[op.ID] || op.Summary == "" {
			t.Errorf("%s %s: operation id %q, summary %q", op.method, op.path, op.ID, op.Summary)
		}
		seen[op.ID] = true
		var inPath []string
		for _, p := range op.Parameters {
			if p.In == "path" {
				inPath = append(inPath, "{"+p.Name+"}")
			}
		}
		var want []string
		for segment := range strings.SplitSeq(op.path, "/") {
			if strings.HasPrefix(segment, "{") {
				want = append(want, segment)
			}
		}
		if diff := cmp.Diff(want, inPath); diff != "" {
			t.Errorf("%s: path parameters %s", op.ID, diff)
		}
		if strings.Contains(op.path, "{tenant}") {
			for _, status := range []string{"401", "403", "422", "500"} {
				if _, ok := op.Responses[status].Content[problemType]; !ok {
					t.Errorf("%s: %s is not documented as a problem", op.ID, status)
				}
			}
		}
	}
	for name, s := range w.document.Components.Schemas {
		if name == "ErrorModel" || name == "ErrorDetail" || strings.HasPrefix(name, "Error") {
			t.Errorf("schema %s is not of this API", name)
		}
		for field := range s.Properties {
			if field == "$schema" {
				t.Errorf("schema %s has %s", name, field)
			}
		}
	}
	checkRefs(t, w.api.document, w.document)
}

// checkRefs follows every $ref of the document.
func checkRefs(t *testing.T, raw []byte, d document) {
	t.Helper()
	var whole any
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	walk(whole, func(key string, v any) {
		ref, ok := v.(string)
		if key != "$ref" || !ok {
			return
		}
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		used[name] = true
		if _, ok := d.Components.Schemas[name]; !ok {
			t.Errorf("%s leads nowhere", ref)
		}
	})
	for name := range d.Components.Schemas {
		if !used[name] {
			t.Errorf("schema %s is not used", name)
		}
	}
}

func walk(v any, visit func(key string, v any)) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			visit(k, e)
			walk(e, visit)
		}
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	}
}

// Every pattern of the mux is an operation of the document, and the other way round, so
// that nothing is served which the tables of this package do not see.
func TestEveryRouteIsInTheDocument(t *testing.T) {
	w := newWorld(t)
	want := []string{"GET " + documentPath}
	for _, op := range w.document.list {
		want = append(want, op.method+" "+op.path)
	}
	if diff := cmp.Diff(sorted(want), sorted(slices.Clone(w.api.mux.patterns))); diff != "" {
		t.Errorf("document and mux (-document +mux):\n%s", diff)
	}
}
