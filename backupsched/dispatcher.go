package backupsched

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/hook"
	"github.com/tenantatlas/tenantbackup/internal/redact"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
)

// DispatcherConfig configures a [Dispatcher].
type DispatcherConfig struct {
	Store Store      // required
	Queue runs.Queue // required

	// Clock defaults to [runs.SystemClock].
	Clock runs.Clock

	// Grace is how late a slot may still be dispatched; an older one is recorded as missed
	// and not caught up. Defaults to 2 min; at most 12 h, so that two slots of a schedule
	// never fall into one grace.
	Grace time.Duration

	// Jitter spreads the start of runs over this time after their slot, by a hash of the
	// schedule's id, so that all tenants at 02:00 do not start in one second. The slot
	// itself stays exact. Defaults to none.
	Jitter time.Duration

	// ChunkSize is how many schedules one transaction takes. Defaults to 1000.
	ChunkSize int

	// Logger receives what a Report does not hold. Defaults to discarding.
	Logger *slog.Logger

	// Observer is told of ticks, for metrics and traces. Defaults to nobody.
	Observer Observer
}

// Dispatcher turns due slots into runs. Any number of Dispatchers may share a store: each
// slot is dispatched once. It is safe for concurrent use.
type Dispatcher struct {
	cfg DispatcherConfig
	ids *uuidv7.Generator
	log *slog.Logger
}

// NewDispatcher checks the configuration and makes a Dispatcher. It starts nothing.
func NewDispatcher(cfg DispatcherConfig) (*Dispatcher, error) {
	var bad runs.InvalidError
	if cfg.Store == nil {
		bad.Add("store", "required", "is required")
	}
	if cfg.Queue == nil {
		bad.Add("queue", "required", "is required; runs/memqueue needs nothing else")
	}
	if cfg.Grace < 0 || cfg.Grace > 12*time.Hour {
		bad.Add("grace", "grace_range", "must be between 0 and 12 h; 0 takes the default")
	}
	if cfg.Jitter < 0 || cfg.Jitter > 12*time.Hour {
		bad.Add("jitter", "jitter_range", "must be between 0 and 12 h")
	}
	if cfg.ChunkSize < 0 || cfg.ChunkSize > 10000 {
		bad.Add("chunk_size", "chunk_size_range", "must be between 0 and 10000; 0 takes the default")
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if cfg.Clock == nil {
		cfg.Clock = runs.SystemClock{}
	}
	if cfg.Grace == 0 {
		cfg.Grace = 2 * time.Minute
	}
	if cfg.ChunkSize == 0 {
		cfg.ChunkSize = 1000
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Dispatcher{cfg: cfg, ids: uuidv7.NewGenerator(cfg.Clock.Now), log: cfg.Logger}, nil
}

// Report says what one tick did.
type Report struct {
	At        time.Time `json:"at"`        // the time that the tick judged by
	Due       int       `json:"due"`       // schedules that were due
	Queued    int       `json:"queued"`    // runs made
	Missed    int       `json:"missed"`    // schedules with slots older than the grace: one skipped run each
	Conflicts int       `json:"conflicts"` // slots that had a run already
	Invalid   int       `json:"invalid"`   // schedules that could not be planned: one failed run each
	Unqueued  int       `json:"unqueued"`  // runs that are stored but whose job the queue refused; the sweep queues them
	Chunks    int       `json:"chunks"`    // transactions
	Damaged   int       `json:"damaged"`   // schedules that are damaged in the store: they are left alone
}

// Tick dispatches everything that is due now and returns what it did, also beside an
// error: chunks that were committed stay.
func (d *Dispatcher) Tick(ctx context.Context) (report Report, err error) {
	report = Report{At: d.cfg.Clock.Now().UTC().Truncate(time.Microsecond)}
	ctx, observed := hook.Start(ctx, d.log, d.cfg.Observer.Tick, TickStart{At: report.At})
	var lags []Lag
	damaged := map[string]bool{}
	defer func() {
		observed(TickEnd{Report: report, Lags: lags, Failed: err != nil && ctx.Err() == nil})
	}()
	for {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		stats := planStats{watched: d.cfg.Observer.Tick != nil}
		result, err := d.cfg.Store.DispatchDue(ctx, Chunk{
			Now: report.At, Limit: d.cfg.ChunkSize,
			Plan:  func(s Schedule) Plan { return d.plan(s, report.At, &stats) },
			Cycle: func(r ChunkResult) runs.AuditEntry { return d.cycle(report.At, r, stats) },
		})
		if err != nil {
			return report, fmt.Errorf("backupsched: dispatching: %w", err)
		}
		if result.Due > 0 {
			report.Chunks++
		}
		for _, row := range result.Damaged { // every chunk meets them again
			if key := string(row.TenantID) + "/" + string(row.ID); !damaged[key] {
				damaged[key] = true
				d.log.ErrorContext(ctx, "a schedule is damaged in the store and was left alone; run a check of the store",
					"tenant", row.TenantID, "schedule_id", row.ID, redact.Err(row.Err))
			}
		}
		report.Damaged = len(damaged)
		report.Due += result.Due
		report.Queued += len(result.Inserted)
		report.Conflicts += result.Conflicts
		report.Missed += stats.missed
		report.Invalid += stats.invalid
		lags = append(lags, stats.lags(d.cfg.Clock.Now())...)
		if len(result.Inserted) > 0 && !runs.QueuesJobs(d.cfg.Store) {
			if err := d.cfg.Queue.Enqueue(ctx, result.Inserted...); err != nil {
				report.Unqueued += len(result.Inserted)
				d.log.WarnContext(ctx, "runs are stored but not queued; the sweep will queue them", "runs", len(result.Inserted), redact.Err(err))
			}
		}
		if result.Due == 0 || result.Due+len(result.Damaged) < d.cfg.ChunkSize {
			return report, nil
		}
	}
}

// planStats counts what the plans of one chunk decided. A store may plan a chunk again
// when its transaction is repeated, so the counts belong to schedules, not to calls.
type planStats struct {
	missed, invalid int
	seen            map[runs.ID]bool

	watched bool // somebody wants to know the lags
	slots   map[runs.ID]time.Time
}

func (p *planStats) first(id runs.ID) bool {
	if p.seen == nil {
		p.seen = map[runs.ID]bool{}
	}
	if p.seen[id] {
		return false
	}
	p.seen[id] = true
	return true
}

// plan decides for one due schedule: a run for the slot within the grace, one skipped run
// for all slots that are older, and the first slot after at as the next.
func (d *Dispatcher) plan(s Schedule, at time.Time, stats *planStats) Plan {
	var missed runs.MissedSummary
	slot, next := s.NextRunAt, time.Time{}
	for {
		following, err := s.Next(slot)
		if err != nil {
			if stats.first(s.ID) {
				stats.invalid++
			}
			return d.unplannable(s, at, err)
		}
		late := at.Sub(slot) > d.cfg.Grace
		if late {
			if missed.Count == 0 {
				missed.First = slot
			}
			missed.Count++
			missed.Last = slot
		}
		if following.After(at) {
			next = following
			if late {
				slot = time.Time{}
			}
			break
		}
		slot = following
	}
	plan := Plan{NextRunAt: next}
	if missed.Count > 0 {
		run, trail := d.missedRun(s, at, missed)
		plan.Runs, plan.Trail = append(plan.Runs, run), trail
		if stats.first(s.ID) {
			stats.missed++
		}
	}
	if !slot.IsZero() {
		stats.slot(s.ID, slot)
		plan.Runs = append(plan.Runs, d.slotRun(s, at, slot))
	}
	return plan
}

// newRun is a backup of the schedule for a slot, before its status is known.
func (d *Dispatcher) newRun(s Schedule, at, slot time.Time) runs.Run {
	return runs.Run{
		ID: runs.ID(d.ids.New()), TenantID: s.TenantID, Kind: runs.KindBackup, Trigger: runs.TriggerSchedule,
		Actor: runs.SystemActor, ScheduleID: s.ID, ScheduledFor: slot, Target: target(s.ID),
		Key:    "slot:" + string(s.ID) + ":" + strconv.FormatInt(slot.Unix(), 10),
		Params: s.backupParams().JSON(), CreatedAt: at, UpdatedAt: at,
	}
}

func (d *Dispatcher) slotRun(s Schedule, at, slot time.Time) runs.Run {
	run := d.newRun(s, at, slot)
	run.Status = runs.StatusQueued
	if d.cfg.Jitter > 0 {
		run.NotBefore = slot.Add(jitterOf(s.ID, d.cfg.Jitter))
	}
	return run
}

// jitterOf spreads schedules evenly and always the same way.
func jitterOf(id runs.ID, within time.Duration) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(id))
	return time.Duration(h.Sum64() % uint64(within)).Truncate(time.Millisecond)
}

func (d *Dispatcher) missedRun(s Schedule, at time.Time, m runs.MissedSummary) (runs.Run, runs.Trail) {
	run := d.newRun(s, at, m.Last)
	run.Status, run.FinishedAt, run.ErrorCode = runs.StatusSkipped, at, runs.CodeMissedSlot
	run.ErrorMessage = "the slot was not dispatched in time; it is not caught up"
	if m.Count > 1 {
		run.ErrorMessage = fmt.Sprintf("%d slots were not dispatched in time; they are not caught up", m.Count)
	}
	run.Summary, _ = json.Marshal(m) // an int and two times always marshal
	return run, d.trail(run, at, map[string]string{"code": string(run.ErrorCode), "missed": strconv.Itoa(m.Count)})
}

// unplannable stops the clockwork of a schedule whose rule has no next slot, for example
// because its zone is unknown here. A failed run says so; the schedule is tried again by
// [Dispatcher.Recompute].
func (d *Dispatcher) unplannable(s Schedule, at time.Time, err error) Plan {
	run := d.newRun(s, at, s.NextRunAt)
	run.Status, run.FinishedAt, run.ErrorCode = runs.StatusFailed, at, runs.CodeScheduleInvalid
	run.ErrorMessage = "the schedule has no next slot: " + err.Error()
	return Plan{Runs: []runs.Run{run}, Trail: d.trail(run, at, map[string]string{"code": string(run.ErrorCode)})}
}

func (d *Dispatcher) trail(r runs.Run, at time.Time, details map[string]string) runs.Trail {
	details["kind"], details["trigger"] = string(r.Kind), string(r.Trigger)
	return runs.Trail{Audit: []runs.AuditEntry{{
		ID: runs.ID(d.ids.New()), At: at, Actor: runs.SystemActor, TenantID: r.TenantID, Action: "run.refused",
		Resource: r.Target, RunID: r.ID, Outcome: string(r.Status), Details: details,
	}}}
}

func (d *Dispatcher) cycle(at time.Time, r ChunkResult, stats planStats) runs.AuditEntry {
	details := map[string]string{
		"due": strconv.Itoa(r.Due), "queued": strconv.Itoa(len(r.Inserted)), "missed": strconv.Itoa(stats.missed),
		"conflicts": strconv.Itoa(r.Conflicts), "invalid": strconv.Itoa(stats.invalid),
	}
	if len(r.Damaged) > 0 {
		details["damaged"] = strconv.Itoa(len(r.Damaged))
	}
	return runs.AuditEntry{
		ID: runs.ID(d.ids.New()), At: at, Actor: runs.SystemActor, TenantID: runs.SystemTenant,
		Action: "dispatch.cycle", Resource: runs.Target{Type: "dispatcher"}, Outcome: "ok",
		Details: details,
	}
}
