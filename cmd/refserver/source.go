package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// The variables of the environment that hold URLs: a flag would show a password to every
// user of the machine.
const (
	databaseVariable = "DATABASE_URL"
	migrateVariable  = "DATABASE_MIGRATE_URL"
)

// source says which database a command works on: a file in a folder, or Postgres.
type source struct {
	data     string // folder of the SQLite file
	url      string // of Postgres; "" for SQLite
	ownerURL string // of Postgres, as the user that migrates; "" for url

	rowSecurity bool             // keep tenants apart by row-level security too, on Postgres
	conns       int              // size of the pool, on Postgres
	queue       guequeue.Options // on Postgres

	past bool // play a history on Postgres: the given clock judges, and there is no queue

	held bool // the SQLite file is held by this process already, see alone
}

// flags adds the flags that every command with a database has.
func (s *source) flags(fs *flag.FlagSet) {
	fs.StringVar(&s.data, "data", "./data", "folder of the SQLite database; unused with Postgres")
	fs.StringVar(&s.url, "db", "", "Postgres instead, such as postgres://user@host:5432/name?sslmode=verify-full;\n"+
		"better in "+databaseVariable+" when it holds a password, since others see the flags of a process")
	fs.BoolVar(&s.rowSecurity, "row-security", true, "with Postgres: let its row-level security keep tenants apart as well")
}

// ownerFlag adds the flag of the commands that may migrate.
func (s *source) ownerFlag(fs *flag.FlagSet) {
	fs.StringVar(&s.ownerURL, "migrate-db", "", "the same database as the user that owns the tables and may create roles, when that\n"+
		"is not the user of -db; or "+migrateVariable)
}

// environment fills in what no flag says. It is asked after parsing and not for defaults,
// which -h would print.
func (s *source) environment(fs *flag.FlagSet) {
	if !given(fs, "db") {
		s.url = os.Getenv(databaseVariable)
	}
	if fs.Lookup("migrate-db") != nil && !given(fs, "migrate-db") && s.url != "" {
		s.ownerURL = os.Getenv(migrateVariable)
	}
}

// given tells whether a flag stands on the command line.
func given(fs *flag.FlagSet, name string) bool {
	found := false
	fs.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

func (s source) postgres() bool { return s.url != "" }

// String names the database for people, without the user and the password.
func (s source) String() string {
	if !s.postgres() {
		return databasePath(s.data)
	}
	return place(s.url)
}

// place names the database of a URL.
func place(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "Postgres" // the error would repeat the URL
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// login is who a URL logs in as.
func login(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "" // such a URL opens nothing
	}
	return u.User.Username()
}

// databasePath is where the data folder keeps the database.
func databasePath(data string) string { return filepath.Join(data, "tenantbackup.db") }

// database is an open store. Whoever opened it closes it.
type database struct {
	*bunstore.Store
	pool  *sql.DB         // of Postgres; nil with SQLite
	queue *guequeue.Queue // in the same database; nil with SQLite
	close func() error

	secured bool // by row-level security
}

// open opens the database without changing its schema.
func (s source) open(ctx context.Context, clock runs.Clock) (*database, error) {
	if s.postgres() {
		return s.openPostgres(ctx, s.url, clock)
	}
	if s.ownerURL != "" {
		return nil, errOwnerless
	}
	if err := s.makeFolder(); err != nil {
		return nil, err
	}
	db, err := sqlitestore.Open(ctx, databasePath(s.data), sqlitestore.Options{Clock: clock})
	if err != nil {
		return nil, err
	}
	return &database{Store: db.Store, close: db.Close}, nil
}

// exists refuses a SQLite database that is not there, for commands that are pointless on a new one:
// with a mistyped folder a cron job would dispatch nothing for ever, and look fine.
func (s source) exists() error {
	switch {
	case s.postgres():
		return nil
	case s.ownerURL != "":
		return errOwnerless
	}
	path := databasePath(s.data)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("-data: there is no database %s: give the folder that refserver serve was given, or make one with refserver migrate", path)
	case err != nil:
		return fmt.Errorf("-data: the database cannot be looked at: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("-data: %s is not a file", path)
	}
	return nil
}

func (s source) makeFolder() error {
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		return fmt.Errorf("the data folder cannot be made: %w", err)
	}
	return nil
}

// errOwnerless refuses a user to migrate as where there are no users.
var errOwnerless = errors.New("-migrate-db is for Postgres: give -db or " + databaseVariable + " too")

// alone keeps every other process from working on the SQLite file until the hold is released.
// With Postgres there is nothing to hold: processes share it.
func (s *source) alone() (*hold, error) {
	switch {
	case s.postgres():
		return nil, nil
	case s.ownerURL != "":
		return nil, errOwnerless // before anything is made
	}
	if err := s.makeFolder(); err != nil {
		return nil, err
	}
	h, err := holdAlone(databasePath(s.data))
	s.held = err == nil
	return h, err
}

// openPostgres opens Postgres as the user of a URL, with the queue that all processes share:
// a run and its job come into being in one transaction. Errors name the host at most.
func (s source) openPostgres(ctx context.Context, url string, clock runs.Clock) (_ *database, err error) {
	pool, err := pgstore.Connect(ctx, url, pgstore.Connection{MaxConns: s.conns})
	if err != nil {
		return nil, fmt.Errorf("%s cannot be opened: %w", place(url), err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, pool.Close())
		}
	}()
	queue, err := guequeue.New(pool.DB, s.queue)
	if err != nil {
		return nil, err
	}
	opts := pgstore.Options{Clock: clock, Enqueuer: queue}
	if s.past {
		opts.Enqueuer, opts.OwnClock = nil, true
	}
	if s.rowSecurity {
		opts.RowSecurity = s.security()
	}
	store, err := pgstore.New(pool, opts)
	if err != nil {
		return nil, err
	}
	return &database{Store: store, pool: pool.DB, queue: queue, close: pool.Close, secured: s.rowSecurity}, nil
}

// The roles of row-level security, which nobody logs in as.
const (
	tenantRole = "tenantbackup_app"
	systemRole = "tenantbackup_system"
)

// security is row-level security under roles that the user of the store's URL is made a
// member of.
func (s source) security() *bunstore.RowSecurity {
	return &bunstore.RowSecurity{AppRole: tenantRole, SystemRole: systemRole, Login: login(s.url)}
}
