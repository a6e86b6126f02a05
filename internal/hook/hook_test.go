package hook_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/internal/hook"
)

type key struct{}

func TestAHookGivesTheContextOfTheWorkAndIsToldItsEnd(t *testing.T) {
	var got []int
	ctx, end := hook.Start(t.Context(), nil, func(ctx context.Context, in int) (context.Context, func(int)) {
		got = append(got, in)
		return context.WithValue(ctx, key{}, "mine"), func(e int) { got = append(got, e) }
	}, 1)
	end(2)
	hook.Tell(ctx, nil, func(_ context.Context, in int) { got = append(got, in) }, 3)
	if len(got) != 3 || got[0] != 1 || got[1] != 2 || got[2] != 3 || ctx.Value(key{}) != "mine" {
		t.Errorf("told %v, context value %v", got, ctx.Value(key{}))
	}
}

func TestNoHookAndOneThatAnswersNothingChangeNothing(t *testing.T) {
	for name, begin := range map[string]func(context.Context, int) (context.Context, func(int)){
		"no hook":             nil,
		"nil answers":         func(context.Context, int) (context.Context, func(int)) { return nil, nil },
		"a begin that panics": func(context.Context, int) (context.Context, func(int)) { panic("boom") },
		"an end that panics": func(ctx context.Context, _ int) (context.Context, func(int)) {
			return ctx, func(int) { panic("boom") }
		},
	} {
		ctx, end := hook.Start(t.Context(), nil, begin, 1)
		end(2)
		if ctx != t.Context() {
			t.Errorf("%s: the context is another one", name)
		}
	}
	hook.Tell[int](t.Context(), nil, nil, 1)
}

func TestAPanicIsLoggedByItsPlaceAndNotItsValue(t *testing.T) {
	var out bytes.Buffer
	hook.Tell(t.Context(), slog.New(slog.NewTextHandler(&out, nil)), func(context.Context, int) { panic("hunter2") }, 1)
	if log := out.String(); !strings.Contains(log, "observer panicked") || !strings.Contains(log, "hook_test.go") || strings.Contains(log, "hunter2") {
		t.Errorf("log: %s", log)
	}
}
