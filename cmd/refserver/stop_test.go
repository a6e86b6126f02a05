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
func (w *wire) get() (body string, err error) {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		w.calls <- there
		return here, nil
	}}
	res, err := (&http.Client{Transport: transport}).Get("http://127.0.0.1/")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// stop is how a server stopped.
type stop struct {
	body    string // that the client got
	broken  error  // what went wrong at the client
	stopped error  // of serveUntil
	took    time.Duration
}

// stopping serves a request by handle, then stops while it is under way; meanwhile is called in
// the middle.
func stopping(handle http.HandlerFunc, meanwhile func()) (how stop) {
	w := &wire{calls: make(chan net.Conn), closed: make(chan struct{})}
	ctx, end := context.WithCancel(context.Background())
	ended, answered := make(chan error, 1), make(chan struct{})
	go func() {
		ended <- serveUntil(ctx, newServer(handle, slog.New(slog.DiscardHandler)), w, func(ctx context.Context) error { <-ctx.Done(); return nil })
	}()
	go func() {
		defer close(answered)
		how.body, how.broken = w.get()
	}()
	synctest.Wait() // the handler is at work
	began := time.Now()
	end()
	synctest.Wait()
	meanwhile()
	how.stopped = <-ended
	how.took = time.Since(began)
	<-answered
	return how
}

func TestARequestThatIsUnderWayWhenTheServerStopsIsAnsweredWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		how := stopping(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "first ")
			_ = http.NewResponseController(w).Flush()
			<-goOn
			if r.Context().Err() == nil {
				_, _ = io.WriteString(w, "last")
			}
		}, func() { close(goOn) })
		if how.body != "first last" || how.broken != nil || how.stopped != nil {
			t.Errorf("the client has %q, %v; the server says %v", how.body, how.broken, how.stopped)
		}
	})
}

func TestARequestThatDoesNotEndIsBrokenOffAndLeftByItsHandlerBeforeTheServerHasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := false
		how := stopping(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			<-time.After(time.Second) // what it still has to do with the store
			left = true
		}, func() {})
		if !left {
			t.Error("the handler is still at work")
		}
		if how.broken == nil || !errors.Is(how.stopped, context.DeadlineExceeded) || how.took != shutdownTimeout+time.Second {
			t.Errorf("the client got %v, the server stopped after %v with %v", how.broken, how.took, how.stopped)
		}
	})
}
