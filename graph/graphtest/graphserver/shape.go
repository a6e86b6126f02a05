package graphserver

import (
	"bytes"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// shape is how a request wants to see objects.
type shape struct {
	expand expansion
	fields []string // nil for all
}

// expansion are the parts that are asked for inline, with those asked for within them.
type expansion map[string]expansion

// shape reads $expand and $select for what a path leads to.
func (s *Server) shape(r *request, at place) (shape, *answer) {
	var out shape
	parts, listing := at.resource.parts, len(at.rest) == 0
	for i, name := range at.rest {
		if i%2 == 1 {
			p, _ := findPart(parts, name)
			parts = p.parts
		}
	}
	if text := r.query.Get("$expand"); text != "" {
		tree, ok := parseExpand(text)
		if !ok {
			a := r.badRequest("Term '%s' is not valid in a $select or $expand expression.", text)
			return out, &a
		}
		if a := r.expandable(parts, tree, listing); a != nil {
			return out, a
		}
		out.expand = tree
	}
	if text := r.query.Get("$select"); text != "" {
		out.fields = strings.Split(strings.ReplaceAll(text, " ", ""), ",")
	}
	return out, nil
}

// String writes an expansion as parseExpand reads it.
func (e expansion) String() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(e)) {
		if below := e[name].String(); below != "" {
			name += "($expand=" + below + ")"
		}
		out = append(out, name)
	}
	return strings.Join(out, ",")
}

// parseExpand reads "apps,rules($expand=actions)".
func parseExpand(text string) (expansion, bool) {
	out := expansion{}
	for len(text) > 0 {
		depth, end := 0, len(text)
		for i, c := range text {
			if c == '(' {
				depth++
			} else if c == ')' {
				depth--
			} else if c == ',' && depth == 0 {
				end = i
				break
			}
		}
		item := strings.TrimSpace(text[:end])
		text = text[min(end+1, len(text)):]
		name, inner, nested := strings.Cut(item, "(")
		var below expansion
		if nested {
			inner, ok := strings.CutPrefix(strings.TrimSuffix(inner, ")"), "$expand=")
			if !ok || !strings.HasSuffix(item, ")") {
				return nil, false
			}
			if below, ok = parseExpand(inner); !ok {
				return nil, false
			}
		}
		if i := strings.LastIndexByte(name, '/'); strings.HasPrefix(name, "microsoft.graph.") {
			name = name[i+1:] // of a derived type, which stands before it
		}
		if name == "" {
			return nil, false
		}
		out[name] = below
	}
	return out, true
}

// expandable refuses what Graph does not expand.
func (r *request) expandable(parts []part, tree expansion, listing bool) *answer {
	for name, below := range tree {
		p, ok := findPart(parts, name)
		var a answer
		switch {
		case !ok, p.beta && r.version != "beta":
			a = r.badRequest("Parsing OData Select and Expand failed: Could not find a property named '%s'.", name)
		case p.apart, p.byIDOnly && listing:
			a = r.badRequest("The query specified in the URI is not valid. The property '%s' cannot be used in the $expand query option.", name)
		case p.plain && r.metadata == full:
			a = r.badRequest("The property '%s' cannot be expanded with full metadata.", name)
		default:
			if inner := r.expandable(p.parts, below, false); inner != nil {
				return inner
			}
			continue
		}
		return &a
	}
	return nil
}

func findPart(parts []part, name string) (part, bool) {
	i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
	if i < 0 {
		return part{}, false
	}
	return parts[i], true
}

// render shows an object as a request wants it.
func (s *Server) render(r *request, res *resource, p graph.Policy, sh shape, listing bool) []byte {
	list := members(plain(p.Raw))
	for _, beside := range p.Parts {
		if _, ok := findPart(res.parts, beside.Name); !ok {
			continue
		}
		list = slices.DeleteFunc(list, func(m member) bool { return m.key == beside.Name })
		if _, wanted := sh.expand[beside.Name]; wanted {
			list = append(list, member{beside.Name, beside.Raw})
		}
	}
	list = s.shortened(r, res, p.ID, expanded(list, res.parts, sh.expand), sh.expand)
	for i := range list {
		if listing && slices.Contains(res.unlisted, list[i].key) && !slices.Contains(sh.fields, list[i].key) {
			list[i].value = []byte("null")
		}
	}
	if r.version == "v1.0" {
		list = slices.DeleteFunc(list, func(m member) bool { return res.lacks(property(m.key)) })
	}
	return strip(object(selected(list, sh)), r.metadata, res.derived, "")
}

// expanded leaves out the parts that nobody asked for, and those of the others.
func expanded(list []member, parts []part, want expansion) []member {
	out := list[:0]
	for _, m := range list {
		p, isPart := findPart(parts, m.key)
		if !isPart {
			out = append(out, m)
			continue
		}
		below, wanted := want[m.key]
		if !wanted {
			continue
		}
		m.value = within(m.value, p, below)
		out = append(out, m)
	}
	for _, p := range parts { // what was asked for is there, also when it is empty
		if _, wanted := want[p.name]; wanted && value(out, p.name) == nil {
			out = append(out, member{p.name, map[bool][]byte{true: []byte("null"), false: []byte("[]")}[p.single]})
		}
	}
	return out
}

// shortened is an object whose expanded parts a fault has cut.
func (s *Server) shortened(r *request, res *resource, id string, list []member, want expansion) []member {
	out := list
	for i, m := range list {
		p, isPart := findPart(res.parts, m.key)
		if !isPart || p.single || len(m.value) < 3 || m.value[0] != '[' {
			continue
		}
		all := elements(m.value)
		f, _, due := s.due(r, onContent, func(name string) bool {
			return name == expandCut && len(all) > 1 || name == settingsShort && p.counted
		})
		switch {
		case due && f.Name == settingsShort:
			list[i].value = array(all[:len(all)-1])
		case due:
			list[i].value = array(all[:1])
			rest := r.base + "/" + r.version + res.path + "/" + url.PathEscape(id) + "/" + m.key + "?"
			if below := want[m.key].String(); below != "" {
				rest += "$expand=" + url.QueryEscape(below) + "&"
			}
			rest += "$skiptoken=" + position{at: 1}.String()
			out = append(out, member{m.key + "@odata.nextLink", quote(rest)})
		}
	}
	return out
}

// within is a part's value without the parts of its elements that nobody asked for.
func within(raw []byte, p part, want expansion) []byte {
	if len(p.parts)+len(p.lacks) == 0 || bytes.Equal(raw, []byte("null")) {
		return raw
	}
	if p.single {
		return object(expanded(members(raw), p.parts, want))
	}
	all := elements(raw)
	for i := range all {
		all[i] = p.element(all[i], want)
	}
	return array(all)
}

// element is an element of a part without the parts that nobody asked for.
func (p part) element(raw []byte, want expansion) []byte {
	list := slices.DeleteFunc(members(raw), func(m member) bool { return slices.Contains(p.lacks, property(m.key)) })
	return object(expanded(list, p.parts, want))
}

// selected are the properties that were asked for, and all annotations of the object.
func selected(list []member, sh shape) []member {
	if sh.fields == nil {
		return list
	}
	return slices.DeleteFunc(list, func(m member) bool {
		name := property(m.key)
		_, expanded := sh.expand[name]
		return name != "" && name != "id" && !expanded && !slices.Contains(sh.fields, name)
	})
}

// property is what a key belongs to: its own name, that of the property that it annotates,
// or "" for an annotation of the object.
func property(key string) string {
	name, _, _ := strings.Cut(key, "@")
	if strings.HasPrefix(key, "#") {
		return ""
	}
	return name
}
