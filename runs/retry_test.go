package runs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenantatlas/tenantbackup/graph"
	"pgregory.net/rapid"
)

func TestDelayIsNeverNegativeAndNeverBeyondItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := RetryPolicy{
			Base: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "base")),
			Max:  time.Duration(rapid.Int64Range(0, math.MaxInt64/4).Draw(t, "max")),
		}
		stalls := rapid.Int().Draw(t, "stalls")
		if rapid.Bool().Draw(t, "extreme") {
			stalls = rapid.SampledFrom([]int{math.MinInt, -1, 0, 1, 62, 63, 64, 65, 1000, math.MaxInt}).Draw(t, "n")
		}
		after := time.Duration(rapid.Int64().Draw(t, "retryAfter"))
		got := p.Delay(stalls, after, rapid.Float64Range(0, 0.999).Draw(t, "random"))
		full := p.withDefaults()
		limit := full.Max
		if after > 0 {
			limit = full.MaxRetryAfter + full.Base
		}
		if got < 0 || got > max(limit, full.Base) {
			t.Fatalf("Delay(%d, %s) = %s, want between 0 and %s", stalls, after, got, limit)
		}
	})
}

func TestDelayDoublesItsWindowUntilTheMaximum(t *testing.T) {
	p := RetryPolicy{Base: time.Second, Max: 10 * time.Second}
	var got []time.Duration
	for stalls := 1; stalls <= 6; stalls++ {
		got = append(got, p.Delay(stalls, 0, 1))
	}
	want := []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("windows (-want +got):\n%s", diff)
	}
}

func TestDelayNeverComesBackBeforeRetryAfter(t *testing.T) {
	p := RetryPolicy{}
	for _, random := range []float64{0, 0.5, 0.999} {
		if got := p.Delay(1, 17*time.Second, random); got < 17*time.Second {
			t.Errorf("Delay with Retry-After 17s and random %v = %s", random, got)
		}
	}
	if got, want := p.Delay(1, 400*24*time.Hour, 0), time.Hour; got != want {
		t.Errorf("an absurd Retry-After waits %s, want the bound %s", got, want)
	}
}

func TestJudgeDecidesByTheKindOfError(t *testing.T) {
	p := RetryPolicy{MaxStalls: 4, MaxUnknown: 2}.withDefaults()
	gerr := func(k graph.Kind) error { return fmt.Errorf("capture: %w", &graph.Error{Kind: k}) }
	type want struct {
		Status Status
		Code   Code
	}
	for _, tt := range []struct {
		name   string
		err    error
		stalls int
		want   want
	}{
		{"throttled waits", gerr(graph.KindThrottled), 1, want{StatusQueued, CodeGraphThrottled}},
		{"throttled with progress waits for ever", gerr(graph.KindThrottled), 0, want{StatusQueued, CodeGraphThrottled}},
		{"throttled too often fails", gerr(graph.KindThrottled), 4, want{StatusFailed, CodeGraphThrottled}},
		{"unavailable waits", gerr(graph.KindUnavailable), 3, want{StatusQueued, CodeGraphUnavailable}},
		{"no answer in time waits", gerr(graph.KindTimeout), 1, want{StatusQueued, CodeTimeout}},
		{"a deadline waits", context.DeadlineExceeded, 1, want{StatusQueued, CodeTimeout}},
		{"401 ends the run at once", gerr(graph.KindUnauthorized), 0, want{StatusFailed, CodeGraphUnauthorized}},
		{"403 ends the run at once", gerr(graph.KindForbidden), 0, want{StatusFailed, CodeGraphForbidden}},
		{"unknown is tried again", errors.New("disk full"), 1, want{StatusQueued, CodeInternal}},
		{"unknown is bounded", errors.New("disk full"), 2, want{StatusFailed, CodeInternal}},
		{"an outage of the database waits", fmt.Errorf("store: %w", ErrUnavailable), 3, want{StatusQueued, CodeInternal}},
		{"an outage of the database is bounded", fmt.Errorf("store: %w", ErrUnavailable), 4, want{StatusFailed, CodeInternal}},
		{"a wish to cancel cancels", ErrCanceled, 0, want{StatusCanceled, CodeCanceled}},
		{"a stop gives back", fmt.Errorf("x: %w", ErrStopping), 9, want{StatusQueued, ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := p.judge(tt.err, tt.stalls, 0)
			if diff := cmp.Diff(tt.want, want{v.status, v.code}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNegativeRetryFieldsAreRefusedByName(t *testing.T) {
	err := RetryPolicy{Base: -1, MaxStalls: -1}.validate()
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("error is %v, want *InvalidError", err)
	}
	var fields []string
	for _, f := range invalid.Fields {
		fields = append(fields, f.Field)
	}
	if diff := cmp.Diff([]string{"retry.max_stalls", "retry.base"}, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}
