package main

import (
	"database/sql"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// damaged is a database of a tenant with backups, closed.
func damaged(t *testing.T, statements ...string) string {
	t.Helper()
	data := t.TempDir()
	if err := demo(t.Context(), data, &strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", databasePath(data))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		res, err := db.ExecContext(t.Context(), s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			t.Fatalf("%s changed %d rows (error %v), want 1", s, n, err)
		}
	}
	return data
}

func TestCheckReportsDamageWithExitCode1(t *testing.T) {
	for _, tt := range []struct {
		name, statement string
		readData        bool
	}{
		{"a name was edited", `UPDATE tb_policy_versions SET name = name || 'x' WHERE id = (SELECT min(id) FROM tb_policy_versions)`, false},
		{"a line of the audit log is missing", `DELETE FROM tb_audit_log WHERE tenant_id = 'contoso' AND seq = 3`, false},
		{"a payload was overwritten", `UPDATE tb_payloads SET data = zeroblob(length(data)) WHERE id = (SELECT min(id) FROM tb_payloads)`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"check", "-data", damaged(t, tt.statement)}
			if tt.readData {
				args = append(args, "-read-data")
			}
			code, out, errOut := call(t, args...)
			if code != exitDamaged || strings.Contains(out, ": 0 problems") {
				t.Errorf("exit code %d: %s %s", code, out, errOut)
			}
		})
	}
}
