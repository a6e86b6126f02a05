// Command refserver is a pretend MSP admin product that embeds tenantbackup: two demo
// tenants, a user for every role, a fake Microsoft Graph in memory or the real one, and a SQLite
// file or Postgres, where several processes share the work.
//
//	refserver [serve]   serve pages and API; dispatch and run backups
//	refserver demo      play eleven nights on a fake clock and print what happened
//	refserver dispatch  dispatch what is due once and print the report (for cron)
//	refserver migrate   bring the database's schema up to date, or print the SQL
//	refserver check     check the integrity of the database
//	refserver preflight tell which permissions the app lacks in a tenant
//	refserver fakegraph serve a fake Microsoft Graph
//	refserver hash-token print the hash of a token, for a file of users
//
// Each command explains its flags with -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	_ "time/tzdata" // schedules must mean the same on machines without zone data
)

// The exit codes.
const (
	exitOK      = 0
	exitDamaged = 1 // check found damage; any other command failed
	exitFailed  = 1
	exitUsage   = 2 // a flag is wrong, or leads to no database where one must be
	exitNoCheck = 2 // check could not run
)

type command func(ctx context.Context, args []string, out, errOut io.Writer) int

var commands = map[string]command{
	"serve": serveCommand, "demo": demoCommand, "dispatch": dispatchCommand,
	"migrate": migrateCommand, "check": checkCommand, "preflight": preflightCommand, "fakegraph": fakegraphCommand,
	"hash-token": hashTokenCommand,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const usage = `refserver is a pretend MSP admin product that embeds tenantbackup.

  refserver [serve]   serve pages and API; dispatch and run backups
  refserver demo      play eleven nights on a fake clock and print what happened
  refserver dispatch  dispatch what is due once and print the report (for cron)
  refserver migrate   bring the database's schema up to date, or print the SQL
  refserver check     check the integrity of the database
  refserver preflight tell which permissions the app lacks in a tenant
  refserver fakegraph serve a fake Microsoft Graph
  refserver hash-token print the hash of a token, for a file of users

refserver COMMAND -h explains the flags of a command. Those of serve:
`

// run picks the command; without one the server starts.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	name := "serve"
	if len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help") {
		fmt.Fprint(errOut, usage)
		args = []string{"-h"}
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	cmd, ok := commands[name]
	if !ok {
		fmt.Fprintf(errOut, "refserver: there is no command %q; use serve, demo, dispatch, migrate, check, preflight, fakegraph or hash-token\n", name)
		return exitUsage
	}
	return cmd(ctx, args, out, errOut)
}

// parse reads flags. done tells that the command ends here, with code. What is wrong is said
// without the help, which would push it off the screen.
func parse(fs *flag.FlagSet, args []string, errOut io.Writer) (code int, done bool) {
	help := fs.Usage
	fs.Usage = func() {}
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	fs.SetOutput(errOut)
	switch {
	case errors.Is(err, flag.ErrHelp):
		help()
		return exitOK, true
	case err != nil:
	case fs.NArg() > 0:
		err = fmt.Errorf("%q is not expected here", fs.Arg(0))
	default:
		return exitOK, false
	}
	fmt.Fprintf(errOut, "refserver %s: %v\nrefserver %[1]s -h lists the flags.\n", fs.Name(), err)
	return exitUsage, true
}

// listen listens where -addr says.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("-addr: another program listens on %s: end it, or give another address with -addr", addr)
	case err != nil:
		return nil, fmt.Errorf("-addr: %w", err)
	}
	return l, nil
}

func fail(errOut io.Writer, command string, err error) int {
	fmt.Fprintf(errOut, "refserver %s: %v\n", command, err)
	return exitFailed
}
