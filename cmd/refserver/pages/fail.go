package pages

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// failure is a page that is not a success. It never repeats a value of the request.
type failure struct {
	status int
	title  string // empty takes that of the status
	code   string // stable, lower_snake; those of docs/errors.md
	text   string // what to do
	fields []runs.FieldError
	signIn string // a page to sign in by, in another tab; empty for none
}

// Error implements error.
func (f failure) Error() string { return f.code + ": " + f.text }

func notFound() failure {
	return failure{status: http.StatusNotFound, code: "not_found", text: "There is no such page."}
}

func internal() failure {
	return failure{status: http.StatusInternalServerError, code: "internal", text: "Something went wrong. The server's log has the cause."}
}

func badRequest(text string) failure {
	return failure{status: http.StatusBadRequest, code: "bad_request", text: text}
}

// failureOf maps an error of the services. Only texts that the module made for people get onto
// a page; the text of any other error stays in the log.
func failureOf(err error) failure {
	var f failure
	var invalid *runs.InvalidError
	var conflict *runs.ConflictError
	var large *http.MaxBytesError
	var role *runs.RoleError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &role):
		// Roles are public, and what exists has no say in it.
		return failure{status: http.StatusForbidden, title: "Not allowed", code: "forbidden", text: "Your role does not allow this. It needs the role " + roleWords(role.Roles) + "."}
	case errors.Is(err, runs.ErrForbidden), errors.Is(err, runs.ErrNotFound):
		// One answer to both, so that it tells nothing about what exists.
		return failure{status: http.StatusForbidden, code: "forbidden", text: "Your role does not allow this, or there is nothing at this address in this tenant."}
	case errors.Is(err, runs.ErrDeleted):
		return failure{status: http.StatusNotFound, code: "deleted", text: "This has been deleted."}
	case errors.As(err, &invalid):
		return failure{status: http.StatusUnprocessableEntity, code: "invalid", text: "Something in the form is not right:", fields: invalid.Fields}
	case errors.Is(err, runs.ErrInvalid):
		return failure{status: http.StatusUnprocessableEntity, code: "invalid", text: "Something in the request is not right."}
	case errors.As(err, &conflict):
		return failure{status: http.StatusConflict, code: conflict.Code, text: sentence(conflict.Message)}
	case errors.Is(err, runs.ErrConflict):
		return failure{status: http.StatusConflict, code: "conflict", text: "This has changed in the meantime. Look at it again, then decide."}
	case errors.Is(err, runs.ErrBusy):
		return failure{status: http.StatusConflict, code: "busy", text: "Something else is at work on this. Try again later."}
	case errors.As(err, &large):
		return failure{status: http.StatusRequestEntityTooLarge, code: "too_large", text: "What was sent is larger than this server takes."}
	case errors.Is(err, backupset.ErrDamaged):
		return failure{status: http.StatusInternalServerError, code: "damaged", text: "Stored content is not what was captured. Verify the backup set."}
	case errors.Is(err, runs.ErrUnavailable):
		return failure{status: http.StatusServiceUnavailable, code: "unavailable", text: unavailableWords}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return failure{status: http.StatusServiceUnavailable, code: "interrupted", text: "The request ended before it was done. Look at the present state, then try again."}
	}
	return internal()
}

// roleWords lists roles of which one is enough: "operator, manager or owner".
func roleWords(roles []runs.Role) string {
	var b strings.Builder
	for i, r := range roles {
		switch {
		case i > 0 && i == len(roles)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(r))
	}
	return b.String()
}

// fail writes a failure as a page. v is nil while it is not known who asks, and where.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, v *visit, f failure) {
	if v == nil {
		v = &visit{Pages: p, req: r, w: w, zone: viewerZone(r), now: p.cfg.Clock.Now()}
	}
	v.query = nil // an error page has no notice and no filters
	data := errorData{Status: f.status, Code: f.code, Text: f.text, Fields: f.fields, Plain: unfiltered(r, f.status), SignIn: f.signIn}
	if v.tenant != "" && (f.status == http.StatusConflict || r.Method == http.MethodPost && f.status < http.StatusInternalServerError) {
		data.Back = p.cameFrom(r)
	}
	if f.code == "invalid" && r.Method == http.MethodGet {
		data.Text = "Something in the address of this page is not right:"
	}
	if f.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "30")
		switch {
		case r.Method == http.MethodGet:
			data.Again = r.URL.RequestURI()
		case f.code == "unavailable":
			data.Text = "The database cannot be reached at the moment, so it is not certain whether this was done. Look at the present state before you try again."
		}
	}
	pg := page{template: "error", title: cmp.Or(f.title, failureTitle(f.status)), status: f.status, data: data}
	if err := pg.write(v); err != nil {
		p.cfg.Logger.ErrorContext(r.Context(), "an error page could not be made", "error", err)
		http.Error(w, f.text, f.status)
	}
}

type errorData struct {
	Status int
	Code   string
	Text   string
	Fields []runs.FieldError
	Plain  string // the same list without the filters that are not right; empty for others
	Back   string // where the person came from, or the page of the thing; empty for none
	SignIn string // a page that leads to the sign-in; empty for none
	Again  string // the same page once more; empty when that helps nothing
}

const unavailableWords = "The database cannot be reached at the moment, so this page cannot be shown. Runs that are under way go on by themselves once it is back. Try again in a minute."

// failureTitle says in words for people what a status means.
func failureTitle(status int) string {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return "Something is not right"
	case http.StatusUnauthorized:
		return "Not signed in"
	case http.StatusForbidden:
		return "Not allowed, or not there"
	case http.StatusNotFound:
		return "Not found"
	case http.StatusMethodNotAllowed:
		return "Not a page"
	case http.StatusConflict:
		return "Not possible now"
	case http.StatusRequestEntityTooLarge:
		return "Too large"
	case http.StatusServiceUnavailable:
		return "Not available at the moment"
	}
	return "Something went wrong"
}
