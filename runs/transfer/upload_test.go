package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

func refusedAs(err error, code string) bool {
	var bad *runs.InvalidError
	return errors.As(err, &bad) && slices.ContainsFunc(bad.Fields, func(f runs.FieldError) bool { return f.Code == code && f.Field == "file" })
}

func TestAFileIsKeptInChunks(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	for _, size := range []int{1, transfer.ChunkSize - 1, transfer.ChunkSize, transfer.ChunkSize + 1, 3 * transfer.ChunkSize} {
		raw := bytes.Repeat([]byte("0123456789abcde"), size/15+1)[:size]
		u, err := w.up.Receive(t.Context(), rig.Tenant, rig.Owner, iotest.HalfReader(bytes.NewReader(raw)))
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for n := 0; len(got) < size; n++ {
			chunk, err := w.back.Chunk(t.Context(), rig.Tenant, u.ID, n)
			if err != nil || len(chunk) != min(transfer.ChunkSize, size-len(got)) {
				t.Fatalf("%d bytes: chunk %d has %d, %v", size, n, len(chunk), err)
			}
			got = append(got, chunk...)
		}
		if !bytes.Equal(got, raw) || u.Size != int64(size) || len(u.SHA256) != 64 || u.ReadyAt.IsZero() {
			t.Errorf("%d bytes came back as %d, upload %+v", size, len(got), u)
		}
	}
}

func TestAFileThatDoesNotArriveLeavesNothingBehind(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, func(_ *transfer.ImporterConfig, u *transfer.UploaderConfig) { u.MaxSize = 2 << 20 })
	gone := errors.New("the line broke")
	for name, tt := range map[string]struct {
		r    io.Reader
		want func(error) bool
	}{
		"too large":  {bytes.NewReader(make([]byte, 2<<20+1)), func(err error) bool { return refusedAs(err, "file_too_large") }},
		"empty":      {strings.NewReader(""), func(err error) bool { return refusedAs(err, "file_empty") }},
		"broken off": {io.MultiReader(bytes.NewReader(make([]byte, 1<<20+5)), iotest.ErrReader(gone)), func(err error) bool { return errors.Is(err, gone) }},
	} {
		if _, err := w.up.Receive(t.Context(), rig.Tenant, rig.Owner, tt.r); !tt.want(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := w.up.Receive(ctx, rig.Tenant, rig.Owner, io.MultiReader(strings.NewReader("x"), readerFunc(func([]byte) (int, error) { cancel(); return 0, ctx.Err() })))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the caller went: %v", err)
	}
	w.back.before = func(string) error { return gone }
	if _, err := w.up.Receive(t.Context(), rig.Tenant, rig.Owner, strings.NewReader("x")); !errors.Is(err, gone) {
		t.Errorf("the store fails: %v", err)
	}
	if len(w.uploads()) != 0 {
		t.Errorf("%d uploads are left", len(w.uploads()))
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestOnlyWhoMayImportUploads(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	for _, actor := range []runs.Actor{rig.Operator, rig.Reader, rig.Stranger, {}} {
		touched := readerFunc(func([]byte) (int, error) { t.Errorf("the file of %q is read", actor.ID); return 0, io.EOF })
		if _, err := w.up.Receive(t.Context(), rig.Tenant, actor, touched); !errors.Is(err, runs.ErrForbidden) {
			t.Errorf("%q: %v", actor.ID, err)
		}
	}
	u, err := w.up.Receive(t.Context(), rig.Tenant, rig.Owner, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Starter.Start(t.Context(), rig.Tenant, rig.Operator, transfer.ImportRequest(u, "")); !errors.Is(err, runs.ErrForbidden) {
		t.Errorf("an operator starts: %v", err)
	}
}

func TestTheSameFileIsOneImportWhileItIsActive(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	raw := zipOf(t, entry{name: "x.json", content: []byte(object)})
	first, second := w.start(raw), w.start(raw)
	if first.ID != second.ID {
		t.Errorf("two runs: %s and %s", first.ID, second.ID)
	}
	if _, err := w.Store.GetSet(t.Context(), rig.Tenant, first.BackupSetID); err != nil {
		t.Errorf("the set is not there at once: %v", err)
	}
	w.Drain()
	if third := w.start(raw); third.ID == first.ID {
		t.Error("an import that has ended is not done again")
	}
}

func TestWhatATenantHasWaitingIsBounded(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, func(_ *transfer.ImporterConfig, u *transfer.UploaderConfig) {
		u.MaxWaiting = transfer.Bounds{Files: 3, Bytes: 2 << 20}
	})
	receive := func(size int) error {
		_, err := w.up.Receive(t.Context(), rig.Tenant, rig.Owner, bytes.NewReader(make([]byte, size)))
		return err
	}
	var full *runs.ConflictError
	if err := receive(1<<20 + 1); err != nil {
		t.Fatal(err)
	}
	if err := receive(1 << 20); !errors.As(err, &full) || full.Code != "uploads_full" {
		t.Errorf("a byte more than the tenant may have: %v", err)
	}
	if n := len(w.uploads()); n != 1 {
		t.Errorf("%d uploads are left", n)
	}
	for range 2 {
		if err := receive(1); err != nil {
			t.Fatal(err)
		}
	}
	if err := receive(1); !errors.As(err, &full) || full.Code != "uploads_full" {
		t.Errorf("a file more than the tenant may have: %v", err)
	}
	w.Clock.Add(25 * time.Hour)
	if _, err := w.up.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := receive(1 << 20); err != nil {
		t.Errorf("once the old ones are removed: %v", err)
	}
}

func TestAnImportNeedsItsFile(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, nil)
	start := func(u transfer.Upload, name string) error {
		_, _, err := w.Starter.Start(t.Context(), rig.Tenant, rig.Owner, transfer.ImportRequest(u, name))
		return err
	}
	if err := start(transfer.Upload{ID: "0190a000-0000-7000-8000-000000000001"}, ""); !errors.Is(err, runs.ErrNotFound) {
		t.Errorf("nobody's: %v", err)
	}
	if err := start(transfer.Upload{ID: "../x"}, ""); !errors.Is(err, runs.ErrNotFound) {
		t.Errorf("no id: %v", err)
	}
	half := transfer.Upload{ID: w.Starter.Guard().NewID(), CreatedAt: w.Clock.Now()}
	if err := w.back.AddUpload(t.Context(), rig.Tenant, half, transfer.Bounds{}); err != nil {
		t.Fatal(err)
	}
	var conflict *runs.ConflictError
	if err := start(half, ""); !errors.As(err, &conflict) || conflict.Code != "upload_not_ready" {
		t.Errorf("half a file: %v", err)
	}
	if err := w.back.AddUpload(t.Context(), "fabrikam", transfer.Upload{ID: "0190a000-0000-7000-8000-000000000002"}, transfer.Bounds{}); err != nil {
		t.Fatal(err)
	}
	if err := start(transfer.Upload{ID: "0190a000-0000-7000-8000-000000000002"}, ""); !errors.Is(err, runs.ErrNotFound) {
		t.Errorf("another tenant's: %v", err)
	}
	u, err := w.up.Receive(t.Context(), rig.Tenant, rig.Owner, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{strings.Repeat("x", 201), "a\nb"} {
		if err := start(u, name); !errors.Is(err, runs.ErrInvalid) {
			t.Errorf("the name %.20q: %v", name, err)
		}
	}
}

func TestACanceledImportCanBeRetriedWhileItsFileIsThere(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, func(c *transfer.ImporterConfig, _ *transfer.UploaderConfig) { c.SaveSize = 16 })
	var list []entry
	for _, e := range large(t, 40) {
		e.content, e.header = bytes.TrimSpace(e.content), nil
		list = append(list, e)
	}
	run := w.start(zipOf(t, list...))
	w.back.before = func(method string) error {
		if method != "SaveCaptured done" {
			return nil
		}
		w.back.before = nil
		_, err := w.Starter.Cancel(t.Context(), rig.Tenant, rig.Owner, run.ID)
		return err
	}
	w.Drain()
	run = w.Run(run.ID)
	if set := w.Set(run); run.Status != runs.StatusCanceled || set.Status != "partial" || set.ItemsCount != 16 {
		t.Fatalf("the run ended %s, the set is %s with %d items", run.Status, set.Status, set.ItemsCount)
	}
	waits := func(want bool) {
		t.Helper()
		if got, err := w.up.Waits(t.Context(), rig.Tenant, rig.Owner, run); got != want || err != nil {
			t.Errorf("its file waits: %v, %v; want %v", got, err, want)
		}
	}
	waits(true)
	again, _, err := w.Starter.Retry(t.Context(), rig.Tenant, rig.Owner, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if same, reused, err := w.Starter.Start(t.Context(), rig.Tenant, rig.Owner, runs.Request{Kind: run.Kind, Key: "any", Params: run.Params}); err != nil || !reused || same.ID != again.ID {
		t.Errorf("beside the retry the file is imported by %s, %v", same.ID, err)
	}
	if again.BackupSetID == run.BackupSetID || again.Target.ID != again.BackupSetID {
		t.Errorf("the retry fills %s", again.BackupSetID)
	}
	w.Drain()
	if again = w.Run(again.ID); again.Status != runs.StatusSuccess || again.Counts.Succeeded != 40 {
		t.Errorf("the retry ended %s with %+v", again.Status, again.Counts)
	}
	var conflict *runs.ConflictError
	if _, _, err := w.Starter.Retry(t.Context(), rig.Tenant, rig.Owner, run.ID); !errors.As(err, &conflict) || conflict.Code != "upload_gone" {
		t.Errorf("without the file: %v", err)
	}
	waits(false)
	if _, err := w.up.Waits(t.Context(), rig.Tenant, runs.Actor{ID: "nobody"}, run); !errors.Is(err, runs.ErrForbidden) {
		t.Errorf("a stranger is told: %v", err)
	}
}

func TestFilesThatNobodyImportedAreSwept(t *testing.T) {
	w := newWorld(t, rig.Options{Policies: -1}, func(_ *transfer.ImporterConfig, c *transfer.UploaderConfig) { c.MaxWaiting.Files = -1 })
	receive := func() runs.ID {
		u, err := w.up.Receive(t.Context(), rig.Tenant, rig.Owner, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		return u.ID
	}
	for range 120 {
		receive()
	}
	w.Clock.Add(23 * time.Hour)
	young := receive()
	if n, err := w.up.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("after 23 h: %d, %v", n, err)
	}
	w.Clock.Add(time.Hour + time.Second)
	if n, err := w.up.Sweep(t.Context()); n != 120 || err != nil || len(w.uploads()) != 1 || w.uploads()[0].ID != young {
		t.Errorf("after 24 h: %d, %v, and %d are left", n, err, len(w.uploads()))
	}
}

// sweeps is a store that counts how often old uploads are looked for, which fails the first time.
type sweeps struct {
	transfer.Store
	n atomic.Int32
}

func (s *sweeps) OldUploads(context.Context, time.Time, runs.ID, int) ([]transfer.TenantUpload, error) {
	if s.n.Add(1) == 1 {
		return nil, errors.New("not this time")
	}
	return nil, nil
}

func TestRunSweepsAtOnceAndThenOnTheClockUntilItsContextEnds(t *testing.T) {
	guard := newWorld(t, rig.Options{Policies: -1}, nil).Starter.Guard()
	synctest.Test(t, func(t *testing.T) {
		clock := runs.SystemClock{} // the bubble's time
		store := &sweeps{}
		var log strings.Builder
		up, err := transfer.NewUploader(transfer.UploaderConfig{Store: store, Guard: guard, Clock: clock, SweepEvery: time.Minute, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- up.Run(ctx) }()
		for want := int32(1); want <= 3; want++ {
			synctest.Wait()
			if store.n.Load() != want {
				t.Fatalf("%d sweeps, want %d", store.n.Load(), want)
			}
			<-clock.After(time.Minute)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if !strings.Contains(log.String(), "not this time") {
			t.Errorf("what failed is not in the log: %s", log.String())
		}
	})
}

// An import that dies between sealing its set and ending goes on knowing whose ids its file has, as
// long as the file is there.
func TestAnImportThatDiesAfterItsSetIsSealedKeepsItsOrigin(t *testing.T) {
	from := rig.New(t, rig.Options{Policies: 3})
	backup := from.Backup(from.Schedule(nil).ID)
	raw := archived(t, from, backup.BackupSetID, transfer.ExportOptions{})
	for _, c := range []struct {
		name   string
		gone   bool
		tenant graph.TenantID
	}{{"its file is there", false, rig.Tenant}, {"its file is gone", true, ""}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rig.Options{Policies: -1}, nil)
			run, died := w.start(raw), false
			w.back.before = func(method string) error {
				if method != "SealSet done" || died {
					return nil
				}
				if died = true; c.gone {
					for _, u := range w.uploads() {
						if err := w.Store.RemoveUpload(t.Context(), rig.Tenant, u.ID); err != nil {
							t.Error(err)
						}
					}
				}
				return errors.New("the database has gone")
			}
			w.Drain()
			run = w.Run(run.ID)
			want := backupset.Origin{Imported: true, TenantID: c.tenant}
			if !c.gone {
				want.SetName = from.Set(backup).Name
			}
			if d := cmp.Diff(want, backupset.OriginOf(w.Set(run), run)); d != "" || run.Status != runs.StatusSuccess || !died {
				t.Errorf("the run ended %s %s, its set's origin (-want +got):\n%s", run.Status, run.ErrorCode, d)
			}
		})
	}
}
