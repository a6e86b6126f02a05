package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// visitor is a person without JavaScript: links, forms, redirects, nothing else.
type visitor struct {
	*world
	as   runs.Actor
	at   string // path and query
	body string
}

// goTo opens a page.
func (p *visitor) goTo(path string) {
	p.t.Helper()
	for range 5 {
		got := p.get(p.as, path)
		p.at, p.body = path, got.body
		if got.StatusCode == http.StatusSeeOther {
			path = got.Header.Get("Location")
			continue
		}
		if got.StatusCode != http.StatusOK {
			p.t.Fatalf("%s: %s\n%s", path, got.Status, got.body)
		}
		return
	}
	p.t.Fatalf("%s redirects for ever", path)
}

// form finds the form of the page whose action ends so.
func (p *visitor) form(action string) webForm {
	p.t.Helper()
	for _, f := range formsOf(p.t, p.at, p.body) {
		if path, _, _ := strings.Cut(f.action, "?"); strings.HasSuffix(path, action) {
			return f
		}
	}
	p.t.Fatalf("%s has no form for %s:\n%s", p.at, action, p.body)
	return webForm{}
}

// send fills the fields of a form in and sends it.
func (p *visitor) send(action string, fields url.Values) {
	p.t.Helper()
	f := p.form(action)
	for name, values := range fields {
		if !strings.Contains(p.body, `name="`+name+`"`) {
			p.t.Fatalf("the form for %s on %s has no field %s", action, p.at, name)
		}
		f.values[name] = values
	}
	if f.method == http.MethodGet {
		path, _, _ := strings.Cut(f.action, "?")
		p.goTo(path + "?" + f.values.Encode())
		return
	}
	got := p.post(p.as, f.action, f.values)
	if got.StatusCode == http.StatusSeeOther {
		p.goTo(got.Header.Get("Location"))
		return
	}
	p.at, p.body = f.action, got.body
	if got.StatusCode != http.StatusOK && got.StatusCode != http.StatusConflict {
		p.t.Fatalf("%s: %s\n%s", f.action, got.Status, got.body)
	}
}

// follow takes the first link of the page whose path contains a text.
func (p *visitor) follow(part string) {
	p.t.Helper()
	for _, m := range links.FindAllStringSubmatch(p.body, -1) {
		if strings.Contains(m[1], part) {
			p.goTo(strings.ReplaceAll(m[1], "&amp;", "&"))
			return
		}
	}
	p.t.Fatalf("%s has no link with %s", p.at, part)
}

// reads checks that the page says something.
func (p *visitor) reads(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			p.t.Fatalf("%s does not say %q:\n%s", p.at, text, p.body)
		}
	}
}

// lists checks that a list of backup sets has some and not the others.
func (p *visitor) lists(these, others []backupset.BackupSet) {
	p.t.Helper()
	if len(these) == 0 {
		p.t.Fatalf("there is nothing that %s should list", p.at)
	}
	for _, s := range these {
		if !strings.Contains(p.body, `/sets/`+string(s.ID)+`"`) {
			p.t.Errorf("%s does not list %s", p.at, s.Name)
		}
	}
	for _, s := range others {
		if strings.Contains(p.body, `/sets/`+string(s.ID)+`"`) {
			p.t.Errorf("%s lists %s", p.at, s.Name)
		}
	}
}

// The whole job of a manager, by links and forms alone.
func TestTheWholeJobIsDoneWithoutJavaScript(t *testing.T) {
	w := newWorld(t, nil)
	p := &visitor{world: w, as: manager}

	// A schedule.
	p.goTo(tenantPath("schedules"))
	p.follow("/schedules/new")
	p.send("/schedules/new", url.Values{
		"name": {"Every night"}, "frequency": {"daily"}, "time_of_day": {"02:30"}, "timezone": {"Europe/Berlin"},
		"policy_types": {"settingsCatalogPolicy", "deviceConfiguration"}, "retention_keep_last": {"5"}, "include_foundations": nil,
	})
	p.reads("Every night", "Every day at 02:30, Europe/Berlin")
	schedule := p.at

	// A run, followed by looking at its page again.
	for range 3 {
		p.goTo(schedule)
		p.send("/run", nil)
		p.reads("queued")
		run := p.at
		w.drain()
		p.goTo(run)
		p.reads("success")
		must(w.graph.Churn(tenant, 4, 7))(t)
		w.clock.Add(30 * 60 * 1e9)
	}

	// Fewer sets: the plan is shown first.
	w.clock.Add(48 * 60 * 60 * 1e9) // younger sets stay anyway
	p.goTo(schedule)
	p.follow("/edit")
	p.send("/edit", url.Values{"retention_keep_last": {"2"}})
	p.reads("confirm_plan", "These go", "These stay")
	p.send("/edit", nil)
	p.reads("Every night")
	w.drain()
	all := map[bool][]backupset.BackupSet{} // by whether they are deleted
	for _, deleted := range []bool{false, true} {
		all[deleted] = must(w.cfg.Archive.List(t.Context(), tenant, owner, backupset.SetFilter{Deleted: deleted}, runs.PageRequest{}))(t).Items
	}
	p.goTo(tenantPath("sets"))
	p.lists(all[false], all[true])
	p.send("/sets", url.Values{"deleted": {"yes"}})
	p.lists(all[true], all[false])

	// One more set, and what changed since the one before.
	must(w.graph.Churn(tenant, 4, 9))(t)
	p.goTo(schedule)
	p.send("/run", nil)
	w.drain()
	p.goTo(tenantPath("sets"))
	p.follow("/sets/0")
	set := p.at
	p.send("/compare", nil)
	changed := must(w.cfg.Archive.List(t.Context(), tenant, owner, backupset.SetFilter{}, runs.PageRequest{}))(t).Items
	if !strings.Contains(p.at, "with="+string(changed[1].ID)) || !strings.HasSuffix(set, string(changed[0].ID)) {
		t.Fatalf("comparing %s leads to %s", set, p.at)
	}
	p.reads("Before", "After", "changed")

	// A restore of what somebody broke.
	must(w.graph.Churn(tenant, 60, 11))(t)
	p.goTo(set)
	p.follow("/restore?set=")
	p.send("/restore/options", url.Values{"all": {"yes"}})
	p.send("/restore/previews", url.Values{"existing": {"overwrite"}})
	w.drain()
	p.goTo(strings.SplitN(p.at, "?", 2)[0])
	p.reads("Contoso", `name="tenant_name"`)
	p.send("/restore", url.Values{"reason": {"Ticket 4711"}, "tenant_name": {"Contoso"}})
	run := p.at
	w.drain()
	p.goTo(run)
	p.reads("success")

	// What the bell says.
	p.goTo(tenantPath("notifications"))
	p.send("/open", nil)
	p.reads("Timeline")

	// All at once.
	w.schedule(func(d *backupsched.Draft) { d.Name = "Another" })
	p.goTo(tenantPath("schedules"))
	list := must(w.cfg.Scheduler.List(t.Context(), tenant, owner, backupsched.Filter{}, runs.PageRequest{}))(t)
	ids := []string{}
	for _, s := range list.Items {
		ids = append(ids, string(s.ID))
	}
	p.send("/bulk", url.Values{"action": {"disable"}, "ids": ids})
	for _, s := range must(w.cfg.Scheduler.List(t.Context(), tenant, owner, backupsched.Filter{}, runs.PageRequest{}))(t).Items {
		if s.Enabled {
			t.Errorf("%s is still enabled", s.Name)
		}
	}
}
