package pgstore_test

import (
	"testing"

	"github.com/uptrace/bun"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

func TestTheTablesLieInTheSchemaOfTheConnection(t *testing.T) {
	url := pgtest.Server(t).Database(t)
	host := must(pgstore.Open(t.Context(), url, pgstore.Options{}))(t)
	defer host.Close()
	for _, schema := range []string{"backup", `Two, "words"`} {
		if _, err := host.DB().Exec("CREATE SCHEMA ?", bun.Ident(schema)); err != nil {
			t.Fatal(err)
		}
		s := must(pgstore.Open(t.Context(), url, pgstore.Options{Connection: pgstore.Connection{Schema: schema}}))(t)
		ok(t, s.Migrate(t.Context()))
		ok(t, s.Ready(t.Context()))
		ok(t, s.Close())
		var n int
		if err := host.DB().QueryRow("SELECT count(*) FROM pg_tables WHERE schemaname = ? AND tablename = 'tb_runs'", schema).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d tables in schema %s, error %v", n, schema, err)
		}
	}
}
