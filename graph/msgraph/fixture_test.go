package msgraph

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/graph"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const tenant graph.TenantID = "contoso"

// tokenFunc is a source of tokens.
type tokenFunc func(ctx context.Context, tenant graph.TenantID, claims string) (Token, error)

func (f tokenFunc) Token(ctx context.Context, tenant graph.TenantID, claims string) (Token, error) {
	return f(ctx, tenant, claims)
}

// always signs in with one token that does not expire.
var always = tokenFunc(func(context.Context, graph.TenantID, string) (Token, error) {
	return Token{Value: "the-token", Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}, nil
})

// unbounded are limits that let everything through.
var unbounded = map[graph.Workload]Limit{
	graph.WorkloadIntune:    {Rate: -1, Burst: -1, WriteRate: -1, AtOnce: -1},
	graph.WorkloadAccess:    {Rate: -1, Burst: -1, WriteRate: -1, AtOnce: -1},
	graph.WorkloadDirectory: {Rate: -1, Burst: -1, WriteRate: -1, AtOnce: -1},
}

// serve makes a client of a server on this machine that answers with h.
func serve(t *testing.T, h http.HandlerFunc, change ...func(*Config)) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	cfg := Config{Tokens: always, BaseURL: s.URL, HTTP: s.Client()}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// world is a client and a server on a network in memory, in virtual time.
type world struct {
	*Client
	ctx   context.Context
	began time.Time

	mu    sync.Mutex
	seen  []seen
	conns int
}

// seen is a request that reached the server.
type seen struct {
	*http.Request
	at   time.Duration // since the beginning
	conn int
}

// inBubble runs a test in virtual time. The handler is told how many requests came before.
func inBubble(t *testing.T, h func(w http.ResponseWriter, r *http.Request, before int), change func(*Config), test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{ctx: t.Context(), began: time.Now()}
		incoming := listener{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{
			Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				conn, _ := r.Context().Value(connKey{}).(int)
				w.mu.Lock()
				before := len(w.seen)
				w.seen = append(w.seen, seen{r, time.Since(w.began), conn})
				w.mu.Unlock()
				h(rw, r, before)
			}),
			ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.conns++
				return context.WithValue(ctx, connKey{}, w.conns)
			},
		}
		var wg sync.WaitGroup
		wg.Go(func() { _ = server.Serve(incoming) })
		transport := &http.Transport{DialContext: incoming.dial, MaxIdleConnsPerHost: 64}
		t.Cleanup(func() {
			transport.CloseIdleConnections()
			_ = server.Close()
			wg.Wait()
		})
		cfg := Config{Tokens: always, BaseURL: "http://localhost", HTTP: &http.Client{Transport: transport}, Limits: unbounded}
		if change != nil {
			change(&cfg)
		}
		var err error
		if w.Client, err = New(cfg); err != nil {
			t.Fatal(err)
		}
		test(w)
	})
}

type connKey struct{}

// listener takes the connections that are dialed through it.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error   { close(l.closed); return nil }
func (l listener) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// requests returns the requests so far.
func (w *world) requests() []seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]seen(nil), w.seen...)
}

// elapsed is the virtual time since the beginning.
func (w *world) elapsed() time.Duration { return time.Since(w.began) }

// list is a call as a listing makes it.
func list() call {
	return call{op: graph.OpList, t: "deviceConfiguration", workload: graph.WorkloadIntune, method: "GET", version: "beta", path: "/deviceManagement/deviceConfigurations"}
}

// create is a call that makes an object.
func create() call {
	r := list()
	r.op, r.method, r.body, r.create = graph.OpCreate, "POST", []byte(`{"displayName":"x"}`), true
	return r
}

// update is a call that changes an object.
func update() call {
	r := list()
	r.op, r.method, r.path, r.body = graph.OpUpdate, "PATCH", r.path+"/1", []byte(`{"displayName":"x"}`)
	return r
}

// refuse answers with an error of Graph.
func refuse(w http.ResponseWriter, status int, header ...string) {
	for i := 0; i < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.Header().Set("Request-Id", "req-"+strconv.Itoa(status))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"error":{"code":"Code` + strconv.Itoa(status) + `","message":"It is so."}}`))
}

// wantFailure checks an error of the client.
func wantFailure(t *testing.T, err error, kind graph.Kind, status int) *graph.Error {
	t.Helper()
	var e *graph.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want %s", err, kind)
	}
	if e.Kind != kind || e.StatusCode != status {
		t.Errorf("the error is %v, want %s (%d)", err, kind, status)
	}
	return e
}
