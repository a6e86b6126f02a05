package pages_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// marker is in every hostile value that is HTML; unescaped it would be an element.
const marker = "<script>hostile</script>"

// hostile are values that no field expects.
var hostile = map[string]string{
	"html":           `"'>` + marker + `{{.}}&lt;`,
	"control":        "a\x00b\x07\x1b[31m\r\n\u202e",
	"long":           strings.Repeat("x", 1<<20-1000),
	"not utf-8":      "\xff\xfe\xc0\x80",
	"number":         "-99999999999999999999999999",
	"date":           "99999-13-45T99:99:99Z",
	"json":           `{"a":[1,2,{"b":null}]}`,
	"path":           "../../../../etc/passwd\x00",
	"unicode":        "\u0000\ufffe\U0010ffff" + strings.Repeat("\u0301", 100),
	"another tenant": unknownID,
}

// unknownID is an id as they are, of nothing.
const unknownID = "01a00000-0000-7000-8000-000000000000"

// filled has something of everything in the tenant, and the pages of what a crawl, which looks at
// one page of each kind, would not come to.
func filled(t *testing.T) (w *world, entrances []string) {
	t.Helper()
	return filledBy(t, owner, "", nil)
}

// filledBy is the same with a prefix of all names.
func filledBy(t *testing.T, owner runs.Actor, prefix string, edit func(*pages.Config)) (w *world, entrances []string) {
	t.Helper()
	w = newWorld(t, edit)
	ctx := t.Context()
	if prefix != "" {
		for key, p := range w.graph.Snapshot(tenant) {
			check(t, w.graph.Rename(tenant, key.Type, key.ID, prefix+p.Name))
		}
	}
	s := w.schedule(func(d *backupsched.Draft) { d.Name = prefix + d.Name })
	off := w.schedule(func(d *backupsched.Draft) { d.Name, d.Enabled = prefix+"Switched off", false })
	w.backup(s.ID)
	changed := must(w.graph.Churn(tenant, 6, 1))(t)
	if len(changed) == 0 {
		t.Fatal("nothing changed")
	}
	last := w.spoiled(s.ID)
	begin := func(r runs.Request) runs.Run {
		run, _, err := w.cfg.Starter.Start(ctx, tenant, owner, r)
		check(t, err)
		w.drain()
		return w.run(run.ID)
	}
	manual := begin(capture.CreateSetRequest(prefix+"By hand", capture.Selection{PolicyTypes: s.PolicyTypes}))
	begin(capture.VerifySetRequest(manual.BackupSetID))
	held := begin(capture.CreateSetRequest(prefix+"Held", capture.Selection{PolicyTypes: s.PolicyTypes[:1]}))
	must(w.cfg.Retention.Hold(ctx, tenant, owner, held.BackupSetID, prefix+"legal", prefix+"Case 12"))(t)
	deleted := begin(capture.CreateSetRequest(prefix+"Deleted", capture.Selection{PolicyTypes: s.PolicyTypes[:1]}))
	must(w.cfg.Retention.Delete(ctx, tenant, owner, deleted.BackupSetID))(t)
	must(w.graph.Churn(tenant, 6, 2))(t)
	drift := begin(restore.DriftRequest(last.BackupSetID, restore.DriftParams{}))
	preview := begin(restore.PreviewRequest(last.BackupSetID, restore.PreviewParams{Options: restore.Options{Existing: restore.Overwrite}}))
	waits, _, err := w.cfg.Scheduler.RunNow(ctx, tenant, owner, off.ID)
	check(t, err)
	entrances = []string{
		tenantPath("schedules"), tenantPath("runs", last.ID), tenantPath("runs", waits.ID), tenantPath("sets", manual.BackupSetID), tenantPath("sets", held.BackupSetID),
		tenantPath("sets", deleted.BackupSetID), tenantPath("drift", drift.ID), tenantPath("restore", "previews", preview.ID),
	}
	for _, p := range must(w.cfg.Archive.Policies(ctx, tenant, owner, backupset.PolicyFilter{}, runs.PageRequest{Limit: 100}))(t).Items {
		if len(must(w.cfg.Archive.Versions(ctx, tenant, owner, p.ID, runs.PageRequest{}))(t).Items) > 1 {
			return w, append(entrances, tenantPath("policies", p.ID))
		}
	}
	t.Fatal("no policy has two versions")
	return nil, nil
}

// Whatever a field gets, the server answers in peace: no 5xx, nothing unescaped, and what is wrong
// is said by field.
func TestNoFieldBreaksAPage(t *testing.T) {
	testenv.SlowUnderRace(t)
	w, entrances := filled(t)
	_, forms := w.crawl(entrances...)
	// Buttons without a field last: they undo and do what the others ask about.
	slices.SortStableFunc(forms, func(a, b webForm) int { return cmp.Compare(min(len(b.fields), 1), min(len(a.fields), 1)) })
	for _, f := range forms {
		if f.upload || f.action == "/signout" {
			continue
		}
		for kind, value := range hostile {
			values := url.Values{}
			for _, name := range f.fields {
				values.Set(name, value)
			}
			w.sane(f, kind, values)
		}
		for i, name := range f.fields {
			values := url.Values{}
			for k, v := range f.values {
				values[k] = slices.Clone(v)
			}
			for _, needed := range f.needed {
				values.Set(needed, cmp.Or(rightAnswers[needed], "x"))
			}
			as, named := slices.Clone(values[name]), map[string][]string{}
			for kind, value := range hostile {
				if kind == "long" && i%3 != 0 {
					continue // which takes the time of all others
				}
				values.Set(name, value)
				named[kind] = w.sane(f, kind+" in "+name, values)
			}
			if values[name] = as; slices.ContainsFunc(slices.Collect(maps.Values(named)), func(n []string) bool { return len(n) > 0 }) {
				w.namesTheField(f, name, w.sane(f, "as it is", values), named) // last, since it may do what it is for
			}
			values.Set(name, hostile["number"])
			values.Add(name, hostile["html"]) // twice
			w.sane(f, "twice "+name, values)
		}
	}
}

// maxRepeated is how long an answer may take to an address that repeats itself; a tenth of it is
// far more than any takes.
const maxRepeated = 5 * time.Second

// A parameter of a query that stands there 2,000 times, with values that are none and with those of
// something that exists, neither breaks a page nor keeps it busy.
func TestAParameterThatIsRepeatedBreaksNoPage(t *testing.T) {
	testenv.SlowUnderRace(t)
	w, entrances := filled(t)
	shown, forms := w.crawl(entrances...)
	names := map[string][]string{} // of the parameters of each path
	note := func(path, name string) {
		if !slices.Contains(names[path], name) {
			names[path] = append(names[path], name)
		}
	}
	one := map[string]string{} // path of each shape
	for at := range shown {
		path, query, _ := strings.Cut(at, "?")
		if one[shape(path)] == "" {
			one[shape(path)] = path
		}
		path = one[shape(path)]
		for name := range must(url.ParseQuery(query))(t) {
			note(path, name)
		}
		for _, name := range []string{"seen", "cursor", "kind", "status", "action", "trigger", "ids", "item", "type", "set", "with", "not"} {
			note(path, name)
		}
	}
	for _, f := range forms {
		if path, _, _ := strings.Cut(f.action, "?"); f.method == http.MethodGet {
			path = cmp.Or(one[shape(path)], path)
			for _, name := range f.fields {
				note(path, name)
			}
		}
	}
	for path, list := range names {
		for _, name := range list {
			for kind, values := range map[string][]string{"nonsense": {"x"}, "what there is": {unknownID, "backup", "success", "failed", "manual", "run.started"}} {
				q := make(url.Values, 1)
				for i := range 2000 {
					q.Add(name, values[i%len(values)])
				}
				began := time.Now()
				got := w.get(owner, path+"?"+q.Encode())
				if took := time.Since(began); got.StatusCode >= http.StatusInternalServerError || took > maxRepeated {
					t.Errorf("%s with 2,000 times %s (%s): %s, after %s", path, name, kind, got.Status, took)
				}
			}
		}
	}
}

// namedFields are where an answer names the field that is not right: beside it, or in a list.
var namedFields = regexp.MustCompile(`id="([a-z_]+)-error"|<li><code>([a-z_]+)[^<]*</code>|<li><a href="#([a-z_]+)[^"]*"`)

// sane sends a form, looks at the answer, and returns the fields that a 422 names.
func (w *world) sane(f webForm, kind string, values url.Values) (named []string) {
	w.t.Helper()
	path, _, _ := strings.Cut(f.action, "?")
	var got response
	if f.method == http.MethodGet {
		if len(values.Encode()) > 60_000 {
			return nil // longer than a server takes of an address
		}
		got = w.get(owner, path+"?"+values.Encode())
	} else {
		got = w.post(owner, f.action, values)
	}
	what := fmt.Sprintf("%s %s on %s (%s)", f.method, f.action, f.page, kind)
	if got.StatusCode >= http.StatusInternalServerError {
		w.t.Errorf("%s: %s", what, got.Status)
	}
	if strings.Contains(got.body, marker) {
		w.t.Errorf("%s: the value stands unescaped in the page", what)
	}
	if got.StatusCode != http.StatusUnprocessableEntity {
		return nil
	}
	for _, m := range namedFields.FindAllStringSubmatch(got.body, -1) {
		if name := m[1] + m[2] + m[3]; !slices.Contains(named, name) {
			named = append(named, name)
		}
	}
	if len(named) == 0 {
		w.t.Errorf("%s: the answer names no field", what)
	}
	return named
}

// rightAnswers are what forms want to be typed that not every text is.
var rightAnswers = map[string]string{"tenant_name": "Contoso", "confirm": "Deleted"}

// namedInstead are the fields that an answer names for a hostile value in another one.
var namedInstead = map[string]string{
	"what": "policy_types", // neither types nor policies are chosen, so the types are what is missing
}

// namesTheField fails when an answer names a field that is right. usual are those that are not right
// with any value in the hostile one: nothing is chosen yet.
func (w *world) namesTheField(f webForm, hostile string, usual []string, named map[string][]string) {
	w.t.Helper()
	for kind, names := range named {
		for _, name := range names {
			if name != hostile && namedInstead[hostile] != name && !slices.Contains(usual, name) {
				w.t.Errorf("%s %s on %s (%s in %s): the answer names %s", f.method, f.action, f.page, kind, hostile, name)
			}
		}
	}
}

// Routes that hostile clients try without any page: ids that are none, methods, bodies.
func TestNoAddressBreaksAPage(t *testing.T) {
	testenv.SlowUnderRace(t)
	w, _ := filled(t)
	for _, pattern := range w.pages.Patterns() {
		method, path, _ := strings.Cut(pattern, " ")
		for i, id := range []string{"x", unknownID, "%00", "..%2f..", "%ff", strings.Repeat("9", 5000), url.PathEscape(marker)} {
			at := strings.NewReplacer("{tenant}", string(tenant), "{id}", id, "{run}", id, "{set}", id, "{item}", id, "{version}", id, "{name}", id).Replace(path)
			if strings.Contains(at, "{") {
				t.Fatalf("%s has a parameter that this test does not fill", pattern)
			}
			queries := []string{"?cursor=%00", "?cursor=eyJ9&limit=0", "?limit=99999999999", "?limit=x&q=%ff", "?%zz=%zz", "?with=%00&from=99999-99-99&to=-1&page=-1&status=x&kind=y&sort=z"}
			if id != unknownID { // which alone gets as far as each query
				queries = queries[i%len(queries):][:1]
			}
			for _, query := range append(queries, "") {
				got := w.do(owner, method, at+query, url.Values{"confirm": {marker}})
				if got.StatusCode >= http.StatusInternalServerError || strings.Contains(got.body, marker) {
					t.Errorf("%s %s%s: %s", method, at, query, got.Status)
				}
			}
		}
	}
}

// The crawl of these tests reaches every route, so that none is left out of them.
func TestEveryRouteIsReachedByALinkOrAForm(t *testing.T) {
	w, entrances := filled(t)
	shown, forms := w.crawl(entrances...)
	reached := map[string]bool{}
	note := func(method, path string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://x"+path, nil)
		check(t, err)
		reached[w.pages.PatternOf(req)] = true
	}
	for path := range shown {
		note(http.MethodGet, path)
	}
	for _, f := range forms {
		note(f.method, f.action)
	}
	for _, body := range shown {
		for _, m := range links.FindAllStringSubmatch(body, -1) {
			note(http.MethodGet, m[1])
		}
	}
	for _, pattern := range w.pages.Patterns() {
		if !reached[pattern] && !slices.Contains(beside, pattern) {
			t.Errorf("no link and no form leads to %s", pattern)
		}
	}
}

// beside are routes that scripts ask, that people type, that forms are answered with, or that a page leads to only when retention waits.
var beside = []string{
	"GET /backups", "GET /backups/{tenant}", "POST /backups/-/zone", "GET /backups/{tenant}/live",
	"GET /backups/{tenant}/schedules/preview", "GET /backups/{tenant}/schedules/bulk", "POST /backups/{tenant}/schedules/{id}/retention",
}
