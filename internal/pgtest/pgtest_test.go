package pgtest

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { Main(m) }

// connect signs in, until the test ends.
func connect(t testing.TB, url string) *pgconn.PgConn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := pgconn.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// query returns the first value of a statement's last row, "" where there is none.
func query(t testing.TB, url, statement string) (value string) {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(t.Context())
	results, err := conn.Exec(t.Context(), statement).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	for _, row := range results[len(results)-1].Rows {
		value = string(row[0])
	}
	return value
}

const countTables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"

func TestADatabaseIsEmptyAndSeparate(t *testing.T) {
	server := Server(t)
	first, second := server.Database(t), server.Database(t)
	query(t, first, "CREATE TABLE a ()")
	if got := query(t, first, countTables); got != "1" {
		t.Fatalf("%s tables where one was created", got)
	}
	if got := query(t, second, countTables); got != "0" {
		t.Errorf("%s tables in a new database", got)
	}
	if got := query(t, first, "SHOW server_encoding"); got != "UTF8" {
		t.Errorf("encoding %s", got)
	}
}

func TestADatabaseGoesWithItsTestThoughConnected(t *testing.T) {
	server := Server(t)
	var name string
	databases := func() string {
		return query(t, server.URL(), "SELECT count(*) FROM pg_database WHERE datname = '"+name+"'")
	}
	t.Run("owner", func(owner *testing.T) {
		url := server.Database(owner)
		connect(t, url) // longer than owner
		name = query(owner, url, "SELECT current_database()")
		if got := databases(); got != "1" {
			owner.Fatalf("%s databases of this name", got)
		}
	})
	if got := databases(); got != "0" {
		t.Errorf("database %s is still there", name)
	}
}

func TestTheTestsOfABinaryShareOneServer(t *testing.T) {
	first, second := Server(t), Server(t)
	if first != second {
		t.Error("two servers")
	}
}

func TestNoGoroutineRunsBesideTheServer(t *testing.T) {
	before := goleak.IgnoreCurrent()
	Start(t, Options{}).Database(t)
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

func TestRestartIsACrashThatKeepsWhatIsCommitted(t *testing.T) {
	server := Start(t, Options{})
	url := server.Database(t)
	query(t, url, "CREATE TABLE a (b int); INSERT INTO a VALUES (1)")
	open := connect(t, url)
	if _, err := open.Exec(t.Context(), "BEGIN; INSERT INTO a VALUES (2)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	// The last thing before the crash: nothing may have to wait for a disk or a delay.
	query(t, url, "INSERT INTO a VALUES (3)")
	server.Restart(t)
	if got := query(t, url, "SELECT string_agg(b::text, ' ' ORDER BY b) FROM a"); got != "1 3" {
		t.Errorf("the table holds %q, want 1 and 3, which were committed", got)
	}
	if _, err := open.Exec(t.Context(), "COMMIT").ReadAll(); err == nil {
		t.Error("a connection outlived the crash")
	}
	if text := server.cluster.logged(); !strings.Contains(text, "database system was not properly shut down") {
		t.Errorf("no recovery in the log:\n%s", text)
	}
}

func TestOptionsReachTheServer(t *testing.T) {
	quick := Start(t, Options{Settings: map[string]string{"deadlock_timeout": "50ms"}})
	durable := Start(t, Options{Durable: true, Settings: map[string]string{"max_connections": "7"}})
	for _, c := range []struct{ name, quick, durable string }{
		{"fsync", "off", "on"},
		{"full_page_writes", "off", "on"},
		{"synchronous_commit", "on", "on"},
		{"deadlock_timeout", "50ms", "1s"},
		{"max_connections", "200", "7"},
		{"listen_addresses", "127.0.0.1", "127.0.0.1"},
		{"lc_collate", "C", "C"},
	} {
		for url, want := range map[string]string{quick.URL(): c.quick, durable.URL(): c.durable} {
			if got := query(t, url, "SHOW "+c.name); got != want {
				t.Errorf("%s = %s, want %s (quick %s, durable %s)", c.name, got, want, c.quick, c.durable)
			}
		}
	}
}

func TestOnlyThePasswordOpensTheServer(t *testing.T) {
	server := Start(t, Options{})
	for _, at := range []string{server.URL(), server.cluster.socket()} {
		password, _ := server.admin.User.Password()
		wrong := strings.Replace(at, password, "wrong", 1)
		_, err := pgconn.Connect(t.Context(), wrong)
		if refused := (*pgconn.PgError)(nil); !errors.As(err, &refused) || refused.Code != "28P01" {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestAFailedStartSaysWhyAndLeavesNothing(t *testing.T) {
	temp := openFolder(t)
	t.Setenv("TMPDIR", temp)
	_, err := start(needed(t), Options{Settings: map[string]string{"nonsense": "1"}})
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "nonsense"`) {
		t.Errorf("start: %v", err)
	}
	_, err = start(programs{initdb: "false", postgres: "false"}, Options{})
	if err == nil {
		t.Error("started without initdb")
	}
	if left, _ := filepath.Glob(temp + "/*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestATakenPortIsRecognised(t *testing.T) {
	c := Start(t, Options{}).cluster
	c.end("keep")
	thief, err := net.Listen("tcp", c.admin.Host)
	if err != nil {
		t.Fatal(err)
	}
	err = c.launch()
	thief.Close()
	if !errors.Is(err, errPortTaken) {
		t.Fatalf("launch: %v", err)
	}
	if err := c.launch(); err != nil {
		t.Errorf("with the port free again: %v", err)
	}
}

func TestTheProgramsOfThePathComeFirstThenTheNewest(t *testing.T) {
	top := t.TempDir()
	program := func(parts ...string) {
		t.Helper()
		path := filepath.Join(append([]string{top}, parts...)...)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(top, "path"))
	pattern := filepath.Join(top, "lib", "*", "bin")
	expect := func(why, want string) {
		t.Helper()
		p, ok := installed(pattern)
		got := ""
		if ok {
			got, _ = filepath.Rel(top, filepath.Dir(p.postgres))
		}
		if got != want {
			t.Errorf("%s: found in %q, want %q", why, got, want)
		}
	}
	program("path", "sh")
	expect("nothing installed", "")
	for _, version := range []string{"9", "15", "16"} {
		program("lib", version, "bin", "postgres")
		if version != "16" {
			program("lib", version, "bin", "initdb")
		}
	}
	expect("three versions, the newest without initdb", "lib/15/bin")
	program("path", "initdb")
	expect("half of it on the PATH", "lib/15/bin")
	program("path", "postgres")
	expect("all of it on the PATH", "path")
}
