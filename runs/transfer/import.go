package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// ImportStore is what an [Importer] needs of a backend.
type ImportStore interface {
	Store
	runs.ItemStore
	backupset.CaptureStore
	backupset.SetStore
}

// ImporterConfig configures an [Importer].
type ImporterConfig struct {
	Store ImportStore // required

	// Catalogue says which types are known. It must be the one that captures use. Defaults to
	// [graph.Catalog].
	Catalogue *graph.Catalogue

	Limits Limits

	// SaveSize is how many policies one transaction stores at most. Defaults to 64.
	SaveSize int
}

// Importer executes imports. It never calls Graph. It is safe for concurrent use by several
// runs.
//
// A file that is wrong as a whole ends its run as failed with [runs.CodeImportInvalid]; its
// set stays partial, mostly empty. A single policy that is damaged or of an unknown type is a
// failed item and makes the set partial; the others are kept.
type Importer struct {
	cfg     ImporterConfig
	canon   *backupset.Canonicalizer
	classes *classifier
	scratch []byte // only in the copy that one attempt works with
}

// NewImporter checks the configuration and makes an Importer.
func NewImporter(cfg ImporterConfig) (*Importer, error) {
	var bad runs.InvalidError
	if cfg.Store == nil {
		bad.Add("store", "required", "is required")
	}
	if cfg.SaveSize < 0 {
		bad.Add("save_size", "negative", "must not be negative; 0 takes the default")
	}
	cfg.Limits.complete(&bad)
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if cfg.Catalogue == nil {
		cfg.Catalogue = graph.Catalog
	}
	if cfg.SaveSize == 0 {
		cfg.SaveSize = 64
	}
	return &Importer{cfg: cfg, canon: backupset.NewCanonicalizer(cfg.Catalogue), classes: newClassifier(cfg.Catalogue)}, nil
}

// Kinds returns the kinds of runs that the Importer does.
func (im *Importer) Kinds() []runs.Kind { return []runs.Kind{runs.KindSetImport} }

// Execute implements [runs.Executor].
func (im *Importer) Execute(ctx context.Context, a *runs.Attempt) error {
	var params ImportParams
	if err := json.Unmarshal(a.Run().Params, &params); err != nil {
		return errors.New("transfer: the parameters of this import are not readable") // the cause would quote them
	}
	own := *im
	own.scratch = nil
	err := own.run(ctx, a, params.UploadID)
	var wrong *unusable
	var below *storeError
	if errors.As(err, &below) && errors.Is(err, runs.ErrNotFound) { // another import of it has ended
		err = errGone
	}
	if errors.As(err, &wrong) {
		a.Finish(runs.Result{Status: runs.StatusFailed, Code: runs.CodeImportInvalid, Message: "the file cannot be imported: " + wrong.why})
		err = nil
	}
	if err == nil {
		// A run that has ended needs its file no more. What fails here is left to Sweep.
		_ = im.cfg.Store.RemoveUpload(ctx, a.Tenant(), params.UploadID)
	}
	return err
}

var errGone = refuse("it is not there any more; upload it again")

func (im *Importer) run(ctx context.Context, a *runs.Attempt, id runs.ID) error {
	set, err := im.cfg.Store.GetSet(ctx, a.Tenant(), a.Run().BackupSetID)
	if err != nil {
		return fmt.Errorf("transfer: reading the run's backup set: %w", err)
	}
	f := &filling{im: im, a: a, set: set, done: map[policyKey]bool{}, byType: map[graph.PolicyType]*backupset.Manifest{}}
	c, err := im.upload(ctx, a, id)
	if set.Status != backupset.Building { // an earlier attempt died between sealing the set and ending the run
		var wrong *unusable
		var below *storeError
		switch {
		case err == nil:
			return f.finishSealed(ctx, c.info)
		case errors.As(err, &wrong), errors.As(err, &below) && errors.Is(err, runs.ErrNotFound): // its file is gone, so nobody knows what it said
			return f.finishSealed(ctx, Source{})
		}
		return err
	}
	if err != nil {
		return err
	}
	return f.fill(ctx, c)
}

// upload opens the file of an import.
func (im *Importer) upload(ctx context.Context, a *runs.Attempt, id runs.ID) (*contents, error) {
	upload, err := im.cfg.Store.GetUpload(ctx, a.Tenant(), id)
	if errors.Is(err, runs.ErrNotFound) || err == nil && upload.ReadyAt.IsZero() {
		return nil, errGone
	}
	if err != nil {
		return nil, fmt.Errorf("transfer: reading the upload: %w", err)
	}
	archive, err := openArchive(&chunks{ctx: ctx, store: im.cfg.Store, tenant: a.Tenant(), upload: upload}, upload.Size, im.cfg.Limits)
	if err != nil {
		return nil, err
	}
	return im.open(archive)
}

// RequestStore is what [Requests] need of a backend.
type RequestStore interface {
	Store
}

// Requests prepare the starts of imports. They are safe for concurrent use.
type Requests struct {
	store RequestStore
}

// NewRequests makes Requests.
func NewRequests(store RequestStore) (*Requests, error) {
	if store == nil {
		return nil, runs.Invalid("store", "required", "is required")
	}
	return &Requests{store}, nil
}

// Kinds implements [runs.Preparer].
func (*Requests) Kinds() []runs.Kind { return []runs.Kind{runs.KindSetImport} }

// Prepare implements [runs.Preparer]. An import needs its upload, and so does its retry, which
// is ErrConflict "upload_gone" without it: the file of a run that came to its end is removed,
// and so is one that nobody imported for long.
func (r *Requests) Prepare(ctx context.Context, s runs.Start) (runs.Request, error) {
	req := s.Request
	var params ImportParams
	if err := json.Unmarshal(req.Params, &params); err != nil {
		return req, runs.Invalid("params", "params_invalid", "must be the parameters of an import")
	}
	if strings.ContainsFunc(params.Name, unicode.IsControl) {
		return req, runs.Invalid("name", "name_invalid", "must not have control characters")
	}
	upload, err := Upload{}, runs.ErrNotFound
	if params.UploadID.Valid() {
		upload, err = r.store.GetUpload(ctx, s.Tenant, params.UploadID)
	}
	switch {
	case errors.Is(err, runs.ErrNotFound) && s.RetryOf != nil:
		return req, runs.Conflict("upload_gone", "the file of this import has been removed; upload it again")
	case err != nil:
		return req, err
	case upload.ReadyAt.IsZero():
		return req, runs.Conflict("upload_not_ready", "the file has not arrived whole; upload it again")
	}
	// A retry, too: of two runs over one file the first to end would take it from the other.
	req.Key = importKey(upload)
	req.SetName, req.Target, req.ScheduleID = setName(upload, params.Name), runs.Target{}, ""
	return req, nil
}

var (
	_ runs.Executor = (*Importer)(nil)
	_ runs.Preparer = (*Requests)(nil)
)
