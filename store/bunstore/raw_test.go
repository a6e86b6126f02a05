package bunstore_test

import (
	"database/sql"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
)

// campaign makes the tests that damage things run at length.
var campaign = flag.Bool("campaign", false, "run the damage campaigns at length")

// rounds is how often a campaign does something: once, or n times at length.
func rounds(n int) int {
	if *campaign {
		return n
	}
	return 1
}

// slower is n, or less with the race detector, which makes SQLite more than ten times slower.
func slower(less, n int) int {
	if testenv.RaceDetector {
		return less
	}
	return n
}

// rawDB opens a database behind the store's back, without its rules.
func rawDB(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=foreign_keys(0)&_pragma=ignore_check_constraints(1)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func rawExec(t testing.TB, db *sql.DB, query string) {
	t.Helper()
	res, err := db.Exec(query)
	if err != nil {
		t.Fatalf("%v: %.300s", err, query)
	}
	if n, _ := res.RowsAffected(); n < 1 && !strings.HasPrefix(query, "DROP") {
		t.Fatalf("no row was changed: %.300s", query)
	}
}

// rawChange is rawExec that may meet a unique rule; then it changes nothing.
func rawChange(t testing.TB, db *sql.DB, query string) bool {
	t.Helper()
	if _, err := db.Exec(query); err != nil && strings.Contains(err.Error(), "UNIQUE") {
		return false
	}
	return true
}

func rawStrings(t testing.TB, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func rawTables(t testing.TB, db *sql.DB) []string {
	t.Helper()
	return rawStrings(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
}

type rawColumn struct{ name, kind string }

func (c rawColumn) quoted() string { return `"` + c.name + `"` }

func rawColumns(t testing.TB, db *sql.DB, table string) (list []rawColumn) {
	t.Helper()
	for _, s := range rawStrings(t, db, "SELECT name || ' ' || type FROM pragma_table_info('"+table+"') ORDER BY cid") {
		name, kind, _ := strings.Cut(s, " ")
		list = append(list, rawColumn{name, kind})
	}
	return list
}

// flip changes one bit of a value, given and returned as an SQL literal, within its type.
// What is NULL becomes a value.
func flip(literal, kind string, rng *rand.Rand) string {
	switch {
	case literal == "NULL" && kind == "INTEGER":
		return "0"
	case literal == "NULL" && kind == "TEXT":
		return "'x'"
	case literal == "NULL":
		return "X'00'"
	case strings.HasPrefix(literal, "X'"):
		raw, err := hex.DecodeString(literal[2 : len(literal)-1])
		if err != nil || len(raw) == 0 {
			return "X'00'"
		}
		raw[rng.IntN(len(raw))] ^= 1 << rng.IntN(8)
		return "X'" + hex.EncodeToString(raw) + "'"
	case strings.HasPrefix(literal, "'"):
		raw := []byte(strings.ReplaceAll(literal[1:len(literal)-1], "''", "'"))
		if len(raw) == 0 {
			return "'x'"
		}
		raw[rng.IntN(len(raw))] ^= 1 << rng.IntN(7) // no NUL, which would end the text
		return "CAST(X'" + hex.EncodeToString(raw) + "' AS TEXT)"
	}
	n, err := strconv.ParseInt(literal, 10, 64)
	if err != nil {
		panic(err)
	}
	return fmt.Sprint(n ^ 1<<rng.IntN(40))
}

func firstID(t testing.TB, db *sql.DB, table string) runs.ID {
	t.Helper()
	var raw []byte
	if err := db.QueryRow("SELECT id FROM " + table + " LIMIT 1").Scan(&raw); err != nil {
		t.Fatal(err)
	}
	return runs.ID(uuidv7.Format([16]byte(raw)))
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want one that is %q", err, want)
	}
}
