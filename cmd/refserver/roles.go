package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// role is which part of the product a process plays.
type role string

const (
	roleAll        role = "all"
	roleWeb        role = "web"        // pages and API
	roleDispatcher role = "dispatcher" // makes runs of due schedules; sweeps and purges for retention
	roleWorker     role = "worker"     // works on runs
)

func (r role) valid() bool { return r == roleAll || r.web() || r.dispatches() || r.works() }

func (r role) web() bool        { return r == roleAll || r == roleWeb }
func (r role) dispatches() bool { return r == roleAll || r == roleDispatcher }
func (r role) works() bool      { return r == roleAll || r == roleWorker }

// Bounds of the flags. perTenantMax is that of [runs.Config].
const (
	workersMax   = 500
	perTenantMax = 62
)

// takers is how many jobs a process with so many workers takes from the queue at once.
func takers(workers int) int { return min(workers, 8) }

// connections is the least pool with which a role never waits for itself.
func (r role) connections(workers int) int {
	n := 2 // /readyz and /metrics; a request
	if r.dispatches() {
		n += 2 // the dispatcher, and retention's sweep
	}
	if r.works() {
		n += workers         // a worker has one at a time
		n += takers(workers) // the row of a job is locked while its run is claimed
		n++                  // the sweep for stranded runs
	}
	return n
}

// defaultConnections leaves room for requests.
func (r role) defaultConnections(workers int) int {
	n := r.connections(workers)
	if r.web() {
		n += 8
	}
	return n
}

// work plays a role until ctx ends: on a database that is not ready it waits until it is.
func (a *app) work(ctx context.Context, r role) error {
	if err := a.begin(ctx, r); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	parts := []func(context.Context) error{func(ctx context.Context) error { <-ctx.Done(); return nil }}
	if r.dispatches() {
		parts = append(parts, a.dispatcher.Run, a.retention.Run, a.uploader.Run)
	}
	if r.works() {
		parts = append(parts, a.runner.Run)
	}
	var wg sync.WaitGroup
	errs := make([]error, len(parts))
	for i, part := range parts {
		wg.Go(func() {
			if errs[i] = part(ctx); errs[i] != nil {
				stop()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// begin waits until the database is ready and puts in what there shall be at first. A history is
// played by who comes first, whatever its role, and the others wait for it: they would take its
// slots for missed ones.
func (a *app) begin(ctx context.Context, r role) error {
	if err := a.await(ctx); err != nil || !r.web() && !a.history {
		return err
	}
	return a.db.exclusively(ctx, func() error { return a.first(ctx) })
}

// awaitEvery is how often a process looks whether somebody has migrated.
const awaitEvery = time.Second

// await returns nil once the database is ready, and an error when ctx has ended before.
func (a *app) await(ctx context.Context) error {
	said := ""
	for {
		err := a.db.ready(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if text := err.Error(); text != said {
			a.log.WarnContext(ctx, "waiting for the database", "error", err)
			said = text
		}
		select {
		case <-ctx.Done():
		case <-a.clock.After(awaitEvery):
		}
	}
}

// check says what is wrong with a combination of flags.
func (o serveOptions) check() error {
	switch {
	case !o.role.valid():
		return fmt.Errorf("-role must be all, web, dispatcher or worker")
	case o.role != roleAll && !o.source.postgres():
		return fmt.Errorf("-role %s needs Postgres: give -db or %s. The SQLite file is for one process, which plays all roles", o.role, databaseVariable)
	case o.role.web() && o.addr == "":
		return fmt.Errorf("-role %s must listen: give -addr an address", o.role)
	case o.workers < 1 || o.workers > workersMax:
		return fmt.Errorf("-workers must be between 1 and %d", workersMax)
	case o.perTenant < 1 || o.perTenant > perTenantMax:
		return fmt.Errorf("-per-tenant must be between 1 and %d", perTenantMax)
	case (o.tls.cert == "") != (o.tls.key == ""):
		return errors.New("-tls-cert and -tls-key go together")
	case !o.log.valid():
		return errors.New("-log-format must be text or json")
	case o.source.conns != 0 && !o.source.postgres():
		return errors.New("-max-conns is for Postgres: give -db or " + databaseVariable)
	case o.source.conns != 0 && o.source.conns < o.role.connections(o.workers):
		return fmt.Errorf("-max-conns must be at least %d for -role %s with %d workers (see docs/operations.md); 0 takes the default, %d",
			o.role.connections(o.workers), o.role, o.workers, o.role.defaultConnections(o.workers))
	}
	return o.graph.check()
}
