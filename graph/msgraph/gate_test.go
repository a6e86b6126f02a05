package msgraph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

func answerAll(w http.ResponseWriter, _ *http.Request, _ int) { _, _ = io.WriteString(w, anObject) }

// limited has the default limits.
func limited(c *Config) { c.Limits = nil }

// of is a call of another workload.
func (r call) of(w graph.Workload) call {
	r.workload = w
	return r
}

// together makes calls at the same time and returns when all have returned.
func (w *world) together(n int, do func(i int) error) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := do(i); err != nil {
				panic(err)
			}
		})
	}
	wg.Wait()
}

// within returns the most that came in any period of the given length.
func within(times []time.Duration, period time.Duration) (most int) {
	slices.Sort(times)
	for i, from := range times {
		n := 0
		for _, at := range times[i:] {
			if at < from+period {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestEveryWorkloadKeepsToHalfOfItsLimit(t *testing.T) {
	for _, c := range []struct {
		name   string
		call   call
		n      int
		period time.Duration
		most   int           // in any period
		last   time.Duration // when the last one goes: the limits are used, too
	}{
		{"Intune", list(), 1000, 20 * time.Second, 525, 39 * time.Second},
		{"Intune writes", update(), 80, 20 * time.Second, 55, 30 * time.Second},
		{"Conditional Access", list().of(graph.WorkloadAccess), 10, 10 * time.Second, 5, 18 * time.Second},
		{"Entra", list().of(graph.WorkloadDirectory), 2000, 10 * time.Second, 1050, 19500 * time.Millisecond},
		{"Entra writes", update().of(graph.WorkloadDirectory), 500, 150 * time.Second, 500, 49 * time.Second},
		{"a workload that nobody knows", list().of("defender"), 100, 20 * time.Second, 525, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, answerAll, limited, func(w *world) {
				w.together(c.n, func(int) error {
					_, err := w.do(w.ctx, tenant, c.call)
					return err
				})
				var times []time.Duration
				for _, q := range w.requests() {
					times = append(times, q.at)
				}
				if most := within(times, c.period); most > c.most {
					t.Errorf("%d requests within %s, want at most %d", most, c.period, c.most)
				}
				if last := times[len(times)-1]; last < c.last-time.Millisecond || last > c.last+time.Millisecond {
					t.Errorf("the last request went after %s, want %s", last, c.last)
				}
			})
		})
	}
}

func TestAShareIsAPartOfEveryRate(t *testing.T) {
	inBubble(t, answerAll, func(c *Config) { c.Limits, c.Share = nil, 5 }, func(w *world) {
		w.together(25, func(int) error {
			_, err := w.do(w.ctx, tenant, list())
			return err
		})
		if at := w.elapsed(); at != 4*time.Second { // 5 at once, 5 a second
			t.Errorf("25 requests took %s, want 4s", at)
		}
	})
}

func TestNoMoreRequestsAreUnderWayThanAllowed(t *testing.T) {
	var mu sync.Mutex
	under, most := 0, 0
	inBubble(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		mu.Lock()
		under++
		most = max(most, under)
		mu.Unlock()
		time.Sleep(time.Second)
		mu.Lock()
		under--
		mu.Unlock()
		_, _ = io.WriteString(w, anObject)
	}, func(c *Config) { c.Limits = map[graph.Workload]Limit{graph.WorkloadIntune: {Rate: -1, AtOnce: 3}} }, func(w *world) {
		w.together(9, func(int) error {
			_, err := w.do(w.ctx, tenant, list())
			return err
		})
		if most != 3 || w.elapsed() != 3*time.Second {
			t.Errorf("%d at once, done after %s", most, w.elapsed())
		}
	})
}

func TestAThrottledWorkloadWaitsAsAWholeAndHoldsUpNobodyElse(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, _ *http.Request, before int) {
		if before == 0 {
			refuse(w, 429, "Retry-After", "10")
			return
		}
		_, _ = io.WriteString(w, anObject)
	}, nil, func(w *world) {
		var wg sync.WaitGroup
		after := func(start time.Duration, tenant graph.TenantID, r call, want time.Duration) {
			wg.Go(func() {
				time.Sleep(start)
				if _, err := w.do(w.ctx, tenant, r); err != nil || w.elapsed() != want {
					t.Errorf("%s %s %s: %v after %s, want %s", tenant, r.workload, r.method, err, w.elapsed(), want)
				}
			})
		}
		after(0, tenant, list(), 10*time.Second)
		after(time.Second, tenant, list(), 10*time.Second)
		after(2*time.Second, tenant, update(), 10*time.Second)
		after(3*time.Second, tenant, list().of(graph.WorkloadAccess), 3*time.Second)
		after(4*time.Second, "fabrikam", list(), 4*time.Second)
		wg.Wait()
	})
}

func TestTheLongestPauseCounts(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, _ *http.Request, before int) {
		switch before {
		case 0:
			time.Sleep(time.Second)
			refuse(w, 429, "Retry-After", "3")
		case 1:
			refuse(w, 429, "Retry-After", "10")
		default:
			_, _ = io.WriteString(w, anObject)
		}
	}, nil, func(w *world) {
		w.together(2, func(int) error {
			_, err := w.do(w.ctx, tenant, list())
			if w.elapsed() != 10*time.Second {
				t.Errorf("a call went after %s, want 10s", w.elapsed())
			}
			return err
		})
	})
}

func TestAPauseThatIsTooLongEndsEveryCallWithoutARequest(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		time.Sleep(2 * time.Second)
		refuse(w, 429, "Retry-After", "60")
	}, func(c *Config) { c.Limits = map[graph.Workload]Limit{graph.WorkloadIntune: {Rate: 0.1, Burst: 1}} }, func(w *world) {
		var wg sync.WaitGroup
		for range 3 { // one under way, two that wait for their turn
			wg.Go(func() {
				_, err := w.do(w.ctx, tenant, list())
				var e *graph.Error
				if !errors.As(err, &e) || e.Kind != graph.KindThrottled || e.RetryAfter != time.Minute || e.Op != "list deviceConfiguration" || w.elapsed() != 2*time.Second {
					t.Errorf("%v after %s", err, w.elapsed())
				}
			})
		}
		wg.Wait()
		time.Sleep(15 * time.Second)
		_, err := w.do(w.ctx, tenant, list())
		if e := wantFailure(t, err, graph.KindThrottled, 0); e.RetryAfter != 45*time.Second || len(w.requests()) != 1 {
			t.Errorf("%v after %d requests", err, len(w.requests()))
		}
	})
}

func TestACanceledWaitReturnsAtOnceAndGivesBackItsPlaceAndTokens(t *testing.T) {
	inBubble(t, answerAll, limited, func(w *world) {
		access := list().of(graph.WorkloadAccess) // one, then another every 2 s
		if _, err := w.do(w.ctx, tenant, access); err != nil {
			t.Fatal(err)
		}
		canceled, cancel := context.WithCancel(w.ctx)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if _, err := w.do(canceled, tenant, access); !errors.Is(err, context.Canceled) || w.elapsed() != time.Second {
					t.Errorf("%v after %s", err, w.elapsed())
				}
			})
		}
		time.Sleep(time.Second)
		cancel()
		wg.Wait()
		if _, err := w.do(w.ctx, tenant, access); err != nil || w.elapsed() != 2*time.Second {
			t.Errorf("the next one went after %s (%v), want 2s", w.elapsed(), err)
		}
	})
}

func TestACallThatFindsItsContextEndedTakesNothing(t *testing.T) {
	inBubble(t, answerAll, limited, func(w *world) {
		ctx, cancel := context.WithCancel(w.ctx)
		cancel()
		for range 100 {
			if _, err := w.do(ctx, tenant, list().of(graph.WorkloadAccess)); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if _, err := w.do(w.ctx, tenant, list().of(graph.WorkloadAccess)); err != nil || w.elapsed() != 0 {
			t.Errorf("%v after %s", err, w.elapsed())
		}
	})
}

func TestCallsGoInTheOrderInWhichTheyCame(t *testing.T) {
	inBubble(t, answerAll, func(c *Config) {
		c.Limits = map[graph.Workload]Limit{graph.WorkloadIntune: {Rate: 1, Burst: 1, WriteRate: 1, WriteBurst: 1}}
	}, func(w *world) {
		var wg sync.WaitGroup
		for i := range 8 {
			r := list()
			if i%2 == 1 {
				r = update()
			}
			r.path = fmt.Sprint("/", i)
			wg.Go(func() { _, _ = w.do(w.ctx, tenant, r) })
			synctest.Wait()
		}
		wg.Wait()
		var order []string
		for _, q := range w.requests() {
			order = append(order, strings.TrimPrefix(q.URL.Path, "/beta/"))
		}
		if got := strings.Join(order, ""); got != "01234567" {
			t.Errorf("the order is %s", got)
		}
	})
}

func TestGatesAndTokensOfTenantsThatAreGoneTakeNoMemory(t *testing.T) {
	inBubble(t, answerAll, func(c *Config) {
		limited(c)
		c.Tokens = tokenFunc(func(context.Context, graph.TenantID, string) (Token, error) {
			return Token{Value: "t", Expires: time.Now().Add(time.Hour)}, nil
		})
	}, func(w *world) {
		for i := range 10_000 {
			if _, err := w.do(w.ctx, graph.TenantID(fmt.Sprint(i)), list()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if gates, tokens := len(w.gates.open), len(w.tokens.held); gates > 2*minSweep || tokens > 3*60 {
			t.Errorf("%d gates and %d tokens are kept", gates, tokens)
		}
	})
}

func TestAGateThatHasSomethingToRememberIsKept(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, before int) {
		if before == 0 {
			refuse(w, 429, "Retry-After", "1800")
			return
		}
		_, _ = io.WriteString(w, anObject)
	}, limited, func(w *world) {
		_, err := w.do(w.ctx, tenant, list())
		wantFailure(t, err, graph.KindThrottled, 429)
		for i := range 1000 {
			if _, err := w.do(w.ctx, graph.TenantID(fmt.Sprint(i)), list()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		_, err = w.do(w.ctx, tenant, list())
		if e := wantFailure(t, err, graph.KindThrottled, 0); e.RetryAfter != 800*time.Second {
			t.Error(e)
		}
	})
}
