package backupset

import (
	"encoding/json"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// TestWhatARunWasAskedForIsReadFromItsParameters: where nobody can know, the type may have been.
func TestWhatARunWasAskedForIsReadFromItsParameters(t *testing.T) {
	const filter, catalog = graph.PolicyType("assignmentFilter"), graph.PolicyType("settingsCatalogPolicy")
	for _, tt := range []struct {
		kind   runs.Kind
		status runs.Status
		params string
		typ    graph.PolicyType
		want   bool
	}{
		{runs.KindBackup, runs.StatusFailed, `{"policy_types":["settingsCatalogPolicy"]}`, catalog, true},
		{runs.KindBackup, runs.StatusFailed, `{"policy_types":["settingsCatalogPolicy"]}`, filter, false},
		{runs.KindBackup, runs.StatusPartial, `{"policy_types":["ownType"]}`, "ownType", true}, // not known then
		{runs.KindBackup, runs.StatusFailed, `{"policy_types":["settingsCatalogPolicy"],"include_foundations":true}`, filter, true},
		{runs.KindSetCreate, runs.StatusCanceled, `{"include_foundations":true,"policy_types":["deviceConfiguration"]}`, catalog, false},
		{runs.KindSetCreate, runs.StatusCanceled, `{"everything":true}`, catalog, true},
		{runs.KindSetCreate, runs.StatusCanceled, `{"everything":true}`, "ownType", false},
		{runs.KindSetCreate, runs.StatusCanceled, `{"policy_ids":["x"]}`, catalog, true},
		{runs.KindSetCreate, runs.StatusPartial, `{"policy_ids":["x"]}`, catalog, false},
		{runs.KindSetImport, runs.StatusFailed, `{}`, catalog, true},
		{runs.KindSetImport, runs.StatusPartial, `{}`, catalog, false},
		{runs.KindBackup, runs.StatusFailed, `nonsense`, catalog, true},
		{"", "", "", catalog, true}, // the run is not there any more
	} {
		v := newCoverage(BackupSet{}, graph.Catalog)
		v.run = &runs.Run{Kind: tt.kind, Status: tt.status, Params: json.RawMessage(tt.params)}
		if got := v.asked(tt.typ); got != tt.want {
			t.Errorf("%s, %s, %s was asked for %s: %v", tt.status, tt.kind, tt.params, tt.typ, got)
		}
	}
}

// TestASetThatWasSelectedTellsNothingOfWhatFailed, whatever kept it from being captured.
func TestASetThatWasSelectedTellsNothingOfWhatFailed(t *testing.T) {
	for _, tt := range []struct {
		m    Manifest
		want GapReason
	}{
		{Manifest{Complete: true, Listed: 2, Captured: 2}, GapSelected},
		{Manifest{Complete: true, Listed: 2, Captured: 1, Skipped: 1}, GapSelected},
		{Manifest{Complete: true, Listed: 2, Captured: 1, Failed: 1}, GapFailed},
		{Manifest{Complete: true, Listed: 2, Captured: 1, Failed: 1, Forbidden: true}, GapForbidden},
		{Manifest{Complete: true, Forbidden: true}, GapForbidden},
	} {
		got, err := newCoverage(BackupSet{Types: []Manifest{tt.m}}, graph.Catalog).gap(t.Context(), nil, "")
		if err != nil || got != tt.want {
			t.Errorf("%+v: %q, %v, want %q", tt.m, got, err, tt.want)
		}
	}
}
