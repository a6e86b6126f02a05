package msgraph

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// singles answers requests outside of a $batch: each is told how often its object was asked for
// before. Nothing else is asked.
func singles(t *testing.T, answer func(a asked, before int) string) func(http.ResponseWriter, *http.Request, int) {
	var mu sync.Mutex
	times := map[string]int{}
	return func(w http.ResponseWriter, r *http.Request, _ int) {
		at := strings.TrimPrefix(r.URL.Path, "/beta")
		if r.Method != "GET" || !strings.HasPrefix(at, "/objects/") {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		mu.Lock()
		before := times[at]
		times[at]++
		mu.Unlock()
		headers := map[string]string{}
		for name := range r.Header {
			headers[name] = r.Header.Get(name)
		}
		var out batchResponse
		if err := json.Unmarshal([]byte(answer(asked{ID: at, Method: r.Method, URL: at, Headers: headers}, before)), &out); err != nil {
			t.Error(err)
		}
		for name, values := range out.answer().header {
			w.Header()[name] = values
		}
		w.WriteHeader(out.Status)
		_, _ = w.Write(out.Body)
	}
}

// same is the same answer in every way.
func same(answer func(a asked, before int) string) func() func(asked, int) string {
	return func() func(asked, int) string { return answer }
}

// eachWay runs a test with batches and without them. answer makes what answers in one of them:
// see batches and singles.
func eachWay(t *testing.T, answer func() func(asked, int) string, change func(*Config), test func(w *world, batched bool)) {
	t.Helper()
	inBubble(t, batches(t, answer()), change, func(w *world) { test(w, true) })
	inBubble(t, singles(t, answer()), func(c *Config) {
		if c.NoBatch = true; change != nil {
			change(c)
		}
	}, func(w *world) { test(w, false) })
}

func TestWithoutBatchesThrottledRequestsAreSentAgainWhenTheGateOpens(t *testing.T) {
	inBubble(t, singles(t, func(a asked, before int) string {
		switch n := numberOf(a); {
		case before == 0 && n == "2":
			return replied(a.ID, 429, `"Retry-After":"7.5"`, `{"error":{"code":"TooManyRequests"}}`)
		case before == 1 && n != "2":
			t.Errorf("object %s was answered and is asked for again", n)
		}
		return replied(a.ID, 200, "", `{"n":`+numberOf(a)+`}`)
	}), withoutBatches, func(w *world) {
		got, err := w.batch(w.ctx, tenant, numbered(4))
		if want := `{"n":0} {"n":1} {"n":2} {"n":3}`; err != nil || bodies(got) != want || w.elapsed() != 7500*time.Millisecond || len(w.requests()) != 5 {
			t.Errorf("%v %s after %s and %d requests", err, bodies(got), w.elapsed(), len(w.requests()))
		}
	})
}

func withoutBatches(c *Config) { c.NoBatch = true }

func TestWithoutBatchesAsManyRequestsAreUnderWayAsTheGateLetsThrough(t *testing.T) {
	for most, want := range map[int]time.Duration{1: 80 * time.Second, 16: 5 * time.Second, 40: 2 * time.Second, -1: 4 * time.Second} {
		inBubble(t, func(w http.ResponseWriter, r *http.Request, before int) {
			time.Sleep(time.Second)
			singles(t, func(a asked, _ int) string { return replied(a.ID, 200, "", anObject) })(w, r, before)
		}, func(c *Config) {
			c.NoBatch, c.Workers = true, 1
			c.Limits = map[graph.Workload]Limit{graph.WorkloadIntune: {Rate: -1, Burst: -1, AtOnce: most}}
		}, func(w *world) {
			if _, err := w.batch(w.ctx, tenant, numbered(80)); err != nil || w.elapsed() != want {
				t.Errorf("80 requests, %d at once, took %s (%v), want %s", most, w.elapsed(), err, want)
			}
		})
	}
}

func TestWithoutBatchesEveryRequestCountsAsMuch(t *testing.T) {
	inBubble(t, singles(t, func(a asked, _ int) string { return replied(a.ID, 200, "", anObject) }), func(c *Config) {
		limited(c)
		c.NoBatch = true
	}, func(w *world) {
		if _, err := w.batch(w.ctx, tenant, numbered(500)); err != nil || w.elapsed() < 19*time.Second || w.elapsed() > 19*time.Second+time.Millisecond {
			t.Errorf("500 requests took %s (%v), want 19s", w.elapsed(), err)
		}
	})
}

func TestWithoutBatchesAFailureOfTheWholeStopsTheRequestsThatFollow(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, before int) {
		if before == 2 {
			refuse(w, 429, "Retry-After", "3600")
			return
		}
		singles(t, func(a asked, _ int) string { return replied(a.ID, 200, "", anObject) })(w, r, before)
	}, func(c *Config) {
		c.NoBatch, c.Limits = true, map[graph.Workload]Limit{graph.WorkloadIntune: {Rate: -1, Burst: -1, AtOnce: 1}}
	}, func(w *world) {
		got, err := w.batch(w.ctx, tenant, numbered(100))
		wantFailure(t, err, graph.KindThrottled, 429)
		if got[1].err != nil || got[2].err != err || got[99].err != err || len(w.requests()) != 3 {
			t.Errorf("%s after %d requests", bodies(got), len(w.requests()))
		}
	})
}

func TestWithoutBatchesABadTokenIsReplacedOnceForAll(t *testing.T) {
	for good, want := range map[string]string{"token-2": anObject + " " + anObject + " " + anObject, "none": "unauthorized"} {
		d := &desk{}
		inBubble(t, func(w http.ResponseWriter, r *http.Request, before int) {
			if r.Header.Get("Authorization") != "Bearer "+good {
				refuse(w, 401)
				return
			}
			singles(t, func(a asked, _ int) string { return replied(a.ID, 200, "", anObject) })(w, r, before)
		}, func(c *Config) {
			signedInBy(d)(c)
			c.NoBatch = true
		}, func(w *world) {
			got, err := w.batch(w.ctx, tenant, numbered(3))
			if !strings.HasPrefix(bodies(got), want) || (err == nil) != (good == "token-2") || len(w.requests()) > 6 || good == "token-2" && d.issued != 2 {
				t.Errorf("%v %s after %d requests and %d sign-ins", err, bodies(got), len(w.requests()), d.issued)
			}
		})
	}
}
