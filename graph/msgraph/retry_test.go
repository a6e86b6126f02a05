package msgraph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

const anObject = `{"id":"1"}`

// hangUp breaks the connection off without an answer.
func hangUp(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.Close()
}

// cutShort announces more than it sends.
func cutShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, `{"id":`)
}

// silence answers nothing until the client goes away.
func silence(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, code, header...) }
}

func say(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); _, _ = io.WriteString(w, body) }
}

// troubles are the answers after which nobody knows what Graph has done.
var troubles = map[string]struct {
	answer http.HandlerFunc
	kind   graph.Kind
	status int
}{
	"500":               {status(500), graph.KindUnavailable, 500},
	"502":               {status(502), graph.KindUnavailable, 502},
	"503":               {status(503), graph.KindUnavailable, 503},
	"504":               {status(504), graph.KindTimeout, 504},
	"a reset":           {hangUp, graph.KindUnavailable, 0},
	"a cut body":        {cutShort, graph.KindUnavailable, 200},
	"half an object":    {say(200, `{"id":"1"`), graph.KindUnavailable, 200},
	"a page of a proxy": {say(200, `<html>Sign in to the network</html>`), graph.KindUnavailable, 200},
	"an empty answer":   {say(200, ``), graph.KindUnavailable, 200},
	"no object":         {say(200, `[]`), graph.KindUnavailable, 200},
	"silence":           {silence, graph.KindTimeout, 0},
}

func TestTheClientWaitsExactlyAsLongAsGraphAsks(t *testing.T) {
	for asked, want := range map[string]time.Duration{
		"1": time.Second, "2.128": 2128 * time.Millisecond, "0.5": 500 * time.Millisecond, "20": 20 * time.Second,
		"Sat, 01 Jan 2000 00:00:07 GMT": 7 * time.Second, // bubbles begin at the turn of the millennium
	} {
		for name, r := range map[string]call{"read": list(), "create": create(), "update": update()} {
			for _, code := range []int{429, 509} {
				inBubble(t, func(w http.ResponseWriter, _ *http.Request, before int) {
					if before == 0 {
						refuse(w, code, "Retry-After", asked)
						return
					}
					_, _ = io.WriteString(w, anObject)
				}, nil, func(w *world) {
					body, err := w.do(w.ctx, tenant, r)
					if err != nil || string(body) != anObject || w.elapsed() != want || len(w.requests()) != 2 {
						t.Errorf("%s after %d, %s: %s %v after %s, want %s", name, code, asked, body, err, w.elapsed(), want)
					}
				})
			}
		}
	}
}

func TestALongerWaitIsLeftToTheCallerAfterOneCall(t *testing.T) {
	for asked, want := range map[string]time.Duration{"3600": time.Hour, "20.5": 20500 * time.Millisecond, "Sat, 01 Jan 2000 01:00:00 GMT": time.Hour} {
		for _, r := range []call{list(), create(), update()} {
			inBubble(t, func(w http.ResponseWriter, _ *http.Request, _ int) { refuse(w, 429, "Retry-After", asked) }, nil, func(w *world) {
				_, err := w.do(w.ctx, tenant, r)
				e := wantFailure(t, err, graph.KindThrottled, 429)
				if e.RetryAfter != want || w.elapsed() != 0 || len(w.requests()) != 1 || e.Code != "Code429" || e.RequestID != "req-429" {
					t.Errorf("%s: %v after %s and %d requests", asked, e, w.elapsed(), len(w.requests()))
				}
			})
		}
	}
}

func TestWithoutRetryAfterTheWaitsDouble(t *testing.T) {
	for _, r := range []float64{0, 0.5, 0.75} {
		inBubble(t, func(w http.ResponseWriter, _ *http.Request, _ int) { refuse(w, 429) },
			func(c *Config) { c.Random = func() float64 { return r } }, func(w *world) {
				_, err := w.do(w.ctx, tenant, list())
				if e := wantFailure(t, err, graph.KindThrottled, 429); e.RetryAfter != 0 {
					t.Error(e)
				}
				at := time.Duration(0)
				for i, q := range w.requests() {
					if q.at != at {
						t.Errorf("request %d came after %s, want %s", i, q.at, at)
					}
					at += time.Duration(float64(time.Second<<i) * (1 - r/2))
				}
				if n := len(w.requests()); n != 6 {
					t.Errorf("%d requests, want 6", n)
				}
			})
	}
}

func TestAllWaitsTogetherAreBounded(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, _ *http.Request, _ int) { refuse(w, 429, "Retry-After", "19") },
		func(c *Config) { c.Attempts, c.MaxTotal = 100, time.Minute }, func(w *world) {
			_, err := w.do(w.ctx, tenant, list())
			if e := wantFailure(t, err, graph.KindThrottled, 429); e.RetryAfter != 19*time.Second || w.elapsed() != 57*time.Second || len(w.requests()) != 4 {
				t.Errorf("%v after %s and %d requests", e, w.elapsed(), len(w.requests()))
			}
		})
}

func TestWhatOnlyReadsOrSetsIsSentAgainAfterTrouble(t *testing.T) {
	for name, trouble := range troubles {
		for _, r := range []call{list(), update()} {
			if r.method != "GET" && (name == "an empty answer" || name == "no object") {
				continue // fine as the answer of a write
			}
			inBubble(t, func(w http.ResponseWriter, r *http.Request, before int) {
				if before < 3 {
					trouble.answer(w, r)
					return
				}
				_, _ = io.WriteString(w, anObject)
			}, nil, func(w *world) {
				body, err := w.do(w.ctx, tenant, r)
				if err != nil || string(body) != anObject {
					t.Errorf("%s after %s: %s %v after %d requests", r.method, name, body, err, len(w.requests()))
				}
			})
		}
	}
}

func TestTroubleThatDoesNotEndIsAFailureThatSaysSo(t *testing.T) {
	for name, trouble := range troubles {
		inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) { trouble.answer(w, r) }, nil, func(w *world) {
			_, err := w.do(w.ctx, tenant, list())
			wantFailure(t, err, trouble.kind, trouble.status)
			if n := len(w.requests()); n != 6 {
				t.Errorf("%s: %d requests, want 6", name, n)
			}
		})
	}
}

func TestACreateIsSentOnceWhenItsAnswerIsLost(t *testing.T) {
	for name, trouble := range troubles {
		inBubble(t, func(w http.ResponseWriter, r *http.Request, before int) { trouble.answer(w, r) }, nil, func(w *world) {
			_, err := w.do(w.ctx, tenant, create())
			if e := wantFailure(t, err, graph.KindAmbiguous, trouble.status); len(w.requests()) != 1 || e.RetryAfter != 0 {
				t.Errorf("%s: %v after %d requests", name, err, len(w.requests()))
			}
		})
	}
}

func TestACreateThatIsCanceledUnderWayMayHaveHappened(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) { silence(w, r) }, nil, func(w *world) {
		ctx, cancel := context.WithTimeout(w.ctx, 3*time.Second)
		defer cancel()
		_, err := w.do(ctx, tenant, create())
		wantFailure(t, err, graph.KindAmbiguous, 0)
		if !errors.Is(err, context.DeadlineExceeded) || w.elapsed() != 3*time.Second {
			t.Errorf("%v after %s", err, w.elapsed())
		}
	})
}

func TestACreateThatWasNeverSentIsSentAgain(t *testing.T) {
	dials := 0
	inBubble(t, func(w http.ResponseWriter, _ *http.Request, _ int) { _, _ = io.WriteString(w, anObject) }, func(c *Config) {
		transport := c.HTTP.Transport.(*http.Transport)
		dial := transport.DialContext
		transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials++; dials < 3 {
				return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
			}
			return dial(ctx, network, addr)
		}
	}, func(w *world) {
		if _, err := w.do(w.ctx, tenant, create()); err != nil || dials != 3 {
			t.Errorf("%v after %d dials", err, dials)
		}
	})
}

func TestWhatWasNotSentSaysSo(t *testing.T) {
	refused := func(c *Config) {
		c.HTTP.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
		}
	}
	for name, tt := range map[string]struct {
		server http.HandlerFunc
		change func(*Config)
		want   bool
	}{
		"no connection":     {silence, refused, true},
		"no sign-in":        {silence, func(c *Config) { c.Tokens = noToken{} }, true},
		"a server's error":  {status(502), nil, false},
		"a lost connection": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, false},
		"a refusal":         {status(400), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) { tt.server(w, r) }, tt.change, func(w *world) {
				if _, err := w.do(w.ctx, tenant, create()); err == nil || graph.WasNotSent(err) != tt.want {
					t.Errorf("%v, not sent %t; want %t", err, graph.WasNotSent(err), tt.want)
				}
			})
		})
	}
}

// noToken signs nobody in.
type noToken struct{}

func (noToken) Token(context.Context, graph.TenantID, string) (Token, error) {
	return Token{}, &graph.Error{Kind: graph.KindUnavailable}
}

func TestAfter503TheNextAttemptUsesANewConnection(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, _ *http.Request, before int) {
		if before == 1 {
			refuse(w, 503, "Retry-After", "2")
			return
		}
		_, _ = io.WriteString(w, anObject)
	}, nil, func(w *world) {
		for range 2 {
			if _, err := w.do(w.ctx, tenant, list()); err != nil {
				t.Fatal(err)
			}
		}
		var conns string
		for _, q := range w.requests() {
			conns += fmt.Sprint(q.conn)
		}
		if conns != "112" || w.elapsed() != 2*time.Second {
			t.Errorf("the requests came over connections %s, want 112, after %s", conns, w.elapsed())
		}
	})
}

func TestACancelEndsAWaitAtOnce(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{"for Graph": status(429, "Retry-After", "15"), "for an answer": silence} {
		inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) { h(w, r) }, nil, func(w *world) {
			ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
			defer cancel()
			_, err := w.do(ctx, tenant, list())
			if !errors.Is(err, context.DeadlineExceeded) || w.elapsed() != 5*time.Second {
				t.Errorf("%s: %v after %s", name, err, w.elapsed())
			}
		})
	}
}
