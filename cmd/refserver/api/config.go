package api

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
	DefaultPrefix    = "/api/v1"
	DefaultMaxBody   = 1 << 20
	DefaultMaxImport = 256 << 20

	DefaultSignInTimeout = 10 * time.Second
)

// Config configures an [API].
type Config struct {
	Scheduler *backupsched.Scheduler // required
	Starter   *runs.Starter          // required; its guard is asked before a request is read
	Archive   *backupset.Archive     // required
	Retention *retention.Retention   // required
	Restores  *restore.Service       // required; it shows previews and drift reports
	Exporter  *transfer.Exporter     // required
	Uploader  *transfer.Uploader     // required; it takes in what is to be imported

	// Permissions tells what the Graph client was granted in a tenant. Required.
	Permissions graph.PermissionReader

	// SignInTimeout is how long a request waits for that: it may take a sign-in. Defaults to
	// [DefaultSignInTimeout].
	SignInTimeout time.Duration

	// Principal finds out who sent a request, false when nobody that the host knows: that
	// is 401. Required.
	Principal func(*http.Request) (runs.Actor, bool)

	// TenantAccess tells whether the actor has any role in the tenant. False, also for a
	// tenant that does not exist, is 403. Required.
	TenantAccess func(ctx context.Context, tenant graph.TenantID, actor runs.Actor) (bool, error)

	// Ready is asked by /readyz; an error is 503, and an [Unready] says there which parts
	// are not in order. Defaults to always ready.
	Ready func(context.Context) error

	// Prefix is what all paths of tenants begin with: no slash at its end. Defaults to
	// [DefaultPrefix].
	Prefix string

	// MaxBody is the most bytes of a request's body. Defaults to [DefaultMaxBody].
	MaxBody int64

	// MaxImport is the same for a file that is to be imported. The Uploader has a limit of its
	// own. Defaults to [DefaultMaxImport].
	MaxImport int64

	// Catalogue says which policy types may be asked for. Defaults to [graph.Catalog].
	Catalogue *graph.Catalogue

	// Clock tells when a running run may end. Defaults to [runs.SystemClock].
	Clock runs.Clock

	// Logger receives what answers do not tell: the causes of internal errors. Defaults to
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
	required("tenant_access", cfg.TenantAccess == nil)
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	if !strings.HasPrefix(cfg.Prefix, "/") || cfg.Prefix == "/" || path.Clean(cfg.Prefix) != cfg.Prefix || strings.ContainsAny(cfg.Prefix, "{} ") {
		bad.Add("prefix", "prefix_invalid", "must be a clean path such as /api/v1, without a slash at its end")
	}
	if cfg.MaxBody < 0 {
		bad.Add("max_body", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.MaxImport < 0 {
		bad.Add("max_import", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.SignInTimeout < 0 {
		bad.Add("sign_in_timeout", "negative", "must not be negative; 0 takes the default")
	}
	if err := bad.Err(); err != nil {
		return Config{}, err
	}
	if cfg.SignInTimeout == 0 {
		cfg.SignInTimeout = DefaultSignInTimeout
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if cfg.MaxImport == 0 {
		cfg.MaxImport = DefaultMaxImport
	}
	if cfg.Ready == nil {
		cfg.Ready = func(context.Context) error { return nil }
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
