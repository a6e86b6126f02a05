package azauth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
)

// maxAnswer is more than any answer of a sign-in service has.
const maxAnswer = 1 << 20

// seen is the last exchange of a sign-in. What went wrong is told by it, since the SDK's errors
// are texts with whole answers in them.
type seen struct {
	err    error // there was no answer
	status int   // 0 when nothing was sent
	header http.Header
	body   []byte // of a refusal
}

type seenKey struct{}

// watch returns a context whose requests are noted.
func watch(ctx context.Context) (context.Context, *seen) {
	s := &seen{}
	return context.WithValue(ctx, seenKey{}, s), s
}

// transport sends the SDK's requests and notes what became of them.
type transport struct{ http *http.Client }

func newTransport(h *http.Client) *transport {
	var own http.Client
	if h != nil {
		own = *h
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &transport{&own}
}

var errTooLong = errors.New("the answer is too long")

// Do implements policy.Transporter.
func (t *transport) Do(req *http.Request) (*http.Response, error) {
	note, ok := req.Context().Value(seenKey{}).(*seen)
	if !ok {
		note = &seen{}
	}
	*note = seen{}
	res, err := t.http.Do(req)
	if err != nil {
		note.err = err
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	_ = res.Body.Close()
	if len(body) > maxAnswer {
		err = errTooLong
	}
	if err != nil {
		note.err = err
		return nil, err
	}
	note.status, note.header = res.StatusCode, res.Header
	if res.StatusCode/100 != 2 {
		note.body = body
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}
