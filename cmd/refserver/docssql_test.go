package main

import (
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
)

// The SQL that the documentation shows makes the users and the database that it speaks of.
func TestTheSQLOfTheDocumentationIsAllThatMigratingNeeds(t *testing.T) {
	var blocks []string
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			blocks = append(blocks, m[1])
		}
	}
	if len(blocks) != 1 {
		t.Fatalf("%d blocks of SQL: run each of them in a test", len(blocks))
	}
	server := pgtest.Server(t)
	admin := connect(t, server.URL())
	suffix := "_" + strings.ToLower(rand.Text())
	script := strings.NewReplacer("backup_owner", "backup_owner"+suffix, "backup_app", "backup_app"+suffix, "backups ", "backups"+suffix+" ", "'...'", "'"+password+"'").Replace(blocks[0])
	t.Cleanup(func() {
		for _, drop := range []string{"DATABASE backups", "ROLE backup_app", "ROLE backup_owner"} {
			execute(t, admin, "DROP "+drop+suffix)
		}
	})
	for statement := range strings.SplitSeq(strings.TrimSpace(script), ";\n") { // a database is not made with others in one message
		execute(t, admin, statement)
	}
	// The roles are the server's, and other tests share it: as the text says of several databases.
	for _, role := range []string{"tenantbackup_app", "tenantbackup_system"} {
		execute(t, admin, "DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '"+role+"') THEN GRANT "+role+" TO backup_owner"+suffix+" WITH ADMIN OPTION; END IF; END $$")
	}
	login := func(user string) string {
		u, err := url.Parse(as(t, server.URL(), user+suffix))
		if err != nil {
			t.Fatal(err)
		}
		u.Path = "/backups" + suffix
		return u.String()
	}
	if code, out, errOut := callSafely(t, "migrate", "-db", login("backup_app"), "-migrate-db", login("backup_owner")); code != exitOK || !strings.Contains(out, "up to date") {
		t.Fatalf("migrate: %d %s %s", code, out, errOut)
	}
	if code, out, errOut := callSafely(t, "dispatch", "-migrate=false", "-db", login("backup_app")); code != exitOK {
		t.Errorf("dispatch: %d %s %s", code, out, errOut)
	}
}
