package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/runsotel"
	"github.com/tenantatlas/tenantbackup/store"
)

const (
	metricsPath = "/metrics"

	// metricsTokenVariable names the variable of the environment that holds the token
	// which /metrics asks for: a flag would show it to every user of the machine.
	metricsTokenVariable = "TENANTBACKUP_METRICS_TOKEN"
)

// metrics measures the product. Those of a nil one measure nothing.
type metrics struct {
	telemetry *runsotel.Telemetry
	provider  *sdkmetric.MeterProvider
	page      http.Handler
}

// newMetrics makes metrics with a registry of their own.
func newMetrics(queue runs.Queue) (*metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo())
	if err != nil {
		return nil, err
	}
	m := &metrics{
		provider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)),
		page:     promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}),
	}
	cfg := runsotel.Config{MeterProvider: m.provider}
	if q, ok := queue.(runs.QueueStatter); ok {
		cfg.Queue = q.Stats
	}
	m.telemetry, err = runsotel.New(cfg)
	return m, err
}

func (m *metrics) close(ctx context.Context) error {
	if m == nil {
		return nil
	}
	return errors.Join(m.telemetry.Close(), m.provider.Shutdown(ctx))
}

func (m *metrics) store(s store.Store) store.Store {
	if m == nil {
		return s
	}
	return store.Observe(s, m.telemetry.Store())
}

func (m *metrics) client(c graph.Client) graph.Client {
	if m == nil {
		return c
	}
	return struct {
		graph.Reader
		graph.Writer
	}{graph.ObserveReader(c, m.telemetry.Graph()), graph.ObserveWriter(c, m.telemetry.Graph())}
}

// waited measures what a client is held back within a call.
func (m *metrics) waited(ctx context.Context, w graph.Wait) {
	if m != nil {
		m.telemetry.Graph().Waited(ctx, w)
	}
}

func (m *metrics) runs() (o runs.Observer) {
	if m != nil {
		o = m.telemetry.Runs()
	}
	return o
}

func (m *metrics) dispatch() (o backupsched.Observer) {
	if m != nil {
		o = m.telemetry.Dispatch()
	}
	return o
}

// serve answers /metrics and leaves the rest to next. Metrics name no tenant, but they tell
// how the service does, so without a token they are for the machine itself: on a listener
// that others reach there is no /metrics unless the host sets one.
func (m *metrics) serve(next http.Handler, listening net.Addr, token string) http.Handler {
	if token == "" && !onLoopback(listening) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != metricsPath {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "metrics are only read", http.StatusMethodNotAllowed)
		case token != "" && !bears(r, token):
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "send the token of "+metricsTokenVariable+" as a bearer token", http.StatusUnauthorized)
		case token == "" && !product.LoopbackHost(r.Host):
			// A page of another site whose name was made to lead here is not the machine itself.
			http.Error(w, "ask by the loopback address or as localhost", http.StatusForbidden)
		case token == "" && product.Proxied(r):
			http.Error(w, "a proxy has passed this request on: ask on the machine itself, or set "+metricsTokenVariable, http.StatusForbidden)
		default:
			m.page.ServeHTTP(w, r)
		}
	})
}

// bears tells, in the same time whatever was sent, whether a request bears the token.
func bears(r *http.Request, token string) bool {
	scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(sent)), sha256.Sum256([]byte(token))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
