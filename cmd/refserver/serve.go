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
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/api"
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

func serveCommand(ctx context.Context, args []string, out, errOut io.Writer) int {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	addr := fs.String("addr", "127.0.0.1:8080", "address to listen on; demo tokens are accepted on loopback only")
	data := fs.String("data", "./data", "folder of the database")
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	if err := serve(ctx, *addr, *data, out, errOut, nil); err != nil {
		return fail(errOut, "serve", err)
	}
	return exitOK
}

// serve listens until ctx ends. ready, when given, is told the address that it listens on.
func serve(ctx context.Context, addr, data string, out, errOut io.Writer, ready func(net.Addr)) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	users := noDirectory()
	if onLoopback(listener.Addr()) {
		users = demoDirectory()
	}
	log := slog.New(runs.RedactingHandler(slog.NewTextHandler(errOut, nil)))
	a, err := open(ctx, options{data: data, users: users, log: log, measure: true})
	if err != nil {
		return err
	}
	defer a.store.Close()
	defer a.metrics.close(context.WithoutCancel(ctx))
	if err := a.plant(ctx, users); err != nil {
		return err
	}
	handler, err := api.New(api.Config{
		Scheduler: a.scheduler, Starter: a.starter, Archive: a.archive, Retention: a.retention,
		Principal: users.principal, TenantAccess: users.access,
		Ready: a.ready, Logger: log,
	})
	if err != nil {
		return err
	}
	server := newServer(a.metrics.serve(handler, listener.Addr(), os.Getenv(metricsTokenVariable)), log)
	greet(out, listener.Addr(), data, len(users.byToken) > 0)
	if ready != nil {
		ready(listener.Addr())
	}
	log.Info("serving", "address", listener.Addr().String(), "data", data)
	err = serveUntil(ctx, server, listener, a)
	log.Info("stopped", "error", err)
	return err
}

// newServer is an HTTP server with all its limits set.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// serveUntil serves and works until ctx ends or one of them fails, then stops both in peace.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener, a *app) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served, worked := make(chan error, 1), make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	go func() { worked <- a.work(ctx) }()

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
	err = errors.Join(err, server.Shutdown(graceful), <-worked)
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// ready asks the database whether its schema is the program's own.
func (a *app) ready(ctx context.Context) error {
	status, err := a.store.Status(ctx)
	for _, m := range status {
		if !m.Applied {
			err = errors.Join(err, fmt.Errorf("migration %d %s is missing; run refserver migrate", m.ID, m.Name))
		}
	}
	return err
}

func onLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

func greet(out io.Writer, addr net.Addr, data string, demo bool) {
	base := "http://" + addr.String()
	fmt.Fprintf(out, "tenantbackup reference server on %s, data in %s\n", base, data)
	if !demo {
		fmt.Fprintln(out, "Not listening on loopback, so the demo tokens are refused and every call answers 401.")
		return
	}
	fmt.Fprintf(out, "\nTry it:\n  curl -s -H 'Authorization: Bearer demo-owner-contoso' %s/api/v1/tenants/contoso/schedules\n", base)
	fmt.Fprintf(out, "\nTenants: contoso, fabrikam. Tokens: demo-<owner|manager|operator|readonly>-<tenant>. OpenAPI: %s/openapi.json\n", base)
}

// plant gives each demo tenant a first schedule, so that there is something to look at. A
// tenant that ever had one is left alone.
func (a *app) plant(ctx context.Context, users directory) error {
	drafts := map[graph.TenantID]backupsched.Recurrence{
		"contoso":  {Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"},
		"fabrikam": {Frequency: backupsched.Weekly, TimeOfDay: "22:00", DaysOfWeek: []int{1, 4}, Timezone: "America/New_York"},
	}
	for _, tenant := range demoTenants {
		owner, ok := users.byToken["demo-owner-"+string(tenant)]
		if !ok {
			continue
		}
		log, err := a.starter.Audit(ctx, tenant, owner.actor, runs.AuditFilter{Actions: []string{"schedule.created"}}, runs.PageRequest{Limit: 1})
		if err != nil {
			return err
		}
		if len(log.Items) > 0 {
			continue
		}
		d := backupsched.NewDraft()
		d.Name, d.Recurrence = "Baseline", drafts[tenant]
		d.PolicyTypes = []graph.PolicyType{"settingsCatalogPolicy", "deviceConfiguration", "deviceCompliancePolicy", "conditionalAccessPolicy"}
		if _, _, err := a.scheduler.Create(ctx, tenant, owner.actor, d); err != nil {
			return err
		}
	}
	return nil
}
