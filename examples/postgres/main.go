// Command postgres shows two processes that share one Postgres: a schedule is due, both
// dispatch and both work, and there is one run all the same.
//
//	DATABASE_URL=postgres://user:password@127.0.0.1:5432/name go run ./examples/postgres
//
// It works in a schema of its own, which it removes in the end.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"time"
	_ "time/tzdata" // the same time zones on every machine

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

const (
	urlVariable    = "DATABASE_URL"
	schemaVariable = "TENANTBACKUP_EXAMPLE_SCHEMA" // set for the second process
)

func main() {
	ctx, url := context.Background(), os.Getenv(urlVariable)
	if url == "" {
		fmt.Println("nothing to do: set " + urlVariable + " to the URL of a Postgres database, such as postgres://user:password@127.0.0.1:5432/name")
		return
	}
	if schema := os.Getenv(schemaVariable); schema != "" {
		check(second(ctx, url, schema))
		return
	}
	check(first(ctx, url, os.Stdout))
}

// first prepares the database, starts the second process, works beside it until the run has
// ended, and looks at what there is.
func first(ctx context.Context, url string, out io.Writer) (err error) {
	schema := fmt.Sprintf("tenantbackup_example_%d", os.Getpid())
	remove, err := prepare(ctx, url, schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	p, err := join(ctx, url, schema, out)
	if err != nil {
		return err
	}
	defer p.db.Close()
	schedule, err := p.dueNow(ctx)
	if err != nil {
		return err
	}
	other, err := startSecond(schema, out)
	if err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- p.work(working) }()
	run, waitErr := p.ended(ctx, schedule.ID)
	stop()
	if err := errors.Join(waitErr, <-stopped, other.stop()); err != nil {
		return err
	}
	return p.verify(ctx, run)
}

// prepare makes the schema and its tables, and returns what removes them.
func prepare(ctx context.Context, url, schema string) (remove func() error, err error) {
	host, err := pgstore.Open(ctx, url, pgstore.Options{})
	if err != nil {
		return nil, err
	}
	remove = func() error {
		_, err := host.DB().ExecContext(ctx, "DROP SCHEMA "+schema+" CASCADE")
		return errors.Join(err, host.Close())
	}
	if _, err := host.DB().ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		return nil, errors.Join(err, host.Close())
	}
	db, err := open(ctx, url, schema)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	defer db.Close()
	if err := errors.Join(db.Migrate(ctx), guequeue.Migrate(ctx, db.DB().DB)); err != nil {
		return nil, errors.Join(err, remove())
	}
	return remove, nil
}

func open(ctx context.Context, url, schema string) (*pgstore.Store, error) {
	return pgstore.Open(ctx, url, pgstore.Options{Connection: pgstore.Connection{Schema: schema}})
}

// dueNow makes a schedule whose first slot is the minute that has just begun. Its clock is
// behind, since a slot always lies ahead of who makes the schedule.
func (p *process) dueNow(ctx context.Context) (backupsched.Schedule, error) {
	scheduler, err := backupsched.NewScheduler(backupsched.Config{Store: p.db, Starter: p.starter, PlanGuard: p.keep, Clock: behind{}})
	if err != nil {
		return backupsched.Schedule{}, err
	}
	draft := backupsched.NewDraft()
	draft.Name, draft.PolicyTypes = "Nightly", []graph.PolicyType{"settingsCatalogPolicy", "conditionalAccessPolicy"}
	slot := runs.SystemClock{}.Now().UTC().Truncate(time.Minute)
	draft.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: slot.Format("15:04"), Timezone: "UTC"}
	schedule, _, err := scheduler.Create(ctx, tenant, alice, draft)
	return schedule, err
}

// behind is a clock that is a minute behind.
type behind struct{ runs.SystemClock }

// Now implements [runs.Clock].
func (b behind) Now() time.Time { return b.SystemClock.Now().Add(-time.Minute) }

// child is the second process.
type child struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	copied chan error // what it prints has been copied
}

// startSecond starts this program again and waits until it has something to say, so that
// both begin at the same time.
func startSecond(schema string, out io.Writer) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(program), copied: make(chan error, 1)}
	c.cmd.Env = append(os.Environ(), schemaVariable+"="+schema)
	c.cmd.Stderr = os.Stderr
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	fmt.Fprint(out, line)
	go func() {
		_, err := io.Copy(out, lines)
		c.copied <- err
	}()
	if err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// stop ends the second process in peace.
func (c *child) stop() error { return errors.Join(c.stdin.Close(), <-c.copied, c.cmd.Wait()) }

// second works until its standard input ends, whichever way the first process does that.
func second(ctx context.Context, url, schema string) error {
	p, err := join(ctx, url, schema, os.Stdout)
	if err != nil {
		return err
	}
	defer p.db.Close()
	fmt.Printf("process %d joins\n", os.Getpid())
	ctx, stop := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	return p.work(ctx)
}

// ended waits until the schedule's run has ended.
func (p *process) ended(ctx context.Context, schedule runs.ID) (runs.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		list, err := p.starter.List(ctx, tenant, alice, runs.RunFilter{ScheduleID: schedule, Kinds: []runs.Kind{runs.KindBackup}}, runs.PageRequest{})
		if err != nil {
			return runs.Run{}, err
		}
		if len(list.Items) > 0 && list.Items[0].Status.Terminal() {
			return list.Items[0], nil
		}
		select {
		case <-ctx.Done():
			return runs.Run{}, errors.New("the run has not ended within a minute")
		case <-runs.SystemClock{}.After(50 * time.Millisecond):
		}
	}
}

// verify looks at what two processes have made of one slot.
func (p *process) verify(ctx context.Context, run runs.Run) error {
	list, err := p.starter.List(ctx, tenant, alice, runs.RunFilter{}, runs.PageRequest{})
	if err != nil {
		return err
	}
	report, err := p.db.Check(ctx, checkAll)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "one slot: %d run, %s, %d of %d policies; %d problems in the database\n",
		len(list.Items), run.Status, run.Counts.Succeeded, run.Counts.Total, len(report.Problems))
	if len(list.Items) != 1 || run.Status != runs.StatusSuccess || len(report.Problems) > 0 {
		return errors.New("that is not one good run")
	}
	return nil
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
