// Package hook calls the hooks of observers so that none of them can do harm: one that is
// nil is left out, and a panic ends in a log line instead of the work that is observed.
package hook

import (
	"context"
	"log/slog"
	"runtime/debug"
)

// Start calls begin, which may be nil, and returns the context for the work and what ends
// it; neither is ever nil. A nil logger logs nothing.
func Start[In, End any](ctx context.Context, log *slog.Logger, begin func(context.Context, In) (context.Context, func(End)), in In) (work context.Context, end func(End)) {
	work, end = ctx, func(End) {}
	if begin == nil {
		return work, end
	}
	defer rescue(ctx, log)
	derived, finish := begin(ctx, in)
	if derived != nil {
		work = derived
	}
	if finish != nil {
		end = func(e End) {
			defer rescue(ctx, log)
			finish(e)
		}
	}
	return work, end
}

// Tell calls a hook that observes one moment. It may be nil.
func Tell[In any](ctx context.Context, log *slog.Logger, tell func(context.Context, In), in In) {
	if tell == nil {
		return
	}
	defer rescue(ctx, log)
	tell(ctx, in)
}

func rescue(ctx context.Context, log *slog.Logger) {
	// The value may hold anything, so only the place is logged.
	if p := recover(); p != nil && log != nil {
		log.ErrorContext(ctx, "an observer panicked; what it observes goes on", "stack", string(debug.Stack()))
	}
}
