package backupsched_test

import (
	"context"
	"testing"
	_ "time/tzdata" // the same zones on every machine

	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/backupsched"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

// runLoop runs a dispatcher's loop until the returned function is called.
func runLoop(t *testing.T, d *backupsched.Dispatcher) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return func() error { cancel(); return <-done }
}
