package pages

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/slowly"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// file is an answer that a browser saves.
type file struct {
	name, contentType string
	content           func(context.Context, io.Writer) error
}

// write sends the file piece by piece. An error before its first byte is a page; later the
// connection breaks, so that nobody takes half a file for a whole one.
func (f file) write(v *visit) error {
	out := slowly.NewWriter(v.w, func() {
		h := v.w.Header()
		h.Set("Content-Type", f.contentType)
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": safeFileName(f.name)}))
		v.w.WriteHeader(http.StatusOK)
	})
	err := f.content(v.ctx(), out)
	if err == nil || !out.Begun() {
		return err
	}
	if v.ctx().Err() == nil && !out.Failed() {
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
