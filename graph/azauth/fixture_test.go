package azauth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/azauth"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	contoso  = "0c0c0c0c-1111-4222-8333-444444444444"
	fabrikam = "0f0f0f0f-1111-4222-8333-444444444444"
	client   = "0a0a0a0a-1111-4222-8333-444444444444"
	secret   = "k4n4rienVogel-SINGT_77"
)

// ask is a request for a token.
type ask struct {
	directory string
	form      url.Values
	header    http.Header
}

// authority is a sign-in service. Its certificate is one that only its own client trusts.
type authority struct {
	*httptest.Server
	answer func(http.ResponseWriter, ask) // to the next requests for a token; nil gives one

	mu   sync.Mutex
	asks []ask
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{directory}/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		base := a.URL + "/" + r.PathValue("directory")
		reply(w, http.StatusOK, map[string]string{
			"authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": base + "/oauth2/v2.0/token", "issuer": base + "/v2.0",
		})
	})
	mux.HandleFunc("POST /{directory}/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		a.take(w, ask{r.PathValue("directory"), r.PostForm, r.Header})
	})
	mux.HandleFunc("GET /identity", func(w http.ResponseWriter, r *http.Request) { // as App Service has it
		a.take(w, ask{"identity", r.URL.Query(), r.Header})
	})
	a.Server = httptest.NewUnstartedServer(mux)
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

func (a *authority) take(w http.ResponseWriter, q ask) {
	a.mu.Lock()
	a.asks = append(a.asks, q)
	n := len(a.asks)
	a.mu.Unlock()
	if a.answer != nil {
		a.answer(w, q)
		return
	}
	directory := q.directory
	if directory == "identity" {
		directory = contoso
	}
	reply(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": 3600, "access_token": tokenFor(directory, n),
		"expires_on": fmt.Sprint(time.Now().Add(time.Hour).Unix()), "resource": q.form.Get("resource"),
	})
}

// asked returns the requests for tokens so far.
func (a *authority) asked() []ask {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]ask(nil), a.asks...)
}

func (a *authority) cloud() msgraph.Cloud {
	return msgraph.Cloud{Login: a.URL, Graph: "https://graph.microsoft.com"}
}

// source signs in at the authority.
func (a *authority) source(t testing.TB, change ...func(*azauth.Config)) *azauth.Source {
	t.Helper()
	cfg := azauth.Config{App: secretApp(), Cloud: a.cloud(), HTTP: a.Client()}
	for _, f := range change {
		f(&cfg)
	}
	s, err := azauth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func secretApp() azauth.App {
	return azauth.App{ClientID: client, ClientSecret: azauth.NewSecret(secret)}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // only a broken connection can fail
}

// tokenFor is a token of a directory, another one for every n.
func tokenFor(directory string, n int) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"tid":%q,"n":%d}`, directory, n)) + "." + part("signature")
}

// refuse answers as Entra does when it says no.
func refuse(status int, word, description string) func(http.ResponseWriter, ask) {
	return func(w http.ResponseWriter, _ ask) {
		w.Header().Set("X-Ms-Request-Id", "0b1c2d3e-4f50-4162-8374-95a6b7c8d9e0")
		reply(w, status, map[string]any{"error": word, "error_description": description, "correlation_id": "x"})
	}
}

// get asks for a token that must come.
func get(t testing.TB, s *azauth.Source, tenant graph.TenantID, claims string) msgraph.Token {
	t.Helper()
	token, err := s.Token(t.Context(), tenant, claims)
	if err != nil {
		t.Fatalf("%s: %v", tenant, err)
	}
	return token
}

// failed asks for a token that must not come.
func failed(t testing.TB, s *azauth.Source, tenant graph.TenantID) *graph.Error {
	t.Helper()
	token, err := s.Token(t.Context(), tenant, "")
	var e *graph.Error
	if !errors.As(err, &e) {
		t.Fatalf("token %v, error %v; want a graph.Error", token, err)
	}
	return e
}

func wantText(t testing.TB, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v; want %q in it", err, part)
		}
	}
}

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
	pem  []byte
}

var newPair = sync.OnceValues(func() (pair, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return pair{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tenantbackup"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return pair{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return pair{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})...)
	return pair{cert, key, text}, nil
})

// write makes a file and returns its path.
func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
