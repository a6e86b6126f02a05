package graphserver

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// TokenOptions say what a [Token] holds. The zero value is a token that never expires and
// may do everything.
type TokenOptions struct {
	App     string    // the app's client id. Defaults to one that is the same for all tokens.
	Roles   []string  // the permissions; nil leaves the claim out, empty permits nothing
	Expires time.Time // zero for never
	Claims  string    // the claims that the token was asked for with, after a challenge
}

// defaultApp is the app of a token that names none.
const defaultApp = "11111111-2222-4333-8444-555555555555"

// claims are those of a token that matter here.
type claims struct {
	Audience  string   `json:"aud"`
	Tenant    string   `json:"tid"`
	App       string   `json:"appid"`
	Roles     []string `json:"roles,omitzero"`
	Expires   int64    `json:"exp,omitempty"`
	Serial    uint64   `json:"uti,omitempty"` // keeps tokens apart that are alike otherwise
	Challenge string   `json:"xms_challenge,omitempty"`
}

// Token makes a token for a tenant that a [Server] takes: a JSON Web Token in form, with a
// signature that nobody checks.
func Token(tenant graph.TenantID, o TokenOptions) string { return token(tenant, o, 0) }

func token(tenant graph.TenantID, o TokenOptions, serial uint64) string {
	c := claims{Audience: "https://graph.microsoft.com", Tenant: string(tenant), App: o.App, Roles: o.Roles, Serial: serial, Challenge: o.Claims}
	if c.App == "" {
		c.App = defaultApp
	}
	if !o.Expires.IsZero() {
		c.Expires = o.Expires.Unix()
	}
	payload, _ := json.Marshal(c) // strings and numbers only
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"typ":"JWT","alg":"none"}`)) + "." + encode(payload) + "." + encode([]byte("unsigned"))
}

// identity is who asks.
type identity struct {
	token   string
	tenant  graph.TenantID
	app     string
	roles   []string
	limited bool // the token says which roles it has
}

// identify reads the Authorization header of a request.
func (s *Server) identify(r *request, header string) (identity, *answer) {
	refuse := func(why string) (identity, *answer) {
		a := r.unauthorized(why)
		return identity{}, &a
	}
	value, ok := strings.CutPrefix(header, "Bearer ")
	if !ok || value == "" {
		return refuse("Access token is empty.")
	}
	pieces := strings.Split(value, ".")
	if len(pieces) != 3 {
		return refuse("IDX14100: JWT is not well formed, there are no dots (.).")
	}
	payload, err := base64.RawURLEncoding.DecodeString(pieces[1])
	var c claims
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return refuse("IDX14102: Unable to decode the payload.")
	}
	if _, err := s.graph.Rows(graph.TenantID(c.Tenant), ""); err != nil {
		return refuse("The tenant of the token is not served here.")
	}
	who := identity{token: value, tenant: graph.TenantID(c.Tenant), app: c.App, roles: c.Roles, limited: c.Roles != nil}
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	switch {
	case c.Expires != 0 && !r.now.Before(time.Unix(c.Expires, 0)), s.tokens.expired[value]:
		return refuse("Lifetime validation failed, the token is expired.")
	case s.tokens.revoked[who.account()] && c.Challenge == "":
		a := r.challenge()
		return identity{}, &a
	}
	return who, nil
}

// tokens are those that no longer do.
type tokens struct {
	mu      sync.Mutex
	expired map[string]bool  // by token
	revoked map[account]bool // until one comes that answers the challenge
}

type account struct {
	tenant graph.TenantID
	app    string
}

func (i identity) account() account { return account{i.tenant, i.app} }

// expire ends the token of a request.
func (s *Server) expire(r *request) answer {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.expired[r.who.token] = true
	return r.unauthorized("Lifetime validation failed, the token is expired.")
}

// revoke ends all tokens of an app that were not asked for with the claims of a challenge.
func (s *Server) revoke(r *request) answer {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.revoked[r.who.account()] = true
	s.tokens.expired[r.who.token] = true
	return r.challenge()
}

const authenticate = `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`

func (r *request) unauthorized(why string) answer {
	return r.fail(http.StatusUnauthorized, "InvalidAuthenticationToken", why).with("WWW-Authenticate", authenticate)
}

// challenge is the refusal of continuous access evaluation. The claims are to be asked for.
func (r *request) challenge() answer {
	claims := base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true,"value":"1767225600"}}}`))
	return r.fail(http.StatusUnauthorized, "InvalidAuthenticationToken",
		"Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp").
		with("WWW-Authenticate", authenticate+`, error="insufficient_claims", claims="`+claims+`"`)
}

// permitted refuses a request whose token lacks permissions: all of one of the lists are
// needed, and of each any one.
func (s *Server) permitted(r *request, needs [][]graph.Permission) *answer {
	if !r.who.limited || len(needs) == 0 {
		return nil
	}
	has := func(p graph.Permission) bool {
		return slices.ContainsFunc(p, func(role string) bool { return slices.Contains(r.who.roles, role) })
	}
	for _, all := range needs {
		if !slices.ContainsFunc(all, func(p graph.Permission) bool { return !has(p) }) {
			return nil
		}
	}
	a := r.forbidden(needs[0])
	return &a
}

// forbidden is the refusal of a token without the permissions, in the words of the service.
func (r *request) forbidden(need []graph.Permission) answer {
	if workload(r.segments) != graph.WorkloadIntune {
		return r.fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	}
	var scopes []string
	for _, p := range need {
		scopes = append(scopes, p...)
	}
	return r.nested(http.StatusForbidden, "Forbidden",
		"Application is not authorized to perform this operation. Application must have one of the following scopes: "+strings.Join(scopes, ", "))
}
