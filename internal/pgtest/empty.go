package pgtest

import "strings"

// Empty returns the statement that removes all rows of tables which refer to no other
// tables and to which no others refer. It is much quicker than TRUNCATE, which makes a new
// file for every table and index, where the role is a superuser: with no row left in any of
// them no reference needs a look. Any other role truncates.
func Empty(tables ...string) string {
	return `DO $$ BEGIN
		IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
			SET LOCAL session_replication_role = replica;
			DELETE FROM ` + strings.Join(tables, "; DELETE FROM ") + `;
			SET LOCAL session_replication_role = origin;
		ELSE
			TRUNCATE ` + strings.Join(tables, ", ") + `;
		END IF;
	END $$`
}
