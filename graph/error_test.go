package graph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestParseRetryAfter(t *testing.T) {
	const forever = time.Duration(math.MaxInt64)
	for value, want := range map[string]struct {
		wait time.Duration
		ok   bool
	}{
		"17":                               {17 * time.Second, true},
		"0":                                {0, true},
		" 5 ":                              {5 * time.Second, true},
		"2.128":                            {2128 * time.Millisecond, true}, // as Graph sends it
		"Thu, 01 Jan 2026 12:01:30 GMT":    {90 * time.Second, true},
		"Thu, 01 Jan 2026 11:00:00 GMT":    {0, true}, // past
		"Thursday, 01-Jan-26 12:00:10 GMT": {10 * time.Second, true},
		"9999999999":                       {forever, true},
		"99999999999999999999999999":       {forever, true},
		strings.Repeat("9", 400):           {forever, true},
		"":                                 {0, false},
		"  ":                               {0, false},
		"-1":                               {0, false},
		"NaN":                              {0, false},
		"inf":                              {0, false},
		"+Inf":                             {0, false},
		"1e9":                              {0, false},
		"0x10":                             {0, false},
		"1.2.3":                            {0, false},
		".":                                {0, false},
		"soon":                             {0, false},
		"5 seconds":                        {0, false},
		"2026-01-01T12:01:30Z":             {0, false},
	} {
		wait, ok := graph.ParseRetryAfter(value, now)
		if wait != want.wait || ok != want.ok {
			t.Errorf("ParseRetryAfter(%.40q) = %v, %v; want %v, %v", value, wait, ok, want.wait, want.ok)
		}
	}
}

func FuzzParseRetryAfterIsNeverNegative(f *testing.F) {
	for _, s := range []string{"17", "2.128", "Thu, 01 Jan 2026 12:01:30 GMT", "-1", "inf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if wait, ok := graph.ParseRetryAfter(value, now); wait < 0 || (!ok && wait != 0) {
			t.Errorf("ParseRetryAfter(%q) = %v, %v", value, wait, ok)
		}
	})
}

func TestErrorTextIsOneReadableLine(t *testing.T) {
	for _, c := range []struct {
		err  graph.Error
		want string
	}{
		{graph.Error{Kind: graph.KindTimeout}, "graph: timeout"},
		{graph.Error{Op: "list roleScopeTag", Kind: graph.KindForbidden, StatusCode: 403}, "graph: list roleScopeTag: forbidden (403)"},
		{graph.Error{Kind: graph.KindUnsupported, Code: "unknownType"}, "graph: unsupported (unknownType)"},
		{
			graph.Error{
				Op: "list settingsCatalogPolicy", Kind: graph.KindThrottled, StatusCode: 429, Code: "TooManyRequests",
				RequestID: "4a6d", RetryAfter: 2128 * time.Millisecond, Err: io.ErrUnexpectedEOF,
			},
			"graph: list settingsCatalogPolicy: throttled (429 TooManyRequests), retry after 2.128s, request 4a6d: unexpected EOF",
		},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestKindOfAndRetryAfterOfLookThroughWrapping(t *testing.T) {
	throttled := &graph.Error{Kind: graph.KindThrottled, RetryAfter: 7 * time.Second, Err: io.EOF}
	for _, c := range []struct {
		err  error
		kind graph.Kind
		wait time.Duration
	}{
		{nil, "", 0},
		{io.EOF, graph.KindInternal, 0},
		{context.Canceled, graph.KindInternal, 0},
		{throttled, graph.KindThrottled, 7 * time.Second},
		{fmt.Errorf("capture: %w", throttled), graph.KindThrottled, 7 * time.Second},
		{errors.Join(io.EOF, throttled), graph.KindThrottled, 7 * time.Second},
		{&graph.Error{Kind: graph.KindAmbiguous, Err: throttled}, graph.KindAmbiguous, 0}, // the outermost speaks
	} {
		if got := graph.KindOf(c.err); got != c.kind {
			t.Errorf("KindOf(%v) = %q, want %q", c.err, got, c.kind)
		}
		if got := graph.RetryAfterOf(c.err); got != c.wait {
			t.Errorf("RetryAfterOf(%v) = %v, want %v", c.err, got, c.wait)
		}
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	err := fmt.Errorf("sync: %w", &graph.Error{Op: "get", Kind: graph.KindUnavailable, Err: io.ErrUnexpectedEOF})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("errors.Is does not find the cause")
	}
	var e *graph.Error
	if !errors.As(err, &e) || e.Op != "get" {
		t.Errorf("errors.As found %+v", e)
	}
}

func TestOnlyWaitingKindsAreRetryable(t *testing.T) {
	want := map[graph.Kind]bool{graph.KindThrottled: true, graph.KindUnavailable: true, graph.KindTimeout: true}
	for _, k := range []graph.Kind{
		graph.KindThrottled, graph.KindUnavailable, graph.KindTimeout, graph.KindUnauthorized, graph.KindForbidden,
		graph.KindNotFound, graph.KindConflict, graph.KindInvalid, graph.KindUnsupported, graph.KindIncomplete,
		graph.KindAmbiguous, graph.KindApprovalRequired, graph.KindWriteBlocked, graph.KindInternal, "of the future",
	} {
		if k.Retryable() != want[k] {
			t.Errorf("%s.Retryable() = %v", k, k.Retryable())
		}
	}
}
