package runs

import (
	"encoding/json"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// BackupParams are the parameters of a [KindBackup] run: what its schedule asked for when
// the run was made, so that a later change of the schedule does not change the run.
type BackupParams struct {
	Name               string             `json:"name"` // of the schedule; names the set
	PolicyTypes        []graph.PolicyType `json:"policy_types"`
	IncludeFoundations bool               `json:"include_foundations"`
}

// JSON encodes the parameters for a [Request] or a [Run].
func (p BackupParams) JSON() json.RawMessage {
	raw, _ := json.Marshal(p) // strings and a bool always marshal
	return raw
}

// MissedSummary is the summary of a skipped run with [CodeMissedSlot].
type MissedSummary struct {
	Count int       `json:"missed_count"`
	First time.Time `json:"first_missed"`
	Last  time.Time `json:"last_missed"`
}
