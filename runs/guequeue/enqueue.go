package guequeue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/uptrace/bun/driver/pgdriver"

	"github.com/tenantatlas/tenantbackup/runs"
)

// batch is how many jobs one statement takes.
const batch = 1000

// put writes jobs in gue's format (client.go of v5.9.0). gue's own EnqueueBatch cannot: it
// knows no ON CONFLICT, and reading first would not keep two processes apart.
//
// The jobs come as one JSON text, so that the statement is the same for any number of them
// and drivers prepare it once. A row that a worker has locked makes the statement wait; when
// the worker has deleted it, the job is inserted anew.
const put = `WITH put AS (
INSERT INTO gue_jobs AS held (job_id, queue, priority, run_at, job_type, args, created_at, updated_at)
SELECT x.id, $1::text, x.priority,
 CASE WHEN x.not_before > t.at THEN x.not_before WHEN x.priority < 0 THEN t.at - interval '` + interactiveLead + `' ELSE t.at END,
 '` + jobType + `', decode(x.args, 'base64'), t.at, t.at
FROM json_to_recordset($2::json) AS x(id text, priority smallint, not_before timestamptz, args text),
 (SELECT statement_timestamp() AS at) AS t
ORDER BY x.id COLLATE "C"
ON CONFLICT (job_id) DO UPDATE SET
 queue = EXCLUDED.queue, job_type = EXCLUDED.job_type, args = EXCLUDED.args,
 priority = CASE WHEN EXCLUDED.job_id = ANY (string_to_array($3::text, ',')) OR held.queue <> EXCLUDED.queue
  THEN EXCLUDED.priority ELSE least(held.priority, EXCLUDED.priority) END,
 run_at = CASE WHEN EXCLUDED.job_id = ANY (string_to_array($3::text, ',')) OR held.queue <> EXCLUDED.queue
  THEN EXCLUDED.run_at ELSE least(held.run_at, EXCLUDED.run_at) END,
 updated_at = EXCLUDED.updated_at
WHERE EXCLUDED.job_id = ANY (string_to_array($3::text, ',')) OR held.queue <> EXCLUDED.queue
 OR EXCLUDED.run_at < held.run_at OR EXCLUDED.priority < held.priority
)
SELECT pg_notify('guequeue_' || to_regclass('gue_jobs')::oid || '_' || $1::text, '')`

// execer is a pool or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Enqueue takes jobs. A job of a run that has one already makes that one earlier if need be,
// or interactive, or puts it to the back; it never makes two. More than 1,000 jobs take
// several transactions, so an error may leave some of them queued.
//
// What a handler queues, with its context, is queued with the commit that takes its job: the
// handler must not wait for a row that is locked on its own behalf.
func (q *Queue) Enqueue(ctx context.Context, jobs ...runs.Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if q.deferred(ctx, jobs) {
		return nil
	}
	err := q.put(ctx, q.db, jobs)
	// A taker that queues other runs' jobs beside the one that it holds may meet us halfway. The
	// server rolls one of us back, and then the other one has what it waited for.
	for try := 1; try < tries && lockedOut(err); try++ {
		err = q.put(ctx, q.db, jobs)
	}
	if err != nil {
		return err
	}
	q.signal()
	return nil
}

// tries is how often jobs are queued that meet others again and again.
const tries = 10

// lockedOut tells whether a statement was rolled back to end a deadlock.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func lockedOut(err error) bool {
	const deadlock = "40P01"
	var pgx interface{ SQLState() string }
	var pg pgdriver.Error
	return errors.As(err, &pgx) && pgx.SQLState() == deadlock || errors.As(err, &pg) && pg.Field('C') == deadlock
}

// EnqueueTx is Enqueue within a transaction of the same database, for runs that the
// transaction creates. Workers hear of the jobs when it commits. After an error tx must be
// rolled back.
func (q *Queue) EnqueueTx(ctx context.Context, tx *sql.Tx, jobs ...runs.Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return q.put(ctx, tx, jobs)
}

func (q *Queue) put(ctx context.Context, to execer, jobs []runs.Job) error {
	list, err := rows(jobs)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(list, batch) {
		text, err := json.Marshal(chunk)
		if err != nil {
			return fmt.Errorf("guequeue: queueing jobs: %w", err)
		}
		var back []string
		for _, r := range chunk {
			if r.back {
				back = append(back, r.ID)
			}
		}
		if _, err := to.ExecContext(ctx, put, q.opts.Name, string(text), strings.Join(back, ",")); err != nil {
			return fmt.Errorf("guequeue: queueing jobs: %w", err)
		}
	}
	return nil
}

// taking is a take under way: its handler's context carries it, see [Queue.Enqueue].
type taking struct {
	queue *Queue

	mu   sync.Mutex
	over bool
	jobs []runs.Job // what the handler has queued
}

type takingKey struct{}

// deferred keeps jobs for the transaction of a take, and tells whether it has.
func (q *Queue) deferred(ctx context.Context, jobs []runs.Job) bool {
	t, ok := ctx.Value(takingKey{}).(*taking)
	if !ok || t.queue != q {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.jobs = append(t.jobs, jobs...)
	}
	return !t.over
}

// end returns what the handler has queued. From then on its context defers nothing.
func (t *taking) end() []runs.Job {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	return t.jobs
}
