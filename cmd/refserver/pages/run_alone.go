package pages

import (
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// aloneFor is how long a run may be without a worker before its page says so.
const aloneFor = time.Minute

// abandoned tells whether the worker of a running run has not been heard of for too long.
func (v *visit) abandoned(r runs.Run) bool {
	return r.Status == runs.StatusRunning && !r.LeaseUntil.IsZero() && v.now.Sub(r.LeaseUntil) > aloneFor
}

// alone says that no worker is at a run under way, and for how long; empty while one is, or the run
// waits for its time or, behind others of the tenant, for its turn.
func (v *visit) alone(r runs.Run) (string, error) {
	if v.abandoned(r) {
		return "No worker has been at this run for " + durationWords(v.now.Sub(r.LeaseUntil)) +
			": the one that was has stopped, or lost its connection. Another one takes it up by itself, when one runs.", nil
	}
	since := r.UpdatedAt
	if r.NotBefore.After(since) {
		since = r.NotBefore
	}
	if r.Status != runs.StatusQueued || v.now.Sub(since) <= aloneFor {
		return "", nil
	}
	others, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, runs.RunFilter{Statuses: []runs.Status{runs.StatusRunning}}, runs.PageRequest{Limit: pageSize})
	if err != nil {
		return "", err
	}
	for _, o := range others.Items {
		if !v.abandoned(o) {
			return "", nil
		}
	}
	return "No worker has taken this run for " + durationWords(v.now.Sub(since)) + ": none runs, or all are busy. The run begins by itself once one is free.", nil
}
