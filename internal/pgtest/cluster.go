package pgtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// supervise is the shell script that owns a running server. Its standard input is a pipe
// from the test process, so that it learns of the end of that process, whichever way it
// ends: nothing that runs inside a process can clean up after it is killed.
//
// Nothing is written to its standard output: that ends with the server, which tells the
// test process at once that a start has failed. Signals for the whole process group, as
// from Ctrl-C, end the test process, and the server after it.
const supervise = `
dir=$1 initdb=$2 postgres=$3
shift 3
trap '' HUP INT TERM
exec 2>>"$dir/log"
server=
if [ -d "$dir/data" ] || "$initdb" -D "$dir/data" -U ` + superuser + ` --pwfile="$dir/password" \
	-A scram-sha-256 -E UTF8 --locale=C --no-sync --no-instructions </dev/null >&2
then
	"$postgres" -D "$dir/data" "$@" </dev/null 3>&1 >&2 &
	server=$!
fi
exec >&-
read -r word
[ -z "$server" ] || { kill -QUIT "$server"; wait "$server"; }
[ "$word" = keep ] || { cd / && rm -rf "$dir"; }
`

// superuser is the name of the role that owns the cluster.
const superuser = "postgres"

// cluster is a folder with a database cluster, and the server that runs on it.
type cluster struct {
	programs programs
	dir      string
	settings map[string]string
	admin    url.URL

	shell *exec.Cmd
	owner *os.File // the pipe whose end ends the server
}

// start creates a cluster and starts its server.
func start(p programs, o Options) (*Instance, error) {
	settings := map[string]string{"max_connections": "200", "listen_addresses": "127.0.0.1"}
	if !o.Durable {
		// Not synchronous_commit: without it a crash of the server alone loses commits.
		maps.Copy(settings, map[string]string{"fsync": "off", "full_page_writes": "off"})
	}
	maps.Copy(settings, o.Settings)

	// Not t.TempDir: when root runs the tests, others cannot enter it.
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	settings["unix_socket_directories"] = dir
	password := rand.Text()
	c := &cluster{programs: p, dir: dir, settings: settings, admin: url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, password), Path: "/postgres", RawQuery: "sslmode=disable",
	}}
	file := filepath.Join(dir, "password")
	err = cmp.Or(os.WriteFile(file, []byte(Verifier(password)), 0o600), handOver(dir, file), c.choosePort())
	for name, content := range o.Files {
		file := filepath.Join(dir, name)
		err = cmp.Or(err, os.WriteFile(file, content, 0o600), handOver(file))
	}
	if err == nil {
		err = c.launch()
	}
	// Between the choice of a port and its use another process may take it.
	for attempt := 1; attempt < attempts && errors.Is(err, errPortTaken); attempt++ {
		if err = c.choosePort(); err == nil {
			err = c.launch()
		}
	}
	if err != nil {
		c.remove()
		return nil, err
	}
	return &Instance{admin: c.admin, cluster: c}, nil
}

// attempts is how often a server is started while its port is taken.
const attempts = 5

// choosePort takes a port that is free now.
func (c *cluster) choosePort() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	c.admin.Host = l.Addr().String()
	return nil
}

// errPortTaken is the one failure of a start that another attempt may mend.
var errPortTaken = errors.New("another process has taken the port")

// launch starts the server, after creating the cluster if it is not there yet, and waits
// until it answers. When it fails nothing is running any more; the folder stays.
func (c *cluster) launch() (err error) {
	ownerEnd, owner, err := os.Pipe()
	if err != nil {
		return err
	}
	alive, aliveEnd, err := os.Pipe()
	if err != nil {
		return errors.Join(err, ownerEnd.Close(), owner.Close())
	}
	args := []string{"-c", supervise, "sh", c.dir, c.programs.initdb, c.programs.postgres, "-p", c.admin.Port()}
	for _, name := range slices.Sorted(maps.Keys(c.settings)) {
		args = append(args, "-c", name+"="+c.settings[name])
	}
	shell := exec.Command("sh", args...)
	shell.Dir = c.dir // the folder of the tests may be closed to the user that runs it
	shell.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "PG") }), "LC_ALL=C")
	shell.Stdin, shell.Stdout = ownerEnd, aliveEnd
	shell.SysProcAttr = asServerUser()
	err = shell.Start()
	ownerEnd.Close()
	aliveEnd.Close()
	defer alive.Close()
	if err != nil {
		return errors.Join(err, owner.Close())
	}
	c.shell, c.owner = shell, owner
	log := c.logged()
	if err := c.answers(alive); err != nil {
		c.end("keep")
		text := strings.TrimPrefix(c.logged(), log)
		if strings.Contains(text, "could not create any TCP/IP sockets") {
			err = errPortTaken
		}
		return fmt.Errorf("%w; its log: %s", err, text[max(0, len(text)-4000):])
	}
	return nil
}

// socket returns the URL of the maintenance database over the socket in the folder. No
// other process can have taken that, unlike the port.
func (c *cluster) socket() string {
	at := c.admin
	at.Host = ""
	at.RawQuery = url.Values{"host": {c.dir}, "port": {c.admin.Port()}}.Encode()
	return at.String()
}

// answers waits until somebody can sign in, or alive ends.
func (c *cluster) answers(alive *os.File) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		conn, err := pgconn.Connect(ctx, c.socket())
		if err == nil {
			return conn.Close(ctx)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the server does not answer: %w", err)
		}
		if ended, err := endsSoon(ctx, alive); ended || err != nil {
			return cmp.Or(err, errors.New("the server has not started"))
		}
	}
}

// endsSoon waits a moment, and tells whether the pipe has ended until then.
func endsSoon(ctx context.Context, pipe *os.File) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	moment, _ := ctx.Deadline()
	if err := pipe.SetReadDeadline(moment); err != nil {
		return false, err
	}
	switch _, err := pipe.Read(make([]byte, 1)); {
	case errors.Is(err, io.EOF):
		return true, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, nil
	default:
		return false, err
	}
}

// logged returns what the programs have said so far.
func (c *cluster) logged() string {
	text, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	return string(text)
}

// end stops the server as a crash does. The word "keep" leaves its folder.
func (c *cluster) end(word string) {
	if c.shell == nil {
		return
	}
	// What goes wrong here has no consequence: the shell is gone then, and the server too.
	io.WriteString(c.owner, word+"\n")
	c.owner.Close()
	c.shell.Wait()
	c.shell = nil
}

// restart crashes the server and starts it again on its port.
func (c *cluster) restart() error {
	c.end("keep")
	err := c.launch()
	for attempt := 1; attempt < attempts && errors.Is(err, errPortTaken); attempt++ {
		err = c.launch()
	}
	return err
}

// remove stops the server and removes its folder.
func (c *cluster) remove() {
	c.end("remove")
	// The shell has not done it where the user that runs it may not, or if it has not run.
	os.RemoveAll(c.dir)
}
