package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// grants tells permissions, or does not.
type grants func(context.Context, graph.TenantID) ([]string, error)

func (g grants) Permissions(ctx context.Context, tenant graph.TenantID) ([]string, error) {
	return g(ctx, tenant)
}

func TestPermissionsTellWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	var all Permissions
	w.wants(200, http.MethodGet, "permissions", "", &all)
	if len(all.Granted) == 0 || len(all.Items) < 40 {
		t.Fatalf("%d permissions, %d types", len(all.Granted), len(all.Items))
	}
	for _, a := range all.Items {
		if !a.Backup || !a.Secrets || a.Restore != (a.Support == "restorable") || len(a.Missing) > 0 {
			t.Errorf("with every permission: %+v", a)
		}
	}

	w.must(w.graph.Grant(contoso, "Policy.Read.All", "DeviceManagementConfiguration.Read.All", "Policy.Read.All"))
	var some Permissions
	w.wants(200, http.MethodGet, "permissions", "", &some)
	if diff := cmp.Diff([]string{"DeviceManagementConfiguration.Read.All", "Policy.Read.All"}, some.Granted); diff != "" {
		t.Error(diff)
	}
	at := func(key string) TypeAccess {
		return some.Items[slices.IndexFunc(some.Items, func(a TypeAccess) bool { return a.PolicyType == key })]
	}
	if a := at("namedLocation"); !a.Backup || a.Restore || len(a.Missing) == 0 || a.Missing[0].NeededFor != "restore" {
		t.Errorf("reading only: %+v", a)
	}
	if a := at("deviceConfiguration"); !a.Backup || a.Secrets || a.Missing[0].NeededFor != "secrets" || len(a.Missing[0].AnyOf) == 0 {
		t.Errorf("with secrets: %+v", a)
	}
	if a := at("mobileApp"); a.Backup || a.Restore || a.Missing[0].NeededFor != "backup" {
		t.Errorf("nothing: %+v", a)
	}
	var others Permissions
	w.decode(w.do(token(runs.RoleReadonly, fabrikam), http.MethodGet, "/api/v1/tenants/fabrikam/permissions", ""), &others)
	if len(others.Granted) != len(all.Granted) {
		t.Errorf("another tenant has %q", others.Granted)
	}
}

// What the sign-in service says of the app is not what the API says of its caller.
func TestWhenTheAppCannotSignIn(t *testing.T) {
	refused := &graph.Error{Op: "sign in", Kind: graph.KindUnauthorized, StatusCode: 401, Code: "AADSTS7000222", Err: errors.New("the client secret has expired")}
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
		after  string
		says   string
	}{
		"refused":    {refused, 502, "graph_unauthorized", "", "AADSTS7000222): the client secret has expired"},
		"throttled":  {&graph.Error{Kind: graph.KindThrottled, RetryAfter: 2128 * time.Millisecond}, 503, "graph_unavailable", "3", ""},
		"away":       {&graph.Error{Kind: graph.KindUnavailable}, 503, "graph_unavailable", "5", ""},
		"too slow":   {context.DeadlineExceeded, 503, "interrupted", "", ""},
		"unreadable": {&graph.Error{Kind: graph.KindUnsupported}, 502, "permissions_unknown", "", "Entra"},
		"unknown":    {&graph.Error{Kind: graph.KindInternal, Err: errors.New(canary)}, 500, "internal", "", ""},
		"not graph":  {errors.New(canary), 500, "internal", "", ""},
	} {
		w := newWorld(t, func(cfg *Config) {
			cfg.Permissions = grants(func(context.Context, graph.TenantID) ([]string, error) { return nil, c.err })
		})
		r := w.as(runs.RoleReadonly, http.MethodGet, "permissions", "")
		if r.status != c.status || r.code() != c.code || r.header.Get("Retry-After") != c.after || strings.Contains(r.body, canary) || !strings.Contains(r.body, c.says) {
			t.Errorf("%s: %d %v %s", name, r.status, r.header, r.body)
		}
	}
}

func TestASignInDoesNotHoldARequest(t *testing.T) {
	w := newWorld(t, func(cfg *Config) {
		cfg.SignInTimeout = 10 * time.Millisecond
		cfg.Permissions = grants(func(ctx context.Context, _ graph.TenantID) ([]string, error) { <-ctx.Done(); return nil, ctx.Err() })
	})
	r := w.as(runs.RoleReadonly, http.MethodGet, "permissions", "")
	if r.status != 503 || r.code() != "graph_unavailable" || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// A client of the host's may say anything.
func TestNoSecretOfASignInIsShown(t *testing.T) {
	var log bytes.Buffer
	var fails error
	w := newWorldAt(t, sqlitestore.Memory, slog.New(slog.NewTextHandler(&log, nil)), func(cfg *Config) {
		cfg.Permissions = grants(func(context.Context, graph.TenantID) ([]string, error) { return nil, fails })
	})
	for _, text := range corpus {
		for _, kind := range []graph.Kind{graph.KindUnauthorized, graph.KindUnavailable, graph.KindUnsupported, graph.KindInternal} {
			fails = &graph.Error{Op: text, Kind: kind, Code: text, Err: errors.New(text)}
			r := w.as(runs.RoleOwner, http.MethodGet, "permissions", "")
			if r.status < 500 || strings.Contains(r.body, secret) || strings.Contains(log.String(), secret) {
				t.Errorf("%q: %d %s\n%s", text, r.status, r.body, log.String())
			}
			log.Reset()
		}
	}
}
