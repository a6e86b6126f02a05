package msgraph

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// failure is what to make of an attempt that did not bring what was asked for.
type failure struct {
	err    *graph.Error
	again  bool          // another attempt may bring it
	fence  bool          // everybody at the same gate waits as well
	fresh  bool          // the next attempt goes over a new connection
	wait   time.Duration // what Graph asked for, 0 when it did not say
	claims string        // what the next token has to meet, "{}" for any new one; empty: the token is fine
}

// judge tells what an answer means for a call, nil when it is what was asked for.
func judge(r call, a answer, now time.Time) *failure {
	var f *failure
	switch {
	case a.status == http.StatusAccepted:
		f = accepted(r)
	case a.err != nil:
		f = lost(r, a)
	case a.status/100 == 2:
		return nil
	default:
		f = refused(r, a)
	}
	if asks := a.status == http.StatusAccepted || a.status/100 != 2 && f.again; asks {
		if wait, ok := graph.ParseRetryAfter(a.header.Get("Retry-After"), now); ok {
			f.wait, f.err.RetryAfter = wait, wait
		}
	}
	f.err.StatusCode = a.status
	if id := word(a.header.Get("Request-Id"), 64); id != "" {
		f.err.RequestID = id
	}
	// Throttled requests were not looked at. Of all others nobody knows how far they came.
	if r.create && f.again && !f.fence && a.sent {
		f.err.Kind, f.again, f.err.RetryAfter = graph.KindAmbiguous, false, 0
	}
	return f
}

// lost is the failure of a call whose answer did not come, or not whole.
func lost(r call, a answer) *failure {
	f := &failure{again: true, fresh: true}
	kind, err := graph.KindUnavailable, errors.New("the connection broke before the answer was complete")
	var network net.Error
	switch {
	case errors.Is(a.err, errUnsendable):
		kind, err, f.again = graph.KindInternal, a.err, false
	case errors.Is(a.err, errTooLong):
		kind, err, f.again = graph.KindIncomplete, a.err, r.create
	case errors.Is(a.err, errNoJSON):
		err = a.err
	case !a.sent:
		err = errors.New("no connection")
	case errors.Is(a.err, errTimeout), errors.As(a.err, &network) && network.Timeout():
		kind, err = graph.KindTimeout, errTimeout
	}
	f.err = r.fail(kind, err)
	f.err.NotSent = !a.sent
	return f
}

// accepted is the failure of a call that was answered with 202: Graph means to do it, perhaps
// later, and may still fail. No request of the catalogue is documented to be answered so (200, 201
// and 204 are), and there is nothing to ask how it went. So who wrote has to look, and is not told
// that it is done. It is not sent again here: nobody knows how long "later" is, and what is added
// to a collection would be there twice.
// Sources: the responses in Microsoft's OpenAPI document of Graph; RFC 9110, 15.3.3.
func accepted(r call) *failure {
	f := &failure{err: r.fail(graph.KindUnavailable, errAccepted), again: !r.write()}
	if r.create && !r.bare {
		f.err.Kind = graph.KindAmbiguous
	}
	return f
}

// refused is the failure of a call that was answered with anything but 2xx.
func refused(r call, a answer) *failure {
	told := readRefusal(a.body)
	f := &failure{err: r.fail(graph.KindInternal, told.err())}
	f.err.Code, f.err.RequestID = told.code, told.requestID
	switch a.status {
	case http.StatusTooManyRequests, 509: // 509: bandwidth
		f.err.Kind, f.again, f.fence = graph.KindThrottled, true, true
	case http.StatusInternalServerError, http.StatusBadGateway:
		f.err.Kind, f.again = graph.KindUnavailable, true
	case http.StatusServiceUnavailable:
		// On the old connection the same broken server may answer.
		// Source: https://learn.microsoft.com/graph/best-practices-concept
		f.err.Kind, f.again, f.fresh = graph.KindUnavailable, true, true
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		f.err.Kind, f.again = graph.KindTimeout, true
	case http.StatusUnauthorized:
		f.err.Kind, f.claims = graph.KindUnauthorized, cmp.Or(challenge(a.header), "{}")
	case http.StatusForbidden:
		f.err.Kind, f.claims = graph.KindForbidden, challenge(a.header)
	case http.StatusNotFound, http.StatusGone:
		f.err.Kind = graph.KindNotFound
	case http.StatusConflict:
		f.err.Kind = graph.KindConflict
	default:
		switch a.status / 100 {
		case 3:
			f.err.Err = errRedirect
		case 4:
			f.err.Kind = graph.KindInvalid
		}
	}
	if held := told.held(a); held != nil {
		f.err.Kind, f.err.Err, f.claims = graph.KindApprovalRequired, held, ""
	}
	return f
}

var (
	errTimeout    = errors.New("no answer in time")
	errTooLong    = errors.New("the answer is longer than Config.MaxAnswer")
	errNoJSON     = errors.New("the answer is not the complete JSON object that was asked for")
	errUnsendable = errors.New("the request cannot be made")
	errAccepted   = errors.New("the request was accepted and may not be done yet; look before you make it again")
	errRedirect   = errors.New("redirects are not followed; check the root of Graph in the configuration")
)

// neverSent tells whether a request failed before there was a connection to send it on.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
