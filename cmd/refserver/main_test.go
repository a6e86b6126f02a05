package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
)

var update = flag.Bool("update", false, "write golden files")

// TestMain is the command itself in the processes that tests start. The server of pgtest
// ends with the binary.
func TestMain(m *testing.M) {
	if os.Getenv(mainVariable) != "" {
		main()
	}
	for _, name := range []string{
		databaseVariable, migrateVariable, "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET",
		"AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_ENDPOINT", "MSI_ENDPOINT",
	} {
		os.Unsetenv(name)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

// call runs a command line and returns its exit code and what it printed.
func call(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestTheDemoTellsTheSameStoryEveryTime(t *testing.T) {
	code, out, errOut := call(t, "demo")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	golden(t, "demo.golden", out)
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	for _, args := range [][]string{{"explode"}, {"check", "-no-such-flag"}, {"demo", "extra"}, {"-no-such-flag"}} {
		code, _, errOut := call(t, args...)
		if code != exitUsage || errOut == "" || strings.Count(errOut, "\n") > 2 {
			t.Errorf("%q: exit code %d and %q, want %d and a reason, without all the flags", args, code, errOut, exitUsage)
		}
	}
	for name := range commands {
		if code, _, errOut := call(t, name, "-h"); code != exitOK || !strings.Contains(errOut, name) {
			t.Errorf("%s -h: exit code %d and %q", name, code, errOut)
		}
	}
}

func TestAWrongFlagAndATakenAddressAreSaidInWordsThatHelp(t *testing.T) {
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for want, args := range map[string][]string{
		`there is no fault "no-such-fault"; refserver fakegraph -h lists them`: {"serve", "-fault", "no-such-fault:times=1"},
		`there is no fault "slowly"; refserver fakegraph -h lists them`:        {"fakegraph", "-fault", "slowly"},
		"not defined: -folder\nrefserver check -h lists the flags.":            {"check", "-folder", "x"},
		"another program listens on " + taken.Addr().String():                  {"serve", "-data", t.TempDir(), "-addr", taken.Addr().String()},
		"give another address with -addr":                                      {"fakegraph", "-addr", taken.Addr().String()},
		"refserver serve: -latency must not be negative":                       {"serve", "-latency", "-5s", "-data", t.TempDir(), "-addr", taken.Addr().String()},
		"refserver fakegraph: -latency must not be negative":                   {"fakegraph", "-latency", "-1ns", "-addr", taken.Addr().String()},
	} {
		if code, _, errOut := call(t, args...); code == exitOK || !strings.Contains(errOut, want) {
			t.Errorf("%q: exit code %d and %q, want %q", args, code, errOut, want)
		}
	}
}

func TestMigratePrintsTheSQLWithoutADatabase(t *testing.T) {
	dir := t.TempDir()
	code, out, _ := call(t, "migrate", "-print", "-data", dir)
	if code != exitOK || !strings.Contains(out, `CREATE TABLE "tb_runs"`) {
		t.Errorf("exit code %d, printed %.200q", code, out)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("printing made %v, error %v", entries, err)
	}
	if code, _, errOut := call(t, "migrate", "-print", "-dialect", "oracle"); code != exitFailed || !strings.Contains(errOut, "dialect") {
		t.Errorf("another dialect: exit code %d, %q", code, errOut)
	}
}

func TestMigrateTwiceAndDispatchOnAnEmptyDatabase(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		if code, _, errOut := call(t, "migrate", "-data", dir); code != exitOK {
			t.Fatalf("migrate: %d %s", code, errOut)
		}
	}
	code, out, errOut := call(t, "dispatch", "-data", dir)
	var report backupsched.Report
	if err := json.Unmarshal([]byte(out), &report); code != exitOK || err != nil || report.Due != 0 || report.At.IsZero() {
		t.Errorf("dispatch: %d %q %q, error %v", code, out, errOut, err)
	}
}

// server is a running reference server.
type server struct {
	base string
	stop func() error
}

func startServer(t *testing.T, data string) server {
	return startServerOn(t, "127.0.0.1:0", data, "curl")
}

// startServerOn starts a server that greets with some word.
func startServerOn(t *testing.T, listen, data, greeting string) server {
	t.Helper()
	return serveOn(t, serveOptions{source: source{data: data}, addr: listen, role: roleAll, migrate: true}, greeting)
}

func serveOn(t *testing.T, o serveOptions, greeting string) server {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	address, done := make(chan net.Addr, 1), make(chan error, 1)
	var out, log bytes.Buffer
	go func() {
		done <- serve(ctx, o, &out, &log, func(a net.Addr) { address <- a })
	}()
	select {
	case a := <-address:
		return server{"http://" + a.String(), func() error {
			cancel()
			err := <-done
			if !strings.Contains(out.String(), greeting) {
				t.Errorf("the server does not greet with %q: %s", greeting, out.String())
			}
			return err
		}}
	case err := <-done:
		t.Fatalf("the server did not start: %v\n%s", err, log.String())
		return server{}
	}
}

func (s server) do(t *testing.T, method, path, token, body string, into any) int {
	t.Helper()
	code, raw := s.send(t, method, path, token, body)
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	return code
}

// download returns a file.
func (s server) download(t *testing.T, path string) string {
	t.Helper()
	code, raw := s.send(t, "GET", path, owner, "")
	if code != 200 {
		t.Fatalf("%s: %d %s", path, code, raw)
	}
	return string(raw)
}

func (s server) send(t *testing.T, method, path, token, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, raw
}

type listed struct {
	Items []struct{ ID, Status string }
}

const contoso, owner = "/api/v1/tenants/contoso", "demo-owner-contoso"

func TestTheServerBacksUpStopsInPeaceAndIsCheckedSound(t *testing.T) {
	data := t.TempDir()
	s := startServer(t, data)
	var schedules listed
	if code := s.do(t, "GET", contoso+"/schedules", owner, "", &schedules); code != 200 || len(schedules.Items) != 1 {
		t.Fatalf("schedules: %d %+v", code, schedules)
	}
	if code := s.do(t, "POST", contoso+"/schedules/"+schedules.Items[0].ID+"/run", owner, "", nil); code != 202 {
		t.Fatalf("run now: %d", code)
	}
	deadline := time.Now().Add(30 * time.Second)
	var sets listed
	for {
		s.do(t, "GET", contoso+"/backup-sets", owner, "", &sets)
		if len(sets.Items) == 1 && sets.Items[0].Status == "complete" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no complete backup set after 30 s: %+v", sets)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/openapi.json": 200} {
		if code := s.do(t, "GET", path, "", "", nil); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	for _, args := range [][]string{{"check", "-data", data}, {"check", "-data", data, "-read-data"}} {
		if code, out, errOut := call(t, args...); code != exitOK {
			t.Errorf("%q: exit code %d: %s %s", args, code, out, errOut)
		}
	}
	s = startServer(t, data) // again, on what is there
	var again listed
	if s.do(t, "GET", contoso+"/schedules", owner, "", &again); len(again.Items) != 1 || again.Items[0].ID != schedules.Items[0].ID {
		t.Errorf("after a restart there are %+v, want the same schedule once", again)
	}
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestCheckOfNoDatabaseCouldNotRun(t *testing.T) {
	dir := t.TempDir()
	if code, _, errOut := call(t, "check", "-data", dir); code != exitNoCheck || errOut == "" {
		t.Errorf("exit code %d, %q", code, errOut)
	}
	if err := os.WriteFile(databasePath(dir), []byte("this is not a database at all, but long enough to be read as one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := call(t, "check", "-data", dir); code != exitNoCheck {
		t.Errorf("a file that is no database: exit code %d, %s; want %d", code, out, exitNoCheck)
	}
}

// A cron job with a mistyped folder would otherwise dispatch nothing for ever, with exit code 0.
func TestDispatchAndCheckNeverMakeADatabase(t *testing.T) {
	base := t.TempDir()
	if err := os.Mkdir(databasePath(base), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ data, says string }{
		"no folder":            {filepath.Join(base, "typo"), "there is no database " + databasePath(filepath.Join(base, "typo"))},
		"a folder without it":  {t.TempDir(), "refserver migrate"},
		"a folder of its name": {base, "is not a file"},
	} {
		for _, args := range [][]string{{"dispatch"}, {"dispatch", "-migrate=false"}, {"check"}} {
			before, _ := os.ReadDir(c.data)
			code, out, errOut := call(t, append(args, "-data", c.data)...)
			if code != 2 || out != "" || !strings.Contains(errOut, c.says) {
				t.Errorf("%s, %q: exit code %d, %q, %q; want 2 and %q", name, args, code, out, errOut, c.says)
			}
			if after, _ := os.ReadDir(c.data); len(after) != len(before) {
				t.Errorf("%s, %q: made %v", name, args, after)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(base, "typo")); !os.IsNotExist(err) {
		t.Errorf("the folder has been made: %v", err)
	}
	if _, _, help := call(t, "dispatch", "-h"); !strings.Contains(help, "never makes a SQLite database") {
		t.Errorf("-h does not say so: %s", help)
	}
}

func TestOffLoopbackTheServerRefusesDemoTokensAndSaysSo(t *testing.T) {
	s := startServerOn(t, "0.0.0.0:0", t.TempDir(), "demo tokens are refused")
	s.base = strings.Replace(s.base, "[::]", "127.0.0.1", 1)
	if code := s.do(t, "GET", contoso+"/schedules", owner, "", nil); code != 401 {
		t.Errorf("a demo token answers %d, want 401", code)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

func TestTheServerHasEveryLimit(t *testing.T) {
	s := newServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	got := []any{s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout, s.MaxHeaderBytes}
	want := []any{5 * time.Second, 30 * time.Second, 60 * time.Second, 120 * time.Second, 64 << 10}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNotReadyUntilTheSchemaIsInPlace(t *testing.T) {
	a, err := open(t.Context(), options{source: source{data: t.TempDir()}, migrate: true, users: product.DemoUsers()})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close(t.Context())
	if err := a.db.ready(t.Context()); err != nil {
		t.Errorf("a migrated database: %v", err)
	}
	if err := a.db.MigrateDown(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := a.db.ready(t.Context()); err == nil {
		t.Error("a database without its schema is ready")
	}
}

func TestOnlyALoopbackAddressIsLoopback(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:80": true, "[::1]:80": true, "0.0.0.0:80": false, "192.0.2.1:80": false, "[::]:80": false} {
		tcp, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if onLoopback(tcp) != want {
			t.Errorf("onLoopback(%s) = %v", address, !want)
		}
	}
}
