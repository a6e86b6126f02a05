package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tenantatlas/tenantbackup/runs"
)

// liveData is what every page shows of the present: the bell and the runs under way.
type liveData struct {
	Unread int
	Badge  string      // Unread, shortly
	Active []activeRun // the first ones
	More   bool        // there are further active runs
	Ended  []activeRun // those that the page had named and that ended since
	Every  string      // how often to ask again, "2s"
	Poll   string      // the address to ask
	Brings string      // the id of what the answer has besides bell and progress; empty for nothing
}

// activeRun is a run under way, or one that was just now.
type activeRun struct {
	Run   runs.Run
	Name  string
	Badge badge
	progress
	Here  bool   // the page is the run's own
	Words string // how a restore ended
}

const (
	activeShown = 3  // how many runs under way a page names
	seenMost    = 10 // how many runs a page follows to their end
)

// live registers the fragment that pages poll: 2 s while something runs, else 30 s. app.js leaves
// it out while the tab is hidden.
func (p *Pages) live() {
	p.add(route{method: http.MethodGet, path: "live", action: runs.ActionLook, target: "run"}, func(v *visit) (answer, error) {
		data, err := v.liveData("")
		return page{template: "fragment_live", data: data}, err
	})
}

// liveData reads the present. A page that follows a run by itself asks for its own address, which
// has all that live has: one question every two seconds is enough.
func (v *visit) liveData(follows string) (liveData, error) {
	data := v.noLive(follows)
	var err error
	if data.Unread, err = v.cfg.Starter.Unread(v.ctx(), v.tenant, v.actor); err != nil {
		return data, err
	}
	if data.Badge = strconv.Itoa(data.Unread); data.Unread > 99 {
		data.Badge = "99+"
	}
	// No more than what is shown: at the hour of the backups a tenant may have hundreds.
	found, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, runs.RunFilter{Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}}, runs.PageRequest{Limit: activeShown})
	if err != nil {
		return data, err
	}
	newest := found.Items
	if found.NextCursor != "" { // what runs may be older than what waits for it
		running, err := v.cfg.Starter.List(v.ctx(), v.tenant, v.actor, runs.RunFilter{Statuses: []runs.Status{runs.StatusRunning}}, runs.PageRequest{Limit: activeShown})
		if err != nil {
			return data, err
		}
		for _, r := range running.Items {
			if !slices.ContainsFunc(newest, func(n runs.Run) bool { return n.ID == r.ID }) {
				newest = append(newest, r)
			}
		}
	}
	active, ended, err := v.followed(newest)
	if err != nil {
		return data, err
	}
	slices.SortStableFunc(active, func(a, b runs.Run) int { return cmp.Compare(v.interest(a), v.interest(b)) })
	shown := active[:min(len(active), activeShown)]
	names, err := v.subjects(append(slices.Clone(shown), ended...))
	if err != nil {
		return data, err
	}
	far, err := v.progressOf(shown)
	if err != nil {
		return data, err
	}
	name := func(list []runs.Run) (out []activeRun) {
		for _, r := range list {
			out = append(out, activeRun{Run: r, Name: names[r.ID].Name, Badge: runBadge(r), progress: far[r.ID], Here: r.ID == v.id(), Words: restoredWords(r)})
		}
		return out
	}
	data.Active, data.Ended, data.More = name(shown), name(ended), found.NextCursor != "" || len(active) > len(shown)
	if len(active) > 0 {
		data.Every = "2s"
		seen := url.Values{}
		for i, r := range active {
			if i < activeShown || i < seenMost && r.Actor.ID == v.actor.ID {
				seen.Add("seen", string(r.ID))
			}
		}
		data.Poll = withQuery(data.Poll, seen)
	}
	return data, nil
}

// noLive is the present of which nothing is known.
func (v *visit) noLive(follows string) liveData {
	data := liveData{Every: "30s", Poll: v.path("live"), Brings: follows}
	if follows != "" {
		data.Every, data.Poll = "2s", v.with("cursor", v.query.Get("cursor"))
	}
	return data
}

// interest orders runs under way: what runs, then what waits, one's own first, and last what the
// engine does by itself.
func (v *visit) interest(r runs.Run) int {
	own := r.Actor.ID == v.actor.ID
	switch {
	case r.Trigger == runs.TriggerSystem:
		return 4
	case r.Status == runs.StatusRunning && own:
		return 0
	case r.Status == runs.StatusRunning:
		return 1
	case own:
		return 2
	}
	return 3
}

// followed looks at the runs that the page which asks has named as under way. Those that still are
// join the newest ones, and those that are over are said to be, once: the next time the page asks
// for others. What the engine does by itself is no news.
func (v *visit) followed(newest []runs.Run) (active, ended []runs.Run, err error) {
	active = newest
	seen := v.query["seen"]
	for _, s := range seen[:min(len(seen), seenMost)] {
		known := func(r runs.Run) bool { return r.ID == runs.ID(s) }
		if slices.ContainsFunc(active, known) || slices.ContainsFunc(ended, known) {
			continue
		}
		run, err := v.cfg.Starter.Get(v.ctx(), v.tenant, v.actor, runs.ID(s))
		switch {
		case notThere(err):
		case err != nil:
			return nil, nil, err
		case run.Status.Active():
			active = append(active, run)
		case run.Trigger != runs.TriggerSystem:
			ended = append(ended, run)
		}
	}
	return active, ended, nil
}

// percent is how much of a run is done; -1 while its total is unknown.
func percent(c runs.Counts) int {
	if c.Total <= 0 {
		return -1
	}
	return min(100*c.Processed/c.Total, 100)
}
