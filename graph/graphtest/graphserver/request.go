package graphserver

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// request is one question to Graph: an HTTP request, or an item of a $batch.
type request struct {
	ctx      context.Context
	now      time.Time
	id       string // request-id
	client   string // client-request-id
	who      identity
	method   string
	version  string     // "beta" or "v1.0"
	path     string     // below the version, as sent
	segments []string   // of the path, decoded, keys as segments of their own
	query    url.Values // system options with their "$"
	header   http.Header
	body     []byte
	base     string // scheme and host by which the server was called
	metadata metadata
	item     bool // of a $batch

	writing context.Context // of what a write does, see justified
	settle  func(done bool) // ends a write that a fault let through; nil for others

	wait  time.Duration // of a slow answer
	cut   bool          // the body ends early
	reset bool          // the connection is closed
}

// maxBody is the most that Graph takes, 4 MB.
const maxBody = 4 << 20

// receive reads an HTTP request, all but what it asks for.
func (s *Server) receive(hr *http.Request) *request {
	r := &request{
		ctx: hr.Context(), now: s.now(), id: requestID(s.serial.next()), client: hr.Header.Get("client-request-id"),
		method: hr.Method, header: hr.Header, base: s.base(hr), metadata: metadataOf(hr.Header),
	}
	if r.client == "" {
		r.client = r.id
	}
	return r
}

// base is how the server was called. What a proxy says about it is not believed: tests must
// see when a client sends its token to a host that a header has named.
func (s *Server) base(hr *http.Request) string {
	scheme := s.cfg.Scheme
	switch {
	case scheme != "":
	case hr.TLS != nil:
		scheme = "https"
	default:
		scheme = "http"
	}
	return scheme + "://" + hr.Host
}

// read takes the body of an HTTP request.
func (r *request) read(hr *http.Request) *answer {
	body, err := io.ReadAll(io.LimitReader(hr.Body, maxBody+1))
	switch {
	case err != nil:
		a := r.badRequest("The request body could not be read.")
		return &a
	case len(body) > maxBody:
		a := r.fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request is larger than 4 MB.")
		return &a
	}
	r.body = body
	return nil
}

// locate splits the escaped path and the query of a request below the version.
func (r *request) locate(path, query string) *answer {
	r.path = path
	for _, piece := range strings.Split(strings.Trim(path, "/"), "/") {
		name, err := url.PathUnescape(piece)
		if err != nil {
			a := r.badRequest("The URL cannot be read.")
			return &a
		}
		name, key := splitKey(name)
		r.segments = append(r.segments, name)
		if key != "" {
			r.segments = append(r.segments, key)
		}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		a := r.badRequest("The query string cannot be read.")
		return &a
	}
	r.query = url.Values{}
	for key, v := range values {
		if !strings.HasPrefix(key, "$") && systemOption["$"+key] && r.version == "beta" {
			key = "$" + key // where the dollar is optional
		}
		if len(v) > 1 {
			a := r.badRequest("Query option '%s' was specified more than once, but it must be specified at most once.", key)
			return &a
		}
		if strings.HasPrefix(key, "$") && !systemOption[key] {
			a := r.badRequest("The query option '%s' is not supported.", key)
			return &a
		}
		r.query[key] = v
	}
	return nil
}

// systemOption are the query options that the server knows.
var systemOption = map[string]bool{
	"$top": true, "$skiptoken": true, "$filter": true, "$expand": true, "$select": true, "$count": true, "$search": true,
}

// splitKey takes apart "policies('id')". A function with named parameters stays as it is.
func splitKey(segment string) (name, key string) {
	open := strings.IndexByte(segment, '(')
	if open < 1 || !strings.HasSuffix(segment, ")") || strings.Contains(segment, "=") {
		return segment, ""
	}
	return segment[:open], strings.Trim(segment[open+1:len(segment)-1], "'")
}

// metadata is how many OData annotations an answer has.
type metadata string

const (
	full    metadata = "full"
	minimal metadata = "minimal"
	none    metadata = "none"
)

// metadataOf reads what a request accepts.
func metadataOf(h http.Header) metadata {
	accept := strings.ReplaceAll(h.Get("Accept"), " ", "")
	for _, level := range []metadata{full, none} {
		if strings.Contains(accept, "odata.metadata="+string(level)) {
			return level
		}
	}
	return minimal
}
