package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/tenantatlas/tenantbackup/runs"
)

// How long a transfer may take: a server's own limits are made for small requests. They are
// deadlines of a connection, so they are in real time, whatever clock the services have.
const (
	stalledAfter = 30 * time.Second // nothing went through
	transferTime = time.Hour        // as a whole
	answerTime   = 30 * time.Second // for a small answer after long work
)

func realNow() time.Time { return runs.SystemClock{}.Now() }

// file is an answer that is written piece by piece.
type file struct {
	name  string
	write func(context.Context, io.Writer) error
}

// addFile registers an operation that answers with a file. An error before its first byte is
// a problem; later the connection breaks, so that nobody takes half a file for a whole one.
func addFile[Q any](a *API, r route, contentType string, handle func(context.Context, *call, *Q) (*file, error)) {
	op := a.operation(r)
	op.Middlewares = huma.Middlewares{a.gate(r, queryNames(reflect.TypeFor[Q]()))}
	huma.Register(a.huma, op, func(ctx context.Context, q *Q) (*huma.StreamResponse, error) {
		c := ctx.Value(callKey{}).(*call)
		f, err := handle(ctx, c, q)
		if err != nil {
			return nil, a.problem(ctx, r.id, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) { a.send(hc.Context(), c, r.id, contentType, f) }}, nil
	})
	a.documented(op).Responses["200"] = &huma.Response{
		Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{contentType: {Schema: binary()}},
	}
}

// binary is the schema of a file.
func binary() *huma.Schema { return &huma.Schema{Type: huma.TypeString, Format: "binary"} }

func (a *API) send(ctx context.Context, c *call, operation, contentType string, f *file) {
	out := &download{w: c.w, control: http.NewResponseController(c.w), end: realNow().Add(transferTime), begin: func() {
		h := c.w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Disposition", disposition(f.name))
		c.w.WriteHeader(http.StatusOK)
	}}
	if c.req.Method == http.MethodHead {
		out.begin()
		return
	}
	err := f.write(ctx, out)
	switch {
	case err == nil:
	case !out.begun:
		a.problem(ctx, operation, err).write(c.w)
	default:
		if ctx.Err() == nil && !out.failed {
			a.cfg.Logger.ErrorContext(ctx, "a file could not be sent whole", "operation", operation, "error", err)
		}
		panic(http.ErrAbortHandler) // it closes the connection in the middle of the answer
	}
}

// download begins its answer with the first byte, and lets it take its time as long as it
// gets on.
type download struct {
	w       http.ResponseWriter
	control *http.ResponseController
	end     time.Time
	begin   func()
	begun   bool
	failed  bool // the client has gone
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

// upload is a body that may take its time as long as it gets on.
type upload struct {
	body    io.Reader
	control *http.ResponseController
	end     time.Time
	failed  error
}

// slowBody returns the body of a request that reads it itself.
func (c *call) slowBody(limit int64) *upload {
	return &upload{
		body: http.MaxBytesReader(c.w, c.req.Body, limit), control: http.NewResponseController(c.w), end: realNow().Add(transferTime),
	}
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	_ = u.control.SetReadDeadline(soon(u.end))
	n, err := u.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		u.failed = err
	}
	return n, err
}

func soon(end time.Time) time.Time {
	if at := realNow().Add(stalledAfter); at.Before(end) {
		return at
	}
	return end
}

// patient lets the work for an answer take its time. What it returns is called when the
// answer is there.
func (c *call) patient() (done func()) {
	control := http.NewResponseController(c.w)
	_ = control.SetWriteDeadline(time.Time{})
	return func() { _ = control.SetWriteDeadline(realNow().Add(answerTime)) }
}
