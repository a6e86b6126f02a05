package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
)

func dispatchCommand(ctx context.Context, args []string, out, errOut io.Writer) int {
	fs := flag.NewFlagSet("dispatch", flag.ContinueOnError)
	var src source
	src.flags(fs)
	src.ownerFlag(fs)
	migrate := fs.Bool("migrate", true, "bring the database's schema up to date first")
	explain(fs, fmt.Sprintf("It makes runs of what is due, once, and prints the report. It never makes a SQLite database: where there is none the exit code is %d.",
		exitUsage), databaseVariables())
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	src.environment(fs)
	if err := src.exists(); err != nil {
		fail(errOut, "dispatch", err)
		return exitUsage
	}
	a, err := open(ctx, options{source: src, migrate: *migrate, users: product.DemoUsers()})
	if err != nil {
		return fail(errOut, "dispatch", err)
	}
	defer a.close(ctx)
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
	var src source
	src.flags(fs)
	src.ownerFlag(fs)
	printOnly := fs.Bool("print", false, "print the SQL and change nothing")
	dialect := fs.String("dialect", "", "with -print: sqlite or postgres. Defaults to that of the database")
	explain(fs, "It brings the database's schema up to date, or prints the SQL.", databaseVariables())
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	src.environment(fs)
	run := src.migrateAndTell
	if *printOnly {
		run = func(_ context.Context, out io.Writer) error { return src.printMigrations(out, *dialect) }
	}
	if err := run(ctx, out); err != nil {
		return fail(errOut, "migrate", err)
	}
	return exitOK
}

// migrateAndTell migrates and says what was missing.
func (s source) migrateAndTell(ctx context.Context, out io.Writer) error {
	db, err := s.open(ctx, runs.SystemClock{})
	if err != nil {
		return err
	}
	defer db.close()
	before, err := db.Status(ctx)
	if sqlState(err) == insufficientPrivilege { // not the owner's status
		before, err = nil, nil
	}
	if err != nil {
		return err
	}
	if err := s.migrate(ctx, db, true); err != nil {
		return err
	}
	if err := db.ready(ctx); err != nil {
		return err
	}
	for _, m := range before {
		if !m.Applied {
			fmt.Fprintf(out, "applied %d %s\n", m.ID, m.Name)
		}
	}
	fmt.Fprintf(out, "%s is up to date\n", s)
	return nil
}

// migrateFile migrates a SQLite file that no other process works on: one that runs knows the
// tables as they were. Where nothing is missing there is nothing to wait for.
func (s source) migrateFile(ctx context.Context, db *database) error {
	if !s.held {
		if db.Ready(ctx) == nil {
			return nil
		}
		h, err := s.alone()
		if err != nil {
			return err
		}
		defer h.release()
	}
	return db.Migrate(ctx)
}

// printMigrations prints all that migrate executes, for somebody else to run, in order.
func (s source) printMigrations(out io.Writer, dialect string) error {
	if dialect == "" {
		dialect = "sqlite"
		if s.postgres() {
			dialect = "postgres"
		}
	}
	list, err := bunstore.Migrations(dialect, bunstore.DefaultPrefix)
	if err != nil {
		return err
	}
	for _, m := range list {
		fmt.Fprintf(out, "-- %s\n%s\n", m.Name, m.Up)
	}
	if dialect != "postgres" {
		return nil
	}
	fmt.Fprintf(out, "-- the queue\n%s\n", guequeue.Schema())
	if !s.rowSecurity {
		return nil
	}
	security, err := bunstore.RowSecuritySQL(bunstore.DefaultPrefix, *s.security())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "-- row-level security, anew after every migration\n%s\n", security)
	who := []string{systemRole}
	if name := login(s.url); name != "" {
		who = append(who, name)
	} else {
		fmt.Fprintf(out, "-- With -db there is also what the application's user is granted.\n")
	}
	fmt.Fprintf(out, "%s;\n", guequeue.Confine(tenantRole, bunstore.TenantSetting, who...))
	return nil
}

func checkCommand(ctx context.Context, args []string, out, errOut io.Writer) int {
	fs := flag.NewFlagSet("check", flag.ContinueOnError)
	var src source
	src.flags(fs)
	readData := fs.Bool("read-data", false, "also read and hash every stored policy")
	explain(fs, fmt.Sprintf("It checks the integrity of the database. The exit code is %d when it is sound, %d when it is damaged, %d when it cannot be told.",
		exitOK, exitDamaged, exitNoCheck), databaseVariables()[:1])
	if code, done := parse(fs, args, errOut); done {
		return code
	}
	src.environment(fs)
	report, err := src.check(ctx, store.CheckOptions{ReadData: *readData})
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
func (s source) check(ctx context.Context, opts store.CheckOptions) (store.CheckReport, error) {
	if err := s.exists(); err != nil {
		return store.CheckReport{}, err
	}
	db, err := s.open(ctx, runs.SystemClock{})
	if err != nil {
		return store.CheckReport{}, err
	}
	defer db.close()
	report, err := db.Check(ctx, opts)
	if err != nil && s.postgres() {
		switch code(db.schemaReady(ctx)) {
		case "not_migrated", "not_secured", "no_privileges":
			err = fmt.Errorf("%w\nWho checks is the user that the server works as, on a database that is prepared for it; run refserver migrate first", err)
		}
	}
	return report, err
}
