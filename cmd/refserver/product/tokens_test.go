package product_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
)

func with(user, token string) url.Values { return url.Values{"user": {user}, "token": {token}} }

func TestARealUserSignsInByNameAndToken(t *testing.T) {
	b := open(t, made(t, product.Config{Users: read(t, twoUsers()), Loopback: true}))
	form := b.get("/signin")
	if strings.Contains(form.text, "alice") || strings.Contains(form.text, "contoso") || !strings.Contains(form.text, `type="password"`) {
		t.Errorf("the page to sign in is\n%s", form.text)
	}
	if p := b.post("/signin", with(" Alice ", aliceToken+" ")); p.StatusCode != http.StatusSeeOther || !b.signedIn() { // as people paste
		t.Errorf("signing in answers %d", p.StatusCode)
	}
	if home := b.get("/"); !strings.Contains(home.text, "Alice Adams") || !strings.Contains(home.text, "Fabrikam") {
		t.Errorf("the home page is\n%s", home.text)
	}
}

func TestAWrongTokenAndAnUnknownUserAreAnsweredAlike(t *testing.T) {
	h := made(t, product.Config{Users: read(t, twoUsers()), Loopback: true})
	var answers []string
	for _, user := range []string{"alice", "nobody"} {
		b := open(t, h)
		p := b.post("/signin", with(user, "wrong-token-0123456789"))
		if p.StatusCode != http.StatusUnauthorized || b.signedIn() || strings.Contains(p.text, "wrong-token") || !strings.Contains(p.text, `aria-invalid="true"`) {
			t.Errorf("%s: %d\n%s", user, p.StatusCode, p.text)
		}
		answers = append(answers, strings.ReplaceAll(p.text, user, "USER"))
	}
	if answers[0] != answers[1] {
		t.Errorf("the answers differ:\n%s\n%s", answers[0], answers[1])
	}
}

func TestWhoTriesTooOftenIsToldToWait(t *testing.T) {
	b := open(t, made(t, product.Config{Users: read(t, twoUsers()), Loopback: true}))
	for range 10 {
		b.post("/signin", with("alice", "wrong-token-0123456789"))
	}
	if p := b.post("/signin", with("alice", aliceToken)); p.StatusCode != http.StatusTooManyRequests || p.Header.Get("Retry-After") != "900" || b.signedIn() {
		t.Errorf("the eleventh try answers %d, Retry-After %q", p.StatusCode, p.Header.Get("Retry-After"))
	}
}

func TestWhatWasTypedIsShownAsTextOnly(t *testing.T) {
	b := open(t, made(t, product.Config{Users: read(t, twoUsers()), Loopback: true}))
	for _, user := range []string{`"><script>alert(1)</script>`, "<b>", strings.Repeat("a", 5000)} {
		if p := b.post("/signin", with(user, "x")); strings.Contains(p.text, user) || p.StatusCode != http.StatusUnauthorized {
			t.Errorf("%.30q: %d\n%s", user, p.StatusCode, p.text)
		}
	}
}

func TestADemoUserCannotBeChosenWhereUsersAreReal(t *testing.T) {
	for _, users := range []*product.Users{read(t, twoUsers()), nil} {
		h, err := product.New(product.Config{Users: users, Loopback: true})
		if err != nil {
			t.Fatal(err)
		}
		b := open(t, h)
		for _, user := range []string{"owner-contoso", "alice"} {
			if p := b.post("/signin", as(user)); p.StatusCode != http.StatusUnauthorized || b.signedIn() {
				t.Errorf("%s: %d", user, p.StatusCode)
			}
		}
	}
}

func TestOffLoopbackTheCookieIsForHttpsWhateverTheHostHeaderSays(t *testing.T) {
	h := made(t, product.Config{Users: read(t, twoUsers())})
	for _, host := range []string{"backups.example", "localhost", "127.0.0.1:8080"} {
		r := httptest.NewRequest("POST", "http://"+host+"/signin", strings.NewReader(with("alice", aliceToken).Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if c := w.Result().Cookies(); w.Code != http.StatusSeeOther || len(c) != 1 || c[0].Name != "__Host-session" || !c[0].Secure {
			t.Errorf("%s: %d, %v", host, w.Code, c)
		}
	}
	r := httptest.NewRequest("GET", "http://backups.example/signin", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), "plain http") {
		t.Error("the page does not say that it came by plain http")
	}
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, r); strings.Contains(w.Body.String(), "plain http") {
		t.Error("the page says that it came by plain http, which it did not")
	}
}

// A proxy on the same machine passes the name on that the browser used, or says what it is.
func TestBehindAProxyOnThisMachineTheCookieIsForHttps(t *testing.T) {
	h := made(t, product.Config{Users: read(t, twoUsers()), Loopback: true})
	for _, by := range []struct{ host, header string }{{"backups.example", "X-Nothing"}, {"127.0.0.1:8080", "X-Forwarded-Proto"}} {
		r := httptest.NewRequest("POST", "http://"+by.host+"/signin", strings.NewReader(with("alice", aliceToken).Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(by.header, "https")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if c := w.Result().Cookies(); len(c) != 1 || c[0].Name != "__Host-session" || !c[0].Secure {
			t.Errorf("%v: %d, %v", by, w.Code, c)
		}
	}
}

func TestTheLogSaysWhoSignsInAndNoToken(t *testing.T) {
	var log bytes.Buffer
	b := open(t, made(t, product.Config{Users: read(t, twoUsers()), Loopback: true, Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	b.post("/signin", with("typed-by-mistake-0123456789", "wrong-token-0123456789"))
	b.post("/signin", with("alice", "wrong-token-0123456789"))
	b.post("/signin", with("alice", aliceToken))
	b.post("/signout", nil)
	for _, want := range []string{"a sign-in was refused", "known=false", "known=true actor=alice", `"signed in" actor=alice`, `"signed out" actor=alice`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, &log)
		}
	}
	for _, secret := range []string{"typed-by-mistake", "token-0123456789", b.cookie() + "x"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %s", secret)
		}
	}
}

// However many handlers ask, a wrong token counts once.
func TestWhoAsksIsFoundOutOncePerRequest(t *testing.T) {
	var log bytes.Buffer
	h := made(t, product.Config{Users: read(t, twoUsers()), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	h.Once(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if actor, ok := h.Asked(r); ok {
			t.Errorf("before anybody asks it is %v", actor)
		}
		for range 3 {
			h.Principal(r)
		}
	})).ServeHTTP(httptest.NewRecorder(), bearing("Bearer alice~wrong-token-0123456789"))
	if n := strings.Count(log.String(), "refused"); n != 1 {
		t.Errorf("refused %d times", n)
	}
	h.Once(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h.Principal(r)
		if actor, ok := h.Asked(r); !ok || actor.ID != "alice" {
			t.Errorf("it is %v, %v", actor, ok)
		}
	})).ServeHTTP(httptest.NewRecorder(), bearing("Bearer alice~"+aliceToken))
	if actor, ok := h.Asked(bearing("Bearer alice~" + aliceToken)); ok {
		t.Errorf("without Once it is %v", actor)
	}
}
