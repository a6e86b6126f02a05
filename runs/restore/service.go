package restore

import (
	"context"
	"strconv"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// ServiceConfig configures a [Service].
type ServiceConfig struct {
	Store Store       // required
	Guard *runs.Guard // required; runs.Starter.Guard gives one
}

// Service shows previews and drift reports to people. It is safe for concurrent use.
type Service struct {
	store Store
	guard *runs.Guard
}

// NewService checks the configuration and makes a Service.
func NewService(cfg ServiceConfig) (*Service, error) {
	var bad runs.InvalidError
	if cfg.Store == nil {
		bad.Add("store", "required", "is required")
	}
	if cfg.Guard == nil {
		bad.Add("guard", "required", "is required; runs.Starter.Guard gives one")
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	return &Service{store: cfg.Store, guard: cfg.Guard}, nil
}

// Get returns the preview or drift report of a run.
func (s *Service) Get(ctx context.Context, tenant graph.TenantID, actor runs.Actor, run runs.ID) (Preview, error) {
	if err := s.guard.Allow(ctx, tenant, actor, runs.ActionLook, runs.Target{Type: "run", ID: run}); err != nil {
		return Preview{}, err
	}
	if !run.Valid() {
		return Preview{}, runs.ErrNotFound
	}
	return s.store.GetPreview(ctx, tenant, run)
}

// Items returns what a preview says of the items, in the order of restore.
func (s *Service) Items(ctx context.Context, tenant graph.TenantID, actor runs.Actor, run runs.ID, filter Filter, page runs.PageRequest) (runs.Page[PreviewItem], error) {
	none := runs.Page[PreviewItem]{}
	if _, err := s.Get(ctx, tenant, actor, run); err != nil {
		return none, err
	}
	slice, err := page.Slice()
	if err != nil {
		return none, err
	}
	list, err := s.store.ListPreviewItems(ctx, tenant, run, filter, slice)
	if err != nil {
		return none, err
	}
	return runs.NewPage(list, slice.Limit, positionOf), nil
}

func positionOf(i PreviewItem) runs.Keyset {
	return runs.Keyset{Key: strconv.Itoa(i.Position), ID: i.ItemID}
}

// Drift is how a tenant differs from a backup set.
type Drift struct {
	Added   []backupset.PolicyRef // live, and not in the set
	Removed []backupset.PolicyRef // in the set, and not live
	Changed []backupset.ChangedPolicy

	// Blocked policies could not be compared; their reasons are with the items.
	Blocked []backupset.PolicyRef

	UnchangedCount int
}

// Drift returns the outcome of a drift report. A report that is not ready is ErrConflict
// "preview_not_ready", a restore preview ErrNotFound. PolicyID of the references is empty:
// what is live has none.
func (s *Service) Drift(ctx context.Context, tenant graph.TenantID, actor runs.Actor, run runs.ID) (Drift, error) {
	p, err := s.Get(ctx, tenant, actor, run)
	switch {
	case err != nil:
		return Drift{}, err
	case p.Kind != runs.KindDriftReport:
		return Drift{}, runs.ErrNotFound
	case p.ReadyAt.IsZero():
		return Drift{}, runs.Conflict("preview_not_ready", "the report is still being made; wait for its run")
	}
	d := Drift{UnchangedCount: p.Totals[Unchanged]}
	filter := Filter{Actions: []Action{Added, Removed, Change, Blocked}}
	err = eachPreviewItem(ctx, s.store, tenant, run, filter, func(item PreviewItem) {
		ref := backupset.PolicyRef{Type: item.Type, ExternalID: item.ExternalID, Name: item.Name}
		switch item.Action {
		case Added:
			d.Added = append(d.Added, ref)
		case Removed:
			d.Removed = append(d.Removed, ref)
		case Change:
			d.Changed = append(d.Changed, backupset.ChangedPolicy{PolicyRef: ref, Diff: item.Diff})
		default:
			d.Blocked = append(d.Blocked, ref)
		}
	})
	return d, err
}

// eachPreviewItem walks over the items of a preview in their order.
func eachPreviewItem(ctx context.Context, store Store, tenant graph.TenantID, preview runs.ID, filter Filter, do func(PreviewItem)) error {
	const page = 1000
	slice := runs.Slice{Limit: page}
	for {
		items, err := store.ListPreviewItems(ctx, tenant, preview, filter, slice)
		if err != nil {
			return err
		}
		for _, item := range items[:min(page, len(items))] {
			do(item)
			slice.After = positionOf(item)
		}
		if len(items) <= page {
			return nil
		}
	}
}
