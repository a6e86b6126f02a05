package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// RequestsStore is what [Requests] need of a backend.
type RequestsStore interface {
	Source
	runs.RunStore
	runs.ItemStore
	Store
}

// RequestsConfig configures [Requests].
type RequestsConfig struct {
	Store RequestsStore // required

	// Clock defaults to [runs.SystemClock].
	Clock runs.Clock

	// PreviewMaxAge is how old a preview may be when its restore is started: the older it is,
	// the less is live as it says. Defaults to 1 h. [RestorerConfig] has the same for when the
	// restore begins.
	PreviewMaxAge time.Duration
}

// Requests prepares the starts of previews, drift reports and restores: it checks what they
// name. It is safe for concurrent use.
type Requests struct {
	cfg RequestsConfig
}

// NewRequests checks the configuration and makes Requests.
func NewRequests(cfg RequestsConfig) (*Requests, error) {
	if cfg.Store == nil {
		return nil, runs.Invalid("store", "required", "is required")
	}
	if cfg.PreviewMaxAge < 0 {
		return nil, runs.Invalid("preview_max_age", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.PreviewMaxAge == 0 {
		cfg.PreviewMaxAge = defaultPreviewMaxAge
	}
	if cfg.Clock == nil {
		cfg.Clock = runs.SystemClock{}
	}
	return &Requests{cfg: cfg}, nil
}

// Kinds returns the kinds of runs whose starts are prepared.
func (r *Requests) Kinds() []runs.Kind {
	return []runs.Kind{runs.KindRestorePreview, runs.KindDriftReport, runs.KindRestoreExecute}
}

// Prepare implements [runs.Preparer].
func (r *Requests) Prepare(ctx context.Context, s runs.Start) (runs.Request, error) {
	switch s.Request.Kind {
	case runs.KindDriftReport:
		p, err := decode[DriftParams](s.Request)
		if err != nil {
			return s.Request, err
		}
		if p.SetRevision, p.Origin, err = r.set(ctx, s, s.Tenant, p.ItemIDs, p.SetRevision); err != nil {
			return s.Request, err
		}
		s.Request.Params = params(p)
		return s.Request, nil
	case runs.KindRestorePreview:
		p, err := decode[PreviewParams](s.Request)
		if err != nil {
			return s.Request, err
		}
		if s.RetryOf == nil {
			p.Unfinished = nil
		}
		return r.preview(ctx, s, p)
	}
	return r.execute(ctx, s)
}

func decode[T any](req runs.Request) (T, error) {
	return decodeParams[T](runs.Run{Kind: req.Kind, Params: req.Params})
}

// preview checks a preview and notes the set's revision. Whoever may not restore across
// tenants learns nothing of the other tenant.
func (r *Requests) preview(ctx context.Context, s runs.Start, p PreviewParams) (runs.Request, error) {
	p.Options = p.Options.withDefaults()
	var bad runs.InvalidError
	p.Options.check(&bad)
	if err := bad.Err(); err != nil {
		return s.Request, err
	}
	source, err := r.source(ctx, s, p.SourceTenant)
	if err != nil {
		return s.Request, err
	}
	if p.SetRevision, p.Origin, err = r.set(ctx, s, source, p.ItemIDs, p.SetRevision); err != nil {
		return s.Request, err
	}
	s.Request.Params = params(p)
	return s.Request, nil
}

// source returns the tenant whose set it is. Another one than the target needs the permission
// in both.
func (r *Requests) source(ctx context.Context, s runs.Start, source graph.TenantID) (graph.TenantID, error) {
	if source == "" || source == s.Tenant {
		return s.Tenant, nil
	}
	for _, tenant := range []graph.TenantID{s.Tenant, source} {
		if err := s.Guard.Allow(ctx, tenant, s.Actor, runs.ActionRestoreAcross, s.Request.Target); err != nil {
			return "", err
		}
	}
	return source, nil
}

// set checks the set of a request and its selection. It returns the revision that counts, which a
// retry keeps from the run that it retries, and whose ids the set has.
func (r *Requests) set(ctx context.Context, s runs.Start, tenant graph.TenantID, ids []runs.ID, revision int) (int, graph.TenantID, error) {
	id := s.Request.Target.ID
	if !id.Valid() || s.Request.Target.Type != "backup_set" {
		return 0, "", runs.ErrNotFound
	}
	set, err := r.cfg.Store.GetSet(ctx, tenant, id)
	switch {
	case err != nil:
		return 0, "", err
	case set.Deleted():
		return 0, "", runs.ErrDeleted
	case set.Status == backupset.Building:
		return 0, "", runs.Conflict("set_building", "the backup set is still being built; wait for its run")
	}
	if s.RetryOf == nil || revision < 1 || revision > set.Revision {
		revision = set.Revision
	}
	if err := r.selection(ctx, tenant, id, ids, revision); err != nil {
		return 0, "", err
	}
	origin, err := r.origin(ctx, set)
	return revision, origin, err
}

// origin returns whose ids a set has, "" when they are its own tenant's. What a file does not say
// is a tenant of its own, so that two such files are not taken for one.
func (r *Requests) origin(ctx context.Context, set backupset.BackupSet) (graph.TenantID, error) {
	o, err := backupset.ReadOrigin(ctx, r.cfg.Store, set)
	if err != nil || o.Own(set.TenantID) {
		return "", err
	}
	return cmp.Or(o.TenantID, graph.TenantID("import:"+string(set.ID))), nil
}

// sameOrigin refuses a preview that took the ids of the set for somebody else's, as one of an
// earlier version did: what it matched by them may be other objects.
func (r *Requests) sameOrigin(ctx context.Context, tenant graph.TenantID, preview runs.ID, origin graph.TenantID) error {
	run, err := r.cfg.Store.GetRun(ctx, tenant, preview)
	if err != nil {
		return fmt.Errorf("restore: reading the preview's run: %w", err)
	}
	params, err := decodeParams[PreviewParams](run)
	if err == nil && params.Origin != origin {
		err = errStale
	}
	return err
}

// selection checks that every item is the set's. The answer names the place of an id, never
// the id.
func (r *Requests) selection(ctx context.Context, tenant graph.TenantID, set runs.ID, ids []runs.ID, revision int) error {
	const chunk = 500
	var bad runs.InvalidError
	seen := make(map[runs.ID]bool, len(ids))
	at := 0
	for part := range slices.Chunk(ids, chunk) {
		have := map[runs.ID]bool{}
		ask := slices.DeleteFunc(slices.Clone(part), func(id runs.ID) bool { return !id.Valid() })
		if len(ask) > 0 {
			items, err := r.cfg.Store.ListSetItems(ctx, tenant, set, backupset.SetItemFilter{IDs: ask, Revision: revision}, runs.Slice{Limit: chunk})
			if err != nil {
				return fmt.Errorf("restore: looking for the selected items: %w", err)
			}
			for _, item := range items {
				have[item.ID] = true
			}
		}
		for _, id := range part {
			field := fmt.Sprintf("item_ids[%d]", at)
			switch at++; {
			case !id.Valid():
				bad.Add(field, "id_invalid", "must be a UUID in lower case")
			case seen[id]:
				bad.Add(field, "ids_duplicate", "is given twice")
			case !have[id]:
				bad.Add(field, "item_unknown", "is not an item of this backup set")
			}
			seen[id] = true
		}
		if len(bad.Fields) >= 20 {
			break // enough to see what is wrong
		}
	}
	return bad.Err()
}

// execute checks a restore, or makes a new preview of what one has not restored.
func (r *Requests) execute(ctx context.Context, s runs.Start) (runs.Request, error) {
	p, err := decode[ExecuteParams](s.Request)
	if err != nil {
		return s.Request, err
	}
	if !p.PreviewRunID.Valid() {
		return s.Request, runs.Invalid("preview_run_id", "id_invalid", "must be a UUID in lower case")
	}
	preview, err := r.cfg.Store.GetPreview(ctx, s.Tenant, p.PreviewRunID)
	if errors.Is(err, runs.ErrNotFound) {
		if run, rerr := r.cfg.Store.GetRun(ctx, s.Tenant, p.PreviewRunID); rerr == nil && run.Kind == runs.KindRestorePreview && run.Status.Active() {
			err = errNotReady
		}
	}
	if err != nil {
		return s.Request, err
	}
	if s.RetryOf != nil {
		return r.again(ctx, s, preview)
	}
	if err := checkReason(&p, preview); err != nil {
		return s.Request, err
	}
	if err := r.usable(ctx, s, preview); err != nil {
		return s.Request, err
	}
	source, err := r.source(ctx, s, preview.SourceTenant)
	if err != nil {
		return s.Request, err
	}
	s.Request.Target = runs.Target{Type: "backup_set", ID: preview.SetID}
	if _, p.Origin, err = r.set(ctx, s, source, nil, 0); err != nil {
		return s.Request, err
	}
	if err := r.sameOrigin(ctx, s.Tenant, preview.RunID, p.Origin); err != nil {
		return s.Request, err
	}
	p.Reason = redact.Text(p.Reason)
	s.Request.Key, s.Request.Params = "restore:"+string(preview.RunID), params(p)
	return s.Request, nil
}

var errStale = runs.Conflict("preview_stale", "the preview is too old to say what is live; make a new one")

var errNotReady = runs.Conflict("preview_not_ready", "the preview is still being made; wait for its run")

const maxReason = 500 // characters

func checkReason(p *ExecuteParams, preview Preview) error {
	var bad runs.InvalidError
	p.Reason = strings.TrimSpace(p.Reason)
	switch n := utf8.RuneCountInString(p.Reason); {
	case n == 0 || n > maxReason:
		bad.Add("reason", "reason_length", "is required and has at most 500 characters: it stands in the audit log")
	case !utf8.ValidString(p.Reason) || strings.ContainsFunc(p.Reason, unicode.IsControl):
		bad.Add("reason", "reason_invalid", "must be one line of text")
	}
	if preview.Options.Access == AccessOriginal && !p.Confirm {
		bad.Add("confirm", "confirm_required", "this preview enables Conditional Access policies as they were captured, which may lock people out; confirm that")
	}
	return bad.Err()
}

// usable tells whether a preview may be executed now.
func (r *Requests) usable(ctx context.Context, s runs.Start, p Preview) error {
	switch {
	case p.Kind != runs.KindRestorePreview:
		return runs.Invalid("preview_run_id", "not_a_preview", "is a drift report; make a restore preview")
	case p.ReadyAt.IsZero():
		return errNotReady
	case p.RestoreRunID != "":
		// Started again while it is at work, the restore is deduplicated by its key.
		if run, err := r.cfg.Store.GetRun(ctx, s.Tenant, p.RestoreRunID); err == nil && run.Status.Active() {
			return nil
		}
		return runs.Conflict("preview_used", "the preview has been executed; make a new one")
	case r.cfg.Clock.Now().Sub(p.ReadyAt) > r.cfg.PreviewMaxAge:
		return errStale
	}
	return nil
}

// again makes the retry of a restore: a new preview of the items that it should have restored
// and did not.
func (r *Requests) again(ctx context.Context, s runs.Start, preview Preview) (runs.Request, error) {
	left := map[runs.ID]PreviewItem{}
	err := eachPreviewItem(ctx, r.cfg.Store, s.Tenant, preview.RunID, Filter{Actions: []Action{Create, Change}}, func(item PreviewItem) {
		item.Diff, item.Warnings = nil, nil
		left[item.ItemID] = item
	})
	if err != nil {
		return s.Request, fmt.Errorf("restore: reading the preview: %w", err)
	}
	p := PreviewParams{Options: preview.Options, SetRevision: preview.SetRevision}
	slice := runs.Slice{Limit: 1000}
	for {
		items, err := r.cfg.Store.ListItems(ctx, s.Tenant, s.RetryOf.ID, runs.ItemFilter{Statuses: []runs.ItemStatus{runs.ItemSuccess, runs.ItemFailed}}, slice)
		if err != nil {
			return s.Request, fmt.Errorf("restore: reading what was restored: %w", err)
		}
		for _, item := range items {
			slice.After = runs.Keyset{ID: item.ID}
			plan, selected := left[item.BackupItemID]
			switch copied := plan.TargetID != ""; {
			case !selected:
			case item.Status == runs.ItemSuccess:
				delete(left, item.BackupItemID)
			case plan.Action == Create && item.TargetID != "" && !copied:
				p.Unfinished = append(p.Unfinished, item.BackupItemID)
			}
		}
		if len(items) <= slice.Limit {
			break
		}
	}
	if len(left) == 0 {
		return s.Request, runs.Conflict("nothing_to_retry", "everything was restored; make a new preview instead")
	}
	if preview.SourceTenant != s.Tenant {
		p.SourceTenant = preview.SourceTenant
	}
	for id, plan := range left {
		p.ItemIDs = append(p.ItemIDs, id)
		// A change was allowed by the options or by an earlier retry, and stays so whether this
		// run came to it or not.
		if plan.Action == Change {
			p.Unfinished = append(p.Unfinished, id)
		}
	}
	slices.Sort(p.ItemIDs)
	slices.Sort(p.Unfinished)
	req := PreviewRequest(preview.SetID, p)
	req.Key = s.Request.Key // one preview for one failed restore
	s.Request = req
	return r.preview(ctx, s, p)
}

var _ runs.Preparer = (*Requests)(nil)
