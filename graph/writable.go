package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
)

// Decode returns the object with every part under its name; a part wins over a property of
// that name. Numbers are [json.Number], so they keep their text. The map is the caller's.
// The error tells nothing of the content.
func (p Policy) Decode() (map[string]any, error) {
	object, err := decodeObject(p.Raw)
	if err != nil {
		return nil, err
	}
	for _, part := range p.Parts {
		v, err := decodeValue(part.Raw)
		if err != nil {
			return nil, err
		}
		object[part.Name] = v
	}
	return object, nil
}

func decodeObject(raw []byte) (map[string]any, error) {
	v, err := decodeValue(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	object, ok := v.(map[string]any)
	if err == nil && !ok {
		err = errors.New("graph: a policy is not a JSON object")
	}
	return object, err
}

func decodeValue(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, errors.New("graph: a policy or a part of it is not JSON")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("graph: a policy or a part of it is not one JSON value")
	}
	return v, nil
}

// StripReadOnly takes out of a decoded object what a body must not have: what the type's
// rules and [CommonStrip] name, OData annotations, actions, and, when the object says that
// it does not support scope tags, these. update also takes out what is fixed once the object
// exists. It returns the paths and keys of what it found, sorted.
func (t TypeInfo) StripReadOnly(object map[string]any, update bool) []string {
	found := map[string]bool{}
	if object["supportsScopeTags"] == false {
		remove(object, "roleScopeTagIds", found)
	}
	for _, key := range commonStrip {
		if !slices.Contains(t.Write.Strip, "!"+key) {
			remove(object, key, found)
		}
	}
	for _, path := range t.Write.Strip {
		if !strings.HasPrefix(path, "!") {
			remove(object, path, found)
		}
	}
	if update {
		for _, path := range t.Write.StripUpdate {
			remove(object, path, found)
		}
	}
	removeAnnotations(object, found)
	return slices.Sorted(maps.Keys(found))
}

func remove(object map[string]any, path string, found map[string]bool) {
	steps, err := parsePath(path)
	if err != nil {
		return // no catalogue has such a rule
	}
	along(object, steps, func(holder map[string]any, last step) {
		delete(holder, last.key)
		found[path] = true
	})
}

func removeAnnotations(v any, found map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if annotation(key) {
				delete(v, key)
				found[key] = true
				continue
			}
			removeAnnotations(inner, found)
		}
	case []any:
		for _, inner := range v {
			removeAnnotations(inner, found)
		}
	}
}

// annotation tells whether a key describes the answer and not the object.
func annotation(key string) bool {
	switch {
	case key == "@odata.type", strings.HasSuffix(key, "@odata.bind"):
		return false
	case strings.HasPrefix(key, "#"):
		return true
	}
	return strings.Contains(key, "@odata.") || strings.Contains(key, "@microsoft.graph.")
}

// Applies tells whether a decoded object is one that the rule finds. A nil rule finds none.
func (r *DefaultRule) Applies(object map[string]any) bool {
	if r == nil || r.Property == "" {
		return r != nil
	}
	v, ok := object[r.Property]
	if !ok {
		return false
	}
	text, err := json.Marshal(v)
	return err == nil && slices.Contains(r.Values, string(text))
}
