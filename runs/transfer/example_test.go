package transfer_test

import (
	"fmt"
	"time"

	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// The same file is the same import, however often and under whatever id it was uploaded.
func ExampleImportRequest() {
	at := time.Date(2026, 1, 6, 12, 0, 0, 0, time.UTC)
	a := transfer.ImportRequest(transfer.Upload{ID: "1", SHA256: "ab12", CreatedAt: at}, "")
	b := transfer.ImportRequest(transfer.Upload{ID: "2", SHA256: "ab12", CreatedAt: at}, "From the old tool")
	fmt.Println(a.Kind, a.Key == b.Key)
	fmt.Println(a.SetName)
	fmt.Println(b.SetName)
	// Output:
	// backup_set.import true
	// Import of 2026-01-06 12:00 UTC
	// From the old tool
}
