package pages_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/runs"
)

var (
	summaries = regexp.MustCompile(`(?s)<div class="errors" role="alert".*?</div>`)
	faults    = regexp.MustCompile(`<li><a href="#([^"]*)">([^<]*)</a>`)
	legends   = regexp.MustCompile(`(?s)^[^>]*>\s*<legend>(.*?)</legend>`)
	anyTag    = regexp.MustCompile(`(?s)<[^>]*>`)
	sentences = regexp.MustCompile(`[.:(]`)
)

// callsFieldsByTheirLabels holds what the summary of faults calls a field against what the field is
// called on the same page. Every page that any test gets is looked at.
func (r response) callsFieldsByTheirLabels(t testing.TB) {
	t.Helper()
	for _, fault := range r.faults() {
		field, label := fault[0], fault[1]
		if called := labelsOf(r.body, field); !slices.Contains(called, label) {
			t.Errorf("the summary of faults calls the field %s %q, its label is %q", field, label, called)
		}
	}
}

// faults are the fields that the summaries of a page name, and what they call them.
func (r response) faults() (list [][2]string) {
	for _, summary := range summaries.FindAllString(r.body, -1) {
		for _, m := range faults.FindAllStringSubmatch(summary, -1) {
			list = append(list, [2]string{m[1], html.UnescapeString(m[2])})
		}
	}
	return list
}

// labelsOf are the sentences of a field's label, without what is written smaller.
func labelsOf(body, field string) (list []string) {
	before, after, found := strings.Cut(body, `id="`+field+`"`)
	if !found {
		return nil
	}
	var label string
	if m := legends.FindStringSubmatch(after); m != nil && strings.HasPrefix(before[strings.LastIndex(before, "<"):], "<fieldset") {
		label = m[1]
	} else if _, for_, found := strings.Cut(body, `<label for="`+field+`"`); found {
		_, label, _ = strings.Cut(for_, ">")
		label, _, _ = strings.Cut(label, "</label>")
	} else if at := strings.LastIndex(before, "<label"); at > strings.LastIndex(before, "</label>") {
		_, label, _ = strings.Cut(before[at:]+` id="`+after, ">")
		label, _, _ = strings.Cut(label, "</label>")
	}
	label = regexp.MustCompile(`(?s)<small.*?</small>`).ReplaceAllString(label, "")
	for _, s := range sentences.Split(anyTag.ReplaceAllString(label, " "), -1) {
		if s = html.UnescapeString(strings.Join(strings.Fields(s), " ")); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// TestEveryFaultIsCalledByTheLabelOfItsField on every form that has a summary of faults; other tests
// look at what else they get.
func TestEveryFaultIsCalledByTheLabelOfItsField(t *testing.T) {
	w := newWorld(t, nil)
	s := w.crowded(1)
	set := w.byHand("By hand")
	must(w.graph.Churn(tenant, 30, 3))(t)
	preview := w.preview(owner, set.ID, url.Values{"all": {"yes"}, "existing": {"overwrite"}, "access_state": {"original"}})
	for name, tt := range map[string]struct {
		path string
		form url.Values
		want []string
	}{
		"a new schedule": {"schedules/new", url.Values{}, []string{"name", "timezone", "frequency", "time_of_day", "policy_types", "retention_keep_last"}},
		"a schedule": {"schedules/" + string(s.ID) + "/edit", url.Values{"if_updated_at": {openedNow(w, s.ID)}, "frequency": {"weekly"}},
			[]string{"name", "timezone", "time_of_day", "days_of_week", "policy_types", "retention_keep_last"}},
		"a new set of types":    {"sets/new", url.Values{}, []string{"policy_types", "name"}},
		"a new set of policies": {"sets/new", url.Values{"what": {"policies"}}, []string{"policy_ids", "name"}},
		"more of a set":         {"sets/" + string(set.ID) + "/add", url.Values{}, []string{"policy_ids"}},
		"a hold":                {"sets/" + string(set.ID) + "/hold", url.Values{}, []string{"name", "reason"}},
		"an import":             {"sets/import", url.Values{}, []string{"file"}},
		"options":               {"restore/previews", url.Values{"set": {string(set.ID)}, "all": {"yes"}, "existing": {"x"}, "assignments": {"x"}, "access_state": {"x"}}, []string{"existing", "assignments", "access_state"}},
		"a suffix":              {"restore/previews", url.Values{"set": {string(set.ID)}, "all": {"yes"}, "existing": {"copy"}, "copy_suffix": {strings.Repeat("x", 65)}}, []string{"copy_suffix"}},
		"a restore":             {"restore", url.Values{"preview": {preview[strings.LastIndex(preview, "/")+1:]}}, []string{"tenant_name", "reason", "confirm"}},
	} {
		got := w.post(owner, tenantPath()+"/"+tt.path, tt.form)
		var named []string
		for _, fault := range got.faults() {
			named = append(named, fault[0])
		}
		if got.StatusCode != http.StatusUnprocessableEntity || !slices.Equal(named, tt.want) {
			t.Errorf("%s: %s, faults of %q, want %q", name, got.Status, named, tt.want)
		}
	}
	if got := w.upload(owner, strings.Repeat("x", 201), "x.zip", strings.NewReader("x")); len(got.faults()) != 1 {
		t.Errorf("an import with a long name: %s", got.Status)
	}
}

func openedNow(w *world, id runs.ID) string {
	return w.tab(owner, tenantPath("schedules", id, "edit")).Get("if_updated_at")
}

// TestAnAddressIsNotCalledAForm: a list has none, and who followed a link has filled in nothing.
func TestAnAddressIsNotCalledAForm(t *testing.T) {
	w := newWorld(t, nil)
	for _, list := range []string{"runs", "schedules", "sets", "policies", "audit", "notifications"} {
		got := w.get(owner, tenantPath(list)+"?cursor=garbage")
		if got.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", list, got.Status)
		}
		got.has(t, "Something in the address of this page is not right:", "<code>cursor</code>")
		got.lacks(t, "the form")
	}
	w.post(owner, tenantPath("restore"), url.Values{"preview": {"x"}}).lacks(t, "the address")
}
