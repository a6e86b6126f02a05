package graphserver

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// maxTop is the most rows that a page has; more are asked for in vain.
const maxTop = 1000

// list answers with a page of a collection.
func (s *Server) list(r *request, res *resource, sh shape) answer {
	rows := s.rows(r, res)
	if text := r.query.Get("$filter"); text != "" {
		matches, err := parseFilter(text, res.unfiltered)
		if err != nil {
			return r.badRequest("Invalid filter clause: %s", err)
		}
		rows = slices.DeleteFunc(rows, func(row graphtest.Row) bool { return !matches(row.Policy) })
	}
	size, problem := s.pageSize(r)
	if problem != nil {
		return *problem
	}
	from, problem := r.position()
	if problem != nil {
		return *problem
	}
	begin, _ := slices.BinarySearchFunc(rows, from.after, func(row graphtest.Row, after uint64) int {
		if row.Place <= after {
			return -1
		}
		return 1
	})
	end := min(begin+size, len(rows))
	cfg := s.graph.Config()
	if from.after > 0 && cfg.OverlapPages && begin > 0 {
		begin-- // the last row of the page before
	}
	if _, _, ok := s.due(r, onContent, func(name string) bool { return name == emptyPage && !from.empty && begin < end }); ok {
		from.empty = true
	}
	if from.empty {
		end = begin
	}
	page := page{context: res.path}
	for _, row := range rows[begin:end] {
		page.rows = append(page.rows, s.render(r, res, row.Policy, sh, true))
	}
	switch {
	case from.empty:
		page.next = &position{after: from.after, at: from.at}
	case end < len(rows):
		page.next = &position{after: rows[end-1].Place, at: end, empty: cfg.EmptyMiddlePage && from.at == 0}
	}
	return s.page(r, page)
}

// pageSize is what $top asks for, or the server's own.
func (s *Server) pageSize(r *request) (int, *answer) {
	text := r.query.Get("$top")
	if text == "" {
		return s.cfg.PageSize, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		a := r.badRequest("Invalid value '%s' for $top query option found. The $top query option requires a positive integer value.", text)
		return 0, &a
	}
	return min(n, maxTop), nil
}

// position is where a page begins.
type position struct {
	after uint64 // the place of the last row before it, 0 for the first page
	at    int    // the number of rows before it
	empty bool   // the page is empty, the next one begins here too
}

func (p position) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d.%t", p.after, p.at, p.empty))
}

func (r *request) position() (position, *answer) {
	var p position
	token := r.query.Get("$skiptoken")
	if token == "" {
		return p, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		_, err = fmt.Sscanf(string(text), "%d.%d.%t", &p.after, &p.at, &p.empty)
	}
	if err != nil || p.at < 0 {
		a := r.badRequest("Skip token is not valid.")
		return p, &a
	}
	return p, nil
}

// page is a part of a collection.
type page struct {
	context string
	rows    [][]byte
	next    *position // nil for the last page
}

// page answers with one.
func (s *Server) page(r *request, p page) answer {
	var list []member
	if r.metadata != none {
		list = append(list, r.context(p.context))
	}
	if len(p.rows)%2 == 1 { // some answers have it, and it counts no more than the page
		list = append(list, member{"@odata.count", number(len(p.rows))})
	}
	if p.next != nil {
		if link := s.next(r, *p.next); link != "" {
			list = append(list, member{"@odata.nextLink", quote(link)})
		}
	}
	return answer{status: http.StatusOK, body: object(append(list, member{"value", array(p.rows)}))}
}

// next is the link to the page at a position, or what a fault makes of it.
func (s *Server) next(r *request, at position) string {
	f, _, _ := s.due(r, onContent, func(name string) bool {
		return name == linkForeign || name == linkRepeated || name == linkMissing || name == linkPlain && strings.HasPrefix(r.base, "https:")
	})
	link := s.link(r, at)
	switch f.Name {
	case linkForeign:
		return "https://" + otherHost(f.Host) + strings.TrimPrefix(link, r.base)
	case linkPlain:
		return "http:" + strings.TrimPrefix(link, "https:")
	case linkRepeated:
		here, _ := r.position() // it was read before
		return s.link(r, here)
	case linkMissing:
		return ""
	}
	return link
}

// link is the absolute URL of a page of what a request asked for.
func (s *Server) link(r *request, at position) string {
	var b strings.Builder
	b.WriteString(r.base + "/" + r.version + r.path + "?")
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for key := range r.query {
			if key != "$skiptoken" && !yield(key) {
				return
			}
		}
	}) {
		b.WriteString(key + "=" + url.QueryEscape(r.query.Get(key)) + "&")
	}
	b.WriteString("$skiptoken=" + at.String())
	return b.String()
}

// readPart answers for what stands beside an object, and within that.
func (s *Server) readPart(r *request, at place, p graph.Policy, sh shape) answer {
	found, ok := findPart(at.resource.parts, at.rest[1])
	if !ok || found.inline || found.beta && r.version != "beta" {
		return r.noSegment(at.rest[1])
	}
	raw, context := partOf(p, found), at.resource.path+"('"+at.rest[0]+"')/"+found.name
	for rest := at.rest[2:]; len(rest) > 0; rest = rest[min(2, len(rest)):] {
		if found.single {
			return r.noSegment(rest[0])
		}
		element := elementByID(raw, rest[0])
		if element == nil {
			return r.notFound(rest[0])
		}
		if len(rest) == 1 {
			return ok200(r, strip(found.element(element, sh.expand), r.metadata, found.derived, ""), context+"/$entity")
		}
		context += "('" + rest[0] + "')/" + rest[1]
		if found, ok = findPart(found.parts, rest[1]); !ok {
			return r.noSegment(rest[1])
		}
		if raw = value(members(element), found.name); raw == nil {
			raw = []byte("[]")
		}
	}
	if found.single {
		return ok200(r, strip(within(raw, found, sh.expand), r.metadata, found.derived, ""), context+"/$entity")
	}
	return s.listPart(r, found, raw, context, sh)
}

// listPart answers with a page of a part.
func (s *Server) listPart(r *request, p part, raw []byte, context string, sh shape) answer {
	all := elements(within(raw, p, sh.expand))
	size, problem := s.pageSize(r)
	if problem != nil {
		return *problem
	}
	from, problem := r.position()
	if problem != nil {
		return *problem
	}
	begin := min(from.at, len(all))
	end := min(begin+size, len(all))
	out := page{context: context}
	for _, e := range all[begin:end] {
		out.rows = append(out.rows, strip(e, r.metadata, p.derived, p.name))
	}
	switch {
	case end < len(all):
		out.next = &position{at: end}
	case p.counted && len(out.rows) > 0 && s.short(r):
		out.rows = out.rows[:len(out.rows)-1]
	}
	return s.page(r, out)
}

// short tells whether settings lack their last one now.
func (s *Server) short(r *request) bool {
	_, _, ok := s.due(r, onContent, func(name string) bool { return name == settingsShort })
	return ok
}

// partOf is what an object has under a name, beside it or inline.
func partOf(p graph.Policy, want part) []byte {
	for _, beside := range p.Parts {
		if beside.Name == want.name {
			return beside.Raw
		}
	}
	if raw := value(members(plain(p.Raw)), want.name); raw != nil && string(raw) != "null" {
		return raw
	}
	if want.single {
		return []byte("null")
	}
	return []byte("[]")
}

func elementByID(list []byte, id string) []byte {
	want := string(quote(id))
	for _, e := range elements(list) {
		if string(value(members(e), "id")) == want {
			return e
		}
	}
	return nil
}
