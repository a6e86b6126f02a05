package product

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
)

// LoopbackHost tells whether a Host header names this very machine. On a loopback listener any
// other name means that a name of another site was made to lead here (DNS rebinding), or that
// there is a proxy in front.
func LoopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// maxNext is the longest path that is remembered over a sign-in.
const maxNext = 2048

// proxyHeaders are what proxies add to a request: RFC 9110 (7.6.3) and RFC 7239 have one each,
// the others are customs.
var proxyHeaders = []string{"Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

// Proxied tells whether a proxy says that it has passed a request on. Then the request may come
// from anywhere, whatever host it names: nginx, for one, puts its upstream's there. A proxy that
// adds nothing is not noticed.
func Proxied(r *http.Request) bool {
	return slices.ContainsFunc(proxyHeaders, func(name string) bool { return len(r.Header.Values(name)) > 0 })
}

// localPath returns a path of this host with its query, to go on to after signing in: next
// when it is one, otherwise "/". Whatever a browser could take for an address of another host
// is none: "//host", backslashes, control characters, a scheme.
func localPath(next string) string {
	if len(next) > maxNext || !strings.HasPrefix(next, "/") || strings.ContainsFunc(next, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }) {
		return homePath
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return homePath
	}
	clean := path.Clean(u.Path)
	if u.Path != clean && u.Path != clean+"/" || strings.ContainsAny(u.Path, "\\\x00\r\n\t") {
		return homePath
	}
	if clean == signInPath || clean == signOutPath {
		return homePath
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}

// signInURL is where somebody signs in who then goes on to next.
func signInURL(next string) string {
	if next = localPath(next); next == homePath {
		return signInPath
	}
	return signInPath + "?" + url.Values{"next": {next}}.Encode()
}

// SignInFirst answers a request of a browser that nobody is signed in for: it leads to the page
// to sign in and from there back to what was looked at. What was being sent is lost, so a form
// leads back to the page that it stands on.
func (p *Product) SignInFirst(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	next := r.URL.RequestURI()
	asked := r.Method == http.MethodGet || r.Method == http.MethodHead
	partial := r.Header.Get("HX-Request") == "true"
	switch {
	case partial:
		next = onThisHost(r, r.Header.Get("HX-Current-URL"))
	case !asked:
		next = onThisHost(r, r.Referer())
	}
	if partial { // of a page, so following a redirect would put the sign-in into its middle
		w.Header().Set("HX-Redirect", signInURL(next))
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, signInURL(next), http.StatusSeeOther)
}

// onThisHost returns path and query of a URL of the host that a request is for, "" for others.
func onThisHost(r *http.Request, raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host != r.Host {
		return ""
	}
	return u.RequestURI()
}
