package pages

import (
	"net/http"

	"github.com/tenantatlas/tenantbackup/runs"
)

// liveData is what every page shows of the present: the bell and the runs under way.
type liveData struct {
	Unread int
	Active []activeRun // the first ones
	More   int         // further active runs
	Every  string      // how often to ask again, "2s"
}

// activeRun is a run under way.
type activeRun struct {
	Run   runs.Run
	Badge badge
	Done  int // per cent; -1 while nobody knows
}

// activeShown is how many runs under way a page names.
const activeShown = 3

// live registers the fragment that pages poll: 2 s while something runs, else 30 s. app.js leaves
// it out while the tab is hidden.
func (p *Pages) live() {
	p.add(route{method: http.MethodGet, path: "live", action: runs.ActionLook, target: "run"}, func(v *visit) (answer, error) {
		data, err := v.liveData()
		return page{template: "fragment_live", data: data}, err
	})
}

func (v *visit) liveData() (liveData, error) {
	data := liveData{Every: "30s"}
	var err error
	if data.Unread, err = v.cfg.Starter.Unread(v.ctx(), v.tenant, v.actor); err != nil {
		return data, err
	}
	active, err := v.cfg.Starter.Active(v.ctx(), v.tenant, v.actor)
	if err != nil {
		return data, err
	}
	if len(active) > 0 {
		data.Every = "2s"
	}
	data.More = max(len(active)-activeShown, 0)
	for _, r := range active[:min(len(active), activeShown)] {
		data.Active = append(data.Active, activeRun{Run: r, Badge: runBadge(r), Done: percent(r.Counts)})
	}
	return data, nil
}

// percent is how much of a run is done; -1 while its total is unknown.
func percent(c runs.Counts) int {
	if c.Total <= 0 {
		return -1
	}
	return min(100*c.Processed/c.Total, 100)
}
