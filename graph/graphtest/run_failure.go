package graphtest

import (
	"context"
	"errors"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

var failureChecks = []check{
	{"a long wait that Graph demands comes back with the error", Config{}, throttled},
	{"a service that does not answer is a failure that time may mend", Config{}, unavailable},
	{"a call with a context that has ended fails with its error", Config{}, endedBefore},
	{"a call ends when its context ends", Config{}, endsMeanwhile},
	{"a listing ends when its context ends between pages", Config{PageSize: 2}, endsBetweenPages},
}

func throttled(f *fixture) {
	calls := map[Op]func() error{
		OpList: func() error { return f.List(f.Context(), here, many, func(graph.Page) error { return nil }) },
		OpGet: func() error {
			_, err := f.Get(f.Context(), here, many, f.idsOf(many)[:3])
			return err
		},
		OpCreate: func() error {
			_, err := f.Create(f.Context(), here, plain, []byte(`{"displayName":"New","roleScopeTagIds":["0"]}`))
			return err
		},
	}
	before := len(f.truth(here, plain))
	for op, call := range calls {
		f.Client = f.make() // one that has not been told to wait yet
		t := many
		if op == OpCreate {
			t = plain
		}
		f.wrong(Fault{Tenant: here, Op: op, Type: t, Times: -1, RetryAfter: "3600", Err: &graph.Error{Kind: graph.KindThrottled}})
		err := call()
		f.kind(string(op), err, graph.KindThrottled)
		if wait := graph.RetryAfterOf(err); wait < 59*time.Minute || wait > time.Hour {
			f.Errorf("%s: RetryAfter is %s; Graph asked for an hour", op, wait)
		}
	}
	if n := len(f.truth(here, plain)); n != before {
		f.Errorf("a create that was throttled made %d objects", n-before)
	}
}

func unavailable(f *fixture) {
	f.wrong(Fault{Tenant: here, Op: OpList, Type: many, Times: -1, Err: &graph.Error{Kind: graph.KindUnavailable}})
	err := f.List(f.Context(), here, many, func(graph.Page) error { return nil })
	f.kind("List", err, graph.KindUnavailable)
	if headers, _ := f.list(here, whole); len(headers) == 0 {
		f.Error("another type is not listed either")
	}
}

// calls are all methods of a client.
func (f *fixture) calls(ctx context.Context) map[string]func() error {
	id := f.idsOf(plain)[0]
	return map[string]func() error{
		"List": func() error { return f.List(ctx, here, plain, func(graph.Page) error { return nil }) },
		"Get": func() error {
			_, err := f.Get(ctx, here, plain, []string{id})
			return err
		},
		"Resolve": func() error {
			_, err := f.Resolve(ctx, here, f.graph.Groups(here)[:1])
			return err
		},
		"Create": func() error {
			_, err := f.Create(ctx, here, plain, []byte(`{"displayName":"New"}`))
			return err
		},
		"Update": func() error { return f.Update(ctx, here, plain, id, []byte(`{"displayName":"New"}`)) },
		"Assign": func() error { return f.Assign(ctx, here, scriptType, f.idsOf(scriptType)[0], nil) },
	}
}

func endedBefore(f *fixture) {
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	for name, call := range f.calls(ctx) {
		if err := call(); !errors.Is(err, context.Canceled) {
			f.Errorf("%s: the error is %v; want context.Canceled", name, err)
		}
	}
	for _, w := range f.graph.WriteLog(here) {
		if w.Done {
			f.Errorf("something was written: %s", w.Op)
		}
	}
}

// soon is how long a call is left hanging.
const soon = 30 * time.Millisecond

func endsMeanwhile(f *fixture) {
	for _, op := range []Op{OpList, OpGet} {
		f.wrong(Fault{Tenant: here, Op: op, Type: plain, Times: -1, Delay: time.Hour})
	}
	for _, name := range []string{"List", "Get"} {
		ctx, cancel := context.WithTimeout(f.Context(), soon)
		if err := f.calls(ctx)[name](); !errors.Is(err, context.DeadlineExceeded) {
			f.Errorf("%s: the error is %v; want context.DeadlineExceeded", name, err)
		}
		cancel()
	}
}

func endsBetweenPages(f *fixture) {
	ctx, cancel := context.WithCancel(f.Context())
	defer cancel()
	err := f.List(ctx, here, many, func(graph.Page) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		f.Errorf("the error is %v; want context.Canceled", err)
	}
}
