package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
)

// gates says which action each route asks for before it looks at anything of the request. The
// services ask again, and some ask for more, once they know the object.
func gates() map[string]runs.Action {
	const look = runs.ActionLook
	backup, preview := runs.StartAction(runs.KindBackup), runs.StartAction(runs.KindRestorePreview)
	create, add, imported := runs.StartAction(runs.KindSetCreate), runs.StartAction(runs.KindSetAdd), runs.StartAction(runs.KindSetImport)
	return map[string]runs.Action{
		"GET schedules": look, "GET schedules/preview": look, "GET schedules/{id}": look, "GET schedules/{id}/retention": look,
		"GET schedules/new": runs.ActionScheduleCreate, "POST schedules/new": runs.ActionScheduleCreate,
		"GET schedules/{id}/edit": runs.ActionScheduleUpdate, "POST schedules/{id}/edit": runs.ActionScheduleUpdate,
		"GET schedules/{id}/delete": runs.ActionScheduleDelete, "POST schedules/{id}/delete": runs.ActionScheduleDelete,
		"POST schedules/{id}/enable": runs.ActionScheduleEnable, "POST schedules/{id}/disable": runs.ActionScheduleDisable,
		"POST schedules/{id}/run": backup, "POST schedules/{id}/retry": backup, "POST schedules/{id}/retention": runs.ActionRetentionConfirm,
		"GET schedules/bulk": look, "POST schedules/bulk": look, // and for the action that was chosen

		"GET runs": look, "GET runs/{id}": look, "GET live": look,
		"POST runs/{id}/cancel": look, "POST runs/{id}/retry": look, // and for what the run's kind and starter make it

		"GET sets": look, "GET sets/{id}": look, "GET sets/{id}/items/{item}": look, "GET sets/{id}/items/{item}/json": look, "GET sets/{id}/compare": look,
		"GET sets/new": create, "POST sets/new": create, "GET sets/import": imported, "POST sets/import": imported,
		"GET sets/{id}/add": add, "POST sets/{id}/add": add, "GET sets/{id}/delete": runs.ActionSetDelete, "POST sets/{id}/delete": runs.ActionSetDelete,
		"GET sets/{id}/purge": runs.ActionSetPurge, "POST sets/{id}/purge": runs.ActionSetPurge,
		"POST sets/{id}/verify": runs.StartAction(runs.KindSetVerify), "POST sets/{id}/drift": runs.StartAction(runs.KindDriftReport),
		"POST sets/{id}/hold": runs.ActionSetHold, "POST sets/{id}/release": runs.ActionSetRelease,
		"POST sets/{id}/undelete": runs.ActionSetUndelete, "POST sets/{id}/export": runs.ActionSetExport,

		"GET policies": look, "GET policies/{id}": look, "GET policies/{id}/versions/{version}": look,
		"GET policies/{id}/versions/{version}/json": look, "GET policies/{id}/versions/{version}/diff": look,
		"POST policies/refresh": runs.StartAction(runs.KindPolicySync), "POST policies/{id}/capture": runs.StartAction(runs.KindSnapshot),
		"POST policies/{id}/add": add,

		"GET drift/{id}": look, "GET drift/{id}/restore": preview, "GET restore": look, "GET restore/items": preview, "GET restore/options": preview, "POST restore/previews": preview,
		"GET restore/previews/{id}": look, "POST restore/previews/{id}/again": preview, "POST restore": runs.StartAction(runs.KindRestoreExecute),

		"GET notifications": look, "POST notifications/read": look, "POST notifications/{id}/open": look,
		"GET audit": look, "POST audit/verify": look, "GET settings": look, "POST settings/zone": look, "GET permissions": look,
	}
}

// Every route is asked by every role with ids that nobody has. Whoever lacks the action of the
// table gets 403 and a line in the audit log; for all others, and by every GET, no line is written,
// so nothing has changed. A route that is not in the table fails.
func TestEveryRouteAsksForItsAction(t *testing.T) {
	w := newWorld(t, nil)
	known := gates()
	written := func() int64 {
		page := must(w.cfg.Starter.Audit(t.Context(), tenant, owner, runs.AuditFilter{}, runs.PageRequest{Limit: 1}))(t)
		if len(page.Items) == 0 {
			return 0
		}
		return page.Items[0].Seq
	}
	const in = "/backups/{tenant}/"
	for _, pattern := range w.pages.Patterns() {
		method, path, _ := strings.Cut(pattern, " ")
		if !strings.HasPrefix(path, in) {
			continue
		}
		key := method + " " + strings.TrimPrefix(path, in)
		action, ok := known[key]
		delete(known, key)
		if !ok {
			t.Errorf("%s is not in the table", key)
			continue
		}
		const nobodys = "01a00000-0000-7000-8000-000000000000"
		below := strings.NewReplacer("{id}", nobodys, "{item}", nobodys, "{version}", nobodys).Replace(strings.TrimPrefix(path, in))
		for _, who := range []runs.Actor{owner, manager, operator, readonly} {
			before := written()
			allowed := must(w.cfg.Starter.Guard().May(t.Context(), tenant, who, action))(t)
			got := w.do(who, method, tenantPath()+"/"+below, url.Values{})
			lines := written() - before
			switch {
			case !allowed && (got.StatusCode != http.StatusForbidden || lines != 1):
				t.Errorf("%s by the %s: %s, %d lines in the audit log", key, who.ID, got.Status, lines)
			case allowed && method == http.MethodGet && lines != 0:
				t.Errorf("%s by the %s writes %d lines", key, who.ID, lines)
			case allowed && lines > 0 && key != "POST policies/refresh": // which needs nothing said
				t.Errorf("%s by the %s, who may: %s, %d lines in the audit log", key, who.ID, got.Status, lines)
			}
		}
		if got := w.do(owner, method, "/backups/fabrikam/"+below, url.Values{}); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s in another tenant: %s", key, got.Status)
		}
		if got := w.do(stranger, method, tenantPath()+"/"+below, url.Values{}); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s by a stranger: %s", key, got.Status)
		}
		if got := w.do(nobody, method, tenantPath()+"/"+below, url.Values{}); got.StatusCode != http.StatusSeeOther && method == http.MethodGet || got.StatusCode != http.StatusUnauthorized && method == http.MethodPost {
			t.Errorf("%s by nobody: %s", key, got.Status)
		}
	}
	for key := range known {
		t.Errorf("%s is in the table, and there is no such route", key)
	}
}
