package pages

import (
	"net/http"

	"github.com/tenantatlas/tenantbackup/runs"
)

// runs registers the pages of runs. Canceling and retrying ask for more than looking, which
// depends on the run: the services ask once they know it.
func (p *Pages) runs() {
	p.add(route{method: http.MethodGet, path: "runs", action: runs.ActionLook, target: "run"}, listRuns)
	p.add(route{method: http.MethodGet, path: "runs/{id}", action: runs.ActionLook, target: "run"}, showRun)
	p.add(route{method: http.MethodPost, path: "runs/{id}/cancel", action: runs.ActionLook, target: "run"}, cancelRun)
	p.add(route{method: http.MethodPost, path: "runs/{id}/retry", action: runs.ActionLook, target: "run"}, retryRun)
}

// runNotices are what the forms of these pages have done.
var runNotices = map[string]string{
	"run_canceled":   "The run is canceled. Nothing more is done.",
	"run_stopping":   "The run stops at its next item. What it has done until then stays.",
	"retry_previews": "A restore is retried by a new preview of what failed. Look at the preview, then confirm it.",
}

func cancelRun(v *visit) (answer, error) {
	run, err := v.cfg.Starter.Cancel(v.ctx(), v.tenant, v.actor, v.id())
	if err != nil {
		return nil, err
	}
	notice := "run_stopping"
	if run.Status.Terminal() {
		notice = "run_canceled"
	}
	return see{v.path("runs", string(run.ID)), notice}, nil
}

func retryRun(v *visit) (answer, error) {
	old, err := v.cfg.Starter.Get(v.ctx(), v.tenant, v.actor, v.id())
	if err != nil {
		return nil, err
	}
	run, reused, err := v.cfg.Starter.Retry(v.ctx(), v.tenant, v.actor, old.ID)
	if err != nil {
		return nil, err
	}
	notice := "run_started"
	switch {
	case reused:
		notice = "run_reused"
	case run.Kind != old.Kind:
		notice = "retry_previews"
	}
	return see{v.path("runs", string(run.ID)), notice}, nil
}

// mayCancel tells whether the button is shown: whoever started a run needs less.
func (v *visit) mayCancel(r runs.Run) bool {
	if !r.Status.Active() || r.CancelRequested {
		return false
	}
	if r.Actor.ID == v.actor.ID {
		return v.may(runs.ActionCancelOwn)
	}
	return v.may(runs.ActionCancelAny)
}

// mayRetry tells whether the button is shown: what succeeded is not retried, and what did not
// needs the permission of its kind again. An import needs its file, too, which is gone when it came
// to its end.
func (v *visit) mayRetry(r runs.Run) (bool, error) {
	if !v.mayAgain(r) || r.Kind != runs.KindSetImport {
		return v.mayAgain(r), nil
	}
	return v.cfg.Uploader.Waits(v.ctx(), v.tenant, v.actor, r)
}

// mayAgain tells whether a run did not succeed, and the actor may start another one of its kind.
func (v *visit) mayAgain(r runs.Run) bool {
	return r.Status.Terminal() && r.Status != runs.StatusSuccess && v.may(runs.StartAction(r.Kind))
}
