package msgraph

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// failure is what to make of an attempt that did not bring what was asked for.
type failure struct {
	err    *graph.Error
	again  bool          // another attempt may bring it
	fence  bool          // everybody at the same gate waits as well
	wait   time.Duration // what Graph asked for, 0 when it did not say
	claims string        // what the next token has to meet, "{}" for any fresh one; empty: this one is fine
	fresh  bool          // on a new connection
}

// judge tells what an answer means for a call, nil when it is what was asked for.
func judge(r call, a answer, now time.Time) *failure {
	switch {
	case a.err != nil:
		return lost(r, a)
	case a.status/100 == 2:
		return nil
	}
	return refused(r, a.status, a.header, a.body, now)
}

// lost is the failure of a call whose answer did not come, or not whole.
func lost(r call, a answer) *failure {
	f := &failure{err: r.fail(graph.KindUnavailable, nil), again: true}
	f.err.StatusCode, f.err.RequestID = a.status, requestID(a.header)
	var timeout net.Error
	switch {
	case errors.Is(a.err, errTooLong):
		f.err.Kind, f.again = graph.KindIncomplete, false
	case errors.Is(a.err, errTimeout), errors.As(a.err, &timeout) && timeout.Timeout():
		f.err.Kind = graph.KindTimeout
	}
	f.err.Err = cause0(a.err)
	if r.create && a.sent {
		f.err.Kind, f.again = graph.KindAmbiguous, false
	}
	return f
}

// refused is the failure of a call that was answered with anything but 2xx.
func refused(r call, status int, header http.Header, body []byte, now time.Time) *failure {
	told := readError(body)
	f := &failure{err: r.fail(graph.KindInternal, nil)}
	f.err.StatusCode, f.err.Code, f.err.RequestID, f.err.Err = status, told.code, told.requestID, told.err()
	if id := requestID(header); id != "" {
		f.err.RequestID = id
	}
	if wait, ok := graph.ParseRetryAfter(header.Get("Retry-After"), now); ok {
		f.wait = wait
	}
	switch {
	case status == http.StatusTooManyRequests, status == 509:
		f.err.Kind, f.again, f.fence = graph.KindThrottled, true, true
	case status == http.StatusUnauthorized:
		f.err.Kind, f.claims = graph.KindUnauthorized, orDefault(challenge(header), "{}")
	case status == http.StatusForbidden, status == http.StatusBadRequest:
		f.err.Kind = graph.KindInvalid
		if status == http.StatusForbidden {
			f.err.Kind, f.claims = graph.KindForbidden, challenge(header)
		}
		if told.approval() {
			f.err.Kind, f.claims = graph.KindApprovalRequired, ""
		}
	case status == http.StatusNotFound, status == http.StatusGone:
		f.err.Kind = graph.KindNotFound
	case status == http.StatusConflict:
		f.err.Kind = graph.KindConflict
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		f.err.Kind, f.again = graph.KindTimeout, true
	case status == http.StatusInternalServerError, status == http.StatusBadGateway, status == http.StatusServiceUnavailable:
		f.err.Kind, f.again = graph.KindUnavailable, true
		f.fresh = status == http.StatusServiceUnavailable
	case status/100 == 4:
		f.err.Kind = graph.KindInvalid
	case status/100 == 3:
		f.err.Err = errRedirect
	}
	if r.create && f.again && !f.fence {
		f.err.Kind, f.again = graph.KindAmbiguous, false
	}
	return f
}

var errRedirect = errors.New("redirects are not followed; check the root of Graph in the configuration")

// cause0 is what of an error of the network may be shown: its text may have addresses and parts
// of headers.
func cause0(err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, errTimeout), errors.Is(err, errTooLong), errors.Is(err, errNoJSON):
		return err
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.As(err, &dns):
		return errors.New("the name of the host could not be looked up")
	case neverSent(err):
		return errors.New("no connection")
	}
	return errors.New("the connection broke before the answer was complete")
}

// requestID is Graph's name of a request.
func requestID(h http.Header) string { return identifier(h.Get("Request-Id")) }

// identifier is an id in an answer, if it looks like one: it goes into errors as it is.
func identifier(s string) string {
	if len(s) > 64 || strings.Trim(strings.ToLower(s), "0123456789abcdefghijklmnopqrstuvwxyz-_") != "" {
		return ""
	}
	return s
}
