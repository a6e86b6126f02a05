package product_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
)

// browser is a browser at a product: it has a cookie jar and follows no redirect by itself.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
}

// page is an answer.
type page struct {
	*http.Response
	text string
}

func open(t *testing.T, h http.Handler) *browser {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := s.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t, s.URL, client}
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{res, string(text)}
}

func (b *browser) get(path string, header ...string) page {
	b.t.Helper()
	return b.do(b.request("GET", path, nil, header...))
}

func (b *browser) post(path string, form url.Values, header ...string) page {
	b.t.Helper()
	return b.do(b.request("POST", path, form, header...))
}

// request makes a request with headers in pairs.
func (b *browser) request(method, path string, form url.Values, header ...string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// cookie is what the browser would send.
func (b *browser) cookie() string {
	u, _ := url.Parse(b.base)
	for _, c := range b.client.Jar.Cookies(u) {
		return c.Value
	}
	return ""
}

func as(user string) url.Values { return url.Values{"user": {user}} }

func (b *browser) signedIn() bool { b.t.Helper(); return b.get("/").StatusCode == http.StatusOK }

func TestAPersonSignsInSeesTheTenantsAndSignsOut(t *testing.T) {
	b := open(t, made(t, product.Config{Backups: "/backups", Stylesheets: []string{"/backups/static/app.css"}}))
	if p := b.get("/"); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != "/signin" {
		t.Fatalf("signed out, the home page answers %d to %q", p.StatusCode, p.Header.Get("Location"))
	}
	form := b.get("/signin")
	for _, want := range []string{`value="owner-contoso"`, `value="readonly-fabrikam"`, `value="stranger"`, "Contoso", "Fabrikam", "/backups/static/app.css"} {
		if !strings.Contains(form.text, want) {
			t.Errorf("the page to sign in lacks %s", want)
		}
	}
	if p := b.post("/signin", as("manager-contoso")); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != "/" {
		t.Fatalf("signing in answers %d to %q", p.StatusCode, p.Header.Get("Location"))
	}
	home := b.get("/")
	if home.StatusCode != http.StatusOK || !strings.Contains(home.text, `href="/backups/contoso/schedules"`) || !strings.Contains(home.text, "a manager") {
		t.Errorf("the home page answers %d:\n%s", home.StatusCode, home.text)
	}
	if strings.Contains(home.text, "Fabrikam") {
		t.Error("the home page shows a tenant of others")
	}
	if p := b.post("/signout", url.Values{}); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != "/signin" {
		t.Errorf("signing out answers %d to %q", p.StatusCode, p.Header.Get("Location"))
	}
	if b.signedIn() || b.cookie() != "" {
		t.Error("still signed in, or with a cookie, after signing out")
	}
}

func TestWithoutAPrefixATenantHasNoLink(t *testing.T) {
	b := open(t, made(t, product.Config{}))
	b.post("/signin", as("owner-contoso"))
	if p := b.get("/"); strings.Contains(p.text, "schedules") || !strings.Contains(p.text, "Contoso") {
		t.Errorf("the home page is\n%s", p.text)
	}
}

func TestAStrangerIsToldThatThereIsNothing(t *testing.T) {
	b := open(t, made(t, product.Config{}))
	b.post("/signin", as("stranger"))
	if p := b.get("/"); p.StatusCode != http.StatusOK || !strings.Contains(p.text, "no role in any tenant") {
		t.Errorf("a stranger's home page answers %d\n%s", p.StatusCode, p.text)
	}
}

func TestWhoDoesNotExistIsNotSignedIn(t *testing.T) {
	for _, user := range []string{"", "nobody", "demo-owner-contoso", "owner-contoso\x00"} {
		b := open(t, made(t, product.Config{}))
		p := b.post("/signin", as(user))
		if p.StatusCode != http.StatusUnauthorized || b.signedIn() {
			t.Errorf("%q: signing in answers %d", user, p.StatusCode)
		}
	}
}

// The user is taken from the form only: a link that signs somebody in would be a change by GET.
func TestOnlyAFormSignsIn(t *testing.T) {
	b := open(t, made(t, product.Config{}))
	b.get("/signin?user=owner-contoso")
	b.post("/signin?user=owner-contoso", url.Values{})
	b.post("/signin", as("owner-contoso"), "Content-Type", "text/plain")
	if b.signedIn() {
		t.Error("signed in without a form")
	}
	b.post("/signin", as("owner-contoso"))
	b.get("/signout")
	if !b.signedIn() {
		t.Error("a GET signs out")
	}
}

func TestTheCookieIsForHttpsUnlessTheMachineItselfIsAsked(t *testing.T) {
	p, err := product.New(product.Config{Users: product.DemoUsers(), Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "http://localhost:8080/signin", strings.NewReader(as("owner-contoso").Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	p.ServeHTTP(w, r)
	c := w.Result().Cookies()[0]
	if c.Name != "session" || c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("on loopback: %s", c)
	}
	w = httptest.NewRecorder()
	r = httptest.NewRequest("POST", "https://localhost:8443/signin", strings.NewReader(as("owner-contoso").Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	p.ServeHTTP(w, r)
	c = w.Result().Cookies()[0]
	if c.Name != "__Host-session" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("with TLS: %s", c)
	}
}

// A token that somebody put into the browser before is worth nothing afterwards.
func TestSigningInMakesANewTokenAndEndsTheOldOne(t *testing.T) {
	h := made(t, product.Config{})
	b := open(t, h)
	b.post("/signin", as("owner-contoso"), "Cookie", "session=chosen-by-somebody-else")
	if b.cookie() == "chosen-by-somebody-else" {
		t.Fatal("the token is the one that the browser brought")
	}
	first := b.cookie()
	b.post("/signin", as("readonly-fabrikam"))
	if b.cookie() == first || len(first) < 40 {
		t.Errorf("the tokens are %q and %q", first, b.cookie())
	}
	r := bearing("")
	r.AddCookie(&http.Cookie{Name: "session", Value: first})
	if actor, ok := h.Principal(r); ok {
		t.Errorf("the old token is still %s's", actor.ID)
	}
	r = bearing("")
	r.AddCookie(&http.Cookie{Name: "session", Value: b.cookie()})
	if actor, ok := h.Principal(r); !ok || actor.ID != "readonly-fabrikam" {
		t.Errorf("the new token is %q's", actor.ID)
	}
}

// A wrong token is not made good by a cookie: who sends one wants to be asked as that user.
func TestATokenGoesBeforeTheCookie(t *testing.T) {
	h := made(t, product.Config{})
	b := open(t, h)
	b.post("/signin", as("owner-contoso"))
	for authorization, want := range map[string]string{"Bearer demo-readonly-contoso": "readonly-contoso", "Bearer wrong": "", "Basic x": "", "": "owner-contoso"} {
		r := bearing(authorization)
		r.AddCookie(&http.Cookie{Name: "session", Value: b.cookie()})
		if actor, _ := h.Principal(r); actor.ID != want {
			t.Errorf("%q with the owner's cookie is %q's, want %q", authorization, actor.ID, want)
		}
	}
}

func TestSigningOutEndsTheSessionHereAndInTheBrowser(t *testing.T) {
	h := made(t, product.Config{})
	b := open(t, h)
	b.post("/signin", as("owner-contoso"))
	r := bearing("")
	r.AddCookie(&http.Cookie{Name: "session", Value: b.cookie()})
	if _, ok := h.Principal(r); !ok {
		t.Fatal("not signed in")
	}
	p := b.post("/signout", nil)
	if c := p.Cookies(); len(c) != 1 || c[0].Name != "session" || c[0].MaxAge >= 0 {
		t.Errorf("the browser is told to keep %v", c)
	}
	if actor, ok := h.Principal(r); ok {
		t.Errorf("who kept the cookie is still %s", actor.ID)
	}
}

func TestASessionEndsIdleAndInAnyCase(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration // a request
		lasts int           // requests that are let in
	}{
		"idle for too long":               {time.Hour, 0},
		"in use until the absolute limit": {59 * time.Minute, 12},
	} {
		mock := clock.NewMock()
		mock.Set(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))
		b := open(t, made(t, product.Config{Clock: mock, Idle: time.Hour, Absolute: 12 * time.Hour}))
		b.post("/signin", as("owner-contoso"))
		n := 0
		for mock.Add(c.every); b.signedIn(); mock.Add(c.every) {
			n++
		}
		if n != c.lasts {
			t.Errorf("%s: %d requests were let in, want %d", name, n, c.lasts)
		}
	}
}

func TestAUserHasAFewSessionsAtOnce(t *testing.T) {
	mock := clock.NewMock()
	h := made(t, product.Config{Clock: mock})
	first := open(t, h)
	first.post("/signin", as("owner-contoso"))
	for range 20 {
		mock.Add(time.Second)
		open(t, h).post("/signin", as("manager-contoso")) // others do not count
		open(t, h).post("/signin", as("owner-contoso"))
	}
	if first.signedIn() {
		t.Error("the session that was idle for longest is still there")
	}
	other := open(t, h)
	other.post("/signin", as("readonly-contoso"))
	for range 30 {
		mock.Add(time.Second)
		open(t, h).post("/signin", as("owner-contoso"))
	}
	if !other.signedIn() {
		t.Error("the sessions of one user end those of another")
	}
}

func TestAfterSigningInABrowserStaysOnThisHost(t *testing.T) {
	h := made(t, product.Config{})
	for next, want := range map[string]string{
		"/backups/contoso/runs?status=failed&page=2": "/backups/contoso/runs?status=failed&page=2",
		"/backups/contoso/sets/a%20b":                "/backups/contoso/sets/a%20b",
		"/":                                          "/",
		"":                                           "/",
		"https://evil.example":                       "/",
		"//evil.example":                             "/",
		"///evil.example":                            "/",
		`/\evil.example`:                             "/",
		`\\evil.example`:                             "/",
		"/\t/evil.example":                           "/",
		"/%09/evil.example":                          "/",
		"/%5cevil.example":                           "/",
		"/%2f/evil.example":                          "/",
		"/%2fevil.example":                           "/",
		"/.//evil.example":                           "/",
		"/a/..//evil.example":                        "/",
		"javascript:alert(1)":                        "/",
		"evil.example":                               "/",
		"@evil.example":                              "/",
		" //evil.example":                            "/",
		"/a\r\nSet-Cookie: x=1":                      "/",
		"/signout":                                   "/",
		"/signin":                                    "/",
		"/%":                                         "/",
		"/x#//evil.example":                          "/x",
		"/" + strings.Repeat("x", 3000):              "/",
	} {
		b := open(t, h)
		p := b.post("/signin", url.Values{"user": {"owner-contoso"}, "next": {next}})
		if got := p.Header.Get("Location"); p.StatusCode != http.StatusSeeOther || got != want {
			t.Errorf("next=%q leads to %d %q, want %q", next, p.StatusCode, got, want)
		}
		if form := b.get("/signin?" + url.Values{"next": {next}}.Encode()); strings.Contains(form.text, "evil") {
			t.Errorf("next=%q stands in the page to sign in", next)
		}
	}
}

func TestWhoIsSignedOutComesBackToThePage(t *testing.T) {
	h := made(t, product.Config{})
	b := open(t, http.HandlerFunc(h.SignInFirst))
	for _, c := range []struct {
		got        page
		code       int
		name, want string
	}{
		{b.get("/backups/contoso/runs?page=2"), 303, "Location", "/signin?next=%2Fbackups%2Fcontoso%2Fruns%3Fpage%3D2"},
		{b.post("/backups/contoso/runs/1/cancel", nil, "Referer", b.base+"/backups/contoso/runs/1"), 303, "Location", "/signin?next=%2Fbackups%2Fcontoso%2Fruns%2F1"},
		{b.post("/backups/contoso/runs/1/cancel", nil, "Referer", "https://evil.example/x"), 303, "Location", "/signin"},
		{b.post("/backups/contoso/runs/1/cancel", nil), 303, "Location", "/signin"},
		{b.get("/backups/contoso/bell", "HX-Request", "true", "HX-Current-URL", b.base+"/backups/contoso/sets"), 401, "HX-Redirect", "/signin?next=%2Fbackups%2Fcontoso%2Fsets"},
		{b.get("/backups/contoso/bell", "HX-Request", "true", "HX-Current-URL", "//evil.example"), 401, "HX-Redirect", "/signin"},
		{b.get("//evil.example/x"), 303, "Location", "/signin"},
	} {
		if c.got.StatusCode != c.code || c.got.Header.Get(c.name) != c.want {
			t.Errorf("%s %s: %d %s: %q, want %d %q", c.got.Request.Method, c.got.Request.URL, c.got.StatusCode, c.name, c.got.Header.Get(c.name), c.code, c.want)
		}
	}
}
