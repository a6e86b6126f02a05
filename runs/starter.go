package runs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/hook"
	"github.com/tenantatlas/tenantbackup/internal/redact"
)

// Request asks for a run. The packages that bring a kind make requests of it
// (capture.SyncRequest, ...); hosts fill one for kinds of their own.
type Request struct {
	Kind Kind

	// Key deduplicates: while a run with this key is active in the tenant, starting again
	// gives that run. At most 200 characters; required.
	Key string

	Target     Target
	ScheduleID ID // only for backups of a schedule
	Params     json.RawMessage

	// SetName, when not empty, makes a manual backup set of this name together with the run,
	// building until the run fills it. It becomes the run's Target and BackupSetID. At most
	// 200 characters.
	SetName string

	// ID is what Start gives the run; empty makes one. When the run of this ID, Kind, Key and Actor
	// is there already, ended or not, Start returns it as reused: a form that is sent twice starts
	// one. Others do not look at it.
	ID ID
}

// StarterConfig configures a [Starter].
type StarterConfig struct {
	Store      Store      // required
	Queue      Queue      // required
	Authorizer Authorizer // required: nil is an error, not "allow"

	// Clock defaults to [SystemClock].
	Clock Clock

	// Logger receives what cannot be returned, such as a job that could not be queued.
	// Defaults to discarding.
	Logger *slog.Logger

	// Observer is told of runs that Cancel ended and of dropped notifications. Defaults to nobody.
	Observer Observer

	// Preparers know what starting runs of their kinds takes, their permissions included. Two
	// for one kind are an error. The kinds of this module that have one are not started
	// without it: ErrInvalid "preparer_required". A host's own kind without one is started as
	// it was asked for.
	Preparers []Preparer

	// Notifier hands notifications on. Defaults to nobody.
	Notifier Notifier

	// NotifyTimeout is how long a call of the Notifier may keep Start or Cancel. Defaults to
	// 1 s.
	NotifyTimeout time.Duration
}

// Starter starts, cancels and looks up runs on behalf of people. Everything it does is
// one short transaction; Graph is never called. It is safe for concurrent use.
type Starter struct {
	store Store
	queue Queue
	guard *Guard
	clock Clock
	log   *slog.Logger

	observer  Observer
	teller    teller
	preparers map[Kind]Preparer
}

// NewStarter checks the configuration and makes a Starter.
func NewStarter(cfg StarterConfig) (*Starter, error) {
	if cfg.Store == nil {
		return nil, Invalid("store", "required", "is required")
	}
	if cfg.Queue == nil {
		return nil, Invalid("queue", "required", "is required; runs/memqueue needs nothing else")
	}
	if cfg.NotifyTimeout < 0 {
		return nil, Invalid("notify_timeout", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.Clock == nil {
		cfg.Clock = SystemClock{}
	}
	guard, err := NewGuard(cfg.Authorizer, cfg.Store, cfg.Clock)
	if err != nil {
		return nil, err
	}
	preparers := map[Kind]Preparer{}
	for i, p := range cfg.Preparers {
		field := fmt.Sprintf("preparers[%d]", i)
		if p == nil {
			return nil, Invalid(field, "required", "is nil")
		}
		for _, kind := range p.Kinds() {
			if preparers[kind] != nil {
				return nil, Invalid(field, "kind_taken", "another preparer has one of its kinds")
			}
			preparers[kind] = p
		}
	}
	log := orDiscard(cfg.Logger)
	return &Starter{
		store: cfg.Store, queue: cfg.Queue, guard: guard, clock: cfg.Clock, log: log, observer: cfg.Observer,
		teller:    teller{cfg.Store, cfg.Notifier, log, cfg.Clock, cmp.Or(cfg.NotifyTimeout, notifyTimeout), cfg.Observer.Dropped, &calls{}},
		preparers: preparers,
	}, nil
}

func orDiscard(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

// Guard returns what the Starter authorises with, for services that share it.
func (s *Starter) Guard() *Guard { return s.guard }

// Start authorises, deduplicates, stores and queues a run. reused tells that a run with
// the same key was active and is returned instead. The run is safe once Start returned:
// if queueing it failed, the Runner's sweep queues it again.
func (s *Starter) Start(ctx context.Context, tenant graph.TenantID, actor Actor, req Request) (run Run, reused bool, err error) {
	if err := s.guard.Allow(ctx, tenant, actor, StartAction(req.Kind), req.Target); err != nil {
		return Run{}, false, err
	}
	return s.start(ctx, tenant, actor, TriggerManual, req, nil)
}

// StartSystem starts a run on behalf of the engine: nobody is asked and nobody notified.
func (s *Starter) StartSystem(ctx context.Context, tenant graph.TenantID, req Request) (run Run, reused bool, err error) {
	return s.start(ctx, tenant, SystemActor, TriggerSystem, req, nil)
}

// Retry starts a new run in place of a finished one, which it names in RetryOf: the same
// kind with the same parameters; the executor covers only what the old run did not get. It
// needs the permission of that run's kind again, and what the kind's [Preparer] asks for;
// that may also make another request of it. A run that is still active is ErrConflict
// "run_active"; one that succeeded is ErrConflict "nothing_to_retry".
func (s *Starter) Retry(ctx context.Context, tenant graph.TenantID, actor Actor, id ID) (run Run, reused bool, err error) {
	old, req, err := s.retried(ctx, tenant, actor, id)
	if err != nil {
		return Run{}, false, err
	}
	return s.start(ctx, tenant, actor, TriggerRetry, req, &old)
}

// retried is the run that may be retried, and what is asked for then.
func (s *Starter) retried(ctx context.Context, tenant graph.TenantID, actor Actor, id ID) (old Run, req Request, err error) {
	if old, err = s.look(ctx, tenant, actor, id); err != nil {
		return Run{}, Request{}, err
	}
	if err := s.guard.Allow(ctx, tenant, actor, StartAction(old.Kind), Target{Type: "run", ID: id}); err != nil {
		return Run{}, Request{}, err
	}
	switch {
	case old.Status.Active():
		return Run{}, Request{}, Conflict("run_active", "the run has not ended yet; wait for it or cancel it")
	case old.Status == StatusSuccess:
		return Run{}, Request{}, Conflict("nothing_to_retry", "the run succeeded; start a new one instead")
	}
	return old, Request{
		Kind: old.Kind, Key: "retry:" + string(old.ID), Target: old.Target,
		ScheduleID: old.ScheduleID, Params: old.Params,
	}, nil
}

// prepare asks the kind's preparer. The engine asks for nobody and needs no permission. A kind
// whose rules are its preparer's is not started without: forgotten where a host puts the parts
// together, it would let a restore read from any tenant and need no reason.
func (s *Starter) prepare(ctx context.Context, tenant graph.TenantID, actor Actor, req Request, old *Run) (Request, error) {
	p := s.preparers[req.Kind]
	if by := req.Kind.preparedBy(); p == nil && by != "" {
		return req, Invalid("preparers", "preparer_required", "lacks "+by+", without which no "+string(req.Kind)+" is started")
	}
	if p != nil {
		var err error
		if req, err = p.Prepare(ctx, Start{Tenant: tenant, Actor: actor, Guard: s.guard, Request: req, RetryOf: old}); err != nil {
			return req, err
		}
	}
	return req, req.validate(tenant)
}

func (s *Starter) start(ctx context.Context, tenant graph.TenantID, actor Actor, trigger Trigger, req Request, old *Run) (Run, bool, error) {
	run, setName, err := s.prepared(ctx, tenant, actor, trigger, req, old)
	if err != nil {
		return Run{}, false, err
	}
	run.ID = cmp.Or(req.ID, run.ID)
	trail := s.startTrail(run)
	if trigger.Interactive() {
		trail.Notifications = []Notification{newNotification(run.CreatedAt, run)}
	}
	stored, created, err := s.create(ctx, tenant, run, setName, trail)
	if req.ID != "" && errors.Is(err, ErrConflict) {
		made, found := s.store.GetRun(ctx, tenant, req.ID)
		if found == nil && made.Kind == run.Kind && made.Key == run.Key && made.Actor.ID == actor.ID {
			return made, true, nil
		}
	}
	if err != nil {
		return Run{}, false, fmt.Errorf("runs: storing the run: %w", err)
	}
	if !created {
		return stored, true, nil
	}
	s.enqueue(ctx, stored.Job())
	s.teller.tell(ctx, tenant, trail.Notifications)
	return stored, false, nil
}

// prepared is the run that a request asks for, and the name of the set that is made with it.
func (s *Starter) prepared(ctx context.Context, tenant graph.TenantID, actor Actor, trigger Trigger, req Request, old *Run) (run Run, setName string, err error) {
	if req, err = s.prepare(ctx, tenant, actor, req, old); err != nil {
		return Run{}, "", err
	}
	at := now(s.clock)
	run = Run{
		ID: s.guard.NewID(), TenantID: tenant, Kind: req.Kind, Trigger: trigger, Actor: actor,
		Status: StatusQueued, Key: req.Key, ScheduleID: req.ScheduleID, Target: req.Target,
		Params: req.Params, CreatedAt: at, UpdatedAt: at,
	}
	if old != nil {
		run.RetryOf = old.ID
	}
	if req.SetName != "" {
		run.BackupSetID = s.guard.NewID()
		run.Target = Target{Type: "backup_set", ID: run.BackupSetID}
	}
	return run, req.SetName, nil
}

// startTrail is the audit line of a run that is started.
func (s *Starter) startTrail(run Run) Trail {
	action := "run.started"
	if run.Trigger == TriggerRetry {
		action = "run.retried"
	}
	return Trail{Audit: []AuditEntry{runEntry(s.guard.NewID(), run.CreatedAt, run.Actor, run, action)}}
}

// enqueue queues the jobs of stored runs. The rows are the outbox: a failed enqueue is made
// good by the sweep.
func (s *Starter) enqueue(ctx context.Context, jobs ...Job) {
	if len(jobs) == 0 || QueuesJobs(s.store) {
		return
	}
	if err := s.queue.Enqueue(ctx, jobs...); err != nil {
		s.log.WarnContext(ctx, "runs are stored but not queued; the sweep will queue them", "run_id", jobs[0].RunID, "runs", len(jobs), redact.Err(err))
	}
}

func (s *Starter) create(ctx context.Context, tenant graph.TenantID, run Run, setName string, trail Trail) (Run, bool, error) {
	if setName != "" {
		return s.store.CreateSetRun(ctx, tenant, run, setName, trail)
	}
	return s.store.CreateRun(ctx, tenant, run, trail)
}

// maxSetName bounds the name of a manual set, in characters.
const maxSetName = 200

var kindForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}(\.[a-z][a-z0-9_]{0,30}){0,2}$`)

func (r Request) validate(tenant graph.TenantID) error {
	var bad InvalidError
	if tenant == SystemTenant {
		bad.Add("tenant", "required", "is required")
	}
	if !kindForm.MatchString(string(r.Kind)) {
		bad.Add("kind", "kind_invalid", "needs lower-case words joined by dots, at most 100 characters, such as example.report")
	}
	for _, f := range []struct {
		field string
		id    ID
	}{{"target.id", r.Target.ID}, {"schedule_id", r.ScheduleID}, {"id", r.ID}} {
		if f.id != "" && !f.id.Valid() {
			bad.Add(f.field, "id_invalid", "must be a UUID in lower case")
		}
	}
	if r.Key == "" || len(r.Key) > 200 {
		bad.Add("key", "key_length", "is required and has at most 200 characters")
	}
	switch {
	case utf8.RuneCountInString(r.SetName) > maxSetName:
		bad.Add("name", "name_length", "must have at most 200 characters")
	case !utf8.ValidString(r.SetName) || strings.ContainsFunc(r.SetName, unicode.IsControl):
		bad.Add("name", "name_invalid", "must be one line of text") // Postgres stores no NUL
	}
	if len(r.Params) > 0 && !json.Valid(r.Params) {
		bad.Add("params", "params_invalid", "must be JSON")
	}
	return bad.Err()
}

// Cancel cancels a queued run at once and asks a running one to stop at its next item. A
// finished run is ErrConflict "run_finished". Whoever started the run may cancel it with
// [ActionCancelOwn]; anyone else's needs [ActionCancelAny].
func (s *Starter) Cancel(ctx context.Context, tenant graph.TenantID, actor Actor, id ID) (Run, error) {
	current, err := s.look(ctx, tenant, actor, id)
	if err != nil {
		return Run{}, err
	}
	action := ActionCancelAny
	if current.Actor.ID == actor.ID {
		action = ActionCancelOwn
	}
	if err := s.guard.Allow(ctx, tenant, actor, action, Target{Type: "run", ID: id}); err != nil {
		return Run{}, err
	}
	run, news, err := s.teller.change(ctx, tenant, id, func(at time.Time, r Run, room Room) (Change, error) {
		if r.Status.Terminal() {
			return Change{}, Conflict("run_finished", "the run has ended already")
		}
		if r.CancelRequested && r.Status == StatusRunning {
			return Change{Run: r}, nil // asked before: nothing changes
		}
		r.CancelRequested, r.CanceledBy, r.UpdatedAt = true, actor, at
		if r.Status == StatusQueued {
			r = finished(r, at, StatusCanceled, CodeCanceled, "canceled while it waited")
		}
		return Change{Run: r, Trail: trailOf(s.guard.NewID, at, actor, r, room, "run.canceled")}, nil
	})
	s.teller.tell(ctx, tenant, news)
	if err == nil && run.Status.Terminal() {
		hook.Tell(ctx, s.log, s.observer.Finished, finishedRun(run))
	}
	return run, err
}

// Get returns a run.
func (s *Starter) Get(ctx context.Context, tenant graph.TenantID, actor Actor, id ID) (Run, error) {
	return s.look(ctx, tenant, actor, id)
}

func (s *Starter) look(ctx context.Context, tenant graph.TenantID, actor Actor, id ID) (Run, error) {
	if err := s.guard.Allow(ctx, tenant, actor, ActionLook, Target{Type: "run", ID: id}); err != nil {
		return Run{}, err
	}
	if !id.Valid() {
		return Run{}, ErrNotFound
	}
	return s.store.GetRun(ctx, tenant, id)
}

// List returns runs, newest first.
func (s *Starter) List(ctx context.Context, tenant graph.TenantID, actor Actor, filter RunFilter, page PageRequest) (Page[Run], error) {
	if err := s.guard.Allow(ctx, tenant, actor, ActionLook, Target{Type: "runs"}); err != nil {
		return Page[Run]{}, err
	}
	slice, err := page.Slice()
	if err != nil {
		return Page[Run]{}, err
	}
	list, err := s.store.ListRuns(ctx, tenant, filter, slice)
	if err != nil {
		return Page[Run]{}, err
	}
	return NewPage(list, slice.Limit, func(r Run) Keyset { return timeKeyset(r.CreatedAt, r.ID) }), nil
}

// maxActive bounds what Active returns.
const maxActive = 200

// Active returns the tenant's runs that have not ended, newest first, at most 200: what a
// display of progress needs, with one query.
func (s *Starter) Active(ctx context.Context, tenant graph.TenantID, actor Actor) ([]Run, error) {
	if err := s.guard.Allow(ctx, tenant, actor, ActionLook, Target{Type: "runs"}); err != nil {
		return nil, err
	}
	list, err := s.store.ListRuns(ctx, tenant, RunFilter{Statuses: []Status{StatusQueued, StatusRunning}}, Slice{Limit: maxActive})
	if err != nil {
		return nil, err
	}
	return list[:min(len(list), maxActive)], nil
}

// Items returns the outcomes within a run.
func (s *Starter) Items(ctx context.Context, tenant graph.TenantID, actor Actor, id ID, filter ItemFilter, page PageRequest) (Page[Item], error) {
	if _, err := s.look(ctx, tenant, actor, id); err != nil {
		return Page[Item]{}, err
	}
	slice, err := page.Slice()
	if err != nil {
		return Page[Item]{}, err
	}
	list, err := s.store.ListItems(ctx, tenant, id, filter, slice)
	if err != nil {
		return Page[Item]{}, err
	}
	return NewPage(list, slice.Limit, func(i Item) Keyset { return Keyset{ID: i.ID} }), nil
}
