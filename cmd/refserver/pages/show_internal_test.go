package pages

import (
	"testing"
	"time"
)

func TestAnInstantIsSaidCoarselyAndNeverTooEarly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "now", -time.Second: "now", -59 * time.Second: "now", -time.Minute: "1 min ago",
		time.Millisecond: "in less than a minute", 15 * time.Second: "in less than a minute", time.Minute: "in 1 min", 3 * time.Hour: "in 3 h",
	} {
		if got := away(d); got != want {
			t.Errorf("%v away is %q, want %q", d, got, want)
		}
	}
}
