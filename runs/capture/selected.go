package capture

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// unknownType stands for the type of a policy that the inventory does not have.
const unknownType = graph.PolicyType("unknown")

// selected is one attempt to capture policies that were selected one by one. Every one of
// them ends with one outcome, whatever became of the others.
type selected struct {
	e       *Executor
	a       *runs.Attempt
	w       *writer
	account *account

	adds  bool               // to a set that is there; else what was selected is the set
	inSet map[runs.ID]bool   // inventory ids of what the set holds
	own   map[policyKey]bool // captured by earlier attempts of this run
}

type policyKey struct {
	t  graph.PolicyType
	id string
}

func (e *Executor) newSelected(ctx context.Context, a *runs.Attempt, set runs.ID) (*selected, error) {
	s := &selected{e: e, a: a, account: &account{}, inSet: map[runs.ID]bool{}, own: map[policyKey]bool{}}
	s.w = &writer{e: e, a: a, set: set}
	slice := runs.Slice{Limit: readPage}
	for {
		items, err := e.cfg.Store.ListSetItems(ctx, a.Tenant(), set, backupset.SetItemFilter{}, slice)
		if err != nil {
			return nil, fmt.Errorf("capture: reading what is captured: %w", err)
		}
		for _, item := range items {
			s.inSet[item.PolicyID] = true
			slice.After = runs.Keyset{ID: item.ID}
		}
		if len(items) <= readPage {
			break
		}
	}
	filter := runs.ItemFilter{Statuses: []runs.ItemStatus{runs.ItemSuccess}}
	for slice = (runs.Slice{Limit: readPage}); ; {
		items, err := e.cfg.Store.ListItems(ctx, a.Tenant(), a.Run().ID, filter, slice)
		if err != nil {
			return nil, fmt.Errorf("capture: reading earlier outcomes: %w", err)
		}
		for _, item := range items {
			s.own[policyKey{item.PolicyType, item.PolicyID}] = true
			slice.After = runs.Keyset{ID: item.ID}
		}
		if len(items) <= readPage {
			return s, nil
		}
	}
}

// capture captures the policies and returns the account of each type, in the order of the
// types' keys.
func (s *selected) capture(ctx context.Context, ids []runs.ID) ([]backupset.Manifest, error) {
	if err := s.a.SaveItems(ctx, nil, len(ids)); err != nil {
		return nil, err
	}
	byType := map[graph.PolicyType]*picked{}
	for _, id := range ids {
		if err := s.sort(ctx, id, byType); err != nil {
			return nil, err
		}
	}
	if err := s.w.flush(ctx); err != nil { // the outcomes that need no call
		return nil, err
	}
	var list []backupset.Manifest
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		m, err := s.captureType(ctx, t, byType[t])
		if err != nil {
			return nil, errors.Join(err, s.w.wait())
		}
		list = append(list, m)
	}
	return list, s.w.wait()
}

// picked is the selection of one type.
type picked struct {
	headers []graph.Header
	own     int // captured by an earlier attempt
	inSet   int // in the set already
	failed  int // without a call
}

// sort finds out what a selected policy is, and notes its outcome when that is clear.
func (s *selected) sort(ctx context.Context, id runs.ID, byType map[graph.PolicyType]*picked) error {
	p, err := s.e.cfg.Store.GetPolicy(ctx, s.a.Tenant(), id)
	switch {
	case errors.Is(err, runs.ErrNotFound):
		p = backupset.Policy{Type: unknownType, ExternalID: string(id)}
	case err != nil:
		return fmt.Errorf("capture: reading the inventory: %w", err)
	}
	of := byType[p.Type]
	if of == nil {
		of = &picked{}
		byType[p.Type] = of
	}
	info, known := s.e.cfg.Catalogue.Lookup(p.Type)
	switch {
	case s.own[policyKey{p.Type, p.ExternalID}]:
		of.own++
	case s.inSet[id]:
		of.inSet++
		s.w.note(s.a.NewItem(p.Type, p.ExternalID, p.Name, runs.ItemSkipped, runs.ReasonAlreadyInSet, nil))
	case p.Type == unknownType:
		of.failed++
		s.w.note(s.a.NewItem(p.Type, p.ExternalID, "", runs.ItemFailed, runs.ReasonNotFound, errNotInInventory))
	case !known || !info.Capturable():
		of.failed++
		s.w.note(s.a.NewItem(p.Type, p.ExternalID, p.Name, runs.ItemFailed, runs.ReasonUnsupportedType, errNotCapturable))
	default:
		of.headers = append(of.headers, graph.Header{ID: p.ExternalID, Name: p.Name})
	}
	return nil
}

var (
	errNotInInventory = errors.New("the tenant's inventory has no such policy")
	errNotCapturable  = errors.New("policies of this type cannot be captured by this installation")
)

func (s *selected) captureType(ctx context.Context, t graph.PolicyType, of *picked) (backupset.Manifest, error) {
	f := &fetcher{e: s.e, a: s.a, w: s.w, t: t, names: map[string]string{}, account: s.account, all: true}
	if err := f.fetch(ctx, of.headers); err != nil {
		return backupset.Manifest{}, err
	}
	unreadable := len(s.w.failed)
	s.w.failed = nil
	m := backupset.Manifest{
		Type: t, Captured: of.own + f.added - unreadable, Failed: of.failed + f.failed + unreadable, Skipped: f.skipped,
		Listed: of.own + of.inSet + of.failed + len(of.headers), Complete: true,
	}
	if s.adds {
		m.Skipped += of.inSet
	} else {
		m.Captured += of.inSet // by the run that is retried
		m.Forbidden = f.forbidden > 0
	}
	return m, nil
}

// addPolicies puts selected policies into a manual set.
func (e *Executor) addPolicies(ctx context.Context, a *runs.Attempt) error {
	params, err := decodeParams[AddPoliciesParams](a)
	if err != nil {
		return err
	}
	id := a.Run().Target.ID
	set, err := e.cfg.Store.GetSet(ctx, a.Tenant(), id)
	switch {
	case errors.Is(err, runs.ErrNotFound), err == nil && (set.Deleted() || set.ScheduleID != "" || set.Status == backupset.Building):
		a.Finish(runs.Result{Status: runs.StatusFailed, Code: runs.CodeSetUnavailable, Message: "the backup set takes no policies any more"})
		return nil
	case err != nil:
		return fmt.Errorf("capture: reading the backup set: %w", err)
	}
	s, err := e.newSelected(ctx, a, id)
	if err != nil {
		return err
	}
	s.adds = true
	if s.account.manifests, err = s.capture(ctx, params.PolicyIDs); err != nil {
		return err
	}
	sum := s.account.summary()
	a.Finish(runs.Result{ // its status is that of its items
		Summary: sum, Action: "backup_set.extended", Details: audited(set.Name, sum),
	})
	return nil
}

// createSet fills the manual set that was made with the run.
func (e *Executor) createSet(ctx context.Context, a *runs.Attempt) error {
	params, err := decodeParams[CreateSetParams](a)
	if err != nil {
		return err
	}
	if len(params.PolicyIDs) > 0 {
		return e.createOf(ctx, a, params)
	}
	types := params.PolicyTypes
	if params.Everything {
		types = everything(e.cfg.Catalogue)
	}
	return e.backupTypes(ctx, a, runs.BackupParams{Name: params.Name, PolicyTypes: types, IncludeFoundations: params.IncludeFoundations})
}

// everything returns all types that can be captured.
func everything(c *graph.Catalogue) (types []graph.PolicyType) {
	for _, info := range c.All() {
		if info.Capturable() {
			types = append(types, info.Key)
		}
	}
	return types
}

// createOf fills a set with selected policies, and their foundations when asked for.
func (e *Executor) createOf(ctx context.Context, a *runs.Attempt, params CreateSetParams) error {
	id := a.Run().BackupSetID
	set, err := e.cfg.Store.GetSet(ctx, a.Tenant(), id)
	if err != nil {
		return fmt.Errorf("capture: reading the run's backup set: %w", err)
	}
	if set.Status != backupset.Building { // an earlier attempt died between sealing the set and ending the run
		a.Finish((&account{manifests: set.Types}).result())
		return nil
	}
	if err := e.seedSelected(ctx, a, id); err != nil {
		return err
	}
	s, err := e.newSelected(ctx, a, id)
	if err != nil {
		return err
	}
	b := &backupRun{e: e, a: a, account: s.account, w: s.w, name: set.Name, have: map[graph.PolicyType]map[string]bool{}}
	defer b.w.wait()
	if b.unsaved, err = s.capture(ctx, params.PolicyIDs); err != nil {
		return err
	}
	s.account.manifests = b.unsaved
	if err := b.saveManifests(ctx); err != nil {
		return err
	}
	return b.finish(ctx)
}

// seedSelected copies what the retried run captured.
func (e *Executor) seedSelected(ctx context.Context, a *runs.Attempt, set runs.ID) error {
	from, ok, err := e.retriedSet(ctx, a)
	if err != nil || !ok {
		return err
	}
	var types []graph.PolicyType
	for _, m := range from.Types {
		types = append(types, m.Type)
	}
	if _, err := e.cfg.Store.CopyItems(ctx, a.Tenant(), a.Lease(), from.ID, set, types); err != nil {
		return fmt.Errorf("capture: taking over what the retried run captured: %w", err)
	}
	return nil
}
