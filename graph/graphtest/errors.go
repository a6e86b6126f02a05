package graphtest

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/tenantatlas/tenantbackup/graph"
)

// answers are the status and code that Graph sends with a kind of failure. Kinds that are
// missing here come about in the client, without an answer.
var answers = map[graph.Kind]struct {
	status int
	code   string
}{
	graph.KindThrottled:        {http.StatusTooManyRequests, "TooManyRequests"},
	graph.KindUnavailable:      {http.StatusServiceUnavailable, "serviceNotAvailable"},
	graph.KindTimeout:          {http.StatusGatewayTimeout, "UnknownError"},
	graph.KindUnauthorized:     {http.StatusUnauthorized, "InvalidAuthenticationToken"},
	graph.KindForbidden:        {http.StatusForbidden, "Authorization_RequestDenied"},
	graph.KindNotFound:         {http.StatusNotFound, "ResourceNotFound"},
	graph.KindConflict:         {http.StatusConflict, "Conflict"},
	graph.KindInvalid:          {http.StatusBadRequest, "BadRequest"},
	graph.KindApprovalRequired: {http.StatusPreconditionFailed, "BadRequest"},
	graph.KindInternal:         {http.StatusInternalServerError, "InternalServerError"},
}

func (g *Graph) fail(op Op, t graph.PolicyType, kind graph.Kind, cause error) error {
	return complete(graph.Error{Kind: kind, Err: cause}, op, t)
}

func complete(e graph.Error, op Op, t graph.PolicyType) *graph.Error {
	switch op {
	case OpPage:
		op = OpList // a client calls its steps by the name of the whole
	case OpItem:
		op = OpGet
	}
	e.Op = cmp.Or(e.Op, string(op)+" "+string(t))
	if e.NotSent {
		return &e // nobody answered
	}
	e.StatusCode = cmp.Or(e.StatusCode, answers[e.Kind].status)
	e.Code = cmp.Or(e.Code, answers[e.Kind].code)
	return &e
}

// faultError makes the error of a fault, nil for one that is only slow.
func (g *Graph) faultError(f Fault, c Call) error {
	var e graph.Error
	switch {
	case f.Err != nil:
		e = *f.Err
	case f.TruncateAfterPages > 0:
		e = graph.Error{Kind: graph.KindIncomplete, Err: errors.New("the link to the next page is missing")}
	case f.Applied:
		e = graph.Error{Kind: graph.KindAmbiguous, Err: errors.New("the reply was lost")}
	default:
		return nil
	}
	if f.RetryAfter != "" {
		e.RetryAfter, _ = graph.ParseRetryAfter(f.RetryAfter, g.clock.Now())
	}
	return complete(e, c.Op, c.Type)
}
