package backupset

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Origin is whose policies a set holds. Ids mean something only where they come from: number 1 is
// another scope tag in each tenant.
type Origin struct {
	// Imported tells that the set came from a file and was not captured here.
	Imported bool

	// TenantID is whose ids the policies have: the set's tenant when it was captured, what the
	// file says when it was imported. Empty when the file does not say.
	TenantID graph.TenantID

	// SetName is what the set was called that an imported file was made of, if the file says.
	SetName string
}

// Own tells whether the ids of the set are known to be those of a tenant.
func (o Origin) Own(tenant graph.TenantID) bool { return o.TenantID == tenant }

// OriginOf tells where a set comes from. run is the one that made it; a set of a schedule was
// captured, and needs none. Of an import that did not come to its end nobody knows what the file
// said.
func OriginOf(set BackupSet, run runs.Run) Origin {
	if set.ScheduleID != "" || run.Kind != runs.KindSetImport {
		return Origin{TenantID: set.TenantID}
	}
	var summary struct { // of transfer.ImportSummary
		Source struct {
			TenantID graph.TenantID `json:"tenant"`
			SetName  string         `json:"name"`
		} `json:"source"`
	}
	_ = json.Unmarshal(run.Summary, &summary) // of one that cannot be read nothing is known
	return Origin{Imported: true, TenantID: summary.Source.TenantID, SetName: summary.Source.SetName}
}

// ReadOrigin is [OriginOf] with the run read from where the set is kept. It fails when the run
// cannot be read, also with ErrNotFound when it is not there.
func ReadOrigin(ctx context.Context, store interface {
	GetRun(ctx context.Context, tenant graph.TenantID, id runs.ID) (runs.Run, error)
}, set BackupSet) (Origin, error) {
	if set.ScheduleID != "" {
		return OriginOf(set, runs.Run{}), nil
	}
	run, err := store.GetRun(ctx, set.TenantID, set.RunID)
	if err != nil {
		return Origin{}, fmt.Errorf("backupset: looking where the backup set comes from: %w", err)
	}
	return OriginOf(set, run), nil
}

// Origins tells where sets of a tenant come from, by their ids. It asks once, whatever their number.
func (a *Archive) Origins(ctx context.Context, tenant graph.TenantID, actor runs.Actor, sets ...BackupSet) (map[runs.ID]Origin, error) {
	if err := a.guard.Allow(ctx, tenant, actor, runs.ActionLook, runs.Target{Type: "backup_sets"}); err != nil {
		return nil, err
	}
	var ids []runs.ID
	for _, set := range sets {
		if set.ScheduleID == "" {
			ids = append(ids, set.RunID)
		}
	}
	made := make(map[runs.ID]runs.Run, len(ids))
	if len(ids) > 0 {
		list, err := a.store.ListRuns(ctx, tenant, runs.RunFilter{IDs: ids, Kinds: []runs.Kind{runs.KindSetImport}}, runs.Slice{Limit: len(ids)})
		if err != nil {
			return nil, fmt.Errorf("backupset: looking where sets come from: %w", err)
		}
		for _, run := range list {
			made[run.ID] = run
		}
	}
	origins := make(map[runs.ID]Origin, len(sets))
	for _, set := range sets {
		origins[set.ID] = OriginOf(set, made[set.RunID])
	}
	return origins, nil
}
