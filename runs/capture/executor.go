package capture

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Store is what captures need of a backend.
type Store interface {
	runs.RunStore
	runs.ItemStore
	backupset.CaptureStore
	backupset.SetStore
	backupset.InventoryStore
}

// Config configures an [Executor].
type Config struct {
	Reader graph.Reader // required
	Store  Store        // required

	// Catalogue says which types are known. Defaults to [graph.Catalog].
	Catalogue *graph.Catalogue

	// FetchSize is how many policies are asked of Graph in one call. Defaults to 20, the
	// size of a batch.
	FetchSize int

	// SaveSize is how many policies one transaction stores at most. Defaults to 64.
	SaveSize int

	// Parallel is how many policies are hashed at once. Defaults to GOMAXPROCS.
	Parallel int

	// RetrySeedAge bounds how old the set of a failed run may be for its retry to go on
	// from it; an older one is captured anew from the start. Defaults to 24 h.
	RetrySeedAge time.Duration
}

// Executor captures. It is safe for concurrent use by several runs.
type Executor struct {
	cfg      Config
	canon    *backupset.Canonicalizer
	verifier *backupset.Verifier
}

// New checks the configuration and makes an Executor.
func New(cfg Config) (*Executor, error) {
	var bad runs.InvalidError
	if cfg.Reader == nil {
		bad.Add("reader", "required", "is required; graph/graphtest has one in memory")
	}
	if cfg.Store == nil {
		bad.Add("store", "required", "is required")
	}
	for _, f := range []struct {
		name  string
		value int
	}{{"fetch_size", cfg.FetchSize}, {"save_size", cfg.SaveSize}, {"parallel", cfg.Parallel}, {"retry_seed_age", int(cfg.RetrySeedAge)}} {
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
	if cfg.FetchSize == 0 {
		cfg.FetchSize = 20
	}
	if cfg.SaveSize == 0 {
		cfg.SaveSize = 64
	}
	if cfg.Parallel == 0 {
		cfg.Parallel = runtime.GOMAXPROCS(0)
	}
	if cfg.RetrySeedAge == 0 {
		cfg.RetrySeedAge = 24 * time.Hour
	}
	verifier, err := backupset.NewVerifier(cfg.Store, cfg.Catalogue)
	if err != nil {
		return nil, err
	}
	return &Executor{cfg: cfg, canon: backupset.NewCanonicalizer(cfg.Catalogue), verifier: verifier}, nil
}

// Kinds returns the kinds of runs that the Executor does.
func (e *Executor) Kinds() []runs.Kind {
	return []runs.Kind{runs.KindBackup, runs.KindPolicySync, runs.KindSnapshot, runs.KindSetCreate, runs.KindSetAdd, runs.KindSetVerify}
}

// Execute implements [runs.Executor].
func (e *Executor) Execute(ctx context.Context, a *runs.Attempt) error {
	switch a.Run().Kind {
	case runs.KindPolicySync:
		return e.sync(ctx, a)
	case runs.KindSnapshot:
		return e.snapshot(ctx, a)
	case runs.KindSetCreate:
		return e.createSet(ctx, a)
	case runs.KindSetAdd:
		return e.addPolicies(ctx, a)
	case runs.KindSetVerify:
		return e.verify(ctx, a)
	}
	return e.backup(ctx, a)
}

func decodeParams[T any](a *runs.Attempt) (T, error) {
	var p T
	if err := json.Unmarshal(a.Run().Params, &p); err != nil {
		// The cause would quote the parameters.
		return p, fmt.Errorf("capture: %w: the parameters of this %s run are not readable", runs.ErrInvalid, a.Run().Kind)
	}
	return p, nil
}

var _ runs.Executor = (*Executor)(nil)
