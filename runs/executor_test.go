package runs_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// What waiting cures, what no item will be spared, and what ends the run is not noted of an item:
// all others would get the same.
func TestAnErrorThatSpeaksForTheWholeRunEndsTheAttempt(t *testing.T) {
	of := func(k graph.Kind) error { return fmt.Errorf("reading: %w", &graph.Error{Op: "get", Kind: k}) }
	for _, tt := range []struct {
		err  error
		ends bool
	}{
		{nil, false},
		{errors.New("no JSON"), false},
		{of(graph.KindThrottled), true},
		{of(graph.KindUnavailable), true},
		{of(graph.KindTimeout), true},
		{of(graph.KindUnauthorized), true},
		{of(graph.KindForbidden), false}, // of this type
		{of(graph.KindNotFound), false},
		{of(graph.KindConflict), false},
		{of(graph.KindInvalid), false},
		{of(graph.KindUnsupported), false},
		{of(graph.KindIncomplete), false},
		{of(graph.KindAmbiguous), false},
		{of(graph.KindApprovalRequired), false},
		{of(graph.KindWriteBlocked), false},
		{of(graph.KindInternal), false},
		{fmt.Errorf("checking: %w", runs.ErrCanceled), true},
		{fmt.Errorf("checking: %w", runs.ErrStopping), true},
		{fmt.Errorf("checking: %w", runs.ErrLeaseLost), true},
		{fmt.Errorf("reading: %w", context.DeadlineExceeded), true},
		{fmt.Errorf("reading: %w", context.Canceled), true},
	} {
		t.Run(fmt.Sprint(tt.err), func(t *testing.T) {
			if got := runs.EndsAttempt(t.Context(), tt.err); got != tt.ends {
				t.Errorf("EndsAttempt = %v, want %v", got, tt.ends)
			}
		})
	}
	t.Run("of a context that has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if !runs.EndsAttempt(ctx, errors.New("no JSON")) || runs.EndsAttempt(ctx, nil) {
			t.Error("any error ends it, and only an error")
		}
	})
}
