package bunstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/bunstore"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// vandal damages a database that has rows in every table, and puts it back.
type vandal struct {
	*pair
	conn *sql.Conn // without foreign keys and triggers
}

func newVandal(t *testing.T, opts pgstore.Options) *vandal {
	t.Helper()
	v := &vandal{pair: newPair(t, opts)}
	fill(t, v.two[0], "contoso")
	var err error
	v.conn, err = v.admin.Conn(context.Background())
	v.ok(err)
	t.Cleanup(func() { _ = v.conn.Close() })
	v.raw("SET session_replication_role = replica")
	for _, table := range v.tables() {
		v.raw("CREATE TABLE saved_" + table + " AS SELECT * FROM " + table)
	}
	return v
}

func (v *vandal) raw(query string) {
	v.Helper()
	if _, err := v.conn.ExecContext(context.Background(), query); err != nil {
		v.Fatalf("%v: %.300s", err, query)
	}
}

// back undoes what was done to rows.
func (v *vandal) back() {
	v.Helper()
	var script strings.Builder
	for _, table := range v.tables() {
		fmt.Fprintf(&script, "DELETE FROM %s; INSERT INTO %[1]s SELECT * FROM saved_%[1]s; ", table)
	}
	v.raw(script.String())
}

func (v *vandal) problems() []store.Problem {
	v.Helper()
	report, err := v.two[0].Check(v.Context(), store.CheckOptions{ReadData: true})
	v.ok(err)
	return report.Problems
}

// other is an expression for another value of a column, by its type.
var other = map[string]string{
	"text": "coalesce(? || 'x', 'x')", "bigint": "? + 1000003", "integer": "? + 1000003", "boolean": "NOT ?", "uuid": "gen_random_uuid()",
	"timestamp with time zone": "coalesce(? + interval '1 microsecond', now())", "bytea": "coalesce(set_byte(?, 0, get_byte(?, 0) # 1), decode(repeat('01', 32), 'hex'))",
}

func TestCheckReportsAnyChangedColumnOnPostgres(t *testing.T) {
	v := newVandal(t, pgstore.Options{})
	v.raw("ALTER TABLE tb_backup_sets DROP CONSTRAINT tb_backup_sets_status_check; ALTER TABLE tb_runs DROP CONSTRAINT tb_runs_status_check")
	columns := map[string][]string{} // "name type"
	most := 0
	for _, table := range v.tables() {
		if table == "tb_tallies" {
			continue // has a test of its own
		}
		columns[table] = v.strings("SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '" + table + "'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum")
		most = max(most, len(columns[table]))
	}
	for i := range most {
		var script strings.Builder
		damage := map[string]string{}
		for table, list := range columns {
			if i < len(list) {
				name, kind, _ := strings.Cut(list[i], " ")
				damage[table] = name
				fmt.Fprintf(&script, `UPDATE %s SET "%s" = %s WHERE ctid = (SELECT ctid FROM %[1]s ORDER BY random() LIMIT 1);`,
					table, name, strings.ReplaceAll(other[kind], "?", `"`+name+`"`))
			}
		}
		v.raw(script.String())
		problems := v.problems()
		for table, name := range damage {
			if !slices.ContainsFunc(problems, func(p store.Problem) bool {
				return "tb_"+p.Table == table && (p.Code == "row_damaged" || p.Code == "payload_damaged" || p.Code == "chain_broken" || table == "tb_audit_heads")
			}) {
				t.Errorf("the check found nothing of a change of %s.%s", table, name)
			}
		}
		v.back()
	}
	if problems := v.problems(); slices.ContainsFunc(problems, func(p store.Problem) bool { return p.Code != "schema_changed" }) {
		t.Errorf("after everything was put back: %+v", problems)
	}
}

func TestCheckReportsAnyMissingRowOnPostgres(t *testing.T) {
	v := newVandal(t, pgstore.Options{})
	for range 3 {
		var script strings.Builder
		for _, table := range v.tables() {
			if table != "tb_tallies" {
				fmt.Fprintf(&script, "DELETE FROM %s WHERE ctid = (SELECT ctid FROM %[1]s ORDER BY random() LIMIT 1);", table)
			}
		}
		v.raw(script.String())
		problems := v.problems()
		for _, table := range v.tables() {
			if table != "tb_tallies" && !slices.ContainsFunc(problems, func(p store.Problem) bool {
				return "tb_"+p.Table == table && slices.Contains([]string{"row_missing", "schema_changed", "count_wrong"}, p.Code)
			}) {
				t.Errorf("the check found nothing missing in %s: %+v", table, problems)
			}
		}
		v.back()
	}
	v.sound()
}

// TestCheckReportsWrongTalliesOnPostgres: of each table a share of its tally, lost, changed
// or renamed.
func TestCheckReportsWrongTalliesOnPostgres(t *testing.T) {
	v := newVandal(t, pgstore.Options{})
	for _, damage := range []string{"DELETE FROM tb_tallies WHERE ", "UPDATE tb_tallies SET rows = rows + 1 WHERE ", "UPDATE tb_tallies SET name = name || 'x' WHERE "} {
		v.raw(damage + "(name, shard) IN (SELECT DISTINCT ON (name) name, shard FROM tb_tallies WHERE rows <> 0)")
		problems := v.problems()
		for _, name := range v.strings("SELECT DISTINCT name FROM saved_tb_tallies") {
			if !slices.ContainsFunc(problems, func(p store.Problem) bool {
				return (p.Table == name || p.ID == name) && (p.Code == "row_unknown" || p.Code == "row_missing")
			}) {
				t.Errorf("%s: nothing found of %s", damage, name)
			}
		}
		v.back()
	}
	v.sound()
}

// TestCheckReportsAChangedSchemaOnPostgres: whatever no longer keeps what the migrations
// promise, though its name may be there.
func TestCheckReportsAChangedSchemaOnPostgres(t *testing.T) {
	p := newPair(t, pgstore.Options{})
	for what, c := range map[string][2]string{
		"a missing index":      {"DROP INDEX tb_runs_created", "CREATE INDEX tb_runs_created ON tb_runs (tenant_id, created_at, id)"},
		"an invalid index":     {"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'tb_runs_slot'::regclass", "UPDATE pg_index SET indisvalid = true"},
		"an index not unique":  {"DROP INDEX tb_runs_lane; CREATE INDEX tb_runs_lane ON tb_runs (tenant_id, lane) WHERE status = 'running' AND lane > 0", "DROP INDEX tb_runs_lane; CREATE UNIQUE INDEX tb_runs_lane ON tb_runs (tenant_id, lane) WHERE status = 'running' AND lane > 0"},
		"an index of others":   {"DROP INDEX tb_backup_sets_run; CREATE UNIQUE INDEX tb_backup_sets_run ON tb_backup_sets (tenant_id, id)", "DROP INDEX tb_backup_sets_run; CREATE UNIQUE INDEX tb_backup_sets_run ON tb_backup_sets (tenant_id, run_id)"},
		"a lost foreign key":   {"ALTER TABLE tb_run_items DROP CONSTRAINT tb_run_items_fk1", "ALTER TABLE tb_run_items ADD CONSTRAINT tb_run_items_fk1 FOREIGN KEY (tenant_id, run_id) REFERENCES tb_runs (tenant_id, id) ON DELETE RESTRICT"},
		"one that is lax":      {"ALTER TABLE tb_run_items DROP CONSTRAINT tb_run_items_fk1, ADD CONSTRAINT tb_run_items_fk1 FOREIGN KEY (tenant_id, run_id) REFERENCES tb_runs (tenant_id, id) ON DELETE CASCADE", "ALTER TABLE tb_run_items DROP CONSTRAINT tb_run_items_fk1, ADD CONSTRAINT tb_run_items_fk1 FOREIGN KEY (tenant_id, run_id) REFERENCES tb_runs (tenant_id, id) ON DELETE RESTRICT"},
		"one not validated":    {"UPDATE pg_constraint SET convalidated = false WHERE conname = 'tb_run_items_fk1'", "UPDATE pg_constraint SET convalidated = true"},
		"a lost primary key":   {"ALTER TABLE tb_audit_log DROP CONSTRAINT tb_audit_log_pkey", "ALTER TABLE tb_audit_log ADD PRIMARY KEY (tenant_id, seq)"},
		"another primary key":  {"ALTER TABLE tb_audit_heads DROP CONSTRAINT tb_audit_heads_pkey, ADD PRIMARY KEY (seq)", "ALTER TABLE tb_audit_heads DROP CONSTRAINT tb_audit_heads_pkey, ADD PRIMARY KEY (tenant_id)"},
		"disabled triggers":    {"ALTER TABLE tb_payloads DISABLE TRIGGER ALL", "ALTER TABLE tb_payloads ENABLE TRIGGER ALL"},
		"another column type":  {"ALTER TABLE tb_runs ALTER attempt TYPE integer", "ALTER TABLE tb_runs ALTER attempt TYPE bigint"},
		"a column of any text": {"ALTER TABLE tb_runs ALTER kind DROP NOT NULL", "ALTER TABLE tb_runs ALTER kind SET NOT NULL"},
		"a lost default":       {"ALTER TABLE tb_runs ALTER attempt DROP DEFAULT", "ALTER TABLE tb_runs ALTER attempt SET DEFAULT 0"},
		"another default":      {"ALTER TABLE tb_runs ALTER target_id SET DEFAULT 'x'", "ALTER TABLE tb_runs ALTER target_id SET DEFAULT ''"},
		"another order":        {`ALTER TABLE tb_policies ALTER name_key TYPE text COLLATE "default"`, `ALTER TABLE tb_policies ALTER name_key TYPE text COLLATE "C"`},
		"a lost check":         {"ALTER TABLE tb_backup_sets DROP CONSTRAINT tb_backup_sets_status_check", "ALTER TABLE tb_backup_sets ADD CHECK (status IN ('building', 'complete', 'partial'))"},
	} {
		t.Run(what, func(t *testing.T) {
			p := p.of(t)
			p.exec(c[0])
			report, err := p.two[0].Check(t.Context(), store.CheckOptions{})
			p.ok(err)
			wantProblem(t, report, "schema_changed", "")
			p.exec(c[1])
			p.sound()
		})
	}
}

// TestCheckReportsContradictionsOnPostgres as on SQLite, to a store that sees its rows
// through row-level security; and nothing else in a sound one.
func TestCheckReportsContradictionsOnPostgres(t *testing.T) {
	v := newVandal(t, pgstore.Options{RowSecurity: guest()})
	v.sound()
	facts := bunstore.Facts()
	for i, contradict := range bunstore.Contradictions() {
		t.Run(fmt.Sprintf("%d %s in %s", i, facts[i][0], facts[i][1]), func(t *testing.T) {
			v := &vandal{v.of(t), v.conn}
			// As the engine's role: only the owner of the tables may take lines from the log.
			v.ok(contradict(t.Context(), v.open(v.url, pgstore.Options{}).Store))
			report, err := v.two[0].Check(t.Context(), store.CheckOptions{})
			v.ok(err)
			wantProblem(t, report, facts[i][0], facts[i][1])
			v.back()
		})
	}
	v.sound()
}
