package product

import "net/http"

// The names of the session's cookie. Browsers take one that begins with __Host- only by https,
// for the whole host and from that very host, so that neighbours on the domain cannot plant one.
const (
	secureCookie = "__Host-session"
	plainCookie  = "session"
)

// Plain tells whether a request came by http on this machine, the one case in which a cookie
// may travel without TLS. A server that others reach has TLS in front, and so has one on
// loopback that is asked by another name, or through a proxy that says so.
func (p *Product) Plain(r *http.Request) bool {
	return p.cfg.Loopback && r.TLS == nil && LoopbackHost(r.Host) && !Proxied(r)
}

func (p *Product) cookie(r *http.Request, value string) *http.Cookie {
	c := &http.Cookie{Name: secureCookie, Value: value, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}
	if p.Plain(r) {
		c.Name, c.Secure = plainCookie, false
	}
	return c
}

// sessionToken returns the token of a request's session, "" for none.
func (p *Product) sessionToken(r *http.Request) string {
	c, err := r.Cookie(p.cookie(r, "").Name)
	if err != nil {
		return ""
	}
	return c.Value
}

// signIn starts a session and ends the one that the browser had: its token may be known to
// somebody else.
func (p *Product) signIn(w http.ResponseWriter, r *http.Request, id string) {
	p.sessions.end(p.sessionToken(r))
	http.SetCookie(w, p.cookie(r, p.sessions.start(id)))
}

// signOut ends the session, here and in the browser.
func (p *Product) signOut(w http.ResponseWriter, r *http.Request) {
	p.sessions.end(p.sessionToken(r))
	gone := p.cookie(r, "")
	gone.MaxAge = -1
	http.SetCookie(w, gone)
}
