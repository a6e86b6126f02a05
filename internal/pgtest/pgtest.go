package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

// URLVar names the environment variable that holds the postgres:// URL of a server to use
// instead of starting one. Its role is a superuser or has CREATEDB and CREATEROLE.
// [Start] does not use it: nobody wants their server crashed.
const URLVar = "TENANTBACKUP_TEST_POSTGRES"

// patience is how long any one step of a server may take.
const patience = time.Minute

// Options describe a server that [Start] starts.
type Options struct {
	// Durable keeps Postgres' defaults, under which a commit is on the disk when it
	// returns, as measuring needs them. Otherwise fsync and full_page_writes are off: much
	// quicker, and what is committed survives [Instance.Restart] all the same, though not
	// a crash of the machine.
	Durable bool

	// Settings are further parameters by name, such as {"deadlock_timeout": "50ms"}; they
	// count more than what Durable sets. max_connections is 200 unless set here.
	Settings map[string]string

	// Files are put where settings find them as "../name", such as a key that only the
	// server's user may read.
	Files map[string][]byte
}

// Instance is a running server. Its methods may be called at the same time, except for
// Restart.
type Instance struct {
	admin   url.URL
	cluster *cluster // nil for a server that is not ours
	single  bool     // belongs to one test
}

// shared is the server of the test binary. It must be found from every test, as the
// flags of package testing are, so it is a variable of the package.
var shared struct {
	sync.Mutex
	instance *Instance
	err      error // of the one attempt to start it
}

// Main runs the tests, waits until the server that [Server] started for them is gone with
// its folder, and exits with the tests' code. TestMain calls it. A binary whose tests
// exit in another way loses its server too, a moment later.
func Main(m *testing.M) {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if i := shared.instance; i != nil && i.cluster != nil {
		i.cluster.remove()
	}
	os.Exit(code)
}

// Server returns the server that all tests of this binary share, or the one that
// TENANTBACKUP_TEST_POSTGRES names. The first call starts it. The need is called
// "postgres".
func Server(t testing.TB) *Instance {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.instance == nil && shared.err == nil {
		if text := os.Getenv(URLVar); text != "" {
			admin, err := url.Parse(text)
			if err != nil || (admin.Scheme != "postgres" && admin.Scheme != "postgresql") {
				t.Fatalf("postgres: %s is set but is no postgres:// URL", URLVar) // not more: it holds a password
			}
			shared.instance = &Instance{admin: *admin}
		} else {
			shared.instance, shared.err = start(needed(t), Options{})
		}
	}
	if shared.err != nil {
		t.Fatalf("postgres: %v", shared.err)
	}
	return shared.instance
}

// Start starts a server for t alone. It is stopped and its folder removed when t ends.
func Start(t testing.TB, o Options) *Instance {
	t.Helper()
	i, err := start(needed(t), o)
	if err != nil {
		t.Fatalf("postgres: %v", err)
	}
	i.single = true
	t.Cleanup(i.cluster.remove)
	return i
}

// needed returns the programs of an installed Postgres, or ends the test.
func needed(t testing.TB) programs {
	t.Helper()
	p, ok := installed(debian)
	testenv.Need(t, "postgres", ok, "install postgresql (initdb and postgres), or set "+URLVar+
		" to the postgres:// URL of a server for the tests that need none of their own")
	return p
}

// URL returns the address of the server's maintenance database, for work that concerns
// no database alone, such as creating roles.
func (i *Instance) URL() string { return i.admin.String() }

// Database creates an empty database and returns its URL. When t ends it is dropped,
// whoever is still connected.
func (i *Instance) Database(t testing.TB) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	// template0, because somebody may have put things into template1 of a server not ours.
	if err := i.exec("CREATE DATABASE " + name + " TEMPLATE template0"); err != nil {
		t.Fatalf("postgres: creating a database: %v", err)
	}
	t.Cleanup(func() {
		if err := i.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("postgres: dropping a database: %v", err)
		}
	})
	at := i.admin
	at.Path = "/" + name
	return at.String()
}

// Restart stops the server as a crash does, with every connection, and starts it again on
// the same port, which recovers what was committed: pg_ctl restart -m immediate. Only a
// server of [Start] can be restarted, others may be in use by other tests.
func (i *Instance) Restart(t testing.TB) {
	t.Helper()
	if !i.single {
		t.Fatal("postgres: only a server of Start can be restarted")
	}
	if err := i.cluster.restart(); err != nil {
		t.Fatalf("postgres: restarting: %v", err)
	}
}

// exec runs a statement in the maintenance database, over a connection of its own.
func (i *Instance) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgconn.Connect(ctx, i.URL())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement).ReadAll()
	return err
}
