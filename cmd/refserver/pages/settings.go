package pages

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// settings registers the pages of the settings and the permissions of the app.
func (p *Pages) settings() {
	p.add(route{method: http.MethodGet, path: "settings", action: runs.ActionLook, target: "settings"}, showSettings)
	p.add(route{method: http.MethodPost, path: "settings/zone", action: runs.ActionLook, target: "settings"}, chooseZone)
	p.add(route{method: http.MethodGet, path: "permissions", action: runs.ActionLook, target: "permissions"}, showPermissions)
}

// settingsNotices are what the forms of these pages have done.
var settingsNotices = map[string]string{
	"zone_browser": "Times are shown in the zone of your browser.",
}

type settingsData struct {
	Zone     string // as it was typed, or as it is
	Zones    []string
	Versions []version
	Health   []HealthPart
	Groups   []rightGroup
}

// Unhealthy tells whether a part needs attention.
func (d settingsData) Unhealthy() bool {
	return slices.ContainsFunc(d.Health, func(p HealthPart) bool { return p.Bad })
}

// Denied tells whether there is something that the viewer may not do.
func (d settingsData) Denied() bool {
	return slices.ContainsFunc(d.Groups, func(g rightGroup) bool {
		return slices.ContainsFunc(g.Rights, func(r right) bool { return !r.Allowed })
	})
}

type version struct{ What, Version string }

func showSettings(v *visit) (answer, error) { return v.settingsPage(v.zone.String(), nil), nil }

func (v *visit) settingsPage(zone string, fields []runs.FieldError) page {
	data := settingsData{Zone: zone, Zones: someZones, Versions: v.builds(), Groups: v.rights()}
	if v.cfg.Health != nil {
		for _, part := range v.cfg.Health(v.ctx()) {
			part.Text = runs.Redact(part.Text)
			data.Health = append(data.Health, part)
		}
	}
	if part, late := v.undispatched(); late {
		data.Health = append(data.Health, part)
	}
	return page{template: "settings", title: "Settings", section: "settings", data: data, errors: fields, anyway: true}
}

// undispatched tells of the tenant's schedule that has waited longest for its run, when that is too long:
// the dispatcher may be another process, of which only this is known. What cannot be read is said of
// the database already.
func (v *visit) undispatched() (part HealthPart, late bool) {
	yes := true
	f := backupsched.Filter{Enabled: &yes, Sort: backupsched.SortNextRun}
	next, err := v.cfg.Scheduler.List(v.ctx(), v.tenant, v.actor, f, runs.PageRequest{Limit: 1})
	if err != nil || len(next.Items) == 0 || !v.overdue(next.Items[0]) {
		return HealthPart{}, false
	}
	waits := durationWords(v.now.Sub(next.Items[0].NextRunAt))
	return HealthPart{Name: "Schedules", Bad: true, Text: "A schedule of this tenant was due " + waits + " ago, and nobody has made its run. Does a dispatcher run?"}, true
}

// chooseZone sets the viewer's zone by hand, or leaves it to the browser again.
func chooseZone(v *visit) (answer, error) {
	name, notice := v.form.Get("zone"), "zone_saved"
	switch {
	case v.form.Has("browser"):
		name, notice = "", "zone_browser"
	case name == "":
		name = "-" // no zone has this name; an empty one would take the choice away
	}
	if !v.keepZone(v.w, v.req, name) {
		return v.settingsPage(v.form.Get("zone"), []runs.FieldError{{Field: "zone", Code: "zone_unknown", Message: "must be the name of a zone such as Europe/Berlin or UTC"}}), nil
	}
	return see{v.path("settings"), notice}, nil
}

// someZones are suggestions; any other name may be typed.
var someZones = []string{
	"UTC", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Berlin", "Europe/Zurich", "Europe/Vienna", "Europe/Paris", "Europe/Madrid",
	"Europe/Rome", "Europe/Amsterdam", "Europe/Stockholm", "Europe/Warsaw", "Europe/Athens", "Europe/Helsinki", "Europe/Kyiv", "Europe/Istanbul",
	"America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Toronto", "America/Mexico_City", "America/Sao_Paulo",
	"Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Asia/Dubai", "Asia/Kolkata", "Asia/Singapore", "Asia/Shanghai", "Asia/Tokyo",
	"Australia/Perth", "Australia/Sydney", "Pacific/Auckland",
}

// modulePath is this module, as Go's build information names it.
const modulePath = "github.com/tenantatlas/tenantbackup"

func (v *visit) builds() []version {
	var list []version
	if v.cfg.Version != "" {
		list = append(list, version{v.cfg.Product, v.cfg.Version})
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		module := version{What: "Backup module"}
		if info.Main.Path == modulePath {
			module.Version = info.Main.Version
		}
		for _, d := range info.Deps {
			if d.Path == modulePath {
				module.Version = d.Version
			}
		}
		if module.Version == "" || module.Version == "(devel)" {
			module.Version = "built from source" + revision(info)
		}
		list = append(list, module)
	}
	list = append(list, version{"Policy types", typeNumbers(v.cfg.Catalogue)})
	return append(list, version{"Go", runtime.Version()})
}

// typeNumbers says how many types the catalogue has of each sort, so that they add up. The page of
// permissions has those that the app reads something of.
func typeNumbers(c *graph.Catalogue) string {
	var captured int
	var looked, other []string
	for _, t := range c.All() {
		switch {
		case t.Capturable():
			captured++
		case t.ViewOf == "" && len(t.Permissions.Read) > 0:
			looked = append(looked, t.DisplayName)
		default:
			other = append(other, t.DisplayName)
		}
	}
	words := number(len(c.All())) + " known: " + number(captured) + " can be backed up"
	for _, part := range []struct {
		names []string
		words string
	}{{looked, " only looked up for their names"}, {other, " not read by themselves"}} {
		if slices.Sort(part.names); len(part.names) > 0 {
			words += "; " + number(len(part.names)) + part.words + " (" + strings.Join(part.names, ", ") + ")"
		}
	}
	return words
}

// revision is what the build was made from, shortly.
func revision(info *debug.BuildInfo) string {
	var hash, day string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			hash = s.Value[:min(len(s.Value), 12)]
		case "vcs.time":
			if at, err := time.Parse(time.RFC3339, s.Value); err == nil {
				day = " of " + at.Format("2 Jan 2006")
			}
		}
	}
	if hash == "" {
		return ""
	}
	return ", " + hash + day
}
