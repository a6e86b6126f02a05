package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// canary stands for a secret in the wrong place. It does not look like the name of a field,
// which an answer may repeat when it is unknown.
const canary = "Hunter2-Canary"

// A configuration without what is required is an error that names all of it.
func TestConfigNamesWhatIsMissing(t *testing.T) {
	_, err := New(Config{Prefix: "api/", MaxBody: -1, MaxImport: -1, SignInTimeout: -1})
	var invalid *runs.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	got := each(invalid.Fields, func(f runs.FieldError) string { return f.Field })
	want := []string{"scheduler", "starter", "archive", "retention", "restores", "exporter", "uploader", "permissions", "principal", "tenant_access", "prefix", "max_body", "max_import", "sign_in_timeout"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever the answer is, it has the headers that keep a browser from doing anything with it.
func TestEveryAnswerHasSafeHeaders(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/healthz", "/openapi.json", "/nowhere", "/api/v1/tenants/contoso/schedules", "/api/v1/tenants/contoso//x"} {
		h := w.do(token(runs.RoleOwner, contoso), http.MethodGet, path, "").header
		got := []string{h.Get("X-Content-Type-Options"), h.Get("Cache-Control"), h.Get("Referrer-Policy"), h.Get("Content-Security-Policy")}
		want := []string{"nosniff", "no-store", "no-referrer", "default-src 'none'; frame-ancestors 'none'"}
		if diff := cmp.Diff(want, got); diff != "" || !strings.HasPrefix(h.Get("Content-Type"), "application/") {
			t.Errorf("%s: %q %s", path, h.Get("Content-Type"), diff)
		}
	}
	if got := w.do("", http.MethodGet, "/api/v1/tenants/contoso/runs", "").header.Get("WWW-Authenticate"); got != "Bearer" {
		t.Errorf("WWW-Authenticate %q", got)
	}
}

// Unknown paths are 404 and known paths by unknown methods 405, as problems. Paths that a
// mux would redirect are unknown.
func TestUnknownRoutes(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 404, ""},
		{"GET", "/api/v1", 404, ""},
		{"GET", "/api/v1/tenants/contoso/nothing", 404, ""},
		{"GET", "/api/v1/tenants/contoso/schedules/", 404, ""},
		{"GET", "/api/v1/tenants//schedules", 404, ""},
		{"GET", "/api/v1/tenants/fabrikam/../contoso/schedules", 404, ""},
		{"GET", "/api/v1/tenants/fabrikam%2f..%2fcontoso/schedules", 404, ""},
		{"PUT", "/api/v1/tenants/contoso/schedules", 405, "GET, HEAD, POST"},
		{"GET", "/api/v1/tenants/contoso/policies/sync/x", 404, ""},
		{"OPTIONS", "/api/v1/tenants/contoso/runs", 405, "GET, HEAD"},
		{"TRACE", "/healthz", 405, "GET, HEAD"},
		{"POST", "/openapi.json", 405, "GET, HEAD"},
	} {
		r := w.do(token(runs.RoleOwner, contoso), c.method, c.path, "")
		if r.status != c.status || r.header.Get("Allow") != c.allow || r.header.Get("Content-Type") != problemType || r.code() == "" {
			t.Errorf("%s %s: %d, Allow %q, %s", c.method, c.path, r.status, r.header.Get("Allow"), r.body)
		}
	}
}

// A page of another site cannot use a signed-in browser; a program that sends no such
// headers passes.
func TestCrossOriginRequests(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		header, value string
		status        int
	}{
		"another site": {"Sec-Fetch-Site", "cross-site", 403},
		"an old one":   {"Origin", "https://evil.example", 403},
		"the same":     {"Sec-Fetch-Site", "same-origin", 200},
		"a program":    {"X-Any", "1", 200},
	} {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/tenants/contoso/schedules/preview", strings.NewReader(`{"frequency":"daily","time_of_day":"02:30"}`))
		r.Header.Set("Authorization", "Bearer "+token(runs.RoleOwner, contoso))
		r.Header.Set(c.header, c.value)
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, r)
		if rec.Code != c.status {
			t.Errorf("%s: %d, want %d", name, rec.Code, c.status)
		}
	}
}

// The API works behind any prefix, in a mux with routes of the host's own.
func TestMount(t *testing.T) {
	w := newWorld(t, func(cfg *Config) { cfg.Prefix = "/backups/api" })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the host") })
	w.api.Mount(mux)
	if w.api.Pattern() != "/backups/api/" {
		t.Errorf("Pattern %q", w.api.Pattern())
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/", "", 200}, {"GET", "/healthz", "", 200}, {"GET", "/readyz", "", 200}, {"GET", "/openapi.json", "", 200},
		{"GET", "/backups/api/tenants/contoso/schedules", "", 200},
		{"POST", "/backups/api/tenants/contoso/schedules", scheduleJSON, 201},
		{"GET", "/backups/api/x", "", 404},
		{"GET", "/api/v1/tenants/contoso/schedules", "", 404},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+token(runs.RoleOwner, contoso))
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, r)
		if rec.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, rec.Code, c.status)
		}
	}
	if _, ok := w.document.Paths["/backups/api/tenants/{tenant}/schedules"]; !ok {
		t.Error("the document does not know the prefix")
	}
}

// A body that is too large is 413, whatever it says about its length.
func TestBodyTooLarge(t *testing.T) {
	w := newWorld(t, func(cfg *Config) { cfg.MaxBody = 1000 })
	server := httptest.NewServer(w.api)
	defer server.Close()
	padded := func(n int) string { return scheduleJSON + strings.Repeat(" ", n-len(scheduleJSON)) }
	for name, c := range map[string]struct {
		body   io.Reader
		status int
	}{
		"as long as allowed":      {strings.NewReader(padded(1000)), 201},
		"one byte more":           {strings.NewReader(padded(1001)), 413},
		"much more":               {strings.NewReader(padded(3 << 20)), 413},
		"chunked and allowed":     {io.MultiReader(strings.NewReader(padded(1000))), 201},
		"chunked and longer":      {io.MultiReader(strings.NewReader(padded(1001))), 413},
		"chunked and much longer": {io.MultiReader(strings.NewReader(padded(3 << 20))), 413},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/v1/tenants/contoso/schedules", c.body)
		w.must(err)
		r.Header.Set("Authorization", "Bearer "+token(runs.RoleOwner, contoso))
		answer, err := http.DefaultClient.Do(r)
		w.must(err)
		body := readAll(t, answer.Body)
		answer.Body.Close()
		if answer.StatusCode != c.status || c.status == 413 && !strings.Contains(body, `"body_too_large"`) {
			t.Errorf("%s: %d %s, want %d", name, answer.StatusCode, body, c.status)
		}
	}
}

// A body that ends before its length is the client's mistake.
func TestBodyCutShort(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest(http.MethodPost, "/api/v1/tenants/contoso/schedules", io.MultiReader(strings.NewReader(`{"name`), brokenReader{}))
	r.Header.Set("Authorization", "Bearer "+token(runs.RoleOwner, contoso))
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	if got := (reply{body: rec.Body.String()}).code(); rec.Code != 400 || got != "body_unreadable" {
		t.Errorf("%d %s", rec.Code, got)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New(canary) }

// What goes wrong inside is a fixed text outside, and its cause is in the log.
func TestInternalErrorsTellNothing(t *testing.T) {
	cause := errors.New("dial tcp: " + canary)
	for name, c := range map[string]struct {
		change func(*Config)
		path   string
		status int
		code   string
	}{
		"an unknown error": {func(cfg *Config) {
			cfg.TenantAccess = func(context.Context, graph.TenantID, runs.Actor) (bool, error) { return false, cause }
		}, "/api/v1/tenants/contoso/schedules", 500, "internal"},
		"a panic": {func(cfg *Config) {
			cfg.Principal = func(*http.Request) (runs.Actor, bool) { panic(canary) }
		}, "/api/v1/tenants/contoso/schedules", 500, "internal"},
		"a database that is away, at the door": {func(cfg *Config) {
			cfg.TenantAccess = func(context.Context, graph.TenantID, runs.Actor) (bool, error) {
				return false, fmt.Errorf("%w: %w", runs.ErrUnavailable, cause)
			}
		}, "/api/v1/tenants/contoso/schedules", 503, "unavailable"},
		"not ready": {func(cfg *Config) { cfg.Ready = func(context.Context) error { return cause } }, "/readyz", 503, "not_ready"},
	} {
		var log bytes.Buffer
		w := newWorld(t, c.change, func(cfg *Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		r := w.do(token(runs.RoleOwner, contoso), http.MethodGet, c.path, "")
		if r.status != c.status || r.code() != c.code || strings.Contains(r.body, canary) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if !strings.Contains(log.String(), canary) {
			t.Errorf("%s: the log does not tell: %s", name, log.String())
		}
		if r.code() == "unavailable" && r.header.Get("Retry-After") == "" {
			t.Errorf("%s: %v", name, r.header)
		}
	}
}

// While the database is away, whoever asks is told when to ask again, wherever it was missed.
func TestADatabaseThatIsAway(t *testing.T) {
	w := newWorld(t)
	add(w.api, route{id: "away", method: http.MethodGet, path: "away", action: runs.ActionLook},
		func(context.Context, *call, *nothing, *nothing) (Run, error) {
			return Run{}, fmt.Errorf("store: %w", runs.ErrUnavailable)
		})
	r := w.as(runs.RoleOwner, http.MethodGet, "away", "")
	if r.status != 503 || r.code() != "unavailable" || r.header.Get("Retry-After") != "5" {
		t.Errorf("%d %v %s", r.status, r.header, r.body)
	}
}

func TestNotReadyNamesThePartsAndNotTheirCauses(t *testing.T) {
	var unready Unready
	if err := unready.Err(); err != nil {
		t.Fatalf("without a part: %v", err)
	}
	unready.Add("queue", "not_migrated", "run refserver migrate", errors.New(canary))
	var log bytes.Buffer
	w := newWorld(t, func(cfg *Config) {
		cfg.Ready = func(context.Context) error { return unready.Err() }
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	r := w.do("", http.MethodGet, "/readyz", "")
	want := `"errors":[{"field":"queue","code":"not_migrated","message":"run refserver migrate"}]`
	if r.status != 503 || r.code() != "not_ready" || !strings.Contains(r.body, want) || strings.Contains(r.body, canary) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if !strings.Contains(log.String(), canary) {
		t.Errorf("the log does not tell: %s", log.String())
	}
}

// Damaged content is said to be damaged, not mixed up with any other error.
func TestProblemOfErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"not found":     {runs.ErrNotFound, 403, "forbidden"},
		"forbidden":     {runs.ErrForbidden, 403, "forbidden"},
		"both":          {errors.Join(runs.ErrForbidden, errors.New(canary)), 403, "forbidden"},
		"deleted":       {runs.ErrDeleted, 404, "deleted"},
		"invalid":       {runs.Invalid("x", "y", "z"), 422, "invalid"},
		"bare invalid":  {runs.ErrInvalid, 422, "invalid"},
		"conflict":      {runs.Conflict("run_active", "wait"), 409, "run_active"},
		"bare conflict": {runs.ErrConflict, 409, "conflict"},
		"busy":          {runs.ErrBusy, 409, "busy"},
		"canceled":      {context.Canceled, 503, "interrupted"},
		"away":          {fmt.Errorf("%w: %s", runs.ErrUnavailable, canary), 503, "unavailable"},
		"unknown":       {errors.New(canary), 500, "internal"},
	} {
		p := problemOf(c.err)
		if p.Status != c.status || p.Code != c.code || strings.Contains(p.Detail, canary) {
			t.Errorf("%s: %v", name, p)
		}
	}
}

// Should huma ever refuse something by itself, its answer does not repeat the value either.
func TestErrorsOfHumaAreMasked(t *testing.T) {
	model := &huma.ErrorModel{Status: 422, Detail: canary, Errors: []*huma.ErrorDetail{{Message: canary, Location: "body.x", Value: canary}}}
	got, err := maskErrors(nil, "422", model)
	if diff := cmp.Diff(newProblem(422, "invalid", "the request is not valid"), got, cmp.AllowUnexported(Problem{})); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// A small request cannot ask for a large answer.
func TestListsOfProblemsAreBounded(t *testing.T) {
	w := newWorld(t)
	r := w.as(runs.RoleOwner, http.MethodPost, "policies/sync", `{"policy_types":["x"`+strings.Repeat(`,"x"`, 5000)+`]}`)
	if got := len(r.fields()); r.status != 422 || got != maxFieldProblems {
		t.Errorf("%d with %d fields", r.status, got)
	}
}

// Whoever is refused for want of a role leaves one line in the tenant's audit log; who has
// no business in the tenant leaves none, or a token for one tenant could fill the logs of
// all others.
func TestRefusalsAreAudited(t *testing.T) {
	w := newWorld(t)
	denied := func() int {
		var list List[AuditEntry]
		w.wants(200, http.MethodGet, "audit?action=access.denied", "", &list)
		return len(list.Items)
	}
	w.as(runs.RoleOperator, http.MethodPost, "schedules", "nonsense")
	if got := denied(); got != 1 {
		t.Errorf("%d lines after a refusal", got)
	}
	w.do(strangerToken, http.MethodPost, "/api/v1/tenants/contoso/schedules", scheduleJSON)
	w.do("", http.MethodPost, "/api/v1/tenants/contoso/schedules", scheduleJSON)
	if got := denied(); got != 1 {
		t.Errorf("%d lines after strangers", got)
	}
}
