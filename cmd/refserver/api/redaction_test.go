package api

import (
	"archive/zip"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// secret is in every text of the corpus.
const secret = "k4n4rienVogel-SINGT_77"

// corpus are texts with a secret in them, as Graph, drivers and people write them; those of
// internal/redact, one or two of each kind.
var corpus = func() (list []string) {
	for _, text := range []string{
		`token was eyJhbGciOiJSUzI1NiJ9.eyJhdWQiSECRET.SECRET`,
		`Authorization: Bearer SECRET`,
		`authorization: basic Y2xpZW50OSECRET==`,
		`AADSTS7000215: Invalid client secret provided abC8Q~SECRET0123456789ab`,
		`client_assertion%3DSECRET%26scope%3Dx`,
		`https://a.blob.core.windows.net/c?sv=2024-11-04&sig=SECRET%3D&se=2026`,
		`DefaultEndpointsProtocol=https;AccountName=a;AccountKey=SECRET==;EndpointSuffix=core.windows.net`,
		`Endpoint=sb://a/;SharedAccessKeyName=Root;SharedAccessKey=SECRET;EntityPath=q`,
		"-----BEGIN PRIVATE KEY-----\nMIIESECRET\nabc==\n-----END PRIVATE KEY-----",
		`grant_type=client_credentials&client_secret=SECRET&scope=x`,
		`host=db user=app password='SECRET with blanks' dbname=x`,
		`{ "access_token" : "SECRET" , "expires_in" : 3599 }`,
		`{"name":"Password","value":"SECRET"}`,
		`dial postgres://app:SECRET@db.internal:5432/x`,
		`/users/SECRET@contoso.onmicrosoft.com/messages`,
		`SECRET_gmail.com#EXT#@contoso.onmicrosoft.com`,
		`{"error":{"code":"BadRequest","message":"{\r\n  \"Message\": \"not valid. client_secret=SECRET - Url: ` +
			`https://fef.SECRET.manage.microsoft.com/Configuration/accounts/4711?api-version=5024\",` +
			`\r\n  \"HttpHeaders\": \"{\\\"Authorization\\\":[\\\"Bearer SECRET\\\"],\\\"WifiPassword\\\":\\\"a\\\\\\\"SECRET\\\"}\"\r\n}",` +
			`"innerError":{"request-id":"0b1c2d3e-4f50-4162-8374-95a6b7c8d9e0","user":"SECRET@contoso.com"}}}`,
	} {
		list = append(list, strings.ReplaceAll(text, "SECRET", secret))
	}
	return list
}()

// redaction is a world with everything at hand that may leak.
type redaction struct {
	*world
	path   string
	log    bytes.Buffer
	logger *slog.Logger // writes into log
	text   string       // what now goes wrong says this

	failed map[runs.Kind]map[runs.Status]int
}

// fault lets calls of Graph fail with the text for as long as f works.
func (r *redaction) fault(op graphtest.Op, kind graph.Kind, f func()) {
	r.t.Helper()
	err := &graph.Error{Kind: kind, Code: r.text, RequestID: r.text, Err: errors.New(r.text)}
	r.must(r.graph.Inject(graphtest.Fault{Op: op, Times: -1, Err: err}))
	f()
	r.graph.ClearFaults()
}

// work works until no job is left, however long they have been put off.
func (r *redaction) work() {
	r.t.Helper()
	for len(r.queue.list) > 0 {
		if at := r.queue.list[0].NotBefore; at.After(r.clock.Now()) {
			r.clock.Set(at)
		}
		job := r.queue.list[0]
		r.queue.list = r.queue.list[1:]
		r.must(r.runner.Handle(r.t.Context(), job))
	}
}

// run starts a run by its route and works on it.
func (r *redaction) run(path, body string) Run {
	r.t.Helper()
	var run Run
	r.wants(202, http.MethodPost, path, body, &run)
	r.work()
	r.wants(200, http.MethodGet, "runs/"+run.ID, "", &run)
	kind := runs.Kind(run.Kind)
	if r.failed[kind] == nil {
		r.failed[kind] = map[runs.Status]int{}
	}
	r.failed[kind][runs.Status(run.Status)]++
	return run
}

// everything fails one run of every kind, some in several ways, with the text.
func (r *redaction) everything(schedule runs.ID) {
	r.t.Helper()
	for _, c := range []struct {
		op   graphtest.Op
		kind graph.Kind
	}{{graphtest.OpItem, graph.KindInvalid}, {graphtest.OpList, graph.KindForbidden}, {graphtest.OpGet, graph.KindThrottled}, {graphtest.OpList, graph.KindUnauthorized}} {
		r.fault(c.op, c.kind, func() {
			r.run("schedules/"+string(schedule)+"/run", "")
			r.run("policies/sync", `{"policy_types":["deviceConfiguration"]}`)
			r.run("backup-sets", `{"name":"By hand","policy_types":["deviceConfiguration"]}`)
		})
	}

	set, policy, item := r.manualSet(contoso)
	held := "backup-sets/" + string(set)
	others, err := r.store.ListPolicies(r.t.Context(), contoso, backupset.PolicyFilter{}, runs.Slice{Limit: 100})
	r.must(err)
	var ids []string
	for _, p := range others {
		ids = append(ids, string(p.ID))
	}
	selected, err := json.Marshal(map[string][]string{"policy_ids": ids})
	r.must(err)
	r.fault(graphtest.OpItem, graph.KindInvalid, func() {
		r.run("policies/"+string(policy)+"/snapshots", "")
		r.run("backup-sets", `{"name":"Chosen","policy_ids":["`+string(policy)+`"]}`)
	})
	small := r.run("backup-sets", `{"name":"Small","policy_ids":["`+string(policy)+`"]}`)
	r.fault(graphtest.OpItem, graph.KindForbidden, func() { r.run("backup-sets/"+*small.BackupSetID+"/policies", string(selected)) })

	for _, kind := range []graph.Kind{graph.KindForbidden, graph.KindUnauthorized} {
		r.fault(graphtest.OpList, kind, func() {
			report, preview := r.run(held+"/drift", ""), r.run(held+"/restore-previews", "")
			r.shows("drift-reports/"+report.ID, "restore-previews/"+preview.ID, "restore-previews/"+preview.ID+"/items?limit=200")
		})
	}
	// A restore is told why in words that carry the secret, and Graph refuses to make the policy.
	of, err := r.store.GetPolicy(r.t.Context(), contoso, policy)
	r.must(err)
	lost, there := r.graph.Object(contoso, of.Type, of.ExternalID)
	if !there {
		r.t.Fatal("there is nothing to lose")
	}
	r.must(r.graph.Delete(contoso, of.Type, of.ExternalID))
	line := strings.ReplaceAll(r.text, "\n", " ")
	reason, err := json.Marshal(line[:min(len(line), 490)])
	r.must(err)
	preview := r.run(held+"/restore-previews", `{"item_ids":["`+string(item)+`"]}`)
	r.shows("restore-previews/"+preview.ID, "restore-previews/"+preview.ID+"/items?limit=200")
	r.fault(graphtest.OpCreate, graph.KindForbidden, func() {
		run := r.run("restores", `{"preview_run_id":"`+preview.ID+`","reason":`+string(reason)+`}`)
		r.shows("audit?run_id=" + run.ID)
	})
	r.must(r.graph.Put(contoso, lost))
	r.wants(200, http.MethodPut, held+"/hold", `{"name":"audit","reason":`+string(reason)+`}`, nil)

	for _, file := range []string{r.text, archiveOf(r.t, line, r.text), manifestOf(r.t, r.text)} {
		r.run("backup-sets/import?name=From+a+file", file)
	}
	// What a set holds is damaged: its bytes are now the text.
	db, err := sql.Open("sqlite", "file:"+r.path+"?_pragma=busy_timeout(5000)")
	r.must(err)
	defer db.Close()
	_, err = db.Exec("UPDATE tb_payloads SET data = ?", []byte(r.text))
	r.must(err)
	r.run(held+"/verify", "")
	r.run(held+"/restore-previews", "")
	// The queue is away, for people and for the dispatcher.
	logged := r.log.Len()
	r.queue.fail = errors.New(r.text)
	r.wants(202, http.MethodPost, "policies/sync", "", nil)
	d, err := backupsched.NewDispatcher(backupsched.DispatcherConfig{Store: r.store, Queue: r.queue, Clock: r.clock, Logger: r.logger})
	r.must(err)
	due, err := r.store.GetSchedule(r.t.Context(), contoso, schedule)
	r.must(err)
	r.clock.Set(due.NextRunAt)
	_, err = d.Tick(r.t.Context())
	r.must(err)
	if n := strings.Count(r.log.String()[logged:], "not queued"); n != 2 {
		r.t.Errorf("%q: %d lines say that jobs are not queued, want 2", r.text, n)
	}
}

// archiveOf is a zip of files that are no policies, whose names and contents have a text.
func archiveOf(t testing.TB, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if strings.ContainsAny(name, `/\:`) { // no name of a file
		name = "client_secret=" + secret
	}
	for _, path := range []string{name + ".json", "DeviceConfiguration/" + name + ".json"} {
		f, err := z.Create(path)
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// manifestOf is a zip whose manifest is the text.
func manifestOf(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("manifest.json")
	if err == nil {
		_, err = f.Write([]byte(content))
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// shows reads what a person may look at.
func (r *redaction) shows(paths ...string) {
	r.t.Helper()
	for _, path := range paths {
		for page := path; page != ""; {
			got := r.as(runs.RoleOwner, http.MethodGet, page, "")
			if i := strings.Index(got.body, secret); i >= 0 {
				r.t.Errorf("%q: %s shows ...%.160s...", r.text, page, got.body[max(0, i-80):])
			}
			var list struct {
				Cursor *string `json:"next_cursor"`
			}
			r.must(json.Unmarshal([]byte(got.body), &list))
			if page = ""; list.Cursor != nil && *list.Cursor != "" {
				join := "?"
				if strings.Contains(path, "?") {
					join = "&"
				}
				page = path + join + "cursor=" + url.QueryEscape(*list.Cursor)
			}
		}
	}
}

// stored looks into every column of every table but those that hold what was captured or
// uploaded.
func (r *redaction) stored() {
	r.t.Helper()
	db, err := sql.Open("sqlite", "file:"+r.path+"?_pragma=busy_timeout(5000)")
	r.must(err)
	defer db.Close()
	rows, err := db.Query(`SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'`)
	r.must(err)
	columns := map[string][]string{}
	for rows.Next() {
		var table, column string
		r.must(rows.Scan(&table, &column))
		columns[table] = append(columns[table], column)
	}
	r.must(rows.Err())
	if len(columns["tb_runs"]) == 0 || len(columns["tb_audit_log"]) == 0 {
		r.t.Fatalf("the tables are %v", columns)
	}
	for table, list := range columns {
		if table == "tb_payloads" || table == "tb_upload_chunks" {
			continue
		}
		for _, column := range list {
			var n int
			var first []byte
			r.must(db.QueryRow(fmt.Sprintf(`SELECT count(*), coalesce(min(CAST(%q AS BLOB)), '') FROM %q WHERE instr(CAST(%[1]q AS BLOB), CAST(? AS BLOB)) > 0`, column, table), secret).Scan(&n, &first))
			if n > 0 {
				r.t.Errorf("%q: %d rows of %s.%s hold the secret: %.300s", r.text, n, table, column, first)
			}
		}
	}
}

// Whatever Graph, a file or a person says: no secret in it is stored, logged or shown. What
// was captured, and a file that waits for its import, are the customer's and kept as they are.
func TestNoSecretOfAFailingRunIsKept(t *testing.T) {
	testenv.SlowUnderRace(t)
	for _, text := range corpus {
		r := &redaction{text: text, path: filepath.Join(t.TempDir(), "api.db"), failed: map[runs.Kind]map[runs.Status]int{}}
		r.logger = slog.New(slog.NewJSONHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		r.world = newWorldAt(t, r.path, r.logger)
		r.everything(r.schedule(contoso, "Nightly"))
		r.stored()

		r.shows("runs?limit=200", "runs/active", "notifications?limit=200", "audit?limit=200", "policies?limit=200", "backup-sets?limit=200", "schedules")
		all, err := r.store.ListRuns(t.Context(), contoso, runs.RunFilter{}, runs.Slice{Limit: 1000})
		r.must(err)
		for _, run := range all {
			r.shows("runs/"+string(run.ID), "runs/"+string(run.ID)+"/items?limit=200")
		}
		if i := strings.Index(r.log.String(), secret); i >= 0 {
			t.Errorf("%q: the log says ...%.300s...", text, r.log.String()[max(0, i-150):])
		}
		for _, kind := range []runs.Kind{
			runs.KindBackup, runs.KindPolicySync, runs.KindSnapshot, runs.KindSetCreate, runs.KindSetAdd, runs.KindSetVerify,
			runs.KindSetImport, runs.KindDriftReport, runs.KindRestorePreview, runs.KindRestoreExecute,
		} {
			ended := r.failed[kind]
			if ended[runs.StatusFailed]+ended[runs.StatusPartial] == 0 {
				t.Errorf("%q: no %s failed: %v", text, kind, ended)
			}
		}
		if !strings.Contains(r.log.String(), "[redacted]") {
			t.Errorf("%q: nothing was redacted in the log, which was to carry it", text)
		}
	}
}
