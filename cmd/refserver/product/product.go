package product

import (
	"cmp"
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Name is what the pretend product is called.
const Name = "Tenant Desk"

// Defaults of [Config].
const (
	DefaultIdle     = time.Hour
	DefaultAbsolute = 12 * time.Hour
)

// Config configures a [Product].
type Config struct {
	// Users are who may sign in. Nil for nobody. Those of [DemoUsers] need Loopback.
	Users *Users

	// Loopback tells that the server listens on a loopback address only. Then cookies may
	// travel by plain http where a request names the machine itself, and demo users may sign in
	// by such requests. Everywhere else cookies are for https.
	Loopback bool

	// Backups is what the paths of the backup pages begin with, such as /backups: the page of
	// a tenant's schedules is Backups/TENANT/schedules. Without it tenants have no link.
	Backups string

	// Facts fill the cards of the tenants. Nil leaves them without.
	Facts Facts

	// Stylesheets are the URLs of stylesheets, on this host, for all pages. Without any the
	// pages bring a plain one.
	Stylesheets []string

	// Idle and Absolute end a session: after so long without a request, and after so long
	// whatever happens. Default to [DefaultIdle] and [DefaultAbsolute].
	Idle, Absolute time.Duration

	// Clock times sessions. Defaults to [runs.SystemClock].
	Clock runs.Clock

	// Logger receives who signs in and out. Defaults to discarding.
	Logger *slog.Logger
}

// Product is the pretend host. It is safe for concurrent use and starts nothing.
type Product struct {
	cfg      Config
	sessions *sessions
	verifier *verifier
	pages    *template.Template
	handler  http.Handler
}

// New checks the configuration and makes a product. Errors name the field.
func New(cfg Config) (*Product, error) {
	var bad runs.InvalidError
	if cfg.Users.Demo() && !cfg.Loopback {
		bad.Add("users", "demo_users", "everybody knows the tokens of the demo users: they are for a server on loopback")
	}
	if b := cfg.Backups; b != "" && (!strings.HasPrefix(b, "/") || b == "/" || path.Clean(b) != b || strings.ContainsAny(b, "{}\\? ")) {
		bad.Add("backups", "prefix_invalid", "must be a clean path such as /backups, without a slash at its end")
	}
	if cfg.Idle < 0 {
		bad.Add("idle", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.Absolute < 0 {
		bad.Add("absolute", "negative", "must not be negative; 0 takes the default")
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	cfg.Idle, cfg.Absolute = cmp.Or(cfg.Idle, DefaultIdle), cmp.Or(cfg.Absolute, DefaultAbsolute)
	if cfg.Clock == nil {
		cfg.Clock = runs.SystemClock{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	pages, err := parsePages()
	if err != nil {
		return nil, err
	}
	p := &Product{cfg: cfg, sessions: newSessions(cfg.Clock, cfg.Idle, cfg.Absolute), verifier: newVerifier(cfg.Users, cfg.Clock), pages: pages}
	p.handler = p.routes()
	return p, nil
}

func (p *Product) principal(r *http.Request) (runs.Actor, bool) {
	if p.misnamed(r) || p.passedOn(r) {
		return runs.Actor{}, false
	}
	if r.Header.Get("Authorization") != "" {
		return p.bearer(r)
	}
	id, ok := p.sessions.find(p.sessionToken(r))
	if !ok {
		return runs.Actor{}, false
	}
	u, ok := p.cfg.Users.find(id)
	return u.actor, ok
}

// bearer finds out who a token is for.
func (p *Product) bearer(r *http.Request) (runs.Actor, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") { // the case of a scheme has no meaning (RFC 9110, 11.1)
		return runs.Actor{}, false
	}
	if p.cfg.Users.Demo() {
		i, ok := p.cfg.Users.tokens[token]
		if !ok {
			return runs.Actor{}, false
		}
		return p.cfg.Users.list[i].actor, true
	}
	id, token, _ := strings.Cut(token, "~")
	u, err := p.verified(r, id, token)
	return u.actor, err == nil
}

// verified returns the user that an id and a token are of.
func (p *Product) verified(r *http.Request, id, token string) (user, error) {
	if p.cfg.Users == nil {
		return user{}, errWrongToken
	}
	err := p.verifier.verify(r.Context(), id, token, r.RemoteAddr)
	u, known := p.cfg.Users.find(id)
	if err != nil {
		p.cfg.Logger.WarnContext(r.Context(), "a sign-in was refused", "known", known, "actor", u.actor.ID, "reason", err)
		return user{}, err
	}
	return u, nil
}

// misnamed tells whether a request calls a server with demo users by a name of somebody else:
// a page of a site whose name was made to lead here could sign in as anybody.
func (p *Product) misnamed(r *http.Request) bool {
	return p.cfg.Users.Demo() && !LoopbackHost(r.Host)
}

// passedOn tells whether a request for a server with demo users came through a proxy: whoever
// reaches that could sign in as anybody.
func (p *Product) passedOn(r *http.Request) bool { return p.cfg.Users.Demo() && Proxied(r) }

// RoleOf returns the role of an actor in a tenant, [runs.RoleNone] for none, as
// [runs.RoleAuthorizer] asks for it.
func (p *Product) RoleOf(ctx context.Context, tenant graph.TenantID, actor runs.Actor) (runs.Role, error) {
	return p.cfg.Users.RoleOf(ctx, tenant, actor)
}

// Access tells whether an actor has any business in a tenant. False also for a tenant that
// does not exist.
func (p *Product) Access(ctx context.Context, tenant graph.TenantID, actor runs.Actor) (bool, error) {
	role, err := p.RoleOf(ctx, tenant, actor)
	return role != runs.RoleNone, err
}

// Tenants lists the tenants in which an actor has a role, in the order in which people see
// them. The caller owns the slice.
func (p *Product) Tenants(_ context.Context, actor runs.Actor) ([]Tenant, error) {
	return p.cfg.Users.tenantsOf(actor), nil
}
