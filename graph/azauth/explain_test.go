package azauth_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/azauth"
)

// at is a clock that stands.
type at time.Time

func (a at) Now() time.Time                       { return time.Time(a) }
func (a at) After(time.Duration) <-chan time.Time { return make(chan time.Time) }

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func TestWhatARefusalMeans(t *testing.T) {
	throttled := func(retryAfter string) func(http.ResponseWriter, ask) {
		return func(w http.ResponseWriter, _ ask) {
			w.Header().Set("Retry-After", retryAfter)
			reply(w, http.StatusTooManyRequests, map[string]string{"error": "temporarily_unavailable"})
		}
	}
	for _, tc := range []struct {
		name   string
		answer func(http.ResponseWriter, ask)
		kind   graph.Kind
		status int
		code   string
		wait   time.Duration
		text   string
	}{
		{"throttled", throttled("7"), graph.KindThrottled, 429, "temporarily_unavailable", 7 * time.Second, "patience"},
		{"throttled, decimal", throttled("2.128"), graph.KindThrottled, 429, "temporarily_unavailable", 2128 * time.Millisecond, ""},
		{"throttled, an hour", throttled("3600"), graph.KindThrottled, 429, "temporarily_unavailable", time.Hour, ""},
		{"throttled, until a time", throttled(noon.Add(90 * time.Second).Format(http.TimeFormat)), graph.KindThrottled, 429, "temporarily_unavailable", 90 * time.Second, ""},
		{"throttled, without a word", throttled(""), graph.KindThrottled, 429, "temporarily_unavailable", 0, ""},
		{"it failed", refuse(500, "server_error", "AADSTS90033: transient"), graph.KindUnavailable, 500, "AADSTS90033", 0, "failed"},
		{"it is away", refuse(503, "", ""), graph.KindUnavailable, 503, "", 0, "failed"},
		{"it was too slow", refuse(504, "", ""), graph.KindUnavailable, 504, "", 0, "failed"},
		{"busy, by its word", refuse(400, "temporarily_unavailable", ""), graph.KindUnavailable, 400, "temporarily_unavailable", 0, "failed"},
		{"a wrong secret", refuse(401, "invalid_client", "AADSTS7000215: Invalid client secret provided."), graph.KindUnauthorized, 401, "AADSTS7000215", 0, "not its id"},
		{"an expired secret", refuse(401, "invalid_client", "AADSTS7000222: keys are expired"), graph.KindUnauthorized, 401, "AADSTS7000222", 0, "has expired"},
		{"nobody consented", refuse(400, "unauthorized_client", "AADSTS700016: not found"), graph.KindUnauthorized, 400, "AADSTS700016", 0, "consent"},
		{"no such directory", refuse(400, "invalid_request", "AADSTS90002: Tenant not found"), graph.KindUnauthorized, 400, "AADSTS90002", 0, "no such directory"},
		{"an unknown client problem", refuse(401, "invalid_client", "AADSTS7009999: new"), graph.KindUnauthorized, 401, "AADSTS7009999", 0, "client id and the client secret"},
		{"an unknown code", refuse(400, "invalid_grant", "AADSTS999999: new"), graph.KindUnauthorized, 400, "AADSTS999999", 0, "look the code up"},
		{"no code", refuse(403, "access_denied", ""), graph.KindUnauthorized, 403, "access_denied", 0, "was refused"},
		{"no JSON", func(w http.ResponseWriter, _ ask) { http.Error(w, "<html>proxy</html>", http.StatusForbidden) }, graph.KindUnauthorized, 403, "", 0, "was refused"},
		{"a success that is none", func(w http.ResponseWriter, _ ask) { reply(w, 200, "hello") }, graph.KindUnavailable, 200, "", 0, "no token"},
		{"a redirect", func(w http.ResponseWriter, _ ask) {
			w.Header().Set("Location", "https://login.example.com/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, graph.KindUnauthorized, 307, "", 0, "not followed"},
		{"too long", func(w http.ResponseWriter, _ ask) { fmt.Fprint(w, strings.Repeat(" ", 1<<20+1)) }, graph.KindUnavailable, 0, "", 0, "too long"},
		{"cut", func(http.ResponseWriter, ask) { panic(http.ErrAbortHandler) }, graph.KindUnavailable, 0, "", 0, "broke"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newAuthority(t)
			a.answer = tc.answer
			e := failed(t, a.source(t, func(c *azauth.Config) { c.Clock = at(noon) }), contoso)
			if e.Kind != tc.kind || e.StatusCode != tc.status || e.Code != tc.code || e.RetryAfter != tc.wait {
				t.Errorf("kind %s status %d code %q wait %s: %v", e.Kind, e.StatusCode, e.Code, e.RetryAfter, e)
			}
			wantText(t, e, tc.text)
			if n := len(a.asked()); n != 1 {
				t.Errorf("%d requests; waiting and trying again is the caller's", n)
			}
			if e.Code == "AADSTS7000215" && e.RequestID != "0b1c2d3e-4f50-4162-8374-95a6b7c8d9e0" {
				t.Errorf("request id %q", e.RequestID)
			}
		})
	}
}

func TestWhatAManagedIdentitysRefusalMeans(t *testing.T) {
	for _, tc := range []struct {
		status int
		kind   graph.Kind
		text   string
	}{{400, graph.KindUnauthorized, "assigned to this machine"}, {404, graph.KindUnavailable, ""}, {410, graph.KindUnavailable, ""}, {429, graph.KindThrottled, ""}, {500, graph.KindUnavailable, ""}} {
		a := newAuthority(t)
		a.answer = refuse(tc.status, "invalid_request", "Identity not found")
		t.Setenv("IDENTITY_ENDPOINT", a.URL+"/identity")
		t.Setenv("IDENTITY_HEADER", "x")
		s := a.source(t, func(c *azauth.Config) {
			c.App = azauth.App{ClientID: "0a0a0a0a-1111-4222-8333-666666666666", ManagedIdentity: true}
		})
		e := failed(t, s, contoso)
		if e.Kind != tc.kind || len(a.asked()) != 1 {
			t.Errorf("%d: kind %s after %d requests: %v", tc.status, e.Kind, len(a.asked()), e)
		}
		wantText(t, e, tc.text)
	}
}

// sends answers requests in place of a network.
type sends func(*http.Request) (*http.Response, error)

func (f sends) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWhenThereIsNoAnswer(t *testing.T) {
	fail := func(err error) *http.Client {
		return &http.Client{Transport: sends(func(*http.Request) (*http.Response, error) { return nil, err })}
	}
	for _, tc := range []struct {
		name string
		http *http.Client
		kind graph.Kind
		text string
	}{
		{"no connection", fail(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}), graph.KindUnavailable, "no connection"},
		{"no such name", fail(&net.DNSError{Name: "login.microsoftonline.com", IsNotFound: true}), graph.KindUnavailable, "looked up"},
		{"reset", fail(errors.New("connection reset by peer " + secret)), graph.KindUnavailable, "broke"},
		{"a certificate that is not trusted", nil, graph.KindUnavailable, "not trusted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newAuthority(t)
			s := a.source(t, func(c *azauth.Config) { c.HTTP = tc.http })
			if tc.http == nil {
				s = a.source(t, func(c *azauth.Config) { c.HTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} })
			}
			e := failed(t, s, contoso)
			if e.Kind != tc.kind || e.StatusCode != 0 {
				t.Errorf("kind %s status %d", e.Kind, e.StatusCode)
			}
			wantText(t, e, tc.text)
			if strings.Contains(e.Error(), secret) {
				t.Errorf("the error shows a secret: %v", e)
			}
		})
	}
}

func TestASignInIsBoundedInTime(t *testing.T) {
	for _, tc := range []struct{ timeout, want time.Duration }{{0, azauth.DefaultTimeout}, {7 * time.Second, 7 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			s, err := azauth.New(azauth.Config{App: secretApp(), Timeout: tc.timeout, HTTP: &http.Client{Transport: sends(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})}})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if e := failed(t, s, contoso); e.Kind != graph.KindTimeout || time.Since(began) != tc.want {
				t.Errorf("%v after %s, want a timeout after %s", e, time.Since(began), tc.want)
			}
		})
	}
}

// A service, or a proxy in front of it, may repeat what it was sent.
func TestNoErrorShowsWhatWasSentOrAnswered(t *testing.T) {
	p, err := newPair()
	if err != nil {
		t.Fatal(err)
	}
	apps := map[string]azauth.App{
		"client_secret":    secretApp(),
		"client_assertion": {ClientID: client, FederatedTokenFile: write(t, "token", []byte("federated."+secret+".x"))},
		"certificate":      {ClientID: client, CertificateFile: write(t, "app.pem", p.pem)},
	}
	for name, app := range apps {
		for _, status := range []int{200, 302, 400, 401, 403, 429, 500} {
			a := newAuthority(t)
			a.answer = func(w http.ResponseWriter, q ask) {
				all := q.form.Encode() + " " + secret
				w.Header().Set("X-Ms-Request-Id", secret)
				w.Header().Set("Retry-After", secret)
				w.Header().Set("Location", "https://example.com/"+url.QueryEscape(secret))
				reply(w, status, map[string]string{"error": "invalid_client", "error_description": "AADSTS7000215: " + all, secret: all})
			}
			e := failed(t, a.source(t, func(c *azauth.Config) { c.App = app }), contoso)
			sent := a.asked()[0].form
			for _, leak := range []string{secret, sent.Get("client_assertion"), "AADSTS7000215: "} {
				if leak != "" && strings.Contains(fmt.Sprintf("%v %+v %#v", e, e, *e), leak) {
					t.Errorf("%s, %d: the error shows %q: %v", name, status, leak, e)
				}
			}
		}
	}
}

// With a redirect that is followed the secret would go to wherever the answer says.
func TestTheSecretStaysWithTheAuthority(t *testing.T) {
	elsewhere := newAuthority(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		a := newAuthority(t)
		a.answer = func(w http.ResponseWriter, q ask) {
			w.Header().Set("Location", elsewhere.URL+"/"+q.directory+"/oauth2/v2.0/token")
			w.WriteHeader(status)
		}
		both := a.Client()
		both.Transport.(*http.Transport).TLSClientConfig.RootCAs.AddCert(elsewhere.Certificate())
		if e := failed(t, a.source(t, func(c *azauth.Config) { c.HTTP = both }), contoso); e.Kind != graph.KindUnauthorized {
			t.Errorf("%d: kind %s", status, e.Kind)
		}
	}
	if n := len(elsewhere.asked()); n > 0 {
		t.Errorf("the other server was sent %d requests", n)
	}
}
