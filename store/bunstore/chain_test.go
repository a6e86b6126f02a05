package bunstore_test

import (
	"context"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// TestCheckReportsAForgedAuditLog: rows that are each sound, changed by somebody who knows how
// checksums and tallies are made.
func TestCheckReportsAForgedAuditLog(t *testing.T) {
	for what, forgery := range bunstore.Forgeries() {
		t.Run(what, func(t *testing.T) {
			s, _ := fullStore(t)
			if err := forgery.Forge(t.Context(), s.Store); err != nil {
				t.Fatal(err)
			}
			report := check(t, s)
			wantProblem(t, report, forgery.Code, forgery.Table)
			for _, p := range report.Problems {
				if p.Code == "row_damaged" {
					t.Errorf("the forgery was clumsy: %+v", p)
				}
			}
		})
	}
}

func TestCheckReportsAForgedAuditLogOnPostgres(t *testing.T) {
	v := newVandal(t, pgstore.Options{})
	for what, forgery := range bunstore.Forgeries() {
		t.Run(what, func(t *testing.T) {
			v := &vandal{v.of(t), v.conn}
			v.ok(forgery.Forge(t.Context(), v.open(v.url, pgstore.Options{}).Store))
			report, err := v.two[0].Check(t.Context(), store.CheckOptions{})
			v.ok(err)
			wantProblem(t, report, forgery.Code, forgery.Table)
			v.back()
		})
	}
}

// TestTheChainIsTakenBackAndMadeAgain: the rows are sound without it, and it begins anew.
func TestTheChainIsTakenBackAndMadeAgain(t *testing.T) {
	s, path := fullStore(t)
	if n := rawStrings(t, rawDB(t, path), "SELECT count(*) FROM tb_runs WHERE attempt_started_at > 0"); n[0] == "0" {
		t.Error("no run has an attempt; the test misses its aim")
	}
	steps := 1 + stepsAfter(t, "sqlite", "chain")
	if err := s.MigrateDown(t.Context(), steps); err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if report := check(t, s); len(report.Problems) > 0 {
		t.Errorf("problems: %+v", report.Problems)
	}
	goesOn(t, s)
	if report := check(t, s); len(report.Problems) > 0 {
		t.Errorf("problems later: %+v", report.Problems)
	}
}

func TestTheChainIsTakenBackAndMadeAgainOnPostgres(t *testing.T) {
	d := newPostgres(t)
	s := d.open(d.url, pgstore.Options{})
	d.ok(s.Migrate(t.Context()))
	fill(t, s, "contoso")
	d.ok(s.MigrateDown(t.Context(), 1+stepsAfter(t, "postgres", "chain")))
	d.ok(s.Migrate(t.Context()))
	checkPostgres(t, s)
	goesOn(t, s)
	checkPostgres(t, s)
}

// stepsBefore counts the migrations before the one with a name, and stepsAfter those after it.
func stepsBefore(t *testing.T, dialect, name string) int {
	t.Helper()
	list, err := bunstore.Migrations(dialect, "")
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range list {
		if m.Name == name {
			return i
		}
	}
	t.Fatalf("no migration %s", name)
	return 0
}

func stepsAfter(t *testing.T, dialect, name string) int {
	t.Helper()
	list, err := bunstore.Migrations(dialect, "")
	if err != nil {
		t.Fatal(err)
	}
	return len(list) - 1 - stepsBefore(t, dialect, name)
}

// TestTheLogOfAStoreIsVerified: what the store chained is what the engine verifies.
func TestTheLogOfAStoreIsVerified(t *testing.T) {
	s, _ := fullStore(t)
	starter, err := runs.NewStarter(runs.StarterConfig{
		Store: s, Queue: struct{ runs.Queue }{}, Authorizer: runs.RoleAuthorizer{RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleOwner, nil }},
	})
	if err != nil {
		t.Fatal(err)
	}
	verify := func() runs.AuditVerification {
		t.Helper()
		v, err := starter.VerifyAudit(t.Context(), "contoso", runs.Actor{ID: "ada"}, runs.AuditHead{})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := verify(); !v.Sound() || v.Checked == 0 || v.Unchained > 0 {
		t.Errorf("%+v", v)
	}
	if err := bunstore.Forgeries()["an entry was changed"].Forge(t.Context(), s.Store); err != nil {
		t.Fatal(err)
	}
	if v := verify(); len(v.Breaks) != 1 || v.Breaks[0] != (runs.AuditBreak{Seq: 3, Code: runs.AuditChanged}) {
		t.Errorf("of a changed entry: %+v", v)
	}
}
