package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Unready is an error of [Config].Ready that says which parts of the server are not in
// order. The zero value has none.
type Unready struct {
	parts  []FieldProblem
	causes []error
}

// Add names a part, with a code for programs and a message for people. Both go to whoever
// asks /readyz; the cause goes to the log.
func (u *Unready) Add(part, code, message string, cause error) {
	u.parts = append(u.parts, FieldProblem{Field: part, Code: code, Message: message})
	u.causes = append(u.causes, cause)
}

// Parts are what was added, without the causes.
func (u *Unready) Parts() []FieldProblem { return u.parts }

// Err returns u, or nil when no part was added.
func (u *Unready) Err() error {
	if len(u.parts) == 0 {
		return nil
	}
	return u
}

// Error names the parts and their causes.
func (u *Unready) Error() string {
	var list []string
	for i, p := range u.parts {
		list = append(list, p.Field+" "+p.Code+": "+u.causes[i].Error())
	}
	return "not ready: " + strings.Join(list, "; ")
}

// Unwrap returns the causes.
func (u *Unready) Unwrap() []error { return u.causes }

// Health is the answer of /healthz and /readyz.
type Health struct {
	Status string `json:"status" enum:"ok"`
}

func (a *API) health() {
	get := func(id, path, summary string, check func(context.Context) error) {
		op := huma.Operation{
			OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{"health"},
			DefaultStatus: http.StatusOK, Responses: a.problems(http.StatusServiceUnavailable), Security: []map[string][]string{},
		}
		huma.Register(a.huma, op, func(ctx context.Context, _ *nothing) (*answer[Health], error) {
			if err := check(ctx); err != nil {
				a.cfg.Logger.ErrorContext(ctx, "not ready", "error", err)
				return nil, notReady(err)
			}
			return &answer[Health]{Status: http.StatusOK, Body: Health{Status: "ok"}}, nil
		})
	}
	get("healthz", healthPath, "Whether the process is alive", func(context.Context) error { return nil })
	get("readyz", readyPath, "Whether the server can work; errors names the parts that are not in order", a.cfg.Ready)
}

// notReady tells what an [Unready] says for everybody and nothing of any other error.
func notReady(err error) *Problem {
	p := newProblem(http.StatusServiceUnavailable, "not_ready", "the server cannot work at the moment; its log has the cause")
	var u *Unready
	if errors.As(err, &u) {
		p.Errors = append(p.Errors, u.parts...)
	}
	return p
}
