package product

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"
	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"github.com/tenantatlas/tenantbackup/runs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counted is a hash that counts how often it is computed, and how many are at once.
type counted struct {
	token string
	hold  chan struct{} // computing waits for it, unless nil

	mu                 sync.Mutex
	times, now, atOnce int
}

func (c *counted) matches(token string) bool {
	c.mu.Lock()
	c.times++
	c.now++
	c.atOnce = max(c.atOnce, c.now)
	c.mu.Unlock()
	if c.hold != nil {
		<-c.hold
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	return token == c.token
}

const right, wrong = "right-0123456789", "wrong-0123456789"

// guarded is a verifier for one user, alice.
func guarded(hash tokenHash, clock runs.Clock) *verifier {
	u := &Users{}
	u.add(user{actor: runs.Actor{ID: "alice"}, hash: hash})
	return newVerifier(u, clock)
}

func TestATokenIsComputedOnceInAWhile(t *testing.T) {
	mock, hash := clock.NewMock(), &counted{token: right}
	v := guarded(hash, mock)
	for i, c := range []struct {
		wait time.Duration
		want int // times that it was computed
	}{{0, 1}, {0, 1}, {verifiedFor - 1, 1}, {1, 2}} {
		mock.Add(c.wait)
		if err := v.verify(t.Context(), "alice", right, "192.0.2.1:5"); err != nil || hash.times != c.want {
			t.Errorf("%d: error %v, computed %d times, want %d", i, err, hash.times, c.want)
		}
	}
}

func TestARightTokenOfAnotherUserIsWrong(t *testing.T) {
	v := guarded(&counted{token: right}, clock.NewMock())
	if err := v.verify(t.Context(), "alice", right, ""); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"bob", "", "alice~", "ALICE"} {
		if err := v.verify(t.Context(), id, right, ""); !errors.Is(err, errWrongToken) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// Otherwise the time that it takes tells who is a user.
func TestForSomebodyUnknownAHashIsComputedToo(t *testing.T) {
	hash := &counted{token: right}
	v := guarded(hash, clock.NewMock())
	for i, id := range []string{"alice", "bob"} {
		if err := v.verify(t.Context(), id, wrong, ""); !errors.Is(err, errWrongToken) || hash.times != i+1 {
			t.Errorf("%s: error %v, computed %d times", id, err, hash.times)
		}
	}
}

func TestAfterTenWrongTokensNothingIsComputedForAQuarterOfAnHour(t *testing.T) {
	mock, hash := clock.NewMock(), &counted{token: right}
	v := guarded(hash, mock)
	try := func(id, token, remote string) error { return v.verify(t.Context(), id, token, remote) }
	if err := try("alice", right, "192.0.2.9:1"); err != nil {
		t.Fatal(err)
	}
	for i := range failuresMost {
		if err := try("alice", fmt.Sprintf("%s-%d", wrong, i), "192.0.2.1:5"); !errors.Is(err, errWrongToken) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	before := hash.times
	if err := try("alice", wrong, "192.0.2.1:6"); !errors.Is(err, errTooMany) || hash.times != before {
		t.Errorf("one more: %v, computed %d times", err, hash.times-before)
	}
	if err := try("alice", right, "192.0.2.1:6"); err != nil {
		t.Errorf("who was right a moment ago: %v", err)
	}
	if err := try("bob", wrong, "192.0.2.1:5"); !errors.Is(err, errWrongToken) {
		t.Errorf("another user from there: %v", err)
	}
	if err := try("alice", wrong, "192.0.2.2:5"); !errors.Is(err, errWrongToken) {
		t.Errorf("the user from elsewhere: %v", err)
	}
	mock.Add(failuresFor - 1)
	if err := try("alice", right, "192.0.2.1:5"); !errors.Is(err, errTooMany) {
		t.Errorf("just before the quarter of an hour: %v", err)
	}
	mock.Add(1)
	if err := try("alice", right, "192.0.2.1:5"); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestFewHashesAreComputedAtOnceAndFewWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hash := &counted{token: right, hold: make(chan struct{})}
		v := guarded(hash, runs.SystemClock{})
		results := make(chan error, verifyQueued)
		for i := range verifyQueued {
			go func() { results <- v.verify(t.Context(), fmt.Sprintf("u%d", i), wrong, "") }()
		}
		synctest.Wait()
		if err := v.verify(t.Context(), "alice", right, ""); !errors.Is(err, errCrowded) {
			t.Errorf("one more than may wait: %v", err)
		}
		close(hash.hold)
		for range verifyQueued {
			if err := <-results; !errors.Is(err, errWrongToken) {
				t.Error(err)
			}
		}
		if hash.atOnce != verifyAtOnce {
			t.Errorf("%d at once, want %d", hash.atOnce, verifyAtOnce)
		}
		if err := v.verify(t.Context(), "alice", right, ""); err != nil {
			t.Errorf("when all is over: %v", err)
		}
	})
}

func TestRequestsWithTheSameTokenShareOneHash(t *testing.T) {
	for _, token := range []string{right, wrong} {
		synctest.Test(t, func(t *testing.T) {
			hash := &counted{token: right, hold: make(chan struct{})}
			v := guarded(hash, runs.SystemClock{})
			results := make(chan error, 100)
			for range 100 {
				go func() { results <- v.verify(t.Context(), "alice", token, "") }()
			}
			synctest.Wait()
			close(hash.hold)
			for range 100 {
				if err := <-results; (err == nil) != (token == right) {
					t.Error(err)
				}
			}
			if hash.times != 1 {
				t.Errorf("computed %d times", hash.times)
			}
		})
	}
}

// Who leaves does not take the others along.
func TestAnotherGoesOnWhenTheFirstLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hash := &counted{token: right, hold: make(chan struct{})}
		v := guarded(hash, runs.SystemClock{})
		for i := range verifyAtOnce { // take the slots
			go v.verify(t.Context(), fmt.Sprintf("u%d", i), wrong, "")
		}
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- v.verify(ctx, "alice", right, "") }()
		synctest.Wait()
		go func() { second <- v.verify(t.Context(), "alice", right, "") }()
		synctest.Wait()
		leave()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
		close(hash.hold)
		if err := <-second; err != nil {
			t.Errorf("who stayed: %v", err)
		}
	})
}

// bcrypt looks at 72 bytes: without a check whatever follows would do.
func TestATokenThatIsLongerThanBcryptSeesIsWrong(t *testing.T) {
	token := strings.Repeat("a", bcryptMost)
	hash, err := bcrypt.GenerateFromPassword([]byte(token), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if h := bcryptHash(hash); !h.matches(token) || h.matches(token+"b") || h.matches(token[1:]) {
		t.Error("the hash does not match its token alone")
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	mock := clock.NewMock()
	now := mock.Now()
	table := map[mark]time.Time{}
	for i := range 10 {
		makeRoom(table, 3, func(at time.Time) time.Time { return at }, now)
		table[mark{byte(i)}] = now.Add(time.Duration(i+1) * time.Minute)
	}
	if len(table) != 3 || table[mark{9}].IsZero() || table[mark{7}].IsZero() {
		t.Errorf("kept %v, want the three that are over last", table)
	}
	makeRoom(table, 3, func(at time.Time) time.Time { return at }, now.Add(9*time.Minute))
	if len(table) != 1 {
		t.Errorf("kept %v, want the one that is not over", table)
	}
}

func TestAClientIsAnAddressOrANetworkOfIPv6(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[2001:db8::1]:80": "2001:db8::/64", "[2001:db8::ffff:1]:1": "2001:db8::/64", "[::ffff:192.0.2.1]:1": "192.0.2.1",
		"[fe80::1%eth0]:1": "fe80::/64", "@": "", "": "",
	} {
		if got := network(remote); got != want {
			t.Errorf("%q is %q, want %q", remote, got, want)
		}
	}
}
