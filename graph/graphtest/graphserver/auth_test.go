package graphserver_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

const filters = "/beta/deviceManagement/assignmentFilters"

// hand is a clock that a test moves. Waits are over at once.
type hand struct{ now time.Time }

func (h *hand) Now() time.Time { return h.now }
func (h *hand) After(d time.Duration) <-chan time.Time {
	h.now = h.now.Add(d)
	c := make(chan time.Time, 1)
	c <- h.now
	return c
}

func TestOnlyAGoodTokenOpensATenant(t *testing.T) {
	clock := &hand{now: graphtest.Epoch}
	w := with(t, graphtest.Config{Clock: clock}, graphserver.Config{})
	soon := graphserver.Token(tenant, graphserver.TokenOptions{Expires: clock.now.Add(time.Minute)})
	for name, c := range map[string]struct {
		token  string
		later  time.Duration
		status int
	}{
		"none":                       {"", 0, 401},
		"no JSON Web Token":          {"opaque", 0, 401},
		"unreadable":                 {"a.b.c", 0, 401},
		"of another tenant":          {graphserver.Token("fabrikam", graphserver.TokenOptions{}), 0, 401},
		"good for a minute":          {soon, 59 * time.Second, 200},
		"good for a minute, expired": {soon, time.Minute, 401},
		"good for ever":              {w.token, 1000 * time.Hour, 200},
	} {
		clock.now, w.token = graphtest.Epoch.Add(c.later), c.token
		r := w.ask("GET", filters, "")
		if r.status != c.status {
			t.Errorf("a token %s: %d, want %d", name, r.status, c.status)
		}
		if c.status != 401 {
			continue
		}
		if code, _ := r.wantError(t, 401); code != "InvalidAuthenticationToken" || !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("a token %s: %s, WWW-Authenticate %q", name, code, r.header.Get("WWW-Authenticate"))
		}
	}
}

// demanding is the catalogue with two kinds of permissions.
func demanding(t testing.TB) *graph.Catalogue {
	t.Helper()
	rows := graph.Catalog.All()
	for i := range rows {
		read := graph.Permission{"DeviceManagementConfiguration.Read.All", "DeviceManagementConfiguration.ReadWrite.All"}
		if rows[i].Platform == "entra" {
			read = graph.Permission{"Policy.Read.All"}
		}
		rows[i].Permissions = graph.Permissions{Read: []graph.Permission{read}}
	}
	c, err := graph.NewCatalogue(rows...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestATokenWithRolesMayDoWhatTheyAllow(t *testing.T) {
	w := with(t, graphtest.Config{Catalogue: demanding(t)}, graphserver.Config{})
	oma := w.one("deviceConfiguration", func(p graph.Policy) bool { return len(p.Warnings) > 0 })
	configurations := "/beta/deviceManagement/deviceConfigurations"
	secret := configurations + "/" + oma.ID + "/getOmaSettingPlainTextValue(secretReferenceValueId='" + secretOf(t, oma) + "')"
	for name, c := range map[string]struct {
		roles  []string
		target string
		status int
	}{
		"no roles":           {[]string{}, configurations, 403},
		"another role":       {[]string{"Policy.Read.All"}, configurations, 403},
		"reading":            {[]string{"DeviceManagementConfiguration.Read.All"}, configurations, 200},
		"writing":            {[]string{"DeviceManagementConfiguration.ReadWrite.All"}, configurations, 200},
		"a secret, reading":  {[]string{"DeviceManagementConfiguration.Read.All"}, secret, 403},
		"a secret, writing":  {[]string{"DeviceManagementConfiguration.ReadWrite.All"}, secret, 200},
		"no limit":           {nil, secret, 200},
		"an Entra type":      {[]string{"Policy.Read.All"}, "/v1.0/identity/conditionalAccess/policies", 200},
		"an Entra type, not": {[]string{"DeviceManagementConfiguration.Read.All"}, "/v1.0/identity/conditionalAccess/policies", 403},
	} {
		w.token = graphserver.Token(tenant, graphserver.TokenOptions{Roles: c.roles})
		r := w.ask("GET", c.target, "")
		if r.status != c.status {
			t.Errorf("%s: %d %s, want %d", name, r.status, r.brief(), c.status)
			continue
		}
		if r.status != 403 {
			continue
		}
		code, message := r.wantError(t, 403)
		if strings.Contains(c.target, "identity") {
			if code != "Authorization_RequestDenied" {
				t.Errorf("%s: code %s", name, code)
			}
			continue
		}
		var inner struct{ Message string }
		if code != "Forbidden" || json.Unmarshal([]byte(message), &inner) != nil ||
			!strings.Contains(inner.Message, "Application must have one of the following scopes: ") || !strings.Contains(inner.Message, "DeviceManagementConfiguration.ReadWrite.All") {
			t.Errorf("%s: %s %s", name, code, message)
		}
	}
}

func TestTheTokenEndpointSignsAppsIn(t *testing.T) {
	clock := &hand{now: graphtest.Epoch}
	w := with(t, graphtest.Config{Clock: clock, Catalogue: demanding(t)}, graphserver.Config{Clients: map[string]string{"app": "right"}, Roles: []string{"DeviceManagementConfiguration.Read.All"}})
	form := func(change ...string) string {
		v := url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {"right"}, "scope": {"https://graph.microsoft.com/.default"}}
		for i := 0; i < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v.Encode()
	}
	w.token = ""
	endpoint := "/" + string(tenant) + "/oauth2/v2.0/token"
	for name, c := range map[string]struct {
		endpoint, body string
		status         int
		kind           string
	}{
		"a wrong secret":     {endpoint, form("client_secret", "wrong"), 401, "invalid_client"},
		"no secret":          {endpoint, form("client_secret", ""), 401, "invalid_client"},
		"an unknown app":     {endpoint, form("client_id", "other"), 400, "unauthorized_client"},
		"an unknown tenant":  {"/fabrikam/oauth2/v2.0/token", form(), 400, "invalid_request"},
		"another flow":       {endpoint, form("grant_type", "password"), 400, "unsupported_grant_type"},
		"a scope of its own": {endpoint, form("scope", "Policy.Read.All"), 400, "invalid_scope"},
	} {
		r := w.ask("POST", c.endpoint, c.body)
		var e struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if json.Unmarshal(r.body, &e) != nil || r.status != c.status || e.Error != c.kind || !strings.HasPrefix(e.Description, "AADSTS") {
			t.Errorf("%s: %d %s, want %d %s", name, r.status, r.brief(), c.status, c.kind)
		}
	}

	r := w.ask("POST", endpoint, form())
	var token struct {
		Type    string `json:"token_type"`
		Expires int    `json:"expires_in"`
		Value   string `json:"access_token"`
	}
	if err := json.Unmarshal(r.body, &token); err != nil || r.status != 200 || token.Type != "Bearer" || token.Expires != 3600 {
		t.Fatalf("%d %s", r.status, r.brief())
	}
	w.token = token.Value
	if r := w.ask("GET", filters, ""); r.status != 200 {
		t.Errorf("the token: %d %s", r.status, r.brief())
	}
	if r := w.ask("GET", "/v1.0/identity/conditionalAccess/policies", ""); r.status != 403 {
		t.Errorf("the token has roles that it should not have: %d", r.status)
	}
	clock.now = clock.now.Add(time.Hour)
	if r := w.ask("GET", filters, ""); r.status != 401 {
		t.Errorf("the token after an hour: %d", r.status)
	}
	discovered := w.ask("GET", "/"+string(tenant)+"/v2.0/.well-known/openid-configuration", "")
	if got := text(decode(t, discovered.body)["token_endpoint"]); got != "http://graph.test"+endpoint {
		t.Errorf("the token endpoint is at %s", got)
	}
}

func TestTheTokenEndpointGivesWhatTheTenantHasGranted(t *testing.T) {
	w := with(t, graphtest.Config{Catalogue: demanding(t)}, graphserver.Config{})
	if err := w.graph.Grant(tenant, "Policy.Read.All"); err != nil {
		t.Fatal(err)
	}
	r := w.ask("POST", "/"+string(tenant)+"/oauth2/v2.0/token", "grant_type=client_credentials&client_id=any&client_secret=any&scope=x/.default")
	w.token = text(decode(t, r.body)["access_token"])
	if r := w.ask("GET", filters, ""); r.status != 403 {
		t.Errorf("what is not granted: %d %s", r.status, r.brief())
	}
	if r := w.ask("GET", "/v1.0/identity/conditionalAccess/policies", ""); r.status != 200 {
		t.Errorf("what is granted: %d %s", r.status, r.brief())
	}
}

// secretOf is the reference of an encrypted value.
func secretOf(t testing.TB, p graph.Policy) string {
	t.Helper()
	var o struct {
		Settings []struct {
			Ref string `json:"secretReferenceValueId"`
		} `json:"omaSettings"`
	}
	if err := json.Unmarshal(p.Raw, &o); err != nil {
		t.Fatal(err)
	}
	for _, s := range o.Settings {
		if s.Ref != "" {
			return s.Ref
		}
	}
	t.Fatal("the policy has no secret")
	return ""
}
