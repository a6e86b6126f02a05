package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/runs"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

func TestTheProgramTellsASignInFromBeginToEnd(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	var codes []string
	for line := range strings.Lines(out.String()) {
		_, after, _ := strings.Cut(line, "-> ")
		code, _, _ := strings.Cut(after, " ")
		codes = append(codes, code)
	}
	if diff := cmp.Diff([]string{"401", "200", "200", "201", "403", "204", "401"}, codes); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, &out)
	}
}

// started starts both servers, with somebody at the browser.
func started(t *testing.T) *world { return startedAt(t, runs.SystemClock{}) }

func startedAt(t *testing.T, clock runs.Clock) *world {
	t.Helper()
	w, err := start(t.Context(), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	w.provider.signedIn = person{subject: "1", name: "Alice", roles: []string{"contoso.operator"}}
	return w
}

func opened(t *testing.T, w *world) *browser {
	t.Helper()
	b, err := newBrowser(w.host.url)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browser) get(t *testing.T, path string) (code int, text string) {
	t.Helper()
	code, text, err := b.do(t.Context(), "GET", path, "")
	if err != nil {
		t.Fatal(err)
	}
	return code, text
}

const schedules = "/api/v1/tenants/contoso/schedules"

// follow sends a GET and returns where it leads, without going there.
func (b *browser) follow(t *testing.T, target string) (*http.Response, *url.URL) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := *b.client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	to, _ := res.Location()
	return res, to
}

// back begins a sign-in and returns the URL that the provider sends the browser back to.
func (b *browser) back(t *testing.T) *url.URL {
	t.Helper()
	_, provider := b.follow(t, b.base+signInPath)
	_, back := b.follow(t, provider.String())
	return back
}

func TestATokenThatIsNotForThisSignInIsRefused(t *testing.T) {
	w := started(t)
	past := float64(runs.SystemClock{}.Now().Add(-time.Hour).Unix())
	for name, alter := range map[string]func(map[string]any){
		"of another sign-in":          func(c map[string]any) { c["nonce"] = "another" },
		"of none":                     func(c map[string]any) { delete(c, "nonce") },
		"for another client":          func(c map[string]any) { c["aud"] = "another" },
		"for nobody":                  func(c map[string]any) { delete(c, "aud") },
		"expired":                     func(c map[string]any) { c["exp"] = past },
		"without an end":              func(c map[string]any) { delete(c, "exp") },
		"of another provider":         func(c map[string]any) { c["iss"] = "https://evil.example" },
		"of a longer name":            func(c map[string]any) { c["iss"] = w.provider.issuer + "/" },
		"without a subject":           func(c map[string]any) { delete(c, "sub") },
		"of the engine's own name":    func(c map[string]any) { c["sub"] = "system" },
		"with roles that are no list": func(c map[string]any) { c["roles"] = "contoso.owner" },
	} {
		w.provider.alter = alter
		b := opened(t, w)
		if code, text := b.get(t, "/"); code != http.StatusForbidden || strings.Contains(text, "evil") {
			t.Errorf("a token %s: %d %s", name, code, text)
		}
		if code, _ := b.get(t, schedules); code != http.StatusUnauthorized {
			t.Errorf("a token %s: then the API answers %d", name, code)
		}
	}
	w.provider.alter = nil
	if code, _ := opened(t, w).get(t, "/"); code != http.StatusOK {
		t.Errorf("a token as it should be: %d", code)
	}
}

// between changes what the provider answers at its token endpoint.
type between struct {
	http.RoundTripper
	change func(token string) string
}

// RoundTrip implements http.RoundTripper.
func (b between) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err != nil || r.URL.Path != "/token" {
		return res, err
	}
	defer res.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, err
	}
	answer["id_token"] = b.change(answer["id_token"].(string))
	raw, err := json.Marshal(answer)
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	return res, err
}

func TestATokenThatTheProviderHasNotSignedIsRefused(t *testing.T) {
	w := started(t)
	other, err := newProvider(w.provider.issuer, w.provider.client, runs.SystemClock{})
	if err != nil {
		t.Fatal(err)
	}
	claims := func(token string) (c map[string]any) {
		raw, err := base64URL(strings.Split(token, ".")[1])
		if err != nil || json.Unmarshal(raw, &c) != nil {
			t.Error("no claims in", token)
		}
		return c
	}
	transport := w.signIn.client.Transport
	for name, change := range map[string]func(string) string{
		"signed by another key": func(token string) string { forged, _ := other.sign(claims(token)); return forged },
		"not signed": func(token string) string {
			return b64([]byte(`{"alg":"none"}`)) + "." + strings.Split(token, ".")[1] + "."
		},
		"with other claims": func(token string) string {
			parts, c := strings.Split(token, "."), claims(token)
			c["roles"] = []string{"contoso.owner"}
			raw, _ := json.Marshal(c)
			return parts[0] + "." + b64(raw) + "." + parts[2]
		},
		"that is none": func(string) string { return "" },
	} {
		w.signIn.client.Transport = between{transport, change}
		if code, text := opened(t, w).get(t, "/"); code != http.StatusForbidden {
			t.Errorf("a token %s: %d %s", name, code, text)
		}
	}
}

func TestAnAnswerIsForTheBrowserThatHasBegun(t *testing.T) {
	w := started(t)
	victim, attacker := opened(t, w), opened(t, w)
	taken := attacker.back(t)
	own := victim.back(t)
	swap := func(name string) string {
		u := *own
		q := u.Query()
		q.Set(name, taken.Query().Get(name))
		u.RawQuery = q.Encode()
		return u.String()
	}
	for name, target := range map[string]string{
		"the answer of another browser":              taken.String(),
		"its own with another's state":               swap("state"),
		"its own without a state":                    strings.Replace(own.String(), "state=", "x=", 1),
		"its own state with another's code, by PKCE": swap("code"),
		"an error with its own state":                w.host.url + callbackPath + "?error=access_denied&state=" + own.Query().Get("state"),
	} {
		b := opened(t, w)
		b.client.Jar.SetCookies(own, victim.client.Jar.Cookies(own)) // as the victim, at that moment
		if res, _ := b.follow(t, target); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
		if code, _ := b.get(t, schedules); code != http.StatusUnauthorized {
			t.Errorf("%s: then the API answers %d", name, code)
		}
	}
	if res, _ := opened(t, w).follow(t, own.String()); res.StatusCode != http.StatusForbidden {
		t.Errorf("a browser that has begun nothing: %d", res.StatusCode)
	}
	if res, to := victim.follow(t, own.String()); res.StatusCode != http.StatusSeeOther || to.Path != "/" {
		t.Errorf("its own answer: %d", res.StatusCode)
	}
	if res, _ := victim.follow(t, own.String()); res.StatusCode != http.StatusForbidden {
		t.Errorf("its own answer again: %d", res.StatusCode)
	}
}

func TestTheSessionBeginsWithTheSignInAndItsCookieStaysHere(t *testing.T) {
	w := started(t)
	b := opened(t, w)
	base, _ := url.Parse(w.host.url)
	b.client.Jar.SetCookies(base, []*http.Cookie{{Name: "session", Value: "chosen-by-somebody-else", Path: "/"}})
	res, _ := b.follow(t, b.back(t).String())
	var found *http.Cookie
	for _, c := range res.Cookies() {
		if c.Name == "session" {
			found = c
		}
	}
	if found == nil || found.Value == "chosen-by-somebody-else" || len(found.Value) < 32 || !found.HttpOnly || found.SameSite != http.SameSiteLaxMode || found.Path != "/" || found.Secure {
		t.Errorf("the cookie is %v", found)
	}
	s, err := newSignIn(t.Context(), signInConfig{Issuer: w.idp.url, ClientID: "x", BaseURL: "https://host.example", Client: w.signIn.client, Clock: runs.SystemClock{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{sessionCookie, pendingCookie} {
		if c := s.cookie(name, "x", 0); c.Name != "__Host-"+name || !c.Secure || !c.HttpOnly || c.Path != "/" {
			t.Errorf("by https the cookie is %s", c)
		}
	}
}

func TestSigningInAgainEndsTheSessionBefore(t *testing.T) {
	w := started(t)
	b := opened(t, w)
	base, _ := url.Parse(w.host.url)
	b.get(t, "/")
	before := b.client.Jar.Cookies(base)
	b.get(t, signInPath)
	if code, _ := b.get(t, schedules); code != http.StatusOK {
		t.Errorf("the new session: %d", code)
	}
	old := opened(t, w)
	old.client.Jar.SetCookies(base, before)
	if code, _ := old.get(t, schedules); code != http.StatusUnauthorized {
		t.Errorf("the session before: %d", code)
	}
}

func TestAnotherSiteCannotSignOut(t *testing.T) {
	w := started(t)
	b := opened(t, w)
	b.get(t, "/")
	r, err := http.NewRequestWithContext(context.Background(), "POST", w.host.url+signOutPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if code, _ := b.get(t, schedules); res.StatusCode != http.StatusForbidden || code != http.StatusOK {
		t.Errorf("signing out: %d, the API then: %d", res.StatusCode, code)
	}
}

func TestTheClaimSaysTheRoleInEachTenant(t *testing.T) {
	for _, c := range []struct {
		claim []string
		want  roles
	}{
		{nil, roles{}},
		{[]string{"contoso.owner", "fabrikam.readonly"}, roles{"contoso": runs.RoleOwner, "fabrikam": runs.RoleReadonly}},
		{[]string{"contoso.owner", "contoso.readonly"}, roles{"contoso": runs.RoleOwner}},
		{[]string{"contoso.readonly", "contoso.operator"}, roles{"contoso": runs.RoleOperator}},
		{[]string{"owner", ".owner", "contoso.", "contoso.root", "contoso.Owner", "a.b.owner", "contoso owner"}, roles{}},
	} {
		if diff := cmp.Diff(c.want, rolesOf(c.claim)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.claim, diff)
		}
	}
}

// With the next sign-in, at the latest, a role that was taken away is gone.
func TestRolesAreThoseOfTheLastSignIn(t *testing.T) {
	w := started(t)
	b := opened(t, w)
	b.get(t, "/")
	w.provider.signedIn.roles = nil
	b.get(t, signInPath)
	if code, _ := b.get(t, schedules); code != http.StatusForbidden {
		t.Errorf("without a role the API answers %d", code)
	}
}

func base64URL(text string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(text) }

func TestASessionEndsAfterEightHours(t *testing.T) {
	mock := clock.NewMock()
	mock.Set(runs.SystemClock{}.Now())
	w := startedAt(t, mock)
	b := opened(t, w)
	b.get(t, "/")
	for _, c := range []struct {
		wait time.Duration
		want int
	}{{sessionLife - time.Second, http.StatusOK}, {time.Second, http.StatusUnauthorized}} {
		mock.Add(c.wait)
		if code, _ := b.get(t, schedules); code != c.want {
			t.Errorf("after %v more the API answers %d", c.wait, code)
		}
	}
}

func TestSigningOutEndsTheSessionHereAndInTheBrowser(t *testing.T) {
	w := started(t)
	b, kept := opened(t, w), opened(t, w)
	base, _ := url.Parse(w.host.url)
	b.get(t, "/")
	kept.client.Jar.SetCookies(base, b.client.Jar.Cookies(base))
	if _, _, err := b.do(t.Context(), "POST", signOutPath, ""); err != nil {
		t.Fatal(err)
	}
	if left := b.client.Jar.Cookies(base); len(left) > 0 {
		t.Errorf("the browser keeps %v", left)
	}
	if code, _ := kept.get(t, schedules); code != http.StatusUnauthorized {
		t.Errorf("who kept the cookie: %d", code)
	}
}

// A code alone is worth nothing, even to who knows the client's secret.
func TestTheProviderWantsTheVerifierOfTheCode(t *testing.T) {
	w := started(t)
	for verifier, want := range map[string]int{"": 400, "another-verifier": 400} {
		form := url.Values{
			"grant_type": {"authorization_code"}, "code": {opened(t, w).back(t).Query().Get("code")},
			"redirect_uri": {w.provider.client.redirect}, "code_verifier": {verifier},
		}
		r, err := http.NewRequestWithContext(t.Context(), "POST", w.idp.url+"/token", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(w.provider.client.id, w.provider.client.secret)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := w.signIn.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("verifier %q: %d", verifier, res.StatusCode)
		}
	}
}
