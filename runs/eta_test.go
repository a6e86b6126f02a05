package runs_test

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
)

func TestETAIsTheRateSoFarAppliedToWhatIsLeft(t *testing.T) {
	const year, unknown = 365 * 24 * time.Hour, time.Duration(-1)
	start := rig.Start
	running := func(total, processed int) runs.Run {
		return runs.Run{Status: runs.StatusRunning, AttemptStartedAt: start, Counts: runs.Counts{Total: total, Processed: processed}}
	}
	queued, unstarted := running(10, 5), running(1_000_001, 1_000_000)
	queued.Status, unstarted.AttemptStartedAt = runs.StatusQueued, time.Time{}
	again := running(100, 60) // after hours of waiting
	again.StartedAt, again.ProcessedAtClaim = start.Add(-5*time.Hour), 50
	leaving := running(100, 92) // of which 90 need nothing
	leaving.Counts.Skipped = 90
	for _, tt := range []struct {
		name  string
		run   runs.Run
		after time.Duration
		left  time.Duration // unknown: nothing can be said
	}{
		{"not running", queued, time.Minute, unknown},
		{"never started", unstarted, time.Minute, unknown},
		{"nothing processed", running(10, 0), time.Minute, unknown},
		{"nothing processed at once", running(10, 0), 0, unknown},
		{"half done takes as long again", running(10, 5), time.Minute, time.Minute},
		{"one of four takes three times as long", running(4, 1), time.Minute, 3 * time.Minute},
		{"half a second is left, in whole seconds", running(3, 2), time.Second, 0},
		{"a later attempt goes by its own rate", again, time.Minute, 4 * time.Minute},
		{"what is skipped says nothing about the rest", leaving, time.Minute, 4 * time.Minute},
		{"everything processed", running(10, 10), time.Minute, unknown},
		{"more processed than announced", running(10, 12), time.Minute, unknown},
		{"a clock that went back", running(10, 5), -time.Minute, unknown},
		{"just within a year", running(2, 1), year, year},
		{"beyond a year", running(2, 1), year + time.Second, unknown},
		{"absurd", running(1<<60, 1), time.Hour, unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, want := start.Add(tt.after), time.Time{}
			if tt.left != unknown {
				want = now.Add(tt.left)
			}
			if got := tt.run.ETA(now); !got.Equal(want) {
				t.Errorf("ETA is %s, want %s", got, want)
			}
		})
	}
}
