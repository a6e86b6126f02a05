package graphserver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

// memory is a listener whose connections stay within the process.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error   { m.once.Do(func() { close(m.done) }); return nil }
func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case m.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestItWorksOverConnectionsInMemoryInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := with(t, graphtest.Config{Clock: ticking{}}, graphserver.Config{Scheme: "https", Latency: 60 * time.Millisecond})
		listener := &memory{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{Handler: w.server}
		go func() { _ = server.Serve(listener) }()
		// The client believes that it speaks TLS to Microsoft, and so do the links.
		client := &http.Client{Transport: &http.Transport{DialTLSContext: listener.dial}}
		ask := func(ctx context.Context, target string) ([]byte, error) {
			req, err := http.NewRequestWithContext(ctx, "GET", target, nil)
			if err != nil {
				return nil, err
			}
			req.Header.Set("Authorization", "Bearer "+w.token)
			resp, err := client.Do(req)
			if err != nil {
				return nil, err
			}
			defer resp.Body.Close()
			return io.ReadAll(resp.Body)
		}

		began, pages := time.Now(), 0
		for target := "https://graph.microsoft.com" + catalog; target != ""; pages++ {
			body, err := ask(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			target = text(decode(t, body)["@odata.nextLink"])
		}
		if took := time.Since(began); pages < 3 || took != time.Duration(pages)*60*time.Millisecond {
			t.Errorf("%d pages took %s", pages, took)
		}

		w.fault("slow", graphserver.FaultOptions{Wait: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		began = time.Now()
		if _, err := ask(ctx, "https://graph.microsoft.com"+filters); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("a client that goes: %v after %s", err, time.Since(began))
		}
		cancel()
		client.CloseIdleConnections()
		if err := server.Shutdown(t.Context()); err != nil { // waits for handlers, which end at once
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the handler of a client that has gone took %s", took)
		}
	})
}
