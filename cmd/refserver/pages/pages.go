package pages

import (
	"bytes"
	"net/http"
	"path"
	"strings"
	"sync"
)

// Pages answers the requests of browsers. It is safe for concurrent use.
type Pages struct {
	cfg       Config
	mux       *http.ServeMux
	patterns  []string // of the mux, for tests
	templates templates
	assets    assets
	notices   map[string]string
	origins   *http.CrossOriginProtection
	buffers   sync.Pool // of pages that are being made
}

// New checks the configuration and makes the pages. It listens to nothing.
func New(cfg Config) (*Pages, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Pages{cfg: cfg, mux: http.NewServeMux(), origins: http.NewCrossOriginProtection(), notices: allNotices()}
	p.buffers.New = func() any { return new(bytes.Buffer) }
	if p.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if p.templates, err = loadTemplates(); err != nil {
		return nil, err
	}
	p.mux.HandleFunc("GET "+cfg.Prefix+"/-/static/{name}", p.asset)
	p.entrance()
	p.live()
	p.schedules()
	p.runs()
	p.sets()
	p.policies()
	p.restores()
	p.inbox()
	p.auditLog()
	p.settings()
	return p, nil
}

// Pattern is what all paths begin with, as a pattern for a ServeMux. It has no method, since
// a mux would answer 405 to all others by itself.
func (p *Pages) Pattern() string { return p.cfg.Prefix + "/" }

// Mount hangs the pages into a mux. Do not strip the prefix before: the pages' own patterns
// and links begin with it.
func (p *Pages) Mount(mux *http.ServeMux) {
	mux.Handle(p.cfg.Prefix, p) // or the mux would answer with a redirect to a slash at the end
	mux.Handle(p.Pattern(), p)
}

// policy allows what the pages have: nothing inline, nothing from elsewhere. Pico's icons are
// data: images.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"

// ServeHTTP answers a request.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")

	tracked := &trackedWriter{ResponseWriter: w}
	defer p.recover(tracked, r)
	if err := p.origins.Check(r); err != nil {
		p.fail(tracked, r, nil, failure{status: http.StatusForbidden, code: "cross_origin", text: "This request was made by a page of another site."})
		return
	}
	if _, pattern := p.mux.Handler(r); pattern == "" || r.URL.Path != path.Clean(r.URL.Path) {
		p.lost(tracked, r)
		return
	}
	p.mux.ServeHTTP(tracked, r)
}

// stray is who asks for what is not there, and in which of his or her tenants; nil for nobody.
func (p *Pages) stray(w http.ResponseWriter, r *http.Request) *visit {
	v, err := p.greet(w, r)
	if err != nil {
		return nil
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, p.cfg.Prefix+"/"), "/")
	for _, t := range v.tenants {
		if string(t.ID) == first {
			v.tenant, v.here = t.ID, t
		}
	}
	return v
}

// lost answers a request that no route is for: a path that nobody knows, or by another method.
func (p *Pages) lost(w http.ResponseWriter, r *http.Request) {
	if clean := path.Clean(r.URL.Path); r.Method == http.MethodGet && clean != r.URL.Path {
		// What a person typed with a slash at the end.
		to := *r.URL
		to.Scheme, to.Host, to.User, to.Path, to.RawPath = "", "", nil, clean, ""
		http.Redirect(w, r, to.String(), http.StatusPermanentRedirect)
		return
	}
	other := r.Clone(r.Context())
	for _, other.Method = range []string{http.MethodGet, http.MethodPost} {
		if _, pattern := p.mux.Handler(other); pattern != "" {
			w.Header().Set("Allow", other.Method)
			p.fail(w, r, p.stray(w, r), failure{status: http.StatusMethodNotAllowed, code: "method_not_allowed", text: "This address takes what a form sends. It is no page to look at."})
			return
		}
	}
	p.fail(w, r, p.stray(w, r), notFound())
}

// handle registers a pattern below the prefix.
func (p *Pages) handle(method, below string, h http.HandlerFunc) {
	pattern := method + " " + p.cfg.Prefix + below
	p.patterns = append(p.patterns, pattern)
	p.mux.HandleFunc(pattern, h)
}

// recover turns a panic into a 500.
func (p *Pages) recover(w *trackedWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	p.cfg.Logger.ErrorContext(r.Context(), "a page could not be made", "method", r.Method, "pattern", r.Pattern, "panic", cause)
	if !w.wrote {
		p.fail(w, r, nil, internal())
	}
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
func (w *trackedWriter) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *trackedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

var _ http.Handler = (*Pages)(nil)
