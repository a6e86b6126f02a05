package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// What a shape does not hold on to: texts and digests that other packages make, and what is
// made of ids, which differ from run to run.
var free = regexp.MustCompile(`(?m)^( *"(?:next_cursor|confirm_plan|hash|message|error_message|path|before|after|name|prev_hash|live_hash|detail|display_name|note)": )("(?:[^"\\]|\\.)*"|true|false|[0-9.]+)(,?)$`)

var uuidPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// shaper keeps one golden file per operation with the status and the body of an answer.
type shaper struct {
	w    *world
	ids  map[string]string // ids by order of appearance
	seen map[string]bool
}

// want sends a request as contoso's owner, checks its status and remembers its shape.
func (s *shaper) want(status int, operation, path, body string) reply {
	s.w.t.Helper()
	s.w.clock.Add(time.Second) // or lists would order what was made in one instant by chance
	op := s.w.operation(operation)
	r := s.w.wants(status, op.method, path, body, nil)
	s.keep(operation, r)
	return r
}

func (s *shaper) keep(name string, r reply) {
	s.w.t.Helper()
	s.seen[name] = true
	text := uuidPattern.ReplaceAllStringFunc(r.body, func(id string) string {
		if s.ids[id] == "" {
			s.ids[id] = fmt.Sprintf("00000000-0000-0000-0000-%012d", len(s.ids)+1)
		}
		return s.ids[id]
	})
	var out bytes.Buffer
	fmt.Fprintf(&out, "%d %s\n", r.status, r.header.Get("Content-Type"))
	if text != "" {
		if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
			s.w.t.Fatalf("%s: %v", name, err)
		}
	}
	shape := free.ReplaceAllString(out.String(), `$1"..."$3`)
	golden(s.w.t, "shapes/"+name+".txt", shape)
}

// file remembers what an answer says of a file, which is bytes to this test.
func (s *shaper) file(name string, r reply) {
	s.w.t.Helper()
	s.seen[name] = true
	golden(s.w.t, "shapes/"+name+".txt", fmt.Sprintf("%d %s\n%s\n", r.status, r.header.Get("Content-Type"), r.header.Get("Content-Disposition")))
}

func (w *world) decodeRun(r reply) Run {
	w.t.Helper()
	var run Run
	w.must(json.Unmarshal([]byte(r.body), &run))
	return run
}

func idOf(t testing.TB, r reply) string {
	t.Helper()
	var v struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(r.body), &v); err != nil || v.ID == "" {
		t.Fatalf("no id in %s", r.body)
	}
	return v.ID
}

// The answer of every operation, to the letter: names, order, nulls and empty lists. Each
// is in a file of its own below testdata/shapes.
func TestShapes(t *testing.T) {
	w := newWorld(t)
	s := &shaper{w: w, ids: map[string]string{}, seen: map[string]bool{}}
	s.keep("healthz", w.do("", http.MethodGet, "/healthz", ""))
	s.keep("readyz", w.do("", http.MethodGet, "/readyz", ""))

	created := s.want(201, "create-schedule", "schedules", `{"name":"Nightly","timezone":"Europe/Berlin","frequency":"daily","time_of_day":"02:30",
		"policy_types":["deviceCompliancePolicy","deviceConfiguration"],"include_foundations":false,"retention_keep_last":1}`)
	id := idOf(t, created)
	if got, want := created.header.Get("Location"), "/api/v1/tenants/contoso/schedules/"+id; got != want {
		t.Errorf("Location %q, want %q", got, want)
	}
	var read Schedule
	w.wants(200, http.MethodGet, "schedules/"+id, "", &read)
	s.want(200, "update-schedule", "schedules/"+id, `{"frequency":"weekly","days_of_week":[1,7],"if_updated_at":"`+read.UpdatedAt.Format(time.RFC3339Nano)+`"}`)
	s.want(200, "preview-schedule", "schedules/preview", `{"timezone":"Europe/Berlin","frequency":"weekly","time_of_day":"02:30","days_of_week":[7],"count":4}`)

	first := idOf(t, s.want(202, "run-schedule", "schedules/"+id+"/run", ""))
	s.want(200, "list-active-runs", "runs/active", "")
	w.settle()
	s.want(200, "get-schedule", "schedules/"+id, "")
	s.want(200, "list-schedules", "schedules", "")
	s.want(200, "get-run", "runs/"+first, "")
	s.want(200, "list-run-items", "runs/"+first+"/items?limit=2", "")

	if _, err := w.graph.Churn(contoso, 30, 3); err != nil {
		t.Fatal(err)
	}
	second := w.backup(contoso, runs.ID(id))
	old := string(w.run(runs.ID(first)).BackupSetID)
	latest := string(second.BackupSetID)
	s.want(200, "list-backup-sets", "backup-sets", "")
	s.want(200, "compare-backup-sets", "backup-sets/"+latest+"/compare?with="+old, "")
	s.want(200, "list-backup-set-items", "backup-sets/"+latest+"/items?limit=2", "")
	before, after := w.changedVersions(old, latest)
	s.want(202, "verify-backup-set", "backup-sets/"+latest+"/verify", "")
	s.want(200, "hold-backup-set", "backup-sets/"+old+"/hold", `{"name":"audit","reason":"kept for the auditor"}`)
	s.want(200, "get-backup-set", "backup-sets/"+old, "")
	s.want(200, "release-backup-set", "backup-sets/"+old+"/hold?name=audit", "")
	s.want(200, "plan-retention", "schedules/"+id+"/retention-plan", "")
	s.want(200, "delete-backup-set", "backup-sets/"+old, "")
	s.want(200, "undelete-backup-set", "backup-sets/"+old+"/undelete", "")

	s.want(202, "sync-policies", "policies/sync", `{"policy_types":["deviceCompliancePolicy"]}`)
	w.settle()
	policies := s.want(200, "list-policies", "policies?limit=2", "")
	var list List[Policy]
	w.must(json.Unmarshal([]byte(policies.body), &list))
	s.want(200, "get-policy", "policies/"+list.Items[0].ID, "")
	s.want(200, "list-policy-versions", "policies/"+list.Items[0].ID+"/versions", "")

	s.want(202, "snapshot-policy", "policies/"+list.Items[0].ID+"/snapshots", "")
	byHand := s.want(202, "create-backup-set", "backup-sets", `{"name":"By hand","policy_types":["deviceConfiguration"]}`)
	w.settle()
	hand := *w.decodeRun(byHand).BackupSetID
	s.want(202, "add-policies", "backup-sets/"+hand+"/policies", `{"policy_ids":["`+list.Items[0].ID+`"]}`)
	w.settle()
	if _, err := w.graph.Churn(contoso, 60, 5); err != nil {
		t.Fatal(err)
	}
	preview := idOf(t, s.want(202, "preview-restore", "backup-sets/"+old+"/restore-previews", `{"options":{"existing":"overwrite"}}`))
	report := idOf(t, s.want(202, "report-drift", "backup-sets/"+old+"/drift", ""))
	w.settle()
	s.want(200, "get-restore-preview", "restore-previews/"+preview, "")
	s.want(200, "list-restore-preview-items", "restore-previews/"+preview+"/items?limit=2", "")
	s.want(200, "get-drift-report", "drift-reports/"+report, "")
	s.want(202, "restore", "restores", `{"preview_run_id":"`+preview+`","reason":"to try it"}`)
	w.drop()
	archive := w.wants(200, http.MethodGet, "backup-sets/"+hand+"/export", "", nil)
	s.file("export-backup-set", archive)
	s.want(202, "import-backup-set", "backup-sets/import?name=Brought+back", archive.body)
	w.drop()
	types := w.wants(200, http.MethodGet, "policy-types", "", nil)
	types.body, _, _ = strings.Cut(types.body, "},{") // the first of many
	types.body += `}],"next_cursor":null}`
	s.keep("list-policy-types", types)
	w.must(w.graph.Grant(contoso, "DeviceManagementConfiguration.Read.All"))
	access := w.wants(200, http.MethodGet, "permissions", "", nil)
	access.body, _, _ = strings.Cut(access.body, "},{\"policy_type")
	access.body += `}],"next_cursor":null}`
	s.keep("get-permissions", access)

	third := idOf(t, w.wants(202, http.MethodPost, "schedules/"+id+"/run", "", nil))
	s.want(200, "cancel-run", "runs/"+third+"/cancel", "")
	s.want(202, "retry-run", "runs/"+third+"/retry", "")
	w.settle()
	s.want(202, "confirm-retention", "schedules/"+id+"/retention-plan/confirm", `{"confirm_plan":"`+w.plan(id)+`"}`)
	w.settle()
	s.want(200, "list-runs", "runs?kind=retention.apply", "")
	other := idOf(t, w.wants(201, http.MethodPost, "schedules", scheduleJSON, nil))
	s.want(200, "bulk-schedules", "schedules/bulk", `{"action":"run_now","ids":["`+id+`","`+other+`","`+noSuchID+`"]}`)
	note := s.want(200, "list-notifications", "notifications?limit=2&unread=true", "")
	var notes NotificationList
	w.must(json.Unmarshal([]byte(note.body), &notes))
	s.want(200, "read-notification", "notifications/"+notes.Items[0].ID+"/read", `{"created_at":"`+notes.Items[0].CreatedAt.Format(time.RFC3339Nano)+`"}`)
	s.want(200, "list-audit", "audit?limit=3", "")
	s.want(200, "verify-audit", "audit/verify", "")
	s.want(204, "delete-schedule", "schedules/"+id, "")
	s.want(200, "get-policy-version", "policy-versions/"+after, "")
	s.want(200, "compare-policy-versions", "policy-versions/"+after+"/compare?with="+before, "")
	w.wants(200, http.MethodDelete, "backup-sets/"+hand, "", nil)
	s.want(204, "purge-backup-set", "backup-sets/"+hand+"/purge", "")

	s.keep("problem-invalid", w.wants(422, http.MethodPost, "schedules", `{"name":"","timezone":"","frequency":"daily","time_of_day":"2:30","policy_types":["nope"]}`, nil))
	s.keep("problem-forbidden", w.wants(403, http.MethodGet, "schedules/"+noSuchID, "", nil))
	s.keep("problem-deleted", w.wants(404, http.MethodGet, "schedules/"+id, "", nil))
	s.keep("problem-conflict", w.wants(409, http.MethodPost, "runs/"+first+"/retry", "", nil))
	s.keep("problem-unauthorized", w.do("", http.MethodGet, "/api/v1/tenants/contoso/schedules", ""))

	for _, op := range w.document.list {
		if !s.seen[op.ID] {
			t.Errorf("the shape of %s is not kept", op.ID)
		}
	}
	if files, err := os.ReadDir("testdata/shapes"); err != nil || len(files) != len(s.seen) {
		t.Errorf("testdata/shapes has %d files for %d shapes %v", len(files), len(s.seen), err)
	}
}

// changedVersions are two versions of a policy that differs between two sets.
func (w *world) changedVersions(old, latest string) (before, after string) {
	w.t.Helper()
	var found Comparison
	w.wants(200, http.MethodGet, "backup-sets/"+latest+"/compare?with="+old, "", &found)
	var versions List[PolicyVersion]
	w.wants(200, http.MethodGet, "policies/"+found.Changed[0].Policy.ID+"/versions", "", &versions)
	return versions.Items[1].ID, versions.Items[0].ID
}

func (w *world) run(id runs.ID) runs.Run {
	w.t.Helper()
	run, err := w.starter.Get(w.t.Context(), contoso, owner(contoso), id)
	w.must(err)
	return run
}

// plan returns the token of a schedule's present retention plan.
func (w *world) plan(schedule string) string {
	w.t.Helper()
	var p RetentionPlan
	w.wants(200, http.MethodPost, "schedules/"+schedule+"/retention-plan", "", &p)
	return given(p.ConfirmPlan, "")
}

// No field is ever missing, and none but those that the document calls nullable is null:
// the zero of every record is shown in a way that conforms.
func TestZeroRecordsConform(t *testing.T) {
	w := newWorld(t)
	for name, v := range map[string]any{
		"Schedule": showSchedule(backupsched.Schedule{}), "Run": w.api.showRun(runs.Run{}), "RunItem": showRunItem(runs.Item{}),
		"BackupSet":  showSet(backupset.BackupSet{}, backupset.Origin{Imported: true}),
		"Comparison": showComparison(backupset.Comparison{Changed: []backupset.ChangedPolicy{{Diff: []backupset.Change{{}}}}}), "RetentionPlan": showPlan(retention.GroupPlan{}),
		"Policy": showPolicy(backupset.Policy{}), "AuditEntry": showAudit(runs.AuditEntry{}),
		"Preview": showPreview(restore.Preview{}), "PreviewItem": showPreviewItem(restore.PreviewItem{}), "DriftReport": showDrift(restore.Preview{}, restore.Drift{}),
		"PolicyType": showType(graph.TypeInfo{}), "TypeAccess": showAccess(graph.Access{}), "AuditCheck": showCheck(runs.AuditVerification{}), "Notification": showNotification(runs.Notification{}),
	} {
		raw, err := json.Marshal(v)
		w.must(err)
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		var value any
		w.must(dec.Decode(&value))
		for _, e := range w.document.check(schema{Ref: "#/components/schemas/" + name}, value, name) {
			if !strings.HasSuffix(e, "is not a UUID") && !strings.Contains(e, "is not one of") { // the zero is neither
				t.Error(e)
			}
		}
	}
}
