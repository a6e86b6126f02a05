package transfer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

const (
	saveBytes  = 4 << 20 // how many raw bytes one transaction takes, however few the policies
	checkEvery = 16      // files between two looks at whether to go on
	readPage   = 1000
)

type policyKey struct {
	t  graph.PolicyType
	id string
}

// ImportSummary is the account of an import, kept in [runs.Run.Summary].
type ImportSummary struct {
	Source        Source                      `json:"source"`
	PoliciesTotal int                         `json:"policies_total"`
	Imported      int                         `json:"policies_imported"`
	ErrorsCount   int                         `json:"errors_count"`
	IgnoredFiles  int                         `json:"ignored_files"` // belong to an export and are no policies
	TypeBreakdown map[graph.PolicyType]Counts `json:"type_breakdown"`
}

// Counts is what became of the files of one type.
type Counts struct {
	Imported int `json:"imported"`
	Failed   int `json:"failed"`
	Skipped  int `json:"skipped"`
}

// filling is one attempt of an import. It belongs to one goroutine.
type filling struct {
	im  *Importer
	a   *runs.Attempt
	set backupset.BackupSet

	done   map[policyKey]bool // kept by earlier attempts
	byType map[graph.PolicyType]*backupset.Manifest

	batch []backupset.Captured
	items []runs.Item
	bytes int
	seen  int
}

func (f *filling) fill(ctx context.Context, c *contents) error {
	if err := f.loadDone(ctx); err != nil {
		return err
	}
	if err := f.a.SaveItems(ctx, nil, c.n); err != nil {
		return fmt.Errorf("transfer: storing how much there is: %w", err)
	}
	err := c.each(func(t graph.PolicyType, id string) bool {
		if f.done[policyKey{t, id}] {
			f.of(t).Captured++
			return true
		}
		return false
	}, func(got found) error { return f.take(ctx, got) })
	if err != nil {
		if ctx.Err() == nil { // the next attempt goes on from here
			if ferr := f.flush(ctx); ferr != nil {
				return ferr
			}
		}
		return err
	}
	if err := f.flush(ctx); err != nil {
		return err
	}
	return f.seal(ctx, c)
}

// loadDone reads what earlier attempts kept.
func (f *filling) loadDone(ctx context.Context) error {
	filter, slice := runs.ItemFilter{Statuses: []runs.ItemStatus{runs.ItemSuccess}}, runs.Slice{Limit: readPage}
	for {
		items, err := f.im.cfg.Store.ListItems(ctx, f.a.Tenant(), f.a.Run().ID, filter, slice)
		if err != nil {
			return fmt.Errorf("transfer: reading earlier outcomes: %w", err)
		}
		for _, item := range items {
			f.done[policyKey{item.PolicyType, item.PolicyID}] = true
			slice.After = runs.Keyset{ID: item.ID}
		}
		if len(items) <= readPage {
			return nil
		}
	}
}

func (f *filling) of(t graph.PolicyType) *backupset.Manifest {
	m := f.byType[t]
	if m == nil {
		m = &backupset.Manifest{Type: t, Complete: true}
		f.byType[t] = m
	}
	return m
}

// take keeps what one file came to.
func (f *filling) take(ctx context.Context, got found) error {
	if f.seen%checkEvery == 0 {
		if err := f.a.Check(ctx); err != nil {
			return err
		}
	}
	f.seen++
	if got.policy == nil {
		if got.status == runs.ItemSkipped {
			f.of(got.t).Skipped++
		} else {
			f.of(got.t).Failed++
		}
		f.items = append(f.items, f.a.NewItem(got.t, got.id, got.name, got.status, got.reason, got.err))
		return nil
	}
	payload, err := backupset.Encode(got.policy)
	if err != nil {
		return err
	}
	f.of(got.t).Captured++
	c := backupset.Captured{ItemID: f.a.NewID(), Policy: got.policy, Hash: got.hash, Payload: payload, CapturedAt: f.captured(got.captured), Imported: true}
	item := f.a.NewItem(got.t, got.id, got.policy.Name, runs.ItemSuccess, "", nil)
	item.BackupItemID = c.ItemID
	f.batch, f.items = append(f.batch, c), append(f.items, item)
	if f.bytes += len(payload); len(f.batch) < f.im.cfg.SaveSize && f.bytes < saveBytes {
		return nil
	}
	return f.flush(ctx)
}

// captured is when a policy was captured, as far as one may believe the file.
func (f *filling) captured(at time.Time) time.Time {
	now := f.a.Now()
	if at.IsZero() || at.After(now) || at.Year() < 2000 {
		return now
	}
	return at
}

func (f *filling) flush(ctx context.Context) error {
	if len(f.items) == 0 {
		return nil
	}
	err := f.im.cfg.Store.SaveCaptured(ctx, f.a.Tenant(), f.a.Lease(), f.set.ID, f.batch, f.items)
	if err != nil {
		return fmt.Errorf("transfer: storing policies: %w", err)
	}
	f.batch, f.items, f.bytes = nil, nil, 0
	return nil
}

// manifests are the accounts of the types. What the set that was exported lacked, this one
// lacks too.
func (f *filling) manifests(c *contents) []backupset.Manifest {
	var list []backupset.Manifest
	for _, t := range c.types {
		m := f.of(t.Type)
		m.Failed += t.Failed
		m.Skipped += t.Skipped
		m.Forbidden, m.Complete = t.Forbidden, t.Complete
		list = append(list, *m)
	}
	for _, t := range slices.Sorted(maps.Keys(f.byType)) {
		if !slices.ContainsFunc(list, func(m backupset.Manifest) bool { return m.Type == t }) {
			list = append(list, *f.byType[t])
		}
	}
	for i := range list {
		list[i].Listed = list[i].Captured + list[i].Failed + list[i].Skipped
	}
	return list
}

// seal completes the set and gives the run its result.
func (f *filling) seal(ctx context.Context, c *contents) error {
	summary := f.summary(c)
	manifests := f.manifests(c)
	status := backupset.Complete
	if c.partial || slices.ContainsFunc(manifests, func(m backupset.Manifest) bool { return !m.Whole() }) {
		status = backupset.Partial
	}
	store, tenant, lease := f.im.cfg.Store, f.a.Tenant(), f.a.Lease()
	for _, m := range manifests {
		if err := store.SaveManifest(ctx, tenant, lease, f.set.ID, m); err != nil {
			return fmt.Errorf("transfer: storing the account of %s: %w", m.Type, err)
		}
	}
	if err := f.a.SaveItems(ctx, nil, summary.PoliciesTotal); err != nil { // without the files that are no policies
		return fmt.Errorf("transfer: storing how much there was: %w", err)
	}
	entry := runs.AuditEntry{
		ID: f.a.NewID(), At: f.a.Now(), Actor: runs.SystemActor, TenantID: tenant, Action: "backup_set.imported",
		Resource: runs.Target{Type: "backup_set", ID: f.set.ID}, RunID: f.a.Run().ID, Outcome: string(status),
		Details: map[string]string{
			"set_name": redact.Text(f.set.Name), "imported": strconv.Itoa(summary.Imported), "policies": strconv.Itoa(summary.PoliciesTotal),
		},
	}
	if _, err := store.SealSet(ctx, tenant, lease, f.set.ID, status, runs.Trail{Audit: []runs.AuditEntry{entry}}); err != nil {
		return fmt.Errorf("transfer: sealing the backup set: %w", err)
	}
	f.a.Finish(result(summary))
	return nil
}

func (f *filling) summary(c *contents) ImportSummary {
	s := ImportSummary{Source: c.info, IgnoredFiles: c.ignored(), TypeBreakdown: map[graph.PolicyType]Counts{}}
	for t, m := range f.byType {
		s.add(t, *m)
	}
	return s
}

func (s *ImportSummary) add(t graph.PolicyType, m backupset.Manifest) {
	s.TypeBreakdown[t] = Counts{Imported: m.Captured, Failed: m.Failed, Skipped: m.Skipped}
	s.PoliciesTotal += m.Captured + m.Failed + m.Skipped
	s.Imported += m.Captured
	s.ErrorsCount += m.Failed
}

// result is how the run ends: by what became of the file, not by what the set in it lacked.
func result(s ImportSummary) runs.Result {
	r := runs.Result{Status: runs.StatusSuccess, Summary: s}
	if s.ErrorsCount > 0 {
		r.Status, r.Code = runs.StatusPartial, runs.CodeItemsFailed
		r.Message = fmt.Sprintf("%d of %d policies in the file could not be imported; the items say why", s.ErrorsCount, s.PoliciesTotal)
		if s.Imported == 0 {
			r.Status = runs.StatusFailed
		}
	}
	return r
}

// finishSealed ends a run whose set is sealed, from the run's own items. info is what its file says.
func (f *filling) finishSealed(ctx context.Context, info Source) error {
	s := ImportSummary{Source: info, TypeBreakdown: map[graph.PolicyType]Counts{}}
	byType := map[graph.PolicyType]*backupset.Manifest{}
	slice := runs.Slice{Limit: readPage}
	for {
		items, err := f.im.cfg.Store.ListItems(ctx, f.a.Tenant(), f.a.Run().ID, runs.ItemFilter{}, slice)
		if err != nil {
			return fmt.Errorf("transfer: reading earlier outcomes: %w", err)
		}
		for _, item := range items {
			m := cmp.Or(byType[item.PolicyType], &backupset.Manifest{})
			byType[item.PolicyType] = m
			switch item.Status {
			case runs.ItemSuccess:
				m.Captured++
			case runs.ItemSkipped:
				m.Skipped++
			default:
				m.Failed++
			}
			slice.After = runs.Keyset{ID: item.ID}
		}
		if len(items) <= readPage {
			break
		}
	}
	for t, m := range byType {
		s.add(t, *m)
	}
	f.a.Finish(result(s))
	return nil
}
