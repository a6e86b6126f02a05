package backupset

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Problem is one item of a set that is not as it was captured.
type Problem struct {
	ItemID     runs.ID // empty when it cannot be told which item it was
	PolicyType graph.PolicyType
	ExternalID string
	Name       string
	Message    string // for people; never content
}

// Verification is what verifying a set found. It is sound when Damaged and Missing are
// empty.
type Verification struct {
	Checked int // items read and hashed
	Damaged []Problem
	Missing []Problem
}

// Sound tells whether everything is as it was captured.
func (v Verification) Sound() bool { return len(v.Damaged) == 0 && len(v.Missing) == 0 }

// Verifier reads what sets hold. It is safe for concurrent use.
type Verifier struct {
	store SetStore
	canon *Canonicalizer
}

// NewVerifier makes a Verifier. A nil catalogue is [graph.Catalog]; it must be the one that
// captures use.
func NewVerifier(store SetStore, catalogue *graph.Catalogue) (*Verifier, error) {
	if store == nil {
		return nil, runs.Invalid("store", "required", "is required")
	}
	if catalogue == nil {
		catalogue = graph.Catalog
	}
	return &Verifier{store: store, canon: NewCanonicalizer(catalogue)}, nil
}

// Verify reads every policy of a set that is neither deleted nor being built, hashes it again
// and compares it with what was noted at its capture. Damage is in the answer, not in the
// error.
func (v *Verifier) Verify(ctx context.Context, tenant graph.TenantID, id runs.ID) (Verification, error) {
	set, err := sealed(ctx, v.store, tenant, id)
	if err != nil {
		return Verification{}, err
	}
	found, err := v.verify(ctx, tenant, set)
	if err != nil {
		return Verification{}, fmt.Errorf("backupset: verifying: %w", err)
	}
	return found, nil
}

func (v *Verifier) verify(ctx context.Context, tenant graph.TenantID, set BackupSet) (found Verification, err error) {
	rows := map[graph.PolicyType]int{}
	err = each(ctx, v.store, tenant, set, func(item Item) error {
		rows[item.Type]++
		problem := Problem{ItemID: item.ID, PolicyType: item.Type, ExternalID: item.ExternalID, Name: item.Name}
		err := v.verifyItem(ctx, tenant, item)
		switch {
		case err == nil:
			found.Checked++
		case errors.Is(err, ErrMissing):
			problem.Message = "the stored content is missing"
			found.Missing = append(found.Missing, problem)
		case errors.Is(err, ErrDamaged):
			problem.Message = "the stored content is not what was captured"
			found.Damaged = append(found.Damaged, problem)
		default:
			return err
		}
		return nil
	})
	if err != nil {
		return found, err
	}
	total := 0
	for _, m := range set.Types {
		total += m.Captured
		for range m.Captured - rows[m.Type] {
			found.Missing = append(found.Missing, Problem{PolicyType: m.Type, Message: "an item of this type is missing from the set"})
		}
		if rows[m.Type] > m.Captured {
			found.Damaged = append(found.Damaged, Problem{PolicyType: m.Type, Message: "the set holds more items of this type than were captured"})
		}
		delete(rows, m.Type)
	}
	for t := range rows {
		found.Damaged = append(found.Damaged, Problem{PolicyType: t, Message: "the account of this type is missing"})
	}
	if total != set.ItemsCount {
		found.Damaged = append(found.Damaged, Problem{Message: "the set's number of items is not that of its accounts"})
	}
	return found, nil
}

// verifyItem returns nil, or an error that is ErrDamaged or ErrMissing, or what kept it
// from looking.
func (v *Verifier) verifyItem(ctx context.Context, tenant graph.TenantID, item Item) error {
	p, err := content(ctx, v.store, tenant, item.VersionID)
	if err != nil {
		return err
	}
	same, err := v.canon.Matches(&p, item.Hash)
	if err != nil || !same || p.ID != item.ExternalID || p.Type != item.Type {
		return ErrDamaged
	}
	return nil
}
