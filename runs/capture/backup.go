package capture

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

// backup captures the types of a schedule into the run's set. Called again for the same
// run it goes on: types that are done are not listed again, policies that are in the set
// are not fetched again.
func (e *Executor) backup(ctx context.Context, a *runs.Attempt) error {
	params, err := decodeParams[runs.BackupParams](a)
	if err != nil {
		return err
	}
	return e.backupTypes(ctx, a, params)
}

func (e *Executor) backupTypes(ctx context.Context, a *runs.Attempt, params runs.BackupParams) error {
	sel := resolve(e.cfg.Catalogue, params.PolicyTypes, params.IncludeFoundations)
	acc := &account{unknown: sel.unknown}
	if len(sel.known) == 0 {
		a.Finish(runs.Result{
			Status: runs.StatusSkipped, Code: runs.CodeUnknownPolicyType, Summary: acc.summary(),
			Message: "none of the requested policy types is known; change the schedule",
		})
		return nil
	}
	b := &backupRun{e: e, a: a, params: params, account: acc, have: map[graph.PolicyType]map[string]bool{}}
	b.w = &writer{e: e, a: a, set: a.Run().BackupSetID, open: b.openSet}
	defer b.w.wait() // whatever ends the attempt, nothing is left writing
	done, err := b.resume(ctx, sel.known)
	if err != nil {
		return err
	}
	if b.sealed != nil { // an earlier attempt died between sealing the set and ending the run
		acc.manifests = b.sealed
		return b.finish(ctx)
	}
	for _, t := range sel.known {
		m, ok := done[t]
		if !ok {
			if m, err = b.captureType(ctx, t); err != nil {
				return err
			}
		}
		acc.manifests = append(acc.manifests, m)
	}
	return b.finish(ctx)
}

// backupRun is one attempt of a backup.
type backupRun struct {
	e       *Executor
	a       *runs.Attempt
	params  runs.BackupParams
	account *account
	w       *writer
	name    string                               // of the set
	have    map[graph.PolicyType]map[string]bool // ids in the set before this attempt
	earlier map[graph.PolicyType][]runs.Item     // outcomes of earlier attempts that are no success
	sealed  []backupset.Manifest                 // accounts of a set that is sealed already
	unsaved []backupset.Manifest                 // accounts of types from before there was a set
	total   int
}

func (b *backupRun) openSet(ctx context.Context) (runs.ID, error) {
	run, at := b.a.Run(), b.a.Now()
	due := run.ScheduledFor
	if due.IsZero() {
		due = run.CreatedAt
	}
	set, err := b.e.cfg.Store.OpenSet(ctx, b.a.Tenant(), b.a.Lease(), backupset.BackupSet{
		ID: b.a.NewID(), TenantID: b.a.Tenant(), ScheduleID: run.ScheduleID, RunID: run.ID,
		Name:         fmt.Sprintf("%s %s", b.params.Name, due.UTC().Format("2006-01-02 15:04 UTC")),
		ScheduledFor: due, Status: backupset.Building, CreatedAt: at,
	}, runs.Trail{})
	if err != nil {
		return "", fmt.Errorf("capture: opening the backup set: %w", err)
	}
	b.name = set.Name
	return set.ID, nil
}

// resume finds out what is done already: by an earlier attempt, or by the run that this one
// retries.
func (b *backupRun) resume(ctx context.Context, types []graph.PolicyType) (map[graph.PolicyType]backupset.Manifest, error) {
	done := map[graph.PolicyType]backupset.Manifest{}
	if err := b.loadEarlier(ctx); err != nil {
		return nil, err
	}
	var set backupset.BackupSet
	read := func() (err error) {
		if set, err = b.e.cfg.Store.GetSet(ctx, b.a.Tenant(), b.w.set); err != nil {
			return fmt.Errorf("capture: reading the run's backup set: %w", err)
		}
		b.name = set.Name
		return nil
	}
	if b.w.set != "" {
		if err := read(); err != nil {
			return nil, err
		}
	}
	if b.w.set == "" || set.Status == backupset.Building && len(set.Types) == 0 { // a manual set is there before its run
		if err := b.seed(ctx, types); err != nil || b.w.set == "" {
			return done, err
		}
		if err := read(); err != nil {
			return nil, err
		}
	}
	if set.Status != backupset.Building {
		b.sealed = set.Types
	}
	for _, m := range set.Types {
		if m.Whole() {
			done[m.Type] = m
			b.total += m.Listed
			if slices.ContainsFunc(b.earlier[m.Type], speaksForType) {
				b.total++
			}
		}
	}
	return done, b.loadCaptured(ctx)
}

// retriedSet returns the set of the run that this one retries, if there is anything to take
// over from it.
func (e *Executor) retriedSet(ctx context.Context, a *runs.Attempt) (set backupset.BackupSet, ok bool, err error) {
	if a.Run().RetryOf == "" {
		return set, false, nil
	}
	old, err := e.cfg.Store.GetRun(ctx, a.Tenant(), a.Run().RetryOf)
	if errors.Is(err, runs.ErrNotFound) || err == nil && old.BackupSetID == "" {
		return set, false, nil
	}
	if err != nil {
		return set, false, fmt.Errorf("capture: reading the retried run: %w", err)
	}
	set, err = e.cfg.Store.GetSet(ctx, a.Tenant(), old.BackupSetID)
	switch {
	case errors.Is(err, runs.ErrNotFound):
		return set, false, nil
	case err != nil:
		return set, false, fmt.Errorf("capture: reading the retried run's set: %w", err)
	}
	return set, !set.Deleted() && set.Status != backupset.Building && a.Now().Sub(set.CreatedAt) <= e.cfg.RetrySeedAge, nil
}

// seed copies what the retried run captured, so that the retry covers only what failed and
// its set is whole all the same.
func (b *backupRun) seed(ctx context.Context, types []graph.PolicyType) error {
	store, tenant := b.e.cfg.Store, b.a.Tenant()
	from, ok, err := b.e.retriedSet(ctx, b.a)
	if err != nil || !ok {
		return err
	}
	set, err := b.openSet(ctx)
	if err != nil {
		return err
	}
	b.w.set = set
	if _, err := store.CopyItems(ctx, tenant, b.a.Lease(), from.ID, set, types); err != nil {
		return fmt.Errorf("capture: taking over what the retried run captured: %w", err)
	}
	for _, m := range from.Types {
		// A type with skipped policies is listed again: its items are not in the old set.
		if m.Whole() && m.Skipped == 0 && slices.Contains(types, m.Type) {
			if err := store.SaveManifest(ctx, tenant, b.a.Lease(), set, m); err != nil {
				return fmt.Errorf("capture: taking over the account of %s: %w", m.Type, err)
			}
		}
	}
	return nil
}

// captureType lists one type and captures what the set does not hold.
func (b *backupRun) captureType(ctx context.Context, t graph.PolicyType) (backupset.Manifest, error) {
	m := backupset.Manifest{Type: t}
	if err := b.a.Check(ctx); err != nil {
		return m, err
	}
	at := b.a.Now()
	l, err := b.e.list(ctx, b.a, t)
	if err != nil {
		return m, err
	}
	before := b.have[t]
	f := &fetcher{e: b.e, a: b.a, w: b.w, t: t, names: map[string]string{}, captured: before, account: b.account}
	b.total += len(before)
	if err := b.fetch(ctx, f, l.headers); err != nil {
		return m, err
	}
	// What is listed is stored by now, so an attempt that Graph stops while it is asked for the
	// others has got on.
	listed := len(l.headers)
	if err := b.e.confirm(ctx, b.a, t, &l, b.failedEarlier(t)); err != nil {
		return m, err
	}
	for _, u := range l.unread {
		f.names[u.id] = u.name
		f.fail(u.id, u.err)
	}
	b.total += len(l.unread) + b.leftOver(f, l)
	if l.err != nil {
		b.refuse(t, l.err)
		m.Forbidden = graph.KindOf(l.err) == graph.KindForbidden
		b.total++ // the refusal is an item too
	}
	if err := b.fetch(ctx, f, l.headers[listed:]); err != nil {
		return m, err
	}
	unreadable := len(b.w.failed)
	b.w.failed = nil
	m.Pages, m.Complete = l.pages, l.err == nil
	if m.Complete && len(m.Pages) == 0 {
		m.Pages = []int{0} // a reader that shows no page of an empty type has listed it all the same
	}
	m.Failed, m.Skipped = f.failed+unreadable, f.skipped
	m.Captured = len(before) + f.added - unreadable
	m.Listed = m.Captured + m.Failed + m.Skipped
	m.Forbidden = m.Forbidden || f.forbidden > 0
	return m, b.record(ctx, m, l, at)
}

// fetch captures listed policies, which count from now on.
func (b *backupRun) fetch(ctx context.Context, f *fetcher, headers []graph.Header) error {
	for _, h := range headers {
		if !f.captured[h.ID] {
			b.total++
		}
	}
	if err := b.a.SaveItems(ctx, nil, b.total); err != nil {
		return err
	}
	return f.fetch(ctx, headers)
}

// refuse notes that a type as a whole could not be listed to its end.
func (b *backupRun) refuse(t graph.PolicyType, err error) {
	if b.account.firstErr == nil {
		b.account.firstErr = err
	}
	b.w.note(b.a.NewItem(t, "", "", runs.ItemFailed, runs.ReasonOf(err), err))
}

// record stores the account of a type, in the inventory and in the set. Policies are called
// gone when each was asked for, also where others were found that the listing lacks.
func (b *backupRun) record(ctx context.Context, m backupset.Manifest, l listing, at time.Time) error {
	if len(l.headers) > 0 || m.Complete || l.asked {
		_, err := b.e.cfg.Store.RecordListing(ctx, b.a.Tenant(), b.a.Lease(), backupset.Listing{
			Type: m.Type, Seen: l.headers, Complete: l.asked, At: at,
		})
		if err != nil {
			return fmt.Errorf("capture: recording the listing of %s: %w", m.Type, err)
		}
	}
	if b.w.set == "" && m.Complete {
		set, err := b.openSet(ctx)
		if err != nil {
			return err
		}
		b.w.set = set
	}
	b.unsaved = append(b.unsaved, m)
	return b.saveManifests(ctx)
}

// saveManifests stores the accounts that are not stored yet, as soon as there is a set.
func (b *backupRun) saveManifests(ctx context.Context) error {
	if b.w.set == "" {
		return nil
	}
	for _, m := range b.unsaved {
		if err := b.e.cfg.Store.SaveManifest(ctx, b.a.Tenant(), b.a.Lease(), b.w.set, m); err != nil {
			return fmt.Errorf("capture: storing the account of %s: %w", m.Type, err)
		}
	}
	b.unsaved = nil
	return nil
}

// finish seals the set and gives the run its result.
func (b *backupRun) finish(ctx context.Context) error {
	result := b.account.result()
	if err := b.w.flush(ctx); err != nil {
		return err
	}
	if err := b.w.wait(); err != nil {
		return err
	}
	if b.w.set == "" { // nothing could be listed: there is no set to make
		b.a.Finish(result)
		return nil
	}
	status := backupset.Complete
	if !b.account.whole() {
		status = backupset.Partial
	}
	entry := runs.AuditEntry{
		ID: b.a.NewID(), At: b.a.Now(), Actor: runs.SystemActor, TenantID: b.a.Tenant(), Action: "backup.created",
		Resource: runs.Target{Type: "backup_set", ID: b.w.set}, RunID: b.a.Run().ID, Outcome: string(status),
		Details: audited(b.name, b.account.summary()),
	}
	_, err := b.e.cfg.Store.SealSet(ctx, b.a.Tenant(), b.a.Lease(), b.w.set, status, runs.Trail{Audit: []runs.AuditEntry{entry}})
	if err != nil {
		return fmt.Errorf("capture: sealing the backup set: %w", err)
	}
	b.a.Finish(result)
	return nil
}
