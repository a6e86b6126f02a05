package pgtest

import "testing"

func TestEmptyRemovesTheRowsOfTablesThatReferToEachOther(t *testing.T) {
	server := Server(t)
	for name, role := range map[string]string{"the superuser": "NONE", "the owner": "empty_owner"} {
		t.Run(name, func(t *testing.T) {
			url := server.Database(t)
			query(t, url, `DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'empty_owner') THEN CREATE ROLE empty_owner; END IF; END $$;
				CREATE TABLE a (id int PRIMARY KEY, b int);
				CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE RESTRICT);
				ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b ON DELETE RESTRICT;
				ALTER TABLE a OWNER TO empty_owner; ALTER TABLE b OWNER TO empty_owner;
				INSERT INTO a VALUES (1); INSERT INTO b VALUES (2, 1); UPDATE a SET b = 2`)
			if got := query(t, url, `SET ROLE `+role+`; `+Empty("a", "b")+`; SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b)`); got != "0" {
				t.Errorf("%s rows are left", got)
			}
			// References count again, in the same session too.
			if got := query(t, url, `SET ROLE `+role+`; `+Empty("a", "b")+`; SHOW session_replication_role`); got != "origin" {
				t.Errorf("session_replication_role is left at %s", got)
			}
		})
	}
}
