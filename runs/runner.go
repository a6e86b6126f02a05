package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/hook"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
)

// Config configures a [Runner].
type Config struct {
	Store     Store      // required
	Queue     Queue      // required
	Executors []Executor // required; no two for the same kind

	// Clock defaults to [SystemClock].
	Clock Clock

	// Worker names this process in leases, for people. Defaults to "runner".
	Worker string

	// PerTenant is how many runs of one tenant that use Graph run at once, over all Runners
	// that share the store; all of them need the same number. The others wait for their
	// turn, interactive ones first. Defaults to 1.
	PerTenant int

	// LeaseFor is how long a claim lasts without a heartbeat, and so how long a run of a
	// dead worker stays untouched. A heartbeat comes every third of it. Defaults to 1 min.
	LeaseFor time.Duration

	// SweepEvery is how often Run looks for stranded runs. Defaults to 1 min.
	SweepEvery time.Duration

	// QueuedFor is how long a queued run may wait unchanged before a sweep queues its job
	// again. Defaults to 5 min.
	QueuedFor time.Duration

	// StopGrace is how long running attempts may go on after Run's ctx ended, before their
	// context ends and their runs are given back. Defaults to 10 s; negative means none.
	StopGrace time.Duration

	Retry RetryPolicy

	// Notifier hands notifications on. Defaults to nobody.
	Notifier Notifier

	// NotifyTimeout is how long a call of the Notifier may take. Defaults to 1 s.
	NotifyTimeout time.Duration

	// AfterRun is called after a run has finished and before its job is acknowledged, for
	// example retention.Retention.AfterRun. Its error is logged and never changes the run.
	AfterRun func(ctx context.Context, run Run) error

	// Random returns uniform values in [0, 1) for jitter. Defaults to math/rand/v2.
	Random func() float64

	// Observer is told what happens, for metrics and traces. Defaults to nobody.
	Observer Observer

	// Logger receives what happens beside the runs themselves. Defaults to discarding.
	Logger *slog.Logger
}

// maxPerTenant lets a store keep a tenant's lanes as the bits of one number.
const maxPerTenant = 62

// Runner takes runs from the queue and brings each to its end. It is safe for concurrent
// use; any number of Runners in any number of processes may share a store.
type Runner struct {
	cfg       Config
	executors map[Kind]Executor
	ids       *uuidv7.Generator
	log       *slog.Logger
	teller    teller

	stopOnce sync.Once
	stop     chan struct{} // closed: attempts end and give their runs back
}

// NewRunner checks the configuration and makes a Runner. It starts nothing.
func NewRunner(cfg Config) (*Runner, error) {
	var bad InvalidError
	if cfg.Store == nil {
		bad.Add("store", "required", "is required")
	}
	if cfg.Queue == nil {
		bad.Add("queue", "required", "is required; runs/memqueue needs nothing else")
	}
	if len(cfg.Executors) == 0 {
		bad.Add("executors", "required", "is required; runs/capture brings the ones for backups")
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{{"lease_for", cfg.LeaseFor}, {"sweep_every", cfg.SweepEvery}, {"queued_for", cfg.QueuedFor}, {"notify_timeout", cfg.NotifyTimeout}} {
		if f.value < 0 {
			bad.Add(f.name, "negative", "must not be negative; 0 takes the default")
		}
	}
	executors := map[Kind]Executor{}
	for i, e := range cfg.Executors {
		if e == nil {
			bad.Add(fmt.Sprintf("executors[%d]", i), "required", "is nil")
			continue
		}
		for _, k := range e.Kinds() {
			if _, ok := executors[k]; ok {
				bad.Add(fmt.Sprintf("executors[%d]", i), "duplicate", "brings kind "+string(k)+", which another executor brings already")
			}
			executors[k] = e
		}
	}
	if cfg.PerTenant < 0 || cfg.PerTenant > maxPerTenant {
		bad.Add("per_tenant", "per_tenant_range", "must be between 0 and 62; 0 takes the default")
	}
	if err := cfg.Retry.validate(); err != nil {
		bad.Fields = append(bad.Fields, err.(*InvalidError).Fields...)
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if cfg.Clock == nil {
		cfg.Clock = SystemClock{}
	}
	cfg.Worker = cmp.Or(cfg.Worker, "runner")
	cfg.PerTenant = cmp.Or(cfg.PerTenant, 1)
	cfg.LeaseFor = cmp.Or(cfg.LeaseFor, time.Minute)
	cfg.SweepEvery = cmp.Or(cfg.SweepEvery, time.Minute)
	cfg.QueuedFor = cmp.Or(cfg.QueuedFor, 5*time.Minute)
	cfg.NotifyTimeout = cmp.Or(cfg.NotifyTimeout, notifyTimeout)
	cfg.StopGrace = cmp.Or(cfg.StopGrace, 10*time.Second)
	cfg.Retry = cfg.Retry.withDefaults()
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	log := orDiscard(cfg.Logger)
	return &Runner{
		cfg: cfg, executors: executors, ids: uuidv7.NewGenerator(cfg.Clock.Now),
		log: log, stop: make(chan struct{}),
		teller: teller{cfg.Store, cfg.Notifier, log, cfg.Clock, cfg.NotifyTimeout, cfg.Observer.Dropped, &calls{}},
	}, nil
}

func (r *Runner) newID() ID { return ID(r.ids.New()) }

// Run works until ctx ends: it takes jobs from the queue and sweeps regularly, first at
// once, which is how runs that were queued before a restart come back. It returns nil after
// a normal stop, when every attempt has finished or been given back. Run is called at most
// once.
func (r *Runner) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	sweepCtx, endSweep := context.WithCancel(ctx)
	wg.Go(func() { r.sweepLoop(sweepCtx) })

	worked := make(chan struct{})
	wg.Go(func() {
		select {
		case <-worked:
			return
		case <-ctx.Done():
		}
		if r.cfg.StopGrace > 0 {
			select {
			case <-worked:
			case <-r.cfg.Clock.After(r.cfg.StopGrace):
			}
		}
		r.stopOnce.Do(func() { close(r.stop) })
	})

	err := r.cfg.Queue.Work(ctx, r.Take)
	close(worked)
	endSweep()
	wg.Wait()
	r.teller.leave(ctx)
	if err != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("runs: queue stopped: %w", err)
	}
	return nil
}

func (r *Runner) sweepLoop(ctx context.Context) {
	queuedFor := time.Duration(0) // the first sweep takes every queued run that is due
	for {
		if n, err := r.sweep(ctx, queuedFor); err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "sweep failed; it is tried again", redact.Err(err))
		} else if n > 0 {
			r.log.InfoContext(ctx, "sweep brought runs back", "runs", n)
		}
		queuedFor = r.cfg.QueuedFor
		select {
		case <-ctx.Done():
			return
		case <-r.cfg.Clock.After(r.cfg.SweepEvery):
		}
	}
}

// Take claims the run of a job and returns the work: the executor of its kind, and what
// brings the run to its end or back to the queue. There is no work when the run is finished,
// taken by another worker, gone, or must wait for its turn. An error means that the store or
// the queue failed, and the job should be delivered again.
func (r *Runner) Take(ctx context.Context, job Job) (Work, error) {
	c, err := r.claim(ctx, job)
	if err != nil {
		return nil, err
	}
	run := c.run
	switch c.outcome {
	case claimedEnded: // what follows may take its time: not while the job is being taken
		return func(ctx context.Context) error {
			r.teller.tell(ctx, run.TenantID, c.news)
			r.afterRun(ctx, run)
			return r.passTurn(ctx, run)
		}, nil
	case claimedEarly:
		return nil, r.passTurn(ctx, run)
	case claimedNothing:
		if run.Status.Terminal() { // canceled while it waited, perhaps as the tenant's next
			return nil, r.passTurn(ctx, run)
		}
		return nil, nil
	}
	return func(ctx context.Context) error {
		r.teller.tell(ctx, run.TenantID, c.news)
		a := &Attempt{run: run, store: r.cfg.Store, clock: r.cfg.Clock, newID: r.newID}
		ctx, observed := hook.Start(ctx, r.log, r.cfg.Observer.Attempt, AttemptStart{RunInfo: run.info(), Waited: c.waited})
		execErr := r.execute(ctx, a)
		end, err := r.settle(ctx, a, execErr)
		observed(end)
		return err
	}, nil
}

// Handle takes a job and does its work at once, for a host that brings jobs itself.
func (r *Runner) Handle(ctx context.Context, job Job) error {
	work, err := r.Take(ctx, job)
	if err != nil || work == nil {
		return err
	}
	return work(ctx)
}

// execute lets the executor work under a heartbeat. A panic becomes an error: one bad run
// must not take the others down.
func (r *Runner) execute(handler context.Context, a *Attempt) (err error) {
	ctx, end := context.WithCancelCause(handler)
	defer end(nil)
	var wg sync.WaitGroup
	wg.Go(func() { r.heartbeat(ctx, a, end) })
	defer wg.Wait()
	defer end(nil)
	defer func() {
		if p := recover(); p != nil {
			r.log.ErrorContext(ctx, "executor panicked", "run_id", a.run.ID, "kind", a.run.Kind, "stack", string(debug.Stack()))
			// The value may hold anything, so only its type is kept.
			err = fmt.Errorf("runs: executor of %s panicked with a %T; see the log", a.run.Kind, p)
		}
	}()
	executor := r.executors[a.run.Kind]
	if executor == nil {
		return fmt.Errorf("%w: %s", errUnknownKind, a.run.Kind)
	}
	work := ctx
	if !a.run.Trigger.Interactive() {
		work = graph.WithLowPriority(work)
	}
	err = executor.Execute(work, a)
	if err != nil && ctx.Err() != nil {
		err = cause(ctx) // what ended the context says more than what broke because of it
	}
	if err != nil && errors.Is(handler.Err(), context.Canceled) {
		err = ErrStopping // a queue that ends its handlers' context is stopping
	}
	return err
}

var (
	errUnknownKind = errors.New("runs: no executor for kind")
	errTooLong     = fmt.Errorf("runs: the attempt took longer than a whole run may: %w", context.DeadlineExceeded)
)

// heartbeat extends the lease until ctx ends. It ends ctx when the lease is lost, the
// attempt has lasted too long or the Runner stops.
func (r *Runner) heartbeat(ctx context.Context, a *Attempt, end context.CancelCauseFunc) {
	lease := a.Lease()
	// The lease is judged by the store's clock; this process only counts how long ago it
	// was renewed, so that a clock of its own that is wrong does no harm.
	renewed := r.cfg.Clock.Now()
	deadline := renewed.Add(r.cfg.Retry.Deadline)
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.stop:
			end(ErrStopping)
			return
		case <-r.cfg.Clock.After(r.cfg.LeaseFor / 3):
		}
		asked := r.cfg.Clock.Now()
		if asked.After(deadline) {
			end(errTooLong) // an attempt that hangs must not keep its schedule busy for ever
			return
		}
		_, err := r.cfg.Store.ChangeRun(ctx, a.Tenant(), a.run.ID, func(at time.Time, cur Run, _ Room) (Change, error) {
			if !cur.HeldBy(lease) {
				return Change{}, ErrLeaseLost
			}
			cur.LeaseUntil = at.Add(r.cfg.LeaseFor)
			return Change{Run: cur}, nil
		})
		switch {
		case err == nil:
			renewed = asked
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrLeaseLost), errors.Is(err, ErrNotFound), errors.Is(err, ErrConflict):
			end(ErrLeaseLost)
			return
		default:
			r.log.WarnContext(ctx, "heartbeat failed; it is tried again", "run_id", a.run.ID, redact.Err(err))
			if r.cfg.Clock.Now().Sub(renewed) > r.cfg.LeaseFor {
				end(ErrLeaseLost) // somebody else may hold the run by now
				return
			}
		}
	}
}

func (r *Runner) afterRun(ctx context.Context, run Run) {
	hook.Tell(ctx, r.log, r.cfg.Observer.Finished, finishedRun(run))
	if r.cfg.AfterRun == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			r.log.ErrorContext(ctx, "what follows a run panicked; the run stays as it is", "run_id", run.ID, "stack", string(debug.Stack()))
		}
	}()
	if err := r.cfg.AfterRun(ctx, run); err != nil {
		r.log.ErrorContext(ctx, "what follows a run failed; the run stays as it is", "run_id", run.ID, redact.Err(err))
	}
}

var _ Handler = (*Runner)(nil).Take
