package guequeue_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/uptrace/bun/driver/pgdriver"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
)

// A worker of several: each process does the same over the same database.
func Example() {
	ctx := context.Background()
	db := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN("postgres://app:secret@127.0.0.1/backup?sslmode=disable")))
	defer db.Close()
	if err := guequeue.Migrate(ctx, db); err != nil {
		fmt.Println(err)
		return
	}
	queue, err := guequeue.New(db, guequeue.Options{Workers: 16})
	if err != nil {
		fmt.Println(err)
		return
	}
	var cfg runs.Config // with a store and executors
	cfg.Queue = queue
	runner, err := runs.NewRunner(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(runner.Run(ctx))
}

// The table can be made by other means than Migrate.
func ExampleSchema() {
	for line := range strings.Lines(guequeue.Schema()) {
		if strings.HasPrefix(line, "CREATE") {
			fmt.Print(line)
		}
	}
	// Output:
	// CREATE TABLE IF NOT EXISTS gue_jobs
	// CREATE INDEX IF NOT EXISTS idx_gue_jobs_selector ON gue_jobs (queue, run_at, priority);
}
