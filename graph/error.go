package graph

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Kind says what a failure means to the caller, whatever status it came with.
type Kind string

// The kinds of failure. The list grows at its end; a caller treats a kind that it does
// not know like [KindInternal].
const (
	KindThrottled        Kind = "throttled"         // 429 or 509: wait, then go on
	KindUnavailable      Kind = "unavailable"       // 5xx or no connection: wait, then go on
	KindTimeout          Kind = "timeout"           // no answer in time: wait, then go on
	KindUnauthorized     Kind = "unauthorized"      // 401: no token will do until somebody acts
	KindForbidden        Kind = "forbidden"         // 403: a permission or licence is missing for this type
	KindNotFound         Kind = "not_found"         // 404: the object is gone
	KindConflict         Kind = "conflict"          // 409: name or priority is taken
	KindInvalid          Kind = "invalid"           // 400: Graph refused the request as malformed
	KindUnsupported      Kind = "unsupported"       // this client does not know the type
	KindIncomplete       Kind = "incomplete"        // fewer parts than announced, or a broken chain of pages
	KindAmbiguous        Kind = "ambiguous"         // a write may or may not have happened
	KindApprovalRequired Kind = "approval_required" // Multi Admin Approval holds the write back
	KindWriteBlocked     Kind = "write_blocked"     // a writer was used where only reading is allowed
	KindInternal         Kind = "internal"          // anything else
)

// Retryable tells whether waiting may help.
func (k Kind) Retryable() bool {
	return k == KindThrottled || k == KindUnavailable || k == KindTimeout
}

// Error is a failure of a call to Graph. Its text never contains a body, a header or a
// URL, so it is safe in logs after redaction; Err may wrap the cause for errors.Is.
type Error struct {
	Op         string        // what was tried: "list settingsCatalogPolicy"
	Kind       Kind          // what it means
	StatusCode int           // HTTP status, 0 when there was no answer
	Code       string        // Graph's error code, such as "TooManyRequests"
	RequestID  string        // Graph's request-id, for a support case
	RetryAfter time.Duration // how long Graph asked to wait; 0 when it did not say
	Err        error         // the cause, may be nil

	// NotSent tells that the request certainly did not reach Graph: there was no connection,
	// or nobody could be signed in. A write that was not sent may be made again.
	NotSent bool
}

// Error describes the failure in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("graph: ")
	if e.Op != "" {
		b.WriteString(e.Op)
		b.WriteString(": ")
	}
	b.WriteString(string(e.Kind))
	if e.StatusCode != 0 {
		fmt.Fprintf(&b, " (%d", e.StatusCode)
		if e.Code != "" {
			b.WriteString(" " + e.Code)
		}
		b.WriteString(")")
	} else if e.Code != "" {
		b.WriteString(" (" + e.Code + ")")
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, ", retry after %s", e.RetryAfter)
	}
	if e.RequestID != "" {
		b.WriteString(", request " + e.RequestID)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *[Error] in err's chain, [KindInternal] when
// there is none, and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// RetryAfterOf returns how long Graph asked to wait, 0 when it did not say.
func RetryAfterOf(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// WasNotSent tells whether the first *[Error] in err's chain says that its request certainly did
// not reach Graph.
func WasNotSent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.NotSent
}

// statusOf returns the HTTP status of the first *[Error] in err's chain, 0 when it has none.
func statusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.StatusCode
	}
	return 0
}

// ParseRetryAfter reads the value of a Retry-After header: whole seconds, decimal
// seconds (Graph sends "2.128", against RFC 9110) or an HTTP date, which is taken
// relative to now. It reports false for anything else. A date in the past is 0. The
// result never overflows.
func ParseRetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	// ParseFloat also reads "inf", "nan", hexadecimal and exponents, none of which a
	// server means by a number of seconds.
	if strings.Trim(value, "0123456789.") == "" {
		secs, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil && !errors.Is(err, strconv.ErrRange):
			return 0, false
		case secs > math.MaxInt64/float64(time.Second)/2:
			return time.Duration(math.MaxInt64), true
		}
		return time.Duration(secs * float64(time.Second)), true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(0, at.Sub(now)), true
}
