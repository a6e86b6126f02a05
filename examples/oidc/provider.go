package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// provider is a small OpenID provider for one client, with discovery, keys, an authorization and a
// token endpoint. It asks nobody for a password: the person at its keyboard is always the same.
type provider struct {
	issuer   string
	client   client
	signedIn person
	clock    runs.Clock
	key      *ecdsa.PrivateKey
	mux      *http.ServeMux

	// alter, when set, changes the claims of the next tokens: what a provider that is broken or
	// not the right one would send.
	alter func(claims map[string]any)

	mu     sync.Mutex
	grants map[string]grant // by code
}

// client is a registered host.
type client struct{ id, secret, redirect string }

// person is who sits at the browser.
type person struct {
	subject, name string
	roles         []string
}

// grant is what a code stands for.
type grant struct{ nonce, challenge string }

func newProvider(issuer string, c client, clock runs.Clock) (*provider, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	p := &provider{issuer: issuer, client: c, clock: clock, key: key, mux: http.NewServeMux(), grants: map[string]grant{}}
	p.mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	p.mux.HandleFunc("GET /keys", p.keys)
	p.mux.HandleFunc("GET /authorize", p.authorize)
	p.mux.HandleFunc("POST /token", p.token)
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // who has gone misses nothing
}

func (p *provider) discovery(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token", "jwks_uri": p.issuer + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"}, "code_challenge_methods_supported": []string{"S256"},
	})
}

func (p *provider) keys(w http.ResponseWriter, _ *http.Request) {
	point, err := p.key.PublicKey.Bytes() // 4, X, Y (SEC 1, 2.3.3)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	reply(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1", "x": b64(point[1:33]), "y": b64(point[33:]),
	}}})
}

// authorize sends the browser back with a code. Where the redirect is not the registered one, it
// is sent nowhere (RFC 6749, 4.1.2.1).
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != p.client.id || q.Get("redirect_uri") != p.client.redirect {
		reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return
	}
	answer := url.Values{"state": {q.Get("state")}}
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("nonce") == "" {
		answer.Set("error", "invalid_request")
	} else {
		code := rand.Text()
		p.mu.Lock()
		p.grants[code] = grant{nonce: q.Get("nonce"), challenge: q.Get("code_challenge")}
		p.mu.Unlock()
		answer.Set("code", code)
	}
	http.Redirect(w, r, p.client.redirect+"?"+answer.Encode(), http.StatusFound)
}

// token exchanges a code, once, for an ID token.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id != p.client.id || subtle.ConstantTimeCompare([]byte(secret), []byte(p.client.secret)) != 1 {
		reply(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	code := r.FormValue("code")
	p.mu.Lock()
	g, ok := p.grants[code]
	delete(p.grants, code)
	p.mu.Unlock()
	proof := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || b64(proof[:]) != g.challenge || r.FormValue("redirect_uri") != p.client.redirect || r.FormValue("grant_type") != "authorization_code" {
		reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	now := p.clock.Now()
	claims := map[string]any{
		"iss": p.issuer, "aud": p.client.id, "sub": p.signedIn.subject, "nonce": g.nonce,
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "name": p.signedIn.name, "roles": p.signedIn.roles,
	}
	if p.alter != nil {
		p.alter(claims)
	}
	token, err := p.sign(claims)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	reply(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 300, "id_token": token})
}

// sign makes a JSON Web Token by ES256 (RFC 7518, 3.4).
func (p *provider) sign(claims map[string]any) (string, error) {
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed := b64([]byte(`{"alg":"ES256","kid":"1","typ":"JWT"}`)) + "." + b64(body)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + b64(signature), nil
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }
