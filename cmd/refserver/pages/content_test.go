package pages_test

import (
	"database/sql"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

// content is everything that a world holds: each row of each table, and the jobs.
func (w *world) content() []string {
	w.t.Helper()
	var lines []string
	for _, table := range w.query("SELECT name FROM sqlite_master WHERE type = 'table'") {
		columns := w.query("SELECT name FROM pragma_table_info('" + table + "')")
		for _, row := range w.query(`SELECT quote("` + strings.Join(columns, `") || ',' || quote("`) + `") FROM "` + table + `"`) {
			lines = append(lines, table+": "+row)
		}
	}
	w.queue.mu.Lock()
	defer w.queue.mu.Unlock()
	for _, job := range w.queue.jobs {
		lines = append(lines, "a job: "+string(job.RunID))
	}
	slices.Sort(lines)
	return lines
}

// query reads the first column of what the store's file has.
func (w *world) query(q string) (list []string) {
	w.t.Helper()
	if w.raw == nil {
		w.raw = must(sql.Open("sqlite", "file:"+w.file))(w.t) // the store's own driver
		w.t.Cleanup(func() { check(w.t, w.raw.Close()) })
	}
	rows := must(w.raw.QueryContext(w.t.Context(), q))(w.t)
	defer rows.Close()
	for rows.Next() {
		var s string
		check(w.t, rows.Scan(&s))
		list = append(list, s)
	}
	check(w.t, rows.Err())
	return list
}

// unchanged fails unless a world holds what it held before.
func (w *world) unchanged(before []string, what string) {
	w.t.Helper()
	after := w.content()
	if diff := cmp.Diff(before, after); diff != "" {
		w.t.Fatalf("%s: something has changed (-before, +after)\n%.2000s", what, diff)
	}
}

// idsOf are ids as addresses have them, of a query whose first column is "id".
func (w *world) idsOf(from string) (ids []string) {
	w.t.Helper()
	for _, hex := range w.query("SELECT lower(hex(id)) FROM " + from) {
		ids = append(ids, strings.Join([]string{hex[:8], hex[8:12], hex[12:16], hex[16:20], hex[20:]}, "-"))
	}
	return ids
}

// oneOfEach are the ids of a world with something of everything that are as different as they get.
func (w *world) oneOfEach() map[string][]string {
	w.t.Helper()
	policies := "(SELECT p.id FROM tb_policies p LEFT JOIN tb_policy_versions v ON v.policy_id = p.id GROUP BY p.id ORDER BY count(v.id) DESC LIMIT 3)"
	return map[string][]string{
		"schedules": w.idsOf("tb_schedules"), "sets": w.idsOf("tb_backup_sets"), "policies": w.idsOf(policies),
		"runs":          w.idsOf("(SELECT min(id) AS id FROM tb_runs GROUP BY kind, status)"),
		"drift":         w.idsOf("tb_runs WHERE kind = 'drift.report'"),
		"restore":       w.idsOf("tb_runs WHERE kind = 'restore.preview'"),
		"notifications": w.idsOf("tb_notifications WHERE read_at IS NULL LIMIT 2"),
	}
}

// addresses are those of a route, which begins below a tenant, for all ids of an area.
func (w *world) addresses(below string, ids map[string][]string) (list []string) {
	w.t.Helper()
	area, _, _ := strings.Cut(below, "/")
	if !strings.Contains(below, "{id}") {
		return []string{below}
	}
	if len(ids[area]) == 0 {
		w.t.Fatalf("there is no id for %s", below)
	}
	for _, id := range ids[area] {
		at := strings.Replace(below, "{id}", id, 1)
		hex := "x'" + strings.ReplaceAll(id, "-", "") + "'"
		inner := []string{""}
		switch {
		case strings.Contains(at, "{item}"):
			inner = w.idsOf("tb_backup_items WHERE set_id = " + hex + " LIMIT 1")
		case strings.Contains(at, "{version}"):
			inner = w.idsOf("tb_policy_versions WHERE policy_id = " + hex)
		}
		for _, in := range inner {
			list = append(list, strings.NewReplacer("{item}", in, "{version}", in).Replace(at))
		}
	}
	return list
}

// below is the path of a pattern within a tenant, of routes of a method.
func below(pattern, method string) (path string, ok bool) {
	return strings.CutPrefix(pattern, method+" /backups/{tenant}/")
}

// What is only looked at stays as it is: every page is asked for everything that there is and every
// link is followed, and no row of the store and no job is another one afterwards.
func TestNoGETChangesAnything(t *testing.T) {
	testenv.SlowUnderRace(t)
	w, entrances := filled(t)
	ids := w.oneOfEach()
	before := w.content()
	for _, pattern := range w.pages.Patterns() {
		path, ok := below(pattern, http.MethodGet)
		if !ok {
			continue
		}
		shown := 0
		for _, at := range w.addresses(path, ids) {
			if got := w.get(owner, tenantPath()+"/"+at); got.StatusCode == http.StatusOK || got.StatusCode == http.StatusSeeOther {
				shown++
			}
		}
		if shown == 0 {
			t.Errorf("%s shows nothing, so this test looks at nothing", pattern)
		}
		w.unchanged(before, pattern)
	}
	w.crawl(entrances...)
	w.unchanged(before, "following links")
}
