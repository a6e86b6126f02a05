package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// conforms checks an answer against the document.
func (w *world) conforms(method, path string, r reply) {
	w.t.Helper()
	op, ok := w.document.find(method, path)
	if !ok || r.code() == "not_found" {
		return // no route: there is nothing to hold it against
	}
	answer, ok := op.Responses[fmt.Sprint(r.status)]
	if !ok {
		w.t.Errorf("%s %s answered %d, which the document does not know", op.ID, path, r.status)
		return
	}
	if len(answer.Content) == 0 {
		if r.body != "" {
			w.t.Errorf("%s %s answered %d with a body", op.ID, path, r.status)
		}
		return
	}
	media, ok := answer.Content[r.header.Get("Content-Type")]
	if !ok {
		w.t.Errorf("%s %s: content type %q is not in the document", op.ID, path, r.header.Get("Content-Type"))
		return
	}
	if media.Schema.Format == "binary" {
		return
	}
	dec := json.NewDecoder(strings.NewReader(r.body))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		w.t.Errorf("%s %s: %v", op.ID, path, err)
		return
	}
	for _, e := range append(w.document.check(media.Schema, value, "$"), w.document.foreign(op, r)...) {
		w.t.Errorf("%s %s: %s\n%s", op.ID, path, e, r.body)
	}
}

// foreign lists the fields that a problem names and the request cannot have. What somebody made
// up is named as it was sent.
func (d document) foreign(op operation, r reply) (errs []string) {
	madeUp := []string{"field_unknown", "field_repeated", "parameter_unknown", "parameter_repeated"}
	known := []string{"body", "query", "file"}
	for _, p := range op.Parameters {
		known = append(known, p.Name)
	}
	if op.RequestBody != nil {
		for _, media := range op.RequestBody.Content {
			named := d.Components.Schemas[strings.TrimPrefix(media.Schema.Ref, "#/components/schemas/")]
			known = slices.AppendSeq(known, maps.Keys(named.Properties))
		}
	}
	for _, f := range r.fields() {
		field, code, _ := strings.Cut(f, " ")
		field = field[:strings.IndexAny(field+".", ".[")]
		if r.status == http.StatusUnprocessableEntity && !slices.Contains(madeUp, code) && !slices.Contains(known, field) {
			errs = append(errs, "it names the field "+field+", which the request does not have")
		}
	}
	return errs
}

// check lists where a value is not what a schema says.
func (d document) check(s schema, v any, at string) (errs []string) {
	if s.Ref != "" {
		named, ok := d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
		if !ok {
			return []string{at + ": no schema " + s.Ref}
		}
		s = named
	}
	if s.Type == nil {
		return nil // any value
	}
	types := []any{s.Type}
	if list, ok := s.Type.([]any); ok {
		types = list
	}
	kind := jsonType(v)
	if !slices.Contains(types, any(kind)) && (kind != "integer" || !slices.Contains(types, any("number"))) {
		return []string{fmt.Sprintf("%s is %s, not %v", at, kind, types)}
	}
	if len(s.Enum) > 0 && v != nil && !slices.Contains(s.Enum, v) {
		errs = append(errs, fmt.Sprintf("%s is not one of %v", at, s.Enum))
	}
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, v); s.Format == "date-time" && (err != nil || !strings.HasSuffix(v, "Z")) {
			errs = append(errs, at+" is not a time in UTC")
		}
		if s.Format == "uuid" && len(v) != 36 {
			errs = append(errs, at+" is not a UUID")
		}
	case []any:
		for i, e := range v {
			errs = append(errs, d.check(*s.Items, e, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				errs = append(errs, at+" lacks "+name)
			}
		}
		for name, e := range v {
			if p, ok := s.Properties[name]; ok {
				errs = append(errs, d.check(p, e, at+"."+name)...)
				continue
			}
			var rest schema
			if string(s.Additional) == "false" || json.Unmarshal(s.Additional, &rest) != nil {
				errs = append(errs, at+" has "+name+", which is not in the document")
				continue
			}
			errs = append(errs, d.check(rest, e, at+"."+name)...)
		}
	}
	return errs
}

func jsonType(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "number"
		}
		return "integer"
	case []any:
		return "array"
	}
	return "object"
}

// The check that all answers of these tests go through can fail.
func TestCheckCatches(t *testing.T) {
	w := newWorld(t)
	good := `{"type":"about:blank","title":"x","status":1,"detail":"x","code":"x","errors":[]}`
	problem := schema{Ref: "#/components/schemas/Problem"}
	for name, c := range map[string]struct {
		body string
		bad  bool
	}{
		"right":            {good, false},
		"a missing field":  {strings.Replace(good, `"title":"x",`, "", 1), true},
		"another type":     {strings.Replace(good, `"status":1`, `"status":"1"`, 1), true},
		"null for a list":  {strings.Replace(good, `[]`, `null`, 1), true},
		"an unknown field": {strings.Replace(good, `"code"`, `"x":1,"code"`, 1), true},
		"a wrong element":  {strings.Replace(good, `[]`, `[{"field":1,"code":"x","message":"x"}]`, 1), true},
	} {
		dec := json.NewDecoder(strings.NewReader(c.body))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if errs := w.document.check(problem, v, "$"); (len(errs) > 0) != c.bad {
			t.Errorf("%s: %v", name, errs)
		}
	}
}
