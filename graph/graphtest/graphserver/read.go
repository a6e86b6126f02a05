package graphserver

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// readAt answers a GET.
func (s *Server) readAt(r *request, at place) answer {
	shape, problem := s.shape(r, at)
	if problem != nil {
		return *problem
	}
	if at.resource.singleton {
		return s.singleton(r, at, shape)
	}
	if len(at.rest) == 0 {
		return s.list(r, at.resource, shape)
	}
	row, ok := s.find(r, at.resource, at.rest[0])
	if !ok {
		return r.notFound(at.rest[0])
	}
	if len(at.rest) == 1 {
		return ok200(r, s.render(r, at.resource, row.Policy, shape, false), at.resource.path+"/$entity")
	}
	if ref, ok := secretReference(at.rest[1]); ok {
		return s.secret(r, row.Policy, ref)
	}
	return s.readPart(r, at, row.Policy, shape)
}

// ok200 is one object with its context, unless it brought its own.
func ok200(r *request, doc []byte, context string) answer {
	if r.metadata == none || value(members(doc), "@odata.context") != nil {
		return ok(doc)
	}
	return ok(object(append([]member{r.context(context)}, members(doc)...)))
}

// context is the annotation that says what an answer shows.
func (r *request) context(what string) member {
	return member{"@odata.context", quote(r.base + "/" + r.version + "/$metadata#" + trimSlash(what))}
}

// rows are the objects of a collection as far as they can be seen, in the order of listings.
func (s *Server) rows(r *request, res *resource, ids ...string) []graphtest.Row {
	var out []graphtest.Row
	for _, t := range res.types {
		if res.elements != "" {
			out = append(out, s.elementRows(r, res, t, ids)...)
			continue
		}
		rows, _ := s.graph.Rows(r.who.tenant, t, ids...) // the tenant was found with the token
		out = append(out, rows...)
	}
	if res.only != "" {
		out = slices.DeleteFunc(out, func(row graphtest.Row) bool { return row.Policy.ODataType != res.only })
	}
	if r.version == "v1.0" {
		for i := range out {
			out[i].Policy.Parts = olderAssignments(out[i].Policy.Parts)
		}
	}
	slices.SortFunc(out, func(a, b graphtest.Row) int { return cmp.Compare(a.Place, b.Place) })
	return out
}

// olderAssignments are parts as v1.0 has them: assignments without filters, which do not say
// where they come from.
func olderAssignments(parts []graph.Part) []graph.Part {
	i := slices.IndexFunc(parts, func(p graph.Part) bool { return p.Name == assignments.name })
	if i < 0 {
		return parts
	}
	all := elements(parts[i].Raw)
	for j := range all {
		list := slices.DeleteFunc(members(all[j]), func(m member) bool { return property(m.key) == "source" || property(m.key) == "sourceId" })
		for k := range list {
			if list[k].key == "target" && list[k].value[0] == '{' {
				list[k].value = object(slices.DeleteFunc(members(list[k].value), func(m member) bool {
					return strings.HasPrefix(property(m.key), "deviceAndAppManagementAssignmentFilter")
				}))
			}
		}
		all[j] = object(list)
	}
	parts = slices.Clone(parts)
	parts[i].Raw = array(all)
	return parts
}

// elementRows are the elements of parts as objects of their own.
func (s *Server) elementRows(r *request, res *resource, t graph.PolicyType, ids []string) []graphtest.Row {
	var out []graphtest.Row
	holders, _ := s.graph.Rows(r.who.tenant, t) // the tenant was found with the token
	for _, holder := range holders {
		for i, e := range elements(partOf(holder.Policy, part{name: res.elements})) {
			var p graph.Policy
			_ = json.Unmarshal(value(members(e), "id"), &p.ID)                 // what is none has no id
			_ = json.Unmarshal(value(members(e), "@odata.type"), &p.ODataType) // the same
			if p.Raw = e; len(ids) == 0 || slices.Contains(ids, p.ID) {
				out = append(out, graphtest.Row{Policy: p, Place: holder.Place<<16 + uint64(i)})
			}
		}
	}
	return out
}

func (s *Server) find(r *request, res *resource, id string) (graphtest.Row, bool) {
	rows := s.rows(r, res, id)
	if len(rows) == 0 {
		return graphtest.Row{}, false
	}
	return rows[0], true
}

// singleton answers for the one object of its type.
func (s *Server) singleton(r *request, at place, shape shape) answer {
	if len(at.rest) > 0 {
		return r.noSegment(at.rest[0])
	}
	raw := []byte("{}")
	if rows := s.rows(r, at.resource); len(rows) > 0 {
		raw = rows[0].Policy.Raw
	}
	return ok200(r, s.render(r, at.resource, graph.Policy{Raw: raw}, shape, false), at.resource.path)
}

func quote(text string) []byte {
	out, _ := json.Marshal(text) // any text has a JSON form
	return out
}

func number(n int) []byte { return strconv.AppendInt(nil, int64(n), 10) }

func trimSlash(path string) string {
	if path != "" && path[0] == '/' {
		return path[1:]
	}
	return path
}
