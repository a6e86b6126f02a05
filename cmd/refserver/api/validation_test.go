package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// What is left out of a new schedule takes the documented defaults.
func TestDefaultsOfASchedule(t *testing.T) {
	w := newWorld(t)
	var s SavedSchedule
	w.wants(201, http.MethodPost, "schedules", scheduleJSON, &s)
	got := fmt.Sprint(s.Enabled, " ", s.Timezone, " ", s.IncludeFoundations, " ", s.RetentionKeepLast)
	if want := "true UTC true 30"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	w.wants(201, http.MethodPost, "schedules", strings.Replace(scheduleJSON, "{", `{"enabled":false,"include_foundations":false,"retention_keep_last":1,`, 1), &s)
	if s.Enabled || s.IncludeFoundations || s.RetentionKeepLast != 1 || s.NextRunAt != nil {
		t.Errorf("what was said is not kept: %+v", s)
	}
}

// A patch changes what it names, to the zero value too, and nothing else.
func TestPatchChangesWhatItNames(t *testing.T) {
	w := newWorld(t)
	var before, after SavedSchedule
	w.wants(201, http.MethodPost, "schedules", `{"name":"Weekly","frequency":"weekly","time_of_day":"02:30","days_of_week":[1,2],
		"timezone":"Europe/Berlin","policy_types":["deviceCompliancePolicy"],"retention_keep_last":5}`, &before)
	w.clock.Add(1000)
	w.wants(200, http.MethodPatch, "schedules/"+before.ID, `{"enabled":false,"frequency":"daily"}`, &after)
	want := before
	want.Enabled, want.Frequency, want.DaysOfWeek, want.NextRunAt = false, "daily", []int{}, nil
	want.Warnings, want.UpdatedAt = after.Warnings, after.UpdatedAt
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
}

// A patch that was decided on an older schedule is 409, and the updated_at of a schedule is what
// if_updated_at takes, to the letter, whatever the clock shows.
func TestPatchOfAnOlderScheduleIsRefused(t *testing.T) {
	w := newWorld(t)
	id := string(w.schedule(contoso, "Nightly"))
	path := "schedules/" + id
	w.clock.Add(1234567 * time.Microsecond)
	patch := func(field, updatedAt string) string { return `{` + field + `,"if_updated_at":"` + updatedAt + `"}` }
	updatedAt := func() (text string) {
		var raw map[string]any
		w.wants(200, http.MethodGet, path, "", &raw)
		text, _ = raw["updated_at"].(string)
		return text
	}
	first := updatedAt()
	w.backup(contoso, runs.ID(id)) // which is no change
	var saved SavedSchedule
	w.wants(200, http.MethodPatch, path, patch(`"time_of_day":"03:00"`, first), &saved)
	second := updatedAt()
	if second == first || second != saved.UpdatedAt.Format(time.RFC3339Nano) {
		t.Errorf("changed at %s after %s, answered with %s", second, first, saved.UpdatedAt)
	}
	for _, older := range []string{first, "2026-01-01T00:00:00Z"} {
		if r := w.as(runs.RoleOwner, http.MethodPatch, path, patch(`"time_of_day":"02:30","retention_keep_last":1`, older)); r.status != http.StatusConflict || r.code() != "schedule_changed" {
			t.Errorf("decided on %s: %d %s", older, r.status, r.body)
		}
	}
	var now Schedule
	w.wants(200, http.MethodGet, path, "", &now)
	if now.TimeOfDay != "03:00" || now.RetentionKeepLast == 1 {
		t.Errorf("what was refused was saved: %+v", now)
	}
	zone := saved.UpdatedAt.In(time.FixedZone("", 2*60*60)).Format(time.RFC3339Nano)
	w.wants(200, http.MethodPatch, path, patch(`"time_of_day":"04:00"`, zone), nil)
	w.wants(200, http.MethodPatch, path, `{"time_of_day":"05:00"}`, nil) // without a condition, in any case
}

// Bodies that are wrong are 422 and name every field, by codes that do not change.
func TestInvalidBodies(t *testing.T) {
	w := newWorld(t)
	id := string(w.schedule(contoso, "Nightly"))
	set := string(w.backup(contoso, runs.ID(id)).BackupSetID)
	manual, _, firstItem := w.manualSet(contoso)
	hand := string(manual)
	items, err := w.store.ListSetItems(t.Context(), contoso, runs.ID(set), backupset.SetItemFilter{}, runs.Slice{Limit: 1})
	w.must(err)
	item := string(items[0].ID)
	preview := string(w.preview(contoso, manual, `{"item_ids":["`+string(firstItem)+`"],"options":{"access_state":"original"}}`))
	valid := func(old, new string) string { return strings.Replace(scheduleJSON, old, new, 1) }
	for _, c := range []struct {
		name, method, path, body string
		want                     []string
	}{
		{"no body", "POST", "schedules", "", []string{"body body_required"}},
		{"not JSON", "POST", "schedules", `{"name"`, []string{"body body_invalid"}},
		{"not UTF-8", "POST", "schedules", valid("Nightly", "\xff"), []string{"body body_invalid"}},
		{"two values", "POST", "schedules", scheduleJSON + "{}", []string{"body body_invalid"}},
		{"not an object", "POST", "schedules", `[]`, []string{"body type_mismatch"}},
		{"null", "POST", "schedules", `null`, []string{"body type_mismatch"}},
		{"an unknown field", "POST", "schedules", valid("{", `{"nme":"x",`), []string{"nme field_unknown"}},
		{"a field in another case", "POST", "schedules", valid(`"name"`, `"Name"`), []string{"(unknown) field_unknown"}},
		{"a repeated field", "POST", "schedules", valid("{", `{"name":"x",`), []string{"name field_repeated"}},
		{"other types", "POST", "schedules", `{"name":1,"enabled":"true","timezone":null,"frequency":[],"time_of_day":{},
			"days_of_week":["1"],"policy_types":"x","retention_keep_last":1.5}`, []string{
			"name type_mismatch", "enabled type_mismatch", "timezone type_mismatch", "frequency type_mismatch", "time_of_day type_mismatch",
			"days_of_week[0] type_mismatch", "policy_types type_mismatch", "retention_keep_last type_mismatch"}},
		{"a number too large", "POST", "schedules", valid("{", `{"retention_keep_last":99999999999999999999,`), []string{"retention_keep_last type_mismatch"}},
		{"nested too deep", "POST", "schedules", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), []string{"body body_too_deep"}},
		{"nothing said", "POST", "schedules", `{}`, []string{
			"name name_required", "frequency frequency_invalid", "time_of_day time_of_day_invalid", "policy_types policy_types_required"}},
		{"an explicit empty timezone", "POST", "schedules", valid("{", `{"timezone":"",`), []string{"timezone timezone_required"}},
		{"a zone of the machine", "POST", "schedules", valid("{", `{"timezone":"Local",`), []string{"timezone timezone_unknown"}},
		{"keeping nothing", "POST", "schedules", valid("{", `{"retention_keep_last":0,`), []string{"retention_keep_last retention_keep_last_range"}},
		{"unknown and doubled types", "POST", "schedules", valid(`["device`, `["nope","deviceCompliancePolicy","device`), []string{
			"policy_types[0] policy_type_unknown", "policy_types[2] policy_type_duplicate"}},
		{"a patch to nothing", "PATCH", "schedules/" + id, `{"name":" ","policy_types":[]}`, []string{"name name_required", "policy_types policy_types_required"}},
		{"a condition that is no time", "PATCH", "schedules/" + id, `{"name":"x","if_updated_at":"yesterday"}`, []string{"if_updated_at if_updated_at_invalid"}},
		{"a condition without a value", "PATCH", "schedules/" + id, `{"if_updated_at":""}`, []string{"if_updated_at if_updated_at_invalid"}},
		{"a condition that is never true", "PATCH", "schedules/" + id, `{"if_updated_at":"0001-01-01T00:00:00Z"}`, []string{"if_updated_at if_updated_at_invalid"}},
		{"a condition of another type", "PATCH", "schedules/" + id, `{"if_updated_at":1767528000}`, []string{"if_updated_at type_mismatch"}},
		{"a preview of too much", "POST", "schedules/preview", `{"frequency":"daily","time_of_day":"02:30","count":51}`, []string{"count count_range"}},
		{"a preview of nothing", "POST", "schedules/preview", `{"frequency":"daily","time_of_day":"02:30","timezone":""}`, []string{"timezone timezone_required"}},
		{"a plan that keeps nothing", "POST", "schedules/" + id + "/retention-plan", `{"retention_keep_last":0}`, []string{"retention_keep_last retention_keep_last_range"}},
		{"an unknown bulk action", "POST", "schedules/bulk", `{"action":"explode","ids":["` + id + `"]}`, []string{"action action_unknown"}},
		{"no ids", "POST", "schedules/bulk", `{"action":"enable","ids":[]}`, []string{"ids ids_count"}},
		{"201 ids", "POST", "schedules/bulk", `{"action":"enable","ids":["x"` + strings.Repeat(`,"x"`, 200) + `]}`, []string{"ids ids_count"}},
		{"an id twice", "POST", "schedules/bulk", `{"action":"enable","ids":["` + id + `","` + id + `"]}`, []string{"ids[1] ids_duplicate"}},
		{"no UUID", "POST", "schedules/bulk", `{"action":"enable","ids":["` + id + `","x"]}`, []string{"ids[1] id_invalid"}},
		{"a hold for nothing", "PUT", "backup-sets/" + set + "/hold", `{}`, []string{"name required", "reason required"}},
		{"a release of nothing", "DELETE", "backup-sets/" + set + "/hold", ``, []string{"name required"}},
		{"a sync of what there is not", "POST", "policies/sync", `{"policy_types":["nope"]}`, []string{"policy_types[0] policy_type_unknown"}},
		{"a set of nothing", "POST", "backup-sets", `{"name":"x"}`, []string{"policy_types selection_ambiguous"}},
		{"a set of two things", "POST", "backup-sets", `{"name":"x","everything":true,"policy_types":["deviceConfiguration"]}`, []string{"policy_types selection_ambiguous"}},
		{"a set without a name", "POST", "backup-sets", `{"everything":true}`, []string{"name name_required"}},
		{"a set with a blank name", "POST", "backup-sets", `{"name":" \u00a0","everything":true}`, []string{"name name_required"}},
		{"a set with a name that no database takes", "POST", "backup-sets", `{"name":"a\u0000b","everything":true}`, []string{"name name_invalid"}},
		{"a set with a long name", "POST", "backup-sets", `{"everything":true,"name":"` + strings.Repeat("x", 201) + `"}`, []string{"name name_length"}},
		{"a set of unknown types", "POST", "backup-sets", `{"name":"x","policy_types":["nope"]}`, []string{"policy_types[0] policy_type_unknown"}},
		{"an addition of nothing", "POST", "backup-sets/" + hand + "/policies", `{}`, []string{"policy_ids policies_count"}},
		{"unknown options", "POST", "backup-sets/" + set + "/restore-previews", `{"options":{"existing":"x","assignments":"x","access_state":"x","copy_suffix":"x"}}`, []string{
			"options.existing existing_unknown", "options.assignments assignments_unknown", "options.access_state access_state_unknown", "options.copy_suffix copy_suffix_unused"}},
		{"an unknown option", "POST", "backup-sets/" + set + "/restore-previews", `{"options":{"force":true}}`, []string{"options.force field_unknown"}},
		{"options that are none", "POST", "backup-sets/" + set + "/restore-previews", `{"options":"skip"}`, []string{"options type_mismatch"}},
		{"items twice", "POST", "backup-sets/" + set + "/restore-previews", `{"item_ids":["` + item + `","` + item + `"]}`, []string{"item_ids[1] ids_duplicate"}},
		{"no items", "POST", "backup-sets/" + set + "/drift", `{"item_ids":["x","` + noSuchID + `"]}`, []string{"item_ids[0] id_invalid", "item_ids[1] item_unknown"}},
		{"a restore of nothing", "POST", "restores", `{}`, []string{"preview_run_id id_invalid"}},
		{"a restore without a reason", "POST", "restores", `{"preview_run_id":"` + preview + `","reason":" ","confirm":true}`, []string{"reason reason_length"}},
		{"what must be confirmed", "POST", "restores", `{"preview_run_id":"` + preview + `","reason":"x"}`, []string{"confirm confirm_required"}},
		{"no hash", "POST", "audit/verify", `{"known_head":{"seq":-1,"hash":"xyz"}}`, []string{"known_head.seq negative", "known_head.hash hash_invalid"}},
		{"a number that no log reaches", "POST", "audit/verify", `{"known_head":{"seq":9223372036854775808}}`, []string{"known_head.seq type_mismatch"}},
		{"a body for a route without", "POST", "schedules/" + id + "/run", `{"force":true}`, []string{"force field_unknown"}},
		{"a confirmation in the body of a DELETE", "DELETE", "schedules/" + id, `{"confirm_plan":"x"}`, []string{"confirm_plan field_unknown"}},
	} {
		r := w.as(runs.RoleOwner, c.method, c.path, c.body)
		if diff := cmp.Diff(c.want, r.fields()); r.status != http.StatusUnprocessableEntity || diff != "" {
			t.Errorf("%s: %d (-want +got)\n%s", c.name, r.status, diff)
		}
	}
}

// Query parameters that are wrong are 422 and named.
func TestInvalidQueries(t *testing.T) {
	w := newWorld(t)
	id := string(w.schedule(contoso, "Nightly"))
	set := string(w.backup(contoso, runs.ID(id)).BackupSetID)
	for _, c := range []struct{ path, want string }{
		{"schedules?limit=0", "limit limit_range"},
		{"schedules?limit=201", "limit limit_range"},
		{"schedules?limit=many", "limit limit_range"},
		{"schedules?limit=1&limit=2", "limit parameter_repeated"},
		{"schedules?cursor=nonsense", "cursor cursor_invalid"},
		{"schedules?enabled=yes", "enabled enabled_invalid"},
		{"schedules?status=done", "status status_unknown"},
		{"schedules?sort=timezone", "sort sort_unknown"},
		{"schedules?order=name", "order parameter_unknown"},
		{"schedules?search=%00", "search parameter_invalid"},
		{"schedules?search=%zz", "query query_invalid"},
		{"runs?status=queued&status=done", "status status_unknown"},
		{"runs?kind=restore", "kind kind_unknown"},
		{"runs?trigger=cron", "trigger trigger_unknown"},
		{"runs?except_success_of=restore", "except_success_of except_success_of_unknown"},
		{"runs?from=yesterday", "from from_invalid"},
		{"runs?to=2026-03-29", "to to_invalid"},
		{"runs?from=2026-03-29T01:00:00Z&to=2026-03-29T02:59:59%2B02:00", "to to_invalid"},
		{"runs?schedule=" + id, "schedule parameter_unknown"},
		{"runs/active?limit=0", "limit limit_range"},
		{"policies?gone=maybe", "gone gone_invalid"},
		{"backup-sets?status=success", "status status_unknown"},
		{"backup-sets?deleted=1", "deleted deleted_invalid"},
		{"backup-sets/" + set + "/compare", "with with_required"},
		{"backup-sets/" + set + "/items?limit=-1", "limit limit_range"},
		{"notifications?unread=x", "unread unread_invalid"},
		{"audit?limit=1000", "limit limit_range"},
		{"audit?from=2026-02-31T00:00:00Z", "from from_invalid"},
		{"audit?to=today", "to to_invalid"},
		{"audit?from=2026-03-29T01:00:00Z&to=2026-03-29T00:59:59Z", "to to_invalid"},
		{"audit?until=2026-03-29T00:00:00Z", "until parameter_unknown"},
		{"audit?actor=a&actor=b", "actor parameter_repeated"},
		{"backup-sets/" + set + "/export?secrets=yes", "secrets secrets_invalid"},
		{"backup-sets/" + set + "/export?portal=1", "portal portal_invalid"},
		{"restore-previews/" + noSuchID + "/items?action=made", "action action_unknown"},
		{"policy-types?limit=1", "limit parameter_unknown"},
	} {
		r := w.as(runs.RoleOwner, http.MethodGet, c.path, "")
		if diff := cmp.Diff([]string{c.want}, r.fields()); r.status != http.StatusUnprocessableEntity || diff != "" {
			t.Errorf("%s: %d (-want +got)\n%s", c.path, r.status, diff)
		}
	}
	if r := w.as(runs.RoleOwner, http.MethodGet, "schedules?search=&limit=&cursor=&enabled=&status=", ""); r.status != http.StatusOK {
		t.Errorf("empty parameters: %d %s", r.status, r.body)
	}
}

// Filters select what they say.
func TestFilters(t *testing.T) {
	w := newWorld(t)
	id := string(w.schedule(contoso, "Nightly"))
	other := string(w.schedule(contoso, "Weekend"))
	run := w.backup(contoso, runs.ID(id))
	w.wants(200, http.MethodPost, "schedules/bulk", `{"action":"disable","ids":["`+other+`"]}`, nil)
	w.wants(202, http.MethodPost, "schedules/"+other+"/run", "", nil)
	for _, c := range []struct {
		path string
		want int
	}{
		{"schedules", 2}, {"schedules?search=NIGHT", 1}, {"schedules?enabled=true", 1}, {"schedules?enabled=false", 1}, {"schedules?status=success", 1},
		{"runs", 2}, {"runs?status=success", 1}, {"runs?status=success&status=queued", 2}, {"runs?kind=policy.sync", 0}, {"runs?trigger=schedule", 0},
		{"runs?except_success_of=backup", 1}, {"runs?except_success_of=retention.apply&except_success_of=policy.sync", 2},
		{"runs?schedule_id=" + id, 1}, {"runs?from=2026-03-02T09:01:00Z", 1}, {"runs?to=2026-03-02T10:00:00%2B01:00", 0}, {"runs/active", 1},
		{"runs/" + string(run.ID) + "/items?status=success", 2}, {"runs/" + string(run.ID) + "/items?status=failed", 0},
		{"runs/" + string(run.ID) + "/items?policy_type=deviceConfiguration", 1},
		{"policies", 2}, {"policies?policy_type=deviceConfiguration", 1}, {"policies?gone=true", 0}, {"policies?gone=false", 2}, {"policies?search=zzz", 0},
		{"backup-sets", 1}, {"backup-sets?status=partial", 0}, {"backup-sets?deleted=true", 0}, {"backup-sets?schedule_id=" + other, 0},
		{"backup-sets/" + string(run.BackupSetID) + "/items?policy_type=deviceConfiguration", 1},
		{"audit?action=schedule.created", 2}, {"audit?action=schedule.disabled&action=schedule.created", 3}, {"audit?action=run.finished&run_id=" + string(run.ID), 1},
		{"audit?action=run.finished&actor=system", 1}, {"audit?action=schedule.created&actor=system", 0}, {"audit?action=schedule.created&actor=" + owner(contoso).ID, 2},
		{"audit?actor=nobody", 0}, {"audit?from=2026-03-02T09:00:00Z&to=2026-03-02T09:00:00Z", 0}, {"audit?from=2026-03-03T00:00:00Z", 0}, {"audit?action=schedule.created&from=2026-03-02T09:00:00Z", 2}, {"audit?to=2026-03-02T10:00:00%2B01:00", 0},
	} {
		var list List[map[string]any]
		w.wants(200, http.MethodGet, c.path, "", &list)
		if len(list.Items) != c.want {
			t.Errorf("%s: %d items, want %d", c.path, len(list.Items), c.want)
		}
	}
}

// page is a page of anything. Notifications count the unread ones, too.
type page struct {
	List[map[string]any]
	UnreadCount int `json:"unread_count"`
}

// Following next_cursor shows every item once, in the order of one long page.
func TestPagesShowEverythingOnce(t *testing.T) {
	w := newWorld(t)
	for i := range 7 {
		id := w.schedule(contoso, fmt.Sprintf("Plan %d", i/2)) // names repeat
		if i < 3 {
			w.backup(contoso, id)
		}
	}
	for _, path := range []string{"schedules", "runs", "backup-sets", "policies", "notifications", "audit"} {
		var whole page
		w.wants(200, http.MethodGet, path+"?limit=200", "", &whole)
		var walked []map[string]any
		cursor := ""
		for range 200 {
			var next page
			w.wants(200, http.MethodGet, path+"?limit=2&cursor="+cursor, "", &next)
			walked = append(walked, next.Items...)
			if next.NextCursor == nil {
				break
			}
			cursor = *next.NextCursor
		}
		if diff := cmp.Diff(whole.Items, walked); diff != "" || len(walked) < 2 {
			t.Errorf("%s (-one page +walked):\n%s", path, diff)
		}
	}
}

// Starting what is active already answers 200 with the active run; once that has ended it
// is 202 with another one.
func TestStartingTwiceIsOneRun(t *testing.T) {
	w := newWorld(t)
	id := string(w.schedule(contoso, "Nightly"))
	for _, path := range []string{"schedules/" + id + "/run", "policies/sync", "schedules/" + id + "/retention-plan/confirm"} {
		body := ""
		if strings.HasSuffix(path, "confirm") {
			body = `{"confirm_plan":""}`
		}
		var first, again, next Run
		w.wants(202, http.MethodPost, path, body, &first)
		w.wants(200, http.MethodPost, path, body, &again)
		if first.ID != again.ID {
			t.Errorf("%s: another run", path)
		}
		w.settle()
		w.wants(202, http.MethodPost, path, body, &next)
		if first.ID == next.ID {
			t.Errorf("%s: a finished run", path)
		}
		w.settle()
	}
}

// A policy that is in this set and not in the one named by with was added.
func TestCompareLooksFromWithToThis(t *testing.T) {
	w := newWorld(t)
	id := w.schedule(contoso, "Nightly")
	before := w.backup(contoso, id)
	p, err := w.graph.Add(contoso, capturedTypes[0])
	w.must(err)
	after := w.backup(contoso, id)
	var there, back Comparison
	w.wants(200, http.MethodGet, "backup-sets/"+string(after.BackupSetID)+"/compare?with="+string(before.BackupSetID), "", &there)
	w.wants(200, http.MethodGet, "backup-sets/"+string(before.BackupSetID)+"/compare?with="+string(after.BackupSetID), "", &back)
	if len(there.Added) != 1 || there.Added[0].ExternalID != p.ID || len(there.Removed) != 0 {
		t.Errorf("to the newer set: %+v", there)
	}
	if diff := cmp.Diff(there.Added, back.Removed); diff != "" || len(back.Added) != 0 {
		t.Errorf("the other way round: %s", diff)
	}
	w.must(w.graph.Inject(graphtest.Fault{Op: graphtest.OpList, Type: capturedTypes[0], Times: -1, Err: &graph.Error{Kind: graph.KindForbidden}}))
	broken := string(w.backup(contoso, id).BackupSetID)
	var unsure Comparison
	w.wants(200, http.MethodGet, "backup-sets/"+broken+"/compare?with="+string(after.BackupSetID), "", &unsure)
	n := len(unsure.Uncertain)
	want := []ComparisonGap{{BackupSetID: broken, PolicyType: string(capturedTypes[0]), Reason: "forbidden", Policies: n}}
	if diff := cmp.Diff(want, unsure.Gaps); diff != "" || n == 0 || unsure.Uncertain[0].MissingFrom != broken || unsure.Uncertain[0].ID == "" {
		t.Errorf("a set that was refused a type: %s\n%+v", diff, unsure.Uncertain)
	}
}

// Lowering retention_keep_last needs the token of the plan that says what would go.
func TestLoweringRetentionNeedsThePlan(t *testing.T) {
	w := newWorld(t)
	id := string(w.schedule(contoso, "Nightly"))
	for range 3 {
		w.backup(contoso, runs.ID(id))
	}
	patch := func(token string) reply {
		return w.as(runs.RoleOwner, http.MethodPatch, "schedules/"+id, `{"retention_keep_last":1,"confirm_plan":"`+token+`"}`)
	}
	if r := patch(""); r.status != 409 || r.code() != "confirm_plan_required" {
		t.Errorf("without a token: %d %s", r.status, r.code())
	}
	if r := patch("0123"); r.status != 409 || r.code() != "confirm_plan_stale" {
		t.Errorf("with another token: %d %s", r.status, r.code())
	}
	var p RetentionPlan
	w.wants(200, http.MethodPost, "schedules/"+id+"/retention-plan", `{"retention_keep_last":1}`, &p)
	if p.Dropped != 2 || p.Kept != 1 || p.ConfirmPlan == nil {
		t.Fatalf("the plan: %+v", p)
	}
	if r := patch(*p.ConfirmPlan); r.status != 200 {
		t.Errorf("with its token: %d %s", r.status, r.body)
	}
	w.wants(200, http.MethodPost, "schedules/"+id+"/retention-plan", `{"delete":true}`, &p)
	if p.Dropped != 0 || !p.Delete || p.ConfirmPlan != nil {
		t.Errorf("the plan of deleting: %+v", p)
	}
	w.wants(204, http.MethodDelete, "schedules/"+id+"?confirm_plan=", "", nil)
}

// A list comes in the order that was asked for, also over its pages.
func TestSchedulesComeInTheOrderThatWasAskedFor(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{
		`{"name":"b late","frequency":"daily","time_of_day":"23:00","policy_types":["deviceCompliancePolicy"]}`,
		`{"name":"A off","enabled":false,"frequency":"daily","time_of_day":"10:00","policy_types":["deviceCompliancePolicy"]}`,
		`{"name":"c soon","frequency":"daily","time_of_day":"10:00","policy_types":["deviceCompliancePolicy"]}`,
	} {
		w.wants(201, http.MethodPost, "schedules", body, nil)
	}
	for sort, want := range map[string]string{
		"": "A off, b late, c soon", "name": "A off, b late, c soon", "-name": "c soon, b late, A off",
		"next_run_at": "c soon, b late, A off", "-next_run_at": "A off, b late, c soon",
	} {
		var names []string
		for cursor := ""; ; {
			var list List[Schedule]
			w.wants(200, http.MethodGet, "schedules?limit=1&sort="+sort+"&cursor="+cursor, "", &list)
			for _, s := range list.Items {
				names = append(names, s.Name)
			}
			if list.NextCursor == nil {
				break
			}
			cursor = *list.NextCursor
		}
		if got := strings.Join(names, ", "); got != want {
			t.Errorf("sort=%s: got %s, want %s", sort, got, want)
		}
	}
	var byName List[Schedule]
	w.wants(200, http.MethodGet, "schedules?limit=1", "", &byName)
	w.wants(422, http.MethodGet, "schedules?sort=next_run_at&cursor="+*byName.NextCursor, "", nil)
}
