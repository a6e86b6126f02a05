package pages

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

//go:embed templates
var templateFiles embed.FS

// templates are the pages by name, each with the layout and the parts that pages share.
type templates map[string]*template.Template

// loadTemplates parses templates/: layout.html and part_*.html go into every page; fragment_*.html
// are pages without the layout.
func loadTemplates() (templates, error) {
	shared, err := template.New("").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", "templates/part_*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := templates{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || strings.HasPrefix(name, "part_") {
			continue
		}
		t, err := shared.Clone()
		if err == nil {
			t, err = t.ParseFS(templateFiles, file)
		}
		if err != nil {
			return nil, fmt.Errorf("pages: template %s: %w", name, err)
		}
		all[name] = t
	}
	return all, nil
}

// page is an answer that is shown. The template of its name defines "main".
type page struct {
	template string
	title    string
	status   int    // 0 is 200, or 422 with errors
	section  string // of the navigation, which is marked: "schedules"
	data     any
	errors   []runs.FieldError         // of the form on the page
	now      func(field string) string // what somebody else has made of a field meanwhile; nil without a conflict
	anyway   bool                      // it is shown also while the database cannot be reached
	follows  string                    // the id of an element that shows a run under way and is kept up to date; empty for none
}

func (pg page) write(v *visit) error {
	out := v.buffers.Get().(*bytes.Buffer)
	defer func() {
		out.Reset()
		v.buffers.Put(out)
	}()
	root := "layout"
	if strings.HasPrefix(pg.template, "fragment_") {
		root = "main"
	}
	t, ok := v.templates[pg.template]
	if !ok {
		return fmt.Errorf("pages: there is no template %s", pg.template)
	}
	s := &screen{visit: v, page: pg}
	if live, ok := pg.data.(liveData); ok {
		s.Live = live
	} else if v.tenant != "" && root == "layout" {
		// An error page is shown most when nothing can be read, and then must not wait for it again.
		away := pg.template == "error" && pg.status >= http.StatusInternalServerError
		if away {
			s.Live = v.noLive(pg.follows)
		} else if err := s.look(); err != nil && pg.template != "error" && (!pg.anyway || !errors.Is(err, runs.ErrUnavailable)) {
			return err
		}
	}
	if err := t.ExecuteTemplate(out, root, s); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	status := http.StatusOK
	if len(pg.errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	v.w.WriteHeader(cmp.Or(pg.status, status))
	_, _ = out.WriteTo(v.w) // only a broken connection can fail
	return nil
}

// screen is what templates see: `.Data` is the page's own, the rest every page's.
type screen struct {
	visit *visit
	page  page
	Live  liveData
}

// look reads what every page of a tenant shows: unread notifications and runs in progress.
func (s *screen) look() error {
	var err error
	s.Live, err = s.visit.liveData(s.page.follows)
	return err
}

// The fields of every page.
func (s *screen) Data() any         { return s.page.data }
func (s *screen) Template() string  { return s.page.template }
func (s *screen) Title() string     { return s.page.title }
func (s *screen) Product() string   { return s.visit.cfg.Product }
func (s *screen) Home() string      { return s.visit.cfg.HomePath }
func (s *screen) SignOut() string   { return s.visit.cfg.SignOutPath }
func (s *screen) Here() Tenant      { return s.visit.here }
func (s *screen) Actor() runs.Actor { return s.visit.actor }
func (s *screen) Zone() string      { return s.visit.zone.String() }

// Fields are what is wrong with the form, by the fields that it has: one for all of a list.
func (s *screen) Fields() (list []runs.FieldError) {
	for _, e := range s.page.errors {
		if e.Field, _, _ = strings.Cut(e.Field, "["); !slices.Contains(list, e) {
			list = append(list, e)
		}
	}
	return list
}

// tenantsShown is how many tenants the menu of a page has; the host's own page has all.
const tenantsShown = 50

// Tenants are those of the menu: the actor's first ones, and the one that the page is of.
func (s *screen) Tenants() []Tenant {
	list := s.visit.tenants[:min(len(s.visit.tenants), tenantsShown)]
	if !slices.ContainsFunc(list, func(t Tenant) bool { return t.ID == s.visit.tenant }) {
		list = append([]Tenant{s.visit.here}, list...)
	}
	return list
}

// MoreTenants tells whether the menu lacks some.
func (s *screen) MoreTenants() bool { return len(s.visit.tenants) > tenantsShown }

// Path is the address of something in the tenant; ids are escaped.
func (s *screen) Path(segments ...any) string {
	list := make([]string, len(segments))
	for i, x := range segments {
		list[i] = fmt.Sprint(x)
	}
	return s.visit.path(list...)
}

// TenantPath is where a tenant begins.
func (s *screen) TenantPath(id graph.TenantID) string {
	return s.visit.cfg.Prefix + "/" + url.PathEscape(string(id)) + "/schedules"
}

// ZonePath takes the viewer's zone; empty while nobody is signed in.
func (s *screen) ZonePath() string {
	if s.visit.actor.ID == "" {
		return ""
	}
	return s.visit.cfg.Prefix + "/-/zone"
}

// With is the present address with other parameters: name, value, name, value.
func (s *screen) With(pairs ...any) string {
	list := make([]string, len(pairs))
	for i, x := range pairs {
		list[i] = fmt.Sprint(x)
	}
	return s.visit.with(list...)
}

// Asset is the address of a file of static/, which may be kept for ever.
func (s *screen) Asset(name string) string { return s.visit.assets.url(s.visit.cfg.Prefix, name) }

// May tells whether to show what needs an action.
func (s *screen) May(action string) bool { return s.visit.may(runs.Action(action)) }

// Notice is what the form before has done, in words.
func (s *screen) Notice() string { return s.visit.notices[s.visit.query.Get("notice")] }

// NoticeClass is how the notice looks.
func (s *screen) NoticeClass() string {
	if cautionNotices[s.visit.query.Get("notice")] {
		return "warning"
	}
	return "notice"
}

// navItem is a link of the navigation.
type navItem struct {
	Label   string
	Path    string
	Current bool
}

// Nav is the navigation of the tenant.
func (s *screen) Nav() []navItem {
	if s.visit.tenant == "" {
		return nil
	}
	items := []navItem{
		{Label: "Schedules", Path: "schedules"}, {Label: "Runs", Path: "runs"}, {Label: "Backup sets", Path: "sets"},
		{Label: "Policies", Path: "policies"}, {Label: "Restore", Path: "restore"}, {Label: "Audit", Path: "audit"},
		{Label: "Settings", Path: "settings"},
	}
	for i := range items {
		items[i].Current = items[i].Path == s.page.section
		items[i].Path = s.visit.path(items[i].Path)
	}
	return items
}

// labels are what forms call their fields, some on one page only, where that is not the name in words.
var labels = map[string]string{
	"days_of_week": "Days of the week", "include_foundations": "Include foundations", "retention_keep_last": "Backup sets to keep",
	"policy_ids": "Policies", "timezone": "Time zone", "all": "Everything in the set",
	"existing": "When a policy exists and differs", "copy_suffix": "The copy's name ends in",
	"access_state": "Conditional Access policies that were enabled when they were captured come back",
	"tenant_name":  "Type the name of the tenant", "confirm": "I know that “As they were captured” enforces Conditional Access policies at once and may lock people out",
	"set/name": "Name of the hold", "set_import/name": "Name of the new set",
}

// Label is what the form on the page calls a field: "policy_types" is "Policy types".
func (s *screen) Label(field string) string {
	if label, ok := labels[s.page.template+"/"+field]; ok {
		return label
	}
	return fieldLabel(field)
}

// fieldLabel is what forms call a field.
func fieldLabel(field string) string {
	if label, ok := labels[field]; ok {
		return label
	}
	words := strings.ReplaceAll(field, "_", " ")
	r, n := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(r)) + words[n:]
}

// Field is what the form on the page says about one of its fields.
func (s *screen) Field(name string) fieldState {
	f := fieldState{Name: name}
	for _, e := range s.page.errors {
		if e.Field == name || strings.HasPrefix(e.Field, name+"[") {
			f.Messages = append(f.Messages, sentence(e.Message))
		}
	}
	if s.page.now != nil {
		f.Now = s.page.now(name)
	}
	return f
}

// fieldState is a field of a form, what is wrong with it, and what somebody has made of it since the
// form was opened.
type fieldState struct {
	Name     string
	Messages []string
	Now      string
}

// By are the ids of what describes the field beside others, for aria-describedby.
func (f fieldState) By(others ...string) string {
	if len(f.Messages) > 0 {
		others = append(others, f.Name+"-error")
	}
	if f.Now != "" {
		others = append(others, f.Name+"-now")
	}
	return strings.Join(others, " ")
}
