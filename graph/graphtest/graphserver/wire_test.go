package graphserver_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

// Servers start no goroutine, whatever happens on their connections.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wired is a world behind a real connection, and a way to ask over it.
func wired(t *testing.T, tls bool) (*world, func(method, target string) (*http.Response, []byte, error)) {
	t.Helper()
	w := with(t, graphtest.Config{}, graphserver.Config{})
	server := httptest.NewUnstartedServer(w.server)
	server.EnableHTTP2 = tls
	if tls {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return w, func(method, target string) (*http.Response, []byte, error) {
		req, err := http.NewRequest(method, server.URL+target, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		req.GetBody = nil // so that the transport does not try again by itself
		req.Body = io.NopCloser(strings.NewReader(" "))
		req.Header.Set("Authorization", "Bearer "+w.token)
		resp, err := client.Do(req)
		if err != nil {
			return nil, nil, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp, body, err
	}
}

func TestConnectionsBreakAsToldOnEveryProtocol(t *testing.T) {
	for protocol, tls := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		w, ask := wired(t, tls)
		resp, body, err := ask("GET", filters)
		if err != nil || resp.Proto[:6] != protocol[:6] || resp.StatusCode != 200 || int64(len(body)) != resp.ContentLength {
			t.Fatalf("%s: %v", protocol, err)
		}
		for _, name := range []string{"reset", "lost-reply"} {
			w.fault(name, graphserver.FaultOptions{})
			if resp, _, err := ask("GET", filters); err == nil {
				t.Errorf("%s, %s: answered with %d", protocol, name, resp.StatusCode)
			}
		}
		for _, o := range []graphserver.Fault{{Name: "cut"}, {Name: "failing", FaultOptions: graphserver.FaultOptions{Times: 40}}} {
			w.fault(o.Name, o.FaultOptions)
			cut := 0
			for range max(o.Times, 1) {
				resp, got, err := ask("GET", filters)
				switch {
				case err == nil && o.Name == "cut":
					t.Errorf("%s: whole with %d", protocol, resp.StatusCode)
				case err == nil && resp.StatusCode != 500 && resp.StatusCode != 503:
					t.Errorf("%s: %d", protocol, resp.StatusCode)
				case err != nil && (!strings.HasPrefix(string(body), string(got)) || len(got) == 0 || len(got) == len(body) || errors.Is(err, io.EOF)):
					t.Errorf("%s: %d of %d bytes, %v", protocol, len(got), len(body), err)
				case err != nil:
					cut++
				}
			}
			if cut == 0 || cut == o.Times {
				t.Errorf("%s: %d of %d are cut", protocol, cut, o.Times)
			}
		}
		if resp, _, err := ask("GET", filters); err != nil || resp.StatusCode != 200 {
			t.Errorf("%s: after it all: %v", protocol, err)
		}
	}
}

func TestALostReplyComesAfterTheWorkAndAResetBefore(t *testing.T) {
	w, ask := wired(t, false)
	w.fault("reset", graphserver.FaultOptions{})
	w.fault("lost-reply", graphserver.FaultOptions{Nth: 1})
	for i, want := range []int{0, 1} {
		if _, _, err := ask("GET", filters); err == nil {
			t.Error("answered")
		}
		n := 0
		for _, u := range w.server.Usage() {
			n += u.Requests
		}
		if n != want {
			t.Errorf("after request %d: %d were worked on, want %d", i+1, n, want)
		}
	}
}

func TestAProxyCanAnswerInsteadOfGraph(t *testing.T) {
	w, ask := wired(t, false)
	w.fault("not-json", graphserver.FaultOptions{})
	resp, body, err := ask("GET", filters)
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html" || !strings.HasPrefix(string(body), "<html>") {
		t.Errorf("%v %s", err, body)
	}
	w.fault("redirect", graphserver.FaultOptions{Host: "evil.example"})
	resp, _, err = ask("GET", filters)
	if err != nil || resp.StatusCode != 302 || resp.Header.Get("Location") != "https://evil.example"+filters {
		t.Errorf("%v %v", err, resp)
	}
}

func TestEveryAnswerHasTheHeadersOfGraph(t *testing.T) {
	clock := &hand{now: graphtest.Epoch}
	w := with(t, graphtest.Config{Clock: clock}, graphserver.Config{})
	first, second := w.ask("GET", filters, "", "client-request-id", "mine"), w.ask("GET", "/beta/unknown", "")
	if first.header.Get("client-request-id") != "mine" || second.header.Get("client-request-id") == "" {
		t.Error("client-request-id is lost")
	}
	if a, b := first.header.Get("request-id"), second.header.Get("request-id"); len(a) != 36 || a == b {
		t.Errorf("request-ids %s and %s", a, b)
	}
	if got := first.header.Get("Date"); got != "Thu, 01 Jan 2026 00:00:00 GMT" || first.header.Get("x-ms-ags-diagnostic") == "" {
		t.Errorf("Date %s", got)
	}
	if r := w.ask("POST", "/beta/$batch", strings.Repeat("x", 5<<20)); r.status != 413 {
		t.Errorf("5 MB: %d", r.status)
	}
}

// TestEveryFaultHappens asks for a bit of everything, with one fault at a time.
func TestEveryFaultHappens(t *testing.T) {
	for _, f := range graphserver.Faults() {
		w := with(t, graphtest.Config{Clock: &hand{now: graphtest.Epoch}}, graphserver.Config{Scheme: "https", Seed: 3})
		w.fault(f.Name, graphserver.FaultOptions{})
		secret := w.one("deviceConfiguration", func(p graph.Policy) bool { return len(p.Warnings) > 0 })
		ios := w.one("appProtectionPolicy", func(p graph.Policy) bool { return strings.HasSuffix(p.ODataType, "iosManagedAppProtection") })
		for _, target := range []string{
			catalog, catalog + "/" + w.one("settingsCatalogPolicy", nil).ID + "?$expand=settings",
			"/beta/deviceAppManagement/iosManagedAppProtections/" + ios.ID + "?$expand=apps",
			"/beta/deviceManagement/deviceConfigurations/" + secret.ID + "/getOmaSettingPlainTextValue(secretReferenceValueId='" + secretOf(t, secret) + "')",
		} {
			w.ask("GET", target, "")
			w.ask("GET", target, "")
		}
		w.batch("beta", gets("/deviceManagement/intents", "/deviceManagement/intents")...)
		w.ask("POST", filters, `{"displayName":"x","platform":"iOS","rule":"(device.model -eq \"x\")"}`, "Content-Type", "application/json")
		if f.Name == "mixed" {
			share(w, 100)
		}
		if left := w.server.Unfired(); len(left) != 0 || f.Doc == "" {
			t.Errorf("%s (%s) never happened", f.Name, f.Doc)
		}
	}
}
