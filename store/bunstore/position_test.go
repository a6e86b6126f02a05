package bunstore_test

import (
	"errors"
	"testing"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
)

// A position that the list cannot have given is the caller's mistake, and said to be so: a list
// that began anew would show everything twice.
func TestAListRefusesAPositionOfAnotherOne(t *testing.T) {
	s, _ := fullStore(t)
	ctx := t.Context()
	sets, err := s.ListSets(ctx, "contoso", backupset.SetFilter{}, runs.Slice{Limit: 1})
	if err != nil || len(sets) == 0 {
		t.Fatalf("%d sets, error %v", len(sets), err)
	}
	set := sets[0]
	at := runs.Slice{Limit: 10, After: runs.Keyset{Key: "a name", ID: set.ID}}
	for name, list := range map[string]func() error{
		"ListAudit": func() error { _, err := s.ListAudit(ctx, "contoso", runs.AuditFilter{}, at); return err },
		"ListAudit of several actions": func() error {
			_, err := s.ListAudit(ctx, "contoso", runs.AuditFilter{Actions: []string{"set.deleted", "set.held"}}, at)
			return err
		},
		"ListItems":         func() error { _, err := s.ListItems(ctx, "contoso", set.RunID, runs.ItemFilter{}, at); return err },
		"ListNotifications": func() error { _, err := s.ListNotifications(ctx, "contoso", "alice", false, at); return err },
		"ListPreviewItems": func() error {
			_, err := s.ListPreviewItems(ctx, "contoso", set.RunID, restore.Filter{}, at)
			return err
		},
		"ListRuns": func() error { _, err := s.ListRuns(ctx, "contoso", runs.RunFilter{}, at); return err },
		"ListSchedules by the next run": func() error {
			_, err := s.ListSchedules(ctx, "contoso", backupsched.Filter{Sort: backupsched.SortNextRun}, at)
			return err
		},
		"ListSets": func() error { _, err := s.ListSets(ctx, "contoso", backupset.SetFilter{}, at); return err },
		"ListSetItems": func() error {
			_, err := s.ListSetItems(ctx, "contoso", set.ID, backupset.SetItemFilter{}, at)
			return err
		},
		"ListSteps":    func() error { _, err := s.ListSteps(ctx, "contoso", set.RunID, at); return err },
		"ListVersions": func() error { _, err := s.ListVersions(ctx, "contoso", set.ID, at); return err },
	} {
		t.Run(name, func(t *testing.T) {
			var invalid *runs.InvalidError
			if err := list(); !errors.As(err, &invalid) || invalid.Fields[0].Field != "cursor" || invalid.Fields[0].Code != "cursor_invalid" {
				t.Errorf("error %v, want cursor_invalid of the cursor", err)
			}
		})
	}
}
