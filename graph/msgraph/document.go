package msgraph

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// document is a JSON object on its way to Graph, whose values keep their bytes.
type document map[string]json.RawMessage

// json encodes the document. Keys are sorted, which puts "@odata.type" first, where parsers of
// OData want it.
func (d document) json() json.RawMessage {
	out := []byte("{")
	for _, key := range slices.Sorted(maps.Keys(d)) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		name, _ := json.Marshal(key) // a string always has a JSON form
		out = append(append(append(out, name...), ':'), d[key]...)
	}
	return append(out, '}')
}

// only is a copy with the named properties alone.
func (d document) only(names ...string) document {
	out := document{}
	for _, name := range names {
		if v, ok := d[name]; ok {
			out[name] = v
		}
	}
	return out
}

// without is a copy that lacks the named properties.
func (d document) without(names ...string) document {
	out := maps.Clone(d)
	for _, name := range names {
		delete(out, name)
	}
	return out
}

// has tells whether there is a value that is not null.
func (d document) has(name string) bool {
	v, ok := d[name]
	return ok && string(bytes.TrimSpace(v)) != "null"
}

// quoted is a string as JSON.
func quoted(s string) json.RawMessage {
	out, _ := json.Marshal(s) // a string always has a JSON form
	return out
}

// bind lets bindings, which name objects by their URL, lead to the configured root: those of a
// capture from another cloud lead elsewhere. Only the object's own are looked at, and those of
// the elements of its arrays.
func (w writing) bind(object document) {
	const suffix = "@odata.bind"
	for key, v := range object {
		switch {
		case strings.HasSuffix(key, suffix):
			object[key] = w.rooted(v)
		case bytes.Contains(v, []byte(suffix)) && len(bytes.TrimSpace(v)) > 0 && bytes.TrimSpace(v)[0] == '[':
			rows := elements(v)
			for i, row := range rows {
				if inner, ok := fields(row); ok {
					w.bind(inner)
					rows[i] = document(inner).json()
				}
			}
			object[key] = array(rows)
		}
	}
}

// rooted replaces the root of one or several bindings: all before the version, which may have a
// path where a proxy stands before Graph.
func (w writing) rooted(v json.RawMessage) json.RawMessage {
	if rows := elements(v); len(rows) > 0 {
		for i := range rows {
			rows[i] = w.rooted(rows[i])
		}
		return array(rows)
	}
	u, err := url.Parse(text(v))
	if err != nil || u.Host == "" {
		return v
	}
	path := u.EscapedPath()
	if own := w.c.root.EscapedPath(); authority(u) == authority(w.c.root) && strings.HasPrefix(path, own+"/") {
		path = path[len(own):]
	}
	for at := 0; at < len(path); at++ {
		if strings.HasPrefix(path[at:], "/beta/") || strings.HasPrefix(path[at:], "/v1.0/") {
			path = path[at:]
			break
		}
	}
	return quoted(w.c.root.String() + path)
}

// binding is the URL of an object in a collection, as bindings want it.
func (w writing) binding(collection, id string) string {
	return w.c.root.String() + "/" + w.info.Version + collection + "('" + strings.ReplaceAll(id, "'", "''") + "')"
}

// covers tells whether what is there has all that is wanted: every property and, in their
// order, every element. Null and absent are the same.
func covers(have, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		there, ok := have.(map[string]any)
		if !ok {
			return false
		}
		for key, v := range want {
			if !covers(there[key], v) {
				return false
			}
		}
		return true
	case []any:
		there, ok := have.([]any)
		if !ok || len(there) != len(want) {
			return false
		}
		for i, v := range want {
			if !covers(there[i], v) {
				return false
			}
		}
		return true
	}
	return have == want
}

// decoded is a JSON value for covers.
func decoded(v json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(v))
	d.UseNumber()
	var out any
	if d.Decode(&out) != nil {
		return nil
	}
	return out
}
