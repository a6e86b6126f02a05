package bunstore

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// CreateSchedule implements [backupsched.ScheduleStore].
func (s *Store) CreateSchedule(ctx context.Context, tenant graph.TenantID, sched backupsched.Schedule, trail runs.Trail) error {
	sched.TenantID = tenant
	r, err := scheduleRowOf(sched)
	if err != nil {
		return err
	}
	return s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		added, err := insertNew(ctx, t, []scheduleRow{r})
		if err != nil {
			return err
		}
		if !added[0] {
			return runs.Conflict("schedule_exists", "a schedule with this id exists; use a new id")
		}
		return t.trail(tenant, trail)
	})
}

// GetSchedule implements [backupsched.ScheduleStore].
func (s *Store) GetSchedule(ctx context.Context, tenant graph.TenantID, id runs.ID) (sched backupsched.Schedule, err error) {
	err = s.look(ctx, tenant, func(q querier) error {
		r, err := s.schedule(ctx, q, tenant, uidOf(id))
		if err != nil {
			return err
		}
		sched, err = r.schedule()
		return err
	})
	return sched, err
}

func (s *Store) schedule(ctx context.Context, q querier, tenant graph.TenantID, id uid) (scheduleRow, error) {
	r, found, err := findOne[scheduleRow](ctx, s, q, "WHERE t.tenant_id = ? AND t.id = ?"+s.locking(q), ident(tenant), id)
	if err == nil && !found {
		err = notFound("schedule")
	}
	return r, err
}

// ListSchedules implements [backupsched.ScheduleStore].
func (s *Store) ListSchedules(ctx context.Context, tenant graph.TenantID, filter backupsched.Filter, slice runs.Slice) (list []backupsched.Schedule, err error) {
	c := where("t.tenant_id = ?", ident(tenant))
	if !filter.WithDeleted {
		c.and("t.deleted_at IS NULL")
	}
	if filter.Enabled != nil {
		c.and("t.enabled = ?", flag(*filter.Enabled))
	}
	if filter.Status != "" {
		c.and("t.last_run_status = ?", text(filter.Status))
	}
	if filter.Search != "" {
		c.and(s.dialect.contains("t.name_key"), text(strings.ToLower(filter.Search)))
	}
	andIDs(c, "t.id", filter.IDs)
	order, err := c.sortSchedules(filter.Sort, slice.After)
	if err != nil {
		return nil, err
	}
	return s.schedules(ctx, tenant, c.tail(order, slice), c.args...)
}

// EnabledSchedules implements [backupsched.DispatchStore].
func (s *Store) EnabledSchedules(ctx context.Context, after runs.ID, n int) (list []backupsched.Schedule, err error) {
	c := where("t.enabled = ? AND t.deleted_at IS NULL", flag(true))
	if after != "" {
		c.and("t.id > ?", uidOf(after))
	}
	err = s.look(ctx, everybody, func(q querier) error {
		for places := n; ; places += n {
			rows, _, err := findSoundN[scheduleRow](ctx, s, q, places, c.clause+" ORDER BY t.id", "", c.args...)
			if err != nil {
				return err
			}
			list = list[:0]
			for i := range rows {
				if sched, err := rows[i].schedule(); err == nil && len(list) < n {
					list = append(list, sched)
				}
			}
			if len(list) >= n || len(rows) < places {
				return nil
			}
		}
	})
	return list, err
}

func (s *Store) schedules(ctx context.Context, tenant graph.TenantID, tail string, args ...any) (list []backupsched.Schedule, err error) {
	err = s.look(ctx, tenant, func(q querier) error {
		rows, err := find[scheduleRow](ctx, s, q, tail, args...)
		if err != nil {
			return err
		}
		list, err = mapRows(rows, (*scheduleRow).schedule)
		return err
	})
	return list, err
}

// mapRows converts rows one by one.
func mapRows[R, T any](rows []R, convert func(*R) (T, error)) ([]T, error) {
	list := make([]T, 0, len(rows))
	for i := range rows {
		v, err := convert(&rows[i])
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// ChangeSchedule implements [backupsched.ScheduleStore].
func (s *Store) ChangeSchedule(ctx context.Context, tenant graph.TenantID, id runs.ID, change backupsched.ScheduleChangeFunc) (out backupsched.Schedule, err error) {
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		old, err := s.schedule(ctx, t, tenant, uidOf(id))
		if err != nil {
			return err
		}
		current, err := old.schedule()
		if err != nil {
			return err
		}
		answer, err := change(t.now, current)
		if err != nil {
			return err
		}
		answer.Schedule.TenantID = tenant
		changed, err := scheduleRowOf(answer.Schedule)
		if err != nil {
			return err
		}
		if err := update(ctx, t, &old, &changed); err != nil {
			return err
		}
		if out, err = changed.schedule(); err != nil {
			return err
		}
		return t.trail(tenant, answer.Trail)
	})
	if err != nil {
		return backupsched.Schedule{}, err
	}
	return out, nil
}

// moveLastRun notes an ended backup in its schedule, unless a later one is noted there.
func (t *tx) moveLastRun(ctx context.Context, r *runRow) error {
	old, err := t.s.schedule(ctx, t, graph.TenantID(r.TenantID), r.ScheduleID)
	if err != nil {
		return err
	}
	changed := old
	changed.noteRun(r)
	return update(ctx, t, &old, &changed)
}

// noteRun moves the last run forward, never back.
func (r *scheduleRow) noteRun(run *runRow) {
	if r.LastRunAt.set && run.FinishedAt.micro < r.LastRunAt.micro {
		return
	}
	r.LastRunAt, r.LastRunID, r.LastRunStatus = run.FinishedAt, run.ID, run.Status
}

// endsBackup tells whether the run is an ended backup of a schedule.
func (r *runRow) endsBackup() bool {
	return r.Kind == text(runs.KindBackup) && r.ScheduleID != "" && runs.Status(r.Status).Terminal()
}

type scheduleRow struct {
	TenantID           ident
	ID                 uid
	Name               text
	NameKey            optional // in lower case, which databases only know for ASCII
	Enabled            flag
	Frequency          text
	TimeOfDay          text
	DaysOfWeek         text
	Timezone           text
	PolicyTypes        text
	IncludeFoundations flag
	RetentionKeepLast  num
	NextRunAt          ts
	LastRunAt          ts
	LastRunID          uid
	LastRunStatus      text
	CreatedAt          ts
	UpdatedAt          ts
	DeletedAt          ts
}

var schedulesTable = &table{name: "schedules", key: 2, columns: []string{
	"tenant_id", "id", "name", "name_key", "enabled", "frequency", "time_of_day", "days_of_week", "timezone",
	"policy_types", "include_foundations", "retention_keep_last", "next_run_at", "last_run_at", "last_run_id",
	"last_run_status", "created_at", "updated_at", "deleted_at",
}}

func (*scheduleRow) table() *table { return schedulesTable }

func (r *scheduleRow) columns() []column {
	return []column{
		&r.TenantID, &r.ID, &r.Name, &r.NameKey, &r.Enabled, &r.Frequency, &r.TimeOfDay, &r.DaysOfWeek, &r.Timezone,
		&r.PolicyTypes, &r.IncludeFoundations, &r.RetentionKeepLast, &r.NextRunAt, &r.LastRunAt, &r.LastRunID,
		&r.LastRunStatus, &r.CreatedAt, &r.UpdatedAt, &r.DeletedAt,
	}
}

func scheduleRowOf(s backupsched.Schedule) (scheduleRow, error) {
	var f fields
	types, err := jsonText(s.PolicyTypes, len(s.PolicyTypes))
	if err != nil {
		return scheduleRow{}, err
	}
	days, err := jsonText(s.DaysOfWeek, len(s.DaysOfWeek))
	if err != nil {
		return scheduleRow{}, err
	}
	return scheduleRow{
		TenantID: f.tenant(s.TenantID), ID: f.key("id", s.ID), Name: text(s.Name),
		NameKey: optional{text: strings.ToLower(s.Name), set: true}, Enabled: flag(s.Enabled),
		Frequency: text(s.Frequency), TimeOfDay: text(s.TimeOfDay), DaysOfWeek: days, Timezone: text(s.Timezone),
		PolicyTypes: types, IncludeFoundations: flag(s.IncludeFoundations), RetentionKeepLast: num(s.RetentionKeepLast),
		NextRunAt: tsOf(s.NextRunAt), LastRunAt: tsOf(s.LastRunAt), LastRunID: f.id("last_run_id", s.LastRunID),
		LastRunStatus: text(s.LastRunStatus), CreatedAt: tsOf(s.CreatedAt), UpdatedAt: tsOf(s.UpdatedAt), DeletedAt: tsOf(s.DeletedAt),
	}, f.bad.Err()
}

func (r *scheduleRow) schedule() (backupsched.Schedule, error) {
	s := backupsched.Schedule{
		ID: r.ID.id(), TenantID: graph.TenantID(r.TenantID), Name: string(r.Name), Enabled: bool(r.Enabled),
		Recurrence: backupsched.Recurrence{
			Frequency: backupsched.Frequency(r.Frequency), TimeOfDay: string(r.TimeOfDay), Timezone: string(r.Timezone),
		},
		IncludeFoundations: bool(r.IncludeFoundations), RetentionKeepLast: int(r.RetentionKeepLast),
		NextRunAt: r.NextRunAt.time(), LastRunAt: r.LastRunAt.time(), LastRunID: r.LastRunID.id(),
		LastRunStatus: runs.Status(r.LastRunStatus), CreatedAt: r.CreatedAt.time(), UpdatedAt: r.UpdatedAt.time(), DeletedAt: r.DeletedAt.time(),
	}
	if err := fromJSON(r, r.PolicyTypes, &s.PolicyTypes); err != nil {
		return s, err
	}
	return s, fromJSON(r, r.DaysOfWeek, &s.DaysOfWeek)
}

// jsonText stores a list or map of n entries; an empty one is NULL.
func jsonText(v any, n int) (text, error) {
	if n == 0 {
		return "", nil
	}
	b, err := json.Marshal(v)
	return text(b), err
}

var errNotJSON = errors.New("a column is not the JSON that it should be")

// fromJSON reads what jsonText wrote.
func fromJSON(r row, stored text, v any) error {
	if stored == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(stored), v); err != nil {
		return damaged(label(r), errNotJSON)
	}
	return nil
}
