package graph

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/hook"
)

// Observer is told of calls to Graph, for metrics and traces. It is a struct and not an
// interface so that it can grow without breaking hosts.
//
// What it is told are types, kinds and numbers: never a payload, a name or an error. Its
// functions are called from many goroutines, so they return at once; a panic of theirs is
// dropped.
type Observer struct {
	// Call is called before a call. The call gets the returned context, which derives from
	// ctx; nil means ctx. The returned function, unless nil, is called once when the call
	// has returned.
	Call func(ctx context.Context, c Call) (context.Context, func(CallEnd))

	// Waited is called when a client has waited within a call, before a request or between
	// two. Requests that wait side by side are told one by one. [ObserveReader] and
	// [ObserveWriter] see no waits: a client that waits takes the observer itself
	// (msgraph.Config).
	Waited func(ctx context.Context, w Wait)
}

// Wait is a time during which a request was held back.
type Wait struct {
	Tenant   TenantID
	Type     PolicyType // empty for OpResolve
	Workload Workload
	Reason   WaitReason
	For      time.Duration
}

// WaitReason says why a client waited.
type WaitReason string

// The reasons to wait.
const (
	WaitThrottled WaitReason = "throttled" // Graph asked to slow down: this request, or another one to the workload
	WaitFailed    WaitReason = "failed"    // the request failed and is sent again
	WaitPaced     WaitReason = "paced"     // the client keeps to its own limits
)

// Op names a method of [Reader] or [Writer].
type Op string

// The methods.
const (
	OpList    Op = "list"
	OpGet     Op = "get"
	OpCreate  Op = "create"
	OpUpdate  Op = "update"
	OpAssign  Op = "assign"
	OpResolve Op = "resolve"
)

// Call is a call to Graph that begins.
type Call struct {
	Op     Op
	Tenant TenantID
	Type   PolicyType // empty for OpResolve
}

// CallEnd is how a call to Graph ended.
type CallEnd struct {
	// Failure is the kind of the error, empty when there was none or when the caller ended
	// the call.
	Failure    Kind
	StatusCode int // HTTP status of the error, 0 when it has none

	// Stopped tells that the caller ended the call: by its context or its page function.
	Stopped bool

	Policies int // rows listed, policies fetched or written, or references looked up
	Failed   int // policies that Get was asked for and could not fetch
}

// ObserveReader returns a reader that tells the observer of every call of r. The time of a
// List includes what the caller does with its pages.
func ObserveReader(r Reader, o Observer) Reader { return observedReader{r, o} }

// ObserveWriter returns a writer that tells the observer of every call of w.
func ObserveWriter(w Writer, o Observer) Writer { return observedWriter{w, o} }

func (o Observer) start(ctx context.Context, op Op, tenant TenantID, t PolicyType) (context.Context, func(CallEnd)) {
	return hook.Start(ctx, nil, o.Call, Call{Op: op, Tenant: tenant, Type: t})
}

// endOf fills in what an error tells. ctx is the caller's.
func endOf(ctx context.Context, err error, e CallEnd) CallEnd {
	switch {
	case err == nil, e.Stopped:
	case ctx.Err() != nil:
		e.Stopped = true
	default:
		e.Failure, e.StatusCode = KindOf(err), statusOf(err)
	}
	return e
}

type observedReader struct {
	Reader
	o Observer
}

// List implements [Reader].
func (r observedReader) List(ctx context.Context, tenant TenantID, t PolicyType, page func(Page) error) error {
	call, done := r.o.start(ctx, OpList, tenant, t)
	var end CallEnd
	err := r.Reader.List(call, tenant, t, func(p Page) error {
		end.Policies += len(p.Headers)
		err := page(p)
		end.Stopped = err != nil
		return err
	})
	done(endOf(ctx, err, end))
	return err
}

// Get implements [Reader].
func (r observedReader) Get(ctx context.Context, tenant TenantID, t PolicyType, ids []string) ([]Result, error) {
	call, done := r.o.start(ctx, OpGet, tenant, t)
	list, err := r.Reader.Get(call, tenant, t, ids)
	var end CallEnd
	for i := range list {
		if list[i].Err != nil {
			end.Failed++
		} else {
			end.Policies++
		}
	}
	done(endOf(ctx, err, end))
	return list, err
}

// Resolve implements [Reader].
func (r observedReader) Resolve(ctx context.Context, tenant TenantID, refs []Reference) ([]Resolution, error) {
	call, done := r.o.start(ctx, OpResolve, tenant, "")
	list, err := r.Reader.Resolve(call, tenant, refs)
	done(endOf(ctx, err, CallEnd{Policies: len(list)}))
	return list, err
}

type observedWriter struct {
	Writer
	o Observer
}

// wrote ends a call that writes one policy.
func wrote(ctx context.Context, err error, done func(CallEnd)) {
	var end CallEnd
	if err == nil {
		end.Policies = 1
	}
	done(endOf(ctx, err, end))
}

// Create implements [Writer].
func (w observedWriter) Create(ctx context.Context, tenant TenantID, t PolicyType, body json.RawMessage) (string, error) {
	call, done := w.o.start(ctx, OpCreate, tenant, t)
	id, err := w.Writer.Create(call, tenant, t, body)
	wrote(ctx, err, done)
	return id, err
}

// Update implements [Writer].
func (w observedWriter) Update(ctx context.Context, tenant TenantID, t PolicyType, id string, body json.RawMessage) error {
	call, done := w.o.start(ctx, OpUpdate, tenant, t)
	err := w.Writer.Update(call, tenant, t, id, body)
	wrote(ctx, err, done)
	return err
}

// Assign implements [Writer].
func (w observedWriter) Assign(ctx context.Context, tenant TenantID, t PolicyType, id string, assignments []json.RawMessage) error {
	call, done := w.o.start(ctx, OpAssign, tenant, t)
	err := w.Writer.Assign(call, tenant, t, id, assignments)
	wrote(ctx, err, done)
	return err
}
