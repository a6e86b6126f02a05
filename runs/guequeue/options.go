package guequeue

import (
	"database/sql"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"
	"github.com/vgarvardt/gue/v5"
	"github.com/vgarvardt/gue/v5/adapter/libpq"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Options configure a [Queue]. The zero value is complete.
type Options struct {
	// Name tells this queue's jobs from others in the same table. Queues of one name share
	// their jobs, whichever process they are in. At most 32 of a-z, 0-9, _ and -. Defaults
	// to "tenantbackup".
	Name string

	// Workers is how many jobs are taken or worked on at once by Work. Defaults to 8.
	Workers int

	// Takers is how many of them are taken at once, each in a transaction of its own. A job
	// is taken in about a millisecond and worked on for minutes, so a few suffice. Defaults
	// to 8, and is never more than Workers.
	Takers int

	// PollEvery is how often Work looks for jobs that nobody told it about: after a lost
	// notification, a worker that died while it took a job, or where there is no Listener.
	// Defaults to 5 s.
	PollEvery time.Duration

	// RetryAfter is how long a job waits whose handler or work returned an error. Defaults
	// to 5 s.
	RetryAfter time.Duration

	// Listener hears of new jobs. Defaults to one that listens over a connection of its
	// own when the pool is pgdriver's. With a pool of pgx give one, as the Example shows:
	// without it Work hears only of what this Queue takes in by Enqueue, and finds what
	// others or EnqueueTx put in, such as the runs of a store with an Enqueuer, by polling.
	Listener Listener

	// Logger receives what goes wrong with jobs and connections. Defaults to discarding.
	Logger *slog.Logger
}

// interactiveLead is how long ago an interactive job is dated, so that it sorts first.
const interactiveLead = "10 years"

// patience is how long taking a job may last, the handler included, and how long a
// statement of the queue may.
const patience = 30 * time.Second

var nameForm = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// Queue keeps jobs in a Postgres database, at most one per run. It is safe for concurrent
// use, and any number of them in any number of processes may share a table.
type Queue struct {
	db     *sql.DB
	client *gue.Client
	opts   Options
	clock  runs.SystemClock
	wake   chan struct{} // capacity 1: there may be a job
}

// New checks the options and makes a Queue over db, a pool of pgdriver (bun's DB.DB) or of
// pgx/v5/stdlib. It starts nothing and asks the database nothing; see [Queue.Ready].
func New(db *sql.DB, o Options) (*Queue, error) {
	var bad runs.InvalidError
	if db == nil {
		bad.Add("db", "required", "is required")
	}
	if o.Name == "" {
		o.Name = "tenantbackup"
	}
	if !nameForm.MatchString(o.Name) {
		bad.Add("name", "queue_name_invalid", "must be 1 to 32 of a-z, 0-9, _ and -")
	}
	for _, n := range []struct {
		field    string
		value    *int
		fallback int
	}{{"workers", &o.Workers, 8}, {"takers", &o.Takers, 8}} {
		switch {
		case *n.value < 0:
			bad.Add(n.field, "negative", "must not be negative; 0 takes the default")
		case *n.value == 0:
			*n.value = n.fallback
		}
	}
	for _, d := range []struct {
		field string
		value *time.Duration
	}{{"poll_every", &o.PollEvery}, {"retry_after", &o.RetryAfter}} {
		switch {
		case *d.value < 0:
			bad.Add(d.field, "negative", "must not be negative; 0 takes the default")
		case *d.value == 0:
			*d.value = 5 * time.Second
		}
	}
	o.Takers = min(o.Takers, o.Workers)
	if db != nil {
		if limit := db.Stats().MaxOpenConnections; limit > 0 && limit <= o.Takers {
			// All connections could be held by takers whose handlers wait for one.
			bad.Add("db", "pool_too_small", fmt.Sprintf("its pool needs more than %d connections: one for each taker, and others for what they call", o.Takers))
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	if o.Listener == nil {
		if _, ok := db.Driver().(pgdriver.Driver); ok {
			o.Listener = pgListener{db}
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	// gue's own backoff grows and the run's retry policy does that already.
	constant := func(int) time.Duration { return o.RetryAfter }
	client, err := gue.NewClient(libpq.NewConnPool(db), gue.WithClientBackoff(constant))
	if err != nil {
		return nil, fmt.Errorf("guequeue: %w", err)
	}
	return &Queue{db: db, client: client, opts: o, wake: make(chan struct{}, 1)}, nil
}

// signal wakes one waiting taker. It wakes the next one when it finds a job.
func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

var (
	_ runs.Queue      = (*Queue)(nil)
	_ runs.TxEnqueuer = (*Queue)(nil)
)
