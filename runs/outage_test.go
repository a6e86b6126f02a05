package runs_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

// outage is a store that is away for a while from a moment on.
type outage struct {
	runs.Store
	begin atomic.Int64 // nanoseconds since 1970; 0 for never
	lasts time.Duration
	after bool // changes are made, and their answers are lost
}

var errAway = errors.New("the database is away")

func (o *outage) ChangeRun(ctx context.Context, t graph.TenantID, id runs.ID, change runs.ChangeFunc) (runs.Run, error) {
	begin := o.begin.Load()
	if begin == 0 || time.Since(time.Unix(0, begin)) >= o.lasts {
		return o.Store.ChangeRun(ctx, t, id, change)
	}
	if o.after {
		if _, err := o.Store.ChangeRun(ctx, t, id, change); err != nil {
			return runs.Run{}, err
		}
	}
	return runs.Run{}, errAway
}

// TestAnOutageAtTheEndOfAnAttemptCostsNoMoreThanItself: without it the run would be taken up
// again only after its lease and by a sweep.
func TestAnOutageAtTheEndOfAnAttemptCostsNoMoreThanItself(t *testing.T) {
	for name, tt := range map[string]struct {
		lasts, within time.Duration
		after         bool
		outcome       error
	}{
		"a second":                       {lasts: time.Second, within: 3 * time.Second},
		"half a minute":                  {lasts: 30 * time.Second, within: 36 * time.Second},
		"an attempt that failed":         {lasts: 2 * time.Second, within: 5 * time.Second, outcome: &graph.Error{Kind: graph.KindUnauthorized}},
		"an answer that is lost":         {lasts: time.Second, within: 3 * time.Second, after: true},
		"longer than the lease: a sweep": {lasts: 90 * time.Second, within: 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "live.db")
			synctest.Test(t, func(t *testing.T) {
				o := &outage{lasts: tt.lasts, after: tt.after}
				began := time.Now()
				var executed atomic.Int64
				l := newLive(t, path, func(context.Context, *runs.Attempt) error {
					if executed.Add(1) == 1 {
						o.begin.Store(time.Now().UnixNano())
					}
					return tt.outcome
				}, func(cfg *runs.Config) { o.Store, cfg.Store = cfg.Store, o })
				l.start(t)
				run := l.begin(t, "k")
				for {
					time.Sleep(100 * time.Millisecond)
					got, err := l.store.GetRun(t.Context(), rig.Tenant, run.ID)
					if err != nil {
						t.Fatal(err)
					}
					if got.Status.Terminal() {
						if took := time.Since(began); took > tt.within {
							t.Errorf("the run ended after %s", took)
						}
						break
					}
					if time.Since(began) > time.Hour {
						t.Fatalf("the run is %s", got.Status)
					}
				}
				if n := executed.Load(); tt.lasts < time.Minute && n != 1 {
					t.Errorf("the run was executed %d times", n)
				}
				if err := l.stop(); err != nil {
					t.Error(err)
				}
				if err := l.store.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestAProcessThatStopsDoesNotWaitForAStoreThatIsAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	synctest.Test(t, func(t *testing.T) {
		o := &outage{lasts: time.Hour}
		l := newLive(t, path, func(context.Context, *runs.Attempt) error {
			o.begin.Store(time.Now().UnixNano())
			return nil
		}, func(cfg *runs.Config) { o.Store, cfg.Store, cfg.LeaseFor = cfg.Store, o, 30*time.Minute })
		l.start(t)
		l.begin(t, "k")
		time.Sleep(time.Second)
		began := time.Now()
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("stopping took %s", took)
		}
		if err := l.store.Close(); err != nil {
			t.Error(err)
		}
	})
}
