package usertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What each role does in the browser, and what it neither sees nor may do by any other way.
func TestEachRoleDoesItsJobInTheBrowser(t *testing.T) {
	needBrowser(t)
	s := start(t)
	for _, role := range []string{"owner", "manager", "operator", "readonly"} {
		t.Run(role, func(t *testing.T) {
			b := s.open(t, wide)
			j := &journey{tab: b, role: role, client: s.client(t, role+"-contoso")}
			b.signIn(role + "-contoso")
			j.createSchedule()
			j.runNow()
			j.confirmRetention()
			j.compareSets()
			j.restore()
			j.readNotification()
			j.disableMany()
		})
	}
}

// journey is a person of a role at work.
type journey struct {
	*tab
	role   string
	client *client

	schedule string // the path of the schedule that is used
}

const contoso = "/backups/contoso"

func (j *journey) manages() bool { return j.role == "owner" || j.role == "manager" }
func (j *journey) runs() bool    { return j.role != "readonly" }

// refused checks that an address answers 403, whatever pages show.
func (j *journey) refused(method, path string, form url.Values) {
	j.t.Helper()
	got := j.client.do(method, path, form)
	if got.status != http.StatusForbidden {
		j.t.Errorf("%s %s answers a %s %d", method, path, j.role, got.status)
	}
}

// absent checks that the page does not show something.
func (j *journey) absent(selectors ...string) {
	j.t.Helper()
	for _, s := range selectors {
		if j.has(s) {
			j.t.Errorf("%s shows a %s %s", j.path(), j.role, s)
		}
	}
}

// createSchedule makes a schedule by the keyboard alone.
func (j *journey) createSchedule() {
	j.t.Helper()
	j.visit(contoso + "/schedules")
	link := `a[href$="/schedules/new"]`
	if !j.manages() {
		j.absent(link, `form[action$="/disable"]`, `a[href$="/edit"]`, `a[href$="/delete"]`)
		j.refused(http.MethodGet, contoso+"/schedules/new", nil)
		j.refused(http.MethodPost, contoso+"/schedules/new", url.Values{"name": {"x"}})
		j.press(`table tbody th a`)
		j.schedule = j.path()
		return
	}
	j.tabTo(link)
	j.enter()
	j.tabTo("#name")
	j.key("By keyboard, " + j.role)
	j.tabTo("#time_of_day")
	j.key("0615AM")
	j.tabTo("#timezone")
	j.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	j.key("Europe/Lisbon")
	j.until(`document.querySelector("main").innerText.includes("06:15")`) // the next slots, while editing
	j.tabTo(`input[name="policy_types"][value="deviceCompliancePolicy"]`)
	j.key(" ")
	j.tabTo("#retention_keep_last")
	j.tabTo(`.actions button[type="submit"]`)
	j.enter()
	j.schedule = strings.SplitN(j.path(), "?", 2)[0]
	if says := j.words("main"); !strings.Contains(says, "By keyboard, "+j.role) || !strings.Contains(says, "Every day at 06:15, Europe/Lisbon") {
		j.t.Fatalf("%s says:\n%s", j.path(), says)
	}
}

// runNow starts a backup by the keyboard and watches it to its end without touching anything.
func (j *journey) runNow() {
	j.t.Helper()
	j.visit(j.schedule)
	button := `form[action$="/run"] button`
	if !j.runs() {
		j.absent(button, `form[action$="/retry"] button`)
		j.refused(http.MethodPost, j.schedule+"/run", nil)
		return
	}
	j.tabTo(button)
	j.enter()
	if !regexp.MustCompile(`^/backups/contoso/runs/[0-9a-f-]{36}`).MatchString(j.path()) {
		j.t.Fatalf("run now leads to %s", j.path())
	}
	j.succeeds()
	j.shoot("journey/" + j.role + "-run")
	j.viewAndPreview()
}

// viewAndPreview goes on by the keyboard alone: from the run to its set, and to a preview of
// restoring that.
func (j *journey) viewAndPreview() {
	j.t.Helper()
	j.follow(`.facts a[href*="/sets/"]`)
	set := j.path()
	j.follow(`.actions a[href*="/restore?set="]`)
	if !strings.Contains(j.path(), set[strings.LastIndex(set, "/")+1:]) {
		j.t.Fatalf("restoring %s leads to %s", set, j.path())
	}
	j.tabTo("#all")
	j.key(" ")
	j.follow(`form[action$="/restore/options"] .actions button[type="submit"]`)
	j.tabTo(`input[name="existing"]`)
	j.key(kb.ArrowDown)
	j.until(`document.querySelector('input[name="existing"][value="overwrite"]').checked`)
	j.follow(`form[action$="/restore/previews"] button[type="submit"]`)
	j.until(`/Nothing has been changed|There is nothing to restore/.test(document.querySelector("main").innerText)`)
}

// confirmRetention keeps fewer sets, after a look at which ones go.
func (j *journey) confirmRetention() {
	j.t.Helper()
	path := j.nightly()
	if !j.manages() {
		j.visit(path)
		j.absent(`a[href$="/edit"]`)
		j.refused(http.MethodGet, path+"/edit", nil)
		j.refused(http.MethodPost, path+"/edit", url.Values{"retention_keep_last": {"1"}})
		return
	}
	keep := map[string]string{"owner": "4", "manager": "3"}[j.role]
	j.visit(path + "/edit")
	j.do(chromedp.SetValue(chromedp.CSS("#retention_keep_last"), keep))
	j.press(`.actions button[type="submit"]:not([formaction])`)
	if !j.has(`input[name="confirm_plan"]`) {
		j.t.Fatalf("no plan is shown:\n%s", j.words("main"))
	}
	j.shoot("journey/" + j.role + "-plan")
	j.press(`form button.danger`)
	if got := strings.SplitN(j.path(), "?", 2)[0]; got != path {
		j.t.Fatalf("the plan leads to %s:\n%s", got, j.words("main"))
	}
}

// nightly is the path of a schedule of the demonstration that has many sets.
func (j *journey) nightly() string {
	j.t.Helper()
	j.visit(contoso + "/schedules?q=Nightly")
	path := eval[string](j.tab, `document.querySelector('table tbody th a').getAttribute("href")`)
	return path
}

// compareSets looks at what changed from one set to another.
func (j *journey) compareSets() {
	j.t.Helper()
	j.visit(contoso + "/sets")
	j.press(`table tbody th a`)
	j.press(`form[action$="/compare"] button`)
	if !strings.Contains(j.path(), "/compare?with=") {
		j.t.Fatalf("comparing leads to %s", j.path())
	}
	j.shoot("journey/" + j.role + "-compare")
}

// restore walks the wizard to its end: an owner brings back what somebody broke, by the newest set
// that is older than that, everybody else what was there earlier, by an older one.
func (j *journey) restore() {
	j.t.Helper()
	j.visit(j.nightly())
	ids := eval[[]string](j.tab, `[...document.querySelectorAll('a[href*="/sets/"]')].map(a => /[0-9a-f-]{36}$/.exec(a.getAttribute("href"))[0])`)
	id := ids[0]
	if j.role != "owner" {
		id = ids[len(ids)-1]
	}
	if !j.runs() {
		j.visit(contoso + "/sets/" + id)
		j.absent(`a[href*="/restore/items"]`, `a[href*="/restore?set="]`)
		j.refused(http.MethodGet, contoso+"/restore/items?set="+id, nil)
		j.refused(http.MethodPost, contoso+"/restore/previews", url.Values{"set": {id}, "all": {"yes"}})
		return
	}
	j.preview(id)
	if j.role == "owner" && strings.Contains(j.words("main"), "There is nothing to restore") {
		j.preview(ids[1]) // the nightly backup has just seen what is broken
	}
	preview := strings.SplitN(j.path(), "?", 2)[0]
	j.shoot("journey/" + j.role + "-preview")
	if !j.manages() {
		j.absent(`form[action$="/restore"]`)
		j.refused(http.MethodPost, contoso+"/restore", url.Values{"preview": {preview[strings.LastIndex(preview, "/")+1:]}, "reason": {"x"}})
		return
	}
	j.do(chromedp.SendKeys(chromedp.CSS("#reason"), "Ticket 4711"))
	j.do(chromedp.SendKeys(chromedp.CSS("#tenant_name"), "Contoso"))
	j.press(`form[action$="/restore"] button[type="submit"]`)
	j.succeeds()
	j.shoot("journey/" + j.role + "-restore")
}

// succeeds waits for the end of the run that the page shows. The Graph of these tests is sound, so
// partial would be wrong.
func (j *journey) succeeds() {
	j.t.Helper()
	j.until(`!/queued|running/.test(document.querySelector("h1 .badge").innerText)`)
	if says := j.words("h1 .badge"); says != "success" {
		j.t.Errorf("%s ends with %s:\n%s", j.path(), says, j.words("main"))
	}
}

// preview looks what restoring a whole set would do.
func (j *journey) preview(set string) {
	j.t.Helper()
	j.visit(contoso + "/restore/items?set=" + set)
	j.do(chromedp.Click(chromedp.CSS(`input[name="all"]`)))
	j.press(`form[action$="/restore/options"] button[type="submit"]:not([formaction])`)
	j.do(chromedp.Click(chromedp.CSS(`input[name="existing"][value="overwrite"]`)))
	j.press(`form[action$="/restore/previews"] button[type="submit"]`)
	j.until(`/Nothing has been changed/.test(document.querySelector("main").innerText)`)
}

// readNotification follows the bell to a run.
func (j *journey) readNotification() {
	j.t.Helper()
	j.visit(contoso + "/schedules")
	j.press("#bell")
	if !j.runs() {
		// Whoever starts nothing is told nothing, above all nothing of what others did.
		if says := j.words("main .empty"); !strings.Contains(says, "Nothing to tell you yet") {
			j.t.Errorf("%s says:\n%s", j.path(), j.words("main"))
		}
		j.absent(`form[action$="/open"]`, `form[action$="/read"]`, "main table", "#bell .unread")
		var owners struct{ Items []row }
		if (server{base: j.base}).api(j.t, http.MethodGet, "contoso", "notifications", &owners); len(owners.Items) == 0 {
			j.t.Fatal("the owner has no notification")
		}
		j.refused(http.MethodPost, contoso+"/notifications/"+owners.Items[0].ID+"/open", nil)
		j.refused(http.MethodPost, contoso+"/notifications/read", url.Values{"id": {owners.Items[0].ID}})
		return
	}
	unread := eval[int](j.tab, `document.querySelectorAll('form[action$="/open"]').length`)
	if unread == 0 {
		j.t.Fatalf("there is no notification:\n%s", j.words("main"))
	}
	j.press(`form[action$="/open"] button`)
	if !strings.Contains(j.path(), "/runs/") {
		j.t.Errorf("a notification leads to %s", j.path())
	}
}

// disableMany does something with several schedules at once.
func (j *journey) disableMany() {
	j.t.Helper()
	id := j.schedule[strings.LastIndex(j.schedule, "/")+1:]
	before := j.state()
	defer func() {
		if after := j.state(); !j.manages() && after != before {
			j.t.Errorf("what is refused has changed the schedule from\n%s\nto\n%s", before, after)
		}
	}()
	j.visit(contoso + "/schedules")
	if !j.runs() {
		j.absent(`input[name="ids"]`, "#bulk")
		for _, action := range []string{"run_now", "retry", "enable", "disable", "delete"} {
			j.refused(http.MethodPost, contoso+"/schedules/bulk", url.Values{"action": {action}, "ids": {id}, "confirmed": {"yes"}})
		}
		return
	}
	if !j.manages() {
		j.absent(`#bulk option[value="enable"]`, `#bulk option[value="disable"]`, `#bulk option[value="delete"]`)
		for _, action := range []string{"enable", "disable", "delete"} {
			j.refused(http.MethodPost, contoso+"/schedules/bulk", url.Values{"action": {action}, "ids": {id}, "confirmed": {"yes"}})
		}
		return
	}
	name := fmt.Sprintf(`input[name="ids"][aria-label*=%q]`, j.role)
	j.do(chromedp.Click(chromedp.CSS(name)), chromedp.SetValue(chromedp.CSS(`#bulk select[name="action"]`), "disable"))
	j.press("#bulk button")
	j.visit(j.schedule)
	if !j.has(`form[action$="/enable"]`) {
		j.t.Errorf("the schedule is not disabled:\n%s", j.words("main"))
	}
}

// state is what the API says of the schedule: everything that somebody can set, and its last run.
func (j *journey) state() string {
	j.t.Helper()
	var all json.RawMessage
	server{base: j.base}.api(j.t, http.MethodGet, "contoso", "schedules/"+j.schedule[strings.LastIndex(j.schedule, "/")+1:], &all)
	return string(all)
}
