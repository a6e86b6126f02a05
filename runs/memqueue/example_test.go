package memqueue_test

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
)

// A queue hands jobs to a handler until its context ends.
func ExampleQueue_Work() {
	queue, err := memqueue.New(memqueue.Config{Workers: 1})
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	queue.Enqueue(ctx, runs.Job{TenantID: "contoso", RunID: "0198d1c2-0000-7000-8000-000000000001"})
	queue.Work(ctx, func(_ context.Context, job runs.Job) (runs.Work, error) {
		fmt.Println("working for", job.TenantID)
		stop()
		return nil, nil
	})
	// Output: working for contoso
}
