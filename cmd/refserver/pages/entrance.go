package pages

import (
	"net/http"
	"net/url"

	"github.com/tenantatlas/tenantbackup/runs"
)

// zoneLife is how long a viewer's zone is remembered, in seconds: a year.
const zoneLife = 365 * 24 * 60 * 60

// entrance registers where people come in, and where they say in which zone they are.
func (p *Pages) entrance() {
	p.handle(http.MethodGet, "", p.enter)
	p.handle(http.MethodGet, "/{tenant}", func(w http.ResponseWriter, r *http.Request) {
		// Who asks, and whether the tenant is his or hers, is asked there.
		http.Redirect(w, r, p.cfg.Prefix+"/"+url.PathEscape(r.PathValue("tenant"))+"/schedules", http.StatusSeeOther)
	})
	p.handle(http.MethodPost, "/-/zone", p.setZone)
}

// enter leads to the first tenant of who is signed in.
func (p *Pages) enter(w http.ResponseWriter, r *http.Request) {
	v, err := p.greet(w, r)
	switch {
	case err == errSignedOut:
		p.signIn(w, r)
	case err != nil:
		p.fail(w, r, nil, failureOf(err))
	case len(v.tenants) == 0:
		p.fail(w, r, v, failureOf(runs.ErrForbidden))
	default:
		http.Redirect(w, r, p.cfg.Prefix+"/"+url.PathEscape(string(v.tenants[0].ID))+"/schedules", http.StatusSeeOther)
	}
}

// setZone remembers the viewer's time zone, in a cookie of its own.
func (p *Pages) setZone(w http.ResponseWriter, r *http.Request) {
	if _, ok := p.cfg.Principal(r); !ok {
		p.signIn(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	if err := readForm(r); err != nil {
		p.fail(w, r, nil, failureOf(err))
		return
	}
	if name := r.PostForm.Get("zone"); name == "" || !p.keepZone(w, r, name) {
		p.fail(w, r, nil, failureOf(runs.Invalid("zone", "zone_unknown", "must be an IANA name such as Europe/Berlin")))
		return
	}
	http.Redirect(w, r, p.local(r.PostForm.Get("back")), http.StatusSeeOther)
}

// keepZone sets the cookie of the viewer's zone; "" takes it away. It is false when there is no
// zone of the name.
func (p *Pages) keepZone(w http.ResponseWriter, r *http.Request, name string) bool {
	plain := p.cfg.PlainHTTP != nil && p.cfg.PlainHTTP(r)
	c := &http.Cookie{Name: zoneCookie, Path: p.cfg.Prefix, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: !plain}
	if name != "" {
		zone := zoneOf(name)
		if zone.String() != name {
			return false
		}
		c.Value, c.MaxAge = name, zoneLife
	}
	http.SetCookie(w, c)
	return true
}

// local makes a path of these pages of what a form says; anything else is the entrance.
func (p *Pages) local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || len(to) <= len(p.cfg.Prefix) || to[:len(p.cfg.Prefix)+1] != p.cfg.Prefix+"/" {
		return p.cfg.Prefix
	}
	return u.RequestURI()
}
