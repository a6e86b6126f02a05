package graphserver

import (
	"net/http"
	"strings"
)

// ServeHTTP answers a request as Graph does.
func (s *Server) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	r := s.receive(hr)
	s.send(w, r, s.respond(r, hr))
}

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
	who, problem := s.identify(hr.Header.Get("Authorization"), r.now)
	if problem != "" {
		return r.unauthorized(problem)
	}
	r.who = who
	if r.path == "/$batch" {
		return s.batch(r)
	}
	return s.handle(r)
}

// handle answers one question, also when it is an item of a batch.
func (s *Server) handle(r *request) answer {
	if a, ok := s.elsewhere(r); ok {
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
		return s.write(r, at)
	}
	return s.readAt(r, at)
}

// place is where a path leads: a collection, and what stands behind it.
type place struct {
	resource *resource
	rest     []string // the id of an object, the name of a part, the id of its element ...
}

// route finds the collection that a path begins with.
func (s *Server) route(segments []string) (place, bool) {
	for n := len(segments); n > 0; n-- {
		if res, ok := s.resources["/"+strings.Join(segments[:n], "/")]; ok {
			return place{res, segments[n:]}, true
		}
	}
	return place{}, false
}
