package msgraph

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Clock is where a client takes the time from. runs.Clock, and Clock and Mock of
// github.com/benbjohnson/clock, fit as they are.
type Clock interface {
	// Now returns the present time.
	Now() time.Time
	// After returns a channel that receives the time once the duration has passed.
	After(d time.Duration) <-chan time.Time
}

// Config configures a [Client].
type Config struct {
	// Tokens signs in. Required.
	Tokens TokenSource

	// Cloud is Microsoft's cloud to talk to. Defaults to [Global].
	Cloud Cloud

	// BaseURL is the root of Graph in place of the cloud's, without a version, for a proxy or
	// a server of tests. Plain http is taken for this machine only.
	BaseURL string

	// HTTP sends the requests. Its CheckRedirect is not used: no redirect is followed.
	// Defaults to a client with Go's default transport and more idle connections.
	HTTP *http.Client

	// Catalogue are the policy types that the client knows. Defaults to [graph.Catalog].
	Catalogue *graph.Catalogue

	// Limits bound the requests per tenant and workload. A workload without an entry has its
	// default ([DefaultLimits]).
	Limits map[graph.Workload]Limit

	// Share is how many processes use the same app for the same tenant at once, of which
	// this client gets its part of every rate. Defaults to 1, which is right on any number of
	// machines while runs.Config.PerTenant is 1.
	Share int

	// Workers is how many $batch requests one call has under way at once, where it needs many.
	// Defaults to 4.
	Workers int

	// NoBatch sends every read as a request of its own instead of up to 20 of them in a $batch,
	// as many at once as the workload's Limit.AtOnce allows, or 20 where that has no bound: for
	// a proxy or a server like Graph that has no $batch. Workers does not count then. What comes
	// back is the same. Rates count the same, too: it is connections that a $batch saves.
	NoBatch bool

	// Attempts is how often a request is sent before the call fails. Defaults to 6.
	Attempts int

	// MaxWait is the longest wait inside a call. When Graph asks for a longer one the call
	// fails with the time to come back. Defaults to 20 s.
	MaxWait time.Duration

	// MaxTotal bounds all waits between the attempts of one request. Defaults to 2 min.
	MaxTotal time.Duration

	// Timeout is how long one attempt may take, its whole answer included. Defaults to 100 s.
	Timeout time.Duration

	// MaxAnswer is how many bytes an answer may have, decompressed. Defaults to 64 MiB.
	MaxAnswer int64

	// MaskSecrets leaves out what Graph shows only when it is asked for: the values of encrypted
	// OMA settings, which are captured otherwise where the app may read them, and without which
	// a policy that has some cannot be made anew. A host sets it that wants no secret in its
	// store, whatever the app may do.
	MaskSecrets bool

	// Clock defaults to runs.SystemClock.
	Clock Clock

	// Random returns uniform values in [0, 1) for jitter. Defaults to math/rand/v2.
	Random func() float64

	// Observer is told of waits; its other hooks are for graph.ObserveReader. Defaults to
	// nobody.
	Observer graph.Observer

	// Logger is told of waits and repetitions: types, status and codes, never a payload.
	// Defaults to discarding.
	Logger *slog.Logger
}

// Client talks to Microsoft Graph. It is safe for concurrent use and holds nothing that has to
// be closed.
type Client struct {
	cfg    Config
	http   *http.Client
	root   *url.URL
	tokens *tokens
	gates  *gates
	ids    *uuidv7.Generator
	log    *slog.Logger

	memories memories
}

// New checks the configuration and makes a client. It starts nothing and sends nothing.
func New(cfg Config) (*Client, error) {
	if cfg.Tokens == nil {
		return nil, errors.New("msgraph: field Tokens is required; graph/azauth brings sources for Entra")
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Share", int64(cfg.Share)}, {"Workers", int64(cfg.Workers)}, {"Attempts", int64(cfg.Attempts)},
		{"MaxWait", int64(cfg.MaxWait)}, {"MaxTotal", int64(cfg.MaxTotal)}, {"Timeout", int64(cfg.Timeout)}, {"MaxAnswer", cfg.MaxAnswer},
	} {
		if f.value < 0 {
			return nil, fmt.Errorf("msgraph: field %s must not be negative; 0 takes the default", f.name)
		}
	}
	cfg.Cloud.Graph = cmp.Or(cfg.Cloud.Graph, Global().Graph)
	base, err := root("Cloud.Graph", cfg.Cloud.Graph)
	if cfg.BaseURL != "" {
		base, err = root("BaseURL", cfg.BaseURL)
	}
	if err != nil {
		return nil, err
	}
	cfg.Share = cmp.Or(cfg.Share, 1)
	cfg.Workers = cmp.Or(cfg.Workers, 4)
	cfg.Attempts = cmp.Or(cfg.Attempts, 6)
	cfg.MaxWait = cmp.Or(cfg.MaxWait, 20*time.Second)
	cfg.MaxTotal = cmp.Or(cfg.MaxTotal, 2*time.Minute)
	cfg.Timeout = cmp.Or(cfg.Timeout, 100*time.Second)
	cfg.MaxAnswer = cmp.Or(cfg.MaxAnswer, 64<<20)
	cfg.Catalogue = cmp.Or(cfg.Catalogue, graph.Catalog)
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	if cfg.Clock == nil {
		cfg.Clock = runs.SystemClock{}
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	limits, err := limitsOf(cfg.Limits, cfg.Share)
	if err != nil {
		return nil, err
	}
	return &Client{
		cfg: cfg, root: base, http: transportOf(cfg.HTTP), log: cfg.Logger,
		tokens: newTokens(cfg.Tokens, cfg.Clock), gates: newGates(cfg.Clock, limits, cfg.MaxWait), ids: uuidv7.NewGenerator(cfg.Clock.Now),
	}, nil
}

// transportOf is the client that sends, without redirects: one that leads elsewhere would take
// the request's body and headers along.
func transportOf(h *http.Client) *http.Client {
	var own http.Client
	if h != nil {
		own = *h
	} else if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t = t.Clone()
		t.MaxIdleConnsPerHost = t.MaxIdleConns // all tenants are one host
		// Without it a connection that broke without a word takes requests for minutes.
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 30 * time.Second}
		own.Transport = t
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}
