package graphserver

import (
	"net/http"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// ServeHTTP answers a request as Graph does.
func (s *Server) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	r := s.receive(hr)
	a := s.respond(r, hr)
	if !s.pause(r) {
		drop(w) // nobody waits any more
		return
	}
	s.deliver(w, r, a)
}

// respond finds the answer to an HTTP request.
func (s *Server) respond(r *request, hr *http.Request) answer {
	if a := r.read(hr); a != nil {
		return *a
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(hr.URL.EscapedPath(), "/"), "/")
	if first != "beta" && first != "v1.0" {
		return s.signIn(r, hr)
	}
	r.version = first
	if a := r.locate("/"+rest, hr.URL.RawQuery); a != nil {
		return *a
	}
	who, refusal := s.identify(r, hr.Header.Get("Authorization"))
	if refusal != nil {
		return *refusal
	}
	r.who = who
	if a := s.arrive(r); a != nil {
		return *a
	}
	if r.path != "/$batch" {
		return s.handle(r)
	}
	if a, ok := s.faultAnswer(r); ok {
		return s.booked(r, a)
	}
	return s.batch(r)
}

// handle answers one question, also when it is an item of a batch.
func (s *Server) handle(r *request) answer {
	if a := s.metered(r); a != nil {
		return s.booked(r, *a)
	}
	if a, ok := s.faultAnswer(r); ok {
		return s.booked(r, a)
	}
	a := s.answer(r)
	if r.settle != nil {
		r.settle(a.status < 300 || a.lost)
	}
	return a
}

// answer is what the tenant answers where nothing goes wrong before.
func (s *Server) answer(r *request) answer {
	if a, ok := s.elsewhere(r); ok {
		if r.method != http.MethodGet && workload(r.segments) != graph.WorkloadDirectory {
			a = s.written(r, a)
		}
		return a
	}
	at, ok := s.route(r.segments)
	if !ok {
		return r.noSegment(r.segments[len(r.segments)-1])
	}
	if r.version == "v1.0" && !at.resource.v1 {
		return r.noSegment(at.resource.name())
	}
	if a := s.permitted(r, s.needs(at.resource, r.method)); a != nil {
		return *a
	}
	if r.method != http.MethodGet {
		return s.written(r, s.write(r, at))
	}
	return s.readAt(r, at)
}

// booked notes a refusal for [Server.Usage].
func (s *Server) booked(r *request, a answer) answer {
	if a.status == http.StatusTooManyRequests || a.status >= 500 {
		s.meter.refused(r, a)
	}
	return a
}

// place is where a path leads: a collection, and what stands behind it.
type place struct {
	resource *resource
	rest     []string // the id of an object, the name of a part, the id of its element ...
}

// route finds the collection that a path begins with.
func (s *Server) route(segments []string) (place, bool) {
	for n := min(len(segments), s.depth); n > 0; n-- {
		if res, ok := s.resources["/"+strings.Join(segments[:n], "/")]; ok {
			return place{res, segments[n:]}, true
		}
	}
	return place{}, false
}

// needs are the permissions for a method on a collection: those of any one of its types.
func (s *Server) needs(res *resource, method string) [][]graph.Permission {
	var out [][]graph.Permission
	for _, t := range res.types {
		info, _ := s.catalogue.Lookup(t)
		all := info.Permissions.Read
		if method != http.MethodGet {
			all = append(all[:len(all):len(all)], info.Permissions.Write...)
		}
		out = append(out, all)
	}
	return out
}
