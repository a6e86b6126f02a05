package pages_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/runs"
)

// rightToLeft begins every name of the test below: a word that is written from right to left.
const rightToLeft = "\u05e9\u05dc\u05d5\u05dd "

var (
	titles = regexp.MustCompile(`(?s)<title>.*?</title>`)
	// Values of differences and of policies stand in blocks of their own, which is as good.
	blocks   = regexp.MustCompile(`(?s)<option.*?</option>|<pre.*?</pre>|<code.*?</code>|<title>.*?</title>|<div class="sides">.*?</div>|<dl class="sides">.*?</dl>`)
	isolates = regexp.MustCompile(`(?s)<bdi>.*?</bdi>|\x{2068}.*?\x{2069}`)
	tags     = regexp.MustCompile(`(?s)<[^>]*>`)
)

func TestNamesDoNotTurnTheTextBesideThemRound(t *testing.T) {
	who := runs.Actor{ID: owner.ID, Name: rightToLeft + "Olivia"}
	w, entrances := filledBy(t, who, rightToLeft, func(cfg *pages.Config) {
		cfg.Principal = func(*http.Request) (runs.Actor, bool) { return who, true }
		cfg.Tenants = func(context.Context, runs.Actor) ([]pages.Tenant, error) {
			return []pages.Tenant{{ID: tenant, Name: rightToLeft + "Contoso"}}, nil
		}
	})
	for _, query := range []string{"deleted=yes", "notice=set_held"} {
		entrances = append(entrances, tenantPath("sets")+"?"+query)
	}
	found, _ := w.crawl(append(entrances, tenantPath("notifications"), tenantPath("audit"), tenantPath("live"))...)
	marked := 0
	for path, body := range found {
		for _, title := range titles.FindAllString(body, -1) {
			if strings.Contains(isolates.ReplaceAllString(title, ""), rightToLeft) {
				t.Errorf("%s has a name in its title that is not isolated: %s", path, title)
			}
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
	if marked < 300 {
		t.Errorf("only %d names on %d pages: the test looks at nothing", marked, len(found))
	}
}
