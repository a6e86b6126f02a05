package capture

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// VerifySummary is the summary of a backup_set.verify run.
type VerifySummary struct {
	Checked int             `json:"checked"`
	Damaged []VerifyProblem `json:"damaged"`
	Missing []VerifyProblem `json:"missing"`
	More    int             `json:"more"` // problems that are not listed
}

// VerifyProblem is one policy that is not as it was captured.
type VerifyProblem struct {
	ItemID     runs.ID          `json:"item_id,omitempty"`
	PolicyType graph.PolicyType `json:"policy_type,omitempty"`
	PolicyID   string           `json:"policy_id,omitempty"` // Graph's
	Name       string           `json:"name,omitempty"`
	Message    string           `json:"message"`
}

// maxProblems bounds how many problems a summary lists of each sort.
const maxProblems = 200

// verify reads and hashes what a set holds. It begins anew in every attempt, since it leaves
// nothing behind until it is through.
func (e *Executor) verify(ctx context.Context, a *runs.Attempt) error {
	id := a.Run().Target.ID
	set, err := e.cfg.Store.GetSet(ctx, a.Tenant(), id)
	var found backupset.Verification
	if err == nil {
		found, err = e.verifier.Verify(ctx, a.Tenant(), id)
	}
	switch {
	case errors.Is(err, runs.ErrNotFound), errors.Is(err, runs.ErrDeleted), errors.Is(err, runs.ErrConflict):
		a.Finish(runs.Result{Status: runs.StatusFailed, Code: runs.CodeSetUnavailable, Message: "the backup set is not there any more"})
		return nil
	case err != nil:
		return err
	}
	if err := a.Check(ctx); err != nil {
		return err
	}
	// The audit line comes with the end of the run, which only who holds it can write: an
	// attempt that has lost the run leaves none. That the set was sound then is true whoever
	// found it.
	result := runs.Result{
		Status: runs.StatusSuccess, Summary: summaryOf(found), Action: "backup_set.verified", Outcome: "sound",
		Details: map[string]string{
			"set_name": set.Name, "checked": fmt.Sprint(found.Checked), "damaged": fmt.Sprint(len(found.Damaged)), "missing": fmt.Sprint(len(found.Missing)),
		},
	}
	if !found.Sound() {
		result.Status, result.Code, result.Outcome = runs.StatusFailed, runs.CodeSetDamaged, "damaged"
		result.Message = fmt.Sprintf("%d policies are damaged and %d are missing; the summary names them", len(found.Damaged), len(found.Missing))
		a.Finish(result)
		return nil
	}
	_, err = e.cfg.Store.ChangeSet(ctx, a.Tenant(), id, func(now time.Time, cur backupset.BackupSet) (backupset.SetChange, error) {
		cur.LastVerifiedAt = now
		return backupset.SetChange{Set: cur}, nil
	})
	if err != nil {
		return fmt.Errorf("capture: noting the verification: %w", err)
	}
	a.Finish(result)
	return nil
}

func summaryOf(v backupset.Verification) VerifySummary {
	s := VerifySummary{Checked: v.Checked, Damaged: []VerifyProblem{}, Missing: []VerifyProblem{}}
	list := func(to *[]VerifyProblem, problems []backupset.Problem) {
		for i, p := range problems {
			if i == maxProblems {
				s.More += len(problems) - maxProblems
				return
			}
			*to = append(*to, VerifyProblem{ItemID: p.ItemID, PolicyType: p.PolicyType, PolicyID: p.ExternalID, Name: p.Name, Message: p.Message})
		}
	}
	list(&s.Damaged, v.Damaged)
	list(&s.Missing, v.Missing)
	return s
}
