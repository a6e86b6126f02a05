package guequeue

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"
	"github.com/vgarvardt/gue/v5"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/uuidv7"
	"github.com/tenantatlas/tenantbackup/runs"
)

// jobType is gue's name for what our jobs ask for.
const jobType = "run"

// payload is what gue_jobs.args holds, as JSON. Only fields may be added: processes of two
// versions share the table while one replaces the other.
type payload struct {
	TenantID graph.TenantID `json:"tenant_id"`
	RunID    runs.ID        `json:"run_id"`

	// Raw is the tenant when it is no text of Postgres: no UTF-8, or with a NUL in it.
	Raw []byte `json:"tenant_bytes,omitempty"`
}

// row is a job on its way into the table, as the statement reads it.
type row struct {
	ID        string          `json:"id"`
	Priority  gue.JobPriority `json:"priority"`
	NotBefore *time.Time      `json:"not_before"`
	Args      []byte          `json:"args"`
	back      bool
}

// jobID derives the key of a run's job, so that a run has one. gue wants a ULID, which is a
// time and a random number: here the time of the run's UUIDv7, which keeps the index in
// order, and 80 bits that depend on tenant and run.
func jobID(tenant graph.TenantID, run runs.ID) string {
	sum := sha256.Sum256([]byte(string(tenant) + "\x00" + string(run)))
	id := ulid.ULID(sum[:16])
	if uuid, err := uuidv7.Parse(string(run)); err == nil {
		copy(id[:6], uuid[:6])
	}
	return id.String()
}

// rows returns the jobs in the order of their ids: transactions that lock rows in one order
// do not lock each other out. Jobs of one run become one, since a statement must not touch
// a row twice.
func rows(jobs []runs.Job) ([]row, error) {
	list := make([]row, 0, len(jobs))
	at := map[string]int{}
	for _, job := range jobs {
		p := payload{TenantID: job.TenantID, RunID: job.RunID}
		if !utf8.ValidString(string(job.TenantID)) || strings.ContainsRune(string(job.TenantID), 0) {
			p.Raw = []byte(job.TenantID)
			p.TenantID = "" // Postgres fails on a NUL in any field, whichever it is asked for
		}
		args, err := json.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("guequeue: %w", err)
		}
		r := row{ID: jobID(job.TenantID, job.RunID), Args: args, back: job.Back}
		if job.Interactive {
			r.Priority = gue.JobPriorityHigh
		}
		if !job.NotBefore.IsZero() {
			// Postgres rounds to microseconds, and a job must not come before its time.
			t := job.NotBefore.UTC().Add(time.Microsecond - 1).Truncate(time.Microsecond)
			r.NotBefore = &t
		}
		i, twice := at[r.ID]
		switch {
		case !twice:
			at[r.ID] = len(list)
			list = append(list, r)
		case r.back: // the latest word counts, as one call after the other
			list[i] = r
		default:
			list[i].Priority = min(list[i].Priority, r.Priority)
			if r.NotBefore == nil || list[i].NotBefore != nil && r.NotBefore.Before(*list[i].NotBefore) {
				list[i].NotBefore = r.NotBefore
			}
		}
	}
	slices.SortFunc(list, func(a, b row) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

var errUnreadable = errors.New("guequeue: not a job of this queue")

// read returns the job that a row of the table holds.
func read(j *gue.Job) (runs.Job, error) {
	var p payload
	if j.Type != jobType || json.Unmarshal(j.Args, &p) != nil || p.RunID == "" {
		return runs.Job{}, errUnreadable
	}
	if len(p.Raw) > 0 {
		p.TenantID = graph.TenantID(p.Raw)
	}
	return runs.Job{TenantID: p.TenantID, RunID: p.RunID, Interactive: j.Priority < gue.JobPriorityDefault}, nil
}
