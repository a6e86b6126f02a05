package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// content is what a tenant holds in Graph: the hashes of everything, by id and name.
func content(t testing.TB, g *graphtest.Graph, tenant graph.TenantID) map[string]string {
	t.Helper()
	canon, out := backupset.NewCanonicalizer(graph.Catalog), map[string]string{}
	for key, policy := range g.Snapshot(tenant) {
		hash, err := canon.Hash(&policy)
		if err != nil {
			t.Fatal(err)
		}
		out[fmt.Sprintf("%s %s %s", key.Type, key.ID, policy.Name)] = hash.String()
	}
	return out
}

func TestAfterARestartGraphHoldsWhatTheHistoryLeft(t *testing.T) {
	p := openHistory(t)
	made, _ := thePast()
	for _, tenant := range product.TenantIDs() {
		want, got := content(t, made.graph, tenant), content(t, p.graph, tenant)
		if diff := cmp.Diff(want, got); diff != "" || len(want) < 100 {
			t.Errorf("%s, of %d objects (-history +restart):\n%s", tenant, len(want), diff)
		}
	}
}

func TestAfterARestartABackupShowsOnlyWhatTheHistoryChangedLast(t *testing.T) {
	p, s := openHistory(t), staff{"contoso"}
	schedule := p.schedules(t, s)["Nightly baseline"].ID
	before := p.setsOf(t, s, backupset.SetFilter{ScheduleID: schedule})[0]
	for _, want := range []string{"0 added, 1 removed, 1 changed", "0 added, 0 removed, 0 changed"} {
		run, _, err := p.scheduler.RunNow(t.Context(), s.tenant, s.person(runs.RoleOperator), schedule)
		if err != nil {
			t.Fatal(err)
		}
		after := p.finished(t, s, run.ID).BackupSetID
		c, err := p.archive.Compare(t.Context(), s.tenant, s.person(runs.RoleOperator), before.ID, after)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%d added, %d removed, %d changed", len(c.Added), len(c.Removed), len(c.Changed)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		before.ID = after
	}
}

func TestTheFakeGraphWithFaultsHoldsWhatTheHistoryLeft(t *testing.T) {
	p := openHistory(t)
	f, err := startFake(t.Context(), fakeOptions{addr: "127.0.0.1:0", seed: demoSeed, size: demoPolicies, past: true}, p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	client, err := graphFlags{cloud: "global"}.request(f.base, newLoopbackTokens(f.base, nil, func(string) string { return "" }), surroundings{clock: runs.SystemClock{}, log: p.log})
	if err != nil {
		t.Fatal(err)
	}
	ids := func(reader graph.Reader) (ids []string) {
		if err := reader.List(t.Context(), "contoso", config, func(page graph.Page) error {
			for _, h := range page.Headers {
				ids = append(ids, h.ID)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(ids)
		return ids
	}
	if diff := cmp.Diff(ids(p.graph), ids(client)); diff != "" {
		t.Errorf("(-without +with faults):\n%s", diff)
	}
}

func TestATenantThatHasSchedulesIsLeftAlone(t *testing.T) {
	testenv.SlowUnderRace(t)
	data := t.TempDir()
	a, err := open(t.Context(), options{source: source{data: data}, migrate: true, users: product.DemoUsers()})
	if err != nil {
		t.Fatal(err)
	}
	d := backupsched.NewDraft()
	d.Name, d.PolicyTypes, d.Recurrence = "Mine", baseline, backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "12:00", Timezone: "UTC"}
	s := staff{"contoso"}
	if _, _, err = a.scheduler.Create(t.Context(), s.tenant, s.person(runs.RoleOwner), d); err != nil {
		t.Fatal(err)
	}
	if err := a.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time everything is there
		server := serveOn(t, serveOptions{source: source{data: data}, addr: "127.0.0.1:0", role: roleAll, migrate: true, demo: true}, "in a browser")
		if err := server.stop(); err != nil {
			t.Fatal(err)
		}
	}
	p := past{clock: nil}
	if p.app, err = open(t.Context(), options{source: source{data: data}, users: product.DemoUsers()}); err != nil {
		t.Fatal(err)
	}
	defer p.close(t.Context())
	if runs, schedules := p.everyRun(t, s), p.schedules(t, s); len(runs) != 0 || len(schedules) != 1 {
		t.Errorf("contoso has %d runs and %d schedules, want 0 and its own", len(runs), len(schedules))
	}
	s = staff{"fabrikam"}
	all := p.everyRun(t, s)
	if schedules := p.schedules(t, s); len(all) < 70 || len(schedules) != 3 {
		t.Errorf("fabrikam has %d runs and %d schedules, want a history, once", len(all), len(schedules))
	}
	if newest := all[0].CreatedAt; time.Since(newest) > 25*time.Hour || time.Since(newest) < 0 {
		t.Errorf("the history ends at %s, want about now", newest)
	}
}

func TestTheZoneOfTheNightsLosesOrDoublesOne(t *testing.T) {
	for now, want := range map[string]string{
		"2026-04-10": "Europe/Berlin", "2026-03-20": "America/New_York", "2026-10-20": "Australia/Sydney", "2026-10-10": "Australia/Sydney",
		"2026-11-20": "Europe/Berlin", "2026-11-30": "America/New_York", "2026-12-24": "Europe/Berlin", "2026-07-15": "Europe/Berlin",
		"2027-04-01": "Europe/Berlin", "2026-09-20": "America/Santiago",
	} {
		at, err := time.Parse(time.DateOnly, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := historyZone(historyStart(at), at); got != want {
			t.Errorf("on %s it is %s, want %s", now, got, want)
		}
	}
}

var campaign = flag.Bool("campaign", false, "play the history at forty times of the year, not at one more")

func TestTheHistoryHasEverythingWheneverItIsPlayed(t *testing.T) {
	testenv.SlowUnderRace(t)
	random, n := rand.New(rand.NewPCG(2, 3)), 1
	if *campaign {
		n = 40
	}
	for range n {
		now := time.Date(2026, 1, 1, 0, 0, random.IntN(500*24*60*60), 0, time.UTC)
		t.Run(now.Format(time.DateTime), func(t *testing.T) {
			made, err := playAt(now)
			if err != nil {
				t.Fatal(err)
			}
			p := made.open(t, now)
			p.checkEnds(t)
			if c := p.lastNights(t); len(c.Changed) == 0 {
				t.Errorf("the last nights do not differ")
			}
			if diff := cmp.Diff(content(t, made.graph, "contoso"), content(t, p.graph, "contoso")); diff != "" {
				t.Errorf("Graph (-history +restart):\n%s", diff)
			}
			p.checkPreview(t)
		})
	}
}

// hurried is a clock on which waits are over at once, and add up.
type hurried struct {
	runs.SystemClock
	waited *atomic.Int64
}

func (h hurried) After(d time.Duration) <-chan time.Time {
	h.waited.Add(int64(d))
	c := make(chan time.Time, 1)
	c <- h.Now()
	return c
}

func TestTheFakeGraphTakesItsTimeForEachObject(t *testing.T) {
	clock := hurried{waited: new(atomic.Int64)}
	c, err := graphFlags{latency: time.Second}.connect(t.Context(), surroundings{clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	if err := c.client.List(t.Context(), "contoso", compliance, func(page graph.Page) error {
		for _, h := range page.Headers {
			ids = append(ids, h.ID)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.client.Get(t.Context(), "contoso", compliance, ids); err != nil {
		t.Fatal(err)
	}
	if got, want := time.Duration(clock.waited.Load()), time.Duration(len(ids)+1)*time.Second; got != want || len(ids) < 5 {
		t.Errorf("a page and %d objects took %s, want %s", len(ids), got, want)
	}
}
