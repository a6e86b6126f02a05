package pages_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

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
