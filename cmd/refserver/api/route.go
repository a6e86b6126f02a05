package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// route describes one operation within a tenant.
type route struct {
	id      string // operation id, "get-schedule"
	method  string
	path    string // below the tenant: "schedules/{id}"
	summary string
	notes   string // a longer description, optional

	// action is asked for before anything of the request but its path is read. The
	// services ask again, and where the action depends on the object, more closely.
	action runs.Action
	target string // what is acted on, for the audit line of a refusal

	status   int  // of success; 0 is 200
	also     int  // another status of success, 0 for none
	upstream bool // it may answer 502: what it asks of Graph's sign-in was refused
	optional bool // the body may be left out

	raw  string // the media type of a body that the operation reads itself
	file bool   // it answers with a file, see addFile
}

// nothing is the query or body of a route that takes none, and the answer of one that
// gives none.
type nothing struct{}

// call is a request that passed the gate.
type call struct {
	tenant graph.TenantID
	actor  runs.Actor
	id     runs.ID // of the path, in whatever form; empty when the route has none
	body   []byte
	header http.Header // of the answer
	status int         // of the answer

	req *http.Request
	w   http.ResponseWriter
}

type callKey struct{}

// answer is what huma writes.
type answer[O any] struct {
	Status int
	Body   O
}

// add registers an operation. Q holds the query parameters as strings of some kind, so that
// huma never refuses one by itself; B is the body, see [decodeBody].
func add[Q, B, O any](a *API, r route, handle func(context.Context, *call, *Q, *B) (O, error)) {
	op := a.operation(r)
	bodiless := reflect.TypeFor[B]() == reflect.TypeFor[nothing]()
	if r.also != 0 {
		op.Responses[strconv.Itoa(r.also)] = &huma.Response{
			Description: http.StatusText(r.also),
			Content:     map[string]*huma.MediaType{"application/json": {Schema: a.schema(reflect.TypeFor[O]())}},
		}
	}
	op.Middlewares = huma.Middlewares{a.gate(r, queryNames(reflect.TypeFor[Q]()))}
	huma.Register(a.huma, op, func(ctx context.Context, q *Q) (*answer[O], error) {
		c := ctx.Value(callKey{}).(*call)
		var body B
		if err := decodeBody(c.body, &body, r.optional || bodiless); err != nil {
			return nil, a.problem(ctx, r.id, err)
		}
		out, err := handle(ctx, c, q, &body)
		switch {
		case err != nil:
			return nil, a.problem(ctx, r.id, err)
		case op.DefaultStatus == http.StatusNoContent:
			return nil, nil
		}
		return &answer[O]{Status: c.status, Body: out}, nil
	})
	if op.DefaultStatus == http.StatusNoContent {
		op.Responses["204"].Content = nil
	}
	switch {
	case r.raw != "":
		a.documented(op).RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{r.raw: {Schema: binary()}}}
	case !bodiless:
		// Documented after registering: a body that huma knew of it would read itself, within
		// 5 seconds, and answer for.
		a.documented(op).RequestBody = &huma.RequestBody{
			Required: !r.optional,
			Content:  map[string]*huma.MediaType{"application/json": {Schema: a.schema(reflect.TypeFor[B]())}},
		}
	}
}

// documented returns what the document says of a registered operation.
func (a *API) documented(op huma.Operation) *huma.Operation {
	item := a.huma.OpenAPI().Paths[op.Path]
	for _, known := range operationsOf(item) {
		if known.OperationID == op.OperationID {
			return known
		}
	}
	return &huma.Operation{}
}

// operationsOf lists the operations of a path.
func operationsOf(item *huma.PathItem) []*huma.Operation {
	return slices.DeleteFunc([]*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete},
		func(op *huma.Operation) bool { return op == nil })
}

func (a *API) schema(t reflect.Type) *huma.Schema {
	return a.huma.OpenAPI().Components.Schemas.Schema(t, true, "")
}

// gate lets through who may come in and reads what he brought.
func (a *API) gate(r route, query map[string]bool) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		req, w := humago.Unwrap(hc)
		var c *call
		var err error
		if r.file { // before anything could leave a line in the audit log
			err = checkLink(req)
		}
		if err == nil {
			c, err = a.admit(req, r)
		}
		if err == nil {
			err = checkQuery(req.URL.RawQuery, query)
		}
		if err == nil && r.raw == "" && req.Method != http.MethodGet && req.Method != http.MethodHead {
			c.body, err = readBody(w, req, a.cfg.MaxBody)
		}
		if err != nil {
			a.problem(req.Context(), r.id, err).write(w)
			return
		}
		c.header, c.status, c.req, c.w = w.Header(), r.success(), req, w
		next(huma.WithValue(hc, callKey{}, c))
	}
}

// admit finds out who asks and whether he may.
func (a *API) admit(req *http.Request, r route) (*call, error) {
	actor, ok := a.cfg.Principal(req)
	if !ok || actor.ID == "" {
		return nil, unauthorized()
	}
	c := &call{tenant: graph.TenantID(req.PathValue("tenant")), actor: actor, id: runs.ID(req.PathValue("id"))}
	in, err := a.cfg.TenantAccess(req.Context(), c.tenant, actor)
	switch {
	case err != nil:
		return nil, err
	case !in:
		// Not in the audit log: whoever has a token could fill it with lines of tenants
		// that do not exist.
		a.cfg.Logger.WarnContext(req.Context(), "a stranger was refused", "operation", r.id, "actor", actor.ID)
		return nil, forbidden()
	}
	return c, a.cfg.Starter.Guard().Allow(req.Context(), c.tenant, actor, r.action, runs.Target{Type: r.target, ID: c.id})
}

func (r route) success() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// operation makes the documentation of a route, but for its query and its bodies.
func (a *API) operation(r route) huma.Operation {
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: a.cfg.Prefix + "/tenants/{tenant}/" + r.path,
		Summary: r.summary, Description: r.notes, Tags: []string{strings.Split(r.path, "/")[0]},
		DefaultStatus: r.success(), SkipValidateParams: true,
		Security: []map[string][]string{{securityScheme: {}}},
		Parameters: []*huma.Param{{
			Name: "tenant", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
			Description: "A tenant of the caller; any other is 403",
		}},
	}
	statuses := []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable,
	}
	if strings.Contains(r.path, "{id}") {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"},
			Description: "An id that is not in the tenant is 403",
		})
		statuses = append(statuses, http.StatusNotFound, http.StatusConflict)
	}
	if r.upstream {
		statuses = append(statuses, http.StatusBadGateway)
	}
	if r.method != http.MethodGet {
		statuses = append(statuses, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge)
	}
	op.Responses = a.problems(statuses...)
	return op
}

// problems documents problem answers.
func (a *API) problems(statuses ...int) map[string]*huma.Response {
	out := map[string]*huma.Response{}
	for _, status := range statuses {
		out[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{problemType: {Schema: a.schema(reflect.TypeFor[Problem]())}},
		}
	}
	return out
}
