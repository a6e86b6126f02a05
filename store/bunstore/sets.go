package bunstore

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// GetSet implements [backupset.SetStore].
func (s *Store) GetSet(ctx context.Context, tenant graph.TenantID, id runs.ID) (set backupset.BackupSet, err error) {
	err = s.view(ctx, tenant, func(q querier) error {
		_, set, err = s.wholeSet(ctx, q, tenant, uidOf(id))
		return err
	})
	return set, err
}

func (s *Store) set(ctx context.Context, q querier, tenant graph.TenantID, id uid) (setRow, error) {
	r, found, err := findOne[setRow](ctx, s, q, "WHERE t.tenant_id = ? AND t.id = ?"+s.locking(q), ident(tenant), id)
	if err == nil && !found {
		err = notFound("backup set")
	}
	return r, err
}

// wholeSet reads a set with its manifests and holds.
func (s *Store) wholeSet(ctx context.Context, q querier, tenant graph.TenantID, id uid) (setRow, backupset.BackupSet, error) {
	r, err := s.set(ctx, q, tenant, id)
	if err != nil {
		return setRow{}, backupset.BackupSet{}, err
	}
	list, err := s.whole(ctx, q, []setRow{r})
	if err != nil {
		return setRow{}, backupset.BackupSet{}, err
	}
	return r, list[0], nil
}

// whole adds to sets of one tenant their manifests and holds, and whether they are in use.
func (s *Store) whole(ctx context.Context, q querier, rows []setRow) ([]backupset.BackupSet, error) {
	return s.complete(ctx, q, rows, true)
}

// inGroup is whole without the manifests.
func (s *Store) inGroup(ctx context.Context, q querier, rows []setRow) ([]backupset.BackupSet, error) {
	return s.complete(ctx, q, rows, false)
}

func (s *Store) complete(ctx context.Context, q querier, rows []setRow, manifests bool) ([]backupset.BackupSet, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	list := make([]backupset.BackupSet, len(rows))
	at := make(map[uid]*backupset.BackupSet, len(rows))
	ids := make([]uid, len(rows))
	for i := range rows {
		list[i] = rows[i].set()
		at[rows[i].ID], ids[i] = &list[i], rows[i].ID
	}
	for part := range slices.Chunk(ids, maxInList) {
		used, err := s.inUse(ctx, q, rows[0].TenantID, part)
		if err != nil {
			return nil, err
		}
		for _, id := range used {
			at[id].InUse = true
		}
		holds, err := find[holdRow](ctx, s, q, "WHERE t.set_id IN (?) ORDER BY t.set_id, t.at, t.name", valuesOf(part))
		if err != nil {
			return nil, err
		}
		for i := range holds {
			set := at[holds[i].SetID]
			set.Holds = append(set.Holds, holds[i].hold())
		}
		if !manifests {
			continue
		}
		types, err := find[manifestRow](ctx, s, q, "WHERE t.set_id IN (?) ORDER BY t.set_id, t.position", valuesOf(part))
		if err != nil {
			return nil, err
		}
		for i := range types {
			m, err := types[i].manifest()
			if err != nil {
				return nil, err
			}
			set := at[types[i].SetID]
			set.Types = append(set.Types, m)
		}
	}
	return list, nil
}

// inUse returns those of the sets that an active restore or preview is about.
func (s *Store) inUse(ctx context.Context, q querier, tenant ident, sets []uid) ([]uid, error) {
	targets := make([]ident, len(sets))
	for i, id := range sets {
		targets[i] = ident(id.id())
	}
	restores, err := find[runRow](ctx, s, q, `WHERE t.status IN ('queued', 'running') AND substr(t.kind, 1, 8) = 'restore.'
		AND t.tenant_id = ? AND t.target_id IN (?) AND t.target_type = 'backup_set'`, tenant, valuesOf(targets))
	used := make([]uid, len(restores))
	for i, r := range restores {
		used[i] = uidOf(runs.ID(r.TargetID))
	}
	return used, err
}

// ListSets implements [backupset.SetStore].
func (s *Store) ListSets(ctx context.Context, tenant graph.TenantID, filter backupset.SetFilter, slice runs.Slice) ([]backupset.BackupSet, error) {
	c := where("t.tenant_id = ? AND (t.deleted_at IS NOT NULL) = ?", ident(tenant), flag(filter.Deleted))
	if filter.ScheduleID != "" {
		c.and("t.schedule_id = ?", uidOf(filter.ScheduleID))
	}
	andIn(c, "t.status", filter.Statuses)
	andIDs(c, "t.id", filter.IDs)
	switch holds := "t.id IN (SELECT i.set_id FROM " + s.sql("{backup_items}") + " AS i WHERE i.policy_id = ?"; { // which an index has
	case filter.VersionID != "":
		c.and(holds+" AND i.version_id = ?)", uidOf(filter.PolicyID), uidOf(filter.VersionID))
	case filter.PolicyID != "":
		c.and(holds+")", uidOf(filter.PolicyID))
	}
	if err := c.afterTime(slice.After); err != nil {
		return nil, err
	}
	return s.sets(ctx, tenant, s.whole, c.tail("t.created_at DESC, t.id DESC", slice), c.args...)
}

// completion adds to sets of one tenant what other tables have of them.
type completion func(ctx context.Context, q querier, rows []setRow) ([]backupset.BackupSet, error)

func (s *Store) sets(ctx context.Context, tenant graph.TenantID, complete completion, tail string, args ...any) (list []backupset.BackupSet, err error) {
	err = s.view(ctx, tenant, func(q querier) error {
		rows, err := find[setRow](ctx, s, q, tail, args...)
		if err != nil {
			return err
		}
		list, err = complete(ctx, q, rows)
		return err
	})
	return list, err
}

// ListSetItems implements [backupset.SetStore].
func (s *Store) ListSetItems(ctx context.Context, tenant graph.TenantID, set runs.ID, filter backupset.SetItemFilter, slice runs.Slice) (list []backupset.Item, err error) {
	c := where("t.set_id = ?", uidOf(set))
	if filter.Type != "" {
		c.and("p.type = ?", text(filter.Type))
	}
	if filter.Revision != 0 {
		c.and("t.revision <= ?", num(filter.Revision))
	}
	andIDs(c, "t.id", filter.IDs)
	if filter.PolicyID != "" {
		c.and("t.policy_id = ?", uidOf(filter.PolicyID))
	}
	err = s.view(ctx, tenant, func(q querier) error {
		if _, err := s.set(ctx, q, tenant, uidOf(set)); err != nil {
			return err
		}
		rows, err := s.searchItems(ctx, q, *c, strings.ToLower(filter.Search), slice)
		if err != nil {
			return err
		}
		list, err = mapRows(rows, (*wholeItem).item)
		return err
	})
	return list, err
}

// searchChunk is how many items are read at once while their names are searched.
const searchChunk = 200

// searchItems returns the items of which the name has a part, given in lower case. The databases
// do not agree on what lower case is, and an item has no column for it, so it is looked for here.
func (s *Store) searchItems(ctx context.Context, q querier, c conditions, part string, slice runs.Slice) (found []wholeItem, err error) {
	read := slice
	if part != "" {
		read.Limit = max(slice.Limit, searchChunk)
	}
	for {
		chunk := conditions{clause: c.clause, args: slices.Clone(c.args)}
		if err := chunk.afterID("t.id", read.After); err != nil {
			return nil, err
		}
		rows, err := s.setItems(ctx, q, chunk.tail("t.id", read), chunk.args...)
		if err != nil || part == "" {
			return rows, err
		}
		for i := range rows {
			if strings.Contains(strings.ToLower(rows[i].name()), part) {
				found = append(found, rows[i])
			}
			if len(found) == most(slice) {
				return found, nil
			}
		}
		if len(rows) <= read.Limit {
			return found, nil
		}
		read.After = runs.Keyset{ID: rows[len(rows)-1].ID.id()}
	}
}

type setRow struct {
	TenantID                          ident
	ID                                uid
	Name                              text
	ScheduleID, RunID                 uid
	ScheduledFor                      ts
	Status                            text
	Revision, ItemsCount              num
	CreatedAt, CompletedAt, DeletedAt ts
	DeletedReason                     text
	PurgingAt, LastVerifiedAt         ts
}

var setsTable = &table{name: "backup_sets", key: 2, columns: []string{
	"tenant_id", "id", "name", "schedule_id", "run_id", "scheduled_for", "status", "revision", "items_count",
	"created_at", "completed_at", "deleted_at", "deleted_reason", "purging_at", "last_verified_at",
}}

func (*setRow) table() *table { return setsTable }

func (r *setRow) columns() []column {
	return []column{
		&r.TenantID, &r.ID, &r.Name, &r.ScheduleID, &r.RunID, &r.ScheduledFor, &r.Status, &r.Revision, &r.ItemsCount,
		&r.CreatedAt, &r.CompletedAt, &r.DeletedAt, &r.DeletedReason, &r.PurgingAt, &r.LastVerifiedAt,
	}
}

func (r *setRow) set() backupset.BackupSet {
	return backupset.BackupSet{
		ID: r.ID.id(), TenantID: graph.TenantID(r.TenantID), Name: string(r.Name), ScheduleID: r.ScheduleID.id(), RunID: r.RunID.id(),
		ScheduledFor: r.ScheduledFor.time(), Status: backupset.Status(r.Status), Revision: int(r.Revision), ItemsCount: int(r.ItemsCount),
		CreatedAt: r.CreatedAt.time(), CompletedAt: r.CompletedAt.time(), DeletedAt: r.DeletedAt.time(), DeletedReason: string(r.DeletedReason),
		PurgingAt: r.PurgingAt.time(), LastVerifiedAt: r.LastVerifiedAt.time(),
	}
}

type manifestRow struct {
	TenantID                          ident
	SetID                             uid
	Type                              optional
	Position                          num
	Pages                             text
	Listed, Captured, Failed, Skipped num
	Forbidden, Complete               flag
}

var manifestsTable = &table{name: "backup_manifests", key: 3, columns: []string{
	"tenant_id", "set_id", "type", "position", "pages", "listed", "captured", "failed", "skipped", "forbidden", "complete",
}}

func (*manifestRow) table() *table { return manifestsTable }

func (r *manifestRow) columns() []column {
	return []column{
		&r.TenantID, &r.SetID, &r.Type, &r.Position, &r.Pages, &r.Listed, &r.Captured, &r.Failed, &r.Skipped, &r.Forbidden, &r.Complete,
	}
}

func (r *manifestRow) manifest() (backupset.Manifest, error) {
	m := backupset.Manifest{
		Type: graph.PolicyType(r.Type.text), Listed: int(r.Listed), Captured: int(r.Captured), Failed: int(r.Failed),
		Skipped: int(r.Skipped), Forbidden: bool(r.Forbidden), Complete: bool(r.Complete),
	}
	return m, fromJSON(r, r.Pages, &m.Pages)
}

type holdRow struct {
	TenantID             ident
	SetID                uid
	Name                 optional
	ByID, ByName, Reason text
	At                   ts
}

var holdsTable = &table{name: "backup_holds", key: 3, columns: []string{
	"tenant_id", "set_id", "name", "by_id", "by_name", "reason", "at",
}}

func (*holdRow) table() *table { return holdsTable }

func (r *holdRow) columns() []column {
	return []column{&r.TenantID, &r.SetID, &r.Name, &r.ByID, &r.ByName, &r.Reason, &r.At}
}

func holdRowOf(set *setRow, h backupset.Hold) holdRow {
	return holdRow{
		TenantID: set.TenantID, SetID: set.ID, Name: optional{h.Name, true}, ByID: text(h.By.ID), ByName: text(h.By.Name),
		Reason: text(h.Reason), At: tsOf(h.At),
	}
}

func (r *holdRow) hold() backupset.Hold {
	return backupset.Hold{
		Name: r.Name.text, By: runs.Actor{ID: string(r.ByID), Name: string(r.ByName)}, Reason: string(r.Reason), At: r.At.time(),
	}
}

// limit bounds a list without pages.
func limit(n int) string { return " LIMIT " + strconv.Itoa(max(n, 0)) }
