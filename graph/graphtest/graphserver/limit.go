package graphserver

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// limit is how much of a workload an app, or all apps together, may ask of a tenant.
type limit struct {
	workload graph.Workload
	name     string
	perApp   bool
	write    bool // counts what changes something, and only that
	n        int
	window   time.Duration
	silent   bool // the refusal does not say how long to wait
}

// limits are those of Microsoft's throttling guidance for the services that the catalogue
// uses. Directory limits are those of the smallest tenants, in resource units.
var limits = []limit{
	{workload: graph.WorkloadIntune, name: "all apps", n: 2000, window: 20 * time.Second},
	{workload: graph.WorkloadIntune, name: "app", perApp: true, n: 1000, window: 20 * time.Second},
	{workload: graph.WorkloadIntune, name: "writes of all apps", write: true, n: 200, window: 20 * time.Second},
	{workload: graph.WorkloadIntune, name: "writes of app", perApp: true, write: true, n: 100, window: 20 * time.Second},
	{workload: graph.WorkloadAccess, name: "all apps", n: 1, window: time.Second, silent: true},
	{workload: graph.WorkloadDirectory, name: "units of app", perApp: true, n: 3500, window: 10 * time.Second},
	{workload: graph.WorkloadDirectory, name: "writes of app", perApp: true, write: true, n: 3000, window: 150 * time.Second},
	{workload: graph.WorkloadDirectory, name: "writes of all apps", write: true, n: 18_000, window: 5 * time.Minute},
}

// Usage is what a tenant was asked of a workload. Each request in a batch counts for itself.
type Usage struct {
	Tenant    graph.TenantID
	Workload  graph.Workload
	Requests  int
	Throttled int           // answered with 429, because of a limit or a fault
	Failed    int           // answered by a fault with 500 and above, or with a body that a chance has cut
	Demanded  time.Duration // all that Retry-After headers asked to wait, together
	Windows   []Window      // by limit and app
}

// Window is how a limit was used: what came within any stretch of its length.
type Window struct {
	Limit string // "app", "writes of all apps" ...
	App   string // for a limit of each app
	Most  int    // that are allowed
	Per   time.Duration
	Peak  int // the highest seen
	Above int // requests that came when as many had come as are allowed
}

// Above is how many requests were above a limit.
func (u Usage) Above() int {
	n := 0
	for _, w := range u.Windows {
		n += w.Above
	}
	return n
}

type usageKey struct {
	tenant   graph.TenantID
	workload graph.Workload
}

type windowKey struct {
	usageKey
	limit int
	app   string
}

// meter counts requests. Limits are counted whether they are enforced or not.
type meter struct {
	mu      sync.Mutex
	usage   map[usageKey]*Usage
	windows map[windowKey]*window
}

type window struct {
	seen  arrivals // all that came within the window
	taken arrivals // those that were not refused
	peak  int
	above int
}

// arrivals are in the order of time; those of one instant are one.
type arrivals struct {
	list []arrival
	sum  int
}

type arrival struct {
	at    time.Time
	units int
}

func (a *arrivals) add(at time.Time, units int) {
	a.sum += units
	if n := len(a.list); n > 0 && a.list[n-1].at.Equal(at) {
		a.list[n-1].units += units
		return
	}
	a.list = append(a.list, arrival{at, units})
}

// forget drops what came before or when a window began.
func (a *arrivals) forget(begin time.Time) {
	for len(a.list) > 0 && !a.list[0].at.After(begin) {
		a.sum -= a.list[0].units
		a.list = a.list[1:]
	}
}

// units is what a request costs of a limit.
func (l limit) units(r *request) int {
	if l.workload != graph.WorkloadDirectory || l.write {
		return 1
	}
	n := 1
	if r.query.Get("$select") != "" {
		n--
	}
	if r.query.Get("$expand") != "" {
		n++
	}
	return n
}

// count takes a request into the books. With enforce, it tells which limit refuses it and
// how long that lasts.
func (m *meter) count(r *request, enforce bool) (refused *limit, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := usageKey{r.who.tenant, workload(r.segments)}
	u := m.of(key)
	u.Requests++
	var all []*window
	var costs []int
	for i, l := range limits {
		if l.workload != key.workload || l.write && r.method == http.MethodGet {
			continue
		}
		wk := windowKey{usageKey: key, limit: i}
		if l.perApp {
			wk.app = r.who.app
		}
		w := m.windows[wk]
		if w == nil {
			w = &window{}
			m.windows[wk] = w
		}
		w.seen.forget(r.now.Add(-l.window))
		w.taken.forget(r.now.Add(-l.window))
		units := l.units(r)
		w.seen.add(r.now, units)
		w.peak = max(w.peak, w.seen.sum)
		if w.seen.sum > l.n {
			w.above++
		}
		if enforce && w.taken.sum+units > l.n && refused == nil {
			refused, wait = &limits[i], w.taken.list[0].at.Add(l.window).Sub(r.now)
		}
		all, costs = append(all, w), append(costs, units)
	}
	if refused == nil {
		for i, w := range all {
			w.taken.add(r.now, costs[i])
		}
	}
	return refused, wait
}

// asksOf is the workload of a request, of a batch that of its first one.
func (r *request) asksOf() graph.Workload {
	if r.path != "/$batch" {
		return workload(r.segments)
	}
	var in struct{ Requests []batchItem }
	if json.Unmarshal(r.body, &in) != nil || len(in.Requests) == 0 {
		return graph.WorkloadDirectory
	}
	path, _, _ := strings.Cut(in.Requests[0].URL, "?")
	return workload(strings.Split(strings.TrimPrefix(path, "/"), "/"))
}

func (m *meter) of(key usageKey) *Usage {
	if m.usage == nil {
		m.usage, m.windows = map[usageKey]*Usage{}, map[windowKey]*window{}
	}
	u := m.usage[key]
	if u == nil {
		u = &Usage{Tenant: key.tenant, Workload: key.workload}
		m.usage[key] = u
	}
	return u
}

// refused takes an answer that is none into the books.
func (m *meter) refused(r *request, a answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.of(usageKey{r.who.tenant, r.asksOf()})
	if a.status != http.StatusTooManyRequests {
		u.Failed++
		return
	}
	u.Throttled++
	if d, ok := graph.ParseRetryAfter(a.header.Get("Retry-After"), r.now); ok {
		u.Demanded += d
	}
}

// Usage tells what every tenant was asked, by tenant and workload.
func (s *Server) Usage() []Usage {
	m := &s.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Usage
	for key, u := range m.usage {
		c := *u
		for wk, w := range m.windows {
			if l := limits[wk.limit]; wk.usageKey == key {
				c.Windows = append(c.Windows, Window{l.name, wk.app, l.n, l.window, w.peak, w.above})
			}
		}
		slices.SortFunc(c.Windows, func(a, b Window) int {
			return cmp.Or(strings.Compare(a.Limit, b.Limit), strings.Compare(a.App, b.App))
		})
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Workload, b.Workload))
	})
	return out
}

// metered counts a request and refuses it when it is one too many.
func (s *Server) metered(r *request) *answer {
	refused, wait := s.meter.count(r, s.cfg.Limits)
	if refused == nil {
		return nil
	}
	a := r.tooMany()
	if !refused.silent {
		a = a.with("Retry-After", seconds(wait))
	}
	return &a
}

func (r *request) tooMany() answer {
	return r.fail(http.StatusTooManyRequests, "TooManyRequests", "Too many requests have been sent, try again later.")
}
