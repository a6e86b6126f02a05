package capture

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// SnapshotSummary is the summary of a policy.capture_snapshot run.
type SnapshotSummary struct {
	PolicyID  runs.ID `json:"policy_id"`
	VersionID runs.ID `json:"version_id"`
	Number    int     `json:"number"`
	Unchanged bool    `json:"unchanged"` // the version was there before
}

// snapshot captures one policy into a version.
func (e *Executor) snapshot(ctx context.Context, a *runs.Attempt) error {
	policy, err := e.cfg.Store.GetPolicy(ctx, a.Tenant(), a.Run().Target.ID)
	if errors.Is(err, runs.ErrNotFound) {
		a.Finish(runs.Result{Status: runs.StatusFailed, Code: runs.CodeItemsFailed, Message: "the policy is not in the inventory any more"})
		return nil
	}
	if err != nil {
		return fmt.Errorf("capture: reading the inventory: %w", err)
	}
	if err := a.SaveItems(ctx, nil, 1); err != nil {
		return err
	}
	if err := a.Check(ctx); err != nil {
		return err
	}
	results, err := e.cfg.Reader.Get(ctx, a.Tenant(), policy.Type, []string{policy.ExternalID})
	switch {
	case err != nil:
	case len(results) != 1 || results[0].ID != policy.ExternalID,
		results[0].Err == nil && (results[0].Policy.ID != policy.ExternalID || results[0].Policy.Type != policy.Type):
		err = errOtherPolicy
	default:
		err = results[0].Err
	}
	if err != nil {
		return e.noSnapshot(ctx, a, policy.Type, policy.ExternalID, policy.Name, err)
	}
	p := &results[0].Policy
	captured, err := e.prepare(p)
	if err != nil {
		return e.noSnapshot(ctx, a, p.Type, p.ID, p.Name, &graph.Error{Op: "read " + string(p.Type), Kind: graph.KindInvalid, Err: err})
	}
	captured.CapturedAt = a.Now()
	version, created, err := e.cfg.Store.SaveSnapshot(ctx, a.Tenant(), a.Lease(), captured, a.NewItem(p.Type, p.ID, p.Name, runs.ItemSuccess, "", nil))
	if err != nil {
		return fmt.Errorf("capture: storing the policy: %w", err)
	}
	a.Finish(runs.Result{Summary: SnapshotSummary{PolicyID: policy.ID, VersionID: version.ID, Number: version.Number, Unchanged: !created}})
	return nil
}

// noSnapshot ends a run that has nothing to keep, unless waiting may help.
func (e *Executor) noSnapshot(ctx context.Context, a *runs.Attempt, t graph.PolicyType, id, name string, err error) error {
	if runs.EndsAttempt(ctx, err) {
		return err
	}
	item := a.NewItem(t, id, name, runs.ItemFailed, runs.ReasonOf(err), err)
	code := runs.CodeItemsFailed
	switch graph.KindOf(err) {
	case graph.KindNotFound:
		item.Status = runs.ItemSkipped
	case graph.KindForbidden:
		code = runs.CodeGraphForbidden
	}
	if err := a.SaveItems(ctx, []runs.Item{item}, -1); err != nil {
		return err
	}
	a.Finish(runs.Result{Status: runs.StatusFailed, Code: code, Message: "the policy could not be captured; the item of the run says why"})
	return nil
}
