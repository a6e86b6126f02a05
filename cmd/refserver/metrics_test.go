package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
)

// toldQueue is a queue that says what it is told to say of itself.
type toldQueue struct {
	stepQueue
	stats runs.QueueStats
}

// Stats implements [runs.QueueStatter].
func (q *toldQueue) Stats(context.Context) (runs.QueueStats, error) { return q.stats, nil }

// get asks a handler for /metrics.
func get(h http.Handler, edit func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "http://127.0.0.1:8080/metrics", nil)
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func local() net.Addr    { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func anywhere() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

func TestMetricsTellHowANightWent(t *testing.T) {
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 1, 4, 12, 0, 0, 0, time.UTC))
	fake, err := demoGraph(mock, demoSeed, demoPolicies)
	if err != nil {
		t.Fatal(err)
	}
	queue := &toldQueue{stats: runs.QueueStats{Due: 5, Delayed: 2, Oldest: 90 * time.Second}}
	a, err := open(t.Context(), options{
		source: source{data: filepath.Join(t.TempDir(), "data")}, migrate: true, clock: mock, users: product.DemoUsers(), graph: fake, queue: queue,
		measure: true, random: func() float64 { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close(context.Background())
	d := backupsched.NewDraft()
	d.Name, d.PolicyTypes = "Baseline of the board", []graph.PolicyType{"settingsCatalogPolicy"}
	d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	schedule, _, err := a.scheduler.Create(t.Context(), demoTenant, demoOwner, d)
	if err != nil {
		t.Fatal(err)
	}
	mock.Set(schedule.NextRunAt.Add(7 * time.Second))
	if err := fake.Inject(graphtest.Fault{Op: graphtest.OpList, RetryAfter: "20", Err: &graph.Error{Kind: graph.KindThrottled, Code: "hunter2"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.dispatcher.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := queue.drain(t.Context(), mock, a.runner.Handle); err != nil {
		t.Fatal(err)
	}

	page := get(a.metrics.serve(http.NotFoundHandler(), local(), ""), nil)
	text := page.Body.String()
	if kind := page.Header().Get("Content-Type"); page.Code != 200 || !strings.HasPrefix(kind, "text/plain") {
		t.Fatalf("/metrics: %d %s", page.Code, kind)
	}
	for _, want := range []string{
		"tenantbackup_dispatch_lag_seconds_sum 7\n",
		`tenantbackup_dispatch_lag_seconds_bucket{le="10"} 1` + "\n",
		`tenantbackup_runs_total{tenantbackup_run_kind="backup",tenantbackup_run_status="success",tenantbackup_run_trigger="schedule"} 1` + "\n",
		`tenantbackup_throttle_wait_seconds_sum{error_type="throttled",tenantbackup_run_kind="backup"} 20` + "\n",
		`tenantbackup_queue_jobs{tenantbackup_queue_state="due"} 5` + "\n",
		`tenantbackup_queue_jobs{tenantbackup_queue_state="delayed"} 2` + "\n",
		"tenantbackup_queue_age_seconds 90\n",
		`tenantbackup_lease_losses_total{tenantbackup_lease_noticed_by="worker"} 0` + "\n",
		"tenantbackup_graph_call_duration_seconds_count{",
		"tenantbackup_store_call_duration_seconds_count{",
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics does not say %q", want)
		}
	}
	for _, secret := range []string{"contoso", "fabrikam", "Baseline", "board", "hunter2", "demo-", string(schedule.ID)} {
		if strings.Contains(text, secret) {
			t.Errorf("/metrics says %q", secret)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestMetricsAreForTheMachineItselfOrForWhoHasTheToken(t *testing.T) {
	m, err := newMetrics(&stepQueue{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.close(t.Context())
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	as := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for name, c := range map[string]struct {
		addr  net.Addr
		token string
		edit  func(*http.Request)
		want  int
	}{
		"on loopback":                                    {local(), "", nil, 200},
		"on loopback by IPv6":                            {local(), "", host("[::1]:8080"), 200},
		"on loopback by name":                            {local(), "", host("localhost:8080"), 200},
		"on loopback by the name of another site":        {local(), "", host("rebind.example:8080"), 403},
		"on loopback, through a proxy":                   {local(), "", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") }, 403},
		"through a proxy with the token that was set":    {local(), "s3cret", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1"); as("Bearer s3cret")(r) }, 200},
		"on loopback, by another method":                 {local(), "", func(r *http.Request) { r.Method = "POST" }, 405},
		"another path":                                   {local(), "", func(r *http.Request) { r.URL.Path = "/metrics/x" }, 418},
		"on loopback without the token that was set":     {local(), "s3cret", nil, 401},
		"elsewhere without a token there are no metrics": {anywhere(), "", nil, 418},
		"elsewhere without the token that was set":       {anywhere(), "s3cret", nil, 401},
		"elsewhere with another token":                   {anywhere(), "s3cret", as("Bearer guess"), 401},
		"elsewhere with the token in another scheme":     {anywhere(), "s3cret", as("Basic s3cret"), 401},
		"elsewhere with a token of the API":              {anywhere(), "s3cret", as("Bearer demo-owner-contoso"), 401},
		"elsewhere with the token":                       {anywhere(), "s3cret", as("bearer s3cret"), 200},
	} {
		if got := get(m.serve(next, c.addr, c.token), c.edit); got.Code != c.want {
			t.Errorf("%s: %d, want %d", name, got.Code, c.want)
		}
	}
}

func TestTheServerShowsItsMetrics(t *testing.T) {
	t.Setenv(metricsTokenVariable, "s3cret")
	s := startServer(t, t.TempDir())
	for token, want := range map[string]int{"s3cret": 200, owner: 401} {
		if code := s.do(t, "GET", metricsPath, token, "", nil); code != want {
			t.Errorf("with token %q: %d, want %d", token, code, want)
		}
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}
