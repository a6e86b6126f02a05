package graphtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
)

// recorder is a test whose failures are only noted.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	failed []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, fmt.Sprintf(format, args...))
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failed) > 0
}

func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }
func (r *recorder) Fatal(args ...any)                 { r.Fatalf("%s", fmt.Sprint(args...)) }

// broken is a Graph, some of whose methods are done otherwise.
type broken struct {
	*Graph
	list    func(ctx context.Context, id graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error
	get     func(ctx context.Context, id graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error)
	resolve func(ctx context.Context, id graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error)
	create  func(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error)
	update  func(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, body json.RawMessage) error
	assign  func(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, assignments []json.RawMessage) error
}

func newBroken(g *Graph) *broken {
	return &broken{g, g.List, g.Get, g.Resolve, g.Create, g.Update, g.Assign}
}

func (b *broken) List(ctx context.Context, id graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
	return b.list(ctx, id, t, page)
}

func (b *broken) Get(ctx context.Context, id graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
	return b.get(ctx, id, t, ids)
}

func (b *broken) Resolve(ctx context.Context, id graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error) {
	return b.resolve(ctx, id, refs)
}

func (b *broken) Create(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
	return b.create(ctx, id, t, body)
}

func (b *broken) Update(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, body json.RawMessage) error {
	return b.update(ctx, id, t, object, body)
}

func (b *broken) Assign(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, assignments []json.RawMessage) error {
	return b.assign(ctx, id, t, object, assignments)
}

// edited changes the results of Get.
func edited(b *broken, edit func(r []graph.Result) ([]graph.Result, error)) {
	b.get = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
		r, err := b.Graph.Get(ctx, id, t, ids)
		if err != nil {
			return r, err
		}
		return edit(r)
	}
}

// paged changes what becomes of the pages of List: n counts from 1.
func paged(b *broken, take func(n int, p graph.Page, page func(graph.Page) error) error) {
	b.list = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
		n := 0
		err := b.Graph.List(ctx, id, t, func(p graph.Page) error { n++; return take(n, p, page) })
		if errors.Is(err, errStop) {
			return nil
		}
		return err
	}
}

var errStop = errors.New("stop")

func TestRunNoticesClientsThatBreakAPromise(t *testing.T) {
	for name, c := range map[string]struct {
		how     func(b *broken)
		noticed string // the beginning of the promise
	}{
		"the first page is all": {func(b *broken) {
			paged(b, func(n int, p graph.Page, page func(graph.Page) error) error {
				if n > 1 {
					return errStop
				}
				return page(p)
			})
		}, "a listing goes on to the last"},
		"an empty page is the end": {func(b *broken) {
			paged(b, func(n int, p graph.Page, page func(graph.Page) error) error {
				if n > 1 && len(p.Headers) == 0 {
					return errStop
				}
				return page(p)
			})
		}, "an empty page in the middle"},
		"the error of the receiver is wrapped": {func(b *broken) {
			paged(b, func(_ int, p graph.Page, page func(graph.Page) error) error {
				if err := page(p); err != nil {
					return fmt.Errorf("a page: %w", err)
				}
				return nil
			})
		}, "an error of the receiver"},
		"a listing that breaks off is all": {func(b *broken) {
			b.list = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
				err := b.Graph.List(ctx, id, t, page)
				if graph.KindOf(err) == graph.KindIncomplete {
					return nil
				}
				return err
			}
		}, "a listing that breaks off"},
		"a throttled listing is empty": {func(b *broken) {
			b.list = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
				err := b.Graph.List(ctx, id, t, page)
				if graph.KindOf(err) == graph.KindThrottled {
					return nil
				}
				return err
			}
		}, "a long wait that Graph demands"},
		"RetryAfter is lost": {func(b *broken) {
			b.get = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
				r, err := b.Graph.Get(ctx, id, t, ids)
				if graph.KindOf(err) == graph.KindThrottled {
					err = &graph.Error{Kind: graph.KindThrottled}
				}
				return r, err
			}
		}, "a long wait that Graph demands"},
		"a type without permission is empty": {func(b *broken) {
			b.list = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
				err := b.Graph.List(ctx, id, t, page)
				if graph.KindOf(err) == graph.KindForbidden {
					return nil
				}
				return err
			}
		}, "a type without permission"},
		"an error of the service is one of ours": {func(b *broken) {
			b.list = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
				err := b.Graph.List(ctx, id, t, page)
				if graph.KindOf(err) == graph.KindUnavailable {
					return errors.New("it failed")
				}
				return err
			}
		}, "a service that does not answer"},
		"all tenants are one": {func(b *broken) {
			b.list = func(ctx context.Context, _ graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
				return b.Graph.List(ctx, here, t, page)
			}
		}, "tenants are kept apart"},
		"results come in another order": {func(b *broken) {
			edited(b, func(r []graph.Result) ([]graph.Result, error) {
				if len(r) > 1 {
					r[0], r[1] = r[1], r[0]
				}
				return r, nil
			})
		}, "results come in the order"},
		"an object has the content of another": {func(b *broken) {
			edited(b, func(r []graph.Result) ([]graph.Result, error) {
				if len(r) > 1 {
					r[0].Policy.Raw = r[1].Policy.Raw
				}
				return r, nil
			})
		}, "every object of every type"},
		"a part is left out": {func(b *broken) {
			edited(b, func(r []graph.Result) ([]graph.Result, error) {
				for i := range r {
					r[i].Policy.Parts = nil
				}
				return r, nil
			})
		}, "every object of every type"},
		"what was not found is left out": {func(b *broken) {
			edited(b, func(r []graph.Result) (out []graph.Result, _ error) {
				for _, one := range r {
					if graph.KindOf(one.Err) != graph.KindNotFound {
						out = append(out, one)
					}
				}
				return out, nil
			})
		}, "an object that was deleted"},
		"one bad object fails the call": {func(b *broken) {
			edited(b, func(r []graph.Result) ([]graph.Result, error) {
				for _, one := range r {
					if one.Err != nil {
						return nil, one.Err
					}
				}
				return r, nil
			})
		}, "an object that cannot be read"},
		"bytes are written over": {func(b *broken) {
			var last []graph.Result
			edited(b, func(r []graph.Result) ([]graph.Result, error) {
				for i := range r {
					r[i].Policy.Raw = append([]byte(nil), r[i].Policy.Raw...)
				}
				for i := range last {
					clear(last[i].Policy.Raw)
				}
				last = append(last, r...)
				return r, nil
			})
		}, "bytes that were handed out"},
		"contexts are not looked at": {func(b *broken) {
			b.list = func(_ context.Context, id graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
				return b.Graph.List(context.Background(), id, t, page)
			}
		}, "a call with a context that has ended"},
		"the context's error is hidden": {func(b *broken) {
			b.get = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
				r, err := b.Graph.Get(ctx, id, t, ids)
				if errors.Is(err, context.DeadlineExceeded) {
					err = &graph.Error{Kind: graph.KindTimeout}
				}
				return r, err
			}
		}, "a call ends when its context ends"},
		"pages go on after the context": {func(b *broken) {
			b.list = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return b.Graph.List(context.WithoutCancel(ctx), id, t, page)
			}
		}, "a listing ends when its context ends"},
		"an unknown type is internal": {func(b *broken) {
			b.create = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
				made, err := b.Graph.Create(ctx, id, t, body)
				if graph.KindOf(err) == graph.KindUnsupported {
					err = errors.New("no such type")
				}
				return made, err
			}
		}, "a type that is not known"},
		"a refused sign-in is an empty directory": {func(b *broken) {
			b.resolve = func(ctx context.Context, id graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error) {
				r, err := b.Graph.Resolve(ctx, id, refs)
				if graph.KindOf(err) == graph.KindUnauthorized {
					return make([]graph.Resolution, len(refs)), nil
				}
				return r, err
			}
		}, "a tenant that the client cannot sign in to"},
		"a create is sent again after a lost reply": {func(b *broken) {
			b.create = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
				made, err := b.Graph.Create(ctx, id, t, body)
				if graph.KindOf(err) == graph.KindAmbiguous {
					return b.Graph.Create(ctx, id, t, body)
				}
				return made, err
			}
		}, "a create whose reply was lost"},
		"a refused create is a success": {func(b *broken) {
			b.create = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
				made, err := b.Graph.Create(ctx, id, t, body)
				if graph.KindOf(err) == graph.KindInvalid {
					return "1", nil
				}
				return made, err
			}
		}, "a create that Graph refuses"},
		"a create loses its parts": {func(b *broken) {
			b.create = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
				var fields map[string]json.RawMessage
				_ = json.Unmarshal(body, &fields)
				delete(fields, "settings")
				body, _ = json.Marshal(fields)
				return b.Graph.Create(ctx, id, t, body)
			}
		}, "a created object is there"},
		"an update does nothing": {func(b *broken) {
			b.update = func(context.Context, graph.TenantID, graph.PolicyType, string, json.RawMessage) error { return nil }
		}, "an update changes what its body names"},
		"an update keeps what it should replace": {func(b *broken) {
			b.update = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, body json.RawMessage) error {
				var fields map[string]json.RawMessage
				_ = json.Unmarshal(body, &fields)
				delete(fields, "settings")
				body, _ = json.Marshal(fields)
				return b.Graph.Patch(ctx, id, t, object, body)
			}
		}, "an update replaces the whole"},
		"assignments are never taken away": {func(b *broken) {
			b.assign = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, assignments []json.RawMessage) error {
				if len(assignments) == 0 && ctx.Err() == nil {
					return nil
				}
				return b.Graph.Assign(ctx, id, t, object, assignments)
			}
		}, "assignments are replaced"},
		"an update of nothing is a success": {func(b *broken) {
			b.update = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, object string, body json.RawMessage) error {
				err := b.Graph.Update(ctx, id, t, object, body)
				if graph.KindOf(err) == graph.KindNotFound {
					return nil
				}
				return err
			}
		}, "an update or an assignment of what is not there"},
		"approval is a refusal": {func(b *broken) {
			b.create = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
				made, err := b.Graph.Create(ctx, id, t, body)
				if graph.KindOf(err) == graph.KindApprovalRequired {
					err = &graph.Error{Kind: graph.KindInvalid}
				}
				return made, err
			}
		}, "a write without a justification"},
		"the justification is lost": {func(b *broken) {
			b.create = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
				return b.Graph.Create(graph.WithJustification(ctx, ""), id, t, body)
			}
		}, "a write with one waits"},
		"a justification is an approval": {func(b *broken) {
			b.create = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
				made, err := b.Graph.Create(ctx, id, t, body)
				if graph.KindOf(err) == graph.KindApprovalRequired && graph.Justification(ctx) != "" {
					b.Graph.Decide(id, ApprovalGiven)
					return b.Graph.Create(ctx, id, t, body)
				}
				return made, err
			}
		}, "a write with one waits"},
		"an approval is for another body": {func(b *broken) {
			b.create = func(ctx context.Context, id graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
				if graph.Justification(ctx) != "" {
					body = append(body[:len(body)-1:len(body)-1], fmt.Sprintf(`,"description":"%d"}`, len(b.Graph.Approvals(id)))...)
				}
				return b.Graph.Create(ctx, id, t, body)
			}
		}, "a write with one waits"},
		"names are compared to the letter": {func(b *broken) {
			b.resolve = func(ctx context.Context, id graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error) {
				r, err := b.Graph.Resolve(ctx, id, refs)
				for i := range r {
					if len(r[i].Matches) > 0 && r[i].Matches[0].Name != refs[i].Name {
						r[i].Matches = nil
					}
				}
				return r, err
			}
		}, "references are looked up"},
		"an unknown kind does not exist": {func(b *broken) {
			b.resolve = func(ctx context.Context, id graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error) {
				r, err := b.Graph.Resolve(ctx, id, refs)
				if graph.KindOf(err) == graph.KindUnsupported {
					return make([]graph.Resolution, len(refs)), nil
				}
				return r, err
			}
		}, "a kind of reference"},
	} {
		t.Run(name, func(t *testing.T) {
			factory := func(_ testing.TB, g *Graph) Subject {
				b := newBroken(g)
				c.how(b)
				return Subject{Client: b}
			}
			for _, check := range checks {
				if !strings.HasPrefix(check.promise, c.noticed) {
					continue
				}
				r := &recorder{TB: t}
				done := make(chan struct{})
				go func() { defer close(done); check.run(r, factory) }()
				<-done
				if len(r.failed) == 0 {
					t.Errorf("the check %q did not notice it", check.promise)
				}
				return
			}
			t.Fatalf("there is no check %q", c.noticed)
		})
	}
}

// A suite that is set up wrongly says so, rather than blaming the client.
func TestRunTellsWhatIsMissingInTheSubject(t *testing.T) {
	for name, c := range map[string]struct {
		factory func(t testing.TB, g *Graph) Subject
		want    string
	}{
		"no client": {func(testing.TB, *Graph) Subject { return Subject{} }, "gave no client"},
		"faults that do not reach the client": {func(testing.TB, *Graph) Subject {
			elsewhere, err := New(Config{})
			if err == nil {
				err = elsewhere.AddTenant(here, TenantConfig{Seed: 3, Policies: 90, Foundations: 3})
			}
			if err != nil {
				t.Error(err)
			}
			return Subject{Client: elsewhere}
		}, "set Subject.Inject"},
	} {
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() { defer close(done); check{"", Config{}, itemFails}.run(r, c.factory) }()
		<-done
		if got := strings.Join(r.failed, "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
