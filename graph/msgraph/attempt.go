package msgraph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// answer is what one attempt brought.
type answer struct {
	status int
	header http.Header
	body   []byte
	sent   bool  // the request may have reached Graph
	err    error // the answer did not come, or not whole
}

var (
	errTimeout = errors.New("no answer in time")
	errTooLong = errors.New("the answer is longer than Config.MaxAnswer")
	errNoJSON  = errors.New("the answer is no complete JSON")
)

// maxErrorBody is how much of a refusal is read: enough for its code and message.
const maxErrorBody = 256 << 10

// attempt sends a call once.
func (c *Client) attempt(ctx context.Context, r call, token Token) answer {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := c.deadline(ctx, cancel)
	defer stop()

	req, err := c.request(ctx, r, token)
	if err != nil {
		return answer{err: err}
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{sent: !neverSent(err), err: cause(ctx, err)}
	}
	defer func() { _ = res.Body.Close() }()
	a := answer{sent: true, status: res.StatusCode, header: res.Header}
	if a.status/100 != 2 {
		a.body, _ = io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
		return a
	}
	a.body, err = io.ReadAll(io.LimitReader(res.Body, c.cfg.MaxAnswer+1))
	switch {
	case err != nil:
		a.err = cause(ctx, err)
	case int64(len(a.body)) > c.cfg.MaxAnswer:
		a.err = errTooLong
	case len(a.body) == 0 && r.method != http.MethodGet && !r.create:
	case !json.Valid(a.body), a.object() == nil && (r.method == http.MethodGet || r.create):
		a.err = errNoJSON
	}
	return a
}

// object is the body without the blanks around it, if it is an object.
func (a answer) object() []byte {
	if b := bytes.TrimSpace(a.body); len(b) > 0 && b[0] == '{' {
		return b
	}
	return nil
}

// neverSent tells whether a request failed before there was a connection to send it on.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// cause prefers why a context was ended to the error that this led to.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

// deadline ends an attempt that takes too long, by the client's clock.
func (c *Client) deadline(ctx context.Context, cancel context.CancelCauseFunc) (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	timer := c.cfg.Clock.After(c.cfg.Timeout)
	go func() {
		defer close(done)
		select {
		case <-timer:
			cancel(errTimeout)
		case <-over:
		case <-ctx.Done():
		}
	}()
	return func() { close(over); <-done }
}

// request makes the HTTP request of a call.
func (c *Client) request(ctx context.Context, r call, token Token) (*http.Request, error) {
	address := r.link
	if address == "" {
		address = c.root.String() + "/" + r.version + r.relative()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("the request cannot be made: %T", err) // its text has the address
	}
	h := req.Header
	h.Set("Authorization", "Bearer "+token.Value)
	h.Set("Accept", accept(r))
	h.Set("Prefer", preferred)
	h.Set("Client-Request-Id", c.ids.New())
	if r.body != nil {
		h.Set("Content-Type", "application/json")
	}
	if reason := graph.Justification(ctx); reason != "" && r.write() {
		h.Set(approvalHeader, printable(reason))
	}
	return req, nil
}

// preferred asks for values of enumerations that are newer than the API version.
// Source: https://learn.microsoft.com/graph/best-practices-concept
const preferred = "include-unknown-enum-members"

// approvalHeader carries the reason for a write where several administrators must approve it.
const approvalHeader = "X-Msft-Approval-Justification"

// accept asks for every annotation, since without it "@odata.type" comes only where a
// collection has several types.
func accept(r call) string {
	if r.minimal {
		return "application/json"
	}
	return "application/json;odata.metadata=full"
}

// printable replaces what no header may have.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s)
}
