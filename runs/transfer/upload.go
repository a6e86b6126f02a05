package transfer

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
)

// UploaderConfig configures an [Uploader].
type UploaderConfig struct {
	Store Store       // required
	Guard *runs.Guard // required; runs.Starter.Guard gives one

	// Clock defaults to [runs.SystemClock].
	Clock runs.Clock

	// MaxSize is how large a file may be, in bytes. Defaults to 256 MiB.
	MaxSize int64

	// MaxAge is how long a file waits for its import before Sweep removes it. It bounds for
	// how long an import that failed can be retried. Defaults to 24 h.
	MaxAge time.Duration

	// SweepEvery is how often Run sweeps. Defaults to 1 h.
	SweepEvery time.Duration

	// Logger receives what Run cannot return. nil discards it.
	Logger *slog.Logger

	// MaxWaiting bounds what one tenant has in files that wait for their import. An upload
	// beyond it is ErrConflict "uploads_full". 0 takes the defaults: 20 files and 1 GiB;
	// negative is no bound.
	MaxWaiting Bounds

	// Limits are those of the [Importer]: ReceiveFS reads no more than an import would.
	Limits Limits
}

// Uploader takes in files that are to be imported. It is safe for concurrent use.
type Uploader struct {
	cfg UploaderConfig
}

// NewUploader checks the configuration and makes an Uploader.
func NewUploader(cfg UploaderConfig) (*Uploader, error) {
	var bad runs.InvalidError
	if cfg.Store == nil {
		bad.Add("store", "required", "is required")
	}
	if cfg.Guard == nil {
		bad.Add("guard", "required", "is required; runs.Starter.Guard gives one")
	}
	if cfg.MaxSize < 0 {
		bad.Add("max_size", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.MaxAge < 0 {
		bad.Add("max_age", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.SweepEvery < 0 {
		bad.Add("sweep_every", "negative", "must not be negative; 0 takes the default")
	}
	cfg.Limits.complete(&bad)
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if cfg.SweepEvery == 0 {
		cfg.SweepEvery = time.Hour
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = runs.SystemClock{}
	}
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 256 << 20
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = 24 * time.Hour
	}
	if cfg.MaxWaiting.Files == 0 {
		cfg.MaxWaiting.Files = 20
	}
	if cfg.MaxWaiting.Bytes == 0 {
		cfg.MaxWaiting.Bytes = 1 << 30
	}
	cfg.MaxWaiting = Bounds{max(cfg.MaxWaiting.Files, 0), max(cfg.MaxWaiting.Bytes, 0)}
	return &Uploader{cfg}, nil
}

// Receive stores a file for somebody who may import into the tenant; [ImportRequest] asks for
// its import. The file is not looked into. One that is larger than MaxSize is ErrInvalid
// "file_too_large", an empty one "file_empty"; one with which the tenant would have more than
// MaxWaiting is ErrConflict "uploads_full". Whatever goes wrong, nothing is left behind.
func (u *Uploader) Receive(ctx context.Context, tenant graph.TenantID, actor runs.Actor, r io.Reader) (Upload, error) {
	return u.take(ctx, tenant, actor, func(w io.Writer) error {
		// One chunk at a time, read whole: a reader may give a few bytes at once.
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 64<<10))
		return err
	})
}

// ReceiveFS stores the JSON files of a folder as one file, as if somebody had made a zip of
// it and uploaded that: the same folder is the same import. Other files, links and folders
// whose names begin with a dot are left out. os.DirFS makes a folder of the machine an fs.FS.
func (u *Uploader) ReceiveFS(ctx context.Context, tenant graph.TenantID, actor runs.Actor, folder fs.FS) (Upload, error) {
	return u.take(ctx, tenant, actor, func(w io.Writer) error { return pack(ctx, w, folder, u.cfg.Limits) })
}

func pack(ctx context.Context, w io.Writer, folder fs.FS, l Limits) error {
	z := zip.NewWriter(w)
	left, entries := l.TotalSize, 0
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.Type().IsRegular() || !isJSON(name):
			return nil
		}
		if entries++; entries > l.Entries {
			return runs.Invalid("file", "file_too_large", "the folder has more files than an import takes")
		}
		f, err := folder.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		to, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return err
		}
		size := min(l.EntrySize, left)
		n, err := io.Copy(to, io.LimitReader(f, size+1))
		if n > size {
			return runs.Invalid("file", "file_too_large", "the folder has a file, or files together, larger than an import takes")
		}
		left -= n
		return err
	})
	if err != nil {
		return err
	}
	if entries == 0 {
		return runs.Invalid("file", "file_empty", "the folder has no JSON files")
	}
	return z.Close()
}

func isJSON(name string) bool { return strings.EqualFold(path.Ext(name), ".json") }

func (u *Uploader) take(ctx context.Context, tenant graph.TenantID, actor runs.Actor, write func(io.Writer) error) (_ Upload, err error) {
	if err := u.cfg.Guard.Allow(ctx, tenant, actor, runs.StartAction(runs.KindSetImport), runs.Target{Type: "upload"}); err != nil {
		return Upload{}, err
	}
	in := &intake{u: u, ctx: ctx, tenant: tenant, id: u.cfg.Guard.NewID(), sum: sha256.New()}
	at := u.now()
	if err := u.cfg.Store.AddUpload(ctx, tenant, Upload{ID: in.id, TenantID: tenant, CreatedAt: at}, u.cfg.MaxWaiting); err != nil {
		return Upload{}, fmt.Errorf("transfer: beginning an upload: %w", err)
	}
	defer func() {
		if err != nil { // also when the caller has gone; what fails here is left to Sweep
			if rerr := u.cfg.Store.RemoveUpload(context.WithoutCancel(ctx), tenant, in.id); rerr != nil {
				err = errors.Join(err, rerr)
			}
		}
	}()
	if err := write(in); err != nil {
		if errors.Is(err, runs.ErrInvalid) || ctx.Err() != nil {
			return Upload{}, err
		}
		return Upload{}, fmt.Errorf("transfer: receiving a file: %w", err)
	}
	if err := in.flush(); err != nil {
		return Upload{}, err
	}
	if in.size == 0 {
		return Upload{}, runs.Invalid("file", "file_empty", "is empty")
	}
	up, err := u.cfg.Store.ReadyUpload(ctx, tenant, in.id, in.size, hex.EncodeToString(in.sum.Sum(nil)), u.now())
	if err != nil {
		return Upload{}, fmt.Errorf("transfer: ending an upload: %w", err)
	}
	return up, nil
}

// Waits tells whether the file of an import is still there, so that the import can be retried: it is
// removed when its run comes to its end, whatever was in it, and by Sweep. A run that was canceled, or
// ended for what has nothing to do with the file, such as an outage, leaves it.
func (u *Uploader) Waits(ctx context.Context, tenant graph.TenantID, actor runs.Actor, run runs.Run) (bool, error) {
	if err := u.cfg.Guard.Allow(ctx, tenant, actor, runs.ActionLook, runs.Target{Type: "run", ID: run.ID}); err != nil {
		return false, err
	}
	var params ImportParams
	if run.Kind != runs.KindSetImport || json.Unmarshal(run.Params, &params) != nil || !params.UploadID.Valid() {
		return false, nil
	}
	upload, err := u.cfg.Store.GetUpload(ctx, tenant, params.UploadID)
	if errors.Is(err, runs.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("transfer: looking for the file of an import: %w", err)
	}
	return !upload.ReadyAt.IsZero(), nil
}

func (u *Uploader) now() time.Time { return u.cfg.Clock.Now().UTC().Truncate(time.Microsecond) }

// Sweep removes the files of all tenants that were uploaded longer than MaxAge ago, and
// returns how many. One that cannot be removed does not keep the others; the error names the
// first. Run calls it, in one process or several.
func (u *Uploader) Sweep(ctx context.Context) (removed int, err error) {
	const page = 100
	before, after := u.now().Add(-u.cfg.MaxAge), runs.ID("")
	var failed error
	for {
		list, err := u.cfg.Store.OldUploads(ctx, before, after, page)
		if err != nil {
			return removed, fmt.Errorf("transfer: looking for old uploads: %w", err)
		}
		for _, old := range list {
			after = old.ID
			switch err := u.cfg.Store.RemoveUpload(ctx, old.TenantID, old.ID); {
			case err == nil:
				removed++
			case ctx.Err() != nil:
				return removed, ctx.Err()
			case failed == nil:
				failed = fmt.Errorf("transfer: removing the old upload %s: %w", old.ID, err)
			}
		}
		if len(list) < page {
			return removed, failed
		}
	}
}

// Run sweeps until ctx ends, first at once and then every SweepEvery. It returns nil after a
// normal stop. What fails is logged and tried again the next time.
func (u *Uploader) Run(ctx context.Context) error {
	for {
		if n, err := u.Sweep(ctx); err != nil && ctx.Err() == nil {
			u.cfg.Logger.ErrorContext(ctx, "old uploads could not be removed; it is tried again", redact.Err(err))
		} else if n > 0 {
			u.cfg.Logger.InfoContext(ctx, "old uploads removed", "uploads", n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-u.cfg.Clock.After(u.cfg.SweepEvery):
		}
	}
}

// intake stores what is written to it in chunks.
type intake struct {
	u      *Uploader
	ctx    context.Context
	tenant graph.TenantID
	id     runs.ID

	sum   hash.Hash
	size  int64
	chunk []byte
	n     int
}

func (in *intake) Write(p []byte) (int, error) {
	if in.size+int64(len(p)) > in.u.cfg.MaxSize {
		return 0, runs.Invalid("file", "file_too_large", fmt.Sprintf("has at most %d MiB", in.u.cfg.MaxSize>>20))
	}
	in.size += int64(len(p))
	in.sum.Write(p)
	written := len(p)
	for len(p) > 0 {
		n := min(len(p), ChunkSize-len(in.chunk))
		in.chunk = append(in.chunk, p[:n]...)
		p = p[n:]
		if len(in.chunk) == ChunkSize {
			if err := in.flush(); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

func (in *intake) flush() error {
	if len(in.chunk) == 0 {
		return nil
	}
	if err := in.u.cfg.Store.AddChunk(in.ctx, in.tenant, in.id, in.n, in.chunk, in.u.cfg.MaxWaiting); err != nil {
		return fmt.Errorf("transfer: storing a chunk: %w", err)
	}
	in.n++
	in.chunk = make([]byte, 0, ChunkSize) // the store may have kept the other
	return nil
}

// ImportParams are the parameters of a backup_set.import run.
type ImportParams struct {
	UploadID runs.ID `json:"upload_id"`
	Name     string  `json:"name,omitempty"` // of the set
}

// ImportRequest asks for an upload to be imported as a manual set, which exists at once and is
// filled by the run. Without a name the set is named after the time of its upload: what the
// file calls itself is not known before it has been read. While an import of the same file is
// active, it is the same request.
func ImportRequest(u Upload, name string) runs.Request {
	params, _ := json.Marshal(ImportParams{UploadID: u.ID, Name: name}) // strings always marshal
	return runs.Request{Kind: runs.KindSetImport, Key: importKey(u), SetName: setName(u, name), Params: params}
}

func importKey(u Upload) string { return "import:" + u.SHA256 }

func setName(u Upload, name string) string {
	if name != "" {
		return name
	}
	return "Import of " + u.CreatedAt.UTC().Format("2006-01-02 15:04 UTC")
}
