package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

const tenant = graph.TenantID("contoso")

var (
	alice    = runs.Actor{ID: "alice"}
	checkAll = store.CheckOptions{ReadData: true}
)

// process is the SDK as each of the two embeds it.
type process struct {
	db         *pgstore.Store
	starter    *runs.Starter
	keep       *retention.Retention
	runner     *runs.Runner
	dispatcher *backupsched.Dispatcher
	out        io.Writer
}

// join wires a process that tells what it does. It starts nothing.
func join(ctx context.Context, url, schema string, out io.Writer) (p *process, err error) {
	me := fmt.Sprintf("process %d", os.Getpid())
	fake, err := graphtest.New(graphtest.Config{}) // each process has one, with the same policies
	if err == nil {
		err = fake.AddTenant(tenant, graphtest.TenantConfig{Seed: 1, Policies: 50})
	}
	if err != nil {
		return nil, err
	}
	p = &process{out: out}
	if p.db, err = open(ctx, url, schema); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.db.Close())
		}
	}()
	// The queue is in the same database, so that every process takes from it.
	queue, err := guequeue.New(p.db.DB().DB, guequeue.Options{Workers: 4})
	if err != nil {
		return nil, err
	}
	everybodyOwns := runs.RoleAuthorizer{RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil }}
	if p.starter, err = runs.NewStarter(runs.StarterConfig{Store: p.db, Queue: queue, Authorizer: everybodyOwns}); err != nil {
		return nil, err
	}
	if p.keep, err = retention.New(retention.Config{Store: p.db, Starter: p.starter}); err != nil {
		return nil, err
	}
	captures, err := capture.New(capture.Config{Reader: fake, Store: p.db})
	if err != nil {
		return nil, err
	}
	if p.runner, err = runs.NewRunner(runs.Config{
		Store: p.db, Queue: queue, Executors: []runs.Executor{captures}, Worker: me,
		AfterRun: func(_ context.Context, run runs.Run) error {
			fmt.Fprintf(out, "%s worked on the run: %s\n", me, run.Status)
			return nil
		},
	}); err != nil {
		return nil, err
	}
	p.dispatcher, err = backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: p.db, Queue: queue, Observer: backupsched.Observer{
		Tick: func(ctx context.Context, _ backupsched.TickStart) (context.Context, func(backupsched.TickEnd)) {
			return ctx, func(end backupsched.TickEnd) {
				fmt.Fprintf(out, "%s dispatched %d run\n", me, end.Report.Queued)
			}
		},
	}})
	return p, err
}

// work dispatches and works until ctx ends.
func (p *process) work(ctx context.Context) error {
	var wg sync.WaitGroup
	var errs [2]error
	wg.Go(func() { errs[0] = p.dispatcher.Run(ctx) })
	wg.Go(func() { errs[1] = p.runner.Run(ctx) })
	wg.Wait()
	return errors.Join(errs[:]...)
}
