package msgraph_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
)

// memoryNet is a network within the process, of one server.
type memoryNet struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// connect serves h on a network of its own and returns a client for it, which believes that it
// speaks TLS. Both end with the test; within a bubble of synctest they run on its time.
func connect(t testing.TB, h http.Handler) *http.Client {
	n := &memoryNet{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: h}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(n) })
	transport := &http.Transport{DialTLSContext: n.dial, MaxIdleConnsPerHost: 64}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		wg.Wait()
	})
	return &http.Client{Transport: transport}
}

func (n *memoryNet) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case n.conns <- server:
		return client, nil
	case <-n.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *memoryNet) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *memoryNet) Close() error   { n.once.Do(func() { close(n.done) }); return nil }
func (n *memoryNet) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }
