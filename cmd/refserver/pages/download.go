package pages

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// How long a transfer may take: a server's own limits are made for pages. They are deadlines of a
// connection, so they are in real time, whatever clock the services have.
const (
	stalledAfter = 30 * time.Second // nothing went through
	transferTime = time.Hour        // as a whole
)

func soon(end time.Time) time.Time {
	if at := (runs.SystemClock{}).Now().Add(stalledAfter); at.Before(end) {
		return at
	}
	return end
}

func transferEnd() time.Time { return runs.SystemClock{}.Now().Add(transferTime) }

// file is an answer that a browser saves.
type file struct {
	name, contentType string
	content           func(context.Context, io.Writer) error
}

// write sends the file piece by piece. An error before its first byte is a page; later the
// connection breaks, so that nobody takes half a file for a whole one.
func (f file) write(v *visit) error {
	out := &download{w: v.w, control: http.NewResponseController(v.w), end: transferEnd(), begin: func() {
		h := v.w.Header()
		h.Set("Content-Type", f.contentType)
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": safeFileName(f.name)}))
		v.w.WriteHeader(http.StatusOK)
	}}
	err := f.content(v.ctx(), out)
	if err == nil || !out.begun {
		return err
	}
	if v.ctx().Err() == nil && !out.failed {
		v.cfg.Logger.ErrorContext(v.ctx(), "a file could not be sent whole", "route", v.req.Pattern, "error", err)
	}
	panic(http.ErrAbortHandler) // it closes the connection in the middle of the answer
}

// maxFileName is how long the name of a file may be, in bytes.
const maxFileName = 100

// safeFileName keeps of a name what no system takes for anything but a name.
func safeFileName(name string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_. ", r):
			return r
		}
		return '_'
	}, name)
	ext := ""
	if i := strings.LastIndexByte(safe, '.'); i >= 0 && len(safe)-i <= 6 {
		safe, ext = safe[:i], safe[i:]
	}
	safe = strings.Trim(safe[:min(len(safe), maxFileName)], ". ")
	if safe == "" {
		safe = "download"
	}
	return safe + ext
}

// download begins its answer with the first byte, and lets it take its time as long as it gets
// on.
type download struct {
	w       http.ResponseWriter
	control *http.ResponseController
	end     time.Time
	begin   func()
	begun   bool
	failed  bool // the browser has gone
}

// Write implements io.Writer.
func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.begin()
	}
	_ = d.control.SetWriteDeadline(soon(d.end)) // without a connection there is none
	n, err := d.w.Write(p)
	d.failed = err != nil
	return n, err
}

// exportSet answers with a set as a zip. It is a POST, since it leaves a line in the audit log.
func exportSet(v *visit) (answer, error) {
	o := transfer.ExportOptions{Secrets: v.form.Get("secrets") != "", Portal: v.form.Get("portal") != ""}
	export, err := v.cfg.Exporter.Open(v.ctx(), v.tenant, v.actor, v.id(), o)
	if err != nil {
		return nil, err
	}
	return file{name: export.FileName(), contentType: "application/zip", content: func(ctx context.Context, w io.Writer) error {
		_, err := export.Write(ctx, w)
		return err
	}}, nil
}
