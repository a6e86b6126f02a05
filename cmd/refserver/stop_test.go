package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// wire is a listener whose connections are pipes, which take no time but that of a test's bubble.
type wire struct {
	calls  chan net.Conn
	closed chan struct{}
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.calls:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error {
	select {
	case <-w.closed:
	default:
		close(w.closed)
	}
	return nil
}

func (*wire) Addr() net.Addr { return local() }

// get asks over the wire.
func (w *wire) get() (status int, body string, err error) {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		w.calls <- there
		return here, nil
	}}
	res, err := (&http.Client{Transport: transport}).Get("http://127.0.0.1/")
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// stopping serves a request by handle, then stops while it is under way. It returns what the
// client got, what serveUntil said, and how long stopping took; meanwhile is called in the middle.
func stopping(handle http.HandlerFunc, meanwhile func()) (body string, got, stopped error, took time.Duration) {
	w := &wire{calls: make(chan net.Conn), closed: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	ended, answered := make(chan error, 1), make(chan struct{})
	go func() {
		ended <- serveUntil(ctx, newServer(handle, slog.New(slog.DiscardHandler)), w, func(ctx context.Context) error { <-ctx.Done(); return nil })
	}()
	go func() {
		defer close(answered)
		_, body, got = w.get()
	}()
	synctest.Wait() // the handler is at work
	began := time.Now()
	stop()
	synctest.Wait()
	meanwhile()
	stopped = <-ended
	took = time.Since(began)
	<-answered
	return body, got, stopped, took
}

func TestARequestThatIsUnderWayWhenTheServerStopsIsAnsweredWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		body, got, stopped, _ := stopping(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "first ")
			_ = http.NewResponseController(w).Flush()
			<-goOn
			if r.Context().Err() == nil {
				_, _ = io.WriteString(w, "last")
			}
		}, func() { close(goOn) })
		if body != "first last" || got != nil || stopped != nil {
			t.Errorf("the client has %q, %v; the server says %v", body, got, stopped)
		}
	})
}

func TestARequestThatDoesNotEndIsBrokenOffAndLeftByItsHandlerBeforeTheServerHasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := false
		_, got, stopped, took := stopping(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			<-time.After(time.Second) // what it still has to do with the store
			left = true
		}, func() {})
		if !left {
			t.Error("the handler is still at work")
		}
		if got == nil || !errors.Is(stopped, context.DeadlineExceeded) || took != shutdownTimeout+time.Second {
			t.Errorf("the client got %v, the server stopped after %v with %v", got, took, stopped)
		}
	})
}
