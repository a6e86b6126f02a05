package retention

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// Defaults of [Config].
const (
	DefaultMinAge     = 24 * time.Hour
	DefaultUndoWindow = 7 * 24 * time.Hour
	DefaultPurgeBatch = 500
	DefaultSweepEvery = time.Hour
)

// Store is what retention needs of a store, composed of the roles of other packages.
type Store interface {
	backupset.SetStore
	backupset.GroupStore
	backupset.SystemStore
	backupsched.ScheduleStore
}

// Config configures a [Retention].
type Config struct {
	Store   Store         // required
	Starter *runs.Starter // required; its guard authorises what people ask for

	// Clock defaults to [runs.SystemClock].
	Clock runs.Clock

	// MinAge keeps every set that is younger, counted from its creation, so that nothing
	// goes before anybody could look at it. Defaults to 24 h; negative means none.
	MinAge time.Duration

	// UndoWindow is how long a soft-deleted set can be taken back before it is purged.
	// Defaults to 7 days; negative is an error, since a wrong drop must stay harmless.
	UndoWindow time.Duration

	// PurgeBatch is how many items one transaction of a purge removes at most. Defaults
	// to 500.
	PurgeBatch int

	// SweepEvery is how often Run sweeps and purges. Defaults to 1 h.
	SweepEvery time.Duration

	// Logger receives what cannot be returned: groups whose retention is paused, sets that
	// could not be purged this time. Defaults to discarding.
	Logger *slog.Logger
}

// Retention decides and does what becomes of backup sets. It is an executor of
// [runs.KindRetentionApply]. It is safe for concurrent use; any number of them in any
// number of processes may share a store.
//
// Methods that take an actor authorise first and return an error that is
// [runs.ErrForbidden] when the actor may not; an id that is not in the tenant is
// [runs.ErrNotFound], whatever else it may be.
type Retention struct {
	cfg   Config
	store Store
	guard *runs.Guard
	clock runs.Clock
	log   *slog.Logger

	mu        sync.Mutex
	announced map[runs.ID]string // paused schedules that a run spoke of, with the token of that plan
}

// New checks the configuration and makes a Retention. It starts nothing.
func New(cfg Config) (*Retention, error) {
	var bad runs.InvalidError
	if cfg.Store == nil {
		bad.Add("store", "required", "is required")
	}
	if cfg.Starter == nil {
		bad.Add("starter", "required", "is required; see runs.NewStarter")
	}
	if cfg.UndoWindow < 0 {
		bad.Add("undo_window", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.PurgeBatch < 0 {
		bad.Add("purge_batch", "negative", "must not be negative; 0 takes the default")
	}
	if cfg.SweepEvery < 0 {
		bad.Add("sweep_every", "negative", "must not be negative; 0 takes the default")
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if cfg.Clock == nil {
		cfg.Clock = runs.SystemClock{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.MinAge == 0:
		cfg.MinAge = DefaultMinAge
	case cfg.MinAge < 0:
		cfg.MinAge = 0
	}
	if cfg.UndoWindow == 0 {
		cfg.UndoWindow = DefaultUndoWindow
	}
	if cfg.PurgeBatch == 0 {
		cfg.PurgeBatch = DefaultPurgeBatch
	}
	if cfg.SweepEvery == 0 {
		cfg.SweepEvery = DefaultSweepEvery
	}
	return &Retention{
		cfg: cfg, store: cfg.Store, guard: cfg.Starter.Guard(), clock: cfg.Clock, log: cfg.Logger,
		announced: map[runs.ID]string{},
	}, nil
}

// now is the clock's time as everything in this module keeps it.
func (r *Retention) now() time.Time { return r.clock.Now().UTC().Truncate(time.Microsecond) }

// schedule returns a schedule for a person's wish: one that is deleted is [runs.ErrDeleted].
func (r *Retention) schedule(ctx context.Context, tenant graph.TenantID, id runs.ID) (backupsched.Schedule, error) {
	if !id.Valid() {
		return backupsched.Schedule{}, runs.ErrNotFound
	}
	s, err := r.store.GetSchedule(ctx, tenant, id)
	if err != nil {
		return backupsched.Schedule{}, err
	}
	if s.Deleted() {
		return backupsched.Schedule{}, runs.ErrDeleted
	}
	return s, nil
}

// alive tells whether the schedule exists and is not deleted. Once false it stays so.
func (r *Retention) alive(ctx context.Context, tenant graph.TenantID, id runs.ID) (bool, error) {
	s, err := r.store.GetSchedule(ctx, tenant, id)
	if errors.Is(err, runs.ErrNotFound) {
		return false, nil
	}
	return err == nil && !s.Deleted(), err
}

// announce notes that a run speaks of the paused plan of this token, so that sweeps do not
// start another one for it. An empty token forgets the schedule.
func (r *Retention) announce(schedule runs.ID, token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if token == "" {
		delete(r.announced, schedule)
		return
	}
	r.announced[schedule] = token
}

func (r *Retention) isAnnounced(schedule runs.ID, token string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.announced[schedule] == token
}
