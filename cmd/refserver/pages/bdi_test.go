package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/runs"
)

// named begins every name of the test below: a word that is written from right to left, and the
// character that turns round what follows it. rightToLeft is how pages show it.
const (
	named       = "\u05e9\u05dc\u05d5\u05dd \u202e"
	rightToLeft = "\u05e9\u05dc\u05d5\u05dd \\u202e"
)

var (
	titles = regexp.MustCompile(`(?s)<title>.*?</title>`)
	// Values of differences and of policies stand in blocks of their own, which is as good.
	blocks   = regexp.MustCompile(`(?s)<option.*?</option>|<pre.*?</pre>|<code.*?</code>|<title>.*?</title>|<div class="sides">.*?</div>|<dl class="sides">.*?</dl>`)
	isolates = regexp.MustCompile(`(?s)<bdi>.*?</bdi>|\x{2068}.*?\x{2069}`)
	// Where there can be no element: options, and what is read out or pops up.
	texts = regexp.MustCompile(`(?s)<option[^>]*>.*?</option>|(?:aria-label|title|placeholder)="[^"]*"`)
	// The name of a set with its time, or with its tenant, in one element.
	composed = regexp.MustCompile(`<bdi>\x{05e9}[^<\x{2069}]*(, deleted|, [A-Z][a-z]{2} \d+ [A-Z][a-z]{2} \d{4}| of \x{05e9})`)
	typed    = regexp.MustCompile(` value="[^"]*"`)
	tags     = regexp.MustCompile(`(?s)<[^>]*>`)
)

func TestNamesDoNotTurnTheTextBesideThemRound(t *testing.T) {
	who := runs.Actor{ID: owner.ID, Name: named + "Olivia"}
	w, entrances := filledBy(t, who, named, func(cfg *pages.Config) {
		cfg.Principal = func(*http.Request) (runs.Actor, bool) { return who, true }
		cfg.Tenants = func(context.Context, runs.Actor) ([]pages.Tenant, error) {
			return []pages.Tenant{{ID: tenant, Name: named + "Contoso"}}, nil
		}
	})
	for _, query := range []string{"deleted=yes", "notice=set_held"} {
		entrances = append(entrances, tenantPath("sets")+"?"+query)
	}
	found, _ := w.crawl(append(entrances, tenantPath("notifications"), tenantPath("audit"), tenantPath("live"))...)
	marked, labels := 0, 0
	for path, body := range found {
		for _, title := range titles.FindAllString(body, -1) {
			if strings.Contains(isolates.ReplaceAllString(title, ""), rightToLeft) {
				t.Errorf("%s has a name in its title that is not isolated: %s", path, title)
			}
		}
		if at := strings.Index(typed.ReplaceAllString(body, ""), "\u202e"); at >= 0 {
			t.Errorf("%s has a character that turns text round: %q", path, typed.ReplaceAllString(body, "")[max(0, at-80):at+40])
		}
		for _, text := range texts.FindAllString(body, -1) {
			if strings.Contains(text, rightToLeft) {
				labels++
				if strings.Contains(isolates.ReplaceAllString(text, ""), rightToLeft) {
					t.Errorf("%s has a name that is not isolated: %s", path, text)
				}
			}
		}
		if text := composed.FindString(body); text != "" {
			t.Errorf("%s has a name that is not isolated from what goes with it: %s", path, text)
		}
		body = blocks.ReplaceAllString(body, "")
		marked += strings.Count(body, "<bdi>"+rightToLeft)
		lines := strings.Split(isolates.ReplaceAllString(body, "<bdi></bdi>"), "\n")
		for _, line := range slices.Compact(lines) {
			if strings.Contains(tags.ReplaceAllString(line, ""), rightToLeft) {
				t.Errorf("%s has a name without <bdi>: %s", path, strings.TrimSpace(line))
			}
		}
	}
	if marked < 300 || labels < 20 {
		t.Errorf("only %d names and %d labels on %d pages: the test looks at nothing", marked, labels, len(found))
	}
}

// What a page shows of a name is what a person can type.
func TestANameIsConfirmedAsAPageShowsIt(t *testing.T) {
	w := newWorld(t, nil)
	at := tenantPath("sets", w.byHand("Evil \u202egpj.exe").ID)
	w.post(owner, at+"/delete", nil)
	w.get(owner, at+"/purge").shows(t, `<bdi>Evil \u202egpj.exe</bdi>`)
	if got := w.post(owner, at+"/purge", url.Values{"confirm": {"Evil exe.jpg"}}); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("confirmed by what it looked like: %s", got.Status)
	}
	w.post(owner, at+"/purge", url.Values{"confirm": {`Evil \u202egpj.exe`}}).leads(t, tenantPath("sets")+"?deleted=yes&notice=set_purged")
}
