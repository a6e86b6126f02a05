package backupset

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// ErrMissing is [ErrDamaged] in the way that nothing is there at all.
var ErrMissing = fmt.Errorf("%w: missing", ErrDamaged)

// ArchiveStore is what an [Archive] needs of a backend.
type ArchiveStore interface {
	SetStore
	InventoryStore

	// GetRun is that of [runs.RunStore]: what a set was asked for is known to its run.
	GetRun(ctx context.Context, tenant graph.TenantID, id runs.ID) (runs.Run, error)

	// ListRuns is that of [runs.RunStore], and so is where a set comes from.
	ListRuns(ctx context.Context, tenant graph.TenantID, filter runs.RunFilter, slice runs.Slice) ([]runs.Run, error)
}

// ArchiveConfig configures an [Archive].
type ArchiveConfig struct {
	Store ArchiveStore // required
	Guard *runs.Guard  // required; runs.Starter.Guard gives one

	// Catalogue is the one that captures use. Defaults to [graph.Catalog].
	Catalogue *graph.Catalogue
}

// Archive answers questions about backup sets, policies and their versions, on behalf of
// people. It is safe for concurrent use.
type Archive struct {
	store     ArchiveStore
	guard     *runs.Guard
	catalogue *graph.Catalogue
	canon     *Canonicalizer
}

// NewArchive checks the configuration and makes an Archive.
func NewArchive(cfg ArchiveConfig) (*Archive, error) {
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
	if cfg.Catalogue == nil {
		cfg.Catalogue = graph.Catalog
	}
	return &Archive{store: cfg.Store, guard: cfg.Guard, catalogue: cfg.Catalogue, canon: NewCanonicalizer(cfg.Catalogue)}, nil
}

func (a *Archive) look(ctx context.Context, tenant graph.TenantID, actor runs.Actor, kind string, id runs.ID) error {
	if err := a.guard.Allow(ctx, tenant, actor, runs.ActionLook, runs.Target{Type: kind, ID: id}); err != nil {
		return err
	}
	if !id.Valid() {
		return runs.ErrNotFound
	}
	return nil
}

// Get returns a backup set. A soft-deleted one comes together with ErrDeleted;
// [Archive.List] with [SetFilter.Deleted] shows them all.
func (a *Archive) Get(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (BackupSet, error) {
	if err := a.look(ctx, tenant, actor, "backup_set", id); err != nil {
		return BackupSet{}, err
	}
	return live(ctx, a.store, tenant, id)
}

func live(ctx context.Context, store SetStore, tenant graph.TenantID, id runs.ID) (BackupSet, error) {
	set, err := store.GetSet(ctx, tenant, id)
	if err == nil && set.Deleted() {
		err = runs.ErrDeleted
	}
	return set, err
}

// sealed returns a set that is neither deleted nor still being built.
func sealed(ctx context.Context, store SetStore, tenant graph.TenantID, id runs.ID) (BackupSet, error) {
	set, err := live(ctx, store, tenant, id)
	if err == nil && set.Status == Building {
		err = runs.Conflict("set_building", "the backup set is still being built; wait for its run")
	}
	return set, err
}

// List returns backup sets, newest first.
func (a *Archive) List(ctx context.Context, tenant graph.TenantID, actor runs.Actor, f SetFilter, page runs.PageRequest) (runs.Page[BackupSet], error) {
	none := runs.Page[BackupSet]{}
	if err := a.guard.Allow(ctx, tenant, actor, runs.ActionLook, runs.Target{Type: "backup_sets"}); err != nil {
		return none, err
	}
	slice, err := page.Slice()
	if err != nil {
		return none, err
	}
	list, err := a.store.ListSets(ctx, tenant, f, slice)
	if err != nil {
		return none, err
	}
	return runs.NewPage(list, slice.Limit, setKey), nil
}

func setKey(s BackupSet) runs.Keyset {
	return runs.Keyset{Key: strconv.FormatInt(s.CreatedAt.UnixMicro(), 10), ID: s.ID}
}

// Before returns the set that the same schedule made before this one: the newest that is whole
// or partial and not deleted. A set that was made by hand, or is the first, has none, which is
// ErrNotFound.
func (a *Archive) Before(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (BackupSet, error) {
	set, err := a.Get(ctx, tenant, actor, id)
	if err != nil {
		return BackupSet{}, err
	}
	if set.ScheduleID == "" {
		return BackupSet{}, runs.ErrNotFound
	}
	f := SetFilter{ScheduleID: set.ScheduleID, Statuses: []Status{Complete, Partial}}
	list, err := a.store.ListSets(ctx, tenant, f, runs.Slice{Limit: 1, After: setKey(set)})
	if err == nil && len(list) == 0 {
		err = runs.ErrNotFound
	}
	if err != nil {
		return BackupSet{}, err
	}
	return list[0], nil
}

// Items returns what a set holds.
func (a *Archive) Items(ctx context.Context, tenant graph.TenantID, actor runs.Actor, set runs.ID, f SetItemFilter, page runs.PageRequest) (runs.Page[Item], error) {
	none := runs.Page[Item]{}
	if _, err := a.Get(ctx, tenant, actor, set); err != nil {
		return none, err
	}
	slice, err := page.Slice()
	if err != nil {
		return none, err
	}
	list, err := a.store.ListSetItems(ctx, tenant, set, f, slice)
	if err != nil {
		return none, err
	}
	return runs.NewPage(list, slice.Limit, func(i Item) runs.Keyset { return runs.Keyset{ID: i.ID} }), nil
}

// Policies returns the tenant's inventory.
func (a *Archive) Policies(ctx context.Context, tenant graph.TenantID, actor runs.Actor, f PolicyFilter, page runs.PageRequest) (runs.Page[Policy], error) {
	none := runs.Page[Policy]{}
	if err := a.guard.Allow(ctx, tenant, actor, runs.ActionLook, runs.Target{Type: "policies"}); err != nil {
		return none, err
	}
	slice, err := page.Slice()
	if err != nil {
		return none, err
	}
	list, err := a.store.ListPolicies(ctx, tenant, f, slice)
	if err != nil {
		return none, err
	}
	return runs.NewPage(list, slice.Limit, func(p Policy) runs.Keyset { return runs.Keyset{ID: p.ID} }), nil
}

// Policy returns one row of the inventory.
func (a *Archive) Policy(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (Policy, error) {
	if err := a.look(ctx, tenant, actor, "policy", id); err != nil {
		return Policy{}, err
	}
	return a.store.GetPolicy(ctx, tenant, id)
}

// Versions returns the distinct contents of a policy, newest first.
func (a *Archive) Versions(ctx context.Context, tenant graph.TenantID, actor runs.Actor, policy runs.ID, page runs.PageRequest) (runs.Page[PolicyVersion], error) {
	none := runs.Page[PolicyVersion]{}
	if err := a.look(ctx, tenant, actor, "policy", policy); err != nil {
		return none, err
	}
	slice, err := page.Slice()
	if err != nil {
		return none, err
	}
	list, err := a.store.ListVersions(ctx, tenant, policy, slice)
	if err != nil {
		return none, err
	}
	return runs.NewPage(list, slice.Limit, func(v PolicyVersion) runs.Keyset {
		return runs.Keyset{Key: strconv.Itoa(v.Number), ID: v.ID}
	}), nil
}

// Content returns a captured policy, each raw part byte for byte as Graph sent it. It may
// hold what the customer regards as secret.
func (a *Archive) Content(ctx context.Context, tenant graph.TenantID, actor runs.Actor, version runs.ID) (graph.Policy, error) {
	if err := a.look(ctx, tenant, actor, "policy_version", version); err != nil {
		return graph.Policy{}, err
	}
	return content(ctx, a.store, tenant, version)
}

func content(ctx context.Context, store SetStore, tenant graph.TenantID, version runs.ID) (graph.Policy, error) {
	payload, err := store.Payload(ctx, tenant, version)
	if err != nil {
		return graph.Policy{}, err
	}
	return Decode(payload)
}

// each walks over all items that a set had when it was read.
func each(ctx context.Context, store SetStore, tenant graph.TenantID, set BackupSet, do func(Item) error) error {
	const page = 500
	slice := runs.Slice{Limit: page}
	for {
		items, err := store.ListSetItems(ctx, tenant, set.ID, SetItemFilter{Revision: set.Revision}, slice)
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := errors.Join(ctx.Err(), do(item)); err != nil {
				return err
			}
			slice.After = runs.Keyset{ID: item.ID}
		}
		if len(items) <= page {
			return nil
		}
	}
}
