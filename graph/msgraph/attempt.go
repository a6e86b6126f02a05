package msgraph

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/tenantatlas/tenantbackup/graph"
)

// answer is what one attempt brought.
type answer struct {
	status int // 0 when there was none
	header http.Header
	body   []byte
	sent   bool  // the request may have reached Graph
	err    error // the answer did not come, or not whole
}

// object is the body if it is a JSON object, else nil.
func (a answer) object() []byte {
	if b := bytes.TrimSpace(a.body); len(b) > 0 && b[0] == '{' && json.Valid(b) {
		return b
	}
	return nil
}

// maxErrorBody is how much of a refusal is read: enough for its code and message.
const maxErrorBody = 256 << 10

// attempt sends a call once.
func (c *Client) attempt(ctx context.Context, r call, token Token) answer {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer c.deadline(ctx, cancel)()

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
		// What is cut off here is no JSON any more and counts as no message.
		a.body, _ = io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
		return a
	}
	a.body, err = io.ReadAll(io.LimitReader(res.Body, c.cfg.MaxAnswer+1))
	switch {
	case err != nil:
		a.err = cause(ctx, err)
	case int64(len(a.body)) > c.cfg.MaxAnswer:
		a.err = errTooLong
	case r.answered() && a.object() == nil, len(a.body) > 0 && !json.Valid(a.body):
		a.err = errNoJSON
	}
	return a
}

// cause prefers why a context was ended to the error that this led to.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

// deadline ends an attempt that takes too long, by the client's clock. The function that it
// returns ends the watch.
func (c *Client) deadline(ctx context.Context, cancel context.CancelCauseFunc) func() {
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

// address is the URL of a call.
func (c *Client) address(r call) string {
	if r.link != "" {
		return r.link
	}
	return c.root.String() + "/" + r.version + r.relative()
}

// request makes the HTTP request of a call.
func (c *Client) request(ctx context.Context, r call, token Token) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.address(r), body)
	if err != nil {
		return nil, errUnsendable // the error's text has the address
	}
	h := req.Header
	h.Set("Authorization", "Bearer "+token.Value)
	h.Set("Accept", accept(r))
	h.Set("Prefer", preferred)
	h.Set("Client-Request-Id", c.ids.New())
	if r.body != nil {
		h.Set("Content-Type", "application/json")
	}
	if graph.LowPriority(ctx) {
		h.Set(priorityHeader, "low")
	}
	if r.justification != "" {
		h.Set(justificationHeader, r.justification)
	}
	if r.code != "" {
		h.Set(approvalHeader, r.code)
	}
	return req, nil
}

// preferred asks for values of enumerations that are newer than the API version.
// Source: https://learn.microsoft.com/graph/best-practices-concept
const preferred = "include-unknown-enum-members"

// priorityHeader tells Graph that others may go first where it throttles.
const priorityHeader = "X-Ms-Throttle-Priority"

// accept asks for every annotation, since without it "@odata.type" comes only where a
// collection has several types.
func accept(r call) string {
	if r.minimal {
		return "application/json"
	}
	return "application/json;odata.metadata=full"
}
