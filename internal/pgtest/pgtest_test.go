package pgtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestMain(m *testing.M) { Main(m) }

// query returns the only value that a statement returns, as text.
func query(t testing.TB, url, statement string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := pgconn.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, statement).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return ""
	}
	return string(last.Rows[0][0])
}

const countTables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"

func TestADatabaseIsEmptyAndSeparate(t *testing.T) {
	server := Server(t)
	first, second := server.Database(t), server.Database(t)
	query(t, first, "CREATE TABLE a ()")
	if got := query(t, first, countTables); got != "1" {
		t.Fatalf("%s tables where one was created", got)
	}
	if got := query(t, second, countTables); got != "0" {
		t.Errorf("%s tables in a new database", got)
	}
}
