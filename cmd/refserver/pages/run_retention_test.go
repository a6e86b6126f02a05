package pages_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
)

// kinds are the kinds and states of the runs that a list shows, in its order.
func (r response) kinds() string {
	var list []string
	for _, m := range regexp.MustCompile(`(?s)<th scope="row" role="rowheader"><a href="[^"]*">([^<]*)</a></th>.*?data-label="Status">.*?</svg>([^<]*)`).FindAllStringSubmatch(r.body, -1) {
		list = append(list, m[1]+" "+m[2])
	}
	return strings.Join(list, ",")
}

// Each backup is followed by a retention run, which drowns all others.
func TestTheListOfRunsLeavesOutRetentionThatSucceeded(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	w.backup(s.ID)
	w.byHand("By hand")
	stopped := must2(w.cfg.Starter.Start(t.Context(), tenant, owner, retention.ApplyRequest(s.ID, "")))(t)
	must(w.cfg.Starter.Cancel(t.Context(), tenant, owner, stopped.ID))(t)
	const hidden, shown = "Retention runs that succeeded are not shown.", "Retention runs are shown, too."
	for query, want := range map[string]struct{ runs, says string }{
		"":                                 {"Retention canceled,New backup set success,Backup success", hidden},
		"retention=shown":                  {"Retention canceled,New backup set success,Retention success,Backup success", shown},
		"kind=retention.apply":             {"Retention canceled,Retention success", ""},
		"kind=backup":                      {"Backup success", ""},
		"trigger=system":                   {"Retention success", ""},
		"trigger=manual":                   {"Retention canceled,New backup set success,Backup success", hidden},
		"status=canceled":                  {"Retention canceled", ""},
		"status=success":                   {"New backup set success,Backup success", hidden},
		"schedule=" + string(s.ID):         {"Backup success", ""}, // a retention run is about a schedule, and not of it
		"status=success&retention=shown":   {"New backup set success,Retention success,Backup success", shown},
		"kind=backup&retention=shown":      {"Backup success", ""},
		"from=2027-01-01":                  {"", hidden},
		"from=2027-01-01&retention=shown":  {"", shown},
		"status=canceled&trigger=schedule": {"", ""},
	} {
		got := w.get(readonly, tenantPath("runs")+"?"+query)
		if got := got.kinds(); got != want.runs {
			t.Errorf("%q shows %q, want %q", query, got, want.runs)
		}
		for _, says := range []string{hidden, shown} {
			if got := strings.Contains(got.body, says); got != (says == want.says) {
				t.Errorf("%q says %q: %t", query, says, got)
			}
		}
	}
}

// Every backup of a schedule that has made enough retires a set, so that retention which did is no
// rarer: what it retired is found by the list of deleted sets.
func TestTheListOfRunsLeadsToWhatRetentionRetired(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(func(d *backupsched.Draft) { d.RetentionKeepLast = 1 })
	for range 3 {
		w.clock.Add(25 * time.Hour)
		w.backup(s.ID)
	}
	const deleted = "?deleted=yes"
	w.get(readonly, tenantPath("runs")).shows(t, `<a href="`+tenantPath("sets")+deleted+`">what they retired</a>`)
	w.get(readonly, tenantPath("sets")+deleted).shows(t, "2 backup sets, deleted")
	w.get(readonly, tenantPath("audit")+"?action=retention.applied").shows(t, "1 backup set retired, 1 kept")
}

func TestTheChoiceToSeeRetentionRunsStays(t *testing.T) {
	w := newWorld(t, nil)
	s := w.schedule(nil)
	for range 3 {
		w.backup(s.ID)
	}
	next := func(r response) response { return w.get(readonly, r.link(t, "Next page")) }
	at := tenantPath("runs") + "?limit=2&status=success"
	few := w.get(readonly, at)
	if got, then := few.kinds(), next(few).kinds(); got != "Backup success,Backup success" || then != "Backup success" {
		t.Errorf("pages of %q, then %q", got, then)
	}
	all := w.get(readonly, few.link(t, "Show them"))
	for page := range 3 {
		if got := all.kinds(); got != "Retention success,Backup success" {
			t.Errorf("page %d of all: %q", page, got)
		}
		all.shows(t, `<input type="hidden" name="retention" value="shown">`)
		if page < 2 {
			all = next(all)
		}
	}
	back, err := url.Parse(all.link(t, "Leave out those that succeeded"))
	check(t, err)
	if q := back.Query(); q.Has("retention") || q.Has("cursor") || q.Get("status") != "success" {
		t.Errorf("leads back to %s", back)
	}
	if n := len(must(w.cfg.Starter.List(t.Context(), tenant, owner, runs.RunFilter{}, runs.PageRequest{}))(t).Items); n != 6 {
		t.Error(fmt.Sprint(n, " runs"))
	}
}
