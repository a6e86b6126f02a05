package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Limits of the server, so that a slow or greedy client holds nothing for long.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 64 << 10
	shutdownTimeout   = 15 * time.Second
)

// serveLatency is enough to see a run at work: the larger backups take seven seconds.
const serveLatency = 50 * time.Millisecond

// serveOptions are the flags of serve.
type serveOptions struct {
	source    source
	graph     graphFlags
	addr      string // "" to listen to nothing
	users     string // file of users; "" for the demo users, on loopback
	tls       tlsFiles
	log       logFlags
	role      role
	migrate   bool
	workers   int
	perTenant int
	demo      bool // begin with a history
}

func serveCommand(ctx context.Context, args []string, out, errOut io.Writer) int {
	var o serveOptions
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	o.source.flags(fs)
	o.source.ownerFlag(fs)
	o.graph.flags(fs)
	faultFlag(fs, &o.graph.faults, "something that goes wrong in the fake Graph, as NAME or NAME:key=value,...; several times for more.")
	fs.StringVar(&o.addr, "addr", "127.0.0.1:8080", "address to listen on; demo users may sign in on loopback only. Processes on one machine\n"+
		"need one each; a dispatcher or worker listens only when it is given one; off for none")
	fs.StringVar(&o.users, "users", "", "file with the people who may sign in, instead of the demo users: a JSON object per line with id, name,\n"+
		"token_hash (refserver hash-token makes it) and roles, such as {\"contoso\": \"owner\"}")
	o.tls.flags(fs)
	o.log.flags(fs)
	fs.StringVar((*string)(&o.role), "role", string(roleAll), "what this process does: web (pages and API), dispatcher, worker, or all of it")
	fs.BoolVar(&o.migrate, "migrate", true, "bring the database's schema up to date first; otherwise wait until somebody does")
	fs.BoolVar(&o.demo, "demo", true, "with the fake Graph: begin an empty database with thirty days of history, which takes seconds, on Postgres\n"+
		"up to a minute; otherwise with one schedule in each tenant. A tenant that ever had a schedule is left\n"+
		"alone. On Postgres it takes up to 4 connections beyond -max-conns while it is played")
	fs.DurationVar(&o.graph.latency, "latency", serveLatency, "with the fake Graph: how long each policy, page of a listing and write takes, so that a backup can be\n"+
		"watched; 0 for no time")
	fs.IntVar(&o.workers, "workers", 4, "how many runs this process works on at once")
	fs.IntVar(&o.perTenant, "per-tenant", 1, "how many runs of one tenant use Graph at once, over all processes, which need the same number")
	fs.IntVar(&o.source.conns, "max-conns", 0, "with Postgres: the most connections of this process; 0 for as many as the role needs")
	explain(fs, "It serves the pages and the JSON API, makes runs of due schedules, and works on runs.", slices.Concat(databaseVariables(), graphVariables(), serveVariables()))
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	o.source.environment(fs)
	if o.addr == "off" || !o.role.web() && !given(fs, "addr") {
		o.addr = ""
	}
	if err := o.check(); err != nil {
		fail(errOut, "serve", err)
		return exitUsage
	}
	if o.source.postgres() && o.source.conns == 0 {
		o.source.conns = o.role.defaultConnections(o.workers)
	}
	if err := serve(ctx, o, out, errOut, nil); err != nil {
		return fail(errOut, "serve", err)
	}
	return exitOK
}

// serve plays its role until ctx ends. ready, when given, is told the address that it
// listens on.
func serve(ctx context.Context, o serveOptions, out, errOut io.Writer, ready func(net.Addr)) (err error) {
	var listener net.Listener
	users, err := readUsers(o.users)
	if err != nil {
		return err
	}
	certificates, err := o.tls.load()
	if err != nil {
		return err
	}
	if o.addr != "" {
		if listener, err = listen(ctx, o.addr); err != nil {
			return err
		}
		defer listener.Close()
		if onLoopback(listener.Addr()) && users == nil {
			users = product.DemoUsers()
		}
	}
	held, err := o.source.alone()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.release()) }()
	log := o.log.logger(errOut)
	workers := o.workers
	if !o.role.works() {
		workers = 1 // that never work
	}
	a, err := open(ctx, options{
		connect: o.graph, source: o.source, migrate: o.migrate, users: users, log: log, measure: true,
		history: o.demo && o.graph.kind != graphRequest,
		worker:  workerName(), workers: workers, perTenant: o.perTenant,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close(ctx)) }()
	if o.migrate {
		if err := a.begin(ctx, o.role); err != nil { // before the first request
			return err
		}
	}
	work := func(ctx context.Context) error { return a.work(ctx, o.role) }
	var server *http.Server
	if listener != nil {
		host, err := a.host(onLoopback(listener.Addr()))
		if err != nil {
			return err
		}
		handler, err := a.handler(o.role, host)
		if err != nil {
			return err
		}
		server = newServer(a.metrics.serve(handler, listener.Addr(), os.Getenv(metricsTokenVariable)), log)
		server.TLSConfig = certificates
		if certificates == nil && !onLoopback(listener.Addr()) && o.role.web() {
			log.Warn("requests come by plain http, which shows tokens and cookies to the network: let a proxy with TLS in front be the only one "+
				"who reaches this address, or give -tls-cert and -tls-key", "address", listener.Addr().String())
		}
	}
	greet(out, o, a.connection, listener)
	if ready != nil && listener != nil {
		ready(listener.Addr())
	}
	log.Info("serving", "role", string(o.role), "database", o.source.String())
	err = serveUntil(ctx, server, listener, work)
	if err != nil {
		log.Error("stopped", "role", string(o.role), "error", err)
		return err
	}
	log.Info("stopped", "role", string(o.role))
	return nil
}

// workerName names this process in leases, for people.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

// newServer is an HTTP server with all its limits set.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// serveUntil serves and works until ctx ends or one of them fails, then stops both in peace, and
// at once: no request waits for a loop, no loop for a request, and one time to end after the other
// would be more than service managers grant. What a last request starts waits in the store. When
// it returns nobody uses the store any more: requests that do not end in time lose their
// connections, and with them their contexts, and are waited for. Without a listener it only works.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener, work func(context.Context) error) error {
	if listener == nil {
		return work(ctx)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served, worked := make(chan error, 1), make(chan error, 1)
	var connections sync.WaitGroup // each until its last handler has returned
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			connections.Add(1)
		case http.StateClosed, http.StateHijacked:
			connections.Done()
		}
	}
	go func() {
		if server.TLSConfig != nil {
			served <- server.ServeTLS(listener, "", "") // with the certificate in there
			return
		}
		served <- server.Serve(listener)
	}()
	go func() { worked <- work(ctx) }()

	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
		served <- http.ErrServerClosed
	case err = <-worked:
		worked <- nil
	}
	stop()
	graceful, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if late := server.Shutdown(graceful); late != nil {
		err = errors.Join(err, fmt.Errorf("requests did not end within %v: %w", shutdownTimeout, late), server.Close())
	}
	err = errors.Join(err, <-worked)
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	connections.Wait()
	return err
}

func onLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

func greet(out io.Writer, o serveOptions, connected connection, listener net.Listener) {
	what := "tenantbackup reference server"
	if o.role != roleAll {
		what += " as " + string(o.role)
	}
	base := "nothing"
	if listener != nil {
		base = o.tls.scheme() + "://" + listener.Addr().String()
	}
	fmt.Fprintf(out, "%s on %s, data in %s\n", what, base, o.source)
	if o.role.web() {
		greetPeople(out, o, o.tls.scheme()+"://"+reachable(listener.Addr()), onLoopback(listener.Addr()))
	}
	fmt.Fprintf(out, "Graph is %s.\n", connected.what)
	if o.graph.kind != graphFake {
		return
	}
	fmt.Fprintln(out, "It is made anew at every start, as the history left it: what was restored into it since is undone, though the database has it.")
	if o.role.works() && o.source.postgres() {
		fmt.Fprintln(out, "Every process has its own, filled with the same policies.")
	}
}

// greetPeople says where to go with a browser, and as whom.
func greetPeople(out io.Writer, o serveOptions, base string, loopback bool) {
	fmt.Fprintf(out, "\nOpen %s/ in a browser.\n", base)
	switch {
	case o.users != "":
		fmt.Fprintf(out, "Sign in as a user of %s. The API takes ID~TOKEN as a bearer token.\n", o.users)
	case !loopback:
		fmt.Fprintln(out, "Nobody can sign in and every call answers 401: not listening on loopback, so demo users and demo tokens are refused. Give -users FILE.")
	default:
		fmt.Fprintln(out, "Choose there who to sign in as: an owner, manager, operator or reader of contoso or fabrikam, or an engineer with both.")
		fmt.Fprintf(out, "\nOr by hand, with tokens demo-<owner|manager|operator|readonly>-<tenant> and demo-engineer:\n  curl -s -H 'Authorization: Bearer demo-owner-contoso' %s/api/v1/tenants/contoso/schedules\n", base)
	}
	fmt.Fprintf(out, "The API is described by %s/openapi.json.\n\n", base)
}

// plant gives each demo tenant a first schedule, so that there is something to look at. A
// tenant that ever had one is left alone.
func (a *app) plant(ctx context.Context) error {
	drafts := map[graph.TenantID]backupsched.Recurrence{
		"contoso":  {Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"},
		"fabrikam": {Frequency: backupsched.Weekly, TimeOfDay: "22:00", DaysOfWeek: []int{1, 4}, Timezone: "America/New_York"},
	}
	tenants, err := a.withoutSchedules(ctx)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		owner, ok := a.users.Person(tenant, runs.RoleOwner)
		if !ok {
			continue
		}
		d := backupsched.NewDraft()
		d.Name, d.Recurrence = "Baseline", drafts[tenant]
		d.PolicyTypes = []graph.PolicyType{"settingsCatalogPolicy", "deviceConfiguration", "deviceCompliancePolicy", "conditionalAccessPolicy"}
		if _, _, err := a.scheduler.Create(ctx, tenant, owner, d); err != nil {
			return err
		}
	}
	return nil
}
