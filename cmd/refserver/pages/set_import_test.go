package pages_test

import (
	"archive/zip"
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// upload sends a form with a file, as a browser does.
func (w *world) upload(as runs.Actor, name, fileName string, content io.Reader) response {
	w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	check(w.t, form.WriteField("name", name))
	part := must(form.CreateFormFile("file", fileName))(w.t)
	must(io.Copy(part, content))(w.t)
	check(w.t, form.Close())
	return w.multipart(as, form.FormDataContentType(), &body)
}

func (w *world) multipart(as runs.Actor, contentType string, body io.Reader) response {
	req := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, tenantPath("sets", "import"), body)
	req.Header.Set("Content-Type", contentType)
	req.SetBasicAuth(as.ID, "x")
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, req)
	got := response{Response: rec.Result(), body: rec.Body.String()}
	got.callsFieldsByTheirLabels(w.t)
	return got
}

func TestAnExportIsImportedAsASetOfItsOwn(t *testing.T) {
	w := newWorld(t, nil)
	set := w.byHand("One")
	zip := w.post(owner, tenantPath("sets", set.ID, "export"), url.Values{"secrets": {"yes"}}).body
	run := w.started(w.upload(manager, "Back again", "../../x.zip", strings.NewReader(zip)))
	again := w.set(run.BackupSetID)
	if again.Name != "Back again" || again.ItemsCount != set.ItemsCount || again.Status != backupset.Complete {
		t.Errorf("the set is %q, %s, of %d policies", again.Name, again.Status, again.ItemsCount)
	}
}

func TestAFileThatIsNoZipEndsItsRunAndSaysWhy(t *testing.T) {
	w := newWorld(t, nil)
	run := w.started(w.upload(manager, "", "evil.zip", strings.NewReader("<script>alert(1)</script>")))
	if run.Status != runs.StatusFailed || run.ErrorCode != runs.CodeImportInvalid {
		t.Errorf("the run is %s: %s", run.Status, run.ErrorCode)
	}
}

// damaged is an export of a set in which one policy is not what was captured.
func damaged(t *testing.T, export string) string {
	t.Helper()
	from := must(zip.NewReader(strings.NewReader(export), int64(len(export))))(t)
	var out bytes.Buffer
	to, broken := zip.NewWriter(&out), false
	for _, f := range from.File {
		r := must(f.Open())(t)
		content := must(io.ReadAll(r))(t)
		if strings.HasPrefix(f.Name, "policies/") && !broken {
			content, broken = content[:len(content)/2], true
		}
		must(must(to.Create(f.Name))(t).Write(content))(t)
	}
	check(t, to.Close())
	if !broken {
		t.Fatal("the export has no policy")
	}
	return out.String()
}

// The file of an import is removed when its run has come to its end, and after a day.
func TestAnImportIsRetriedWhileItsFileIsThereAndElseLeadsToTheImport(t *testing.T) {
	w := newWorld(t, nil)
	set := w.byHand("One")
	export := w.post(owner, tenantPath("sets", set.ID, "export"), url.Values{"secrets": {"yes"}}).body
	page := func(as runs.Actor, r runs.Run) response { return w.get(as, tenantPath("runs", r.ID)) }
	retry := func(r runs.Run) string { return `action="` + tenantPath("runs", r.ID, "retry") + `"` }
	again := `<a role="button" href="` + tenantPath("sets", "import") + `">Import the file again</a>`
	gone := func(what string, r runs.Run, advice string) {
		t.Helper()
		got := page(manager, r)
		if !strings.Contains(got.body, again) || strings.Contains(got.body, retry(r)) {
			t.Errorf("%s: a retry is offered: %t, another import: %t", what, strings.Contains(got.body, retry(r)), strings.Contains(got.body, again))
		}
		got.shows(t, advice)
		got.lacks(t, "Retry covers")
		if refused := w.post(manager, tenantPath("runs", r.ID, "retry"), nil); refused.StatusCode != http.StatusConflict {
			t.Errorf("%s: a retry answers %s", what, refused.Status)
		} else if back := refused.link(t, "Back"); back != tenantPath("runs", r.ID) {
			t.Errorf("%s: from the refusal Back leads to %s", what, back)
		}
		page(readonly, r).lacks(t, again)
	}

	gone("no zip", w.started(w.upload(manager, "", "x.zip", strings.NewReader("none"))), "Export the set again, or import another file.")
	partial := w.started(w.upload(manager, "", "x.zip", strings.NewReader(damaged(t, export))))
	if partial.Status != runs.StatusPartial {
		t.Fatalf("the damaged export ended %s", partial.Status)
	}
	gone("partial", partial, "The file is removed: to try again, import it again")

	w.upload(manager, "", "x.zip", strings.NewReader(export))
	waiting := must(w.cfg.Starter.List(t.Context(), tenant, owner, runs.RunFilter{Kinds: []runs.Kind{runs.KindSetImport}}, runs.PageRequest{Limit: 1}))(t).Items[0]
	canceled := must(w.cfg.Starter.Cancel(t.Context(), tenant, manager, waiting.ID))(t)
	got := page(manager, canceled)
	got.has(t, retry(canceled))
	got.lacks(t, again)
	w.clock.Add(25 * time.Hour)
	must(w.cfg.Uploader.Sweep(t.Context()))(t)
	gone("swept", canceled, "Its file has been removed meanwhile")
}

func TestAnUploadThatIsRefusedSaysWhyInWords(t *testing.T) {
	w := newWorld(t, func(c *pages.Config) { c.MaxImport = 100_000 })
	for what, c := range map[string]struct {
		got    response
		status int
		want   string
	}{
		"too large":    {w.upload(manager, "x", "x.zip", strings.NewReader(strings.Repeat("x", 300_000))), 413, "Is larger than 100 kB."},
		"empty":        {w.upload(manager, "x", "x.zip", strings.NewReader("")), 422, "Is empty."},
		"no file":      {w.upload(manager, "x", "", strings.NewReader("")), 422, "Choose a file."},
		"long name":    {w.upload(manager, strings.Repeat("ü", 201), "x.zip", strings.NewReader("x")), 422, "Must have at most 200 characters."},
		"hostile name": {w.upload(manager, "a\x00<b>", "x.zip", strings.NewReader("x")), 422, "Must be one line of text."},
		"no multipart": {w.post(manager, tenantPath("sets", "import"), url.Values{"name": {"x"}}), 422, "Choose a file."},
		"broken form":  {w.multipart(manager, "multipart/form-data; boundary=x", strings.NewReader("--x\r\nContent-Disposition: <b>\r\n")), 422, "Choose a file."},
		"cut off": {w.multipart(manager, "multipart/form-data; boundary=x",
			strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nPK")), 400, "The file ended before it was complete."},
	} {
		if c.got.StatusCode != c.status {
			t.Errorf("%s: %s", what, c.got.Status)
		}
		c.got.has(t, c.want)
		c.got.lacks(t, "<b>")
	}
}

// zeros is a body that is never in memory as a whole. At each whole MiB it calls between: whoever
// reads it waits meanwhile.
type zeros struct {
	left    int64
	between func()
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	if z.left&(1<<20-1) == 0 {
		z.between()
	}
	n := int(min(int64(len(p)), z.left, 1<<15))
	clear(p[:n])
	z.left -= int64(n)
	return n, nil
}

func TestALargeUploadIsNeverInMemoryAsAWhole(t *testing.T) {
	w := newWorld(t, nil)
	const size = 24 << 20
	head := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.zip\"\r\n\r\n"
	before, peak := liveHeap(), uint64(0)
	measured := &zeros{left: size, between: func() {
		if now := liveHeap(); now > before {
			peak = max(peak, now-before)
		}
	}}
	got := w.multipart(manager, "multipart/form-data; boundary=x", io.MultiReader(strings.NewReader(head), measured, strings.NewReader("\r\n--x--\r\n")))
	if got.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s: %s", got.Status, text(got.body))
	}
	if peak > size/2 {
		t.Errorf("the heap grew by %d MiB for a file of %d MiB", peak>>20, size>>20)
	}
}

// liveHeap is what a collection finds alive. What is allocated while it runs counts as well, so
// it tells little on a busy machine unless those who allocate wait.
func liveHeap() uint64 {
	runtime.GC()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return live[0].Value.Uint64()
}

func TestTheLimitOfAFileIsSaidAsItIsSet(t *testing.T) {
	w := newWorld(t, nil)
	w.get(manager, tenantPath("sets", "import")).shows(t, "a zip of at most 256 MiB")
}
