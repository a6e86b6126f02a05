package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Making an object cannot be repeated: Graph takes two of one name. So that one is never made
// twice, the intention is stored before each, and an intention whose object is not known is
// looked for:
//
//   - The one object that is what the policy shall be, and that was not there before, is it.
//   - None: after [RestorerConfig] Visibility it is made again, unless Graph was told to and
//     the answer was lost. Then a person has to look.
//   - Several, or one that is like it and not the same: a person has to look.

// create makes the object of an item.
func (w *restoring) create(ctx context.Context, j *job) error {
	d, fresh, ok := w.toMake(j)
	if !ok {
		return nil
	}
	if free, err := w.free(ctx, j, &d); err != nil || !free {
		return err
	}
	j.step.BegunAt = w.a.Now()
	w.advance(j)
	if err := w.flush(ctx); err != nil {
		return err
	}
	id, err := w.r.cfg.Client.Create(ctx, w.a.Tenant(), j.item.Type, d.createBody())
	if err == nil && id == "" {
		err = &graph.Error{Op: "create " + string(j.item.Type), Kind: graph.KindAmbiguous, Err: errNoID}
	}
	switch {
	case err == nil:
		j.step.TargetID = id
		w.wrote(j)
		return nil
	case id == "":
		return w.notMade(ctx, j, fresh, err)
	}
	j.step.TargetID = id
	w.advance(j)
	w.remember(j)
	if err := w.flush(ctx); err != nil {
		return err
	}
	return w.complete(ctx, j)
}

// toMake decides what an object that is made shall be. It ends or puts off the item when that
// may not be written.
func (w *restoring) toMake(j *job) (d desired, fresh time.Time, ok bool) {
	d, fresh, err := w.desired(j, nil)
	if err != nil {
		w.fail(j, runs.ReasonInternal, err)
		return d, fresh, false
	}
	return d, fresh, w.ready(j, &d)
}

// complete writes an object whose making was answered with an id and an error: it exists, and
// some of it is missing.
func (w *restoring) complete(ctx context.Context, j *job) error {
	d, fresh, ok := w.toMake(j)
	if !ok {
		return nil
	}
	body, err := d.completeBody(j.facts)
	if err != nil {
		w.fail(j, runs.ReasonInternal, err)
		return nil
	}
	err = w.repeat(ctx, func() error {
		return w.r.cfg.Client.Update(ctx, w.a.Tenant(), j.item.Type, j.step.TargetID, body)
	})
	if graph.KindOf(err) == graph.KindNotFound && j.step.BegunAt.After(fresh) { // not shown yet, perhaps
		fresh = j.step.BegunAt
	}
	if err != nil {
		return w.refused(ctx, j, fresh, fmt.Errorf("the object was made and is not complete: %w", err))
	}
	w.wrote(j)
	return nil
}

var errNoID = errors.New("restore: Graph's client made an object and did not say which")

// free tells whether nothing like the object is there, as the preview said, and ends the item
// if not.
func (w *restoring) free(ctx context.Context, j *job, d *desired) (bool, error) {
	l, err := w.lookAround(ctx, j.item.Type)
	if err != nil {
		return false, err
	}
	if l.err != nil {
		w.fail(j, runs.ReasonOf(l.err), l.err)
		return false, nil
	}
	taken := false
	if j.facts.keepsID {
		_, taken = l.byID[j.item.ExternalID]
	}
	switch names := l.byName[normalised(d.policy.Name)]; {
	case taken, j.copied() && len(names) > 0:
		taken = true
	case len(names) > 0:
		live := map[string]fetched{}
		if err := w.read(ctx, j.item.Type, w.mapper.alike(j.facts, j.item, *j.captured), live); err != nil {
			return false, err
		}
		m := w.choose(ctx, w.mapper, j.facts, j.item, *j.captured, live)
		if runs.EndsAttempt(ctx, m.err) {
			return false, m.err
		}
		if m.err != nil {
			w.fail(j, m.reason, m.err)
			return false, nil
		}
		taken = m.live != nil || m.reason != ""
	}
	if taken {
		w.fail(j, runs.ReasonChanged, errAppeared)
	}
	return !taken, nil
}

// look is when a type was listed for making objects of it.
type look struct{ began, ended time.Time }

// maxReuse bounds how long a listing that took long, because Graph was busy for example, speaks
// for objects that are made later.
const maxReuse = 30 * time.Second

// lookAround returns what the target has of a type, but for what this run has made, listed
// after the turn of the object began that is to be made. Where listing takes longer than the
// writes between, as with thousands of policies, it would be nearly all that a restore does: a
// listing then serves the following objects too, for as long as it took.
func (w *restoring) lookAround(ctx context.Context, t graph.PolicyType) (*listing, error) {
	if last, ok := w.looks[t]; ok && w.a.Now().Sub(last.ended) < min(last.ended.Sub(last.began), maxReuse) {
		return w.mapper.target.listings[t], nil
	}
	return w.listed(ctx, t)
}

// listed lists a type anew. What this run has made is left out.
func (w *restoring) listed(ctx context.Context, t graph.PolicyType) (*listing, error) {
	began := w.a.Now()
	before := w.mapper.target.listings[t]
	delete(w.mapper.target.listings, t)
	l, err := w.mapper.target.list(ctx, t)
	if err != nil {
		if before != nil {
			w.mapper.target.listings[t] = before
		}
		return nil, err
	}
	for k := range w.made {
		if h, ok := l.byID[k.id]; ok && k.t == t {
			is := func(id string) bool { return id == k.id }
			name := normalised(h.Name)
			delete(l.byID, k.id)
			l.order = slices.DeleteFunc(l.order, is)
			l.byName[name] = slices.DeleteFunc(l.byName[name], is)
		}
	}
	w.looks[t] = look{began, w.a.Now()}
	return l, nil
}

// notMade deals with an object that could not be made, or of which nobody knows. The error
// ends the attempt.
func (w *restoring) notMade(ctx context.Context, j *job, fresh time.Time, err error) error {
	kind := graph.KindOf(err)
	switch {
	case ctx.Err() != nil:
		return err // the next attempt looks for it
	case graph.WasNotSent(err): // as after a refusal; what ends the attempt stores it
	case kind == graph.KindUnavailable && statusCode(err) == 503:
		// Hardly anything has happened; the next attempt looks all the same.
		if w.a.Run().Stalls < maxStalls {
			return err
		}
		w.fail(j, runs.ReasonUnknownOutcome, err)
		return err
	case lost(err):
		w.note(j.plan, runs.ItemFailed, runs.ReasonUnknownOutcome, err, "")
		if err := w.flush(ctx); err != nil {
			return err
		}
		_, err := w.lookFor(ctx, j)
		return err
	}
	j.step.BegunAt = time.Time{} // certainly nothing was made
	w.advance(j)
	switch {
	case runs.EndsAttempt(ctx, err):
		return err
	case w.unseen(kind, fresh):
		w.wait(j, fresh.Add(w.r.cfg.Visibility))
	default:
		w.fail(j, runs.ReasonOf(err), err)
	}
	return nil
}

func statusCode(err error) int {
	var e *graph.Error
	if errors.As(err, &e) {
		return e.StatusCode
	}
	return 0
}

// lookFor looks for the object of an uncertain item. goOn tells that there is none, so that
// it may be made.
func (w *restoring) lookFor(ctx context.Context, j *job) (goOn bool, err error) {
	found, unclear, err := w.candidates(ctx, j)
	if err != nil {
		return false, err
	}
	over := !w.a.Now().Before(j.step.BegunAt.Add(w.r.cfg.Visibility))
	told := w.outcomes[j.plan.ItemID].Reason == runs.ReasonUnknownOutcome
	switch {
	case len(found) == 1 && !unclear:
		j.step.TargetID = found[0]
		w.wrote(j)
		return false, nil
	case len(found) > 1 || unclear && over:
		w.fail(j, runs.ReasonUnknownOutcome, errUnclear)
	case !over:
		w.wait(j, j.step.BegunAt.Add(w.r.cfg.Visibility))
	case told:
		w.fail(j, runs.ReasonUnknownOutcome, errUnknown)
	default:
		return true, nil
	}
	return false, nil
}

var errUnclear = errors.New("restore: Graph did not confirm that the object was made, and shows others that may be it; look before you make it again")

// candidates returns the objects that an uncertain item may have made. unclear tells that there
// are others like it, or that they cannot be read.
func (w *restoring) candidates(ctx context.Context, j *job) (found []string, unclear bool, err error) {
	l, err := w.listed(ctx, j.item.Type)
	if err != nil || l.err != nil {
		return nil, true, err
	}
	d, _, err := w.desired(j, nil)
	if err != nil {
		return nil, true, nil
	}
	named := j.item
	named.Name = d.policy.Name
	ids := w.mapper.alike(j.facts, named, *j.captured)
	if _, ok := l.byID[j.item.ExternalID]; ok && j.facts.keepsID {
		ids = []string{j.item.ExternalID}
	}
	live := map[string]fetched{}
	if err := w.read(ctx, j.item.Type, ids, live); err != nil {
		return nil, true, err
	}
	own := j.facts.signature(j.captured.canon)
	for _, id := range ids {
		f := live[id]
		if graph.KindOf(f.err) == graph.KindNotFound {
			continue
		}
		if f.err != nil {
			unclear = true
			continue
		}
		s, err := w.sidesOf(f.policy)
		if err != nil || !sameKind(s, *j.captured) || j.facts.signature(s.canon) != own {
			continue
		}
		d, _, err := w.desired(j, &s)
		if err != nil {
			return nil, true, nil
		}
		if same, err := w.sameContent(&d); err != nil || !same {
			unclear = true
			continue
		}
		found = append(found, id)
	}
	return found, unclear, nil
}
