//go:build !unix

package pgtest

import "syscall"

// Without a unix shell no server is started, see supervise and installed; where one has
// been installed, the server runs as the user of the tests.

func asServerUser() *syscall.SysProcAttr { return nil }

func handOver(...string) error { return nil }
