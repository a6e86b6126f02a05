package pages

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// Defaults of [Config].
const (
	DefaultPrefix    = "/backups"
	DefaultMaxForm   = 1 << 20
	DefaultMaxImport = 256 << 20
)

// Tenant is a customer of the host, as the pages show it.
type Tenant struct {
	ID   graph.TenantID
	Name string // for people; the id when empty
}

// HealthPart is how a part of the service is: the database, the queue, workers.
type HealthPart struct {
	Name string    // "Database"
	Bad  bool      // it needs attention
	Text string    // how it is and what to do, in sentences for everybody who may look; redacted
	Seen time.Time // when it was last seen at work; zero leaves it out
}

// Config configures [Pages].
type Config struct {
	Scheduler *backupsched.Scheduler // required
	Starter   *runs.Starter          // required; its guard decides what a role may do
	Archive   *backupset.Archive     // required
	Retention *retention.Retention   // required
	Restores  *restore.Service       // required
	Exporter  *transfer.Exporter     // required
	Uploader  *transfer.Uploader     // required

	// Permissions tells what the Graph client was granted in a tenant. Required.
	Permissions graph.PermissionReader

	// Principal finds out who sent a request, false when nobody that the host knows: then
	// SignIn answers. Required.
	Principal func(*http.Request) (runs.Actor, bool)

	// Tenants lists the tenants in which the actor has any role. One that is not among them
	// is 403, also when it does not exist. Required.
	Tenants func(ctx context.Context, actor runs.Actor) ([]Tenant, error)

	// SignIn answers a GET of somebody who is not signed in, usually by a redirect to the
	// host's sign-in page. Defaults to a plain 401.
	SignIn http.HandlerFunc

	// Product is the host's name, for titles. Defaults to "Backups".
	Product string

	// HomePath is where the host's own pages are, linked from the name. Defaults to "/".
	HomePath string

	// SignOutPath gets a POST when somebody signs out. Empty leaves the button out.
	SignOutPath string

	// PlainHTTP tells whether a request came by http without TLS on purpose, as on loopback. By
	// all others the cookie of the viewer's zone is Secure, also where a proxy ends TLS. Nil is
	// never.
	PlainHTTP func(*http.Request) bool

	// Health tells how the parts of the service are, for the settings page, which shows them also
	// while the database cannot be reached. Nil leaves it out.
	Health func(context.Context) []HealthPart

	// Version of the host or server, for the settings page. Empty leaves it out.
	Version string

	// Prefix is what all paths begin with: no slash at its end. Defaults to [DefaultPrefix].
	Prefix string

	// MaxForm is the most bytes of a form. Defaults to [DefaultMaxForm].
	MaxForm int64

	// MaxImport is the same for a file that is to be imported. The Uploader has a limit of its
	// own. Defaults to [DefaultMaxImport].
	MaxImport int64

	// Catalogue says which policy types there are. Defaults to [graph.Catalog].
	Catalogue *graph.Catalogue

	// Clock tells what is overdue, and counts down. Defaults to [runs.SystemClock].
	Clock runs.Clock

	// Logger receives what pages do not tell: the causes of internal errors. Defaults to
	// discarding.
	Logger *slog.Logger
}

func (cfg Config) withDefaults() (Config, error) {
	var bad runs.InvalidError
	required := func(field string, missing bool) {
		if missing {
			bad.Add(field, "required", "is required")
		}
	}
	required("scheduler", cfg.Scheduler == nil)
	required("starter", cfg.Starter == nil)
	required("archive", cfg.Archive == nil)
	required("retention", cfg.Retention == nil)
	required("restores", cfg.Restores == nil)
	required("exporter", cfg.Exporter == nil)
	required("uploader", cfg.Uploader == nil)
	required("permissions", cfg.Permissions == nil)
	required("principal", cfg.Principal == nil)
	required("tenants", cfg.Tenants == nil)
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	if !strings.HasPrefix(cfg.Prefix, "/") || cfg.Prefix == "/" || path.Clean(cfg.Prefix) != cfg.Prefix || strings.ContainsAny(cfg.Prefix, "{} ?#%") {
		bad.Add("prefix", "prefix_invalid", "must be a clean path such as /backups, without a slash at its end")
	}
	if cfg.MaxForm < 0 {
		bad.Add("max_form", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.MaxImport < 0 {
		bad.Add("max_import", "negative", "must not be negative; 0 takes the default")
	}
	if err := bad.Err(); err != nil {
		return Config{}, err
	}
	if cfg.MaxForm == 0 {
		cfg.MaxForm = DefaultMaxForm
	}
	if cfg.MaxImport == 0 {
		cfg.MaxImport = DefaultMaxImport
	}
	if cfg.Product == "" {
		cfg.Product = "Backups"
	}
	if cfg.HomePath == "" {
		cfg.HomePath = "/"
	}
	if cfg.Catalogue == nil {
		cfg.Catalogue = graph.Catalog
	}
	if cfg.Clock == nil {
		cfg.Clock = runs.SystemClock{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Logger = slog.New(runs.RedactingHandler(cfg.Logger.Handler()))
	return cfg, nil
}
