package product_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
)

func TestAnotherSiteCannotSignAnybodyInOrOut(t *testing.T) {
	b := open(t, made(t, product.Config{}))
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		if p := b.post("/signin", as("owner-contoso"), header...); p.StatusCode != http.StatusForbidden || b.cookie() != "" {
			t.Errorf("%q: signing in answers %d", header, p.StatusCode)
		}
	}
	b.post("/signin", as("owner-contoso"), "Sec-Fetch-Site", "same-origin")
	if p := b.post("/signout", url.Values{}, "Sec-Fetch-Site", "cross-site"); p.StatusCode != http.StatusForbidden || !b.signedIn() {
		t.Errorf("signing out answers %d", p.StatusCode)
	}
}

func TestEveryAnswerHasTheHeadersThatKeepAPageToItself(t *testing.T) {
	b := open(t, made(t, product.Config{}))
	for _, p := range []page{b.get("/"), b.get("/signin"), b.get("/nowhere"), b.post("/signin", as("nobody")), b.get("/static/product.css"), b.post("/signin", nil, "Origin", "null")} {
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
				"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		} {
			if got := p.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", p.Request.URL.Path, name, got)
			}
		}
		if kept := p.Header.Get("Cache-Control"); kept != "no-store" && !strings.HasPrefix(p.Request.URL.Path, "/static/") {
			t.Errorf("%s: Cache-Control is %q", p.Request.URL.Path, kept)
		}
	}
}

func TestNothingStandsInAPageThatThePolicyForbids(t *testing.T) {
	b := open(t, made(t, product.Config{}))
	signIn := b.get("/signin")
	b.post("/signin", as("owner-contoso"))
	for _, p := range []page{signIn, b.get("/"), b.get("/nowhere")} {
		for _, inline := range []string{"<style", "<script", " style=", " onclick=", "http://", "https://"} {
			if strings.Contains(p.text, inline) {
				t.Errorf("%s has %s", p.Request.URL.Path, inline)
			}
		}
	}
}

func TestOtherPathsAndMethodsAreRefused(t *testing.T) {
	b := open(t, made(t, product.Config{}))
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/nowhere", 404}, {"POST", "/", 404}, {"PUT", "/signin", 404}, {"DELETE", "/signout", 404}, {"GET", "/static/", 404},
		{"GET", "/static/../product.go", 307}, {"GET", "/static/none.css", 404}, {"HEAD", "/signin", 200}, {"GET", "/signout", 303},
		{"GET", "/static/product.svg", 200}, {"GET", "/static/plain.css", 200},
	} {
		if p := b.do(b.request(c.method, c.path, nil)); p.StatusCode != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, p.StatusCode, c.want)
		}
	}
}

func TestALongFormIsRefused(t *testing.T) {
	b := open(t, made(t, product.Config{}))
	if p := b.post("/signin", url.Values{"user": {"owner-contoso"}, "next": {strings.Repeat("x", 1<<20)}}); p.StatusCode != http.StatusBadRequest || b.signedIn() {
		t.Errorf("answers %d", p.StatusCode)
	}
}
