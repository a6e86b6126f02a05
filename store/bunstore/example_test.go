package bunstore_test

import (
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantbackup/store/bunstore"
)

// A host that keeps its migrations in a tool of its own prints the SQL and runs it there.
func ExampleMigrations() {
	list, err := bunstore.Migrations("sqlite", "backup_")
	if err != nil {
		panic(err)
	}
	for _, m := range list {
		fmt.Println(m.ID, m.Name, strings.Contains(m.Up, `"backup_`))
	}
	// Output:
	// 1 initial true
	// 2 lanes true
	// 3 chain true
	// 4 operations true
	// 5 lists true
	// 6 batches true
	// 7 audit_filters true
}
