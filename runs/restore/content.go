package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// all writes the content of every item, and then the assignments, when everything that they
// may name is there.
func (w *restoring) all(ctx context.Context) error {
	content := func(j *job) bool { return !j.done && !j.written() }
	if err := w.batches(ctx, content, func(j *job) string { return j.plan.TargetID }, w.content); err != nil {
		return err
	}
	if err := w.putOff(); err != nil {
		return err
	}
	assignments := func(j *job) bool { return !j.done && j.written() }
	if err := w.batches(ctx, assignments, func(j *job) string { return j.step.TargetID }, w.assign); err != nil {
		return err
	}
	return w.putOff()
}

// batches goes through the items of a pass, some of one type at a time: the live objects that
// they name are read again just before each is dealt with.
func (w *restoring) batches(ctx context.Context, wanted func(*job) bool, target func(*job) string, do func(context.Context, *job, map[string]fetched) error) error {
	for i := 0; i < len(w.jobs); {
		var batch []*job
		t := w.jobs[i].item.Type
		for ; i < len(w.jobs) && len(batch) < w.r.cfg.FetchSize && w.jobs[i].item.Type == t; i++ {
			if wanted(w.jobs[i]) {
				batch = append(batch, w.jobs[i])
			}
		}
		if len(batch) == 0 {
			continue
		}
		if err := w.batch(ctx, batch, target, do); err != nil {
			return err
		}
	}
	return nil
}

func (w *restoring) batch(ctx context.Context, batch []*job, target func(*job) string, do func(context.Context, *job, map[string]fetched) error) error {
	if err := w.a.Check(ctx); err != nil {
		return err
	}
	if err := w.load(ctx, batch); err != nil {
		return err
	}
	live := map[string]fetched{}
	var ids []string
	for _, j := range batch {
		if id := target(j); id != "" && !j.done {
			ids = append(ids, id)
		}
	}
	if err := w.read(ctx, batch[0].item.Type, ids, live); err != nil {
		return err
	}
	for _, j := range batch {
		if j.done {
			continue
		}
		if err := w.a.Check(ctx); err != nil {
			return err
		}
		if err := do(ctx, j, live); err != nil {
			return err
		}
		j.captured, j.refs = nil, nil // payloads of thousands of policies are not kept
	}
	return w.flush(ctx)
}

// load reads what was captured of a batch, and asks the target for what it refers to.
func (w *restoring) load(ctx context.Context, batch []*job) error {
	damaged := make([]error, len(batch))
	errs := w.spread(len(batch), func(i int) error {
		j := batch[i]
		p, err := w.engine.captured(ctx, w.preview.SourceTenant, j.plan.VersionID)
		switch {
		case errors.Is(err, backupset.ErrDamaged), errors.Is(err, runs.ErrNotFound):
			damaged[i] = fmt.Errorf("restore: what was captured cannot be read: %w", err)
			return nil
		case err != nil:
			return fmt.Errorf("restore: reading a captured policy: %w", err)
		}
		s, err := w.toRestore(j.facts, &p)
		if err != nil {
			damaged[i] = err
			return nil
		}
		j.captured, j.refs = &s, referencesOf(j.facts, s, w.preview.Options)
		return nil
	})
	var refs []reference
	for i, j := range batch {
		switch {
		case errors.Is(errs[i], errPanicked):
			w.fail(j, runs.ReasonInternal, errs[i])
		case errs[i] != nil:
			return errs[i]
		case damaged[i] != nil:
			w.fail(j, runs.ReasonInvalidPayload, damaged[i])
		}
		refs = append(refs, j.refs...)
	}
	return w.mapper.prepare(ctx, refs)
}

// read fetches objects as they are now, whatever was read before.
func (w *restoring) read(ctx context.Context, t graph.PolicyType, ids []string, into map[string]fetched) error {
	for len(ids) > 0 {
		n := min(w.r.cfg.FetchSize, len(ids))
		if err := w.mapper.target.fetchChunk(ctx, t, ids[:n], into); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// desired decides anew what an item shall be, with the ids as they are mapped by now. fresh is
// when the newest object was made that it refers to and that this run has made.
func (w *restoring) desired(j *job, live *sides) (d desired, fresh time.Time, err error) {
	find := func(r reference) mapping {
		m := w.mapper.find(r)
		if at := w.made[key{r.t, m.id}]; at.After(fresh) {
			fresh = at
		}
		return m
	}
	err = caught(func() error {
		d = desire(wish{
			info: j.facts, captured: *j.captured, live: live, copied: j.copied(), warnings: j.item.Warnings,
			refs: find, options: w.preview.Options,
		})
		return nil
	})
	return d, fresh, err
}

// ready tells whether a desired policy may be written, and ends or puts off the item if not.
// What only its assignments refer to may be made after its content.
func (w *restoring) ready(j *job, d *desired) bool {
	pending := slices.DeleteFunc(slices.Clone(d.pending), func(r reference) bool { return r.assigned && !j.written() })
	for _, r := range pending {
		if !w.waiting[r.key] {
			w.fail(j, runs.ReasonDependencyMissing, fmt.Errorf("%s is not in the target", r))
			return false
		}
	}
	switch {
	case d.reason != "":
		w.fail(j, d.reason, errors.New(d.why()))
	case len(pending) > 0:
		w.wait(j, time.Time{})
	default:
		return true
	}
	return false
}

// why says for people what stands in the way.
func (d *desired) why() string {
	for _, warning := range d.warnings {
		switch warning.Code {
		case codeDependencyMissing, codeReferenceUnclear, codeSecretsMasked:
			return warning.Detail
		}
	}
	return "it cannot be done safely any more"
}

var (
	errChanged  = errors.New("the live policy is not as the preview saw it; make a new preview")
	errGone     = errors.New("the live policy is gone; make a new preview")
	errAppeared = errors.New("the target has such a policy by now; make a new preview")
	errHalf     = errors.New("an earlier attempt began to write the policy, and it is neither as before nor as it shall be")
)

// content makes the content of an item what it shall be.
func (w *restoring) content(ctx context.Context, j *job, live map[string]fetched) error {
	if j.uncertain() { // whatever became of the original of a copy meanwhile
		goOn, err := w.lookFor(ctx, j)
		if err != nil || !goOn {
			return err
		}
		j.step.BegunAt = time.Time{} // nothing was made
		w.advance(j)
	}
	if j.creates() && j.step.TargetID != "" {
		return w.complete(ctx, j)
	}
	var s *sides
	changed := false
	if id := j.plan.TargetID; id != "" {
		got := live[id]
		switch {
		case graph.KindOf(got.err) == graph.KindNotFound:
			w.fail(j, runs.ReasonChanged, errGone)
			return nil
		case got.err != nil:
			w.fail(j, runs.ReasonOf(got.err), got.err)
			return nil
		}
		now, err := w.sidesOf(got.policy)
		if err != nil {
			w.fail(j, runs.ReasonInvalidPayload, err)
			return nil
		}
		hash, err := w.canon.Hash(got.policy)
		if s = &now; err != nil {
			w.fail(j, runs.ReasonInvalidPayload, err)
			return nil
		}
		changed = hash != j.plan.LiveHash
	}
	switch {
	case changed && j.step.BegunAt.IsZero():
		w.fail(j, runs.ReasonChanged, errChanged)
		return nil
	case j.creates():
		return w.create(ctx, j)
	}
	return w.change(ctx, j, s, changed)
}

// change makes an object that exists what it shall be. changed tells that it is not as the
// preview saw it, which is right only when an earlier attempt has written it.
func (w *restoring) change(ctx context.Context, j *job, live *sides, changed bool) error {
	d, fresh, err := w.desired(j, live)
	if err != nil {
		w.fail(j, runs.ReasonInternal, err)
		return nil
	}
	same, err := w.sameContent(&d)
	switch {
	case err != nil:
		w.fail(j, runs.ReasonInvalidPayload, err)
		return nil
	case changed && !same:
		w.fail(j, runs.ReasonUnknownOutcome, errHalf)
		return nil
	case !changed:
		j.before = append([]byte{}, backupset.Lookup(live.canon, partAssignments)...)
	}
	if !w.ready(j, &d) {
		return nil
	}
	j.step.TargetID = j.plan.TargetID
	if !same {
		if j.step.BegunAt.IsZero() {
			j.step.BegunAt = w.a.Now()
		}
		w.advance(j)
		if err := w.flush(ctx); err != nil {
			return err
		}
		body := d.updateBody(j.facts)
		err := w.repeat(ctx, func() error {
			return w.r.cfg.Client.Update(ctx, w.a.Tenant(), j.item.Type, j.step.TargetID, body)
		})
		if err != nil {
			return w.refused(ctx, j, fresh, err)
		}
	}
	w.wrote(j)
	return nil
}

// sameContent tells whether an object is what it shall be but for its assignments.
func (w *restoring) sameContent(d *desired) (bool, error) {
	is, shall := *d.live, d.policy
	is.Parts, shall.Parts = nil, nil
	diff, err := w.canon.Diff(&is, &shall)
	return err == nil && len(diff) == 0, err
}

// wrote notes that the content of an item is as it shall be.
func (w *restoring) wrote(j *job) {
	if j.step.BegunAt.IsZero() {
		j.step.BegunAt = w.a.Now()
	}
	j.step.WrittenAt = w.a.Now()
	w.advance(j)
	if j.creates() {
		w.remember(j)
	}
	if !assigns(j.facts, *j.captured, w.preview.Options) {
		w.succeed(j)
	}
}

// repeat does a write that may be done twice again while nobody knows whether it happened.
func (w *restoring) repeat(ctx context.Context, write func() error) (err error) {
	const tries = 3
	for range tries {
		if err = write(); err == nil || !lost(err) || runs.EndsAttempt(ctx, err) {
			break
		}
	}
	return err
}

// lost tells whether a write may have happened though it failed.
func lost(err error) bool {
	switch graph.KindOf(err) {
	case graph.KindThrottled, graph.KindUnauthorized, graph.KindForbidden, graph.KindNotFound, graph.KindConflict,
		graph.KindInvalid, graph.KindUnsupported, graph.KindApprovalRequired, graph.KindWriteBlocked:
		return false
	}
	return true
}

// maxStalls is after how many attempts without progress an item is given up that keeps a
// restore from going on: one bad item never stops the rest.
const maxStalls = 3

// refused deals with a write of an object that exists, or of assignments, that failed. The
// error ends the attempt.
func (w *restoring) refused(ctx context.Context, j *job, fresh time.Time, err error) error {
	kind := graph.KindOf(err)
	if runs.EndsAttempt(ctx, err) {
		if kind.Retryable() && kind != graph.KindThrottled && ctx.Err() == nil && w.a.Run().Stalls >= maxStalls {
			w.fail(j, runs.ReasonOf(err), err)
		}
		return err
	}
	switch {
	case w.unseen(kind, fresh):
		w.wait(j, fresh.Add(w.r.cfg.Visibility))
	case kind == graph.KindNotFound:
		w.fail(j, runs.ReasonChanged, errGone)
	default:
		w.fail(j, runs.ReasonOf(err), err)
	}
	return nil
}

// unseen tells whether a refusal may mean that Graph does not see yet what this run has made.
func (w *restoring) unseen(kind graph.Kind, fresh time.Time) bool {
	return (kind == graph.KindInvalid || kind == graph.KindNotFound) && !fresh.IsZero() &&
		w.a.Now().Before(fresh.Add(w.r.cfg.Visibility))
}
