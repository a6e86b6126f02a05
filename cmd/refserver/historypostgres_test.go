package main

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
)

// On Postgres the database's clock judges leases, and stamps what happens, but not in a history.
func TestOfProcessesOnPostgresOnePlaysTheHistory(t *testing.T) {
	testenv.SlowUnderRace(t)
	w := migrated(t)
	file, src := source{data: t.TempDir()}, source{url: w.login, rowSecurity: true}
	for _, s := range []source{src, file} {
		if _, err := playHistory(t.Context(), s, historyNow, []graph.TenantID{"fabrikam"}); err != nil {
			t.Fatal(err)
		}
	}

	mock := clock.NewMock()
	mock.Set(historyNow)
	var apps [2]*app
	for i := range apps {
		a, err := open(t.Context(), options{source: src, clock: mock, users: product.DemoUsers(), history: true})
		if err != nil {
			t.Fatal(err)
		}
		defer a.close(t.Context())
		apps[i] = a
	}
	// Now contoso's: a worker and a dispatcher come at once.
	var wg sync.WaitGroup
	var errs [2]error
	for i, r := range []role{roleWorker, roleDispatcher} {
		wg.Go(func() { errs[i] = apps[i].begin(t.Context(), r) })
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	onFile, err := open(t.Context(), options{source: file, users: product.DemoUsers()})
	if err != nil {
		t.Fatal(err)
	}
	defer onFile.close(t.Context())
	p := past{app: apps[0]}
	if diff := cmp.Diff(past{app: onFile}.told(t, "fabrikam"), p.told(t, "fabrikam")); diff != "" {
		t.Errorf("fabrikam's history (-SQLite +Postgres):\n%s", diff)
	}
	s := staff{"contoso"}
	if schedules, all := p.schedules(t, s), p.everyRun(t, s); len(schedules) != 4 || len(all) < 80 {
		t.Errorf("contoso has %d schedules and %d runs, want one history", len(schedules), len(all))
	}
	for _, r := range p.everyRun(t, s) {
		if r.FinishedAt.After(historyNow) || r.StartedAt.After(historyNow) || r.FinishedAt.Sub(r.CreatedAt) > time.Hour || r.LeaseUntil.After(historyNow) {
			t.Errorf("%s of %s ended at %s", r.Kind, r.CreatedAt, r.FinishedAt)
		}
	}
}
