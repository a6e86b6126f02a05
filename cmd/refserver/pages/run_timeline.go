package pages

import (
	"slices"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// runStep is something that happened to a run, or is expected to.
type runStep struct {
	At    time.Time
	What  string
	Who   string // follows What: "Queued by", "Olivia"
	More  string // follows Who
	Note  string // why, in words
	Tone  string // of the badge with that name: good, warn, bad, busy, quiet
	Ahead bool   // has not happened yet
}

// timeline tells the life of a run in its order. Its begin and end are in the run's row, what
// lies between is in the audit log; a run of one attempt has nothing there, and is not looked up.
func (v *visit) timeline(run runs.Run) ([]runStep, error) {
	var steps []runStep
	if !run.ScheduledFor.IsZero() {
		steps = append(steps, runStep{At: run.ScheduledFor, What: "Due", Tone: "quiet"})
	}
	queued := runStep{At: run.CreatedAt, What: "Queued", Tone: "quiet"}
	if who := whoStarted(run); who != "" {
		queued.What, queued.Who = "Queued by", who
	}
	if run.RetryOf != "" {
		queued.More = ", as a retry"
	}
	if run.StartedAt.IsZero() && run.Status == runs.StatusSkipped {
		queued.What, queued.Who = "Recorded", ""
	}
	steps = append(steps, queued)
	if !eventful(run) {
		if !run.StartedAt.IsZero() {
			steps = append(steps, runStep{At: run.StartedAt, What: "Attempt 1 began", Tone: "busy"})
		}
		return append(steps, v.lastSteps(run)...), nil
	}
	log, err := v.cfg.Starter.Audit(v.ctx(), v.tenant, v.actor, runs.AuditFilter{RunID: run.ID}, runs.PageRequest{Limit: runs.MaxPageSize})
	if err != nil {
		return nil, err
	}
	if log.NextCursor != "" {
		steps = append(steps, runStep{What: "More attempts than are shown here; the audit log has all", Tone: "quiet"})
	}
	for _, e := range slices.Backward(log.Items) {
		if s, ok := stepOf(e); ok {
			steps = append(steps, s)
		}
	}
	return append(steps, v.lastSteps(run)...), nil
}

// eventful tells whether more happened to a run than its row says: another attempt, giving back,
// or a wish to cancel it while it ran.
func eventful(run runs.Run) bool {
	began := !run.StartedAt.IsZero()
	return began && (run.Attempt > 1 || run.Status == runs.StatusQueued || run.CancelRequested || !run.AttemptStartedAt.Equal(run.StartedAt))
}

// stepOf is what an entry of the audit log says of a run. How the run began and ended is known
// from elsewhere.
func stepOf(e runs.AuditEntry) (runStep, bool) {
	attempt := e.Details["attempt"]
	switch {
	case e.Action == "run.started" && attempt != "":
		return runStep{At: e.At, What: "Attempt " + attempt + " began", Tone: "busy"}, true
	case e.Action == "run.retried" && e.Outcome == string(runs.StatusQueued) && e.Actor.ID == runs.SystemActor.ID: // a person starts a retry
		s := runStep{At: e.At, What: "Waits for the next attempt", Tone: "warn"}
		if code := runs.Code(e.Details["code"]); code != "" {
			s.Note = adviceFor(code).What
		} else {
			s.What, s.Note, s.Tone = "Given back", "The server was stopped; another one, or the same after its start, goes on.", "quiet"
		}
		return s, true
	case e.Action == "run.canceled" && e.Outcome != string(runs.StatusCanceled):
		return runStep{At: e.At, What: "Asked by", Who: actorWords(e.Actor), More: " to stop at the next item", Tone: "warn"}, true
	}
	return runStep{}, false
}

// lastSteps are the present, the end, and what is expected.
func (v *visit) lastSteps(run runs.Run) []runStep {
	if run.Status.Terminal() {
		b := runBadge(run)
		s := runStep{At: run.FinishedAt, What: "Ended: " + b.Word, Tone: b.Tone}
		if run.Status == runs.StatusCanceled && run.CanceledBy.ID != "" {
			s.What, s.Who = "Canceled by", actorWords(run.CanceledBy)
		}
		return []runStep{s}
	}
	var steps []runStep
	switch {
	case run.NotBefore.After(v.now):
		steps = append(steps, runStep{At: run.NotBefore, What: "Goes on not before", Tone: "quiet", Ahead: true})
	case run.Status == runs.StatusQueued:
		steps = append(steps, runStep{At: v.now, What: "Waits for its turn", Tone: "busy", Ahead: true})
	}
	if eta := v.eta(run); run.Status == runs.StatusRunning && !eta.IsZero() {
		steps = append(steps, runStep{At: eta, What: "May end, at the present pace", Tone: "quiet", Ahead: true})
	}
	return steps
}
