package api

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// The total of a run over several types grows with each that it lists: an end foretold from it moves away.
func TestAnEndIsForetoldOnlyOnceTheTotalIsKnown(t *testing.T) {
	now := clock.NewMock()
	now.Set(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	a := &API{cfg: Config{Clock: now, Catalogue: graph.Catalog}}
	for _, c := range []struct {
		name   string
		kind   runs.Kind
		params any
		known  bool
	}{
		{"a backup of two types", runs.KindBackup, runs.BackupParams{PolicyTypes: []graph.PolicyType{"settingsCatalogPolicy", "deviceConfiguration"}}, false},
		{"a backup of one type", runs.KindBackup, runs.BackupParams{PolicyTypes: []graph.PolicyType{"settingsCatalogPolicy"}}, true},
		{"a verification", runs.KindSetVerify, struct{}{}, true},
	} {
		params, err := json.Marshal(c.params)
		if err != nil {
			t.Fatal(err)
		}
		run := runs.Run{
			Kind: c.kind, Status: runs.StatusRunning, Params: params, AttemptStartedAt: now.Now().Add(-time.Minute),
			Counts: runs.Counts{Total: 20, Processed: 10, Succeeded: 10},
		}
		if got := a.showRun(run).ETA; (got != nil) != c.known {
			t.Errorf("%s: an end is foretold: %v, want %t", c.name, got, c.known)
		}
	}
}
