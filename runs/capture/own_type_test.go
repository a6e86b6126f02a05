package capture_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

const badge = graph.PolicyType("contosoBadge")

// badges is a rig whose catalogue knows a type of the embedder's own, with three policies.
func badges(t *testing.T) *rig.Rig {
	t.Helper()
	catalogue, err := graph.Catalog.With(graph.TypeInfo{
		Key: badge, DisplayName: "Badge", Platform: "all", Path: "/contoso/badges", Version: "beta", NameProperty: "displayName",
		Support: graph.ReportOnly, ListComplete: true, Volatile: []string{"seenCount"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := rig.New(t, rig.Options{Policies: -1, Catalogue: catalogue})
	for id := range 3 {
		putBadge(t, r, id, 0, "blue")
	}
	return r
}

func putBadge(t *testing.T, r *rig.Rig, id, seen int, colour string) {
	t.Helper()
	err := r.Graph.Put(rig.Tenant, graph.Policy{
		Type: badge, ID: fmt.Sprint("badge-", id), Name: fmt.Sprint("Badge ", id),
		Raw: json.RawMessage(fmt.Sprintf(`{"id":"badge-%d","displayName":"Badge %d","colour":%q,"seenCount":%d}`, id, id, colour, seen)),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnOwnTypeIsKnownOnlyToItsCatalogue(t *testing.T) {
	draft := backupsched.NewDraft()
	draft.Name, draft.PolicyTypes = "Badges", []graph.PolicyType{badge}
	draft.Recurrence = backupsched.Recurrence{Frequency: backupsched.Daily, TimeOfDay: "02:30", Timezone: "Europe/Berlin"}
	if _, _, err := badges(t).Scheduler.Create(t.Context(), rig.Tenant, rig.Owner, draft); err != nil {
		t.Errorf("with the catalogue: %v", err)
	}
	var invalid *runs.InvalidError
	_, _, err := rig.New(t, rig.Options{Policies: -1}).Scheduler.Create(t.Context(), rig.Tenant, rig.Owner, draft)
	if !errors.As(err, &invalid) || len(invalid.Fields) != 1 || invalid.Fields[0].Code != "policy_type_unknown" {
		t.Errorf("without the catalogue: %v, want the unknown policy type refused", err)
	}
}

func TestAnOwnTypeIsBackedUpAndVerified(t *testing.T) {
	r := badges(t)
	run := r.Backup(r.Schedule(only(badge)).ID)
	want(t, r, run, outcome{runs.StatusSuccess, "", backupset.Complete, all(3), 1})
	v, err := r.Verifier.Verify(t.Context(), rig.Tenant, run.BackupSetID)
	if err != nil || v.Checked != 3 || !v.Sound() {
		t.Errorf("verified: %+v, error %v; want 3 items and none at fault", v, err)
	}
	sound(t, r)
}

func TestAVolatilePropertyOfAnOwnTypeMakesNoVersion(t *testing.T) {
	for _, tt := range []struct {
		name      string
		colour    string
		unchanged int
	}{
		{"the volatile property", "blue", 3},
		{"another one too", "red", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := badges(t)
			s := r.Schedule(only(badge))
			first := r.Backup(s.ID)
			before := sound(t, r).Payloads
			for id := range 3 {
				putBadge(t, r, id, 7, tt.colour)
			}
			r.Clock.Add(time.Hour)
			second := r.Backup(s.ID)
			if after := sound(t, r).Payloads; before != 3 || after-before != 3-tt.unchanged {
				t.Errorf("%d payloads, then %d; want %d more", before, after, 3-tt.unchanged)
			}
			c, err := r.Archive.Compare(t.Context(), rig.Tenant, rig.Reader, first.BackupSetID, second.BackupSetID)
			if err != nil {
				t.Fatal(err)
			}
			got := [5]int{c.UnchangedCount, len(c.Changed), len(c.Added), len(c.Removed), len(c.Uncertain)}
			if diff := cmp.Diff([5]int{tt.unchanged, 3 - tt.unchanged}, got); diff != "" {
				t.Errorf("unchanged, changed, added, removed, uncertain (-want +got):\n%s", diff)
			}
			for _, p := range c.Changed {
				if len(p.Diff) != 1 {
					t.Errorf("%s has the differences %+v, want the colour only", p.ExternalID, p.Diff)
				}
			}
			for _, run := range []runs.Run{first, second} {
				if v, err := r.Verifier.Verify(t.Context(), rig.Tenant, run.BackupSetID); err != nil || !v.Sound() {
					t.Errorf("verified: %+v, error %v", v, err)
				}
			}
		})
	}
}
