package graph

import (
	"fmt"
	"strings"
)

// step is one key of a path.
type step struct {
	key  string
	each bool // the value is an array, and the path goes on in each element
	deep bool // any depth, including none; it has no key
}

// parsePath reads a path of [WriteRules] or [RefRule].
func parsePath(path string) ([]step, error) {
	pieces := strings.Split(path, ".")
	out := make([]step, len(pieces))
	for i, piece := range pieces {
		if piece == "**" && i < len(pieces)-1 {
			out[i].deep = true
			continue
		}
		out[i].key, out[i].each = strings.CutSuffix(piece, "[]")
		if out[i].key == "" || strings.ContainsAny(out[i].key, "[]*!#@ ") {
			return nil, fmt.Errorf("%q is not a path: keys joined by dots, \"[]\" behind the key of an array, \"**\" for any depth but not at the end", path)
		}
	}
	return out, nil
}

// along calls visit for every object that holds the last key of a path, which starts at v.
func along(v any, path []step, visit func(holder map[string]any, last step)) {
	if path[0].deep {
		along(v, path[1:], visit)
		switch v := v.(type) {
		case map[string]any:
			for _, inner := range v {
				along(inner, path, visit)
			}
		case []any:
			for _, inner := range v {
				along(inner, path, visit)
			}
		}
		return
	}
	holder, ok := v.(map[string]any)
	if !ok {
		return
	}
	inner, ok := holder[path[0].key]
	switch {
	case !ok:
	case len(path) == 1:
		visit(holder, path[0])
	case path[0].each:
		list, _ := inner.([]any)
		for _, e := range list {
			along(e, path[1:], visit)
		}
	default:
		along(inner, path[1:], visit)
	}
}

// Rewrite replaces every id that the rule finds in a decoded object with what replace
// returns for it. Values of Fixed are left alone and not shown. The object is changed in
// place. An id is shown once for each place, in no certain order.
func (r RefRule) Rewrite(object map[string]any, replace func(id string) string) {
	path, err := parsePath(r.Path)
	if err != nil {
		return // no catalogue has such a rule
	}
	along(object, path, func(holder map[string]any, last step) {
		if r.In != "" && holder["@odata.type"] != r.In {
			return
		}
		if !last.each {
			if id, ok := r.id(holder[last.key]); ok {
				holder[last.key] = replace(id)
			}
			return
		}
		list, _ := holder[last.key].([]any)
		for i := range list {
			if id, ok := r.id(list[i]); ok {
				list[i] = replace(id)
			}
		}
	})
}

func (r RefRule) id(v any) (string, bool) {
	id, ok := v.(string)
	if !ok || id == "" {
		return "", false
	}
	for _, fixed := range r.Fixed {
		if strings.EqualFold(id, fixed) {
			return "", false
		}
	}
	return id, true
}
