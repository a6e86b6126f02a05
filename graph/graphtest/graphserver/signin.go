package graphserver

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// signIn answers what the login service does: the client credentials flow of OAuth 2.0, and
// the document by which libraries find it.
func (s *Server) signIn(r *request, hr *http.Request) answer {
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(hr.URL.Path, "/"), "/")
	r.path, r.who.tenant = hr.URL.Path, graph.TenantID(tenant)
	if a := s.arrive(r); a != nil {
		return *a
	}
	if a, ok := s.faultAnswer(r); ok {
		return a
	}
	switch {
	case rest == "oauth2/v2.0/token" && r.method == http.MethodPost:
		return s.token(r, graph.TenantID(tenant))
	case rest == "v2.0/.well-known/openid-configuration" && r.method == http.MethodGet:
		root := r.base + "/" + url.PathEscape(tenant)
		body, _ := json.Marshal(map[string]string{
			"token_endpoint": root + "/oauth2/v2.0/token", "authorization_endpoint": root + "/oauth2/v2.0/authorize", "issuer": root + "/v2.0",
		}) // strings only
		return ok(body)
	}
	return r.noSegment(strings.TrimPrefix(hr.URL.Path, "/"))
}

// token gives an app its token for a tenant.
func (s *Server) token(r *request, tenant graph.TenantID) answer {
	form, err := url.ParseQuery(string(r.body))
	app, secret := form.Get("client_id"), form.Get("client_secret")
	want, known := s.cfg.Clients[app]
	switch _, missing := s.graph.Rows(tenant, ""); {
	case err != nil || app == "":
		return r.refused(http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'.")
	case form.Get("grant_type") != "client_credentials":
		return r.refused(http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
	case missing != nil:
		return r.refused(http.StatusBadRequest, "invalid_request", 90002, fmt.Sprintf("Tenant '%s' not found.", tenant))
	case !defaultScope(form.Get("scope")):
		return r.refused(http.StatusBadRequest, "invalid_scope", 1002012, "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.")
	case s.cfg.Clients != nil && !known:
		return r.refused(http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '"+app+"' was not found in the directory.")
	case s.cfg.Clients != nil && subtle.ConstantTimeCompare([]byte(secret), []byte(want)) == 0, secret == "" && form.Get("client_assertion") == "":
		return r.refused(http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided.")
	}
	roles := s.cfg.Roles
	if roles == nil {
		roles, _ = s.graph.Permissions(r.ctx, tenant) // the tenant is there, and without ctx there is nobody to answer
	}
	value := token(tenant, TokenOptions{App: app, Roles: roles, Expires: r.now.Add(s.cfg.TokenLifetime), Claims: form.Get("claims")}, s.serial.next())
	body, _ := json.Marshal(map[string]any{
		"token_type": "Bearer", "expires_in": int(s.cfg.TokenLifetime.Seconds()), "ext_expires_in": int(s.cfg.TokenLifetime.Seconds()), "access_token": value,
	}) // strings and numbers only
	return ok(body).with("Content-Type", "application/json; charset=utf-8")
}

// defaultScope tells whether a scope is all that an app was granted of one resource, with nothing
// but the scopes of OpenID Connect beside it, which Microsoft's own libraries always send.
func defaultScope(scope string) bool {
	resources := 0
	for _, s := range strings.Fields(scope) {
		switch {
		case strings.HasSuffix(s, "/.default"):
			resources++
		case s != "openid" && s != "offline_access" && s != "profile":
			return false
		}
	}
	return resources == 1
}

// refused is an error answer in the login service's form.
func (r *request) refused(status int, kind string, code int, text string) answer {
	body, _ := json.Marshal(map[string]any{
		"error": kind, "error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Timestamp: %s", code, text, r.id, r.now.UTC().Format("2006-01-02 15:04:05Z")),
		"error_codes": []int{code}, "timestamp": r.now.UTC().Format("2006-01-02 15:04:05Z"), "trace_id": r.id, "correlation_id": r.client,
	}) // strings and numbers only
	return answer{status: status, body: body}.with("Content-Type", "application/json; charset=utf-8")
}
