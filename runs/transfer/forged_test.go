package transfer_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// TestAForgedArchiveTellsOnlyCodesAndShortNames: names and warnings stand in lists.
func TestAForgedArchiveTellsOnlyCodesAndShortNames(t *testing.T) {
	from := rig.New(t, source)
	sound := archived(t, from, from.Backup(from.Schedule(nil).ID).BackupSetID, transfer.ExportOptions{Secrets: true})
	to := newWorld(t, rig.Options{Policies: -1}, nil)
	long := strings.Repeat("x", 100<<10)
	for name, c := range map[string]struct {
		change func(f *transfer.File, e *transfer.Entry)
		failed int
	}{
		"warnings": {func(f *transfer.File, _ *transfer.Entry) {
			f.Warnings = []string{"client_secret=hunter2", long, "truncated"}
		}, 0},
		"a name": {func(f *transfer.File, e *transfer.Entry) { f.Name, e.Name = long, long }, 1},
		"a reference": {func(f *transfer.File, _ *transfer.Entry) {
			f.References = []graph.Reference{{Kind: "group", ID: "x", Name: long}}
		}, 1},
	} {
		var changed string
		run := to.bring(rewrite(t, sound, func(files map[string][]byte, m *transfer.Manifest) {
			var f transfer.File
			e := &m.Items[2]
			if err := json.Unmarshal(files[e.File], &f); err != nil {
				t.Fatal(err)
			}
			c.change(&f, e)
			content, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			forge(files, e, content)
			changed = e.PolicyID
		}))
		if run.Counts.Failed != c.failed || run.Counts.Succeeded == 0 {
			t.Errorf("%s: the run ended %s %s with %+v", name, run.Status, run.ErrorMessage, run.Counts)
		}
		for _, i := range to.Items(run.ID) {
			if len(i.Name)+len(i.Message) > 20<<10 {
				t.Errorf("%s: an item of %d and %d bytes", name, len(i.Name), len(i.Message))
			}
		}
		for _, i := range to.SetItems(run.BackupSetID) {
			if name == "warnings" && i.ExternalID == changed && cmp.Diff([]string{"truncated"}, i.Warnings) != "" {
				t.Errorf("%s: %.200q", name, i.Warnings)
			}
		}
	}
}

// TestManyValuesAreRefusedBeforeTheyTakeMemory: a few MiB of short values would take hundreds.
func TestManyValuesAreRefusedBeforeTheyTakeMemory(t *testing.T) {
	many := strings.Repeat("7,", 1_100_000) + "7"
	to := newWorld(t, rig.Options{Policies: -1}, func(c *transfer.ImporterConfig, _ *transfer.UploaderConfig) { c.Limits.Ratio = 10_000 })
	run := to.bring(zipOf(t,
		entry{name: "SettingsCatalog/x.json", content: fmt.Appendf(nil, `{"@odata.type":"#microsoft.graph.deviceManagementConfigurationPolicy","id":"a","name":"A","settings":[%s]}`, many)},
		entry{name: "ConditionalAccess/y.json", content: []byte(strings.Replace(object, `"a"`, `"b"`, 1))},
		entry{name: "MigrationTable.json", content: fmt.Appendf(nil, `{"Objects":[%s]}`, strings.ReplaceAll(many, "7", "{}"))},
	))
	var reasons []runs.Reason
	for _, i := range to.Items(run.ID) {
		reasons = append(reasons, i.Reason)
	}
	slices.Sort(reasons)
	if diff := cmp.Diff([]runs.Reason{"", runs.ReasonInvalidPayload}, reasons); diff != "" || run.Status != runs.StatusPartial {
		t.Errorf("the run ended %s %s: %s", run.Status, run.ErrorMessage, diff)
	}
}
