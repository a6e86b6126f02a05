package bunstore_test

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// TestMonthOfBackupsTakesLittleSpace: 30 daily backups of 500 policies of which 1 % change
// a day take at most 1/25 of their JSON on the disk, all history and indexes included.
func TestMonthOfBackupsTakesLittleSpace(t *testing.T) {
	testenv.SlowUnderRace(t)
	s, path := newStore(t, sqlitestore.Options{})
	w := newWorker(t, s, "5c0ffee5-0000-4000-8000-00000000000a", 500)
	w.days(30)
	if report, err := s.Check(t.Context(), store.CheckOptions{ReadData: true}); err != nil || len(report.Problems) > 0 {
		t.Errorf("check: %+v %v", report, err)
	}
	t.Log(strings.Join(tableSizes(t, path), "\n"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	share := float64(w.raw) / float64(info.Size())
	t.Logf("%.1f MB of JSON take %.2f MB: 1/%.1f", float64(w.raw)/1e6, float64(info.Size())/1e6, share)
	if share < 25 {
		t.Errorf("takes 1/%.1f of the JSON, want at most 1/25", share)
	}
}

// tableSizes lists how many bytes each table and index takes.
func tableSizes(t *testing.T, path string) (list []string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT name, sum(pgsize), sum(ncell), sum(unused) FROM dbstat GROUP BY name ORDER BY 2 DESC")
	if err != nil {
		return []string{err.Error()}
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var size, cells, unused int
		if err := rows.Scan(&name, &size, &cells, &unused); err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%9d bytes, %7d cells, %7d unused: %s", size, cells, unused, name))
	}
	return list
}
