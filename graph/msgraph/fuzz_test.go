package msgraph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// skipping is a clock on which nobody waits: each wait moves it on. The deadline of an attempt
// never comes.
type skipping struct {
	now    chan time.Time // of one element
	behind time.Duration  // a wait that never ends
}

func newSkipping(behind time.Duration) *skipping {
	s := &skipping{now: make(chan time.Time, 1), behind: behind}
	s.now <- time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return s
}

func (s *skipping) Now() time.Time {
	now := <-s.now
	s.now <- now
	return now
}

func (s *skipping) After(d time.Duration) <-chan time.Time {
	if d == s.behind {
		return nil
	}
	now := (<-s.now).Add(d)
	s.now <- now
	c := make(chan time.Time, 1)
	c <- now
	return c
}

// fuzzed answers every request with the same.
type fuzzed struct {
	status            int
	header            http.Header
	body              []byte
	broken            bool // the body ends with an error
	requests, foreign atomic.Int64
}

func (f *fuzzed) RoundTrip(r *http.Request) (*http.Response, error) {
	f.requests.Add(1)
	if r.URL.Host != "graph.example" || r.URL.Scheme != "https" {
		f.foreign.Add(1)
	}
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	var body io.Reader = bytes.NewReader(f.body)
	if f.broken {
		body = io.MultiReader(body, brokenReader{})
	}
	return &http.Response{StatusCode: f.status, Header: f.header, Body: io.NopCloser(body), Request: r}, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func FuzzAnyAnswer(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `null`, `[]`, `{"value":[]}`, `{"value":[{"id":"1"}],"@odata.nextLink":"https://graph.example/beta/x?$skiptoken=1"}`,
		`{"value":[],"@odata.nextLink":"https://evil.example/beta/x"}`, `{"id":"1"}`, `{"id":"1"`, intune,
		`{"responses":[{"id":"1","status":200,"headers":{},"body":{"id":"1"}},{"id":"2","status":429,"headers":{"Retry-After":"1"},"body":{}}]}`,
		`{"responses":[{"id":"1","status":401},{"id":"2","status":500,"headers":{"Retry-After":1e999}}]}`, "\xff\xfe", `{"responses":[{"id":"2"},{"id":"1","body":null,"status":204}]}`,
	} {
		for _, status := range []int{200, 204, 301, 400, 401, 403, 404, 429, 500, 503, 504} {
			f.Add(status, "Retry-After: 2.128\nRequest-Id: x\nWWW-Authenticate: Bearer claims=\"e30=\"", []byte(body), status%2 == 0)
		}
	}
	f.Add(429, "Retry-After: 99999999999999999999", []byte(``), false)
	f.Fuzz(func(t *testing.T, status int, header string, body []byte, broken bool) {
		if status < 100 || status > 999 {
			return // net/http answers no such thing
		}
		server := &fuzzed{status: status, header: http.Header{}, body: body, broken: broken}
		for line := range strings.Lines(header) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
				server.header.Add(name, value)
			}
		}
		clock := newSkipping(time.Hour)
		c, err := New(Config{Tokens: always, BaseURL: "https://graph.example", HTTP: &http.Client{Transport: server}, Clock: clock, Timeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		begin := clock.Now()
		good := status/100 == 2 && !broken
		for _, r := range []call{list(), create(), update()} {
			got, err := c.do(t.Context(), tenant, r)
			if err == nil && (!good || !bytes.Equal(got, body) || len(got) == 0 && r.method != "PATCH" || len(got) > 0 && !json.Valid(got)) {
				t.Errorf("%s %d %q is a success", r.method, status, body)
			}
			checkError(t, err, r.create)
		}
		rows := 0
		err = c.pages(t.Context(), tenant, list(), func(r []json.RawMessage) error { rows += len(r); return nil })
		if err == nil && (!good || !isWholeCollection(body, rows)) {
			t.Errorf("%d %q is a collection of %d", status, body, rows)
		}
		checkError(t, err, false)
		replies, err := c.batch(t.Context(), tenant, numbered(3))
		if err == nil && !good {
			t.Errorf("%d %q is a batch", status, body)
		}
		checkError(t, err, false)
		for _, r := range replies {
			if r.err == nil && (!bytes.Contains(body, r.body) || !json.Valid(r.body) || r.body[0] != '{') {
				t.Errorf("%d %q answers with %q", status, body, r.body)
			}
			checkError(t, r.err, false)
		}
		if waited := clock.Now().Sub(begin); waited > time.Hour || server.requests.Load() > 200 || server.foreign.Load() > 0 {
			t.Errorf("%s and %d requests, of which %d went elsewhere", waited, server.requests.Load(), server.foreign.Load())
		}
	})
}

// checkError checks that an error is one of the promised kind.
func checkError(t *testing.T, err error, created bool) {
	var e *graph.Error
	switch {
	case err == nil:
	case !errors.As(err, &e) || errors.Is(err, context.Canceled):
		t.Errorf("the error is %v", err)
	case e.Kind == graph.KindAmbiguous && !created, strings.Contains(err.Error(), "the-token"), strings.Contains(err.Error(), "graph.example"):
		t.Errorf("the error is %v", err)
	}
}

// isWholeCollection tells whether a body is a page without a next one, read independently.
func isWholeCollection(body []byte, rows int) bool {
	var page map[string]any
	if json.Unmarshal(body, &page) != nil {
		return false
	}
	value, ok := page["value"].([]any)
	return ok && len(value) == rows && page["@odata.nextLink"] == nil
}
