package api

import (
	"context"
	"io"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/slowly"
)

// file is an answer that is written piece by piece.
type file struct {
	name  string
	write func(context.Context, io.Writer) error
}

// addFile registers an operation that answers with a file. An error before its first byte is
// a problem; later the connection breaks, so that nobody takes half a file for a whole one.
func addFile[Q any](a *API, r route, contentType string, handle func(context.Context, *call, *Q) (*file, error)) {
	r.file = true
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

// checkLink refuses what a page of another site has led a browser to. Such a request comes with
// the session's cookie when it is a GET, and a file is saved, and its export audited, though
// nobody meant it. Programs do not send the header, and an address that somebody typed is "none".
func checkLink(req *http.Request) error {
	switch req.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return newProblem(http.StatusForbidden, "cross_origin", "a page of another site led here: open the product and export from there, or use a token")
	}
	return nil
}

// binary is the schema of a file.
func binary() *huma.Schema { return &huma.Schema{Type: huma.TypeString, Format: "binary"} }

func (a *API) send(ctx context.Context, c *call, operation, contentType string, f *file) {
	begin := func() {
		h := c.w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Disposition", disposition(f.name))
		c.w.WriteHeader(http.StatusOK)
	}
	if c.req.Method == http.MethodHead {
		begin()
		return
	}
	out := slowly.NewWriter(c.w, begin)
	err := f.write(ctx, out)
	switch {
	case err == nil:
	case !out.Begun():
		a.problem(ctx, operation, err).write(c.w)
	default:
		if ctx.Err() == nil && !out.Failed() {
			a.cfg.Logger.ErrorContext(ctx, "a file could not be sent whole", "operation", operation, "error", err)
		}
		panic(http.ErrAbortHandler) // it closes the connection in the middle of the answer
	}
}
