package msgraph

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

// desk signs in: each token has a number and is good for an hour.
type desk struct {
	takes time.Duration // per sign-in

	mu     sync.Mutex
	err    error
	asked  []string // tenant and claims
	issued int
}

func (d *desk) Token(ctx context.Context, tenant graph.TenantID, claims string) (Token, error) {
	select {
	case <-ctx.Done():
		return Token{}, ctx.Err()
	case <-time.After(d.takes):
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, strings.TrimSpace(string(tenant)+" "+claims))
	if d.err != nil {
		return Token{}, d.err
	}
	d.issued++
	return Token{Value: fmt.Sprintf("token-%d", d.issued), Expires: time.Now().Add(time.Hour)}, nil
}

func (d *desk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *desk) log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.asked, "; ")
}

// signedInBy takes the tokens of a desk.
func signedInBy(d *desk) func(*Config) { return func(c *Config) { c.Tokens = d } }

func TestManyCallsOfATenantShareASignIn(t *testing.T) {
	d := &desk{takes: time.Second}
	inBubble(t, answerAll, signedInBy(d), func(w *world) {
		w.together(50, func(i int) error {
			_, err := w.do(w.ctx, graph.TenantID([]string{"contoso", "fabrikam"}[i%2]), list())
			return err
		})
		if d.issued != 2 || w.elapsed() != time.Second {
			t.Errorf("%d sign-ins (%s) took %s", d.issued, d.log(), w.elapsed())
		}
	})
}

func TestATokenIsReplacedFiveMinutesBeforeItExpires(t *testing.T) {
	d := &desk{}
	inBubble(t, answerAll, signedInBy(d), func(w *world) {
		for _, c := range []struct {
			at   time.Duration
			want string
		}{{0, "token-1"}, {54 * time.Minute, "token-1"}, {55 * time.Minute, "token-2"}, {109 * time.Minute, "token-2"}, {200 * time.Minute, "token-3"}} {
			time.Sleep(c.at - w.elapsed())
			if _, err := w.do(w.ctx, tenant, list()); err != nil {
				t.Fatal(err)
			}
			all := w.requests()
			if got := all[len(all)-1].Header.Get("Authorization"); got != "Bearer "+c.want {
				t.Errorf("after %s: %s, want %s", c.at, got, c.want)
			}
		}
	})
}

func TestATokenThatIsStillGoodServesWhileItCannotBeReplaced(t *testing.T) {
	d := &desk{}
	inBubble(t, answerAll, signedInBy(d), func(w *world) {
		for ; w.elapsed() < 59*time.Minute; time.Sleep(time.Second) {
			if w.elapsed() == 30*time.Minute {
				d.fail(errors.New("the sign-in service is down"))
			}
			if _, err := w.do(w.ctx, tenant, list()); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(d.log(), "contoso"); n < 5 || n > 10 { // one, then one every 30 s
			t.Errorf("%d sign-ins were tried", n)
		}
		time.Sleep(time.Minute)
		_, err := w.do(w.ctx, tenant, list())
		wantFailure(t, err, graph.KindUnauthorized, 0)
	})
}

func TestACallerThatGivesUpDoesNotCancelTheSignInOfOthers(t *testing.T) {
	d := &desk{takes: 10 * time.Second}
	inBubble(t, answerAll, signedInBy(d), func(w *world) {
		first, cancel := context.WithCancel(w.ctx)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := w.do(first, tenant, list()); !errors.Is(err, context.Canceled) || w.elapsed() != 5*time.Second {
				t.Errorf("the first: %v after %s", err, w.elapsed())
			}
		})
		time.Sleep(time.Second)
		for range 3 {
			wg.Go(func() {
				if _, err := w.do(w.ctx, tenant, list()); err != nil || w.elapsed() != 15*time.Second {
					t.Errorf("another: %v after %s", err, w.elapsed())
				}
			})
		}
		time.Sleep(4 * time.Second)
		cancel()
		wg.Wait()
		if d.issued != 1 {
			t.Errorf("%d tokens were issued", d.issued)
		}
	})
}

func TestARefusedSignInIsTheSameForAllWhoWait(t *testing.T) {
	d := &desk{takes: time.Second, err: errors.New("AADSTS7000215: Invalid client secret provided abC8Q~secretsecretsecretsecretse")}
	inBubble(t, answerAll, signedInBy(d), func(w *world) {
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				_, err := w.do(w.ctx, tenant, list())
				e := wantFailure(t, err, graph.KindUnauthorized, 0)
				if e.Op != "list deviceConfiguration: sign in" || !strings.Contains(err.Error(), "AADSTS7000215") || strings.Contains(err.Error(), "secretsecret") || !errors.Is(err, d.err) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if d.log() != "contoso" || len(w.requests()) != 0 {
			t.Errorf("asked %q, %d requests", d.log(), len(w.requests()))
		}
	})
}

func TestTheKindOfASignInsFailureIsKept(t *testing.T) {
	cause := &graph.Error{Op: "sign in", Kind: graph.KindThrottled, RetryAfter: time.Minute, Err: errors.New("see https://login.example/x")}
	inBubble(t, answerAll, signedInBy(&desk{err: fmt.Errorf("wrapped: %w", cause)}), func(w *world) {
		_, err := w.do(w.ctx, tenant, list())
		e := wantFailure(t, err, graph.KindThrottled, 0)
		if e.RetryAfter != time.Minute || strings.Contains(err.Error(), "login.example") {
			t.Error(err)
		}
	})
}

func TestASignInThatTimeMayMendIsTriedAgain(t *testing.T) {
	for name, err := range map[string]error{
		"the service is down": &graph.Error{Kind: graph.KindUnavailable},
		"it wants a pause":    &graph.Error{Kind: graph.KindThrottled, RetryAfter: time.Second},
		"the network":         &net.DNSError{Err: "no such host"},
		"too slow":            fmt.Errorf("sign in: %w", context.DeadlineExceeded),
	} {
		d := &desk{err: err}
		inBubble(t, answerAll, signedInBy(d), func(w *world) {
			var wg sync.WaitGroup
			wg.Go(func() {
				time.Sleep(2 * time.Second)
				d.fail(nil)
			})
			if _, err := w.do(w.ctx, tenant, list()); err != nil || d.issued != 1 {
				t.Errorf("%s: %v, asked %s", name, err, d.log())
			}
			wg.Wait()
			d.fail(err)
			_, err := w.do(w.ctx, "fabrikam", list())
			if !graph.KindOf(err).Retryable() || strings.Count(d.log(), "fabrikam") != 6 {
				t.Errorf("%s: %v, asked %s", name, err, d.log())
			}
		})
	}
}

func TestASourceThatGivesNoUsableTokenIsRefused(t *testing.T) {
	for _, value := range []string{"", "two words", "line\nbreak", "ä"} {
		c := serve(t, say(200, anObject), func(c *Config) {
			c.Tokens = tokenFunc(func(context.Context, graph.TenantID, string) (Token, error) { return Token{Value: value}, nil })
		})
		_, err := c.do(t.Context(), tenant, list())
		wantFailure(t, err, graph.KindUnauthorized, 0)
	}
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	demand := `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
	challenge := `Bearer realm="", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(demand)) + `"`
	for name, c := range map[string]struct {
		code    int
		header  []string
		good    string // the token that is taken
		claims  string // what is asked for
		kind    graph.Kind
		signIns int
	}{
		"without a reason":             {401, nil, "token-2", "{}", "", 2},
		"for its claims":               {401, []string{"WWW-Authenticate", challenge}, "token-2", demand, "", 2},
		"for its claims, as 403":       {403, []string{"WWW-Authenticate", challenge}, "token-2", demand, "", 2},
		"with claims that are broken":  {401, []string{"WWW-Authenticate", `Bearer claims="%%%"`}, "token-2", "{}", "", 2},
		"and the next as well":         {401, nil, "none", "{}", graph.KindUnauthorized, 2},
		"and the next as well, as 403": {403, []string{"WWW-Authenticate", challenge}, "none", demand, graph.KindForbidden, 2},
		"for want of a permission":     {403, nil, "none", "", graph.KindForbidden, 1},
	} {
		for _, r := range []call{list(), create()} {
			d := &desk{}
			inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				if r.Header.Get("Authorization") != "Bearer "+c.good {
					refuse(w, c.code, c.header...)
					return
				}
				_, _ = io.WriteString(w, anObject)
			}, signedInBy(d), func(w *world) {
				_, err := w.do(w.ctx, tenant, r)
				if c.kind == "" && err != nil || c.kind != "" && graph.KindOf(err) != c.kind {
					t.Errorf("%s: %v", name, err)
				}
				want := "contoso"
				if c.signIns == 2 {
					want += "; contoso " + c.claims
				}
				if d.log() != want || len(w.requests()) != c.signIns || w.elapsed() != 0 {
					t.Errorf("%s: asked %s, want %s; %d requests, %s", name, d.log(), want, len(w.requests()), w.elapsed())
				}
			})
		}
	}
}

func TestManyCallsThatLearnThatTheirTokenIsBadReplaceItOnce(t *testing.T) {
	d := &desk{takes: time.Second}
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		time.Sleep(time.Second)
		if r.Header.Get("Authorization") == "Bearer token-1" {
			refuse(w, 401)
			return
		}
		_, _ = io.WriteString(w, anObject)
	}, signedInBy(d), func(w *world) {
		w.together(20, func(int) error {
			_, err := w.do(w.ctx, tenant, list())
			return err
		})
		if d.log() != "contoso; contoso {}" {
			t.Errorf("asked %s", d.log())
		}
	})
}
