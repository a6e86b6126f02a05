package api

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

// BackupSet is what a capture produced.
type BackupSet struct {
	ID             string                   `json:"id" format:"uuid"`
	Name           string                   `json:"name"`
	ScheduleID     *string                  `json:"schedule_id" format:"uuid" doc:"null for a manual set"`
	Origin         *SetOrigin               `json:"origin" doc:"Where an imported set comes from; null for one that was captured here"`
	RunID          string                   `json:"run_id" format:"uuid"`
	Status         string                   `json:"status" enum:"building,complete,partial"`
	Revision       int                      `json:"revision"`
	ItemsCount     int                      `json:"items_count"`
	TypeBreakdown  map[string]TypeBreakdown `json:"type_breakdown" doc:"By policy type"`
	CreatedAt      time.Time                `json:"created_at"`
	DeletedAt      *time.Time               `json:"deleted_at" doc:"Soft-deleted: it can be undeleted until it is purged"`
	Holds          []Hold                   `json:"holds"`
	LastVerifiedAt *time.Time               `json:"last_verified_at"`
}

// SetOrigin is where an imported set comes from, as its file says. Until the import has ended nobody
// knows that.
type SetOrigin struct {
	_        struct{} `nullable:"true"`
	Imported bool     `json:"imported" doc:"true"`
	Tenant   *string  `json:"tenant" doc:"Whose ids the policies have; null when the file does not say it. A restore into any other tenant matches by name"`
	Name     *string  `json:"name" doc:"What the exported set was called; null when the file does not say it"`
}

// TypeBreakdown is the account of one policy type within a set.
type TypeBreakdown struct {
	Listed    int  `json:"listed"`
	Captured  int  `json:"captured"`
	Failed    int  `json:"failed"`
	Skipped   int  `json:"skipped"`
	Forbidden bool `json:"forbidden" doc:"Graph refused the whole type"`
	Complete  bool `json:"complete" doc:"The listing reached its end"`
}

// Hold keeps a set from being dropped.
type Hold struct {
	Name   string    `json:"name"`
	By     string    `json:"by" doc:"Id of the user"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// SetItem is one policy within a set.
type SetItem struct {
	ID         string    `json:"id" format:"uuid"`
	PolicyType string    `json:"policy_type"`
	PolicyID   string    `json:"policy_id" format:"uuid" doc:"The inventory's id"`
	Name       string    `json:"name"`
	VersionID  string    `json:"version_id" format:"uuid"`
	Hash       string    `json:"hash" doc:"SHA-256 of the canonical form"`
	CapturedAt time.Time `json:"captured_at"`
	Warnings   []string  `json:"warnings"`
	Revision   int       `json:"revision" doc:"Of the set when the item came: 1, or more when it was added later"`
}

func showSet(s backupset.BackupSet, o backupset.Origin) BackupSet {
	v := BackupSet{
		ID: string(s.ID), Name: s.Name, ScheduleID: text(s.ScheduleID), RunID: string(s.RunID), Status: string(s.Status),
		Revision: s.Revision, ItemsCount: s.ItemsCount, TypeBreakdown: map[string]TypeBreakdown{}, CreatedAt: s.CreatedAt.UTC(),
		DeletedAt: instant(s.DeletedAt), LastVerifiedAt: instant(s.LastVerifiedAt),
		Holds: each(s.Holds, func(h backupset.Hold) Hold {
			return Hold{Name: h.Name, By: h.By.ID, Reason: h.Reason, At: h.At.UTC()}
		}),
	}
	if o.Imported {
		v.Origin = &SetOrigin{Imported: true, Tenant: text(o.TenantID), Name: optional(o.SetName)}
	}
	for _, m := range s.Types {
		v.TypeBreakdown[string(m.Type)] = TypeBreakdown(capture.BreakdownOf(m))
	}
	return v
}

// setView shows a set with where it comes from. err is that of getting the set.
func (a *API) setView(ctx context.Context, c *call, s backupset.BackupSet, err error) (BackupSet, error) {
	if err != nil {
		return BackupSet{}, err
	}
	origins, err := a.cfg.Archive.Origins(ctx, c.tenant, c.actor, s)
	return showSet(s, origins[s.ID]), err
}

// setViews is the same for a list, with one query more.
func (a *API) setViews(ctx context.Context, c *call, list runs.Page[backupset.BackupSet], err error) (List[BackupSet], error) {
	if err != nil {
		return List[BackupSet]{}, err
	}
	origins, err := a.cfg.Archive.Origins(ctx, c.tenant, c.actor, list.Items...)
	return listOf(list, func(s backupset.BackupSet) BackupSet { return showSet(s, origins[s.ID]) }), err
}

func showSetItem(i backupset.Item) SetItem {
	return SetItem{
		ID: string(i.ID), PolicyType: string(i.Type), PolicyID: string(i.PolicyID), Name: i.Name, VersionID: string(i.VersionID),
		Hash: i.Hash.String(), CapturedAt: i.CapturedAt.UTC(), Warnings: append([]string{}, i.Warnings...), Revision: i.Revision,
	}
}

// setStatus lists the states of a set, for filters.
func setStatus(bad *runs.InvalidError, values []string) []backupset.Status {
	return oneOf(bad, "status", values, backupset.Building, backupset.Complete, backupset.Partial)
}
