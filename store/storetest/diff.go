package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// same fails the test with every difference between what came and what was expected.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := diff(got, want); len(d) > 0 {
		t.Errorf("%s:\n  %s", what, strings.Join(d, "\n  "))
	}
}

// diff lists the places at which two values differ. It sees through what a store may choose:
// a nil slice or map equals an empty one, and JSON equals JSON with the same values, with
// numbers compared as they are written. It insists on what a store may not: a time is UTC.
func diff(got, want any) []string {
	if want == nil && got != nil && reflect.ValueOf(got).Kind() == reflect.Slice {
		want = reflect.Zero(reflect.TypeOf(got)).Interface() // "none" of whatever was listed
	}
	var d differ
	d.walk("", reflect.ValueOf(got), reflect.ValueOf(want))
	return d.lines
}

type differ struct{ lines []string }

// maxLines keeps a test's output readable when everything is different.
const maxLines = 12

func (d *differ) add(path, format string, args ...any) {
	if len(d.lines) < maxLines {
		line := fmt.Sprintf(format, args...)
		if path != "" {
			line = strings.TrimPrefix(path, ".") + ": " + line
		}
		d.lines = append(d.lines, line)
	}
}

func (d *differ) walk(path string, got, want reflect.Value) {
	if !got.IsValid() || !want.IsValid() {
		if got.IsValid() != want.IsValid() {
			d.add(path, "got %v, want %v", show(got), show(want))
		}
		return
	}
	if got.Type() != want.Type() {
		d.add(path, "got a %s, want a %s", got.Type(), want.Type())
		return
	}
	switch w := want.Interface().(type) {
	case time.Time:
		d.time(path, got.Interface().(time.Time), w)
		return
	case json.RawMessage:
		if g := got.Interface().(json.RawMessage); !sameJSON(g, w) {
			d.add(path, "got %s, want %s", g, w)
		}
		return
	case []byte:
		if g := got.Interface().([]byte); !bytes.Equal(g, w) {
			d.add(path, "got %q, want %q", g, w)
		}
		return
	}
	switch want.Kind() {
	case reflect.Struct:
		for i := range want.NumField() {
			d.walk(path+"."+want.Type().Field(i).Name, got.Field(i), want.Field(i))
		}
	case reflect.Slice:
		if got.Len() != want.Len() {
			d.add(path, "got %d elements, want %d: got %v, want %v", got.Len(), want.Len(), show(got), show(want))
			return
		}
		for i := range want.Len() {
			d.walk(fmt.Sprintf("%s[%d]", path, i), got.Index(i), want.Index(i))
		}
	case reflect.Map:
		d.maps(path, got, want)
	case reflect.Interface, reflect.Pointer:
		d.walk(path, got.Elem(), want.Elem())
	default:
		if !reflect.DeepEqual(got.Interface(), want.Interface()) {
			d.add(path, "got %s, want %s", show(got), show(want))
		}
	}
}

func (d *differ) time(path string, got, want time.Time) {
	switch {
	case got.IsZero() && want.IsZero():
	case !got.Equal(want):
		d.add(path, "got %s, want %s", got.Format(time.RFC3339Nano), want.Format(time.RFC3339Nano))
	case got.Location() != time.UTC:
		d.add(path, "got %s in zone %s, want it in UTC", got.Format(time.RFC3339Nano), got.Location())
	}
}

func (d *differ) maps(path string, got, want reflect.Value) {
	keys := map[string]reflect.Value{}
	for _, k := range slices.Concat(got.MapKeys(), want.MapKeys()) {
		keys[fmt.Sprint(k)] = k
	}
	names := make([]string, 0, len(keys))
	for name := range keys {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		g, w := got.MapIndex(keys[name]), want.MapIndex(keys[name])
		place := path + "[" + name + "]"
		switch {
		case !g.IsValid():
			d.add(place, "is missing, want %s", show(w))
		case !w.IsValid():
			d.add(place, "should not be there: %s", show(g))
		default:
			d.walk(place, g, w)
		}
	}
}

func show(v reflect.Value) string {
	if !v.IsValid() {
		return "nothing"
	}
	text := fmt.Sprintf("%+v", v.Interface())
	if v.Kind() == reflect.String {
		text = fmt.Sprintf("%q", v.String())
	}
	if len(text) > 400 {
		text = text[:400] + " ..."
	}
	return text
}

// sameJSON compares values, not spelling: a database may keep JSON without its white space.
func sameJSON(a, b json.RawMessage) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	x, errX := decodeJSON(a)
	y, errY := decodeJSON(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

func decodeJSON(raw json.RawMessage) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // a number that was rounded is another number
	err = dec.Decode(&v)
	return v, err
}
