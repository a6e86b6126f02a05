package runs_test

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// hello is an executor of a host's own kind of run.
type hello struct{}

func (hello) Kinds() []runs.Kind { return []runs.Kind{"example.hello"} }

func (hello) Execute(_ context.Context, a *runs.Attempt) error {
	fmt.Println("hello", a.Tenant())
	return nil
}

// A host adds a kind of run of its own: it gets the same deduplication, retries, audit and
// notifications as backups.
func ExampleExecutor() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, err := sqlitestore.Open(ctx, sqlitestore.Memory, sqlitestore.Options{})
	if err != nil {
		panic(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		panic(err)
	}
	queue, _ := memqueue.New(memqueue.Config{})
	owner := func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil }
	starter, _ := runs.NewStarter(runs.StarterConfig{Store: db, Queue: queue, Authorizer: runs.RoleAuthorizer{RoleOf: owner}})
	runner, _ := runs.NewRunner(runs.Config{
		Store: db, Queue: queue, Executors: []runs.Executor{hello{}},
		AfterRun: func(_ context.Context, run runs.Run) error {
			fmt.Println(run.Status, "after attempt", run.Attempt)
			stop()
			return nil
		},
	})
	if _, _, err := starter.Start(ctx, "contoso", runs.Actor{ID: "alice"}, runs.Request{Kind: "example.hello", Key: "hello"}); err != nil {
		panic(err)
	}
	if err := runner.Run(ctx); err != nil {
		panic(err)
	}
	// Output:
	// hello contoso
	// success after attempt 1
}
