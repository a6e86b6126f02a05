package api

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// ended works until no job is left and returns a run that must have ended as it should.
func (w *world) ended(r Run, status string) Run {
	w.t.Helper()
	w.settle()
	var run Run
	w.wants(200, http.MethodGet, "runs/"+r.ID, "", &run)
	if run.Status != status {
		w.t.Fatalf("%s ended %s, want %s: %s %s", run.Kind, run.Status, status, given(run.ErrorCode, ""), given(run.ErrorMessage, ""))
	}
	return run
}

// begun sends a request that starts a run.
func (w *world) begun(path, body string) Run {
	w.t.Helper()
	var run Run
	w.wants(202, http.MethodPost, path, body, &run)
	return run
}

// What a person does by hand, from the first capture to bringing a policy back: each step by
// the routes alone.
func TestAPolicyIsCapturedLostAndBroughtBack(t *testing.T) {
	w := newWorld(t)
	w.ended(w.begun("policies/sync", `{"policy_types":["deviceCompliancePolicy","deviceConfiguration"]}`), "success")
	var inventory List[Policy]
	w.wants(200, http.MethodGet, "policies?policy_type=deviceCompliancePolicy", "", &inventory)
	policy := inventory.Items[0]

	w.ended(w.begun("policies/"+policy.ID+"/snapshots", ""), "success")
	var versions List[PolicyVersion]
	w.wants(200, http.MethodGet, "policies/"+policy.ID+"/versions", "", &versions)
	if len(versions.Items) != 1 {
		t.Fatalf("%d versions after a snapshot", len(versions.Items))
	}

	made := w.begun("backup-sets", `{"name":"Before the change","policy_types":["deviceConfiguration"]}`)
	var set BackupSet
	w.wants(200, http.MethodGet, "backup-sets/"+*made.BackupSetID, "", &set)
	if set.Status != "building" || set.Name != "Before the change" || set.ScheduleID != nil {
		t.Errorf("a set that was just asked for: %+v", set)
	}
	w.ended(made, "success")
	w.ended(w.begun("backup-sets/"+set.ID+"/policies", `{"policy_ids":["`+policy.ID+`"]}`), "success")
	again := w.ended(w.begun("backup-sets/"+set.ID+"/policies", `{"policy_ids":["`+policy.ID+`"]}`), "success")
	if again.Counts.Skipped != 1 || again.Counts.Processed != 1 {
		t.Errorf("what is there already: %+v", again.Counts)
	}
	var items List[SetItem]
	w.wants(200, http.MethodGet, "backup-sets/"+set.ID+"/items", "", &items)
	var revisions []int
	for _, i := range items.Items {
		revisions = append(revisions, i.Revision)
	}
	if diff := cmp.Diff([]int{1, 2}, revisions); diff != "" {
		t.Errorf("revisions of the items: %s", diff)
	}

	w.must(w.graph.Delete(contoso, graph.PolicyType(policy.PolicyType), policy.ExternalID))
	report := w.ended(w.begun("backup-sets/"+set.ID+"/drift", ""), "success")
	var drift DriftReport
	w.wants(200, http.MethodGet, "drift-reports/"+report.ID, "", &drift)
	if len(drift.Removed) != 1 || drift.Removed[0].ExternalID != policy.ExternalID || len(drift.Changed) != 0 {
		t.Errorf("drift: %+v", drift)
	}

	preview := w.ended(w.begun("backup-sets/"+set.ID+"/restore-previews", ""), "success")
	var head Preview
	w.wants(200, http.MethodGet, "restore-previews/"+preview.ID, "", &head)
	if head.Totals["create"] != 1 || head.SetRevision != 2 || head.ReadyAt == nil {
		t.Errorf("the preview: %+v", head)
	}
	var planned List[PreviewItem]
	w.wants(200, http.MethodGet, "restore-previews/"+preview.ID+"/items?action=create", "", &planned)
	if len(planned.Items) != 1 || planned.Items[0].Name != policy.Name {
		t.Errorf("what would be made: %+v", planned.Items)
	}

	restored := w.ended(w.begun("restores", `{"preview_run_id":"`+preview.ID+`","reason":"it was deleted by mistake"}`), "success")
	var done List[RunItem]
	w.wants(200, http.MethodGet, "runs/"+restored.ID+"/items?status=success", "", &done)
	if len(done.Items) != 1 || given(done.Items[0].BackupItemID, "") != planned.Items[0].ItemID || done.Items[0].TargetID == nil {
		t.Fatalf("what the restore says: %+v", done.Items)
	}
	if p, there := w.graph.Object(contoso, graph.PolicyType(policy.PolicyType), *done.Items[0].TargetID); !there || p.Name != policy.Name {
		t.Errorf("the policy is not back: %+v", p)
	}
	if r := w.as(runs.RoleOwner, http.MethodPost, "restores", `{"preview_run_id":"`+preview.ID+`","reason":"once more"}`); r.status != 409 || r.code() != "preview_used" {
		t.Errorf("the preview a second time: %d %s", r.status, r.code())
	}
	var log List[AuditEntry]
	w.wants(200, http.MethodGet, "audit?action=restore.started&action=restore.finished", "", &log)
	if len(log.Items) != 2 || given(log.Items[0].RunID, "") != restored.ID {
		t.Errorf("the audit log has %+v", log.Items)
	}
}

// An exported set is a zip that imports as a set of the same policies.
func TestASetIsExportedAndImported(t *testing.T) {
	w := newWorld(t)
	set, _, _ := w.manualSet(contoso)
	r := w.wants(200, http.MethodGet, "backup-sets/"+string(set)+"/export?secrets=true", "", nil)
	if got, want := r.header.Get("Content-Disposition"), `attachment; filename="By hand-r1.zip"`; got != want {
		t.Errorf("Content-Disposition %q, want %q", got, want)
	}
	if _, err := zip.NewReader(strings.NewReader(r.body), int64(len(r.body))); err != nil {
		t.Fatal(err)
	}
	imported := w.begun("backup-sets/import?name=From+a+file", r.body)
	var same Run
	w.wants(200, http.MethodPost, "backup-sets/import?name=From+a+file", r.body, &same)
	if same.ID != imported.ID {
		t.Error("the same file is imported twice at once")
	}
	w.ended(imported, "success")
	hashes := func(set string) (list []string) {
		var items List[SetItem]
		w.wants(200, http.MethodGet, "backup-sets/"+set+"/items", "", &items)
		for _, i := range items.Items {
			list = append(list, i.PolicyType+" "+i.Name+" "+i.Hash)
		}
		return sorted(list)
	}
	if diff := cmp.Diff(hashes(string(set)), hashes(*imported.BackupSetID)); diff != "" {
		t.Errorf("the imported set (-exported +imported):\n%s", diff)
	}
	head := w.do(token(runs.RoleOwner, contoso), http.MethodHead, "/api/v1/tenants/contoso/backup-sets/"+string(set)+"/export", "")
	if head.status != 200 || head.body != "" || head.header.Get("Content-Type") != zipType {
		t.Errorf("HEAD: %d %q %d bytes", head.status, head.header.Get("Content-Type"), len(head.body))
	}
	if got := w.ended(w.begun("backup-sets/import", "this is no zip"), "failed"); given(got.ErrorCode, "") != "IMPORT_INVALID" {
		t.Errorf("no zip: %+v", got)
	}
}

// A set says where it comes from, alone and in a list: as the file says it that it was imported from.
// What was captured here comes from nowhere else.
func TestAnImportedSetNamesItsOrigin(t *testing.T) {
	w := newWorld(t)
	captured, _, _ := w.manualSet(contoso)
	theirs, _, _ := w.manualSet(fabrikam)
	export := func(token string, of graph.TenantID, set runs.ID) string {
		return w.do(token, http.MethodGet, "/api/v1/tenants/"+string(of)+"/backup-sets/"+string(set)+"/export", "").body
	}
	brought := func(file string) string { return *w.ended(w.begun("backup-sets/import", file), "success").BackupSetID }
	name := "By hand"
	want := map[string]*SetOrigin{
		string(captured): nil,
		brought(export(token(runs.RoleOwner, contoso), contoso, captured)): {Imported: true, Tenant: text(contoso), Name: &name},
		brought(export(token(runs.RoleOwner, fabrikam), fabrikam, theirs)): {Imported: true, Tenant: text(fabrikam), Name: &name},
		brought(folderOf(t)): {Imported: true},
	}
	listed := map[string]*SetOrigin{}
	var list List[BackupSet]
	w.wants(200, http.MethodGet, "backup-sets", "", &list)
	for _, s := range list.Items {
		listed[s.ID] = s.Origin
		var one BackupSet
		w.wants(200, http.MethodGet, "backup-sets/"+s.ID, "", &one)
		if diff := cmp.Diff(want[s.ID], one.Origin); diff != "" {
			t.Errorf("set %s (-want +got):\n%s", s.ID, diff)
		}
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("the list (-want +got):\n%s", diff)
	}
}

// folderOf is a zip of one exported policy, which does not say of which tenant it is.
func folderOf(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("DeviceConfiguration/Kiosk.json")
	if err == nil {
		_, err = io.WriteString(f, `{"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "id": "6f0b4d3e-0000-4000-8000-000000000001", "displayName": "Kiosk"}`)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Who restores from another tenant is its owner and that of the target. Whoever has no
// business there leaves no line in that tenant's audit log.
func TestRestoringAcrossTenantsTakesTheOwnerOfBoth(t *testing.T) {
	w := newWorld(t)
	set, _, _ := w.manualSet(fabrikam)
	ask := func(token, source string) reply {
		return w.do(token, http.MethodPost, "/api/v1/tenants/contoso/backup-sets/"+string(set)+"/restore-previews", `{"source_tenant":"`+source+`"}`)
	}
	denied := func() int {
		var list List[AuditEntry]
		r := w.do(token(runs.RoleOwner, fabrikam), http.MethodGet, "/api/v1/tenants/fabrikam/audit?action=access.denied", "")
		w.decode(r, &list)
		return len(list.Items)
	}
	for name, c := range map[string]struct {
		token, source string
		status        int
	}{
		"owner of both":         {bothToken, "fabrikam", 202},
		"manager of both":       {"demo-manager-both", "fabrikam", 403},
		"owner of the target":   {token(runs.RoleOwner, contoso), "fabrikam", 403},
		"owner of the source":   {token(runs.RoleOwner, fabrikam), "fabrikam", 403},
		"a tenant of nobody":    {bothToken, "nowhere", 403},
		"the tenant of the set": {bothToken, "contoso", 403}, // the set is not there
	} {
		before := denied()
		if r := ask(c.token, c.source); r.status != c.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if denied() != before {
			t.Errorf("%s: a line in the log of the source", name)
		}
	}
}

// Naming the tenant of the path as the source says nothing new: it is the same preview.
func TestATenantIsItsOwnSource(t *testing.T) {
	w := newWorld(t)
	set, _, _ := w.manualSet(contoso)
	first := w.begun("backup-sets/"+string(set)+"/restore-previews", "")
	var again Run
	w.wants(200, http.MethodPost, "backup-sets/"+string(set)+"/restore-previews", `{"source_tenant":"contoso"}`, &again)
	if again.ID != first.ID {
		t.Error("another preview")
	}
}

// A file may be larger than other bodies, up to its own limit; who may not import is told so
// before it is read.
func TestLimitsOfAnImport(t *testing.T) {
	w := newWorld(t, func(cfg *Config) { cfg.MaxBody, cfg.MaxImport = 100, 5000 })
	for name, c := range map[string]struct {
		role   runs.Role
		path   string
		size   int
		status int
		code   string
	}{
		"larger than a body":    {runs.RoleManager, "backup-sets/import", 5000, 202, ""},
		"one byte too many":     {runs.RoleManager, "backup-sets/import", 5001, 413, "body_too_large"},
		"nothing":               {runs.RoleManager, "backup-sets/import", 0, 422, "invalid"},
		"by an operator":        {runs.RoleOperator, "backup-sets/import", 5001, 403, "forbidden"},
		"a name that is long":   {runs.RoleManager, "backup-sets/import?name=" + strings.Repeat("x", 201), 5001, 422, "invalid"},
		"as long as it may be":  {runs.RoleManager, "backup-sets/import?name=" + strings.Repeat("x", 200), 4000, 202, ""},
		"another route's limit": {runs.RoleManager, "backup-sets", 101, 413, "body_too_large"},
	} {
		if r := w.as(c.role, http.MethodPost, c.path, strings.Repeat("x", c.size)); r.status != c.status || r.code() != c.code {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	left, err := w.store.OldUploads(t.Context(), w.clock.Now().AddDate(1, 0, 0), "", 10)
	w.must(err)
	if len(left) != 2 {
		t.Errorf("%d files are kept, want those of the two imports", len(left))
	}
}

// What a tenant has waiting for its import is bounded: it lies in the database that all share.
func TestATenantCannotFillTheDatabaseWithFiles(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		if r := w.as(runs.RoleManager, http.MethodPost, "backup-sets/import", strings.Repeat("x", i+1)); r.status != 202 {
			t.Fatalf("file %d: %d %s", i, r.status, r.body)
		}
	}
	if r := w.as(runs.RoleManager, http.MethodPost, "backup-sets/import", "one more"); r.status != 409 || r.code() != "uploads_full" {
		t.Errorf("a file too many: %d %s", r.status, r.body)
	}
	left, err := w.store.OldUploads(t.Context(), w.clock.Now().AddDate(1, 0, 0), "", 10)
	w.must(err)
	if len(left) != 3 {
		t.Errorf("%d files are kept", len(left))
	}
	active, err := w.store.ListRuns(t.Context(), contoso, runs.RunFilter{Kinds: []runs.Kind{runs.KindSetImport}}, runs.Slice{Limit: 10})
	w.must(err)
	if len(active) != 3 {
		t.Errorf("%d imports were started", len(active))
	}
}

// Verifying tells a log that is whole, and one that does not go on from a head that was kept.
func TestVerifyingTheAuditLog(t *testing.T) {
	w := newWorld(t)
	w.schedule(contoso, "Nightly")
	var first, later AuditCheck
	w.wants(200, http.MethodPost, "audit/verify", "", &first)
	w.schedule(contoso, "Weekly")
	known := `{"known_head":{"seq":1,"hash":"` + given(first.Head.Hash, "") + `"}}`
	w.wants(200, http.MethodPost, "audit/verify", known, &later)
	if !later.Sound || later.Checked != 2 || later.Head.Seq != 2 || first.Head.Seq != 1 {
		t.Errorf("a whole log: %+v", later)
	}
	for body, want := range map[string]AuditBreak{
		`{"known_head":{"seq":1,"hash":"` + strings.Repeat("0a", 32) + `"}}`:            {1, "head"},
		`{"known_head":{"seq":9000000000,"hash":"` + given(first.Head.Hash, "") + `"}}`: {9000000000, "head"},
	} {
		var found AuditCheck
		w.wants(200, http.MethodPost, "audit/verify", body, &found)
		if found.Sound || !slices.Contains(found.Breaks, want) {
			t.Errorf("%s: %+v", body, found)
		}
	}
	var log List[AuditEntry]
	w.wants(200, http.MethodGet, "audit", "", &log)
	if log.Items[0].PrevHash == nil || *log.Items[0].PrevHash != *log.Items[1].Hash || log.Items[1].PrevHash != nil || *log.Items[0].Hash != *later.Head.Hash {
		t.Errorf("the chain as it is listed: %+v", log.Items)
	}
}

// The count of unread notifications is that of all of them, whatever the page shows.
func TestUnreadNotificationsAreCounted(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.begun("policies/sync", "")
		w.settle()
	}
	var list NotificationList
	w.wants(200, http.MethodGet, "notifications?limit=1", "", &list)
	before := list.UnreadCount
	if len(list.Items) != 1 || before != 3 { // one of each run
		t.Fatalf("%d items, %d unread", len(list.Items), before)
	}
	read := list.Items[0].ID
	w.wants(200, http.MethodPost, "notifications/"+read+"/read", "", nil)
	w.wants(200, http.MethodGet, "notifications?unread=true", "", &list)
	if list.UnreadCount != before-1 || len(list.Items) != before-1 || slices.ContainsFunc(list.Items, func(n Notification) bool { return n.ID == read }) {
		t.Errorf("after reading one: %+v", list)
	}
}

// Every type of the catalogue is listed, with what can be done with it.
func TestPolicyTypesAreTheCatalogue(t *testing.T) {
	w := newWorld(t)
	var list List[PolicyType]
	w.wants(200, http.MethodGet, "policy-types", "", &list)
	got := each(list.Items, func(p PolicyType) string { return p.Key + " " + p.Support })
	want := each(graph.Catalog.All(), func(i graph.TypeInfo) string { return string(i.Key) + " " + string(i.Support) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
