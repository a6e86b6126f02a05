package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
)

func dispatchCommand(ctx context.Context, args []string, out, errOut io.Writer) int {
	fs := flag.NewFlagSet("dispatch", flag.ContinueOnError)
	data := fs.String("data", "./data", "folder of the database")
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	a, err := open(ctx, options{data: *data, users: demoDirectory()})
	if err != nil {
		return fail(errOut, "dispatch", err)
	}
	defer a.store.Close()
	if _, err := a.dispatcher.Recompute(ctx); err != nil {
		return fail(errOut, "dispatch", err)
	}
	report, err := a.dispatcher.Tick(ctx)
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	if perr := enc.Encode(report); perr != nil && err == nil {
		err = perr
	}
	if err != nil {
		return fail(errOut, "dispatch", err)
	}
	return exitOK
}

func migrateCommand(ctx context.Context, args []string, out, errOut io.Writer) int {
	fs := flag.NewFlagSet("migrate", flag.ContinueOnError)
	data := fs.String("data", "./data", "folder of the database")
	printOnly := fs.Bool("print", false, "print the SQL and change nothing")
	dialect := fs.String("dialect", "sqlite", "dialect of the SQL; sqlite is the only one so far")
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	list, err := bunstore.Migrations(*dialect, bunstore.DefaultPrefix)
	if err != nil {
		return fail(errOut, "migrate", err)
	}
	if *printOnly {
		for _, m := range list {
			fmt.Fprintf(out, "-- %s\n%s\n", m.Name, m.Up)
		}
		return exitOK
	}
	s, err := openStore(ctx, *data, runs.SystemClock{})
	if err != nil {
		return fail(errOut, "migrate", err)
	}
	defer s.Close()
	before, err := s.Status(ctx)
	if err != nil {
		return fail(errOut, "migrate", err)
	}
	if err := s.Migrate(ctx); err != nil {
		return fail(errOut, "migrate", err)
	}
	for _, m := range before {
		if !m.Applied {
			fmt.Fprintf(out, "applied %d %s\n", m.ID, m.Name)
		}
	}
	fmt.Fprintf(out, "%s is up to date\n", databasePath(*data))
	return exitOK
}

func checkCommand(ctx context.Context, args []string, out, errOut io.Writer) int {
	fs := flag.NewFlagSet("check", flag.ContinueOnError)
	data := fs.String("data", "./data", "folder of the database")
	readData := fs.Bool("read-data", false, "also read and hash every stored policy")
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	report, err := check(ctx, *data, store.CheckOptions{ReadData: *readData})
	if err != nil {
		fail(errOut, "check", err)
		return exitNoCheck
	}
	for _, p := range report.Problems {
		fmt.Fprintf(out, "%s: table %s, tenant %q, row %q: %s\n", p.Code, p.Table, p.Tenant, p.ID, p.Detail)
	}
	fmt.Fprintf(out, "checked %d rows and %d payloads: %d problems\n", report.Rows, report.Payloads, len(report.Problems))
	if len(report.Problems) > 0 {
		return exitDamaged
	}
	return exitOK
}

// check never makes a database: looking for damage in one that is not there is a mistake.
func check(ctx context.Context, data string, opts store.CheckOptions) (store.CheckReport, error) {
	if _, err := os.Stat(databasePath(data)); err != nil {
		return store.CheckReport{}, fmt.Errorf("there is no database: %w", err)
	}
	s, err := openStore(ctx, data, runs.SystemClock{})
	if err != nil {
		return store.CheckReport{}, err
	}
	defer s.Close()
	return s.Check(ctx, opts)
}
