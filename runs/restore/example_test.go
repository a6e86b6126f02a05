package restore_test

import (
	"fmt"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// What a restore would do is asked for first; spelling out the defaults is the same request,
// so starting it twice gives one run.
func ExamplePreviewRequest() {
	set := runs.ID("01890000-0000-7000-8000-000000000001")
	a := restore.PreviewRequest(set, restore.PreviewParams{})
	b := restore.PreviewRequest(set, restore.PreviewParams{Options: restore.Options{
		Existing: restore.SkipExisting, Assignments: restore.NoAssignments, Access: restore.AccessKeep,
	}})
	fmt.Println(a.Kind, a.Key == b.Key)
	// Output: restore.preview true
}
