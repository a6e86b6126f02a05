package runs

import (
	"errors"
	"fmt"
	"strings"
)

// The errors that callers test with errors.Is. Every public method of this module
// returns one of these (wrapped), the context's error, or an unexpected failure of the
// store or the queue.
var (
	// ErrNotFound: nothing with this id exists in this tenant, whoever else's it may be.
	ErrNotFound = errors.New("not found in this tenant")

	// ErrDeleted: it was in this tenant and has been deleted; a tombstone remains.
	ErrDeleted = errors.New("deleted")

	// ErrForbidden: the actor may not do this in this tenant.
	ErrForbidden = errors.New("forbidden")

	// ErrConflict: the request contradicts the present state; read again, then decide.
	ErrConflict = errors.New("conflict")

	// ErrInvalid: the request itself is wrong. errors.As with *[InvalidError] gives the fields.
	ErrInvalid = errors.New("invalid")

	// ErrBusy: something else holds what is needed; try again later.
	ErrBusy = errors.New("busy")

	// ErrUnavailable: the database cannot be reached, takes no connections now, or what is needed
	// of it is held for too long, as by a migration. Nothing is known about a change that was
	// on its way; read again, then try again later.
	ErrUnavailable = errors.New("database unavailable")

	// ErrLeaseLost: the run was claimed by another worker, so this one must stop
	// writing. Nothing that was written under the old lease is lost.
	ErrLeaseLost = errors.New("lease lost")

	// ErrCanceled: somebody asked for the run to be canceled.
	ErrCanceled = errors.New("run canceled")

	// ErrStopping: the process is stopping; the run goes back to the queue.
	ErrStopping = errors.New("runner is stopping")
)

// FieldError is what is wrong with one field of a request.
type FieldError struct {
	Field   string // as in JSON: "time_of_day", "ids[3]"
	Code    string // stable, lower_snake
	Message string // for people: what is wrong and what to do; never the rejected value
}

// InvalidError lists everything that is wrong with a request. It is [ErrInvalid].
type InvalidError struct {
	Fields []FieldError
}

// Error names every field.
func (e *InvalidError) Error() string {
	var b strings.Builder
	b.WriteString("invalid")
	for i, f := range e.Fields {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s (%s)", f.Field, f.Message, f.Code)
	}
	return b.String()
}

// Is makes errors.Is(err, ErrInvalid) true.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Add notes one more wrong field.
func (e *InvalidError) Add(field, code, message string) {
	e.Fields = append(e.Fields, FieldError{Field: field, Code: code, Message: message})
}

// Err returns e when any field is wrong, else nil.
func (e *InvalidError) Err() error {
	if len(e.Fields) == 0 {
		return nil
	}
	return e
}

// Invalid makes an [InvalidError] of one field.
func Invalid(field, code, message string) error {
	return &InvalidError{Fields: []FieldError{{Field: field, Code: code, Message: message}}}
}

// ConflictError is an [ErrConflict] with a stable code that says which rule was met.
type ConflictError struct {
	Code    string // stable, lower_snake: "run_finished", "last_complete_set", ...
	Message string // for people: what to do
}

// Error describes the conflict.
func (e *ConflictError) Error() string { return "conflict: " + e.Message + " (" + e.Code + ")" }

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// Conflict makes a [ConflictError].
func Conflict(code, message string) error { return &ConflictError{Code: code, Message: message} }
