package azauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/tenantatlas/tenantbackup/graph"
)

// explain tells what a failed sign-in means. It goes by what was sent and answered, never by the
// SDK's error, which is a text with the whole answer in it.
//
// The number of an AADSTS code decides nothing but the advice: Microsoft may change them at any
// time (https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
func (s *Source) explain(who *signer, last *seen) *graph.Error {
	e := &graph.Error{Op: opSignIn, StatusCode: last.status, RequestID: requestID(last.header)}
	e.RetryAfter, _ = graph.ParseRetryAfter(last.header.Get("Retry-After"), s.cfg.Clock.Now())
	told := readRefusal(last.body)
	e.Code = told.code
	var timeout net.Error
	switch {
	case errors.Is(last.err, context.DeadlineExceeded), errors.As(last.err, &timeout) && timeout.Timeout():
		e.Kind, e.Err = graph.KindTimeout, errors.New("the sign-in service did not answer in time")
	case last.err != nil:
		e.Kind, e.Err = graph.KindUnavailable, unreachable(last.err)
	case last.status == http.StatusTooManyRequests:
		e.Kind, e.Err = graph.KindThrottled, errors.New("the sign-in service asks for patience")
	case last.status/100 == 5, last.status == http.StatusRequestTimeout, told.transient(),
		who.app.ManagedIdentity && (last.status == http.StatusNotFound || last.status == http.StatusGone):
		e.Kind, e.Err = graph.KindUnavailable, errors.New("the sign-in service failed")
	case last.status/100 == 2:
		e.Kind, e.Err = graph.KindUnavailable, errors.New("the sign-in service gave an answer that is no token")
	case last.status/100 == 3:
		e.Kind, e.Err = graph.KindUnauthorized, errors.New("the sign-in service redirects, which is not followed; check Config.Cloud and proxies")
	case last.status != 0:
		e.Kind, e.Err = graph.KindUnauthorized, errors.New(told.advice(who.app))
	default:
		e.Kind, e.Err = graph.KindUnauthorized, fmt.Errorf("nothing could be sent: check %s", who.app.String())
	}
	return e
}

// unreachable says why there was no answer, without addresses and parts of requests.
func unreachable(err error) error {
	var dns *net.DNSError
	var untrusted *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.Is(err, errTooLong):
		return err
	case errors.As(err, &dns):
		return errors.New("the name of the sign-in service could not be looked up")
	case errors.As(err, &untrusted):
		return errors.New("the certificate of the sign-in service is not trusted: is there a proxy that needs its own authority?")
	case errors.As(err, &op) && op.Op == "dial":
		return errors.New("there is no connection to the sign-in service")
	}
	return errors.New("the connection to the sign-in service broke")
}

// requestID is what the sign-in service calls a request, if it looks like an id.
func requestID(h http.Header) string {
	if id := h.Get("X-Ms-Request-Id"); guid.MatchString(id) {
		return id
	}
	return ""
}
