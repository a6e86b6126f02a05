package backupsched_test

import (
	"context"
	"testing"
	_ "time/tzdata" // the same zones on every machine

	"go.uber.org/goleak"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/rig"
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

// failOnce lets the first policy that is fetched fail for good.
func failOnce(t *testing.T, r *rig.Rig) {
	t.Helper()
	err := r.Graph.Inject(graphtest.Fault{Op: graphtest.OpItem, Err: &graph.Error{Kind: graph.KindInvalid}})
	if err != nil {
		t.Fatal(err)
	}
}
