package restore_test

import (
	"testing"

	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// BenchmarkPreview previews the restore of 2,000 policies over a Graph in memory. It is to
// stay under 2 s on 2 cores.
func BenchmarkPreview(b *testing.B) {
	n := 2000
	if testing.Short() {
		n = 100
	}
	for _, c := range []struct {
		name   string
		change int // one in so many policies
		remove int
	}{{"unchanged", 0, 0}, {"a tenth changed", 10, 0}, {"all changed", 1, 0}, {"all missing", 0, 1}} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b, rig.Options{Policies: n}, nil, restore.PreviewerConfig{})
			set := w.backup()
			for i, item := range w.SetItems(set) {
				if c.change > 0 && i%c.change == 0 {
					w.ok(w.Graph.Change(rig.Tenant, item.Type, item.ExternalID, uint64(i)))
				}
				if c.remove > 0 && i%c.remove == 0 {
					w.ok(w.Graph.Delete(rig.Tenant, item.Type, item.ExternalID))
				}
			}
			o := restore.Options{Existing: restore.Overwrite, Assignments: restore.MappedAssignments}
			for b.Loop() {
				run := w.do(rig.Tenant, restore.PreviewRequest(set, restore.PreviewParams{Options: o}))
				if run.Status != runs.StatusSuccess {
					b.Fatalf("%s %s %s", run.Status, run.ErrorCode, run.ErrorMessage)
				}
			}
		})
	}
}
