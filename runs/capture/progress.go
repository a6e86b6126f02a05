package capture

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

func contains(types []graph.PolicyType, t graph.PolicyType) bool { return slices.Contains(types, t) }

// readPage is how many rows are read at once when an attempt looks at what is there.
const readPage = 1000

// loadCaptured reads what the run's set holds already.
func (b *backupRun) loadCaptured(ctx context.Context) error {
	slice := runs.Slice{Limit: readPage}
	for {
		items, err := b.e.cfg.Store.ListSetItems(ctx, b.a.Tenant(), b.w.set, backupset.SetItemFilter{}, slice)
		if err != nil {
			return fmt.Errorf("capture: reading what is captured: %w", err)
		}
		for _, item := range items {
			if b.have[item.Type] == nil {
				b.have[item.Type] = map[string]bool{}
			}
			if !b.have[item.Type][item.ExternalID] {
				b.account.warn(item.Warnings)
			}
			b.have[item.Type][item.ExternalID] = true
			slice.After = runs.Keyset{ID: item.ID}
		}
		if len(items) <= readPage {
			return nil
		}
	}
}

// vanished deals with policies that an earlier attempt failed to capture and that are not
// listed any more: they are gone, so nothing of them is missing.
func (b *backupRun) vanished(ctx context.Context, f *fetcher, headers []graph.Header) error {
	if b.a.Run().Attempt < 2 {
		return nil
	}
	listed := make(map[string]bool, len(headers))
	for _, h := range headers {
		listed[h.ID] = true
	}
	filter := runs.ItemFilter{PolicyType: f.t, Statuses: []runs.ItemStatus{runs.ItemFailed, runs.ItemSkipped}}
	slice := runs.Slice{Limit: readPage}
	for {
		items, err := b.e.cfg.Store.ListItems(ctx, b.a.Tenant(), b.a.Run().ID, filter, slice)
		if err != nil {
			return fmt.Errorf("capture: reading earlier outcomes: %w", err)
		}
		for _, item := range items {
			slice.After = runs.Keyset{ID: item.ID}
			if item.PolicyID == "" || listed[item.PolicyID] {
				continue
			}
			f.names[item.PolicyID] = item.Name
			f.fail(item.PolicyID, &graph.Error{Op: "list " + string(f.t), Kind: graph.KindNotFound, Err: errGone})
		}
		if len(items) <= readPage {
			return nil
		}
	}
}

var errGone = errors.New("deleted while the backup was running")
