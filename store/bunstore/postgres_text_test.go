package bunstore

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/driver/pgdriver"
	"pgregory.net/rapid"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
)

// TestAColumnComesBackFromPostgresAsItWas: as a literal and as an element of an array, over
// both drivers, whatever bytes it has.
func TestAColumnComesBackFromPostgresAsItWas(t *testing.T) {
	url := pgtest.Server(t).Database(t)
	pgx, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer pgx.Close()
	pgd := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(url)))
	defer pgd.Close()
	strange := rapid.Custom(func(t *rapid.T) string {
		part := rapid.OneOf(rapid.SampledFrom([]string{
			"'", `"`, `\`, "{", "}", ",", "NULL", "null", "\n", "\r", "\x00", "\xff", "\xc3", "\ue000", "\ue00001", "\ue0000", "$1", "?", "{runs}", `\x00`, " ", "''", "::", ";", "--", "%s", "ä", "\U0001F600",
		}), rapid.String(), rapid.StringOfN(rapid.Rune(), 0, 5, -1))
		return strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "parts"), "")
	})
	raw := rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) })
	texts := rapid.OneOf(strange, raw)
	for name, kind := range map[string]struct {
		value *rapid.Generator[column]
		blank func() column
	}{
		"text":  {rapid.Map(texts, func(s string) column { return ptr(text(s)) }), func() column { return new(text) }},
		"ident": {rapid.Map(texts, func(s string) column { return ptr(ident(s)) }), func() column { return new(ident) }},
		"optional": {rapid.Custom(func(t *rapid.T) column {
			if rapid.Bool().Draw(t, "set") {
				return &optional{texts.Draw(t, "text"), true}
			}
			return &optional{}
		}), func() column { return new(optional) }},
		"num":  {rapid.Map(rapid.Int64(), func(n int64) column { return ptr(num(n)) }), func() column { return new(num) }},
		"flag": {rapid.Map(rapid.Bool(), func(b bool) column { return ptr(flag(b)) }), func() column { return new(flag) }},
		"ts": {rapid.Custom(func(t *rapid.T) column { // of the years that are written with four digits
			if rapid.Bool().Draw(t, "set") {
				first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()+1, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro()
				return &ts{micro: rapid.Int64Range(first, last).Draw(t, "micro"), set: true}
			}
			return &ts{}
		}), func() column { return new(ts) }},
		"uid":    {rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) column { return ptr(uid(b)) }), func() column { return new(uid) }},
		"digest": {rapid.Map(rapid.SliceOfN(rapid.Byte(), 32, 32), func(b []byte) column { return ptr(digest(b)) }), func() column { return new(digest) }},
		"blob":   {rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 300), func(b []byte) column { return ptr(blob(b)) }), func() column { return new(blob) }},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				values := rapid.SliceOfN(kind.value, 1, 8).Draw(t, "values")
				typ := values[0].(postgresColumn).postgresType()
				var literals []string
				array := []byte("'{")
				for i, v := range values {
					literals = append(literals, fmt.Sprintf("(%d, %s)", i, appendPostgres(nil, v)))
					if i > 0 {
						array = append(array, ',')
					}
					array = appendElement(array, v)
				}
				query := "SELECT l.v, a.v FROM (VALUES " + strings.Join(literals, ", ") + ") AS l(n, v) JOIN unnest(" + string(array) + "}'::" + typ + "[]) WITH ORDINALITY AS a(v, n) ON a.n = l.n + 1 ORDER BY l.n"
				for driver, db := range map[string]*sql.DB{"pgx": pgx, "pgdriver": pgd} {
					rows, err := db.Query(query)
					if err != nil {
						t.Fatalf("%s: %v: %q", driver, err, query)
					}
					for i, v := range values {
						literal, element := kind.blank(), kind.blank()
						if !rows.Next() {
							t.Fatalf("%s: only %d rows: %v", driver, i, rows.Err())
						}
						if err := rows.Scan(postgresDest{literal}, postgresDest{element}); err != nil {
							t.Fatalf("%s: %v: %q", driver, err, query)
						}
						want := string(v.appendSum(nil))
						if string(literal.appendSum(nil)) != want || string(element.appendSum(nil)) != want {
							t.Fatalf("%s: %#v came back as %#v from a literal and %#v from an array", driver, v, literal, element)
						}
					}
					if rows.Next() || rows.Err() != nil {
						t.Fatalf("%s: more rows: %v", driver, rows.Err())
					}
					_ = rows.Close()
				}
			})
		})
	}
}
