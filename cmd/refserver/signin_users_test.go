package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
)

func TestAHashedTokenIsAUsersInAFile(t *testing.T) {
	const token = "a-token-of-some-length"
	hash, err := hashToken(strings.NewReader(token + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte(`{"id":"alice","name":"Alice","token_hash":"`+hash+`","roles":{"contoso":"readonly"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveOn(t, serveOptions{source: source{data: t.TempDir()}, addr: "0.0.0.0:0", role: roleAll, migrate: true, users: file}, "Sign in as a user of")
	s.base = strings.Replace(s.base, "[::]", "127.0.0.1", 1)
	for bearer, want := range map[string]int{"alice~" + token: 200, "alice~wrong-token-0123456": 401, token: 401, owner: 401} {
		if code := s.do(t, "GET", contoso+"/schedules", bearer, "", nil); code != want {
			t.Errorf("%s: %d, want %d", bearer, code, want)
		}
	}
	if code := s.do(t, "GET", "/api/v1/tenants/fabrikam/schedules", "alice~"+token, "", nil); code != 403 {
		t.Errorf("a tenant of others: %d", code)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

func TestATokenIsReadFromOneLine(t *testing.T) {
	for _, text := range []string{"", "short\n", "a-token-of-some-length\nanother-of-some-length\n", strings.Repeat("x", 1<<20)} {
		if hash, err := hashToken(strings.NewReader(text)); err == nil || hash != "" {
			t.Errorf("%.40q is hashed as %q", text, hash)
		}
	}
}

func TestAWrongFileOfUsersStopsTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte("#\n{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{file: "line 2, id: is required", file + ".none": "no such file"} {
		code, _, errOut := call(t, "serve", "-data", t.TempDir(), "-addr", "127.0.0.1:0", "-users", path)
		if code != exitFailed || !strings.Contains(errOut, want) || !strings.Contains(errOut, "-users") {
			t.Errorf("%s: %d %s", path, code, errOut)
		}
	}
}

func TestFlagsOfTheListenerThatDoNotFitAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-tls-cert", "x"}, {"-tls-key", "x"}, {"-log-format", "xml"}, {"-log-level", "loud"}} {
		if code, _, errOut := call(t, append([]string{"serve", "-data", t.TempDir(), "-addr", "127.0.0.1:0"}, args...)...); code != exitUsage || !strings.Contains(errOut, args[0]) {
			t.Errorf("%q: %d %s", args, code, errOut)
		}
	}
	if code, _, errOut := call(t, "serve", "-data", t.TempDir(), "-addr", "127.0.0.1:0", "-tls-cert", "none", "-tls-key", "none"); code != exitFailed || !strings.Contains(errOut, "-tls-cert") {
		t.Errorf("files that are not there: %d %s", code, errOut)
	}
}

// A line says which route was asked and by whom, and nothing of what was typed.
func TestARequestIsLoggedByItsRoute(t *testing.T) {
	a, err := open(t.Context(), options{source: source{data: t.TempDir()}, migrate: true, users: product.DemoUsers(), clock: clock.NewMock()})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close(t.Context())
	var log bytes.Buffer
	a.log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	host, err := a.host(true)
	if err != nil {
		t.Fatal(err)
	}
	h, err := a.handler(roleAll, host)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, token, want string }{
		{"GET", contoso + "/runs?status=canary", owner, `"level":"INFO","msg":"request","method":"GET","route":"GET /api/v1/tenants/{tenant}/runs","status":422,"duration_ms":0,"actor":"owner-contoso","tenant":"contoso"`},
		{"GET", contoso + "/runs", owner, `"level":"DEBUG","msg":"request","method":"GET","route":"GET /api/v1/tenants/{tenant}/runs","status":200,"duration_ms":0,"actor":"owner-contoso","tenant":"contoso"`},
		{"POST", contoso + "/policies/sync", "", `"level":"INFO","msg":"request","method":"POST","route":"POST /api/v1/tenants/{tenant}/policies/sync","status":401,"duration_ms":0,"tenant":"contoso"`},
		{"GET", "/api/v1/tenants/canary/runs", owner, `"level":"INFO","msg":"request","method":"GET","route":"GET /api/v1/tenants/{tenant}/runs","status":403,"duration_ms":0,"actor":"owner-contoso"}`},
		{"GET", "/backups/contoso/schedules?q=canary", owner, `"level":"DEBUG","msg":"request","method":"GET","route":"GET /backups/{tenant}/schedules","status":200,"duration_ms":0,"actor":"owner-contoso","tenant":"contoso"`},
		{"GET", "/", owner, `"route":"GET /{$}","status":200,"duration_ms":0,"actor":"owner-contoso"}`},
		{"GET", "/canary", "", `"level":"INFO","msg":"request","method":"GET","route":"/","status":404,`},
	} {
		log.Reset()
		r := httptest.NewRequest(c.method, "http://127.0.0.1"+c.path, strings.NewReader(`{"canary": "canary"}`))
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if !strings.Contains(log.String(), c.want) {
			t.Errorf("%s %s is logged as\n%swant\n%s", c.method, c.path, &log, c.want)
		}
		if strings.Contains(log.String(), "canary") || strings.Contains(log.String(), owner) {
			t.Errorf("%s %s: the log has what was sent:\n%s", c.method, c.path, &log)
		}
	}
}

func TestTheLogIsTextOrJSONFromALevelOn(t *testing.T) {
	var out bytes.Buffer
	logFlags{format: "json", level: slog.LevelWarn}.logger(&out).Info("hidden")
	logFlags{format: "json", level: slog.LevelWarn}.logger(&out).Warn("shown", "error", "Bearer abcdefghijklmnop")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line["msg"] != "shown" || strings.Contains(out.String(), "abcdef") {
		t.Errorf("%v: %s", err, &out)
	}
	out.Reset()
	logFlags{}.logger(&out).Info("shown")
	if !strings.Contains(out.String(), "level=INFO msg=shown") {
		t.Errorf("%s", &out)
	}
}

// The names of the environment that the code knows all stand in the help of serve.
func TestTheHelpNamesEveryVariableOfTheEnvironment(t *testing.T) {
	_, _, help := call(t, "serve", "-h")
	name := regexp.MustCompile(`"((?:AZURE|DATABASE|TENANTBACKUP)_[A-Z_]+)"`)
	found := map[string]bool{}
	for _, pattern := range []string{"*.go", "../../graph/azauth/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range name.FindAllStringSubmatch(string(text), -1) {
				if found[m[1]] = true; !strings.Contains(help, "\n  "+m[1]+" ") {
					t.Errorf("%s knows %s, which serve -h does not explain", file, m[1])
				}
			}
		}
	}
	if len(found) < 10 {
		t.Errorf("only %d variables found", len(found))
	}
}

func TestANewPageCanBeOpenedByWhoSignedIn(t *testing.T) {
	s := startServerOn(t, "127.0.0.1:0", t.TempDir(), "Choose there who to sign in as")
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ask := func(method, path, body string, cookies []*http.Cookie) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, s.base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	const page = "/backups/contoso/schedules"
	if res := ask("GET", page, "", nil); res.StatusCode != 303 || res.Header.Get("Location") != "/signin?next=%2Fbackups%2Fcontoso%2Fschedules" {
		t.Errorf("signed out: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	if res := ask("GET", contoso+"/schedules", "", nil); res.StatusCode != 401 {
		t.Errorf("the API, signed out: %d", res.StatusCode)
	}
	in := ask("POST", "/signin", "user=readonly-contoso&next="+page, nil)
	if in.StatusCode != 303 || in.Header.Get("Location") != page {
		t.Fatalf("signing in: %d %s", in.StatusCode, in.Header.Get("Location"))
	}
	for path, want := range map[string]int{page: 200, "/backups/fabrikam/schedules": 403, contoso + "/schedules": 200, "/api/v1/tenants/fabrikam/schedules": 403, "/": 200} {
		if res := ask("GET", path, "", in.Cookies()); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
	ask("POST", "/signout", "", in.Cookies())
	if res := ask("GET", page, "", in.Cookies()); res.StatusCode != 303 {
		t.Errorf("signed out again: %d", res.StatusCode)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}
