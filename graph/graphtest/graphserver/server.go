package graphserver

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// Config says how a [Server] behaves. The zero value is useful.
type Config struct {
	// Scheme is that of links in answers, "http" or "https". Defaults to that of the
	// connection; set it where something before the server ends TLS, or pretends to.
	Scheme string

	// PageSize is the number of rows in a page, of sub-collections too. Defaults to the
	// Graph's; negative is an error.
	PageSize int

	// Seed decides what is left to chance, such as the order of answers in a batch.
	Seed uint64

	// Latency is how long every HTTP request takes, on the Graph's clock. A batch takes it
	// once. Needs a clock.
	Latency time.Duration

	// Limits turns Graph's limits on: more requests are refused with 429. What they would
	// be is counted anyway. Needs a clock.
	Limits bool

	// Faults happen from the start.
	Faults []Fault

	// Roles are the permissions in the tokens of the token endpoint. Nil means those that
	// the Graph tells of the tenant, see [graphtest.Graph.Grant].
	Roles []string

	// Clients are the secrets by client id that the token endpoint takes. Nil takes any.
	Clients map[string]string

	// TokenLifetime is how long the tokens of the token endpoint are good, on the Graph's
	// clock. Defaults to an hour; negative is an error.
	TokenLifetime time.Duration
}

// Server answers HTTP requests as Microsoft Graph does, from the tenants of a
// [graphtest.Graph]. It is safe for concurrent use and starts no goroutine.
type Server struct {
	graph     *graphtest.Graph
	cfg       Config
	clock     graphtest.Clock // nil when time stands still
	catalogue *graph.Catalogue
	resources map[string]*resource // by path
	depth     int                  // of the longest path
	serial    counter              // of requests and tokens
	meter     meter
	faults    faultScript
	tokens    tokens
	bin       bin // what was deleted and can be restored
}

// New makes a server for the tenants of g, also those that are added later.
func New(g *graphtest.Graph, cfg Config) (*Server, error) {
	switch {
	case g == nil:
		return nil, errors.New("graphserver: New needs a Graph")
	case cfg.Scheme != "" && cfg.Scheme != "http" && cfg.Scheme != "https":
		return nil, fmt.Errorf(`graphserver: Config.Scheme is %q; give "http", "https" or nothing`, cfg.Scheme)
	case cfg.PageSize < 0:
		return nil, fmt.Errorf("graphserver: Config.PageSize is %d; give 1 or more, or 0 for the Graph's", cfg.PageSize)
	case cfg.TokenLifetime < 0:
		return nil, fmt.Errorf("graphserver: Config.TokenLifetime is %s; it cannot be negative", cfg.TokenLifetime)
	}
	under := g.Config()
	if cfg.PageSize == 0 {
		cfg.PageSize = under.PageSize
	}
	if cfg.TokenLifetime == 0 {
		cfg.TokenLifetime = time.Hour
	}
	if (cfg.Latency != 0 || cfg.Limits) && under.Clock == nil || cfg.Latency < 0 {
		return nil, errors.New("graphserver: Config.Latency and Config.Limits need a Graph with a clock, and Latency is not negative")
	}
	s := &Server{
		graph: g, cfg: cfg, clock: under.Clock, catalogue: under.Catalogue, resources: routes(under.Catalogue),
		tokens: tokens{expired: map[string]bool{}, revoked: map[account]bool{}},
	}
	for path := range s.resources {
		s.depth = max(s.depth, strings.Count(path, "/"))
	}
	for i, f := range cfg.Faults {
		if err := s.Fault(f.Name, f.FaultOptions); err != nil {
			return nil, fmt.Errorf("graphserver: Config.Faults[%d]: %w", i, err)
		}
	}
	return s, nil
}

// now is the time of the Graph's clock.
func (s *Server) now() time.Time {
	if s.clock == nil {
		return graphtest.Epoch
	}
	return s.clock.Now()
}

var _ http.Handler = (*Server)(nil)
