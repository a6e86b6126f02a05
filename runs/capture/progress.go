package capture

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

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

// loadEarlier reads what earlier attempts did not capture. Claims are counted, not attempts:
// one that was given back may have left something too.
func (b *backupRun) loadEarlier(ctx context.Context) error {
	b.earlier = map[graph.PolicyType][]runs.Item{}
	if b.a.Lease().Token < 2 {
		return nil
	}
	filter := runs.ItemFilter{Statuses: []runs.ItemStatus{runs.ItemFailed, runs.ItemSkipped}}
	slice := runs.Slice{Limit: readPage}
	for {
		items, err := b.e.cfg.Store.ListItems(ctx, b.a.Tenant(), b.a.Run().ID, filter, slice)
		if err != nil {
			return fmt.Errorf("capture: reading earlier outcomes: %w", err)
		}
		for _, item := range items {
			slice.After = runs.Keyset{ID: item.ID}
			b.earlier[item.PolicyType] = append(b.earlier[item.PolicyType], item)
		}
		if len(items) <= readPage {
			return nil
		}
	}
}

// speaksForType tells whether an outcome is that of a whole type.
func speaksForType(i runs.Item) bool { return i.PolicyID == "" }

// failedEarlier returns the policies, ids with names, that earlier attempts could not capture.
func (b *backupRun) failedEarlier(t graph.PolicyType) map[string]string {
	names := map[string]string{}
	for _, item := range b.earlier[t] {
		if !speaksForType(item) && item.Status == runs.ItemFailed {
			names[item.PolicyID] = item.Name
		}
	}
	return names
}

// leftOver deals with outcomes of earlier attempts that this listing does not name, and
// returns how many they are. A policy that failed, and of which Graph says that there is none,
// is gone, so nothing of it is missing; a listing that broke off says nothing of it, and it
// stays as it was.
func (b *backupRun) leftOver(f *fetcher, l listing) (n int) {
	listed := make(map[string]bool, len(l.headers)+len(l.unread))
	for _, h := range l.headers {
		listed[h.ID] = true
	}
	for _, u := range l.unread {
		listed[u.id] = true
	}
	for _, item := range b.earlier[f.t] {
		switch {
		case listed[item.PolicyID]:
			continue
		case speaksForType(item) && l.err != nil:
			continue // it is refused again
		case speaksForType(item):
			b.w.note(b.a.NewItem(f.t, "", "", runs.ItemSkipped, item.Reason, errListedLater))
		case l.asked:
			f.names[item.PolicyID] = item.Name
			f.gone(item.PolicyID, &graph.Error{Op: "list " + string(f.t), Kind: graph.KindNotFound, Err: errGone})
		case item.Status == runs.ItemSkipped:
			f.skipped++
		default:
			f.failed++
			if item.Reason == runs.ReasonForbidden {
				f.forbidden++
			}
		}
		n++
	}
	return n
}

var (
	errGone        = errors.New("deleted while the backup was running")
	errListedLater = errors.New("a later attempt listed the type to its end")
)
