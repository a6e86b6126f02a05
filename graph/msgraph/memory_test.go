package msgraph

import (
	"context"
	"errors"
	"testing"
	"time"
)

// handClock is moved by hand.
type handClock struct{ now time.Time }

func (c *handClock) Now() time.Time                       { return c.now }
func (c *handClock) After(time.Duration) <-chan time.Time { return nil }

func TestWhatWasLearntOfATenantIsForgottenAfterAWhile(t *testing.T) {
	clock := &handClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	c := &Client{cfg: Config{Clock: clock}}
	c.memory("contoso").keepType("thing", "1", "#x")
	clock.now = clock.now.Add(remembered - time.Second)
	if got := c.memory("contoso").typeOf("thing", "1"); got != "#x" {
		t.Errorf("within the time the type is %q", got)
	}
	clock.now = clock.now.Add(time.Second)
	if got := c.memory("contoso").typeOf("thing", "1"); got != "" {
		t.Errorf("after the time the type is %q", got)
	}
}

func TestTenantsThatNobodyReadsAnyMoreTakeNoMemory(t *testing.T) {
	clock := &handClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	c := &Client{cfg: Config{Clock: clock}}
	c.memory("contoso").keepType("thing", "1", "#x")
	clock.now = clock.now.Add(remembered)
	c.memory("fabrikam")
	if n := len(c.memories.byTenant); n != 1 {
		t.Errorf("%d tenants are remembered", n)
	}
}

func TestWaitingForAnotherLookEndsWithTheContext(t *testing.T) {
	m := (&Client{cfg: Config{Clock: &handClock{}}}).memory("contoso")
	done, err := m.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.look(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
