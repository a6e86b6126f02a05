package azauth_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/azauth"
)

func TestAClientSecretSignsIn(t *testing.T) {
	a := newAuthority(t)
	token := get(t, a.source(t), contoso, "")
	if token.Value != tokenFor(contoso, 1) || token.Expires.IsZero() {
		t.Errorf("%+v", token)
	}
	q := a.asked()[0]
	for field, want := range map[string]string{
		"client_id": client, "client_secret": secret, "grant_type": "client_credentials",
	} {
		if got := q.form.Get(field); got != want {
			t.Errorf("%s %q, want %q", field, got, want)
		}
	}
	if !strings.Contains(" "+q.form.Get("scope")+" ", " https://graph.microsoft.com/.default ") || q.directory != contoso {
		t.Errorf("scope %q in directory %s", q.form.Get("scope"), q.directory)
	}
}

func TestACertificateSignsTheAssertion(t *testing.T) {
	p, err := newPair()
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "app.pem", p.pem)
	for _, chain := range []bool{false, true} {
		a := newAuthority(t)
		get(t, a.source(t, func(c *azauth.Config) {
			c.App = azauth.App{ClientID: client, CertificateFile: file, SendChain: chain}
		}), contoso, "")
		header, claims := assertion(t, a.asked()[0], &p.key.PublicKey)
		if claims["iss"] != client || claims["sub"] != client {
			t.Errorf("the assertion is of %v", claims)
		}
		if sent := header["x5c"] != nil; sent != chain {
			t.Errorf("SendChain %v: chain sent %v", chain, sent)
		}
	}
}

// assertion checks the signature of what was sent in place of a secret.
func assertion(t *testing.T, q ask, key *rsa.PublicKey) (header, claims map[string]any) {
	t.Helper()
	text := q.form.Get("client_assertion")
	parts := strings.Split(text, ".")
	if len(parts) != 3 || q.form.Get("client_secret") != "" {
		t.Fatalf("the form is %v", q.form)
	}
	part := func(i int) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if err := json.Unmarshal(part(0), &header); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(part(1), &claims); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPSS(key, crypto.SHA256, digest[:], part(2), nil); err != nil {
		t.Errorf("%v: %v", header, err)
	}
	return header, claims
}

func TestAPFXFileSignsIn(t *testing.T) {
	a := newAuthority(t)
	get(t, a.source(t, func(c *azauth.Config) {
		c.App = azauth.App{ClientID: client, CertificateFile: "testdata/sha1.pfx", CertificatePassword: azauth.NewSecret("fixture-password")}
	}), contoso, "")
	if a.asked()[0].form.Get("client_assertion") == "" {
		t.Error("no assertion was sent")
	}
}

func TestAWorkloadIdentitySendsItsToken(t *testing.T) {
	a := newAuthority(t)
	file := write(t, "token", []byte("header.federated.signature"))
	get(t, a.source(t, func(c *azauth.Config) { c.App = azauth.App{ClientID: client, FederatedTokenFile: file} }), contoso, "")
	form := a.asked()[0].form
	if form.Get("client_assertion") != "header.federated.signature" || form.Get("client_id") != client {
		t.Errorf("the form is %v", form)
	}
}

func TestAManagedIdentityAsksTheMachine(t *testing.T) {
	// The SDK keeps tokens of managed identities for the whole process, by client id.
	a := newAuthority(t)
	t.Setenv("IDENTITY_ENDPOINT", a.URL+"/identity")
	t.Setenv("IDENTITY_HEADER", secret)
	for _, id := range []string{"", "0a0a0a0a-1111-4222-8333-555555555555"} {
		s := a.source(t, func(c *azauth.Config) { c.App = azauth.App{ClientID: id, ManagedIdentity: true} })
		get(t, s, contoso, "{}")
		asks := a.asked()
		q := asks[len(asks)-1]
		if q.form.Get("resource") != "https://graph.microsoft.com" || q.form.Get("client_id") != id || q.header.Get("X-Identity-Header") != secret {
			t.Errorf("asked for %v", q.form)
		}
	}
}

// A managed identity signs in where it is at home, whatever directory is asked for. Its token
// there would back up one customer as another.
func TestATokenOfAnotherDirectoryIsRefused(t *testing.T) {
	a := newAuthority(t)
	t.Setenv("IDENTITY_ENDPOINT", a.URL+"/identity")
	t.Setenv("IDENTITY_HEADER", "x")
	s := a.source(t, func(c *azauth.Config) { c.App = azauth.App{ManagedIdentity: true} })
	e := failed(t, s, fabrikam)
	wantText(t, e, contoso, fabrikam, "its own only")
	if e.Kind != graph.KindUnauthorized {
		t.Errorf("kind %s", e.Kind)
	}

	wantText(t, failed(t, s, "contoso.onmicrosoft.com"), "a GUID")

	a.answer = func(w http.ResponseWriter, _ ask) {
		reply(w, http.StatusOK, map[string]any{"access_token": "opaque", "expires_on": "4102444800", "resource": "x"})
	}
	if _, err := s.Token(t.Context(), contoso, "{}"); err == nil {
		t.Error("a token that does not tell its directory was taken")
	} else {
		wantText(t, err, "does not say which directory")
	}
}

// An app that signs in with a secret chooses its directory by itself; its token is looked at
// all the same.
func TestATokenOfAnotherDirectoryIsRefusedFromAnApp(t *testing.T) {
	a := newAuthority(t)
	a.answer = func(w http.ResponseWriter, _ ask) {
		reply(w, http.StatusOK, map[string]any{"access_token": tokenFor(fabrikam, 1), "expires_in": 3600, "token_type": "Bearer"})
	}
	wantText(t, failed(t, a.source(t), contoso), fabrikam)
}

func TestFilesThatCannotServe(t *testing.T) {
	p, err := newPair()
	if err != nil {
		t.Fatal(err)
	}
	onlyKey := p.pem[strings.Index(string(p.pem), "-----BEGIN RSA"):]
	onlyCert := p.pem[:strings.Index(string(p.pem), "-----BEGIN RSA")]
	other := []byte("-----BEGIN CERTIFICATE-----\n" + secret + "\n-----END CERTIFICATE-----\n")
	password := azauth.NewSecret("fixture-password")
	for _, tc := range []struct {
		name string
		app  azauth.App
		want string
	}{
		{"no certificate file", azauth.App{CertificateFile: "testdata/nothing.pem"}, "nothing.pem: no such file"},
		{"no private key", azauth.App{CertificateFile: write(t, "a.pem", onlyCert)}, "a private key that can be read"},
		{"no certificate", azauth.App{CertificateFile: write(t, "a.pem", onlyKey)}, "a private key that can be read"},
		{"broken", azauth.App{CertificateFile: write(t, "a.pem", other)}, "a private key that can be read"},
		{"a PFX file without its password", azauth.App{CertificateFile: "testdata/sha1.pfx"}, "the right one"},
		{"a PFX file with another password", azauth.App{CertificateFile: "testdata/sha1.pfx", CertificatePassword: azauth.NewSecret(secret)}, "the right one"},
		{"a PFX file with SHA-256", azauth.App{CertificateFile: "testdata/sha256.pfx", CertificatePassword: password}, "-legacy"},
		{"no token file", azauth.App{FederatedTokenFile: "testdata/nothing"}, "nothing: no such file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.app.ClientID = client
			a := newAuthority(t)
			e := failed(t, a.source(t, func(c *azauth.Config) { c.App = tc.app }), contoso)
			wantText(t, e, tc.want)
			if e.Kind != graph.KindUnauthorized || strings.Contains(e.Error(), secret) || len(a.asked()) > 0 {
				t.Errorf("kind %s, %d requests: %v", e.Kind, len(a.asked()), e)
			}
		})
	}
}

// The token file of a workload may go away while the program runs.
func TestATokenFileThatWentAway(t *testing.T) {
	a := newAuthority(t)
	file := write(t, "token", []byte("a.b.c"))
	s := a.source(t, func(c *azauth.Config) { c.App = azauth.App{ClientID: client, FederatedTokenFile: file} })
	a.answer = refuse(http.StatusServiceUnavailable, "server_error", "")
	if e := failed(t, s, contoso); e.Kind != graph.KindUnavailable {
		t.Fatal(e)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	a.answer = refuse(http.StatusUnauthorized, "invalid_client", "AADSTS700024: too old")
	if e := failed(t, s, contoso); e.Code != "AADSTS700024" {
		t.Fatal(e)
	}
	wantText(t, failed(t, s, contoso), file, "no such file") // read anew after a refusal
}
