package runs

import (
	"fmt"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/redact"
)

// runEntry is the audit line of one change of a run's state.
func runEntry(id ID, at time.Time, actor Actor, r Run, action string) AuditEntry {
	details := map[string]string{"kind": string(r.Kind), "trigger": string(r.Trigger)}
	if r.Attempt > 0 {
		details["attempt"] = strconv.Itoa(r.Attempt)
	}
	if r.ErrorCode != "" {
		details["code"] = string(r.ErrorCode)
	}
	if !r.NotBefore.IsZero() && r.Status == StatusQueued {
		details["not_before"] = r.NotBefore.Format(time.RFC3339)
	}
	if r.RetryOf != "" {
		details["retry_of"] = string(r.RetryOf)
	}
	target := r.Target
	if target.ID == "" {
		target = Target{Type: "run", ID: r.ID}
	}
	return AuditEntry{
		ID: id, At: at, Actor: actor, TenantID: r.TenantID, Action: action,
		Resource: target, RunID: r.ID, Outcome: string(r.Status), Details: details,
	}
}

// resultEntry is the audit line of an executor's own action.
func resultEntry(id ID, at time.Time, r Run, result Result) AuditEntry {
	e := runEntry(id, at, SystemActor, r, result.Action)
	if result.Outcome != "" {
		e.Outcome = result.Outcome
	}
	for name, fact := range result.Details {
		e.Details[name] = redact.Text(fact)
	}
	return e
}

// endAction is the audit action beside run.finished of a run that has ended, "" for none. It
// belongs to the state and not to the executor: a restore that a worker has begun with says
// that it is over also when it is canceled while it waits, or its workers are lost.
func endAction(r Run) string {
	if r.Kind == KindRestoreExecute && r.Status.Terminal() && !r.StartedAt.IsZero() {
		return "restore.finished"
	}
	return ""
}

// newNotification tells the person who started the run about its present state. Its id is the
// run's, so that it takes the place of the one before: a run is one line for its starter.
func newNotification(at time.Time, r Run) Notification {
	n := Notification{
		ID: r.ID, Recipient: r.Actor.ID, RunID: r.ID, Kind: r.Kind, Status: r.Status,
		Code: r.ErrorCode, CreatedAt: at,
	}
	n.Message = fmt.Sprintf("%s: %s", r.Kind, r.Status)
	if r.ErrorMessage != "" {
		n.Message += " - " + r.ErrorMessage
	}
	n.Message = redact.Text(n.Message)
	return n
}

// finished moves a run to a terminal state.
func finished(r Run, at time.Time, status Status, code Code, message string) Run {
	r.Status, r.ErrorCode, r.ErrorMessage = status, code, redact.Text(message)
	r.FinishedAt, r.UpdatedAt = at, at
	r.NotBefore = time.Time{}
	r.LeaseOwner, r.LeaseUntil, r.Lane = "", time.Time{}, 0
	return r
}

// trailOf is what goes with a change of a run's state: one audit line, another one when the
// end of the kind has a name of its own, and a notification when a person waits for the run and
// it ended or began. An attempt that goes on with a run is no news. Of a batch only the end of its
// last run is.
func trailOf(newID func() ID, at time.Time, actor Actor, r Run, room Room, action string) Trail {
	t := Trail{Audit: []AuditEntry{runEntry(newID(), at, actor, r, action)}}
	if ended := endAction(r); ended != "" {
		t.Audit = append(t.Audit, runEntry(newID(), at, actor, r, ended))
	}
	begins := r.Status == StatusRunning && r.StartedAt.Equal(at)
	switch {
	case !r.Trigger.Interactive():
	case r.BatchID != "":
		if total := batchTotal(r, room.Batch); batchEnded(total) {
			t.Notifications = []Notification{batchNotification(at, r, total)}
		}
	case r.Status.Terminal() || begins:
		t.Notifications = []Notification{newNotification(at, r)}
	}
	return t
}
