package restore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// looking is one attempt of a preview or a drift report.
type looking struct {
	*engine
	p      *Previewer
	a      *runs.Attempt
	set    backupset.BackupSet
	drift  bool
	mapper *mapper

	unfinished []runs.ID // items that an earlier restore has begun, sorted

	work  []*work // in the order of restore
	total int     // items, with those that an earlier attempt has saved
	added int     // live policies that the set does not have, found so far
	saved map[key]bool
}

// work is one item and what is found out about it.
type work struct {
	facts *facts
	item  backupset.Item
	out   PreviewItem
	done  bool // out is decided

	captured *sides
	live     *sides // the object that it was matched with, nil for none
	refs     []reference

	err error // what kept from finding out; out says that it is blocked
}

// look does one attempt. Items that an earlier one has saved are not looked at again.
func (p *Previewer) look(ctx context.Context, a *runs.Attempt, params PreviewParams) error {
	params.Options = params.Options.withDefaults()
	if params.SourceTenant == "" {
		params.SourceTenant = a.Tenant()
	}
	run := a.Run()
	set, err := p.cfg.Source.GetSet(ctx, params.SourceTenant, run.Target.ID)
	if err != nil {
		return fmt.Errorf("restore: reading the backup set: %w", err)
	}
	preview := Preview{
		RunID: run.ID, TenantID: a.Tenant(), Kind: run.Kind, SourceTenant: params.SourceTenant, SetID: set.ID,
		SetRevision: cmp.Or(params.SetRevision, set.Revision), CreatedAt: a.Now(),
	}
	if run.Kind == runs.KindRestorePreview {
		preview.Options = params.Options
	}
	preview, err = p.cfg.Store.OpenPreview(ctx, a.Tenant(), a.Lease(), preview)
	if err != nil {
		return fmt.Errorf("restore: opening the preview: %w", err)
	}
	if preview.ReadyAt.IsZero() {
		l := &looking{engine: p.engine, p: p, a: a, set: set, drift: run.Kind == runs.KindDriftReport, unfinished: slices.Sorted(slices.Values(params.Unfinished)), saved: map[key]bool{}}
		if err := l.begin(ctx, preview, params); err != nil {
			return err
		}
		if err := l.all(ctx, len(params.ItemIDs) == 0); err != nil {
			return err
		}
		if preview, err = p.cfg.Store.ReadyPreview(ctx, a.Tenant(), a.Lease()); err != nil {
			return fmt.Errorf("restore: closing the preview: %w", err)
		}
	}
	a.Finish(runs.Result{Summary: Summary{SetRevision: preview.SetRevision, Totals: preview.Totals}})
	return nil
}

// Summary is what a preview or drift report leaves in [runs.Run.Summary].
type Summary struct {
	SetRevision int            `json:"set_revision"`
	Totals      map[Action]int `json:"totals"`
}

// begin reads what is to be looked at and what an earlier attempt has found.
func (l *looking) begin(ctx context.Context, preview Preview, params PreviewParams) error {
	ids, cfg, source := params.ItemIDs, l.p.cfg, newSourceSet(preview.SourceTenant, params.Origin)
	target := newTarget(cfg.Reader, l.a.Tenant(), cfg.Catalogue, cfg.FetchSize, l.a.Check)
	l.mapper = &mapper{source: source, target: target, options: preview.Options, outcomes: map[key]outcome{}}
	var err error
	if l.mapper.history, err = historyOf(ctx, cfg.Store, l.a.Tenant(), ""); err != nil {
		return err
	}
	wanted := map[runs.ID]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	err = l.eachItem(ctx, source.tenant, l.set.ID, preview.SetRevision, func(item backupset.Item) {
		selected := len(ids) == 0 || wanted[item.ID]
		source.add(item, selected)
		if selected {
			l.work = append(l.work, &work{facts: l.factsFor(item.Type), item: item})
		}
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(l.work, func(x, y *work) int {
		return cmp.Or(cmp.Compare(x.facts.RestoreOrder, y.facts.RestoreOrder), cmp.Compare(x.item.ID, y.item.ID))
	})
	for i, w := range l.work {
		w.out = PreviewItem{
			PreviewID: preview.RunID, ItemID: w.item.ID, Position: i, Type: w.item.Type,
			ExternalID: w.item.ExternalID, Name: w.item.Name, VersionID: w.item.VersionID,
		}
	}
	l.total = len(l.work)
	if err := l.resume(ctx, preview.RunID); err != nil {
		return err
	}
	return l.a.SaveItems(ctx, nil, l.total)
}

// resume takes over what an earlier attempt has saved.
func (l *looking) resume(ctx context.Context, preview runs.ID) error {
	err := eachPreviewItem(ctx, l.p.cfg.Store, l.a.Tenant(), preview, Filter{}, func(item PreviewItem) {
		k := key{item.Type, item.ExternalID}
		l.saved[k] = true
		l.mapper.outcomes[k] = outcome{item.Action, item.TargetID}
		if item.Action == Added {
			l.added++
			l.total++
		}
	})
	if err != nil {
		return fmt.Errorf("restore: reading what an earlier attempt found: %w", err)
	}
	l.work = slices.DeleteFunc(l.work, func(w *work) bool { return l.saved[key{w.item.Type, w.item.ExternalID}] })
	return nil
}

// all goes through the items, some of one type at a time: what others refer to is decided
// before them.
func (l *looking) all(ctx context.Context, whole bool) error {
	for len(l.work) > 0 {
		n := 1
		for n < min(len(l.work), l.p.cfg.SaveSize) && l.work[n].item.Type == l.work[0].item.Type {
			n++
		}
		batch := l.work[:n]
		if err := l.a.Check(ctx); err != nil {
			return err
		}
		if err := l.decide(ctx, batch); err != nil {
			return err
		}
		if err := l.save(ctx, batch); err != nil {
			return err
		}
		clear(batch) // payloads of thousands of policies are not kept
		l.work = l.work[n:]
	}
	if l.drift && whole {
		return l.findAdded(ctx)
	}
	return nil
}

// save stores what was found about a batch.
func (l *looking) save(ctx context.Context, batch []*work) error {
	outcomes, items := make([]PreviewItem, len(batch)), make([]runs.Item, len(batch))
	for i, w := range batch {
		outcomes[i] = w.out
		status, reason := runs.ItemSuccess, runs.Reason("")
		if w.err != nil {
			status, reason = runs.ItemFailed, w.out.Reason
		}
		items[i] = l.a.NewItem(w.item.Type, w.item.ExternalID, w.item.Name, status, reason, w.err)
		items[i].BackupItemID = w.item.ID
		l.mapper.outcomes[key{w.item.Type, w.item.ExternalID}] = outcome{w.out.Action, w.out.TargetID}
	}
	if err := l.p.cfg.Store.SavePreviewItems(ctx, l.a.Tenant(), l.a.Lease(), outcomes, items); err != nil {
		return fmt.Errorf("restore: storing the preview: %w", err)
	}
	return nil
}

// findAdded reports the live policies that the set does not have, of the types whose capture
// and whose listing both are whole.
func (l *looking) findAdded(ctx context.Context) error {
	position := len(l.mapper.source.items) + l.added
	for _, m := range l.set.Types {
		if !m.Exhaustive() {
			continue
		}
		list, err := l.mapper.target.list(ctx, m.Type)
		if err != nil {
			return err
		}
		if list.err != nil {
			continue
		}
		var batch []*work
		for _, id := range list.order {
			k := key{m.Type, id}
			if _, inSet := l.mapper.source.items[k]; inSet || l.saved[k] {
				continue
			}
			if _, restored := l.mapper.holder(k); restored {
				continue
			}
			h := list.byID[id]
			batch = append(batch, &work{
				item: backupset.Item{Type: m.Type, ExternalID: id, Name: h.Name},
				out: PreviewItem{
					PreviewID: l.a.Run().ID, ItemID: l.a.NewID(), Position: position, Type: m.Type, ExternalID: id,
					Name: h.Name, Action: Added, TargetID: id, TargetName: h.Name,
				},
			})
			position++
		}
		if l.total += len(batch); len(batch) > 0 {
			if err := l.a.SaveItems(ctx, nil, l.total); err != nil {
				return err
			}
		}
		for part := range slices.Chunk(batch, l.p.cfg.SaveSize) {
			if err := l.a.Check(ctx); err != nil {
				return err
			}
			if err := l.save(ctx, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// typesOf returns the types that references belong to.
func typesOf(refs []reference) []graph.PolicyType {
	types := map[graph.PolicyType]bool{}
	for _, r := range refs {
		if r.t != "" && !literal(r) {
			types[r.t] = true
		}
	}
	return slices.Sorted(maps.Keys(types))
}
