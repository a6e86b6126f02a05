package capture_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

func TestTheTypesOfARunAreThoseThatItListsOneAfterTheOther(t *testing.T) {
	backup := func(foundations bool, types ...graph.PolicyType) runs.Run {
		return runs.Run{Kind: runs.KindBackup, Params: runs.BackupParams{PolicyTypes: types, IncludeFoundations: foundations}.JSON()}
	}
	of := func(req runs.Request) runs.Run { return runs.Run{Kind: req.Kind, Params: req.Params} }
	capturable := 0
	for _, info := range graph.Catalog.All() {
		if info.Capturable() {
			capturable++
		}
	}
	for _, tt := range []struct {
		name string
		run  runs.Run
		n    int
		has  graph.PolicyType
	}{
		{"a backup", backup(false, settings, access), 2, access},
		{"a type twice and one that is not known", backup(false, settings, settings, "other"), 1, settings},
		{"foundations", backup(true, settings), 1 + len(graph.Catalog.Foundations()), "assignmentFilter"},
		{"a manual set of types", of(capture.CreateSetRequest("x", capture.Selection{PolicyTypes: []graph.PolicyType{access}})), 1, access},
		{"a manual set of everything", of(capture.CreateSetRequest("x", capture.Selection{Everything: true})), capturable, settings},
		{"single policies", of(capture.CreateSetRequest("x", capture.Selection{PolicyIDs: []runs.ID{"y"}})), 0, ""},
		{"an inventory, whose total is known", of(capture.SyncRequest([]graph.PolicyType{settings, access})), 0, ""},
		{"parameters that are not readable", runs.Run{Kind: runs.KindBackup, Params: json.RawMessage("nonsense")}, 0, ""},
	} {
		got := capture.Types(graph.Catalog, tt.run)
		if len(got) != tt.n || tt.has != "" && !slices.Contains(got, tt.has) {
			t.Errorf("%s: %d types, want %d: %s", tt.name, len(got), tt.n, got)
		}
	}
}
