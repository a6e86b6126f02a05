package bunstore_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// What a sweep asks must not take a time that grows with the square of a tenant's waiting
// runs: the server would end the statement, and no run of a dead worker came back any more.
func TestASweepLooksThroughALongLineInTime(t *testing.T) {
	waiting, within := 8_000, 5*time.Second
	if testenv.RaceDetector { // under which SQLite, being Go, takes a hundred times as long
		waiting, within = 200, time.Minute
	}
	now := time.Now()
	ids := uuidv7.NewGenerator(func() time.Time { return now })
	line := make([]runs.Run, waiting)
	for i := range line {
		line[i] = runs.Run{
			ID: runs.ID(ids.New()), TenantID: "contoso", Kind: "example.report", Trigger: runs.TriggerSystem, Actor: runs.SystemActor,
			Status: runs.StatusQueued, CreatedAt: now.Add(-time.Hour), UpdatedAt: now.Add(-time.Hour),
			Key: fmt.Sprint(waiting + waiting - i), // an index in the order of keys shows the last ones first
		}
	}
	stores := map[string]func(t *testing.T) *bunstore.Store{
		"SQLite": func(t *testing.T) *bunstore.Store {
			s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "line.db"), sqlitestore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s.Store
		},
		"Postgres": func(t *testing.T) *bunstore.Store {
			d := newPostgres(t)
			o := d.options()
			o.RowSecurity, o.Connection.StatementTimeout = nil, within
			return d.open(d.url, o).Store
		},
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.ImportRuns(t.Context(), line); err != nil {
				t.Fatal(err)
			}
			for lanes := 1; lanes <= 2; lanes++ {
				began := time.Now()
				list, err := s.StrandedRuns(t.Context(), runs.Stranded{QueuedBefore: now, Lanes: lanes, Limit: 500})
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d lanes: %v", lanes, time.Since(began))
				if took := time.Since(began); took > within {
					t.Errorf("%d runs that wait for %d lanes were looked through in %v", waiting, lanes, took)
				}
				if len(list) != lanes || list[0].ID != line[0].ID {
					t.Errorf("%d runs, want the %d at the head of the line", len(list), lanes)
				}
			}
		})
	}
	_ = graph.TenantID("")
}
