package bunstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// CreateRun implements [runs.RunStore].
func (s *Store) CreateRun(ctx context.Context, tenant graph.TenantID, run runs.Run, trail runs.Trail) (stored runs.Run, created bool, err error) {
	return s.createRun(ctx, tenant, run, nil, trail)
}

// createRun stores a run unless another one stands for it, and the set that it brings.
func (s *Store) createRun(ctx context.Context, tenant graph.TenantID, run runs.Run, set *setRow, trail runs.Trail) (stored runs.Run, created bool, err error) {
	run.TenantID = tenant
	wanted, err := runRowOf(run)
	if err != nil {
		return runs.Run{}, false, err
	}
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		r := wanted
		created, err = t.addRun(ctx, &r, set)
		stored = r.run()
		if err != nil || !created {
			return err
		}
		return t.trail(tenant, trail)
	})
	if err != nil {
		return runs.Run{}, false, err
	}
	return stored, created, nil
}

// addRun adds a run and the set that it brings, or makes r the run that stands for it.
func (t *tx) addRun(ctx context.Context, r *runRow, set *setRow) (created bool, err error) {
	if r.ScheduleID != "" {
		n, err := count(ctx, t, t.s.sql("SELECT count(*) FROM {schedules} WHERE tenant_id = ? AND id = ?"), r.TenantID, r.ScheduleID)
		if err != nil {
			return false, err
		}
		if n == 0 {
			return false, notFound("schedule")
		}
	}
	for try := 0; !created; try++ {
		added, err := insertNew(ctx, t, []runRow{*r})
		if err != nil {
			return false, err
		}
		if created = added[0]; created {
			break
		}
		same, found, err := t.s.sameRun(ctx, t, *r)
		if err != nil || found {
			*r = same
			return false, err
		}
		if try > 0 { // else the run in the way may have ended in between
			return false, errRunExists()
		}
	}
	// Ids are unique over all tenants; the primary key only knows one tenant's.
	n, err := count(ctx, t, t.s.sql("SELECT count(*) FROM {runs} WHERE id = ?"), r.ID)
	if err != nil {
		return false, err
	}
	if n != 1 {
		return false, errRunExists()
	}
	if set != nil {
		if err := t.addSet(ctx, set); err != nil {
			return false, err
		}
	}
	if r.endsBackup() {
		if err := t.moveLastRun(ctx, r); err != nil {
			return false, err
		}
	}
	if r.Status == text(runs.StatusQueued) {
		return true, t.enqueue(ctx, r.run().Job())
	}
	return true, nil
}

func errRunExists() error {
	return runs.Conflict("run_exists", "a run with this id exists; use a new id")
}

// sameRun finds the run that kept a new one from being stored.
func (s *Store) sameRun(ctx context.Context, q querier, r runRow) (same runRow, found bool, err error) {
	if r.Key != "" {
		same, found, err = findOne[runRow](ctx, s, q,
			"WHERE t.tenant_id = ? AND t.key = ? AND t.status IN ('queued', 'running')", r.TenantID, r.Key)
		if err != nil || found {
			return same, found, err
		}
	}
	if r.ScheduledFor.set {
		return findOne[runRow](ctx, s, q,
			"WHERE t.tenant_id = ? AND t.schedule_id = ? AND t.scheduled_for = ?", r.TenantID, r.ScheduleID, r.ScheduledFor)
	}
	return runRow{}, false, nil
}

// GetRun implements [runs.RunStore].
func (s *Store) GetRun(ctx context.Context, tenant graph.TenantID, id runs.ID) (run runs.Run, err error) {
	err = s.look(ctx, tenant, func(q querier) error {
		r, err := s.run(ctx, q, tenant, uidOf(id))
		run = r.run()
		return err
	})
	if err != nil {
		return runs.Run{}, err
	}
	return run, nil
}

func (s *Store) run(ctx context.Context, q querier, tenant graph.TenantID, id uid) (runRow, error) {
	r, found, err := findOne[runRow](ctx, s, q, "WHERE t.tenant_id = ? AND t.id = ?"+s.locking(q), ident(tenant), id)
	if err == nil && !found {
		err = notFound("run")
	}
	return r, err
}

// afterTime goes on after a position in a list that is newest first by (created_at, id).
func (c *conditions) afterTime(after runs.Keyset) error {
	if after.IsZero() {
		return nil
	}
	micro, err := position(after)
	if err != nil {
		return err
	}
	c.and("(t.created_at, t.id) < (?, ?)", ts{micro: micro, set: true}, uidOf(after.ID))
	return nil
}

func (s *Store) runs(ctx context.Context, tenant graph.TenantID, tail string, args ...any) (list []runs.Run, err error) {
	err = s.look(ctx, tenant, func(q querier) error {
		rows, err := find[runRow](ctx, s, q, tail, args...)
		for i := range rows {
			list = append(list, rows[i].run())
		}
		return err
	})
	return list, err
}

// ChangeRun implements [runs.RunStore].
func (s *Store) ChangeRun(ctx context.Context, tenant graph.TenantID, id runs.ID, change runs.ChangeFunc) (out runs.Run, err error) {
	if out, done, err := s.dialect.tryChange(ctx, s, tenant, id, change); done {
		return out, err
	}
	err = s.change(ctx, tenant, func(ctx context.Context, t *tx) error {
		old, err := s.run(ctx, t, tenant, uidOf(id))
		if err != nil {
			return err
		}
		room, err := s.room(ctx, t, &old, t.now)
		if err != nil {
			return err
		}
		if room.Batch, err = t.batch(ctx, &old); err != nil {
			return err
		}
		changed, trail, err := decide(tenant, t.now, &old, room, change)
		if err != nil {
			return err
		}
		if err := update(ctx, t, &old, &changed); err != nil {
			return err
		}
		if changed.endsBackup() {
			if err := t.moveLastRun(ctx, &changed); err != nil {
				return err
			}
		}
		if err := t.closeSet(ctx, &changed); err != nil {
			return err
		}
		out = changed.run()
		if trail.Notifications, err = t.replaceNotices(ctx, tenant, trail.Notifications); err != nil {
			return err
		}
		return t.trail(tenant, trail)
	})
	if err != nil && s.dialect.taken(err, s.prefix) {
		err = fmt.Errorf("another run was claimed at the same time: %w", runs.ErrBusy)
	}
	if err != nil {
		return runs.Run{}, err
	}
	return out, nil
}

// decide asks change what to do with a run, and refuses what must not be.
func decide(tenant graph.TenantID, at time.Time, old *runRow, room room, change runs.ChangeFunc) (changed runRow, trail runs.Trail, err error) {
	answer, err := change(at, old.run(), room.Room)
	if err != nil {
		return changed, trail, err
	}
	answer.Run.TenantID = tenant
	changed, err = runRowOf(answer.Run)
	switch {
	case err != nil:
	case runs.Status(old.Status).Terminal():
		err = runs.Conflict("run_finished", "the run has ended and never changes again")
	case room.running && changed.Status == text(runs.StatusRunning):
		err = fmt.Errorf("another run of the schedule is running: %w", runs.ErrBusy)
	case changed.Lane != old.Lane && slices.Contains(room.Lanes, int(changed.Lane)):
		err = fmt.Errorf("another run of the tenant holds lane %d: %w", changed.Lane, runs.ErrBusy)
	}
	return changed, answer.Trail, err
}

// held returns a run that is running under the lease, or [runs.ErrLeaseLost].
func (t *tx) held(ctx context.Context, tenant graph.TenantID, lease runs.Lease) (runRow, error) {
	r, err := t.s.run(ctx, t, tenant, uidOf(lease.RunID))
	if err != nil {
		return runRow{}, err
	}
	if r.Status != text(runs.StatusRunning) || int64(r.LeaseToken) != lease.Token {
		return runRow{}, runs.ErrLeaseLost
	}
	return r, nil
}

type runRow struct {
	TenantID                                   ident
	ID                                         uid
	Kind, Trigger, ActorID, ActorName, Status  text
	Key                                        text
	ScheduleID                                 uid
	ScheduledFor                               ts
	TargetType                                 text
	TargetID                                   ident
	RetryOf                                    uid
	Params                                     text
	CreatedAt, UpdatedAt, StartedAt            ts
	FinishedAt, NotBefore                      ts
	Attempt, Stalls                            num
	ErrorCode, ErrorMessage                    text
	Total, Processed, Succeeded, Failed, Skips num
	BackupSetID                                uid
	Summary                                    text
	CancelRequested                            flag
	CanceledByID, CanceledByName               text
	LeaseToken                                 num
	LeaseOwner                                 text
	LeaseUntil                                 ts
	ProcessedAtClaim                           num
	Lane                                       num
	AttemptStartedAt                           ts
	BatchID                                    uid
}

var runsTable = &table{name: "runs", key: 2, added: 3, folded: 2, columns: []string{
	"tenant_id", "id", "kind", "trigger", "actor_id", "actor_name", "status", "key", "schedule_id", "scheduled_for",
	"target_type", "target_id", "retry_of", "params", "created_at", "updated_at", "started_at", "finished_at",
	"not_before", "attempt", "stalls", "error_code", "error_message", "total", "processed", "succeeded", "failed",
	"skipped", "backup_set_id", "summary", "cancel_requested", "canceled_by_id", "canceled_by_name", "lease_token",
	"lease_owner", "lease_until", "processed_at_claim", "lane", "attempt_started_at", "batch_id",
}}

func (*runRow) table() *table { return runsTable }

func (r *runRow) columns() []column {
	return []column{
		&r.TenantID, &r.ID, &r.Kind, &r.Trigger, &r.ActorID, &r.ActorName, &r.Status, &r.Key, &r.ScheduleID, &r.ScheduledFor,
		&r.TargetType, &r.TargetID, &r.RetryOf, &r.Params, &r.CreatedAt, &r.UpdatedAt, &r.StartedAt, &r.FinishedAt,
		&r.NotBefore, &r.Attempt, &r.Stalls, &r.ErrorCode, &r.ErrorMessage, &r.Total, &r.Processed, &r.Succeeded, &r.Failed,
		&r.Skips, &r.BackupSetID, &r.Summary, &r.CancelRequested, &r.CanceledByID, &r.CanceledByName, &r.LeaseToken,
		&r.LeaseOwner, &r.LeaseUntil, &r.ProcessedAtClaim, &r.Lane, &r.AttemptStartedAt, &r.BatchID,
	}
}

func runRowOf(r runs.Run) (runRow, error) {
	var f fields
	return runRow{
		TenantID: f.tenant(r.TenantID), ID: f.key("id", r.ID), Kind: text(r.Kind), Trigger: text(r.Trigger),
		ActorID: text(r.Actor.ID), ActorName: text(r.Actor.Name), Status: text(r.Status), Key: text(r.Key),
		ScheduleID: f.id("schedule_id", r.ScheduleID), ScheduledFor: tsOf(r.ScheduledFor),
		TargetType: text(r.Target.Type), TargetID: ident(r.Target.ID), RetryOf: f.id("retry_of", r.RetryOf), Params: text(r.Params),
		CreatedAt: tsOf(r.CreatedAt), UpdatedAt: tsOf(r.UpdatedAt), StartedAt: tsOf(r.StartedAt),
		FinishedAt: tsOf(r.FinishedAt), NotBefore: tsOf(r.NotBefore), Attempt: num(r.Attempt), Stalls: num(r.Stalls),
		ErrorCode: text(r.ErrorCode), ErrorMessage: text(r.ErrorMessage), Total: num(r.Counts.Total),
		Processed: num(r.Counts.Processed), Succeeded: num(r.Counts.Succeeded), Failed: num(r.Counts.Failed), Skips: num(r.Counts.Skipped),
		BackupSetID: f.id("backup_set_id", r.BackupSetID), Summary: text(r.Summary), CancelRequested: flag(r.CancelRequested),
		CanceledByID: text(r.CanceledBy.ID), CanceledByName: text(r.CanceledBy.Name), LeaseToken: num(r.LeaseToken),
		LeaseOwner: text(r.LeaseOwner), LeaseUntil: tsOf(r.LeaseUntil), ProcessedAtClaim: num(r.ProcessedAtClaim),
		Lane: num(r.Lane), AttemptStartedAt: tsOf(r.AttemptStartedAt), BatchID: f.id("batch_id", r.BatchID),
	}, f.bad.Err()
}

func (r *runRow) run() runs.Run {
	return runs.Run{
		ID: r.ID.id(), TenantID: graph.TenantID(r.TenantID), Kind: runs.Kind(r.Kind), Trigger: runs.Trigger(r.Trigger),
		Actor: runs.Actor{ID: string(r.ActorID), Name: string(r.ActorName)}, Status: runs.Status(r.Status), Key: string(r.Key),
		ScheduleID: r.ScheduleID.id(), ScheduledFor: r.ScheduledFor.time(),
		Target: runs.Target{Type: string(r.TargetType), ID: runs.ID(r.TargetID)}, RetryOf: r.RetryOf.id(), Params: rawJSON(r.Params),
		CreatedAt: r.CreatedAt.time(), UpdatedAt: r.UpdatedAt.time(), StartedAt: r.StartedAt.time(),
		FinishedAt: r.FinishedAt.time(), NotBefore: r.NotBefore.time(), Attempt: int(r.Attempt), Stalls: int(r.Stalls),
		ErrorCode: runs.Code(r.ErrorCode), ErrorMessage: string(r.ErrorMessage),
		Counts: runs.Counts{
			Total: int(r.Total), Processed: int(r.Processed), Succeeded: int(r.Succeeded), Failed: int(r.Failed), Skipped: int(r.Skips),
		},
		BackupSetID: r.BackupSetID.id(), Summary: rawJSON(r.Summary), CancelRequested: bool(r.CancelRequested),
		CanceledBy: runs.Actor{ID: string(r.CanceledByID), Name: string(r.CanceledByName)}, LeaseToken: int64(r.LeaseToken),
		LeaseOwner: string(r.LeaseOwner), LeaseUntil: r.LeaseUntil.time(), ProcessedAtClaim: int(r.ProcessedAtClaim),
		Lane: int(r.Lane), AttemptStartedAt: r.AttemptStartedAt.time(), BatchID: r.BatchID.id(),
	}
}

func rawJSON(t text) json.RawMessage {
	if t == "" {
		return nil
	}
	return json.RawMessage(t)
}
