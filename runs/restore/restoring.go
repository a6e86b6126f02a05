package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// restoring is one attempt of a restore.
type restoring struct {
	*engine
	r       *Restorer
	a       *runs.Attempt
	preview Preview
	mapper  *mapper
	jobs    []*job // what is written, in the order of restore

	kept     []PreviewItem // what is not
	outcomes map[runs.ID]runs.Item
	made     map[key]time.Time // objects that this run has made, and when
	looks    map[graph.PolicyType]look

	steps []Step      // not stored yet
	items []runs.Item // not stored yet

	waiting map[key]bool // items that cannot be decided yet
	until   time.Time    // when one of them can be
}

// job is one item that is written.
type job struct {
	facts *facts
	item  backupset.Item
	plan  PreviewItem
	step  Step

	captured *sides
	refs     []reference
	before   []byte // the assignments before anything was written; nil when that is not known
	done     bool   // it has its outcome
}

func (j *job) key() key { return key{j.item.Type, j.item.ExternalID} }

// copied tells whether the object is made beside one that exists.
func (j *job) copied() bool { return j.plan.Action == Create && j.plan.TargetID != "" }

func (j *job) creates() bool { return j.plan.Action == Create }

// uncertain tells whether an object may have been made that nobody knows of.
func (j *job) uncertain() bool {
	return j.creates() && !j.step.BegunAt.IsZero() && j.step.TargetID == ""
}

func (j *job) written() bool { return !j.step.WrittenAt.IsZero() }

func (r *Restorer) newRestoring(a *runs.Attempt, p Preview, params ExecuteParams) *restoring {
	source := newSourceSet(p.SourceTenant, params.Origin)
	target := newTarget(r.cfg.Client, a.Tenant(), r.cfg.Catalogue, r.cfg.FetchSize, a.Check)
	return &restoring{
		engine: r.engine, r: r, a: a, preview: p,
		mapper:   &mapper{source: source, target: target, options: p.Options, outcomes: map[key]outcome{}},
		outcomes: map[runs.ID]runs.Item{}, made: map[key]time.Time{},
		looks: map[graph.PolicyType]look{}, waiting: map[key]bool{},
	}
}

// begin reads what is to be done, and what earlier attempts have done.
func (w *restoring) begin(ctx context.Context) error {
	cfg, p := w.r.cfg, w.preview
	var err error
	if w.mapper.history, err = historyOf(ctx, cfg.Store, w.a.Tenant(), w.a.Run().ID); err != nil {
		return err
	}
	plans := map[runs.ID]PreviewItem{}
	err = eachPreviewItem(ctx, cfg.Store, w.a.Tenant(), p.RunID, Filter{}, func(item PreviewItem) {
		item.Diff, item.Warnings = nil, nil
		plans[item.ItemID] = item
	})
	if err != nil {
		return fmt.Errorf("restore: reading the preview: %w", err)
	}
	steps, err := w.earlier(ctx)
	if err != nil {
		return err
	}
	err = w.eachItem(ctx, p.SourceTenant, p.SetID, p.SetRevision, func(item backupset.Item) {
		plan, selected := plans[item.ID]
		w.mapper.source.add(item, selected)
		if !selected {
			return
		}
		delete(plans, item.ID)
		w.take(&job{facts: w.factsFor(item.Type), item: item, plan: plan, step: steps[item.ID]})
	})
	if err != nil {
		return err
	}
	for _, plan := range plans { // the set has lost items; that is an outcome, too
		w.kept = append(w.kept, plan)
	}
	slices.SortFunc(w.jobs, func(x, y *job) int { return cmp.Compare(x.plan.Position, y.plan.Position) })
	return w.keep(ctx)
}

// earlier reads the steps and the outcomes of earlier attempts.
func (w *restoring) earlier(ctx context.Context) (map[runs.ID]Step, error) {
	const page = 1000
	store, tenant, run := w.r.cfg.Store, w.a.Tenant(), w.a.Run().ID
	steps := map[runs.ID]Step{}
	for slice := (runs.Slice{Limit: page}); ; {
		list, err := store.ListSteps(ctx, tenant, run, slice)
		if err != nil {
			return nil, fmt.Errorf("restore: reading earlier steps: %w", err)
		}
		for _, s := range list {
			steps[s.ItemID] = s
			slice.After = runs.Keyset{ID: s.ItemID}
		}
		if len(list) <= page {
			break
		}
	}
	for slice := (runs.Slice{Limit: page}); ; {
		list, err := store.ListItems(ctx, tenant, run, runs.ItemFilter{}, slice)
		if err != nil {
			return nil, fmt.Errorf("restore: reading earlier outcomes: %w", err)
		}
		for _, item := range list {
			w.outcomes[item.BackupItemID] = item
			slice.After = runs.Keyset{ID: item.ID}
		}
		if len(list) <= page {
			return steps, nil
		}
	}
}

// take sorts an item of the preview: what it says and what an earlier attempt did of it.
func (w *restoring) take(j *job) {
	k := j.key()
	w.mapper.outcomes[k] = outcome{j.plan.Action, j.plan.TargetID}
	if j.plan.Action != Create && j.plan.Action != Change {
		w.kept = append(w.kept, j.plan)
		return
	}
	w.jobs = append(w.jobs, j)
	had, ok := w.outcomes[j.plan.ItemID]
	// An object that nobody knew of and that was found goes on as any other.
	found := j.creates() && j.step.TargetID != "" && had.Reason == runs.ReasonUnknownOutcome
	j.done = ok && (had.Status == runs.ItemSuccess || !j.uncertain() && !found)
	switch {
	case j.creates() && j.step.TargetID != "":
		w.remember(j)
	case j.creates() && j.done:
		w.mapper.outcomes[k] = outcome{action: Blocked}
	}
}

// remember notes the object that was made for an item.
func (w *restoring) remember(j *job) {
	w.made[key{j.item.Type, j.step.TargetID}] = j.step.WrittenAt
	if !j.copied() { // what refers to the original still does
		w.mapper.outcomes[j.key()] = outcome{Create, j.step.TargetID}
	}
}

// keep stores the outcomes of the items that are left alone.
func (w *restoring) keep(ctx context.Context) error {
	if err := w.a.SaveItems(ctx, nil, len(w.jobs)+len(w.kept)); err != nil {
		return err
	}
	slices.SortFunc(w.kept, func(x, y PreviewItem) int { return cmp.Compare(x.Position, y.Position) })
	for part := range slices.Chunk(w.kept, 200) {
		for _, plan := range part {
			if _, have := w.outcomes[plan.ItemID]; have {
				continue
			}
			status, reason, err := runs.ItemSkipped, plan.Reason, error(nil)
			switch {
			case plan.Action == Unchanged:
				reason = runs.ReasonUnchanged
			case plan.Action == Create || plan.Action == Change:
				status, reason, err = runs.ItemFailed, runs.ReasonNotFound, errItemGone
			}
			w.note(plan, status, reason, err, plan.TargetID)
		}
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

var errItemGone = errors.New("the backup set has no such item any more")

// note gives an item its outcome, which the next flush stores.
func (w *restoring) note(plan PreviewItem, status runs.ItemStatus, reason runs.Reason, err error, target string) {
	item := w.a.NewItem(plan.Type, plan.ExternalID, plan.Name, status, reason, err)
	item.BackupItemID, item.TargetID = plan.ItemID, target
	w.outcomes[plan.ItemID] = item
	w.items = append(slices.DeleteFunc(w.items, func(i runs.Item) bool { return i.BackupItemID == plan.ItemID }), item)
}

// advance notes how far an item has come.
func (w *restoring) advance(j *job) {
	j.step.RunID, j.step.ItemID = w.a.Run().ID, j.plan.ItemID
	j.step.Type, j.step.SourceID = j.item.Type, j.item.ExternalID
	w.steps = append(slices.DeleteFunc(w.steps, func(s Step) bool { return s.ItemID == j.step.ItemID }), j.step)
}

// flush stores what was noted, in one transaction.
func (w *restoring) flush(ctx context.Context) error {
	if len(w.steps)+len(w.items) == 0 {
		return nil
	}
	if err := w.r.cfg.Store.SaveSteps(ctx, w.a.Tenant(), w.a.Lease(), w.steps, w.items); err != nil {
		return fmt.Errorf("restore: storing what was done: %w", err)
	}
	w.steps, w.items = nil, nil
	return nil
}

// fail ends an item that could not be restored. What refers to it is missing from now on.
func (w *restoring) fail(j *job, reason runs.Reason, err error) {
	j.done = true
	if j.creates() && j.step.TargetID == "" {
		w.mapper.outcomes[j.key()] = outcome{action: Blocked}
	}
	w.note(j.plan, runs.ItemFailed, reason, err, cmp.Or(j.step.TargetID, j.plan.TargetID))
}

// succeed ends an item that is as it shall be.
func (w *restoring) succeed(j *job) {
	j.done = true
	w.note(j.plan, runs.ItemSuccess, "", nil, j.step.TargetID)
}

// wait puts an item off until a time; the zero time means until others are decided.
func (w *restoring) wait(j *job, until time.Time) {
	w.waiting[j.key()] = true
	if !until.IsZero() && (w.until.IsZero() || until.Before(w.until)) {
		w.until = until
	}
}

// errWaiting speaks of the run while it waits.
var errWaiting = errors.New("waiting until Graph shows what was made")

// putOff gives the run back while items wait. Nothing sleeps: the queue brings it again.
func (w *restoring) putOff() error {
	if len(w.waiting) == 0 {
		return nil
	}
	left := min(w.until.Sub(w.a.Now()), w.r.cfg.Visibility/2)
	return &graph.Error{Op: "restore", Kind: graph.KindUnavailable, RetryAfter: max(left, time.Second), Err: errWaiting}
}

// leave makes the outcomes true when an attempt ends early: what was done is stored, and
// when nobody will go on, what is half done says so. What ended the context must not keep it
// from being stored.
func (w *restoring) leave(ctx context.Context, err error) error {
	if errors.Is(err, runs.ErrLeaseLost) {
		return nil
	}
	if errors.Is(err, runs.ErrCanceled) || graph.KindOf(err) == graph.KindUnauthorized {
		for _, j := range w.jobs {
			switch {
			case j.done:
			case j.uncertain():
				w.fail(j, runs.ReasonUnknownOutcome, errUnknown)
			case j.written():
				w.fail(j, runs.ReasonNotAssigned, errNotAssigned)
			}
		}
	}
	return w.flush(context.WithoutCancel(ctx))
}

var (
	errUnknown     = errors.New("restore: Graph did not confirm that the object was made, and does not show it; look before you make it again")
	errNotAssigned = errors.New("the policy was written, but not its assignments")
)

// result counts the outcomes.
func (w *restoring) result() runs.Result {
	var s ExecuteSummary
	for _, plan := range w.kept {
		w.count(&s, plan)
	}
	for _, j := range w.jobs {
		w.count(&s, j.plan)
	}
	result := runs.Result{Status: runs.StatusSuccess, Summary: s}
	if s.Failed > 0 {
		result.Status, result.Code = runs.StatusPartial, runs.CodeItemsFailed
		if s.Created+s.Changed == 0 {
			result.Status = runs.StatusFailed
		}
	}
	return result
}

func (w *restoring) count(s *ExecuteSummary, plan PreviewItem) {
	switch item := w.outcomes[plan.ItemID]; {
	case item.Status == runs.ItemSkipped:
		s.Skipped++
		if plan.Action == Blocked {
			s.Blocked++
		}
	case item.Status == runs.ItemFailed:
		s.Failed++
		if item.Reason == runs.ReasonUnknownOutcome {
			s.Unknown++
		}
	case plan.Action == Create:
		s.Created++
	default:
		s.Changed++
	}
}
