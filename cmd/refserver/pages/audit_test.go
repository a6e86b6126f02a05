package pages_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
)

// TestTheAuditLogShowsWhatAChangeOfAScheduleWas in words, field by field, also when the names in it
// look like markup.
func TestTheAuditLogShowsWhatAChangeOfAScheduleWas(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(func(d *backupsched.Draft) { d.TimeOfDay = "06:15" })
	update := func(p backupsched.Patch) {
		t.Helper()
		_, _, err := w.cfg.Scheduler.Update(t.Context(), tenant, owner, s.ID, p)
		check(t, err)
	}
	text := func() string {
		t.Helper()
		body := w.get(readonly, tenantPath("audit")+"?action=schedule.updated").body
		list, _, _ := strings.Cut(body[strings.Index(body, `<ul class="changes">`):], "</ul>")
		return strings.Join(strings.Fields(regexp.MustCompile(`<li>|</li>|<[^>]*>`).ReplaceAllStringFunc(list, func(tag string) string {
			return map[string]string{"<li>": " ", "</li>": "."}[tag]
		})), " ")
	}
	later, weekly, days, keep, yes := "07:00", backupsched.Weekly, []int{1, 3}, 5, !s.IncludeFoundations
	update(backupsched.Patch{TimeOfDay: &later, Frequency: &weekly, DaysOfWeek: &days, RetentionKeepLast: &keep, IncludeFoundations: &yes})
	want := "Days of the week: every day →is now Mon, Wed. Frequency: daily →is now weekly. Include foundations: " + map[bool]string{true: "no →is now yes", false: "yes →is now no"}[yes] +
		". Backup sets to keep: 30 →is now 5. Time of day: 06:15 →is now 07:00."
	if got := text(); got != want {
		t.Errorf("the page says\n%s\nwant\n%s", got, want)
	}
	removed, _ := graph.Catalog.Lookup(s.PolicyTypes[0])
	types := append(s.PolicyTypes[1:], graph.PolicyType("namedLocation"))
	name := "<b>X</b>"
	update(backupsched.Patch{PolicyTypes: &types, Name: &name})
	want = "Name: Nightly →is now &lt;b&gt;X&lt;/b&gt;. Policy types: added Named locations; removed " + removed.DisplayName + "."
	if got := text(); got != want {
		t.Errorf("the page says\n%s\nwant\n%s", got, want)
	}
	w.shows(w.get(readonly, tenantPath("audit")+"?action=schedule.created"), http.StatusOK, "<dt>time of day</dt><dd><bdi>06:15</bdi></dd>", "<dt>policy types</dt><dd><bdi>Settings catalog")
}

// TestTheAuditLogNamesWhatIsGone, of which no list knows the name any more.
func TestTheAuditLogNamesWhatIsGone(t *testing.T) {
	w := newWorld(t, nil)
	made := w.byHand("Before the move")
	run := w.backup(w.schedule(nil).ID)
	must(w.cfg.Retention.Delete(t.Context(), tenant, owner, made.ID))(t)
	must(w.cfg.Retention.PurgeSet(t.Context(), tenant, owner, made.ID))(t)
	check(t, w.cfg.Scheduler.Delete(t.Context(), tenant, owner, run.ScheduleID, ""))
	for query, want := range map[string]string{
		"action=backup_set.purged":  `purged a backup set <span class="quiet">·</span> <bdi>Before the move</bdi>`,
		"action=backup_set.deleted": `deleted a backup set <span class="quiet">·</span> <bdi>Before the move</bdi>`,
		"action=run.finished":       `ended a run: Backup <span class="quiet">·</span> <bdi>Nightly</bdi>`,
		"action=backup.created":     ` policies captured of `,
		"action=schedule.deleted":   `deleted a schedule <span class="quiet">·</span> <bdi>Nightly</bdi>`,
	} {
		w.shows(w.get(readonly, tenantPath("audit")+"?"+query), http.StatusOK, want)
	}
}

// TestTheAuditLogIsFilteredByPersonAndDay of the viewer's zone, on every page of the list.
func TestTheAuditLogIsFilteredByPersonAndDay(t *testing.T) {
	w := newWorld(t, nil) // it is noon on 4 January in UTC, and 01:00 on the 5th on Auckland's clocks
	s := w.schedule(nil)
	w.clock.Add(24 * time.Hour)
	must(w.cfg.Scheduler.Disable(t.Context(), tenant, manager, s.ID))(t)
	w.clock.Add(24 * time.Hour)
	for range 3 {
		must(w.cfg.Scheduler.Enable(t.Context(), tenant, manager, s.ID))(t)
		must(w.cfg.Scheduler.Disable(t.Context(), tenant, owner, s.ID))(t)
	}
	numbers := func(got response) string {
		var list []string
		for _, m := range regexp.MustCompile(`<summary>No\. (\d+)<`).FindAllStringSubmatch(got.body, -1) {
			list = append(list, m[1])
		}
		return strings.Join(list, " ")
	}
	for query, want := range map[string]string{
		"":                              "8 7 6 5 4 3 2 1",
		"actor=manager":                 "7 5 3 2",
		"actor=+manager+":               "7 5 3 2",
		"actor=owner":                   "8 6 4 1",
		"actor=nobody":                  "",
		"actor=Olivia+Owner":            "",
		"actor=system":                  "",
		"from=2026-01-05":               "8 7 6 5 4 3 2",
		"to=2026-01-04":                 "1",
		"from=2026-01-05&to=2026-01-05": "2",
		"from=2026-01-06&actor=owner&action=schedule.disabled": "8 6 4",
		"from=2026-01-06&actor=owner&action=schedule.enabled":  "",
		"id=" + string(s.ID) + "&actor=owner&to=2026-01-05":    "1",
	} {
		if got := numbers(w.get(readonly, tenantPath("audit")+"?"+query)); got != want {
			t.Errorf("%q shows the entries %q, want %q", query, got, want)
		}
	}
	for query, want := range map[string]string{"to=2026-01-04": "", "from=2026-01-05&to=2026-01-05": "1"} {
		if got := numbers(w.getIn("Pacific/Auckland", readonly, tenantPath("audit")+"?"+query)); got != want {
			t.Errorf("%q in Auckland shows the entries %q, want %q", query, got, want)
		}
	}

	const query = "?actor=manager&from=2026-01-05&to=2026-01-06&limit=2"
	got := w.get(readonly, tenantPath("audit")+query)
	w.shows(got, http.StatusOK, `name="actor" value="manager"`, `name="from" value="2026-01-05"`, `name="to" value="2026-01-06"`, ", filtered</caption>")
	next := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(got.body)
	if next == nil {
		t.Fatal("there is no next page")
	}
	second := w.get(readonly, html.UnescapeString(next[1]))
	if first, second := numbers(got), numbers(second); first != "7 5" || second != "3 2" {
		t.Errorf("the pages have %q and %q, want 7 5 and 3 2", first, second)
	}
	// A name in the list leads to what that person did, within the other filters.
	theirs := html.EscapeString(tenantPath("audit") + "?actor=owner&from=2026-01-06")
	w.shows(w.get(readonly, tenantPath("audit")+"?from=2026-01-06"), http.StatusOK, `<a href="`+theirs+`"`, `<option value="manager">`)
}

func TestAFilterOfTheAuditLogThatCannotBeIsRefusedByItsName(t *testing.T) {
	w := newWorld(t, nil)
	w.schedule(nil)
	for query, field := range map[string]string{
		"from=2026-02-31": "from", "from=yesterday": "from", "to=2026-1-1": "to", "from=2026-01-06&to=2026-01-05": "to",
		"actor=" + strings.Repeat("x", 1001): "actor", "actor=a%00b": "actor", "id=olivia": "id", "action=schedule.renamed": "action",
	} {
		got := w.get(readonly, tenantPath("audit")+"?"+query)
		if got.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got.body, `id="`+field+`-error"`) {
			t.Errorf("%q: %s, the field %s is named: %t", query, got.Status, field, strings.Contains(got.body, `id="`+field+`-error"`))
		}
		if !strings.Contains(got.body, "Mend the filter above to see entries.") {
			t.Errorf("%q reads as if nothing had happened: %s", query, text(got.body))
		}
	}
	if got := w.get(readonly, tenantPath("runs")+"?from=2026-01-06&to=2026-01-05"); got.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got.body, `id="to-error"`) {
		t.Errorf("runs of days that end before they begin: %s", got.Status)
	}
}
