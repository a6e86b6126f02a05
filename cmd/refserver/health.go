package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/api"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/runs"
)

// pulse notes when this process was last seen at work. Its functions are called from many
// goroutines.
type pulse struct {
	clock            runs.Clock
	worker, dispatch atomic.Int64 // Unix nanoseconds; 0 for never
}

func (p *pulse) note(at *atomic.Int64) { at.Store(p.clock.Now().UnixNano()) }

// runs notes what a runner does: it sweeps every minute, and ends runs.
func (p *pulse) runs(o runs.Observer) runs.Observer {
	swept, finished := o.Swept, o.Finished
	o.Swept = func(ctx context.Context, s runs.SweepEnd) {
		p.note(&p.worker)
		if swept != nil {
			swept(ctx, s)
		}
	}
	o.Finished = func(ctx context.Context, f runs.FinishedRun) {
		p.note(&p.worker)
		if finished != nil {
			finished(ctx, f)
		}
	}
	return o
}

// dispatches notes the ticks of a dispatcher.
func (p *pulse) dispatches(o backupsched.Observer) backupsched.Observer {
	tick := o.Tick
	o.Tick = func(ctx context.Context, t backupsched.TickStart) (context.Context, func(backupsched.TickEnd)) {
		p.note(&p.dispatch)
		if tick == nil {
			return nil, nil
		}
		return tick(ctx, t)
	}
	return o
}

// Beyond these times something needs attention.
const (
	quietFor = 5 * time.Minute  // a part of this process that works every minute at least
	dueFor   = 15 * time.Minute // a job that a worker could take

	takenWithin = time.Minute     // a run that nobody works on
	lostFor     = 2 * time.Minute // one whose lease is over: any worker would have taken it up

	healthWait = 5 * time.Second // for all answers
)

// health tells how the parts of the server are. What other processes do is seen by the queue, and by
// the runs that nobody works on.
func (a *app) health(r role) func(context.Context) []pages.HealthPart {
	return func(ctx context.Context) []pages.HealthPart {
		ctx, cancel := context.WithTimeout(ctx, healthWait)
		defer cancel()
		list := []pages.HealthPart{a.databaseHealth(ctx)}
		if q, ok := a.queue.(runs.QueueStatter); ok {
			list = append(list, a.queueHealth(ctx, q))
		}
		if r.works() {
			list = append(list, a.seen("Workers", &a.pulse.worker))
		} else {
			list = append(list, a.workersElsewhere(ctx))
		}
		if r.dispatches() {
			list = append(list, a.seen("Dispatcher", &a.pulse.dispatch))
		}
		return list
	}
}

func (a *app) databaseHealth(ctx context.Context) pages.HealthPart {
	part := pages.HealthPart{Name: "Database", Text: "It answers, and its tables are up to date."}
	err := a.db.ready(ctx)
	if err == nil {
		return part
	}
	a.log.WarnContext(ctx, "the database is not in order", "error", err)
	part.Bad, part.Text = true, "It does not answer as it should. The log has the cause."
	var u *api.Unready
	if errors.As(err, &u) {
		part.Text = ""
		for _, p := range u.Parts() {
			part.Text += fmt.Sprintf("The %s %s. ", p.Field, p.Message)
		}
	}
	return part
}

func (a *app) queueHealth(ctx context.Context, q runs.QueueStatter) pages.HealthPart {
	s, err := q.Stats(ctx)
	if err != nil {
		a.log.WarnContext(ctx, "the queue does not answer", "error", err)
		return pages.HealthPart{Name: "Queue", Bad: true, Text: "It does not answer. The log has the cause."}
	}
	part := pages.HealthPart{Name: "Queue"}
	switch {
	case s.Due == 0 && s.Delayed == 0:
		part.Text = "No run waits in it."
	case s.Due == 0:
		part.Text = fmt.Sprintf("No run waits for a worker; %d wait for their time.", s.Delayed)
	default:
		part.Text = fmt.Sprintf("Runs that wait for a worker: %d, the longest for %s.", s.Due, s.Oldest.Round(time.Second))
	}
	if s.Oldest > dueFor {
		part.Bad = true
		part.Text += " Is a worker running?"
	}
	if s.SetAside > 0 {
		part.Bad = true
		part.Text += fmt.Sprintf(" Jobs that could not be read: %d.", s.SetAside)
	}
	return part
}

// workersElsewhere tells of workers in other processes what the database knows: whether runs wait for
// one that should have taken them. Where many wait it counts the first only.
func (a *app) workersElsewhere(ctx context.Context) pages.HealthPart {
	const most = 100
	part := pages.HealthPart{Name: "Workers", Text: "No run is without one. They are other processes."}
	now := a.clock.Now()
	list, err := a.db.StrandedRuns(ctx, runs.Stranded{QueuedBefore: now.Add(-takenWithin), Lanes: a.perTenant, Limit: most})
	if err != nil {
		a.log.WarnContext(ctx, "the runs that nobody works on cannot be read", "error", err)
		part.Bad, part.Text = true, "The database does not tell of them. The log has the cause."
		return part
	}
	var lost, waiting int
	var longest time.Duration
	for _, r := range list {
		since := r.UpdatedAt
		if r.NotBefore.After(since) {
			since = r.NotBefore
		}
		limit := dueFor
		if r.Status == runs.StatusRunning {
			since, limit = r.LeaseUntil, lostFor
		}
		alone := now.Sub(since)
		switch {
		case alone < takenWithin:
			continue
		case r.Status == runs.StatusRunning:
			lost++
		default:
			waiting++
		}
		longest, part.Bad = max(longest, alone), part.Bad || alone > limit
	}
	if lost+waiting == 0 {
		return part
	}
	part.Text = ""
	if lost > 0 {
		part.Text += fmt.Sprintf("Runs whose worker has stopped: %d. ", lost)
	}
	if waiting > 0 {
		part.Text += fmt.Sprintf("Runs that none has taken: %d. ", waiting)
	}
	part.Text += fmt.Sprintf("The longest has been without one for %s. Does a worker run?", longest.Truncate(time.Second))
	return part
}

// seen is how a part of this process is by when it was last at work.
func (a *app) seen(name string, last *atomic.Int64) pages.HealthPart {
	part := pages.HealthPart{Name: name, Text: "At work in this process."}
	at := last.Load()
	if at == 0 {
		part.Text = "Begins its work."
		return part
	}
	part.Seen = time.Unix(0, at)
	if a.clock.Now().Sub(part.Seen) > quietFor {
		part.Bad, part.Text = true, "It has done nothing since. The log may have the cause."
	}
	return part
}
