package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/runs"
)

// maxDepth bounds how deep a body may be nested. The deepest one of this API has three
// levels.
const maxDepth = 16

// readBody reads a whole body, however long it says it is.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, newProblem(http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("a body has at most %d bytes", limit))
	case err != nil && r.Context().Err() == nil:
		return nil, newProblem(http.StatusBadRequest, "body_unreadable", "the body ended before it was complete")
	}
	return raw, err
}

// decodeBody fills a struct from one JSON object. encoding/json alone would let too much
// pass: it takes the last of repeated fields, any case of a name, and null for everything;
// and the texts of its errors repeat values.
//
// Fields are matched by their json tags and are strings, bools, ints, structs, slices of
// those, or pointers, which stay nil for a field that was left out. The error is a
// *[runs.InvalidError] that lists everything that is wrong.
func decodeBody(raw []byte, into any, optional bool) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		if optional {
			return nil
		}
		return runs.Invalid("body", "body_required", "send a JSON object")
	}
	// A token decoder forgives more than the parser does, so the parser looks first.
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return runs.Invalid("body", "body_invalid", "must be exactly one JSON value in UTF-8")
	}
	d := decoder{dec: json.NewDecoder(bytes.NewReader(raw))}
	d.dec.UseNumber()
	value := d.read("", 0)
	if d.tooDeep {
		return runs.Invalid("body", "body_too_deep", fmt.Sprintf("is nested more than %d levels deep", maxDepth))
	}
	d.bind("", value, reflect.ValueOf(into).Elem())
	return d.bad.Err()
}

type decoder struct {
	dec     *json.Decoder
	tooDeep bool
	bad     runs.InvalidError
}

// object is a JSON object in the order in which it was sent.
type object []member

type member struct {
	name  string
	value any
}

// read reads one value: object, []any, string, json.Number, bool or nil. What is nested too
// deep is not read.
func (d *decoder) read(path string, depth int) any {
	if depth > maxDepth {
		d.tooDeep = true
		return nil
	}
	token, _ := d.dec.Token() // the text is valid JSON
	switch token {
	case json.Delim('{'):
		var obj object
		seen := map[string]bool{}
		for d.dec.More() && !d.tooDeep {
			key, _ := d.dec.Token()
			name, _ := key.(string)
			if seen[name] {
				d.bad.Add(join(path, name), "field_repeated", "is there more than once")
			}
			seen[name] = true
			obj = append(obj, member{name, d.read(join(path, name), depth+1)})
		}
		_, _ = d.dec.Token()
		return obj
	case json.Delim('['):
		list := []any{}
		for d.dec.More() && !d.tooDeep {
			list = append(list, d.read(index(path, len(list)), depth+1))
		}
		_, _ = d.dec.Token()
		return list
	}
	return token
}

// bind puts a value where it belongs.
func (d *decoder) bind(path string, value any, to reflect.Value) {
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		d.bind(path, value, to.Elem())
	case reflect.Struct:
		obj, ok := value.(object)
		if !ok {
			d.mismatch(path, "a JSON object")
			return
		}
		fields := fieldsOf(to.Type())
		for _, m := range obj {
			if i, known := fields[m.name]; known {
				d.bind(join(path, m.name), m.value, to.Field(i))
			} else {
				d.bad.Add(join(path, m.name), "field_unknown", "is not a field of this request")
			}
		}
	case reflect.Slice:
		list, ok := value.([]any)
		if !ok {
			d.mismatch(path, "a list")
			return
		}
		to.Set(reflect.MakeSlice(to.Type(), len(list), len(list)))
		for i, element := range list {
			d.bind(index(path, i), element, to.Index(i))
		}
	case reflect.String:
		s, ok := value.(string)
		if !ok {
			d.mismatch(path, "a string")
			return
		}
		to.SetString(s)
	case reflect.Bool:
		b, ok := value.(bool)
		if !ok {
			d.mismatch(path, "true or false")
			return
		}
		to.SetBool(b)
	case reflect.Int, reflect.Int64:
		bits := 32
		if to.Kind() == reflect.Int64 {
			bits = 64
		}
		number, _ := value.(json.Number)
		n, err := strconv.ParseInt(number.String(), 10, bits)
		if err != nil {
			d.mismatch(path, "a whole number")
			return
		}
		to.SetInt(n)
	}
}

func (d *decoder) mismatch(path, want string) {
	if path == "" {
		path = "body"
	}
	d.bad.Add(path, "type_mismatch", "must be "+want)
}

// fieldsOf maps the names of a struct's fields to their places.
func fieldsOf(t reflect.Type) map[string]int {
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[name] = i
	}
	return fields
}

func join(path, name string) string {
	name = shown(name)
	if path == "" {
		return name
	}
	return path + "." + name
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// shown is how an answer calls a field or parameter that may be of the caller's invention:
// as it is when it looks like one of ours. Anything else might be a value that slipped.
func shown(name string) string {
	const maxName = 40
	if name == "" || len(name) > maxName {
		return "(unknown)"
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return "(unknown)"
		}
	}
	return name
}
