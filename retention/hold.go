package retention

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// The limits of holds, in characters and in holds per set.
const (
	MaxHoldName   = 100
	MaxHoldReason = 500
	MaxHolds      = 50
)

// Hold keeps a set from being dropped, by retention and by people, until the hold of this
// name is released. name is 1..[MaxHoldName] characters and unique within the set, reason
// is required and at most [MaxHoldReason]; secrets in it are masked. Holding once more with the same name and reason
// changes nothing; with another reason it is the conflict "hold_exists", since a hold is the
// record of who wanted it and why. A deleted set is [runs.ErrDeleted].
func (r *Retention) Hold(ctx context.Context, tenant graph.TenantID, actor runs.Actor, set runs.ID, name, reason string) (backupset.BackupSet, error) {
	if err := r.guard.Allow(ctx, tenant, actor, runs.ActionSetHold, setTarget(set)); err != nil {
		return backupset.BackupSet{}, err
	}
	name, reason = strings.TrimSpace(name), strings.TrimSpace(reason)
	var bad runs.InvalidError
	checkText(&bad, "name", name, MaxHoldName)
	checkText(&bad, "reason", reason, MaxHoldReason)
	if err := bad.Err(); err != nil {
		return backupset.BackupSet{}, err
	}
	reason = redact.Text(reason)
	return r.changeSet(ctx, tenant, set, func(at time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
		if s.Deleted() {
			return backupset.SetChange{}, runs.ErrDeleted
		}
		if i := slices.IndexFunc(s.Holds, named(name)); i >= 0 {
			if s.Holds[i].Reason != reason {
				return backupset.SetChange{}, runs.Conflict("hold_exists", "a hold of this name stands for another reason; release it first or choose another name")
			}
			return backupset.SetChange{Set: s}, nil
		}
		if len(s.Holds) >= MaxHolds {
			return backupset.SetChange{}, runs.Conflict("too_many_holds", "the set has as many holds as it may have; release one first")
		}
		s.Holds = append(slices.Clone(s.Holds), backupset.Hold{Name: name, By: actor, Reason: reason, At: at})
		return backupset.SetChange{Set: s, Trail: r.setTrail(tenant, actor, at, "backup_set.held", s, map[string]string{"name": name, "reason": reason})}, nil
	})
}

// Release ends the hold of this name. A set without it is the conflict "not_held".
func (r *Retention) Release(ctx context.Context, tenant graph.TenantID, actor runs.Actor, set runs.ID, name string) (backupset.BackupSet, error) {
	if err := r.guard.Allow(ctx, tenant, actor, runs.ActionSetRelease, setTarget(set)); err != nil {
		return backupset.BackupSet{}, err
	}
	name = strings.TrimSpace(name)
	var bad runs.InvalidError
	checkText(&bad, "name", name, MaxHoldName)
	if err := bad.Err(); err != nil {
		return backupset.BackupSet{}, err
	}
	return r.changeSet(ctx, tenant, set, func(at time.Time, s backupset.BackupSet) (backupset.SetChange, error) {
		if s.Deleted() {
			return backupset.SetChange{}, runs.ErrDeleted
		}
		i := slices.IndexFunc(s.Holds, named(name))
		if i < 0 {
			return backupset.SetChange{}, runs.Conflict("not_held", "no hold of this name stands")
		}
		s.Holds = slices.Delete(slices.Clone(s.Holds), i, i+1)
		return backupset.SetChange{Set: s, Trail: r.setTrail(tenant, actor, at, "backup_set.released", s, map[string]string{"name": name})}, nil
	})
}

func named(name string) func(backupset.Hold) bool {
	return func(h backupset.Hold) bool { return h.Name == name }
}

// checkText asks for one line of readable text, which names and reasons are shown as.
func checkText(bad *runs.InvalidError, field, s string, limit int) {
	switch {
	case s == "":
		bad.Add(field, "required", "is required")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		bad.Add(field, field+"_invalid", "must be one line of text without control characters")
	case utf8.RuneCountInString(s) > limit:
		bad.Add(field, field+"_length", "is too long")
	}
}

// changeSet is ChangeSet for an id that came from a person.
func (r *Retention) changeSet(ctx context.Context, tenant graph.TenantID, id runs.ID, change backupset.SetChangeFunc) (backupset.BackupSet, error) {
	if !id.Valid() {
		return backupset.BackupSet{}, runs.ErrNotFound
	}
	return r.store.ChangeSet(ctx, tenant, id, change)
}

// setTrail is the audit line of one change of one set. It has the set's name: what was purged has
// none anywhere else.
func (r *Retention) setTrail(tenant graph.TenantID, actor runs.Actor, at time.Time, action string, s backupset.BackupSet, details map[string]string) runs.Trail {
	details["set_name"] = s.Name
	e := r.guard.Entry(tenant, actor, action, setTarget(s.ID), "ok", details)
	e.At = at
	return runs.Trail{Audit: []runs.AuditEntry{e}}
}

func setTarget(id runs.ID) runs.Target { return runs.Target{Type: "backup_set", ID: id} }
