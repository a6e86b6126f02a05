package restore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Source is where the sets to restore are read from; every [backupset.SetStore] is one.
type Source interface {
	// GetSet returns a set, deleted or not, or ErrNotFound.
	GetSet(ctx context.Context, tenant graph.TenantID, id runs.ID) (backupset.BackupSet, error)

	// ListSetItems returns items of a set ordered by ID, one row more than the limit when
	// there are more.
	ListSetItems(ctx context.Context, tenant graph.TenantID, set runs.ID, filter backupset.SetItemFilter, slice runs.Slice) ([]backupset.Item, error)

	// Payload returns the stored bytes of a version.
	Payload(ctx context.Context, tenant graph.TenantID, version runs.ID) ([]byte, error)
}

// engine is what previews and restores share: how policies are read and compared.
type engine struct {
	source   Source
	canon    *backupset.Canonicalizer
	facts    map[graph.PolicyType]*facts
	parallel int
}

func newEngine(source Source, c *graph.Catalogue, parallel int) *engine {
	return &engine{source: source, canon: backupset.NewCanonicalizer(c), facts: factsOf(c), parallel: parallel}
}

// factsFor returns the facts about a type, also about one that the catalogue does not know.
func (e *engine) factsFor(t graph.PolicyType) *facts {
	if f, ok := e.facts[t]; ok {
		return f
	}
	return &facts{TypeInfo: graph.TypeInfo{Key: t, Support: graph.ReportOnly}}
}

// captured reads a policy of a set.
func (e *engine) captured(ctx context.Context, tenant graph.TenantID, version runs.ID) (graph.Policy, error) {
	payload, err := e.source.Payload(ctx, tenant, version)
	if err != nil {
		return graph.Policy{}, err
	}
	return backupset.Decode(payload)
}

// eachItem walks over the items that a set had at a revision.
func (e *engine) eachItem(ctx context.Context, tenant graph.TenantID, set runs.ID, revision int, do func(backupset.Item)) error {
	const page = 1000
	slice := runs.Slice{Limit: page}
	for {
		items, err := e.source.ListSetItems(ctx, tenant, set, backupset.SetItemFilter{Revision: revision}, slice)
		if err != nil {
			return fmt.Errorf("restore: reading the backup set: %w", err)
		}
		for _, item := range items[:min(page, len(items))] {
			do(item)
			slice.After = runs.Keyset{ID: item.ID}
		}
		if len(items) <= page {
			return nil
		}
	}
}

// spread calls do for 0 to n-1, several at once. A panic becomes that item's error: in a
// goroutine of its own it would end the process. The value may hold anything, so only its
// type is kept.
func (e *engine) spread(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for first := range min(e.parallel, n) {
		wg.Go(func() {
			for i := first; i < n; i += e.parallel {
				errs[i] = caught(func() error { return do(i) })
			}
		})
	}
	wg.Wait()
	return errs
}

var errPanicked = errors.New("restore: panicked")

func caught(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w with a %T", errPanicked, p)
		}
	}()
	return do()
}
