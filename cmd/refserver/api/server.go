package api

import (
	"net/http"
	"path"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// API answers the requests of one product. It is safe for concurrent use.
type API struct {
	cfg      Config
	mux      *recordingMux
	huma     huma.API
	document []byte // the OpenAPI document
	origins  *http.CrossOriginProtection
}

// New checks the configuration and makes an API. It listens to nothing.
func New(cfg Config) (*API, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	a := &API{cfg: cfg, mux: &recordingMux{ServeMux: http.NewServeMux()}, origins: http.NewCrossOriginProtection()}
	a.huma = humago.New(a.mux, documentConfig())
	a.schedules()
	a.retentionPlans()
	a.runs()
	a.policies()
	a.versions()
	a.sets()
	a.setChanges()
	a.manualSets()
	a.restores()
	a.previews()
	a.transfers()
	a.catalogue()
	a.permissions()
	a.inbox()
	a.audit()
	a.health()
	if a.document, err = a.describe(); err != nil {
		return nil, err
	}
	a.mux.HandleFunc("GET "+documentPath, a.serveDocument)
	return a, nil
}

// Pattern is what the paths of tenants begin with, as a pattern for a ServeMux. It has no
// method, since a mux would answer 405 to all others by itself.
func (a *API) Pattern() string { return a.cfg.Prefix + "/" }

// Mount hangs the API into a mux: the paths of tenants, /healthz, /readyz and /openapi.json.
// Do not strip the prefix before: the API's own patterns begin with it.
func (a *API) Mount(mux *http.ServeMux) {
	for _, pattern := range []string{a.Pattern(), healthPath, readyPath, documentPath} {
		mux.Handle(pattern, a)
	}
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")

	tracked := &trackedWriter{ResponseWriter: w}
	defer a.recover(tracked, r)
	if err := a.origins.Check(r); err != nil {
		newProblem(http.StatusForbidden, "cross_origin", "this request was made by a page of another site").write(tracked)
		return
	}
	// A mux redirects such paths to where they lead. An API has no use for that.
	if p := r.URL.Path; p != path.Clean(p) && p != path.Clean(p)+"/" {
		notFound().write(tracked)
		return
	}
	if handler, pattern := a.mux.Handler(r); pattern == "" {
		unmatched(tracked, r, handler)
		return
	}
	a.mux.ServeHTTP(tracked, r)
}

func notFound() *Problem {
	return newProblem(http.StatusNotFound, "not_found", "there is no such route; /openapi.json lists them all")
}

// unmatched says what the mux would say, as a problem: that there is no such path, or that
// it knows the path by other methods.
func unmatched(w http.ResponseWriter, r *http.Request, handler http.Handler) {
	said := statusOnly{header: http.Header{}}
	handler.ServeHTTP(&said, r)
	if said.status != http.StatusMethodNotAllowed {
		notFound().write(w)
		return
	}
	w.Header().Set("Allow", said.header.Get("Allow"))
	newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "this route has other methods; see the Allow header").write(w)
}

// recover turns a panic into a 500. The deferred call is a method so that the log says
// which request it was.
func (a *API) recover(w *trackedWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	a.cfg.Logger.ErrorContext(r.Context(), "a request could not be answered", "method", r.Method, "pattern", r.Pattern, "panic", cause)
	if !w.wrote {
		internal().write(w)
	}
}

// recordingMux remembers its patterns, so that a test can hold them against the document.
type recordingMux struct {
	*http.ServeMux
	patterns []string
}

// HandleFunc implements humago.Mux.
func (m *recordingMux) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.HandleFunc(pattern, handler)
}

// trackedWriter knows whether an answer has begun.
type trackedWriter struct {
	http.ResponseWriter
	wrote bool
}

// WriteHeader implements http.ResponseWriter.
func (w *trackedWriter) WriteHeader(status int) {
	w.wrote = true
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *trackedWriter) Write(p []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *trackedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// statusOnly keeps the head of an answer and drops its body.
type statusOnly struct {
	header http.Header
	status int
}

// Header implements http.ResponseWriter.
func (s *statusOnly) Header() http.Header { return s.header }

// WriteHeader implements http.ResponseWriter.
func (s *statusOnly) WriteHeader(status int) { s.status = status }

// Write implements http.ResponseWriter.
func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
