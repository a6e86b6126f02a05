// Command dstclock shows how a test drives a dispatcher through a daylight-saving change with
// benbjohnson/clock: no waiting, the same outcome every time.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"
	_ "time/tzdata" // the same zones on every machine

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

func main() {
	dir, err := os.MkdirTemp("", "dstclock-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := play(context.Background(), filepath.Join(dir, "backups.db"), os.Stdout); err != nil {
		log.Print(err)
	}
}

// play ticks through the two days around each change of 2026 in Berlin, in steps of two minutes,
// which the dispatcher's grace allows.
func play(ctx context.Context, path string, out io.Writer) error {
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC))
	db, err := sqlitestore.Open(ctx, path, sqlitestore.Options{Clock: mock})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	queue, err := memqueue.New(memqueue.Config{Clock: mock})
	if err != nil {
		return err
	}
	starter, err := runs.NewStarter(runs.StarterConfig{Store: db, Queue: queue, Clock: mock, Authorizer: runs.RoleAuthorizer{RoleOf: everybodyOwns}})
	if err != nil {
		return err
	}
	scheduler, err := backupsched.NewScheduler(backupsched.Config{Store: db, Starter: starter, Clock: mock})
	if err != nil {
		return err
	}
	dispatcher, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: db, Queue: queue, Clock: mock})
	if err != nil {
		return err
	}
	draft := backupsched.NewDraft()
	draft.Name, draft.PolicyTypes = "Nightly", []graph.PolicyType{"conditionalAccessPolicy"}
	draft.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	_, warnings, err := scheduler.Create(ctx, "contoso", runs.Actor{ID: "alice"}, draft)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintln(out, "warning:", w.Message)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return err
	}
	for _, from := range []time.Time{time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC)} {
		mock.Set(from.Add(-time.Minute))
		if _, err := dispatcher.Tick(ctx); err != nil { // records what was missed in between
			return err
		}
		fmt.Fprintln(out, from.Format("January 2006"))
		for at := from; at.Before(from.Add(48 * time.Hour)); at = at.Add(2 * time.Minute) {
			mock.Set(at)
			report, err := dispatcher.Tick(ctx)
			if err != nil {
				return err
			}
			if report.Queued > 0 {
				fmt.Fprintln(out, " ", at.In(berlin).Format("Mon 2 Jan 15:04 MST"), "=", at.Format("15:04 MST"))
			}
		}
	}
	return nil
}

func everybodyOwns(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) {
	return runs.RoleOwner, nil
}
