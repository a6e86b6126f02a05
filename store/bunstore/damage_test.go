package bunstore_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// TestCheckReportsDamageOfTheFile flips random bits of the database file. Whenever what the
// tables hold is different then, or cannot be read, opening or checking must say so.
func TestCheckReportsDamageOfTheFile(t *testing.T) {
	sound := fullFile(t)
	path := filepath.Join(t.TempDir(), "sound.db")
	if err := os.WriteFile(path, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := dump(path)
	if err != nil {
		t.Fatal(err)
	}
	var used []int // most of a small database is empty pages
	for i, b := range sound {
		if b != 0 {
			used = append(used, i)
		}
	}
	harmless, dir := 0, t.TempDir()
	seeds := slower(15, 60) * rounds(100)
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(uint64(seed), 2))
		damaged := slices.Clone(sound)
		for range 1 + rng.IntN(2) {
			at := used[rng.IntN(len(used))]
			if rng.IntN(4) == 0 {
				at = rng.IntN(len(damaged))
			}
			damaged[at] ^= 1 << rng.IntN(8)
		}
		file := filepath.Join(dir, fmt.Sprintf("%d.db", seed))
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := dump(file)
		if err == nil && got == want {
			harmless++
			continue
		}
		if n, err := checkFile(t, file); err == nil && n == 0 {
			t.Errorf("seed %d: the content differs and the check found nothing: %s", seed, firstDifference(got, want))
		}
		_ = os.Remove(file)
	}
	t.Logf("%d damaged files, %d of them with the same content", seeds, harmless)
	if harmless > seeds*3/4 {
		t.Errorf("%d of %d changes were harmless; the campaign misses its aim", harmless, seeds)
	}
}

// checkFile opens and checks a file and returns how many problems there are.
func checkFile(t *testing.T, path string) (int, error) {
	s, err := sqlitestore.Open(t.Context(), path, sqlitestore.Options{})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	report, err := s.Check(t.Context(), store.CheckOptions{ReadData: true})
	return len(report.Problems), err
}

// dump returns everything that the tables hold, in no order of the file's.
func dump(path string) (string, error) {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return "", err
	}
	defer db.Close()
	tables, err := column(db, "SELECT name FROM sqlite_master WHERE type = 'table'")
	if err != nil {
		return "", err
	}
	var lines []string
	for _, table := range tables {
		names, err := column(db, "SELECT name FROM pragma_table_info('"+table+"')")
		if err != nil {
			return "", err
		}
		if len(names) == 0 {
			return "", fmt.Errorf("table %s has no columns", table)
		}
		rows, err := column(db, `SELECT quote("`+strings.Join(names, `") || ',' || quote("`)+`") FROM "`+table+`" NOT INDEXED`)
		if err != nil {
			return "", err
		}
		for _, r := range rows {
			lines = append(lines, table+" "+strings.Join(names, ",")+": "+r)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), nil
}

func column(db *sql.DB, query string) (list []string, err error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("got %.300s, want %.300s", g[i], w[i])
		}
	}
	return fmt.Sprintf("got %d lines, want %d", len(g), len(w))
}
