package azauth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/azauth"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

func TestEachTenantSignsInInItsOwnDirectory(t *testing.T) {
	a := newAuthority(t)
	s := a.source(t)
	var wg sync.WaitGroup
	for i := range 20 {
		tenant := []string{contoso, fabrikam}[i%2]
		wg.Go(func() {
			token, err := s.Token(t.Context(), graph.TenantID(tenant), "")
			if err != nil || token.Value != tokenFor(tenant, 1) && token.Value != tokenFor(tenant, 2) {
				t.Errorf("%s: token %q, %v", tenant, token.Value, err)
			}
		})
	}
	wg.Wait()
	if n := len(a.asked()); n != 2 {
		t.Errorf("%d requests, want one per directory: the credential keeps its token", n)
	}
}

func TestATenantMayHaveItsOwnDirectoryAndApp(t *testing.T) {
	a := newAuthority(t)
	const other = "0b0b0b0b-1111-4222-8333-444444444444"
	s := a.source(t, func(c *azauth.Config) {
		c.Tenants = func(_ context.Context, tenant graph.TenantID) (azauth.Tenant, error) {
			switch tenant {
			case "contoso":
				return azauth.Tenant{Directory: contoso}, nil
			case "fabrikam":
				return azauth.Tenant{Directory: fabrikam, App: azauth.App{ClientID: other, ClientSecret: azauth.NewSecret("another")}}, nil
			}
			return azauth.Tenant{}, errors.New("unknown customer")
		}
	})
	get(t, s, "contoso", "")
	get(t, s, "fabrikam", "")
	asks := a.asked()
	if asks[0].directory != contoso || asks[0].form.Get("client_id") != client || asks[0].form.Get("client_secret") != secret {
		t.Errorf("contoso: %s %v", asks[0].directory, asks[0].form)
	}
	if asks[1].directory != fabrikam || asks[1].form.Get("client_id") != other || asks[1].form.Get("client_secret") != "another" {
		t.Errorf("fabrikam: %s %v", asks[1].directory, asks[1].form)
	}
	if e := failed(t, s, "nobody"); e.Kind != graph.KindInternal || !strings.Contains(e.Error(), "unknown customer") {
		t.Errorf("nobody: %v", e)
	}
}

// The host's own word on why a tenant cannot be signed in to reaches the caller as it is.
func TestAnErrorOfTheHostKeepsItsKind(t *testing.T) {
	mine := &graph.Error{Op: "look up", Kind: graph.KindUnavailable, RetryAfter: time.Minute}
	a := newAuthority(t)
	s := a.source(t, func(c *azauth.Config) {
		c.Tenants = func(context.Context, graph.TenantID) (azauth.Tenant, error) { return azauth.Tenant{}, mine }
	})
	if e := failed(t, s, contoso); e != mine {
		t.Errorf("got %v", e)
	}
}

func TestEachCloudHasItsOwnSignIn(t *testing.T) {
	for _, tc := range []struct {
		name                string
		cloud               msgraph.Cloud
		login, wantResource string
	}{
		{"default", msgraph.Cloud{}, "login.microsoftonline.com", "https://graph.microsoft.com/.default"},
		{"global", msgraph.Global(), "login.microsoftonline.com", "https://graph.microsoft.com/.default"},
		{"GCC High", msgraph.GCCHigh(), "login.microsoftonline.us", "https://graph.microsoft.us/.default"},
		{"DoD", msgraph.DoD(), "login.microsoftonline.us", "https://dod-graph.microsoft.us/.default"},
		{"China", msgraph.China(), "login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn/.default"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var hosts []string
			var scope string
			s, err := azauth.New(azauth.Config{App: secretApp(), Cloud: tc.cloud, HTTP: &http.Client{Transport: sends(func(r *http.Request) (*http.Response, error) {
				hosts = append(hosts, r.URL.Scheme+"://"+r.URL.Host)
				base := "https://" + r.URL.Host + "/" + contoso
				body := fmt.Sprintf(`{"authorization_endpoint":"%[1]s/a","token_endpoint":"%[1]s/token","issuer":"%[1]s/v2.0"}`, base)
				if r.Method == http.MethodPost {
					if err := r.ParseForm(); err != nil {
						return nil, err
					}
					scope = r.PostForm.Get("scope")
					body = `{"token_type":"Bearer","expires_in":3600,"access_token":"` + tokenFor(contoso, 1) + `"}`
				}
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			})}})
			if err != nil {
				t.Fatal(err)
			}
			get(t, s, contoso, "")
			for _, host := range hosts {
				if host != "https://"+tc.login {
					t.Errorf("a request went to %s, want %s", host, tc.login)
				}
			}
			if len(hosts) == 0 || !strings.Contains(" "+scope+" ", " "+tc.wantResource+" ") {
				t.Errorf("%d requests, scope %q, want %s", len(hosts), scope, tc.wantResource)
			}
		})
	}
}

func TestWhatGraphDemandsOfTheNextTokenIsPassedOn(t *testing.T) {
	a := newAuthority(t)
	s := a.source(t)
	first := get(t, s, contoso, "")
	if again := get(t, s, contoso, ""); again.Value != first.Value {
		t.Error("another token without a reason")
	}
	const challenge = `{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`
	for i, claims := range []string{challenge, challenge, "{}", "{}"} {
		if token := get(t, s, contoso, claims); token.Value != tokenFor(contoso, i+2) {
			t.Errorf("claims %s: an old token", claims)
		}
	}
	asks := a.asked()
	if got := asks[1].form.Get("claims"); !strings.Contains(got, `"nbf"`) || !strings.Contains(got, "1604106651") {
		t.Errorf("claims %q", got)
	}
	// Graph only ends a token before its time for apps that say that they can handle it.
	for _, q := range asks {
		if !strings.Contains(q.form.Get("claims"), `"CP1"`) {
			t.Errorf("claims %q do not announce the capability", q.form.Get("claims"))
		}
	}
	if get(t, s, contoso, "").Value != tokenFor(contoso, 5) {
		t.Error("an older token than the latest")
	}
}

// Inside a bubble no time passes unless somebody sleeps, so who does not return at once hangs.
func TestACancelledSignInReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrived := make(chan struct{}, 9)
		s, err := azauth.New(azauth.Config{App: secretApp(), HTTP: &http.Client{Transport: sends(func(r *http.Request) (*http.Response, error) {
			arrived <- struct{}{}
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		signIn := func(ctx context.Context) chan error {
			done := make(chan error, 1)
			go func() { _, err := s.Token(ctx, contoso, ""); done <- err }()
			synctest.Wait()
			return done
		}
		ctx, cancel := context.WithCancel(t.Context())
		first := signIn(ctx)
		<-arrived

		// One that waits for another's sign-in gives up by itself.
		waiting, giveUp := context.WithCancel(t.Context())
		second := signIn(waiting)
		giveUp()
		if err := <-second; err != context.Canceled {
			t.Errorf("who waited got %v", err)
		}
		cancel()
		if err := <-first; err != context.Canceled {
			t.Errorf("who signed in got %v", err)
		}
		if _, err := s.Token(ctx, contoso, ""); err != context.Canceled {
			t.Errorf("a context that had ended: %v", err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %s", took)
		}
		late, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := s.Token(late, contoso, ""); err != context.DeadlineExceeded {
			t.Errorf("a deadline: %v", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// A sign-in that hangs holds up its own tenant only.
func TestTenantsDoNotWaitForEachOther(t *testing.T) {
	a := newAuthority(t)
	release := make(chan struct{})
	a.answer = func(w http.ResponseWriter, q ask) {
		if q.directory == contoso {
			<-release
		}
		reply(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3600, "access_token": tokenFor(q.directory, 1)})
	}
	s := a.source(t)
	slow := make(chan error, 1)
	go func() { _, err := s.Token(t.Context(), contoso, ""); slow <- err }()
	get(t, s, fabrikam, "")
	close(release)
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

func TestAReplacedSecretIsSeenAfterARefusal(t *testing.T) {
	a := newAuthority(t)
	p, err := newPair()
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "app.pem", p.pem)
	var asked atomic.Int32
	s := a.source(t, func(c *azauth.Config) {
		c.Tenants = func(context.Context, graph.TenantID) (azauth.Tenant, error) {
			asked.Add(1)
			return azauth.Tenant{App: azauth.App{ClientID: client, CertificateFile: file}}, nil
		}
	})
	get(t, s, contoso, "")
	get(t, s, contoso, "{}")
	if asked.Load() != 1 {
		t.Fatalf("asked %d times for one credential", asked.Load())
	}
	a.answer = refuse(http.StatusServiceUnavailable, "server_error", "")
	if _, err := s.Token(t.Context(), contoso, "{}"); graph.KindOf(err) != graph.KindUnavailable || asked.Load() != 1 {
		t.Fatalf("an outage: %v, asked %d times", err, asked.Load())
	}
	a.answer = refuse(http.StatusUnauthorized, "invalid_client", "AADSTS700027: unknown key")
	if _, err := s.Token(t.Context(), contoso, "{}"); graph.KindOf(err) != graph.KindUnauthorized {
		t.Fatal(err)
	}
	renewed, err := os.ReadFile("testdata/sha1.pfx")
	if err != nil || bytes.Equal(renewed, p.pem) {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, renewed, 0o600); err != nil {
		t.Fatal(err)
	}
	a.answer = nil
	wantText(t, failed(t, s, contoso), "app.pem") // it is read anew, and this one has a password
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestSoManyCredentialsAreKept(t *testing.T) {
	a := newAuthority(t)
	var made []graph.TenantID
	s := a.source(t, func(c *azauth.Config) {
		c.MaxTenants = 2
		c.Tenants = func(_ context.Context, tenant graph.TenantID) (azauth.Tenant, error) {
			made = append(made, tenant)
			return azauth.Tenant{}, nil
		}
	})
	for _, tenant := range []graph.TenantID{"a.example", "b.example", "a.example", "c.example", "a.example", "b.example"} {
		get(t, s, tenant, "")
	}
	want := []graph.TenantID{"a.example", "b.example", "c.example", "b.example"} // b was not used for the longest time
	if !slices.Equal(made, want) {
		t.Errorf("credentials were made for %q, want %q", made, want)
	}
}

func TestWhatIsNoDirectoryIsRefused(t *testing.T) {
	a := newAuthority(t)
	s := a.source(t)
	for _, tenant := range []graph.TenantID{"", "common", "Organizations", "consumers", "../other", "a/b", "a?b", "a b", "ä.example", contoso + "#"} {
		e := failed(t, s, tenant)
		if e.Kind != graph.KindUnauthorized {
			t.Errorf("%q: %v", tenant, e)
		}
		wantText(t, e, "directory")
	}
	if n := len(a.asked()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name  string
		cfg   azauth.Config
		field string
	}{
		{"nothing", azauth.Config{}, "App"},
		{"no proof", azauth.Config{App: azauth.App{ClientID: client}}, "exactly one"},
		{"two proofs", azauth.Config{App: azauth.App{ClientID: client, ClientSecret: azauth.NewSecret("x"), ManagedIdentity: true}}, "exactly one"},
		{"no client", azauth.Config{App: azauth.App{ClientSecret: azauth.NewSecret(secret)}}, "ClientID"},
		{"a password for nothing", azauth.Config{App: azauth.App{ClientID: client, FederatedTokenFile: "x", CertificatePassword: azauth.NewSecret(secret)}}, "CertificatePassword"},
		{"half an app beside a function", azauth.Config{App: azauth.App{ClientID: client}, Tenants: func(context.Context, graph.TenantID) (azauth.Tenant, error) { return azauth.Tenant{}, nil }}, "exactly one"},
		{"plain http", azauth.Config{App: secretApp(), Cloud: msgraph.Cloud{Login: "http://127.0.0.1", Graph: "https://graph.microsoft.com"}}, "Cloud.Login"},
		{"no graph", azauth.Config{App: secretApp(), Cloud: msgraph.Cloud{Login: "https://login.microsoftonline.com"}}, "Cloud.Graph"},
		{"a login with a user", azauth.Config{App: secretApp(), Cloud: msgraph.Cloud{Login: "https://" + secret + "@x", Graph: "https://graph.microsoft.com"}}, "Cloud.Login"},
		{"a negative timeout", azauth.Config{App: secretApp(), Timeout: -1}, "Timeout"},
		{"a negative bound", azauth.Config{App: secretApp(), MaxTenants: -1}, "MaxTenants"},
	} {
		_, err := azauth.New(tc.cfg)
		wantText(t, err, "azauth: ", tc.field)
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v shows a secret", tc.name, err)
		}
	}
}

// However an app or a configuration is printed, its secrets are not.
func TestSecretsAreNotPrinted(t *testing.T) {
	app := secretApp()
	app.CertificatePassword = azauth.NewSecret(secret)
	cfg := azauth.Config{App: app}
	for _, text := range []string{fmt.Sprint(app), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", app)} {
		if strings.Contains(text, secret) {
			t.Errorf("printed: %s", text)
		}
	}
}
