//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package pgstore

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"net"
	"syscall"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"
)

// alive lets a pool throw away a connection that died while nobody used it: the server has
// crashed or was restarted. Otherwise each of them would fail one statement of the service,
// long after the server is back. Looking costs one system call and no round trip.
func alive(_ context.Context, cn *pgdriver.Conn) error {
	conn := cn.Conn()
	// What is left of the latest statement's time says nothing about the connection.
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return driver.ErrBadConn
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	if idle(sc) {
		return nil
	}
	return driver.ErrBadConn
}

// idle tells whether a connection is open and has nothing to say. A server that is asked
// nothing says only why it ends the connection; what else it may say, such as that its
// settings were reloaded, is worth no more than a new connection.
func idle(conn syscall.Conn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		// The descriptor does not block: without anything to read there is EAGAIN.
		_, err := syscall.Read(int(fd), make([]byte, 1))
		quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR
		return true
	})
	return err == nil && quiet
}

var (
	_ syscall.Conn = (*net.TCPConn)(nil)
	_ syscall.Conn = (*net.UnixConn)(nil)
)
