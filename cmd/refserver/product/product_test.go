package product_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/runs"
)

// made makes a product; with the zero configuration one of the demo users on loopback.
func made(t *testing.T, cfg product.Config) *product.Product {
	t.Helper()
	if cfg.Users == nil {
		cfg.Users, cfg.Loopback = product.DemoUsers(), true
	}
	p, err := product.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// bearing is a request to a loopback server with a token.
func bearing(authorization string) *http.Request {
	r := httptest.NewRequest("GET", "http://127.0.0.1:8080/", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

func TestAWrongConfigurationIsRefusedByField(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  product.Config
		want string
	}{
		"demo users for everybody":   {product.Config{Users: product.DemoUsers()}, "users"},
		"a prefix that is no path":   {product.Config{Backups: "backups"}, "backups"},
		"a prefix with a slash":      {product.Config{Backups: "/backups/"}, "backups"},
		"the top as a prefix":        {product.Config{Backups: "/"}, "backups"},
		"a negative idle limit":      {product.Config{Idle: -1}, "idle"},
		"a negative absolute limit":  {product.Config{Absolute: -1}, "absolute"},
		"a pattern in a prefix":      {product.Config{Backups: "/{x}"}, "backups"},
		"a prefix that leads upward": {product.Config{Backups: "/a/../b"}, "backups"},
	} {
		_, err := product.New(c.cfg)
		bad, ok := err.(*runs.InvalidError)
		if !ok || len(bad.Fields) != 1 || bad.Fields[0].Field != c.want {
			t.Errorf("%s: %v, want one error of %s", name, err, c.want)
		}
	}
}

func TestADemoTokenSaysWhoAsks(t *testing.T) {
	p := made(t, product.Config{})
	for authorization, want := range map[string]string{
		"Bearer demo-owner-contoso":     "owner-contoso",
		"bearer demo-readonly-fabrikam": "readonly-fabrikam",
		"Bearer demo-stranger":          "stranger",
		"Bearer demo-owner-nobody":      "",
		"Bearer owner-contoso":          "",
		"Bearer ":                       "",
		"Basic demo-owner-contoso":      "",
		"demo-owner-contoso":            "",
		"":                              "",
	} {
		actor, ok := p.Principal(bearing(authorization))
		if actor.ID != want || ok != (want != "") {
			t.Errorf("%q signs in %+v, %v; want %q", authorization, actor, ok, want)
		}
	}
}

func TestWithoutUsersNoTokenIsAnybodys(t *testing.T) {
	p, err := product.New(product.Config{Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	if actor, ok := p.Principal(bearing("Bearer demo-owner-contoso")); ok {
		t.Errorf("the token signs in %v", actor)
	}
}

func TestDemoUsersAreOnlyForRequestsThatNameTheMachine(t *testing.T) {
	p := made(t, product.Config{})
	for host, want := range map[string]bool{
		"127.0.0.1:8080": true, "127.0.0.1": true, "[::1]:8080": true, "::1": true, "localhost": true, "LOCALHOST:1": true, "127.9.9.9:80": true,
		"evil.example:8080": false, "localhost.evil.example": false, "127.0.0.1.nip.io": false, "192.0.2.1:8080": false, "": false, "0.0.0.0:8080": false,
		"[::ffff:127.0.0.1]:80": true, "127.1": false,
	} {
		r := bearing("Bearer demo-owner-contoso")
		r.Host = host
		if _, ok := p.Principal(r); ok != want {
			t.Errorf("Host %q: a demo token signs in: %v", host, ok)
		}
		for method, path := range map[string]string{"GET": "/signin", "POST": "/signin"} {
			r := httptest.NewRequest(method, path, nil)
			r.Host = host
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			if refused := w.Code == http.StatusForbidden; refused == want || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("Host %q: %s %s answers %d", host, method, path, w.Code)
			}
		}
	}
}

// A proxy on the machine may name the machine as the host, and be asked from anywhere.
func TestDemoUsersAreNotForRequestsThatAProxyPassesOn(t *testing.T) {
	p := made(t, product.Config{})
	for _, header := range []string{"Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"} {
		r := bearing("Bearer demo-owner-contoso")
		r.Host = "127.0.0.1:8080"
		r.Header.Set(header, "") // that it is there is enough
		if _, ok := p.Principal(r); ok {
			t.Errorf("%s: a demo token signs in", header)
		}
		for _, method := range []string{"GET", "POST"} {
			r := httptest.NewRequest(method, "http://127.0.0.1:8080/signin", strings.NewReader(as("owner-contoso").Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header, "")
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			if w.Code != http.StatusForbidden || w.Header().Get("Set-Cookie") != "" || !strings.Contains(w.Body.String(), "through a proxy") {
				t.Errorf("%s: %s /signin answers %d\n%s", header, method, w.Code, w.Body)
			}
		}
	}
}

func TestWhoHasARoleHasBusinessInTheTenantAndSeesIt(t *testing.T) {
	p := made(t, product.Config{})
	owner, stranger := runs.Actor{ID: "owner-contoso"}, runs.Actor{ID: "stranger"}
	for _, c := range []struct {
		actor runs.Actor
		in    bool
		role  runs.Role
		see   []product.Tenant
	}{
		{owner, true, runs.RoleOwner, []product.Tenant{{ID: "contoso", Name: "Contoso", Role: runs.RoleOwner}}},
		{runs.Actor{ID: "readonly-contoso"}, true, runs.RoleReadonly, []product.Tenant{{ID: "contoso", Name: "Contoso", Role: runs.RoleReadonly}}},
		{stranger, false, runs.RoleNone, nil},
		{runs.Actor{ID: "owner-fabrikam"}, false, runs.RoleNone, []product.Tenant{{ID: "fabrikam", Name: "Fabrikam", Role: runs.RoleOwner}}},
		{runs.Actor{}, false, runs.RoleNone, nil},
	} {
		in, err := p.Access(t.Context(), "contoso", c.actor)
		role, rerr := p.RoleOf(t.Context(), "contoso", c.actor)
		see, terr := p.Tenants(t.Context(), c.actor)
		if err != nil || rerr != nil || terr != nil || in != c.in || role != c.role {
			t.Errorf("%q in contoso: access %v, role %q, errors %v %v %v", c.actor.ID, in, role, err, rerr, terr)
		}
		if diff := cmp.Diff(c.see, see); diff != "" {
			t.Errorf("tenants of %q (-want +got):\n%s", c.actor.ID, diff)
		}
	}
	if in, _ := p.Access(t.Context(), "nowhere", owner); in {
		t.Error("somebody has business in a tenant that does not exist")
	}
}

func TestOnlyDemoTenantsHaveAnOwnerToPlantAs(t *testing.T) {
	if owner, ok := product.DemoUsers().Person("fabrikam", runs.RoleOwner); !ok || owner.ID != "owner-fabrikam" {
		t.Errorf("the owner of fabrikam is %v, %v", owner, ok)
	}
	if owner, ok := product.DemoUsers().Person("nowhere", runs.RoleOwner); ok {
		t.Errorf("nowhere has an owner: %v", owner)
	}
	if owner, ok := (*product.Users)(nil).Person("contoso", runs.RoleOwner); ok {
		t.Errorf("nobody owns contoso: %v", owner)
	}
}
