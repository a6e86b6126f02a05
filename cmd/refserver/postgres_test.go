package main

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/guequeue"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// password is that of every user that these tests make.
const password = "hunter2-s3cret"

// world is an empty database with an owner, and a login that may do nothing by itself.
type world struct {
	admin *sql.DB // as a superuser
	owner string  // the URL of the owner, who may create roles
	login string  // the URL of the login
}

func newWorld(t *testing.T) world {
	t.Helper()
	server := pgtest.Server(t)
	main := connect(t, server.URL())
	name := strings.ToLower(rand.Text())
	owner, login := "owner_"+name, "login_"+name
	t.Cleanup(func() { // after the database is gone
		for _, role := range []string{owner, login} {
			execute(t, main, "DROP ROLE "+role)
		}
	})
	database := server.Database(t)
	w := world{admin: connect(t, database)}
	w.owner, w.login = as(t, database, owner), as(t, database, login)
	execute(t, w.admin, "CREATE ROLE "+owner+" LOGIN CREATEROLE PASSWORD '"+password+"'")
	execute(t, w.admin, "CREATE ROLE "+login+" LOGIN NOINHERIT PASSWORD '"+password+"'")
	execute(t, w.admin, "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' OWNER TO "+owner+"'; END $$")
	// From version 16 on only who made a role may grant it, and roles belong to the server.
	for _, role := range []string{"tenantbackup_app", "tenantbackup_system"} {
		execute(t, w.admin, "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '"+role+"') THEN CREATE ROLE "+role+
			" NOLOGIN NOINHERIT; END IF; END $$")
		execute(t, w.admin, "GRANT "+role+" TO "+owner+" WITH ADMIN OPTION")
	}
	return w
}

// as is the URL with another user and the password.
func as(t *testing.T, database, user string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

func connect(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := pgstore.Open(t.Context(), url, pgstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db.DB().DB
}

func execute(t *testing.T, db *sql.DB, statements string) {
	t.Helper()
	if _, err := db.Exec(statements); err != nil {
		t.Fatalf("%v: %s", err, statements)
	}
}

// callSafely is call, and looks for the password in whatever is printed.
func callSafely(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	code, out, errOut = call(t, args...)
	if strings.Contains(out+errOut, password) {
		t.Errorf("%q prints the password: %s %s", args[0], out, errOut)
	}
	return code, out, errOut
}

// migrated is a world whose owner has migrated.
func migrated(t *testing.T) world {
	t.Helper()
	w := newWorld(t)
	if code, out, errOut := callSafely(t, "migrate", "-db", w.login, "-migrate-db", w.owner); code != exitOK || !strings.Contains(out, "up to date") {
		t.Fatalf("migrate: %d %s %s", code, out, errOut)
	}
	return w
}

// due makes a schedule of contoso that is due since the present minute began.
func (w world) due(t *testing.T) {
	t.Helper()
	minute := time.Now().UTC().Truncate(time.Minute)
	mock := clock.NewMock()
	mock.Set(minute.Add(-time.Second))
	a, err := open(t.Context(), options{source: source{url: w.login, rowSecurity: true}, clock: mock, users: product.DemoUsers(), queue: &stepQueue{}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close(t.Context())
	d := backupsched.NewDraft()
	d.Name, d.PolicyTypes = "Due", []graph.PolicyType{"conditionalAccessPolicy"}
	d.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: minute.Format("15:04"), Timezone: "UTC"}
	if _, _, err := a.scheduler.Create(t.Context(), demoTenant, demoOwner, d); err != nil {
		t.Fatal(err)
	}
}

const fabrikam = "/api/v1/tenants/fabrikam"

func TestThreeProcessesDoOneThingEach(t *testing.T) {
	w := migrated(t)
	w.due(t)
	t.Setenv(databaseVariable, w.login)
	web := startProcess(t, "-role", "web", "-addr", "127.0.0.1:0", "-max-conns", "4")
	var schedules listed
	if code := web.do(t, "GET", fabrikam+"/schedules", "demo-owner-fabrikam", "", &schedules); code != 200 || len(schedules.Items) != 1 {
		t.Fatalf("schedules: %d %+v", code, schedules)
	}
	if code := web.do(t, "POST", fabrikam+"/schedules/"+schedules.Items[0].ID+"/run", "demo-owner-fabrikam", "", nil); code != 202 {
		t.Fatalf("run now: %d", code)
	}
	status := func(tenant string) (list listed) {
		web.do(t, "GET", "/api/v1/tenants/"+tenant+"/runs?kind=backup", "demo-owner-"+tenant, "", &list)
		return list
	}
	if list := status("contoso"); len(list.Items) != 0 {
		t.Fatalf("without a dispatcher there is a run of the schedule that is due: %+v", list)
	}
	dispatcher := startProcess(t, "-role", "dispatcher", "-addr", "127.0.0.1:0")
	eventually(t, "the dispatcher makes the run that is due", func() bool { return len(status("contoso").Items) == 1 })
	for path, want := range map[string]int{"/readyz": 200, "/healthz": 200, metricsPath: 200, fabrikam + "/schedules": 404} {
		if code := dispatcher.do(t, "GET", path, "demo-owner-fabrikam", "", nil); code != want {
			t.Errorf("the dispatcher answers %s with %d, want %d", path, code, want)
		}
	}
	for _, tenant := range []string{"contoso", "fabrikam"} {
		if list := status(tenant); len(list.Items) != 1 || list.Items[0].Status != string(runs.StatusQueued) {
			t.Errorf("without a worker the runs of %s are %+v", tenant, list)
		}
	}
	worker := startProcess(t, "-role", "worker")
	eventually(t, "the worker brings both runs to their end", func() bool {
		a, b := status("contoso").Items, status("fabrikam").Items
		return len(a) == 1 && len(b) == 1 && a[0].Status == string(runs.StatusSuccess) && b[0].Status == string(runs.StatusSuccess)
	})
	if worker.base != "" {
		t.Errorf("a worker without -addr listens on %s", worker.base)
	}
	for _, p := range []*process{web, dispatcher, worker} {
		p.stop(t)
	}
	if code, out, errOut := callSafely(t, "check", "-read-data"); code != exitOK {
		t.Errorf("check: %d %s %s", code, out, errOut)
	}
	if code, out, errOut := callSafely(t, "dispatch", "-migrate=false"); code != exitOK {
		t.Errorf("dispatch: %d %s %s", code, out, errOut)
	}
}

func TestAServerWithTheOwnersURLPreparesEverythingItself(t *testing.T) {
	for name, flags := range map[string][]string{"with row-level security": nil, "without": {"-row-security=false"}} {
		w := newWorld(t)
		t.Setenv(databaseVariable, "postgres://nobody:"+password+"@127.0.0.1:1/no") // -db wins
		var all []*process
		for range 3 { // at the same time
			all = append(all, launch(t, append([]string{"-db", w.owner, "-addr", "127.0.0.1:0"}, flags...)...))
		}
		for _, p := range all {
			p.serving(t)
			var schedules listed
			if code := p.do(t, "GET", contoso+"/schedules", owner, "", &schedules); code != 200 || len(schedules.Items) != 1 {
				t.Errorf("%s: schedules: %d %+v", name, code, schedules)
			}
			p.stop(t)
		}
		var secured int
		if err := w.admin.QueryRow("SELECT count(*) FROM pg_class WHERE relforcerowsecurity").Scan(&secured); err != nil || (secured > 0) != (flags == nil) {
			t.Errorf("%s: %d tables have row-level security, error %v", name, secured, err)
		}
	}
}

func TestReadyzNamesWhatIsNotInOrder(t *testing.T) {
	w := newWorld(t)
	s := serveOn(t, serveOptions{source: source{url: w.login, rowSecurity: true}, addr: "127.0.0.1:0", role: roleWeb, workers: 1, perTenant: 1}, "curl")
	readyz := func() string {
		var answer struct {
			Status any
			Errors []struct{ Field, Code string }
		}
		code := s.do(t, "GET", "/readyz", "", "", &answer)
		var list []string
		for _, e := range answer.Errors {
			list = append(list, e.Field+" "+e.Code)
		}
		if (code == 200) != (len(list) == 0) || code != 200 && code != 503 {
			t.Errorf("/readyz answers %d and %q", code, list)
		}
		return strings.Join(list, ", ")
	}
	migrate := func() {
		t.Helper()
		if code, _, errOut := callSafely(t, "migrate", "-db", w.login, "-migrate-db", w.owner); code != exitOK {
			t.Fatalf("migrate: %d %s", code, errOut)
		}
	}
	if got := readyz(); got != "schema not_migrated, queue not_migrated" {
		t.Errorf("an empty database: %q", got)
	}
	if code := s.do(t, "GET", "/healthz", "", "", nil); code != 200 {
		t.Errorf("/healthz: %d", code)
	}
	migrate()
	eventually(t, "the server plants its schedules once somebody has migrated", func() bool {
		var schedules listed
		return s.do(t, "GET", contoso+"/schedules", owner, "", &schedules) == 200 && len(schedules.Items) == 1
	})
	login := login(w.login)
	for _, c := range []struct{ damage, repair, want string }{
		{"DROP TABLE gue_jobs", "", "queue not_migrated"},
		{"REVOKE DELETE ON gue_jobs FROM " + login, "", "queue no_privileges"},
		{"REVOKE INSERT ON gue_jobs FROM tenantbackup_app", "", "queue no_privileges"},
		{"ALTER TABLE tb_runs NO FORCE ROW LEVEL SECURITY", "", "schema not_secured"},
		{"REVOKE tenantbackup_system FROM " + login, "", "schema no_privileges"},
		{"ALTER TABLE tb_schedules RENAME TO gone", "ALTER TABLE gone RENAME TO tb_schedules", "schema not_secured"},
		{"ALTER TABLE tb_migrations RENAME TO gone", "ALTER TABLE gone RENAME TO tb_migrations", "schema not_migrated"},
	} {
		if got := readyz(); got != "" {
			t.Fatalf("before %q: %q", c.damage, got)
		}
		execute(t, w.admin, c.damage)
		if got := readyz(); got != c.want {
			t.Errorf("after %q: %q, want %q", c.damage, got, c.want)
		}
		if c.repair != "" {
			execute(t, w.admin, c.repair)
		}
		migrate()
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

func TestAServerThatWaitsForItsDatabaseStopsInPeace(t *testing.T) {
	w := newWorld(t)
	for _, r := range []role{roleAll, roleWeb, roleDispatcher, roleWorker} {
		s := serveOn(t, serveOptions{source: source{url: w.login, rowSecurity: true, conns: 20}, addr: "127.0.0.1:0", role: r, workers: 1, perTenant: 1}, "reference server")
		if code := s.do(t, "GET", "/readyz", "", "", nil); code != 503 {
			t.Errorf("%s: /readyz answers %d", r, code)
		}
		if err := s.stop(); err != nil {
			t.Errorf("%s: %v", r, err)
		}
	}
}

func TestWhoeverMayNotMigrateIsToldWhatToRun(t *testing.T) {
	w := newWorld(t)
	execute(t, w.admin, "ALTER ROLE "+login(w.owner)+" NOCREATEROLE; REVOKE tenantbackup_app, tenantbackup_system FROM "+login(w.owner))
	for name, url := range map[string]string{"a login without anything": w.login, "an owner who may not grant roles": w.owner} {
		for _, command := range [][]string{{"serve", "-addr", "127.0.0.1:0"}, {"dispatch"}, {"migrate"}} {
			code, out, errOut := callSafely(t, append(command, "-db", url)...)
			if code != exitFailed || !strings.Contains(errOut, "migrate -print -dialect postgres") || !strings.Contains(errOut, migrateVariable) {
				t.Errorf("%s, %s: %d %s %s", name, command, code, out, errOut)
			}
		}
	}
}

func TestACheckThatCannotRunTellsAsWhomItCan(t *testing.T) {
	w := newWorld(t)
	says := func(when, url string) {
		t.Helper()
		code, out, errOut := callSafely(t, "check", "-db", url)
		if code != exitNoCheck || !strings.Contains(errOut, "the user that the server works as") || !strings.Contains(errOut, "refserver migrate") {
			t.Errorf("%s: %d %s %s", when, code, out, errOut)
		}
	}
	says("an empty database", w.login)
	if code, _, errOut := callSafely(t, "migrate", "-db", w.login, "-migrate-db", w.owner); code != exitOK {
		t.Fatal(code, errOut)
	}
	execute(t, w.admin, "REVOKE tenantbackup_app, tenantbackup_system FROM "+login(w.owner))
	says("an owner who may not play the roles", w.owner)
	if code, out, errOut := callSafely(t, "check", "-db", w.login); code != exitOK {
		t.Errorf("the login: %d %s %s", code, out, errOut)
	}
}

func TestTheSQLThatMigratePrintsIsAllThatIsNeeded(t *testing.T) {
	w := newWorld(t)
	code, script, errOut := callSafely(t, "migrate", "-print", "-db", w.login)
	if code != exitOK {
		t.Fatalf("%d %s", code, errOut)
	}
	execute(t, connect(t, w.owner), script)
	if code, out, errOut := callSafely(t, "dispatch", "-migrate=false", "-db", w.login); code != exitOK {
		t.Errorf("dispatch: %d %s %s", code, out, errOut)
	}
	s := source{url: w.login, rowSecurity: true}
	db, err := s.open(t.Context(), runs.SystemClock{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.close()
	if err := db.ready(t.Context()); err != nil {
		t.Error(err)
	}
	code, script, _ = callSafely(t, "migrate", "-print", "-dialect", "postgres")
	for _, part := range []string{`CREATE TABLE "tb_runs"`, "CREATE TABLE IF NOT EXISTS gue_jobs", "FORCE ROW LEVEL SECURITY"} {
		if code != exitOK || !strings.Contains(script, part) {
			t.Errorf("without a URL: %d, does not print %q", code, part)
		}
	}
	if _, script, _ = callSafely(t, "migrate", "-print", "-dialect", "postgres", "-row-security=false"); strings.Contains(script, "ROW LEVEL SECURITY") {
		t.Error("row-level security is printed all the same")
	}
}

func TestWrongDatabasesAndRolesAreRefusedWithoutTellingThePassword(t *testing.T) {
	postgres := "postgres://someone:" + password + "@127.0.0.1:1/name"
	unused := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-role", "web"}, exitUsage, "needs Postgres"},
		{[]string{"-role", "worker"}, exitUsage, databaseVariable},
		{[]string{"-role", "chef", "-db", postgres}, exitUsage, "all, web, dispatcher or worker"},
		{[]string{"-role", "web", "-addr", "", "-db", postgres}, exitUsage, "must listen"},
		{[]string{"-addr", "off"}, exitUsage, "must listen"},
		{[]string{"-workers", "0"}, exitUsage, "-workers"},
		{[]string{"-per-tenant", "63"}, exitUsage, "-per-tenant"},
		{[]string{"-max-conns", "20"}, exitUsage, "-max-conns is for Postgres"},
		{[]string{"-db", postgres, "-workers", "10", "-max-conns", "22"}, exitUsage, "at least 23"},
		{[]string{"-db", postgres, "-max-conns", "-1"}, exitUsage, "-max-conns"},
		{[]string{"-migrate-db", postgres}, exitFailed, "-migrate-db is for Postgres"},
		{[]string{"-db", postgres}, exitFailed, "127.0.0.1:1"},
		{[]string{"-db", "mysql://someone:" + password + "@127.0.0.1/name"}, exitFailed, "postgres://"},
		{[]string{"-db", "postgres://someone:" + password + "@192.0.2.1/name"}, exitFailed, "sslmode"},
		{[]string{"-db", "postgres://someone:" + password + "%zz@127.0.0.1/name"}, exitFailed, "postgres://"},
		{[]string{"-db", as(t, pgtest.Server(t).URL(), "postgres")}, exitFailed, "password authentication failed"},
	} {
		args := append([]string{"serve", "-data", unused, "-addr", "127.0.0.1:0"}, c.args...)
		code, out, errOut := callSafely(t, args...)
		if code != c.code || !strings.Contains(errOut, c.says) {
			t.Errorf("%q: %d %s %s; want %d and %q", c.args, code, out, errOut, c.code, c.says)
		}
	}
	if entries, err := os.ReadDir(unused); err != nil || len(entries) != 0 {
		t.Errorf("what is refused made %v, error %v", entries, err)
	}
	t.Setenv(databaseVariable, postgres)
	for _, command := range []string{"migrate", "dispatch", "check"} {
		if code, _, errOut := callSafely(t, command); code == exitOK || !strings.Contains(errOut, "127.0.0.1:1") {
			t.Errorf("%s with %s: %d %s", command, databaseVariable, code, errOut)
		}
		if code, _, errOut := callSafely(t, command, "-h"); code != exitOK || strings.Contains(errOut, postgres) {
			t.Errorf("%s -h: %d %s", command, code, errOut)
		}
	}
	if code, _, errOut := callSafely(t, "migrate", "-db", "", "-data", unused); code != exitOK {
		t.Errorf("an empty -db with %s is SQLite: %d %s", databaseVariable, code, errOut)
	}
}

func TestWhyAPartIsNotReady(t *testing.T) {
	for err, want := range map[error]string{
		bunstore.ErrSchemaNewer: "newer", bunstore.ErrSchemaChanged: "changed", bunstore.ErrNotMigrated: "not_migrated",
		bunstore.ErrRowSecurity: "not_secured", guequeue.ErrNoTable: "not_migrated", errQueuePrivileges: "no_privileges",
		guequeue.ErrNoPrivileges: "no_privileges", errors.New(password): "unavailable",
	} {
		err = fmt.Errorf("wrapped: %w", err)
		if got := code(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
		if text := advice(err); text == "" || strings.Contains(text, password) {
			t.Errorf("%v: advice %q", err, text)
		}
	}
}

// The least pool of each role, as docs/operations.md has it.
func TestConnectionsOfARole(t *testing.T) {
	for r, want := range map[role][2]int{roleAll: {13, 21}, roleWeb: {2, 10}, roleDispatcher: {4, 4}, roleWorker: {11, 11}} {
		if got := [2]int{r.connections(4), r.defaultConnections(4)}; got != want {
			t.Errorf("%s with 4 workers: %v, want %v", r, got, want)
		}
	}
	if got := roleWorker.connections(100); got != 2+100+8+1 {
		t.Errorf("a worker with 100 workers: %d", got)
	}
}

func TestAServerIsNamedWithoutItsUser(t *testing.T) {
	for raw, want := range map[string]string{
		"postgres://u:" + password + "@db.example:5432/backups?sslmode=require": "postgres://db.example:5432/backups",
		"postgres://u:" + password + "@/backups?host=/run":                      "Postgres",
		"postgres://u:" + password + "%zz@db/backups":                           "Postgres",
	} {
		if got := (source{url: raw}).String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
