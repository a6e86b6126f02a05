package runs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/hook"
	"github.com/tenantatlas/tenantbackup/internal/redact"
)

// claim is what claiming a run came to.
type claim struct {
	outcome claimed
	run     Run           // as it is now, or as it was seen
	waited  time.Duration // how long it had been due, when it was claimed
	news    []Notification
}

// claimed is what a claim came to.
type claimed int

const (
	claimedNothing claimed = iota // the run is somebody else's, waits for its turn, or is over
	claimedEarly                  // the run is not due; its job is queued for its time
	claimedEnded                  // this very call ended the run
	claimedRun                    // the run is this worker's
)

// claim takes the run for this worker.
func (r *Runner) claim(ctx context.Context, job Job) (claim, error) {
	var early time.Duration
	var due time.Time
	var seen Run
	var busy bool // another backup of the schedule is under way
	run, news, err := r.teller.change(ctx, job.TenantID, job.RunID, func(at time.Time, cur Run, room Room) (Change, error) {
		early, seen, busy = 0, cur, room.Busy
		switch {
		case cur.Status != StatusQueued:
			return Change{}, errNothingToDo
		case cur.NotBefore.After(at):
			early, due = cur.NotBefore.Sub(at), cur.NotBefore
			return Change{}, errNothingToDo
		case room.Busy && cur.StartedAt.IsZero(): // a resumed run is never busy, also not one that was given back
			cur = finished(cur, at, StatusSkipped, CodeScheduleBusy, "another run of this schedule was active")
			return Change{Run: cur, Trail: trailOf(r.newID, at, SystemActor, cur, room, "run.refused")}, nil
		}
		if cur.Kind.UsesGraph() {
			if cur.Lane = room.Lane(r.cfg.PerTenant, r.cfg.Random()); cur.Lane == 0 {
				return Change{}, errNothingToDo // whoever frees a lane queues the next run
			}
		}
		cur.Status, cur.UpdatedAt, cur.NotBefore = StatusRunning, at, time.Time{}
		if cur.StartedAt.IsZero() {
			cur.StartedAt = at
		}
		cur.AttemptStartedAt = at
		cur.Attempt++
		cur.LeaseToken++
		cur.LeaseOwner, cur.LeaseUntil = r.cfg.Worker, at.Add(r.cfg.LeaseFor)
		cur.ProcessedAtClaim = cur.Counts.Processed
		cur.ErrorCode, cur.ErrorMessage = "", ""
		return Change{Run: cur, Trail: trailOf(r.newID, at, SystemActor, cur, room, "run.started")}, nil
	})
	switch {
	case errors.Is(err, errNothingToDo):
		if early > 0 { // delivered too early, by a queue with another clock: wait on both
			if own := now(r.cfg.Clock).Add(early); own.After(due) {
				due = own
			}
			job.NotBefore, job.Back = due, false
			return claim{outcome: claimedEarly, run: seen}, r.cfg.Queue.Enqueue(ctx, job)
		}
		return claim{run: seen}, nil
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrConflict):
		return claim{run: seen}, nil
	case errors.Is(err, ErrBusy) && busy: // its end queues this run, which was started before
		return claim{run: seen}, nil
	case errors.Is(err, ErrBusy):
		// Two runs were claimed at the same instant and the database let one through. The
		// job comes again and finds the schedule or the lane busy.
		return claim{}, err
	case err != nil:
		return claim{}, fmt.Errorf("runs: claiming a run: %w", err)
	case run.Status.Terminal():
		return claim{outcome: claimedEnded, run: run, news: news}, nil
	}
	return claim{claimedRun, run, max(0, run.UpdatedAt.Sub(seen.dueAt())), news}, nil
}

// passTurn queues the runs of the tenant whose turn it is once a run no longer needs its
// lane. They go to the back, behind the tenants that have waited meanwhile; and after an
// interactive run without preference, so that a person who starts a thousand runs does not
// keep the schedules of all others waiting. When it fails, the job of the run is delivered
// again and comes here again.
func (r *Runner) passTurn(ctx context.Context, run Run) error {
	if !run.Kind.UsesGraph() {
		return nil
	}
	next, err := r.cfg.Store.WaitingRuns(ctx, run.TenantID, r.cfg.PerTenant)
	if err != nil {
		return fmt.Errorf("runs: looking for the tenant's next run: %w", err)
	}
	preferred := run.Trigger.Interactive() && !run.StartedAt.IsZero()
	jobs := make([]Job, len(next))
	for i := range next {
		jobs[i] = next[i].Job()
		jobs[i].NotBefore, jobs[i].Back = time.Time{}, true
		jobs[i].Interactive = jobs[i].Interactive && !preferred
	}
	if len(jobs) == 0 {
		return nil
	}
	return r.cfg.Queue.Enqueue(ctx, jobs...)
}

var errNothingToDo = errors.New("runs: nothing to do")

// settle ends an attempt: it finishes the run, or puts it back for later. end is what
// observers are told.
func (r *Runner) settle(handler context.Context, a *Attempt, execErr error) (end AttemptEnd, err error) {
	ctx := context.WithoutCancel(handler) // what ended the attempt must not keep it from being ended
	if errors.Is(execErr, ErrLeaseLost) {
		r.log.WarnContext(ctx, "the lease was lost; another worker goes on with the run", "run_id", a.run.ID)
		return AttemptEnd{LeaseLost: true}, nil
	}
	var requeued time.Duration
	run, news, err := r.changePatiently(handler, a, func(at time.Time, cur Run, room Room) (Change, error) {
		if !cur.HeldBy(a.Lease()) {
			return Change{}, ErrLeaseLost
		}
		if execErr == nil {
			next, result, err := r.succeed(a, cur, at)
			if err == nil {
				trail := trailOf(r.newID, at, SystemActor, next, room, "run.finished")
				if result.Action != "" {
					trail.Audit = append(trail.Audit, resultEntry(r.newID(), at, next, result))
				}
				return Change{Run: next, Trail: trail}, nil
			}
			execErr = err
		}
		next, delay := r.fail(cur, at, execErr)
		requeued = delay
		action := "run.finished"
		if next.Status == StatusQueued {
			action = "run.retried"
		}
		return Change{Run: next, Trail: trailOf(r.newID, at, SystemActor, next, room, action)}, nil
	})
	switch {
	case errors.Is(err, ErrLeaseLost), errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound):
		r.log.WarnContext(ctx, "the lease was lost at the end; another worker goes on with the run", "run_id", a.run.ID)
		return AttemptEnd{LeaseLost: true}, nil
	case err != nil:
		return AttemptEnd{Failure: failureOf(execErr)}, fmt.Errorf("runs: ending an attempt: %w", err)
	}
	end = AttemptEnd{
		Status: run.Status, Code: run.ErrorCode, Failure: failureOf(execErr), Wait: requeued,
		GivenBack: run.Status == StatusQueued && errors.Is(execErr, ErrStopping),
		Processed: max(0, run.Counts.Processed-a.run.Counts.Processed),
	}
	if run.Status == StatusQueued {
		r.log.InfoContext(ctx, "run waits for another attempt", "run_id", run.ID, "kind", run.Kind, "code", run.ErrorCode, "wait", requeued, redact.Err(execErr))
		if err := r.cfg.Queue.Enqueue(ctx, run.Job()); err != nil {
			return end, err
		}
		return end, r.passTurn(ctx, run)
	}
	r.teller.tell(ctx, a.Tenant(), news)
	if run.Status == StatusFailed && execErr != nil {
		r.log.ErrorContext(ctx, "run failed", "run_id", run.ID, "kind", run.Kind, "code", run.ErrorCode, redact.Err(execErr))
	}
	r.afterRun(ctx, run)
	return end, r.passTurn(ctx, run)
}

// changePatiently changes the run of an attempt. A store that is away for a moment must not
// cost the tenant the time until the lease is over and a sweep comes by: while the lease
// lasts, the change is tried again, unless the process stops.
func (r *Runner) changePatiently(handler context.Context, a *Attempt, change ChangeFunc) (Run, []Notification, error) {
	ctx := context.WithoutCancel(handler)
	run, news, err := r.teller.change(ctx, a.Tenant(), a.run.ID, change)
	began, wait := r.cfg.Clock.Now(), 50*time.Millisecond
	for ; storeFailed(err) && r.cfg.Clock.Now().Sub(began) < r.cfg.LeaseFor; wait = min(2*wait, 5*time.Second) {
		r.log.WarnContext(ctx, "the end of an attempt could not be stored; it is tried again", "run_id", a.run.ID, redact.Err(err))
		select {
		case <-handler.Done():
			return run, nil, err
		case <-r.stop:
			return run, nil, err
		case <-r.cfg.Clock.After(wait):
		}
		again, said, tried := r.teller.change(ctx, a.Tenant(), a.run.ID, change)
		if tried != nil && !storeFailed(tried) {
			return run, nil, err // the answer to an earlier try may have been lost: the job comes again and finds out
		}
		run, news, err = again, said, tried
	}
	return run, news, err
}

// storeFailed tells whether a change failed for no reason of its own.
func storeFailed(err error) bool {
	return err != nil && !errors.Is(err, ErrLeaseLost) && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrInvalid)
}

// succeed ends a run whose executor returned nil.
func (r *Runner) succeed(a *Attempt, cur Run, at time.Time) (next Run, result Result, err error) {
	result, summary, err := a.outcome()
	if err != nil {
		return Run{}, result, err
	}
	if result.Status == "" {
		result.Status = StatusSuccess
		if cur.Counts.Failed > 0 {
			result.Status, result.Code = StatusPartial, CodeItemsFailed
		}
	}
	next = finished(cur, at, result.Status, result.Code, result.Message)
	next.Summary = summary
	return next, result, nil
}

// fail decides what becomes of a run whose executor returned an error.
func (r *Runner) fail(cur Run, at time.Time, execErr error) (Run, time.Duration) {
	stalls := cur.Stalls + 1
	if cur.Counts.Processed > cur.ProcessedAtClaim {
		stalls = 0
	}
	v := r.cfg.Retry.judge(execErr, stalls, r.cfg.Random())
	if errors.Is(execErr, errUnknownKind) {
		v = verdict{status: StatusFailed, code: CodeUnknownKind}
	}
	if v.status == StatusQueued && cur.CancelRequested { // the attempt ended before it looked
		v = verdict{status: StatusCanceled, code: CodeCanceled}
	}
	if v.status == StatusQueued && !v.giveBack && at.Add(v.delay).Sub(cur.StartedAt) > r.cfg.Retry.Deadline {
		v = verdict{status: StatusFailed, code: CodeTimeout}
	}
	if v.status != StatusQueued {
		return finished(cur, at, v.status, v.code, execErr.Error()), 0
	}
	next := waiting(cur, at, at.Add(v.delay), v.code, execErr.Error())
	next.Stalls = stalls
	if v.giveBack {
		next.Attempt--
		next.Stalls, next.ErrorCode, next.ErrorMessage = cur.Stalls, "", ""
	}
	return next, v.delay
}

// waiting moves a running run back to the queue.
func waiting(r Run, at, notBefore time.Time, code Code, message string) Run {
	r = finished(r, at, StatusQueued, code, message)
	r.FinishedAt = time.Time{}
	r.NotBefore = notBefore
	return r
}

// Sweep brings back the runs that nobody works on: running past their lease (their worker
// died), or queued and due for long without a job (the process stopped between storing and
// queueing). It returns how many it brought back or ended. A run that cannot be brought back
// does not keep the others; the error names the first. One that is damaged in the store is
// logged and left alone. Any number of sweeps may run at once.
func (r *Runner) Sweep(ctx context.Context) (int, error) { return r.sweep(ctx, r.cfg.QueuedFor) }

const sweepPage = 500

func (r *Runner) sweep(ctx context.Context, queuedFor time.Duration) (count int, err error) {
	requeued, after := 0, ID("")
	damaged := map[string]bool{}
	defer func() {
		hook.Tell(ctx, r.log, r.cfg.Observer.Swept, SweepEnd{
			Rescued: count, Requeued: requeued, Damaged: len(damaged), Failed: err != nil && ctx.Err() == nil,
		})
	}()
	report := func(row DamagedRow) {
		if key := string(row.TenantID) + "/" + string(row.ID); !damaged[key] {
			damaged[key] = true
			r.log.ErrorContext(ctx, "a run is damaged in the store and was left alone; run a check of the store",
				"tenant", row.TenantID, "run_id", row.ID, redact.Err(row.Err))
		}
	}
	var failed error
	for {
		q := Stranded{QueuedBefore: now(r.cfg.Clock).Add(-queuedFor), Lanes: r.cfg.PerTenant, After: after, Limit: sweepPage, Damaged: report}
		list, err := r.cfg.Store.StrandedRuns(ctx, q)
		if err != nil {
			return count, fmt.Errorf("runs: looking for stranded runs: %w", err)
		}
		var jobs []Job
		for _, run := range list {
			after = run.ID
			if run.Status == StatusQueued {
				job := run.Job()
				if queuedFor > 0 && run.Kind.UsesGraph() {
					job.Interactive = false // else it would get back what passTurn took from it
				}
				jobs = append(jobs, job)
				continue
			}
			ok, err := r.rescue(ctx, run)
			if err != nil && failed == nil {
				failed = fmt.Errorf("run %s: %w", run.ID, err)
			}
			if ok {
				count++
			}
		}
		if len(jobs) > 0 {
			switch err := r.cfg.Queue.Enqueue(ctx, jobs...); {
			case err == nil:
				requeued += len(jobs)
			case ctx.Err() != nil:
				return count, err
			case failed == nil:
				failed = fmt.Errorf("runs: queueing stranded runs: %w", err)
			}
		}
		if len(list) < q.Limit {
			return count, failed
		}
	}
}

// rescue takes a run away from a worker that is gone, guarded by the very claim that was
// seen, so that a worker which was only slow keeps its newer claim.
func (r *Runner) rescue(ctx context.Context, seen Run) (bool, error) {
	run, news, err := r.teller.change(ctx, seen.TenantID, seen.ID, func(at time.Time, cur Run, room Room) (Change, error) {
		if !cur.HeldBy(seen.Lease()) || !cur.LeaseUntil.Before(at) {
			return Change{}, errNothingToDo
		}
		if cur.CancelRequested {
			cur = finished(cur, at, StatusCanceled, CodeCanceled, "canceled; its worker was lost")
			return Change{Run: cur, Trail: trailOf(r.newID, at, SystemActor, cur, room, "run.finished")}, nil
		}
		next, _ := r.fail(cur, at, errWorkerLost)
		action := "run.retried"
		if next.Status.Terminal() {
			action = "run.finished"
		}
		return Change{Run: next, Trail: trailOf(r.newID, at, SystemActor, next, room, action)}, nil
	})
	switch {
	case errors.Is(err, errNothingToDo), errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("runs: bringing back a stranded run: %w", err)
	}
	if run.Status.Terminal() {
		r.teller.tell(ctx, run.TenantID, news)
		r.afterRun(ctx, run)
	} else if err := r.cfg.Queue.Enqueue(ctx, run.Job()); err != nil {
		return true, fmt.Errorf("runs: queueing a stranded run: %w", err)
	}
	return true, r.passTurn(ctx, run)
}

var errWorkerLost = errors.New("the worker of this run died or lost its connection")
