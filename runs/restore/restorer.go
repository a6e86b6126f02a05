package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
)

// ExecuteStore is what a [Restorer] needs of a backend.
type ExecuteStore interface {
	HistoryStore
	runs.ItemStore
}

// RestorerConfig configures a [Restorer].
type RestorerConfig struct {
	// Client reads and writes the target. Required.
	Client graph.Client

	Store  ExecuteStore // where previews and steps are kept; required
	Source Source       // where sets are read from; required, and usually the same store

	// Catalogue says which types are known. Defaults to [graph.Catalog].
	Catalogue *graph.Catalogue

	// FetchSize is how many live policies are looked at again at once before they are
	// written. Defaults to 20, the size of a batch.
	FetchSize int

	// Parallel is how many policies are read from the set at once. Defaults to GOMAXPROCS.
	Parallel int

	// Visibility is how long after making an object Graph may not show it yet. For so long a
	// restore looks for an object whose making nobody has confirmed, before it says that there
	// is none, and waits for an app to be published before it says that it is not assigned.
	// Defaults to 2 min.
	Visibility time.Duration

	// PreviewMaxAge is how old a preview may be when its restore begins, which may have waited
	// in the queue. One that goes on, after a crash for example, is not asked again. Defaults
	// to 1 h; set it to what [RequestsConfig] has.
	PreviewMaxAge time.Duration
}

const defaultPreviewMaxAge = time.Hour

// Restorer executes restores. It is safe for concurrent use by several runs.
type Restorer struct {
	cfg    RestorerConfig
	engine *engine
}

// NewRestorer checks the configuration and makes a Restorer.
func NewRestorer(cfg RestorerConfig) (*Restorer, error) {
	var bad runs.InvalidError
	if cfg.Client == nil {
		bad.Add("client", "required", "is required; graph/graphtest has one in memory")
	}
	if cfg.Store == nil {
		bad.Add("store", "required", "is required")
	}
	if cfg.Source == nil {
		bad.Add("source", "required", "is required; the store of backup sets is one")
	}
	for _, f := range []struct {
		name  string
		value int64
	}{{"fetch_size", int64(cfg.FetchSize)}, {"parallel", int64(cfg.Parallel)}, {"visibility", int64(cfg.Visibility)}, {"preview_max_age", int64(cfg.PreviewMaxAge)}} {
		if f.value < 0 {
			bad.Add(f.name, "negative", "must not be negative; 0 takes the default")
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if cfg.Catalogue == nil {
		cfg.Catalogue = graph.Catalog
	}
	if cfg.Visibility == 0 {
		cfg.Visibility = 2 * time.Minute
	}
	if cfg.PreviewMaxAge == 0 {
		cfg.PreviewMaxAge = defaultPreviewMaxAge
	}
	cfg.FetchSize = cmp.Or(cfg.FetchSize, 20)
	cfg.Parallel = cmp.Or(cfg.Parallel, runtime.GOMAXPROCS(0))
	return &Restorer{cfg: cfg, engine: newEngine(cfg.Source, cfg.Catalogue, cfg.Parallel)}, nil
}

// Kinds returns the kinds of runs that the Restorer does.
func (r *Restorer) Kinds() []runs.Kind { return []runs.Kind{runs.KindRestoreExecute} }

// ExecuteSummary is what a restore leaves in [runs.Run.Summary].
type ExecuteSummary struct {
	Created int `json:"created"`
	Changed int `json:"changed"`
	Skipped int `json:"skipped"`
	Blocked int `json:"blocked"` // of Skipped: what the preview said could not be done
	Failed  int `json:"failed"`  // with those that are unknown
	Unknown int `json:"unknown"`
}

// Execute implements [runs.Executor].
func (r *Restorer) Execute(ctx context.Context, a *runs.Attempt) error {
	params, err := decodeParams[ExecuteParams](a.Run())
	if err != nil {
		return err
	}
	preview, err := r.take(ctx, a, params)
	switch {
	case errors.Is(err, errStale):
		a.Finish(runs.Result{Status: runs.StatusFailed, Code: runs.CodePreviewStale, Message: err.Error()})
		return nil
	case errors.Is(err, runs.ErrConflict), errors.Is(err, runs.ErrNotFound), errors.Is(err, runs.ErrInvalid):
		a.Finish(runs.Result{Status: runs.StatusFailed, Code: runs.CodePreviewUnusable, Message: err.Error()})
		return nil
	case err != nil:
		return fmt.Errorf("restore: taking the preview: %w", err)
	}
	// Whoever approves changes of this tenant sees why they are made.
	ctx = graph.WithJustification(ctx, params.Reason)
	w := r.newRestoring(a, preview, params)
	if err := w.begin(ctx); err != nil {
		if errors.Is(err, runs.ErrNotFound) {
			a.Finish(runs.Result{Status: runs.StatusFailed, Code: runs.CodeSetUnavailable, Message: "the backup set is gone"})
			return nil
		}
		return err
	}
	if err := w.all(ctx); err != nil {
		return errors.Join(err, w.leave(ctx, err))
	}
	a.Finish(w.result())
	return nil
}

// take makes the preview this run's, once and for all.
func (r *Restorer) take(ctx context.Context, a *runs.Attempt, params ExecuteParams) (Preview, error) {
	if !params.PreviewRunID.Valid() {
		return Preview{}, runs.ErrNotFound
	}
	p, err := r.cfg.Store.GetPreview(ctx, a.Tenant(), params.PreviewRunID)
	switch {
	case err != nil:
		return p, err
	case p.Kind != runs.KindRestorePreview:
		return p, runs.Invalid("preview_run_id", "not_a_preview", "is a drift report; make a restore preview")
	case p.Options.Access == AccessOriginal && !params.Confirm:
		return p, runs.Invalid("confirm", "confirm_required", "this preview enables Conditional Access policies as they were captured; that was not confirmed")
	case p.RestoreRunID == "" && !p.ReadyAt.IsZero() && a.Now().Sub(p.ReadyAt) > r.cfg.PreviewMaxAge:
		return p, errStale // the run has waited; what has begun is judged item by item
	}
	run := a.Run()
	started := runs.AuditEntry{
		ID: a.NewID(), At: a.Now(), Actor: run.Actor, TenantID: a.Tenant(), Action: "restore.started",
		Resource: runs.Target{Type: "backup_set", ID: p.SetID}, RunID: run.ID, Outcome: string(runs.StatusRunning),
		Details: map[string]string{
			"reason": redact.Text(params.Reason), "preview_run_id": string(p.RunID), "set_revision": strconv.Itoa(p.SetRevision),
			"source_tenant": string(p.SourceTenant), "existing": string(p.Options.Existing),
			"assignments": string(p.Options.Assignments), "access_state": string(p.Options.Access),
		},
	}
	if p.SourceTenant == a.Tenant() { // who reads this log may not know what another tenant's set is called
		set, err := r.cfg.Source.GetSet(ctx, p.SourceTenant, p.SetID)
		if err != nil && !errors.Is(err, runs.ErrNotFound) {
			return p, fmt.Errorf("restore: reading the backup set: %w", err)
		}
		if err == nil {
			started.Details["set_name"] = redact.Text(set.Name)
		}
	}
	return r.cfg.Store.UsePreview(ctx, a.Tenant(), a.Lease(), p.RunID, runs.Trail{Audit: []runs.AuditEntry{started}})
}

var _ runs.Executor = (*Restorer)(nil)
