package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// block decides an item. err is set when it is what kept from finding out.
func (w *work) block(reason runs.Reason, err error) {
	w.out.Action, w.out.Reason, w.err, w.done = Blocked, reason, err, true
}

func (w *work) decided(action Action, reason runs.Reason) {
	w.out.Action, w.out.Reason, w.done = action, reason, true
}

// open returns the items of a batch that are not decided yet.
func open(batch []*work) []*work {
	return slices.DeleteFunc(slices.Clone(batch), func(w *work) bool { return w.done })
}

// decide finds the outcome of every item of a batch, which are of one type. The error ends
// the attempt.
func (l *looking) decide(ctx context.Context, batch []*work) error {
	f := batch[0].facts
	if !l.drift && f.Support != graph.Restorable {
		for _, w := range batch {
			w.decided(Skip, runs.ReasonUnsupportedType)
		}
		return nil
	}
	list, err := l.mapper.target.list(ctx, batch[0].item.Type)
	if err != nil {
		return err
	}
	live := map[string]fetched{}
	if err := l.matchOriginals(ctx, list, batch, live); err != nil {
		return err
	}
	if l.drift {
		for _, w := range open(batch) {
			if list.err != nil {
				w.block(runs.ReasonOf(list.err), list.err)
			} else {
				w.decided(Removed, "")
			}
		}
		return nil
	}
	if err := l.matchAlike(ctx, open(batch), live); err != nil {
		return err
	}
	return l.compare(ctx, open(batch))
}

// original returns the id by which to look for the very object that was captured. listed is false
// for one that a good listing lacks: a listing of which Graph left the link to its next page out
// looks whole, so what it lacks is asked for by id before it is made anew or called removed.
func (l *looking) original(list *listing, item backupset.Item) (id string, listed bool) {
	if id = l.mapper.byID(item); id != "" || !l.mapper.sameID(item.ExternalID) || list.err != nil {
		return id, true
	}
	return item.ExternalID, false
}

// matchOriginals applies the first rule of matching, and decides what is as it was captured.
func (l *looking) matchOriginals(ctx context.Context, list *listing, batch []*work, live map[string]fetched) error {
	var ids []string
	for _, w := range batch {
		if id, _ := l.original(list, w.item); id != "" {
			ids = append(ids, id)
		}
	}
	if err := l.mapper.target.fetch(ctx, batch[0].item.Type, ids, live); err != nil {
		return err
	}
	return l.each(ctx, batch, func(w *work) error {
		id, listed := l.original(list, w.item)
		got, ok := live[id]
		switch {
		case id == "" || !ok:
		case !listed && got.err != nil: // the listing counts, whatever Graph calls an id that there is not
		case graph.KindOf(got.err) == graph.KindNotFound: // deleted since it was listed
		case got.err != nil:
			w.block(runs.ReasonOf(got.err), got.err)
		default:
			l.takeLive(w, got.policy)
		}
		if l.drift && w.live == nil || w.done {
			return nil
		}
		if err := l.takeCaptured(ctx, w); err != nil || w.done {
			return err
		}
		switch {
		case l.drift:
			return l.differ(w, w.captured.policy, w.live.policy)
		case w.live != nil && !sameKind(*w.live, *w.captured):
			w.live, w.out.LiveHash = nil, backupset.Hash{}
			w.out.TargetID, w.out.TargetName = "", ""
		}
		return nil
	})
}

// takeLive notes the object that an item was matched with, and decides the item when that is
// as it was captured.
func (l *looking) takeLive(w *work, p *graph.Policy) {
	hash, err := l.canon.Hash(p)
	if err != nil {
		w.block(runs.ReasonInvalidPayload, err)
		return
	}
	w.out.TargetID, w.out.TargetName, w.out.LiveHash = p.ID, p.Name, hash
	if hash == w.item.Hash {
		w.same()
		return
	}
	s, err := l.sidesOf(p)
	if err != nil { // the hash was made of the same form
		w.block(runs.ReasonInvalidPayload, err)
		return
	}
	w.live = &s
}

// takeCaptured reads what was captured. Content that is damaged concerns this item only.
func (l *looking) takeCaptured(ctx context.Context, w *work) error {
	p, err := l.engine.captured(ctx, l.mapper.source.tenant, w.item.VersionID)
	switch {
	case errors.Is(err, backupset.ErrDamaged), errors.Is(err, runs.ErrNotFound):
		w.block(runs.ReasonInvalidPayload, fmt.Errorf("restore: what was captured cannot be read: %w", err))
		return nil
	case err != nil:
		return fmt.Errorf("restore: reading a captured policy: %w", err)
	}
	read := func(p *graph.Policy) (sides, error) { return l.toRestore(w.facts, p) }
	if l.drift { // only compared
		read = l.sidesOf
	}
	s, err := read(&p)
	if err != nil {
		w.block(runs.ReasonInvalidPayload, err)
		return nil
	}
	w.captured = &s
	return nil
}

// same decides an item whose live object is what was captured.
func (w *work) same() {
	w.decided(Unchanged, "")
	if slices.Contains(w.item.Warnings, codeSecretsMasked) {
		w.out.Warnings = []Warning{{Code: codeSecretsMasked, Detail: "the backup does not hold the secrets of this policy"}}
	}
}

// differ decides an item of a drift report.
func (l *looking) differ(w *work, before, after *graph.Policy) error {
	diff, err := l.canon.Diff(before, after)
	switch {
	case err != nil:
		w.block(runs.ReasonInvalidPayload, err)
	case len(diff) == 0:
		w.same()
	default:
		w.out.Diff = diff
		w.decided(Change, "")
	}
	return nil
}

// matchAlike applies the other rules of matching to the items without an original.
func (l *looking) matchAlike(ctx context.Context, batch []*work, live map[string]fetched) error {
	var ids []string
	for _, w := range batch {
		if w.live == nil {
			ids = append(ids, l.mapper.alike(w.facts, w.item, *w.captured)...)
		}
	}
	if len(batch) > 0 {
		if err := l.mapper.target.fetch(ctx, batch[0].item.Type, ids, live); err != nil {
			return err
		}
	}
	return l.each(ctx, batch, func(w *work) error {
		if w.live != nil {
			return nil
		}
		m := l.choose(ctx, l.mapper, w.facts, w.item, *w.captured, live)
		switch {
		case runs.EndsAttempt(ctx, m.err):
			return m.err
		case m.reason != "":
			w.block(m.reason, m.err)
		case m.live != nil:
			l.takeLive(w, m.live.policy)
		}
		return nil
	})
}

// compare decides what a restore would do with matched items, and with those that are made.
func (l *looking) compare(ctx context.Context, batch []*work) error {
	err := l.each(ctx, batch, func(w *work) error {
		w.refs = referencesOf(w.facts, *w.captured, l.mapper.options)
		return nil
	})
	if err != nil {
		return err
	}
	var refs []reference
	for _, w := range batch {
		refs = append(refs, w.refs...)
	}
	if err := l.mapper.prepare(ctx, refs); err != nil {
		return err
	}
	return l.each(ctx, open(batch), l.compareOne)
}

// prepare asks the target for everything that references of policies are mapped with.
func (m *mapper) prepare(ctx context.Context, refs []reference) error {
	for _, t := range typesOf(refs) {
		if _, err := m.target.list(ctx, t); err != nil {
			return err
		}
	}
	var directory []graph.Reference
	for _, r := range refs {
		if r.t == "" && !literal(r) {
			directory = append(directory, r.directory())
		}
	}
	return m.target.lookUp(ctx, directory)
}

func (l *looking) compareOne(w *work) error {
	o := l.mapper.options
	wish := wish{info: w.facts, captured: *w.captured, live: w.live, warnings: w.item.Warnings, refs: l.mapper.find, options: o}
	d := desire(wish)
	w.out.Warnings = d.warnings
	if w.live == nil {
		l.makeOne(w, &d)
		return nil
	}
	diff, err := l.canon.Diff(d.live, &d.policy)
	w.out.Diff = diff
	_, begun := slices.BinarySearch(l.unfinished, w.item.ID)
	switch {
	case err != nil:
		w.block(runs.ReasonInvalidPayload, err)
	case len(diff) == 0:
		w.decided(Unchanged, "")
	case w.facts.builtIn(w.captured.canon):
		w.decided(Skip, runs.ReasonBuiltinObject)
	case o.Existing == Overwrite, begun:
		w.finish(Change, d.reason)
	case o.Existing == CreateCopy:
		wish.live, wish.copied = nil, true
		d = desire(wish)
		w.out.Warnings = d.warnings
		l.makeOne(w, &d)
	default:
		w.decided(Skip, runs.ReasonExists)
	}
	return nil
}

// makeOne decides an item whose object is to be made.
func (l *looking) makeOne(w *work, d *desired) {
	list := l.mapper.target.listings[w.item.Type]
	_, taken := list.byID[w.item.ExternalID]
	switch {
	case w.facts.builtIn(w.captured.canon):
		w.decided(Skip, runs.ReasonBuiltinObject)
		return
	case w.facts.isDefault(w.captured.canon):
		w.block(runs.ReasonBuiltinObject, nil) // every tenant has one; none can be made
		return
	case w.facts.keepsID && taken:
		d.block(runs.ReasonConflict)
		d.warn(codeNameTaken, "the target has another object of this id, which the policy would replace")
	case w.live != nil && len(list.byName[normalised(d.policy.Name)]) > 0:
		d.block(runs.ReasonConflict)
		d.warn(codeNameTaken, "the target has an object of the copy's name; choose another suffix")
	}
	w.out.Warnings = d.warnings
	w.finish(Create, d.reason)
}

// finish decides an item unless something stands in the way.
func (w *work) finish(action Action, reason runs.Reason) {
	if reason != "" {
		w.block(reason, nil)
		return
	}
	w.decided(action, "")
}

// each does something with every item of a batch that is not decided, several at once. What
// goes wrong with one that is no reason to end the attempt blocks it alone.
func (l *looking) each(ctx context.Context, batch []*work, do func(*work) error) error {
	for i, err := range l.spread(len(batch), func(i int) error { return do(batch[i]) }) {
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return err
		case errors.Is(err, errPanicked):
			batch[i].block(runs.ReasonInternal, err)
		default:
			return err
		}
	}
	return nil
}
