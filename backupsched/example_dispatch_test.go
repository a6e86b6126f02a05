package backupsched_test

import (
	"context"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// A fake clock drives the dispatcher over the night on which Berlin's clocks are set back:
// 02:30 comes twice, and the backup runs once.
func ExampleDispatcher_Tick() {
	ctx := context.Background()
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC))

	db, err := sqlitestore.Open(ctx, sqlitestore.Memory, sqlitestore.Options{Clock: mock})
	if err != nil {
		panic(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		panic(err)
	}
	queue, _ := memqueue.New(memqueue.Config{Clock: mock})
	owner := func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil }
	starter, _ := runs.NewStarter(runs.StarterConfig{Store: db, Queue: queue, Clock: mock, Authorizer: runs.RoleAuthorizer{RoleOf: owner}})
	scheduler, _ := backupsched.NewScheduler(backupsched.Config{Store: db, Starter: starter, Clock: mock})
	dispatcher, _ := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: db, Queue: queue, Clock: mock})

	draft := backupsched.NewDraft()
	draft.Name, draft.PolicyTypes = "Nightly", []graph.PolicyType{"conditionalAccessPolicy"}
	draft.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	if _, _, err := scheduler.Create(ctx, "contoso", runs.Actor{ID: "alice"}, draft); err != nil {
		panic(err)
	}
	for range 8 * 60 {
		mock.Add(time.Minute)
		report, err := dispatcher.Tick(ctx)
		if err != nil {
			panic(err)
		}
		if report.Queued > 0 {
			fmt.Println("dispatched at", mock.Now().UTC().Format("15:04 MST"))
		}
	}
	// Output: dispatched at 00:30 UTC
}
