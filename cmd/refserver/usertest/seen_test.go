package usertest

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// seen is what of the pages a browser has looked at.
type seen struct {
	mux *http.ServeMux // of the pages' own patterns

	mu        sync.Mutex
	planned   int             // groups of pages
	done      int             // of them
	routes    map[string]bool // that are to be seen, and whether they were
	templates map[string]bool
	partial   int // badges
}

// gateTable is a line of the table of all routes, which a test of the pages holds against them.
var gateTable = regexp.MustCompile(`"GET ([^"]+)":`)

// noPages are routes whose answers are no pages.
var noPages = map[string]string{
	"live":                                  "a part of every page",
	"schedules/preview":                     "a part of the form of a schedule",
	"sets/{id}/items/{item}/json":           "a download",
	"policies/{id}/versions/{version}/json": "a download",
}

// allPages is the list of what is to be seen: every GET of the pages and every template of a page.
func allPages(t *testing.T) *seen {
	t.Helper()
	const pages = "../pages/"
	s := &seen{mux: http.NewServeMux(), routes: map[string]bool{}, templates: map[string]bool{}}
	table, err := os.ReadFile(pages + "gate_test.go")
	if err != nil {
		t.Fatal(err)
	}
	lost := maps.Clone(noPages)
	for _, m := range gateTable.FindAllStringSubmatch(string(table), -1) {
		pattern := "/backups/{tenant}/" + m[1]
		s.mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
		if _, ok := noPages[m[1]]; !ok {
			s.routes[pattern] = false
		}
		delete(lost, m[1])
	}
	for path := range lost {
		t.Errorf("%s is said to be no page, and there is no such route", path)
	}
	files, err := filepath.Glob(pages + "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".html")
		if name != "layout" && !strings.HasPrefix(name, "part_") && !strings.HasPrefix(name, "fragment_") {
			s.templates[name] = false
		}
	}
	if len(s.routes) < 30 || len(s.templates) < 30 {
		t.Fatalf("only %d routes and %d templates are known", len(s.routes), len(s.templates))
	}
	return s
}

// group runs the look at some pages.
func (s *seen) group(t *testing.T, name string, look func(*testing.T)) {
	s.planned++
	t.Run(name, func(t *testing.T) {
		t.Cleanup(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.done++
		})
		look(t)
	})
}

// note takes down what a tab has open, and what led there.
func (s *seen) note(b *tab) {
	b.t.Helper()
	template := eval[string](b, `document.body.dataset.page ?? ""`)
	b.mu.Lock()
	opened := b.opened
	b.opened = nil
	b.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range opened {
		req, err := http.NewRequest(http.MethodGet, path, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		if _, pattern := s.mux.Handler(req); pattern != "" {
			s.routes[pattern] = true
		}
	}
	if _, ok := s.templates[template]; !ok && template != "" {
		b.t.Errorf("%s is made of %q, which is no template", b.path(), template)
	}
	s.templates[template] = true
}

// check fails for what nobody has looked at; not when only some groups were asked for.
func (s *seen) check(t *testing.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done < s.planned {
		return
	}
	for _, list := range []map[string]bool{s.routes, s.templates} {
		for _, name := range slices.Sorted(maps.Keys(list)) {
			if !list[name] {
				t.Errorf("the browser has not looked at %s", name)
			}
		}
	}
	if s.partial == 0 {
		t.Error("the browser has seen nothing that is partial")
	}
}

// partialBadges tells of each badge that says partial whether it looks like a success.
const partialBadges = `(() => {
	const amber = color => {
		const [r, g, b] = color.match(/[\d.]+/g).map(Number), top = Math.max(r, g, b), low = Math.min(r, g, b);
		return r === top && b === low && top - low > 20 && (g - b) / (top - low) > 0.33 && (g - b) / (top - low) < 0.9;
	};
	return [...document.querySelectorAll(".badge")].filter(e => e.textContent.trim() === "partial").map(e => {
		const s = getComputedStyle(e);
		return amber(s.color) && amber(s.backgroundColor) && e.matches(".warn") && e.querySelector("svg") !== null ? "" : s.color + " on " + s.backgroundColor + ": " + e.outerHTML;
	});
})()`

// amber checks that what is partial never looks like a success: hues from 20 to 54 degrees.
func (s *seen) amber(b *tab) {
	b.t.Helper()
	badges := eval[[]string](b, partialBadges)
	for _, wrong := range badges {
		if wrong != "" {
			b.t.Errorf("%s: partial is not amber: %s", b.path(), wrong)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partial += len(badges)
}
