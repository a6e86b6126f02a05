package backupset

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// Verify reads every policy of a set, hashes it again and compares it with what was noted
// at its capture. Damage is in the answer, not in the error. A sound set gets its
// LastVerifiedAt.
func (a *Archive) Verify(ctx context.Context, tenant graph.TenantID, actor runs.Actor, id runs.ID) (Verification, error) {
	target := runs.Target{Type: "backup_set", ID: id}
	if err := a.guard.Allow(ctx, tenant, actor, runs.ActionSetVerify, target); err != nil {
		return Verification{}, err
	}
	if !id.Valid() {
		return Verification{}, runs.ErrNotFound
	}
	set, err := a.sealed(ctx, tenant, id)
	if err != nil {
		return Verification{}, err
	}
	found, err := a.verify(ctx, tenant, set)
	if err != nil {
		return Verification{}, fmt.Errorf("backupset: verifying: %w", err)
	}
	outcome := "sound"
	if !found.Sound() {
		outcome = "damaged"
	}
	_, err = a.store.ChangeSet(ctx, tenant, id, func(now time.Time, cur BackupSet) (SetChange, error) {
		if found.Sound() {
			cur.LastVerifiedAt = now
		}
		entry := a.guard.Entry(tenant, actor, "backup_set.verified", target, outcome, map[string]string{
			"checked": fmt.Sprint(found.Checked), "damaged": fmt.Sprint(len(found.Damaged)), "missing": fmt.Sprint(len(found.Missing)),
		})
		return SetChange{Set: cur, Trail: runs.Trail{Audit: []runs.AuditEntry{entry}}}, nil
	})
	return found, err
}

func (a *Archive) verify(ctx context.Context, tenant graph.TenantID, set BackupSet) (Verification, error) {
	var v Verification
	rows := map[graph.PolicyType]int{}
	err := a.each(ctx, tenant, set.ID, func(item Item) error {
		rows[item.Type]++
		problem := Problem{ItemID: item.ID, PolicyType: item.Type, ExternalID: item.ExternalID, Name: item.Name}
		err := a.verifyItem(ctx, tenant, item)
		switch {
		case err == nil:
			v.Checked++
		case errors.Is(err, ErrMissing):
			problem.Message = "the stored content is missing"
			v.Missing = append(v.Missing, problem)
		case errors.Is(err, ErrDamaged):
			problem.Message = "the stored content is not what was captured"
			v.Damaged = append(v.Damaged, problem)
		default:
			return err
		}
		return nil
	})
	if err != nil {
		return v, err
	}
	total := 0
	for _, m := range set.Types {
		total += m.Captured
		for range m.Captured - rows[m.Type] {
			v.Missing = append(v.Missing, Problem{PolicyType: m.Type, Message: "an item of this type is missing from the set"})
		}
		if rows[m.Type] > m.Captured {
			v.Damaged = append(v.Damaged, Problem{PolicyType: m.Type, Message: "the set holds more items of this type than were captured"})
		}
		delete(rows, m.Type)
	}
	for t := range rows {
		v.Damaged = append(v.Damaged, Problem{PolicyType: t, Message: "the account of this type is missing"})
	}
	if total != set.ItemsCount {
		v.Damaged = append(v.Damaged, Problem{Message: "the set's number of items is not that of its accounts"})
	}
	return v, nil
}

// verifyItem returns nil, or an error that is ErrDamaged or ErrMissing, or what kept it
// from looking.
func (a *Archive) verifyItem(ctx context.Context, tenant graph.TenantID, item Item) error {
	p, err := a.content(ctx, tenant, item.VersionID)
	if err != nil {
		return err
	}
	hash, err := a.canon.Hash(&p)
	if err != nil || hash != item.Hash || p.ID != item.ExternalID || p.Type != item.Type {
		return ErrDamaged
	}
	return nil
}
