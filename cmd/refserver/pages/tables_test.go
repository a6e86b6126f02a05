package pages_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	tables    = regexp.MustCompile(`(?s)<table\b.*?</table>`)
	tableTags = regexp.MustCompile(`<(table|thead|tbody|tr|th|td)\b[^>]*>`)
	captions  = regexp.MustCompile(`(?s)^<table\b[^>]*>\s*<caption\b[^>]*>(.*?)</caption>`)
	headTags  = regexp.MustCompile(`<th\b[^>]*>`)
	scopes    = regexp.MustCompile(`\sscope="(col|row|colgroup|rowgroup)"`)
)

// On a phone the rows of a table are blocks, which takes its roles away from it: they are written
// out, so that assistive technology still finds rows and cells, and each cell brings its head along.
func TestTablesThatFoldOnAPhoneStayTables(t *testing.T) {
	roles := map[string]string{"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}
	files, err := filepath.Glob("templates/*.html")
	check(t, err)
	found := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		check(t, err)
		for _, table := range tables.FindAllString(string(source), -1) {
			found++
			for _, m := range tableTags.FindAllStringSubmatch(table, -1) {
				tag, role := m[0], roles[m[1]]
				switch {
				case m[1] == "th" && strings.Contains(tag, `scope="row"`):
					role = "rowheader"
				case m[1] == "th":
					role = "columnheader"
				}
				if !strings.Contains(tag, `role="`+role+`"`) {
					t.Errorf("%s: %s has no role %s", file, tag, role)
				}
				if m[1] == "table" && !regexp.MustCompile(`class="[^"]*\bfold\b`).MatchString(tag) {
					t.Errorf("%s: %s does not fold", file, tag)
				}
				if m[1] == "td" && strings.Contains(tag, "data-label") == regexp.MustCompile(`class="(pick|row-actions|actions|more)"`).MatchString(tag) {
					t.Errorf("%s: %s: cells of values have a label, and others none", file, tag)
				}
			}
		}
	}
	if found < 15 {
		t.Errorf("%d tables", found)
	}
}

// What a table is about, and which head a cell belongs to, is said to who cannot see it.
func TestEveryTableHasACaptionAndHeadsWithAScope(t *testing.T) {
	w, entrances := filled(t)
	shown, _ := w.crawl(entrances...)
	files, err := filepath.Glob("templates/*.html")
	check(t, err)
	for _, file := range files { // and those that no link leads to
		shown[file] = string(must(os.ReadFile(file))(t))
	}
	found := 0
	for at, body := range shown {
		for _, table := range tables.FindAllString(body, -1) {
			found++
			if m := captions.FindStringSubmatch(table); m == nil || strings.TrimSpace(tags.ReplaceAllString(m[1], "")) == "" {
				t.Errorf("%s has a table without a caption: %.200s", at, table)
			}
			heads := headTags.FindAllString(table, -1)
			if len(heads) == 0 {
				t.Errorf("%s has a table without heads: %.200s", at, table)
			}
			for _, head := range heads {
				if !scopes.MatchString(head) {
					t.Errorf("%s: %s has no scope", at, head)
				}
			}
		}
	}
	if found < 30 {
		t.Errorf("%d tables: the test looks at nothing", found)
	}
}
