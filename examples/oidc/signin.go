package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// The paths of the sign-in.
const (
	signInPath   = "/signin"
	callbackPath = "/signin/callback"
	signOutPath  = "/signout"
)

// signInLife is how long somebody may take at the provider.
const signInLife = 10 * time.Minute

// The cookies.
const (
	sessionCookie = "session"
	pendingCookie = "signin"
)

// signInConfig says which provider is trusted, and as which client.
type signInConfig struct {
	Issuer       string // URL, exactly as the provider writes it into tokens
	ClientID     string
	ClientSecret string
	BaseURL      string       // of this host, without a slash at its end
	Client       *http.Client // for requests to the provider
	Clock        runs.Clock
}

// signIn signs people in by OpenID Connect: the authorization code flow with PKCE. It is safe for
// concurrent use.
type signIn struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
	sessions sessions
	client   *http.Client
	secure   bool // cookies are for https

	mu     sync.Mutex
	people map[string]roles // by subject, as the last sign-in had them
}

// roles are the roles of a person by tenant.
type roles map[graph.TenantID]runs.Role

// newSignIn asks the provider what it is like (OpenID Connect Discovery 1.0).
func newSignIn(ctx context.Context, cfg signInConfig) (*signIn, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, cfg.Client), cfg.Issuer)
	if err != nil {
		return nil, err
	}
	return &signIn{
		oauth: oauth2.Config{
			ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret, Endpoint: provider.Endpoint(),
			RedirectURL: cfg.BaseURL + callbackPath, Scopes: []string{oidc.ScopeOpenID, "profile"},
		},
		verifier: provider.Verifier(&oidc.Config{ClientID: cfg.ClientID, Now: cfg.Clock.Now}),
		client:   cfg.Client, people: map[string]roles{}, sessions: sessions{clock: cfg.Clock, all: map[string]session{}},
		secure: strings.HasPrefix(cfg.BaseURL, "https:"), // plain http is for loopback
	}, nil
}

// mount hangs the sign-in into a mux.
func (s *signIn) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+signInPath, s.begin)
	mux.HandleFunc("GET "+callbackPath, s.callback)
	mux.HandleFunc("POST "+signOutPath, s.end)
}

// cookie makes a cookie that lasts for some seconds; 0 for as long as the browser runs. By https
// it is one that only this very host can set.
func (s *signIn) cookie(name, value string, seconds int) *http.Cookie {
	if s.secure {
		name = "__Host-" + name
	}
	return &http.Cookie{Name: name, Value: value, MaxAge: seconds, Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
}

// sent returns the value of one of our cookies.
func (s *signIn) sent(r *http.Request, name string) string {
	return value(r, s.cookie(name, "", 0).Name)
}

// pending is what a sign-in that was begun must come back with.
type pending struct{ state, nonce, verifier string }

// begin leads to the provider. What must come back waits in a cookie of this browser, so that
// nobody fills the memory by beginning sign-ins.
func (s *signIn) begin(w http.ResponseWriter, r *http.Request) {
	p := pending{rand.Text(), rand.Text(), oauth2.GenerateVerifier()}
	http.SetCookie(w, s.cookie(pendingCookie, p.state+"."+p.nonce+"."+p.verifier, int(signInLife.Seconds())))
	http.Redirect(w, r, s.oauth.AuthCodeURL(p.state, oidc.Nonce(p.nonce), oauth2.S256ChallengeOption(p.verifier)), http.StatusSeeOther)
}

// begun returns what begin left in this browser, and removes it there.
func (s *signIn) begun(w http.ResponseWriter, r *http.Request) (p pending, ok bool) {
	http.SetCookie(w, s.cookie(pendingCookie, "", -1))
	parts := strings.Split(s.sent(r, pendingCookie), ".")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return p, false
	}
	return pending{parts[0], parts[1], parts[2]}, true
}

// callback is where the provider sends the browser back to.
func (s *signIn) callback(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	who, err := identity{}, errors.New("this browser has begun no sign-in")
	if p, ok := s.begun(w, r); ok {
		who, err = s.identify(ctx, r, p)
	}
	if err != nil {
		// The cause may have what the provider said, so it is for the log alone.
		slog.WarnContext(ctx, "a sign-in failed", "error", runs.Redact(err.Error()))
		http.Error(w, "The sign-in failed. Start again at "+signInPath+".", http.StatusForbidden)
		return
	}
	s.mu.Lock()
	s.people[who.subject] = who.roles
	s.mu.Unlock()
	s.sessions.end(s.sent(r, sessionCookie)) // of whoever signed in here before
	http.SetCookie(w, s.cookie(sessionCookie, s.sessions.start(who), 0))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// identity is who has signed in.
type identity struct {
	subject, name string
	roles         roles
}

// identify takes the answer of the provider and returns who it is of.
func (s *signIn) identify(ctx context.Context, r *http.Request, p pending) (who identity, err error) {
	q := r.URL.Query()
	switch {
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(p.state)) != 1:
		return who, errors.New("the state is not that of the sign-in which this browser has begun")
	case q.Get("error") != "":
		return who, errors.New("the provider says: " + q.Get("error"))
	}
	ctx = oidc.ClientContext(ctx, s.client)
	tokens, err := s.oauth.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(p.verifier))
	if err != nil {
		return who, err
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return who, errors.New("the provider gave no ID token")
	}
	token, err := s.verifier.Verify(ctx, raw) // signature, issuer, audience and expiry
	if err != nil {
		return who, err
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(p.nonce)) != 1 {
		return who, errors.New("the ID token was made for another sign-in")
	}
	var claims struct {
		Name  string   `json:"name"`
		Roles []string `json:"roles"` // what a person may do: a list of TENANT.ROLE, as app roles of Entra ID are called
	}
	if err := token.Claims(&claims); err != nil {
		return who, err
	}
	switch token.Subject {
	case "":
		return who, errors.New("the ID token names nobody")
	case runs.SystemActor.ID: // what the engine does is recorded under this name
		return who, errors.New("the ID token is of a subject whose name is the engine's")
	}
	return identity{token.Subject, claims.Name, rolesOf(claims.Roles)}, nil
}

// rolesOf reads the claim. What is no TENANT.ROLE is of other apps. Of several roles in a tenant the strongest counts.
func rolesOf(claim []string) roles {
	found := roles{}
	for _, role := range []runs.Role{runs.RoleReadonly, runs.RoleOperator, runs.RoleManager, runs.RoleOwner} {
		for _, text := range claim {
			if tenant, name, ok := strings.Cut(text, "."); ok && tenant != "" && name == string(role) {
				found[graph.TenantID(tenant)] = role
			}
		}
	}
	return found
}

func (s *signIn) end(w http.ResponseWriter, r *http.Request) {
	s.sessions.end(s.sent(r, sessionCookie))
	http.SetCookie(w, s.cookie(sessionCookie, "", -1))
	w.WriteHeader(http.StatusNoContent)
}

// principal is api.Config.Principal.
func (s *signIn) principal(r *http.Request) (runs.Actor, bool) {
	who, ok := s.sessions.find(s.sent(r, sessionCookie))
	return runs.Actor{ID: who.subject, Name: who.name}, ok
}

// roleOf is runs.RoleAuthorizer's RoleOf.
func (s *signIn) roleOf(_ context.Context, tenant graph.TenantID, actor runs.Actor) (runs.Role, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.people[actor.ID][tenant], nil
}

// access is api.Config.TenantAccess.
func (s *signIn) access(ctx context.Context, tenant graph.TenantID, actor runs.Actor) (bool, error) {
	role, err := s.roleOf(ctx, tenant, actor)
	return role != runs.RoleNone, err
}
