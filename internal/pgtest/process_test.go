package pgtest

import (
	"bufio"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// childVar tells the test binary to be the child of a test, and how to end.
const childVar = "PGTEST_CHILD"

// beChild uses a server and ends as told.
func beChild(t *testing.T, how string) {
	os.Stdout.WriteString("at " + Server(t).Database(t) + "\n")
	switch how {
	case "fail":
		t.Fatal("a failing test")
	case "panic":
		panic("a panicking test")
	case "exit":
		os.Exit(3)
	case "wait":
		bufio.NewReader(os.Stdin).ReadString('\n') // never comes
	}
}

// command runs only the test that is the child, with a server of the environment or none.
func command(how, server string) *exec.Cmd {
	c := exec.Command(os.Args[0], "-test.run=^TestTheServerEndsWithItsProcess$")
	c.Env = append(os.Environ(), childVar+"="+how, URLVar+"="+server)
	return c
}

// child runs one with a temporary folder of its own until it has said where its
// database is.
func child(t *testing.T, how, temp, server string) (c *exec.Cmd, at string) {
	t.Helper()
	c = command(how, server)
	c.Env = append(c.Env, "TMPDIR="+temp)
	if _, err := c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if at, ok := strings.CutPrefix(lines.Text(), "at "); ok {
			return c, at
		}
	}
	t.Fatalf("the child has no database:\n%s", &said)
	return nil, ""
}

// openFolder returns a folder that every user may use, as the temporary one.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgtest-of-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return dir
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestTheServerEndsWithItsProcess(t *testing.T) {
	if how := os.Getenv(childVar); how != "" {
		beChild(t, how)
		return
	}
	needed(t)
	for _, c := range []struct {
		how  string
		code int  // of the child's exit
		main bool // Main has its turn: nothing is left when the process is gone
	}{
		{"pass", 0, true},
		{"fail", 1, true},
		{"panic", 2, false},
		{"exit", 3, false},
		{"wait", -1, false}, // is killed
	} {
		t.Run(c.how, func(t *testing.T) {
			t.Parallel()
			temp := openFolder(t)
			process, at := child(t, c.how, temp, "")
			if c.how == "wait" {
				if len(entries(t, temp)) == 0 {
					t.Fatal("the server's folder is elsewhere: this test proves nothing")
				}
				process.Process.Kill()
			}
			process.Wait()
			if code := process.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			left := entries(t, temp)
			if c.main && len(left) > 0 {
				t.Errorf("left behind after Main: %q", left)
			}
			for late := time.After(20 * time.Second); len(left) > 0; left = entries(t, temp) {
				select {
				case <-late:
					t.Fatalf("left behind: %q", left)
				case <-time.After(10 * time.Millisecond):
				}
			}
			if _, err := pgconn.Connect(t.Context(), at); err == nil {
				t.Error("the server still answers")
			}
		})
	}
}

func TestAServerOfTheEnvironmentIsUsedAndStays(t *testing.T) {
	server := Start(t, Options{})
	query(t, server.URL(), "CREATE ROLE tester LOGIN CREATEDB CREATEROLE PASSWORD 'a b/c'")
	named := server.admin
	named.User = url.UserPassword("tester", "a b/c")
	temp := openFolder(t)

	process, at := child(t, "pass", temp, named.String())
	if u, err := url.Parse(at); err != nil || u.Host != named.Host || u.User.String() != named.User.String() {
		t.Errorf("the child's database is not on the server of %s", URLVar)
	}
	if err := process.Wait(); err != nil {
		t.Errorf("the child failed: %v", err)
	}
	if left := entries(t, temp); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if got := query(t, server.URL(), "SELECT count(*) FROM pg_database WHERE datname LIKE 'test_%'"); got != "0" {
		t.Errorf("%s databases left behind", got)
	}
}

func TestAWrongURLIsNeitherUsedNorShown(t *testing.T) {
	for _, wrong := range []string{"mysql://user:secret@127.0.0.1", "postgres://user:secret@127.0.0.1:port", "secret"} {
		out, err := command("pass", wrong).CombinedOutput()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
			t.Errorf("the child with a wrong URL: %v", err)
		}
		if text := string(out); !strings.Contains(text, URLVar+" is set but") || strings.Contains(text, "secret") {
			t.Errorf("it says: %s", text)
		}
	}
}
