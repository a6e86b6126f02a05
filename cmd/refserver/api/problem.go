package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// maxFieldProblems bounds how many wrong fields an answer lists, so that a small request
// cannot ask for a large answer.
const maxFieldProblems = 100

// Problem is an answer that is not a success: problem details of RFC 9457 with a code. It
// never repeats a value of the request.
type Problem struct {
	Type   string         `json:"type" doc:"Always about:blank: the code says which problem it is"`
	Title  string         `json:"title" doc:"The status in words"`
	Status int            `json:"status"`
	Detail string         `json:"detail" doc:"For people: what to do. Never parse it"`
	Code   string         `json:"code" doc:"For programs: stable, lower_snake"`
	Errors []FieldProblem `json:"errors" doc:"What is wrong, by field; at most 100"`

	retryAfter time.Duration // what the Retry-After header says; 0 for no header
}

// FieldProblem is what is wrong with one field or query parameter.
type FieldProblem struct {
	Field   string `json:"field" doc:"As in the request: time_of_day, ids[3], limit; body for the whole of it"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func newProblem(status int, code, detail string) *Problem {
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Errors: []FieldProblem{},
	}
}

func unauthorized() *Problem {
	return newProblem(http.StatusUnauthorized, "unauthorized", "send a valid token: Authorization: Bearer ...")
}

// forbidden is the one answer to whatever the caller may not do and to every id that is
// not in the tenant, so that it tells nothing about what exists.
func forbidden() *Problem {
	return newProblem(http.StatusForbidden, "forbidden", "your role does not allow this, or the tenant has nothing of this id")
}

func internal() *Problem {
	return newProblem(http.StatusInternalServerError, "internal", "something went wrong; the server's log has the cause")
}

// problemOf maps an error of the services. Only texts that the module made for people get
// into the answer; the text of any other error stays in the log.
func problemOf(err error) *Problem {
	var problem *Problem
	var invalid *runs.InvalidError
	var conflict *runs.ConflictError
	var upstream *graph.Error
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.Is(err, runs.ErrForbidden), errors.Is(err, runs.ErrNotFound):
		return forbidden()
	case errors.Is(err, runs.ErrDeleted):
		return newProblem(http.StatusNotFound, "deleted", "this has been deleted")
	case errors.As(err, &invalid):
		return invalidProblem(invalid)
	case errors.Is(err, runs.ErrInvalid):
		return newProblem(http.StatusUnprocessableEntity, "invalid", "the request is not valid")
	case errors.As(err, &conflict):
		return newProblem(http.StatusConflict, conflict.Code, conflict.Message)
	case errors.Is(err, runs.ErrConflict):
		return newProblem(http.StatusConflict, "conflict", "the request contradicts the present state; read it again, then decide")
	case errors.Is(err, runs.ErrBusy):
		return newProblem(http.StatusConflict, "busy", "something else holds what is needed; try again later")
	case errors.Is(err, backupset.ErrDamaged):
		return newProblem(http.StatusInternalServerError, "damaged", "stored content is not what was captured; verify the backup set")
	case errors.Is(err, runs.ErrUnavailable):
		return newProblem(http.StatusServiceUnavailable, "unavailable", "the database cannot be reached at the moment; read the present state, then try again").again(0)
	case errors.As(err, &upstream):
		return signInProblem(upstream)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return newProblem(http.StatusServiceUnavailable, "interrupted", "the request ended before it was done; read the present state, then try again")
	}
	return internal()
}

func invalidProblem(invalid *runs.InvalidError) *Problem {
	p := newProblem(http.StatusUnprocessableEntity, "invalid", "the request is not valid; errors says what is wrong with which field")
	for _, f := range invalid.Fields[:min(len(invalid.Fields), maxFieldProblems)] {
		p.Errors = append(p.Errors, FieldProblem(f))
	}
	return p
}

// problem maps an error and logs what the answer does not tell.
func (a *API) problem(ctx context.Context, operation string, err error) *Problem {
	p := problemOf(err)
	_, joined := err.(interface{ Unwrap() []error }) // a refusal that could not be recorded
	if p.Status >= http.StatusInternalServerError || joined {
		a.cfg.Logger.ErrorContext(ctx, "a request failed", "operation", operation, "code", p.Code, "error", err)
	}
	return p
}

// write answers with the problem. It writes what huma would write.
func (p *Problem) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", problemType)
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	for name, values := range p.GetHeaders() {
		h[name] = values
	}
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // only a broken connection can fail
}

const problemType = "application/problem+json"

// restart is in how long to ask again when nobody says: a restart takes about as long.
const restart = 5 * time.Second

// again says when to ask again; 0 for [restart].
func (p *Problem) again(after time.Duration) *Problem {
	p.retryAfter = cmp.Or(after, restart)
	return p
}

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	if p.retryAfter == 0 {
		return nil
	}
	seconds := (p.retryAfter + time.Second - 1) / time.Second
	return http.Header{"Retry-After": {strconv.FormatInt(int64(seconds), 10)}}
}

// Error implements error.
func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

// maskErrors replaces huma's own error model, which repeats refused values. No input type of
// this package lets huma refuse anything, so this is for the day when one does. It is done
// here for one API, since huma.NewError would change it for everybody in the process.
func maskErrors(_ huma.Context, _ string, v any) (any, error) {
	if e, ok := v.(*huma.ErrorModel); ok {
		return newProblem(e.Status, "invalid", "the request is not valid"), nil
	}
	return v, nil
}

var (
	_ huma.StatusError       = (*Problem)(nil)
	_ huma.ContentTypeFilter = (*Problem)(nil)
	_ huma.HeadersError      = (*Problem)(nil)
	_ huma.Transformer       = maskErrors
)
