package restore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// PreviewerConfig configures a [Previewer].
type PreviewerConfig struct {
	// Reader reads the target. Required. One that can also write is never asked to: whoever
	// tries to write through it gets [graph.KindWriteBlocked].
	Reader graph.Reader

	Store  HistoryStore // where previews and steps are kept; required
	Source Source       // where sets are read from; required, and usually the same store

	// Catalogue says which types are known. Defaults to [graph.Catalog].
	Catalogue *graph.Catalogue

	// FetchSize is how many policies are asked of Graph in one call. Defaults to 20, the
	// size of a batch.
	FetchSize int

	// SaveSize is how many items are looked at, and stored, at once. Defaults to 100.
	SaveSize int

	// Parallel is how many policies are compared at once. Defaults to GOMAXPROCS.
	Parallel int
}

// Previewer executes previews and drift reports. It is safe for concurrent use by several
// runs.
type Previewer struct {
	cfg    PreviewerConfig
	engine *engine
}

// NewPreviewer checks the configuration and makes a Previewer.
func NewPreviewer(cfg PreviewerConfig) (*Previewer, error) {
	var bad runs.InvalidError
	if cfg.Reader == nil {
		bad.Add("reader", "required", "is required; graph/graphtest has one in memory")
	}
	if cfg.Store == nil {
		bad.Add("store", "required", "is required")
	}
	if cfg.Source == nil {
		bad.Add("source", "required", "is required; the store of backup sets is one")
	}
	for _, f := range []struct {
		name  string
		value int
	}{{"fetch_size", cfg.FetchSize}, {"save_size", cfg.SaveSize}, {"parallel", cfg.Parallel}} {
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
	cfg.Reader = graph.WriteBlocked(cfg.Reader)
	cfg.FetchSize = cmp.Or(cfg.FetchSize, 20)
	cfg.SaveSize = cmp.Or(cfg.SaveSize, 100)
	cfg.Parallel = cmp.Or(cfg.Parallel, runtime.GOMAXPROCS(0))
	return &Previewer{cfg: cfg, engine: newEngine(cfg.Source, cfg.Catalogue, cfg.Parallel)}, nil
}

// Kinds returns the kinds of runs that the Previewer does.
func (p *Previewer) Kinds() []runs.Kind {
	return []runs.Kind{runs.KindRestorePreview, runs.KindDriftReport}
}

// Execute implements [runs.Executor].
func (p *Previewer) Execute(ctx context.Context, a *runs.Attempt) error {
	if a.Run().Kind == runs.KindDriftReport {
		params, err := decodeParams[DriftParams](a.Run())
		if err != nil {
			return err
		}
		return p.look(ctx, a, PreviewParams{ItemIDs: params.ItemIDs, SetRevision: params.SetRevision, Origin: params.Origin})
	}
	params, err := decodeParams[PreviewParams](a.Run())
	if err != nil {
		return err
	}
	return p.look(ctx, a, params)
}

func decodeParams[T any](r runs.Run) (T, error) {
	var p T
	if err := json.Unmarshal(r.Params, &p); err != nil {
		// The cause would quote the parameters.
		return p, fmt.Errorf("restore: %w: the parameters of this %s run are not readable", runs.ErrInvalid, r.Kind)
	}
	return p, nil
}

var _ runs.Executor = (*Previewer)(nil)
