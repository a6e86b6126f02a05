package runs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// MaxBatch is the most runs that one call of [Starter.StartBatch] starts.
const MaxBatch = 200

// BatchStart asks for one run of a batch: a new one, or the retry of one that has ended.
type BatchStart struct {
	Request Request // without a SetName
	RetryOf ID      // when not empty, the run to retry; Request counts for nothing then
}

// Started is what became of one [BatchStart].
type Started struct {
	Run    Run
	Reused bool  // the run was there already, see [Starter.Start]; it is not of this batch
	Err    error // why there is no run
}

// StartBatch starts several runs of one kind for a person who wants to hear of them once:
// instead of notifications for each run there is one for all, which is replaced, and unread
// again, when the last of them has ended. Each run is authorised and prepared by itself, as by
// [Starter.Start] or [Starter.Retry], and what is wrong with one is the Err of its Started; they
// are in the order of batch. Those that are left are stored together or not at all. The new ones
// have one [Run].BatchID. A batch of one is started by itself.
//
// The error is for a batch that is wrong as a whole, or could not be stored; then nothing was
// started.
func (s *Starter) StartBatch(ctx context.Context, tenant graph.TenantID, actor Actor, batch []BatchStart) ([]Started, error) {
	if len(batch) < 1 || len(batch) > MaxBatch {
		return nil, Invalid("batch", "batch_size", fmt.Sprintf("needs between 1 and %d runs", MaxBatch))
	}
	if len(batch) == 1 {
		return []Started{s.startOne(ctx, tenant, actor, batch[0])}, nil
	}
	started := make([]Started, len(batch))
	var wanted []NewRun
	var places []int // of wanted in batch
	batchID := s.guard.NewID()
	for i, b := range batch {
		run, err := s.ofBatch(ctx, tenant, actor, b)
		if err == nil && len(wanted) > 0 && run.Kind != wanted[0].Run.Kind {
			err = Invalid("kind", "kind_mixed", "must be that of the other runs of the batch; start this run by itself")
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			started[i].Err = err
		default:
			run.BatchID = batchID
			wanted, places = append(wanted, NewRun{run, s.startTrail(run)}), append(places, i)
		}
	}
	if len(wanted) == 0 {
		return started, nil
	}
	var news Notification
	stored, err := s.store.CreateBatch(ctx, tenant, wanted, func(created int) Notification {
		first := wanted[0].Run
		news = batchNotification(first.CreatedAt, first, map[Status]int{StatusQueued: created})
		return news // the store may ask again: what was answered last counts
	})
	if err != nil {
		return nil, fmt.Errorf("runs: storing a batch of runs: %w", err)
	}
	var jobs []Job
	for i, r := range stored {
		started[places[i]] = Started{Run: r.Run, Reused: !r.Created}
		if r.Created {
			jobs = append(jobs, r.Run.Job())
		}
	}
	if len(jobs) > 0 {
		s.enqueue(ctx, jobs...)
		s.teller.tell(ctx, tenant, []Notification{news})
	}
	return started, nil
}

// startOne starts what is a batch by itself.
func (s *Starter) startOne(ctx context.Context, tenant graph.TenantID, actor Actor, b BatchStart) (started Started) {
	if b.RetryOf != "" {
		started.Run, started.Reused, started.Err = s.Retry(ctx, tenant, actor, b.RetryOf)
	} else {
		started.Run, started.Reused, started.Err = s.Start(ctx, tenant, actor, b.Request)
	}
	return started
}

// ofBatch authorises and prepares one run of a batch.
func (s *Starter) ofBatch(ctx context.Context, tenant graph.TenantID, actor Actor, b BatchStart) (run Run, err error) {
	req, trigger := b.Request, TriggerManual
	var retryOf *Run
	if b.RetryOf != "" {
		var old Run
		if old, req, err = s.retried(ctx, tenant, actor, b.RetryOf); err != nil {
			return Run{}, err
		}
		retryOf, trigger = &old, TriggerRetry
	} else if err := s.guard.Allow(ctx, tenant, actor, StartAction(req.Kind), req.Target); err != nil {
		return Run{}, err
	}
	run, setName, err := s.prepared(ctx, tenant, actor, trigger, req, retryOf)
	if err == nil && setName != "" {
		err = Invalid("name", "not_allowed", "must be empty in a batch; start a run that makes a manual set by itself")
	}
	return run, err
}

// batchTotal counts the runs of a batch by status: this one and the others.
func batchTotal(r Run, others map[Status]int) map[Status]int {
	total := maps.Clone(others)
	if total == nil {
		total = map[Status]int{}
	}
	total[r.Status]++
	return total
}

func batchEnded(total map[Status]int) bool {
	for status := range total {
		if status.Active() {
			return false
		}
	}
	return true
}

// batchStatus is the status of all runs. When they ended differently it is partial where something
// was done, and else the worst.
func batchStatus(total map[Status]int) Status {
	switch {
	case len(total) > 1 && total[StatusSuccess]+total[StatusPartial] > 0:
		return StatusPartial
	case total[StatusFailed] > 0:
		return StatusFailed
	case total[StatusCanceled] > 0:
		return StatusCanceled
	}
	for status := range total {
		return status
	}
	return StatusSkipped
}

// batchNotification tells the person who started the batch of the run about all its runs. Its id
// is the batch's, so that it takes the place of the one before.
func batchNotification(at time.Time, r Run, total map[Status]int) Notification {
	n := Notification{ID: r.BatchID, Recipient: r.Actor.ID, Kind: r.Kind, Status: batchStatus(total), CreatedAt: at}
	all := 0
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(total)) {
		all += total[status]
		parts = append(parts, fmt.Sprintf("%d %s", total[status], status))
	}
	noun := "runs"
	if all == 1 {
		noun = "run"
	}
	n.Message = fmt.Sprintf("%s: %s - %d %s: %s", n.Kind, n.Status, all, noun, strings.Join(parts, ", "))
	return n
}
