// Command quickstart backs up one tenant of a fake Graph once. It is the program of the README.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	_ "time/tzdata" // the same time zones on every machine

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

func main() {
	dir, err := os.MkdirTemp("", "quickstart-")
	check(err)
	defer os.RemoveAll(dir)
	check(backUp(context.Background(), filepath.Join(dir, "backups.db")))
}

func backUp(ctx context.Context, path string) error {
	// What the host brings: a Graph client, and who may do what.
	fake, err := graphtest.New(graphtest.Config{})
	check(err)
	check(fake.AddTenant("contoso", graphtest.TenantConfig{Seed: 1, Policies: 50}))
	everybodyOwns := runs.RoleAuthorizer{RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil }}

	// The wiring.
	db, err := sqlitestore.Open(ctx, path, sqlitestore.Options{})
	check(err)
	defer db.Close()
	check(db.Migrate(ctx))
	queue, err := memqueue.New(memqueue.Config{})
	check(err)
	starter, err := runs.NewStarter(runs.StarterConfig{Store: db, Queue: queue, Authorizer: everybodyOwns})
	check(err)
	keep, err := retention.New(retention.Config{Store: db, Starter: starter})
	check(err)
	captures, err := capture.New(capture.Config{Reader: fake, Store: db})
	check(err)
	ended := make(chan runs.Run, 10)
	runner, err := runs.NewRunner(runs.Config{Store: db, Queue: queue, Executors: []runs.Executor{captures, keep},
		AfterRun: func(ctx context.Context, run runs.Run) error { ended <- run; return keep.AfterRun(ctx, run) }})
	check(err)
	scheduler, err := backupsched.NewScheduler(backupsched.Config{Store: db, Starter: starter, PlanGuard: keep})
	check(err)
	dispatcher, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: db, Queue: queue})
	check(err)
	ctx, stop := context.WithCancel(ctx)
	stopped := make(chan error, 3)
	go func() { stopped <- runner.Run(ctx) }()     // works on runs
	go func() { stopped <- dispatcher.Run(ctx) }() // makes runs of due schedules
	go func() { stopped <- keep.Run(ctx) }()       // purges what was retired long enough ago

	// A person saves a schedule and does not want to wait for its first slot.
	alice := runs.Actor{ID: "alice"}
	draft := backupsched.NewDraft()
	draft.Name, draft.PolicyTypes = "Nightly", []graph.PolicyType{"settingsCatalogPolicy", "conditionalAccessPolicy"}
	draft.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	schedule, _, err := scheduler.Create(ctx, "contoso", alice, draft)
	check(err)
	_, _, err = scheduler.RunNow(ctx, "contoso", alice, schedule.ID)
	check(err)
	run := <-ended
	fmt.Printf("%s: %d of %d policies backed up\n", run.Status, run.Counts.Succeeded, run.Counts.Total)

	stop()
	check(<-stopped)
	check(<-stopped)
	return <-stopped
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
