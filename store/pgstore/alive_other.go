//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package pgstore

import (
	"context"

	"github.com/uptrace/bun/driver/pgdriver"
)

// alive cannot look here: a connection that died fails the statement that uses it next.
func alive(context.Context, *pgdriver.Conn) error { return nil }
