package pages

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// visit is a request that passed the gate.
type visit struct {
	*Pages
	req     *http.Request
	w       http.ResponseWriter
	tenant  graph.TenantID
	here    Tenant
	tenants []Tenant // of the actor
	actor   runs.Actor
	now     time.Time
	zone    *time.Location // of the viewer
	query   url.Values
	form    url.Values // of a POST
	address string     // of the page that answers a form that is not valid; empty for the request's own

	known  map[runs.Action]bool      // what the actor may, found out so far: a list asks for each of its rows
	places map[string]*time.Location // zones by name
}

// id is the id of the path, in whatever form; services refuse one that is none.
func (v *visit) id() runs.ID { return runs.ID(v.req.PathValue("id")) }

// ctx is the request's context.
func (v *visit) ctx() context.Context { return v.req.Context() }

// may tells whether the actor may do something, to show it or not. Nothing is recorded. A page
// tells the same from its first row to its last, and asks once.
func (v *visit) may(action runs.Action) bool {
	if allowed, known := v.known[action]; known {
		return allowed
	}
	allowed, err := v.cfg.Starter.Guard().May(v.ctx(), v.tenant, v.actor, action)
	if err != nil {
		v.cfg.Logger.ErrorContext(v.ctx(), "a permission could not be looked up", "action", string(action), "error", err)
	}
	if v.known == nil {
		v.known = map[runs.Action]bool{}
	}
	v.known[action] = allowed
	return allowed
}

// location is a zone by its IANA name, the viewer's when there is none of that name. It reads a
// file, so a page that shows many rows does so once.
func (v *visit) location(name string) *time.Location {
	if loc := v.places[name]; loc != nil {
		return loc
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		loc = v.zone
	}
	if v.places == nil {
		v.places = map[string]*time.Location{}
	}
	v.places[name] = loc
	return loc
}

// path is the address of something in the visit's tenant; segments are escaped.
func (v *visit) path(segments ...string) string {
	var b strings.Builder
	b.WriteString(v.cfg.Prefix)
	for _, s := range append([]string{string(v.tenant)}, segments...) {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// batchPath is the address of the runs that were started together.
func (v *visit) batchPath(batch runs.ID) string {
	return withQuery(v.path("runs"), url.Values{"batch": {string(batch)}})
}

// withQuery adds parameters to an address that may have some.
func withQuery(address string, q url.Values) string {
	if strings.Contains(address, "?") {
		return address + "&" + q.Encode()
	}
	return address + "?" + q.Encode()
}

// with is the present address with other parameters, from the first page on; an empty value
// removes one.
func (v *visit) with(pairs ...string) string {
	q := url.Values{}
	for k, values := range v.query {
		if k != "cursor" && k != "notice" && k != "seen" {
			q[k] = slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" })
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	path := cmp.Or(v.address, v.req.URL.Path)
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// answer is what a handler gives back: a page, a redirect, or bytes.
type answer interface {
	write(v *visit) error
}

// see is the answer to a form that has done something: 303 to where the outcome is shown.
type see struct {
	path   string
	notice string // a key of notices; empty for none
}

func (s see) write(v *visit) error {
	to := s.path
	if s.notice != "" {
		to = withQuery(to, url.Values{"notice": {s.notice}})
	}
	http.Redirect(v.w, v.req, to, http.StatusSeeOther)
	return nil
}

// route is a page or a form within a tenant.
type route struct {
	method string // GET or POST
	path   string // below the tenant: "schedules/{id}"

	// action is asked for before anything of the request but its path is read.
	action runs.Action
	target string // what is acted on, for the audit line of a refusal

	// upload: the handler reads the body itself, a multipart form with a file.
	upload bool
}

// add registers a route.
func (p *Pages) add(r route, handle func(v *visit) (answer, error)) {
	p.handle(r.method, "/{tenant}/"+r.path, func(w http.ResponseWriter, req *http.Request) {
		v, err := p.admit(w, req, r)
		if err != nil {
			if errors.Is(err, errSignedOut) {
				p.signIn(w, req)
				return
			}
			p.fail(w, req, v, failureOf(err))
			return
		}
		a, err := handle(v)
		if err == nil {
			err = a.write(v)
		}
		if err != nil {
			f := failureOf(err)
			if f.status >= http.StatusInternalServerError {
				p.cfg.Logger.ErrorContext(req.Context(), "a request failed", "route", req.Pattern, "code", f.code, "error", err)
			}
			p.fail(w, req, v, f)
		}
	})
}

var errSignedOut = errors.New("nobody is signed in")

// signIn answers somebody who is not signed in. A form that was sent cannot be sent again after
// a redirect, so only a GET is led to the sign-in: from the page that a POST gets, Back leads to the
// form as it was filled in, once the person has signed in beside it.
func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && p.cfg.SignIn != nil {
		p.cfg.SignIn(w, r)
		return
	}
	f := failure{status: http.StatusUnauthorized, code: "unauthorized", text: "You are not signed in. Sign in and try again."}
	if r.Method == http.MethodPost && p.cfg.SignIn != nil {
		f.text = "You are not signed in any more, so nothing was done. Sign in in another tab, then come back to this one and go Back: the form is as you filled it in. Send it again."
		f.signIn = p.standsOn(r)
	}
	p.fail(w, r, nil, f)
}

// cameFrom is the page of here that a request was sent from, else the one that its form stands on or
// that of the thing which it is about; empty when there is none.
func (p *Pages) cameFrom(r *http.Request) string {
	asks := r.URL.RequestURI()
	list := []string{p.referer(r), r.URL.EscapedPath()}
	if before, _, found := strings.Cut(r.URL.EscapedPath(), "/"+url.PathEscape(r.PathValue("id"))+"/"); found {
		list = append(list, before+"/"+url.PathEscape(r.PathValue("id")))
	}
	for _, at := range list {
		if p.shows(at) && (r.Method == http.MethodPost || at != asks) {
			return at
		}
	}
	return ""
}

// shows tells whether an address is that of a page within a tenant.
func (p *Pages) shows(at string) bool {
	u, err := url.Parse(at)
	if err != nil || at == p.cfg.Prefix {
		return false
	}
	_, pattern := p.mux.Handler(&http.Request{Method: http.MethodGet, URL: u})
	return strings.Contains(pattern, "/{tenant}/")
}

// standsOn is the page that a form stands on, whose GET leads to the sign-in: the form's own address,
// or where it was sent from.
func (p *Pages) standsOn(r *http.Request) string {
	get := r.Clone(r.Context())
	get.Method = http.MethodGet
	if _, pattern := p.mux.Handler(get); pattern != "" {
		return r.URL.EscapedPath()
	}
	return p.referer(r)
}

// referer is the page of here that a request was sent from; when none is known, the entrance.
func (p *Pages) referer(r *http.Request) string {
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host == "" || from.Host != r.Host {
		return p.cfg.Prefix
	}
	return p.local(from.RequestURI())
}

// admit finds out who asks and whether he or she may, and reads the form. With an error the visit is
// as much as is known: nil before who asks is, without a tenant unless it is the actor's.
func (p *Pages) admit(w http.ResponseWriter, req *http.Request, r route) (*visit, error) {
	v, err := p.greet(w, req)
	if err != nil {
		return nil, err
	}
	tenant := graph.TenantID(req.PathValue("tenant"))
	i := slices.IndexFunc(v.tenants, func(t Tenant) bool { return t.ID == tenant })
	if i < 0 {
		// Not in the audit log: whoever can sign in could fill that of any tenant.
		p.cfg.Logger.WarnContext(req.Context(), "a stranger was refused", "route", req.Pattern, "actor", v.actor.ID)
		return v, runs.ErrForbidden
	}
	v.tenant, v.here = tenant, v.tenants[i]
	if err := p.cfg.Starter.Guard().Allow(req.Context(), tenant, v.actor, r.action, runs.Target{Type: r.target, ID: v.id()}); err != nil {
		return v, err
	}
	if v.query, err = url.ParseQuery(req.URL.RawQuery); err != nil {
		return v, badRequest("The address is not well-formed.")
	}
	if err := wellFormed(v.query); err != nil {
		return v, err
	}
	if r.method != http.MethodPost || r.upload {
		return v, nil
	}
	req.Body = http.MaxBytesReader(w, req.Body, p.cfg.MaxForm)
	if err := readForm(req); err != nil {
		return v, err
	}
	v.form = req.PostForm
	return v, wellFormed(v.form)
}

// readForm reads the form of a POST. Its error tells a form that is too large from one that is none.
func readForm(req *http.Request) error {
	err := req.ParseForm()
	var large *http.MaxBytesError
	if err == nil || errors.As(err, &large) {
		return err
	}
	return badRequest("The form is not well-formed.")
}

// greet finds out who asks.
func (p *Pages) greet(w http.ResponseWriter, req *http.Request) (*visit, error) {
	actor, ok := p.cfg.Principal(req)
	if !ok || actor.ID == "" {
		return nil, errSignedOut
	}
	tenants, err := p.cfg.Tenants(req.Context(), actor)
	if err != nil {
		return nil, err
	}
	for i := range tenants {
		if tenants[i].Name == "" {
			tenants[i].Name = string(tenants[i].ID)
		}
	}
	return &visit{Pages: p, req: req, w: w, actor: actor, tenants: tenants, now: p.cfg.Clock.Now(), zone: viewerZone(req)}, nil
}

// maxFieldName is more than the longest name of a field.
const maxFieldName = 64

// wellFormed refuses what no page's field can send: bytes that are not UTF-8.
func wellFormed(values url.Values) error {
	for name, list := range values {
		if !utf8.ValidString(name) {
			return badRequest("The name of a field is not valid UTF-8.")
		}
		for _, value := range list {
			if !utf8.ValidString(value) {
				if len(name) > maxFieldName {
					name = "form" // no field of these pages
				}
				return runs.Invalid(name, "not_utf8", "must be valid UTF-8")
			}
		}
	}
	return nil
}
