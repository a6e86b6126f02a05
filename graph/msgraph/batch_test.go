package msgraph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// asked is a request in a $batch.
type asked struct {
	ID, Method, URL string
	Headers         map[string]string
}

// batches answers $batch requests: each is told the number of $batches before.
func batches(t *testing.T, answer func(a asked, before int) string) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, r *http.Request, before int) {
		var in struct{ Requests []asked }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.URL.Path != "/beta/$batch" || r.Method != "POST" {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		if n := len(in.Requests); n == 0 || n > 20 {
			t.Errorf("a batch of %d", n)
		}
		var out []string
		for _, q := range in.Requests {
			out = append(out, answer(q, before))
		}
		slices.Reverse(out) // any order
		fmt.Fprintf(w, `{"responses":[%s]}`, strings.Join(slices.DeleteFunc(out, func(s string) bool { return s == "" }), ","))
	}
}

// replied is an answer in a $batch.
func replied(id string, status int, headers, body string) string {
	return fmt.Sprintf(`{"id":%q,"status":%d,"headers":{%s},"body":%s}`, id, status, headers, body)
}

// numbered are calls for objects 0 to n-1.
func numbered(n int) (rs []call) {
	for i := range n {
		r := list()
		r.op, r.path = graph.OpGet, fmt.Sprint("/objects/", i)
		rs = append(rs, r)
	}
	return rs
}

// bodies shows replies: their bodies, or the kinds of their errors.
func bodies(rs []reply) string {
	var out []string
	for _, r := range rs {
		if r.err != nil {
			out = append(out, string(graph.KindOf(r.err)))
		} else {
			out = append(out, string(r.body))
		}
	}
	return strings.Join(out, " ")
}

func numberOf(a asked) string { return strings.TrimPrefix(a.URL, "/objects/") }

func TestABatchIsAnsweredInTheOrderOfItsCalls(t *testing.T) {
	var mu sync.Mutex
	var accept []string
	eachWay(t, func() func(asked, int) string {
		accept = nil
		return func(a asked, _ int) string {
			mu.Lock()
			defer mu.Unlock()
			accept = append(accept, a.Headers["Accept"])
			return replied(a.ID, 200, `"Content-Type":"application/json"`, `{ "n": `+numberOf(a)+` }`)
		}
	}, nil, func(w *world, batched bool) {
		rs := numbered(45)
		rs[0].minimal = true
		got, err := w.batch(w.ctx, tenant, rs)
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range got {
			if want := fmt.Sprintf(`{ "n": %d }`, i); g.err != nil || string(g.body) != want {
				t.Errorf("%d: %v %s", i, g.err, g.body)
			}
		}
		slices.Sort(accept)
		if n := len(w.requests()); n != map[bool]int{true: 3, false: 45}[batched] || accept[0] != "application/json" || accept[1] != "application/json;odata.metadata=full" {
			t.Errorf("%d requests, which accept %s", n, accept)
		}
	})
}

func TestSeveralBatchesAreUnderWayAtOnce(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, before int) {
		time.Sleep(time.Second)
		batches(t, func(a asked, _ int) string { return replied(a.ID, 200, "", anObject) })(w, r, before)
	}, func(c *Config) { c.Workers = 5 }, func(w *world) {
		if _, err := w.batch(w.ctx, tenant, numbered(200)); err != nil || w.elapsed() != 2*time.Second {
			t.Errorf("10 batches took %s (%v), want 2s", w.elapsed(), err)
		}
	})
}

func TestEveryRequestInABatchCounts(t *testing.T) {
	inBubble(t, batches(t, func(a asked, _ int) string { return replied(a.ID, 200, "", anObject) }), limited, func(w *world) {
		if _, err := w.batch(w.ctx, tenant, numbered(500)); err != nil || w.elapsed() < 19*time.Second || w.elapsed() > 19*time.Second+time.Millisecond {
			t.Errorf("500 requests took %s (%v), want 19s", w.elapsed(), err)
		}
	})
}

func TestAWorkloadThatTakesOneAtATimeGetsNoBatches(t *testing.T) {
	inBubble(t, answerAll, limited, func(w *world) {
		rs := numbered(3)
		for i := range rs {
			rs[i].workload = graph.WorkloadAccess
		}
		got, err := w.batch(w.ctx, tenant, rs)
		all := w.requests()
		if err != nil || len(got) != 3 || len(all) != 3 || all[2].URL.Path == "/beta/$batch" || w.elapsed() != 4*time.Second {
			t.Errorf("%v: %d requests in %s", err, len(all), w.elapsed())
		}
	})
}

func TestABatchHasOneVersion(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		body, _ := io.ReadAll(r.Body)
		version := strings.Split(r.URL.Path, "/")[1]
		var in struct{ Requests []asked }
		_ = json.Unmarshal(body, &in)
		var out []string
		for _, q := range in.Requests {
			out = append(out, replied(q.ID, 200, "", `{"v":"`+version+numberOf(q)+`"}`))
		}
		fmt.Fprintf(w, `{"responses":[%s]}`, strings.Join(out, ","))
	}, nil, func(w *world) {
		rs := numbered(4)
		rs[1].version, rs[3].version = "v1.0", "v1.0"
		got, err := w.batch(w.ctx, tenant, rs)
		if want := `{"v":"beta0"} {"v":"v1.01"} {"v":"beta2"} {"v":"v1.03"}`; err != nil || bodies(got) != want {
			t.Errorf("%v %s", err, bodies(got))
		}
	})
}

func TestThrottledItemsAreSentAgainAfterTheLongestWait(t *testing.T) {
	inBubble(t, batches(t, func(a asked, before int) string {
		switch n := numberOf(a); {
		case before == 0 && n == "0":
			return replied(a.ID, 503, `"Retry-After":"12"`, `{}`)
		case before == 0 && n == "1":
			return replied(a.ID, 429, `"Retry-After":"2"`, `{"error":{"code":"TooManyRequests"}}`)
		case before == 0 && n == "2":
			return replied(a.ID, 429, `"retry-after":"7.5"`, `{"error":{"code":"TooManyRequests"}}`)
		case before == 0 && n == "3":
			return replied(a.ID, 500, `"Retry-After":"9"`, `{}`)
		case before == 0 && n == "4":
			return replied(a.ID, 429, `"Retry-After":3`, `null`)
		case before == 1 && n == "5":
			t.Errorf("item %s was answered and is asked for again", n)
		}
		return replied(a.ID, 200, "", `{"n":`+numberOf(a)+`}`)
	}), nil, func(w *world) {
		got, err := w.batch(w.ctx, tenant, numbered(6))
		if want := `{"n":0} {"n":1} {"n":2} {"n":3} {"n":4} {"n":5}`; err != nil || bodies(got) != want || w.elapsed() != 7500*time.Millisecond || len(w.requests()) != 2 {
			t.Errorf("%v %s after %s", err, bodies(got), w.elapsed())
		}
	})
}

func TestOneThrottledItemClosesTheGateForAll(t *testing.T) {
	answer := func(a asked, before int) string {
		if before == 0 {
			return replied(a.ID, 429, `"Retry-After":"10"`, `{}`)
		}
		return replied(a.ID, 200, "", anObject)
	}
	for noBatch, handler := range map[bool]func(http.ResponseWriter, *http.Request, int){false: batches(t, answer), true: singles(t, answer)} {
		inBubble(t, handler, func(c *Config) { c.NoBatch = noBatch }, func(w *world) {
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = w.batch(w.ctx, tenant, numbered(2)) })
			time.Sleep(time.Second)
			if _, err := w.batch(w.ctx, tenant, numbered(2)); err != nil || w.elapsed() != 10*time.Second {
				t.Errorf("without batches %t: %v after %s", noBatch, err, w.elapsed())
			}
			wg.Wait()
		})
	}
}

func TestAnItemThatMustWaitLongEndsTheBatch(t *testing.T) {
	eachWay(t, same(func(a asked, _ int) string {
		if numberOf(a) == "1" {
			return replied(a.ID, 429, `"Retry-After":"120"`, `{}`)
		}
		return replied(a.ID, 200, "", anObject)
	}), nil, func(w *world, batched bool) {
		got, err := w.batch(w.ctx, tenant, numbered(3))
		if graph.KindOf(err) != graph.KindThrottled || graph.RetryAfterOf(err) != 2*time.Minute || w.elapsed() != 0 {
			t.Errorf("%v after %s", err, w.elapsed())
		}
		// Without a batch the others may meet the closed gate, or not.
		if wantFailure(t, got[1].err, graph.KindThrottled, 429); batched && bodies(got) != anObject+" throttled "+anObject {
			t.Error(bodies(got))
		}
	})
}

func TestAnItemThatKeepsFailingFailsAlone(t *testing.T) {
	eachWay(t, same(func(a asked, _ int) string {
		switch numberOf(a) {
		case "1":
			return replied(a.ID, 500, "", `{"error":{"code":"InternalServerError","message":"boom"}}`)
		case "2":
			return replied(a.ID, 404, `"request-id":"abc-1"`, `{"error":{"code":"ResourceNotFound"}}`)
		case "3":
			return replied(a.ID, 403, "", `{"error":{"code":"Forbidden"}}`)
		case "4":
			return replied(a.ID, 200, "", `"e30="`) // what is no JSON comes as base64
		}
		return replied(a.ID, 200, "", anObject)
	}), nil, func(w *world, batched bool) {
		got, err := w.batch(w.ctx, tenant, numbered(6))
		requests := map[bool]int{true: 6, false: 6 + 2*5}[batched]
		if want := anObject + " unavailable not_found forbidden unavailable " + anObject; err != nil || bodies(got) != want || len(w.requests()) != requests {
			t.Errorf("%v %s after %d requests", err, bodies(got), len(w.requests()))
		}
		if e := wantFailure(t, got[2].err, graph.KindNotFound, 404); e.RequestID != "abc-1" || e.Code != "ResourceNotFound" || e.Op != "get deviceConfiguration" {
			t.Error(e)
		}
	})
}

func TestMissingAndDoubleAnswersAreErrors(t *testing.T) {
	inBubble(t, batches(t, func(a asked, _ int) string {
		switch numberOf(a) {
		case "0":
			return ""
		case "1":
			return replied(a.ID, 200, "", anObject) + "," + replied(a.ID, 200, "", anObject)
		case "2":
			return fmt.Sprintf(`{"id":%q}`, a.ID)
		}
		return replied(a.ID, 200, "", anObject)
	}), nil, func(w *world) {
		got, err := w.batch(w.ctx, tenant, numbered(4))
		if want := "incomplete incomplete internal " + anObject; err != nil || bodies(got) != want {
			t.Errorf("%v %s", err, bodies(got))
		}
	})
}

func TestABatchThatCannotBeReadIsAnError(t *testing.T) {
	for _, body := range []string{`{}`, `{"responses":null}`, `{"responses":[]}`} {
		c := serve(t, say(200, body))
		got, err := c.batch(t.Context(), tenant, numbered(2))
		if err != nil || bodies(got) != "incomplete incomplete" {
			t.Errorf("%s: %v %s", body, err, bodies(got))
		}
	}
	for _, body := range []string{`{"responses":{}}`, `{"responses":[1]}`, `{"responses":[{"id":"77","status":200,"body":{}}]}`, `{"responses":[{"id":"1","status":"200"}]}`} {
		c := serve(t, say(200, body))
		got, err := c.batch(t.Context(), tenant, numbered(2))
		if graph.KindOf(err) != graph.KindIncomplete || bodies(got) != "incomplete incomplete" {
			t.Errorf("%s: %v %s", body, err, bodies(got))
		}
	}
}

func TestABatchThatFailsAsAWholeIsSentAgain(t *testing.T) {
	for name, trouble := range troubles {
		if name == "no object" || name == "an empty answer" {
			continue
		}
		inBubble(t, func(w http.ResponseWriter, r *http.Request, before int) {
			if before == 0 {
				trouble.answer(w, r)
				return
			}
			batches(t, func(a asked, _ int) string { return replied(a.ID, 200, "", anObject) })(w, r, before)
		}, nil, func(w *world) {
			if got, err := w.batch(w.ctx, tenant, numbered(2)); err != nil || len(w.requests()) != 2 {
				t.Errorf("%s: %v %s", name, err, bodies(got))
			}
		})
	}
}

func TestAnItemWithABadTokenIsSentAgainWithANewOne(t *testing.T) {
	for good, want := range map[string]string{
		"token-2": anObject + " " + anObject + " " + anObject, "none": "unauthorized unauthorized " + anObject,
	} {
		d := &desk{}
		inBubble(t, func(w http.ResponseWriter, r *http.Request, before int) {
			token := r.Header.Get("Authorization")
			batches(t, func(a asked, _ int) string {
				switch {
				case numberOf(a) < "2" && token != "Bearer "+good:
					return replied(a.ID, 401, "", `{}`)
				case before == 0:
					return replied(a.ID, 429, `"Retry-After":"3"`, `{}`)
				}
				return replied(a.ID, 200, "", anObject)
			})(w, r, before)
		}, signedInBy(d), func(w *world) {
			got, err := w.batch(w.ctx, tenant, numbered(3))
			if bodies(got) != want || (err == nil) != (good == "token-2") || len(w.requests()) != 2 || w.elapsed() != 3*time.Second {
				t.Errorf("%v %s after %d requests and %s", err, bodies(got), len(w.requests()), w.elapsed())
			}
		})
	}
}

func TestAFailureOfTheWholeStopsTheBatchesThatFollow(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, before int) {
		if before == 2 {
			refuse(w, 403)
			return
		}
		batches(t, func(a asked, _ int) string { return replied(a.ID, 200, "", anObject) })(w, r, before)
	}, func(c *Config) { c.Workers = 1 }, func(w *world) {
		got, err := w.batch(w.ctx, tenant, numbered(100))
		wantFailure(t, err, graph.KindForbidden, 403)
		if got[39].err != nil || got[40].err != err || got[99].err != err || len(w.requests()) != 3 {
			t.Errorf("%s after %d requests", bodies(got), len(w.requests()))
		}
	})
}

func TestACanceledBatchReturnsAtOnce(t *testing.T) {
	eachWay(t, same(func(a asked, _ int) string { return replied(a.ID, 429, `"Retry-After":"15"`, `{}`) }), nil, func(w *world, _ bool) {
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		got, err := w.batch(ctx, tenant, numbered(200))
		if !errors.Is(err, context.DeadlineExceeded) || w.elapsed() != time.Second || !errors.Is(got[199].err, context.DeadlineExceeded) {
			t.Errorf("%v after %s", err, w.elapsed())
		}
	})
}

// The headers of a $batch are not those of its items.
func TestEveryItemOfABatchSaysThatOthersMayGoFirst(t *testing.T) {
	for want, mark := range map[string]func(context.Context) context.Context{
		"low": graph.WithLowPriority, "": func(ctx context.Context) context.Context { return ctx },
	} {
		eachWay(t, same(func(a asked, _ int) string {
			if got := a.Headers["X-Ms-Throttle-Priority"]; got != want {
				t.Errorf("item %s says %q, want %q", a.ID, got, want)
			}
			return replied(a.ID, 200, "", anObject)
		}), nil, func(w *world, _ bool) {
			if _, err := w.batch(mark(w.ctx), tenant, numbered(3)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOnlyReadsGoIntoABatch(t *testing.T) {
	c := serve(t, say(200, anObject))
	_, err := c.batch(t.Context(), tenant, []call{list(), update()})
	wantFailure(t, err, graph.KindInternal, 0)
}
