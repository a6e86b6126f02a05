package restore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// An object that a restore makes has another id than the one that was captured. What restores
// noted tells that they are the same policy, so that drift does not call one added and the
// other removed, and a second restore does not go by its name.

// RunLister is what finds earlier restores; [runs.RunStore] has it.
type RunLister interface {
	// ListRuns returns runs, newest first by (CreatedAt, ID), one row more than the limit
	// when there are more.
	ListRuns(ctx context.Context, tenant graph.TenantID, filter runs.RunFilter, slice runs.Slice) ([]runs.Run, error)
}

// HistoryStore is a [Store] that also knows the runs that used it.
type HistoryStore interface {
	Store
	RunLister
}

// maxHistory is how many restores into a tenant are looked at, the newest.
const maxHistory = 200

// origin is an object as it was captured, in the tenant that it is of.
type origin struct {
	tenant graph.TenantID
	key
}

// history is what became of captured objects in a tenant, by what restores noted.
type history struct {
	tenant graph.TenantID
	made   map[origin][]string // the objects that stand for it, the newest first
	of     map[key]origin      // what an object stands for
}

// historyOf reads what earlier restores into a tenant noted, but for one run's.
func historyOf(ctx context.Context, store HistoryStore, tenant graph.TenantID, but runs.ID) (*history, error) {
	h := &history{tenant: tenant, made: map[origin][]string{}, of: map[key]origin{}}
	list, err := store.ListRuns(ctx, tenant, runs.RunFilter{Kinds: []runs.Kind{runs.KindRestoreExecute}}, runs.Slice{Limit: maxHistory})
	if err != nil {
		return nil, fmt.Errorf("restore: looking for earlier restores: %w", err)
	}
	for _, run := range list[:min(len(list), maxHistory)] {
		if run.ID == but {
			continue
		}
		if err := h.read(ctx, store, run); err != nil {
			return nil, fmt.Errorf("restore: reading what an earlier restore did: %w", err)
		}
	}
	return h, nil
}

// read takes over what one restore noted. What was purged with its set is not known any more.
func (h *history) read(ctx context.Context, store HistoryStore, run runs.Run) error {
	var params ExecuteParams
	if json.Unmarshal(run.Params, &params) != nil || !params.PreviewRunID.Valid() {
		return nil
	}
	preview, err := store.GetPreview(ctx, h.tenant, params.PreviewRunID)
	if errors.Is(err, runs.ErrNotFound) || err == nil && preview.RestoreRunID != run.ID {
		return nil
	}
	if err != nil {
		return err
	}
	copies := map[runs.ID]bool{} // stand beside the original, not for it
	if preview.Options.Existing == CreateCopy {
		err := eachPreviewItem(ctx, store, h.tenant, preview.RunID, Filter{Actions: []Action{Create}}, func(item PreviewItem) {
			copies[item.ItemID] = item.TargetID != ""
		})
		if err != nil {
			return err
		}
	}
	const page = 1000
	for slice := (runs.Slice{Limit: page}); ; {
		steps, err := store.ListSteps(ctx, h.tenant, run.ID, slice)
		if err != nil {
			return err
		}
		for _, s := range steps[:min(page, len(steps))] {
			slice.After = runs.Keyset{ID: s.ItemID}
			// A file's GUID that is an object's here is that very object, which stands for itself.
			itself := params.Origin != "" && s.SourceID == s.TargetID && isGUID(s.TargetID)
			if !copies[s.ItemID] && !itself {
				h.note(origin{cmp.Or(params.Origin, preview.SourceTenant), key{s.Type, s.SourceID}}, s.TargetID)
			}
		}
		if len(steps) <= page {
			return nil
		}
	}
}

// note keeps that an object stands for a captured one. A later restore knows better.
func (h *history) note(from origin, target string) {
	to := key{from.t, target}
	if _, known := h.of[to]; target == "" || known || from.tenant == h.tenant && from.id == target {
		return
	}
	h.of[to] = from
	h.made[from] = append(h.made[from], target)
}

// restored returns the live object that stands for a captured one, "" for none: the newest, or
// what stands for one that was made and is gone. An object that is itself in the set is that
// item's.
func (m *mapper) restored(k key) string {
	if m.history == nil {
		return ""
	}
	seen := map[origin]bool{}
	var find func(origin) string
	find = func(from origin) string {
		if seen[from] {
			return ""
		}
		seen[from] = true
		for _, id := range m.history.made[from] {
			at := key{k.t, id}
			if _, own := m.source.items[at]; own && m.sameID(id) {
				continue
			}
			if _, live := m.target.listings[k.t].byID[id]; live {
				return id
			}
			if id := find(origin{m.history.tenant, at}); id != "" {
				return id
			}
		}
		return ""
	}
	if id := find(origin{m.source.origin, k}); id != "" || !m.sameID(k.id) {
		return id
	}
	return find(origin{m.history.tenant, k}) // which a file may hold without saying so
}

// holder returns the item of the set that a live object stands for.
func (m *mapper) holder(live key) (backupset.Item, bool) {
	if m.history == nil {
		return backupset.Item{}, false
	}
	seen := map[key]bool{}
	for at := live; !seen[at]; {
		seen[at] = true
		from, known := m.history.of[at]
		if !known {
			break
		}
		if item, ok := m.source.items[from.key]; ok && (from.tenant == m.source.origin || from.tenant == m.history.tenant && m.sameID(from.id)) {
			return item, m.byID(item) == live.id
		}
		if from.tenant != m.history.tenant {
			break
		}
		at = from.key
	}
	return backupset.Item{}, false
}
