package pages_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// webForm is a form as a page has it: what a browser would send when nobody changes anything.
type webForm struct {
	page   string // where it stands
	method string
	action string // path and query
	upload bool
	fields []string
	values url.Values
	needed []string // fields that are required and have no value yet
}

var (
	formTags  = regexp.MustCompile(`(?s)<form\s([^>]*)>(.*?)</form>`)
	fieldTags = regexp.MustCompile(`(?s)<(input|button)\s([^>]*)>|<(select|textarea)\s([^>]*)>(.*?)</(?:select|textarea)>`)
	options   = regexp.MustCompile(`<option([^>]*)>`)
	attrs     = regexp.MustCompile(`([a-z-]+)(?:="([^"]*)")?`)
	links     = regexp.MustCompile(`<a\s[^>]*?href="([^"]*)"`)
	anyID     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

func attributes(tag string) map[string]string {
	m := map[string]string{}
	for _, a := range attrs.FindAllStringSubmatch(tag, -1) {
		m[a[1]] = html.UnescapeString(a[2])
	}
	return m
}

// formsOf finds the forms of a page.
func formsOf(t testing.TB, page, body string) (found []webForm) {
	t.Helper()
	at, err := url.Parse(page)
	check(t, err)
	for _, m := range formTags.FindAllStringSubmatch(body, -1) {
		tag := attributes(m[1])
		action, err := at.Parse(tag["action"])
		check(t, err)
		f := webForm{
			page: page, method: strings.ToUpper(tag["method"]), action: action.RequestURI(),
			upload: tag["enctype"] == "multipart/form-data", values: url.Values{},
		}
		if f.method == "" {
			f.method = http.MethodGet
		}
		for _, in := range fieldTags.FindAllStringSubmatch(m[2], -1) {
			f.add(in[1]+in[3], attributes(in[2]+in[4]), in[5])
		}
		found = append(found, f)
	}
	return found
}

// add notes a field and the value that it has.
func (f *webForm) add(element string, a map[string]string, inner string) {
	name := a["name"]
	if name == "" {
		return
	}
	if !slices.Contains(f.fields, name) {
		f.fields = append(f.fields, name)
	}
	if _, required := a["required"]; required && a["value"] == "" && inner == "" {
		f.needed = append(f.needed, name)
	}
	_, checked := a["checked"]
	switch {
	case element == "select":
		for _, o := range options.FindAllStringSubmatch(inner, -1) {
			oa := attributes(o[1])
			if _, chosen := oa["selected"]; chosen || f.values.Get(name) == "" {
				f.values.Set(name, oa["value"])
			}
		}
	case element == "textarea":
		f.values.Set(name, html.UnescapeString(inner))
	case (a["type"] == "checkbox" || a["type"] == "radio") && !checked, element == "button", a["type"] == "file":
	default:
		f.values.Add(name, a["value"])
	}
}

// shape is an address without its ids and parameters.
func shape(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return anyID.ReplaceAllString(path, "{id}")
}

// crawl follows all links of a person from some pages on and returns these, a page of each other
// shape, and the forms on them, one of each action's shape.
func (w *world) crawl(entrances ...string) (pages map[string]string, forms []webForm) {
	w.t.Helper()
	pages = map[string]string{}
	seen, queue := map[string]bool{}, slices.Clone(entrances)
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		key := shape(path)
		if _, q, found := strings.Cut(path, "?"); found {
			values, err := url.ParseQuery(q)
			check(w.t, err)
			names := []string{}
			for k := range values {
				names = append(names, k)
			}
			slices.Sort(names)
			key += "?" + strings.Join(names, "&")
		}
		if seen[key] && !slices.Contains(entrances, path) || pages[path] != "" {
			continue
		}
		seen[key] = true
		got := w.get(owner, path)
		if got.StatusCode != http.StatusOK && got.StatusCode != http.StatusSeeOther {
			w.t.Errorf("a link leads to %s: %s", path, got.Status)
			continue
		}
		if !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
			continue
		}
		pages[path] = got.body
		for _, f := range formsOf(w.t, path, got.body) {
			if !slices.ContainsFunc(forms, func(g webForm) bool {
				return shape(g.action) == shape(f.action) && g.method == f.method && len(g.fields) >= len(f.fields)
			}) {
				forms = append(forms, f)
			}
		}
		at, err := url.Parse(path)
		check(w.t, err)
		for _, m := range links.FindAllStringSubmatch(got.body, -1) {
			if to, err := at.Parse(html.UnescapeString(m[1])); err == nil && strings.HasPrefix(to.Path, w.pages.Pattern()) {
				queue = append(queue, to.RequestURI())
			}
		}
	}
	return pages, forms
}
