package graphtest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

var _ graphtest.Clock = clock.NewMock()

// waiting is a clock that stands, says what it is asked to wait for, and goes on when it
// is told to.
type waiting struct {
	asked chan time.Duration
	fire  chan time.Time
}

func (w waiting) Now() time.Time { return graphtest.Epoch }

func (w waiting) After(d time.Duration) <-chan time.Time {
	w.asked <- d
	return w.fire
}

func newWaiting() waiting {
	return waiting{make(chan time.Duration, 1), make(chan time.Time, 1)}
}

var throttled = &graph.Error{Kind: graph.KindThrottled}

func listErr(g graph.Reader, typ graph.PolicyType) error {
	return g.List(context.Background(), tenant, typ, func(graph.Page) error { return nil })
}

func TestFaultHappensOnTheNthCallAndSoOften(t *testing.T) {
	for name, c := range map[string]struct {
		fault graphtest.Fault
		want  string // one letter a call: x fails
	}{
		"the first":       {graphtest.Fault{}, "x....."},
		"the third":       {graphtest.Fault{Nth: 3}, "..x..."},
		"two in a row":    {graphtest.Fault{Nth: 2, Times: 2}, ".xx..."},
		"for ever":        {graphtest.Fault{Nth: 4, Times: -1}, "...xxx"},
		"of another type": {graphtest.Fault{Type: "deviceCategory"}, "......"},
		"another tenant":  {graphtest.Fault{Tenant: "fabrikam"}, "......"},
		"of this tenant":  {graphtest.Fault{Tenant: tenant, Type: "roleScopeTag", Nth: 2}, ".x...."},
	} {
		t.Run(name, func(t *testing.T) {
			g := with(t, 10, graphtest.Config{})
			c.fault.Op, c.fault.Err = graphtest.OpList, throttled
			inject(t, g, c.fault)
			got := ""
			for range 6 {
				if err := listErr(g, "roleScopeTag"); err == nil {
					got += "."
				} else {
					wantKind(t, err, graph.KindThrottled)
					got += "x"
				}
			}
			if got != c.want {
				t.Errorf("calls fail as %s, want %s", got, c.want)
			}
		})
	}
}

func TestSeveralFaultsAreAScript(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	inject(t, g,
		graphtest.Fault{Op: graphtest.OpList, Err: throttled},
		graphtest.Fault{Op: graphtest.OpList, Err: &graph.Error{Kind: graph.KindUnavailable}, Nth: 1, Times: 2},
		graphtest.Fault{Op: graphtest.OpList, Err: &graph.Error{Kind: graph.KindForbidden}, Nth: 5},
	)
	var got []graph.Kind
	for range 6 {
		got = append(got, graph.KindOf(listErr(g, "roleScopeTag")))
	}
	want := []graph.Kind{graph.KindThrottled, graph.KindUnavailable, graph.KindUnavailable, "", graph.KindForbidden, ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds of six calls:\n%s", diff)
	}
}

func TestFaultErrorLooksLikeGraphs(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	cause := errors.New("connection reset")
	inject(t, g,
		graphtest.Fault{Op: graphtest.OpPage, Err: throttled},
		graphtest.Fault{Op: graphtest.OpPage, Err: &graph.Error{Op: "mine", Kind: graph.KindUnavailable, StatusCode: 502, Code: "own", RequestID: "r1", Err: cause}},
	)
	want := []graph.Error{
		{Op: "list roleScopeTag", Kind: graph.KindThrottled, StatusCode: 429, Code: "TooManyRequests"},
		{Op: "mine", Kind: graph.KindUnavailable, StatusCode: 502, Code: "own", RequestID: "r1"},
	}
	for i := range want {
		var e *graph.Error
		err := listErr(g, "roleScopeTag")
		if !errors.As(err, &e) {
			t.Fatalf("got %v", err)
		}
		if i == 1 && !errors.Is(err, cause) {
			t.Error("the cause is lost")
		}
		got := *e
		got.Err = nil
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Error(diff)
		}
	}
	if throttled.Op != "" || throttled.StatusCode != 0 {
		t.Errorf("the script's own error was changed: %+v", throttled)
	}
}

func TestRetryAfterHeaderIsReadAgainstTheClock(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"17":                            17 * time.Second,
		"2.128":                         2128 * time.Millisecond,
		"Thu, 01 Jan 2026 00:01:00 GMT": time.Minute,
		"Wed, 31 Dec 2025 00:00:00 GMT": 0,
		"soon":                          0,
		"":                              0,
	} {
		g := with(t, 10, graphtest.Config{})
		inject(t, g, graphtest.Fault{Op: graphtest.OpGet, Err: throttled, RetryAfter: header})
		_, err := g.Get(context.Background(), tenant, "roleScopeTag", []string{"1"})
		wantKind(t, err, graph.KindThrottled)
		if got := graph.RetryAfterOf(err); got != want {
			t.Errorf("Retry-After %q: wait %v, want %v", header, got, want)
		}
	}
}

func TestOneBadItemLeavesTheOthers(t *testing.T) {
	for _, kind := range []graph.Kind{graph.KindNotFound, graph.KindIncomplete, graph.KindInternal} {
		g := with(t, 60, graphtest.Config{})
		h := ids(list(t, g, "settingsCatalogPolicy"))[:4]
		inject(t, g, graphtest.Fault{Op: graphtest.OpItem, ID: h[2], Times: -1, Err: &graph.Error{Kind: kind}})
		results, err := g.Get(context.Background(), tenant, "settingsCatalogPolicy", h)
		if err != nil || len(results) != 4 {
			t.Fatalf("%s: %d results, %v", kind, len(results), err)
		}
		for i, r := range results {
			want := graph.Kind("")
			if i == 2 {
				want = kind
			}
			wantKind(t, r.Err, want)
		}
	}
}

func TestAThrottledBatchKeepsWhatItFinished(t *testing.T) {
	g := with(t, 60, graphtest.Config{})
	h := ids(list(t, g, "settingsCatalogPolicy"))[:5]
	inject(t, g, graphtest.Fault{Op: graphtest.OpItem, Nth: 3, Err: throttled, RetryAfter: "3", FailCall: true})
	results, err := g.Get(context.Background(), tenant, "settingsCatalogPolicy", h)
	wantKind(t, err, graph.KindThrottled)
	if len(results) != 2 || results[0].ID != h[0] || results[1].ID != h[1] || results[0].Err != nil {
		t.Errorf("results beside the error: %v", len(results))
	}
	rest, err := g.Get(context.Background(), tenant, "settingsCatalogPolicy", h[len(results):])
	if err != nil || len(rest) != 3 {
		t.Errorf("going on: %d results, %v", len(rest), err)
	}
	if twice := g.FetchedTwice(tenant); len(twice) != 0 {
		t.Errorf("fetched twice: %v", twice)
	}
}

func TestATruncatedListingIsNeverComplete(t *testing.T) {
	for _, after := range []int{1, 2, 99} { // 99: it breaks off after the last page, which the client cannot know
		g := with(t, 60, graphtest.Config{PageSize: 10})
		inject(t, g, graphtest.Fault{Op: graphtest.OpList, TruncateAfterPages: after})
		all := len(pages(t, with(t, 60, graphtest.Config{PageSize: 10}), "settingsCatalogPolicy"))
		n := 0
		err := g.List(context.Background(), tenant, "settingsCatalogPolicy", func(graph.Page) error { n++; return nil })
		wantKind(t, err, graph.KindIncomplete)
		if n != min(after, all) {
			t.Errorf("%d pages were given, want %d", n, min(after, all))
		}
	}
}

func TestAListingThatBreaksOffUnnoticedLooksComplete(t *testing.T) {
	g := with(t, 60, graphtest.Config{PageSize: 10})
	inject(t, g, graphtest.Fault{Op: graphtest.OpList, TruncateAfterPages: 1, Unnoticed: true})
	n := 0
	err := g.List(context.Background(), tenant, "settingsCatalogPolicy", func(graph.Page) error { n++; return nil })
	if err != nil || n != 1 {
		t.Errorf("%d pages and %v; want one and no error", n, err)
	}
}

func TestAFaultOnALaterPageComesAfterTheOnesBefore(t *testing.T) {
	g := with(t, 60, graphtest.Config{PageSize: 10})
	inject(t, g, graphtest.Fault{Op: graphtest.OpPage, Nth: 2, Err: &graph.Error{Kind: graph.KindUnavailable}})
	n := 0
	err := g.List(context.Background(), tenant, "settingsCatalogPolicy", func(graph.Page) error { n++; return nil })
	wantKind(t, err, graph.KindUnavailable)
	if n != 1 {
		t.Errorf("%d pages before the failing second one", n)
	}
}

func TestADelayWaitsOnTheClock(t *testing.T) {
	clk := newWaiting()
	g := with(t, 10, graphtest.Config{Clock: clk})
	inject(t, g, graphtest.Fault{Op: graphtest.OpList, Delay: 3 * time.Minute})
	done := make(chan error)
	go func() { done <- listErr(g, "roleScopeTag") }()
	select {
	case d := <-clk.asked:
		if d != 3*time.Minute {
			t.Errorf("waits for %v", d)
		}
	case err := <-done:
		t.Fatalf("did not wait: %v", err)
	}
	clk.fire <- graphtest.Epoch
	if err := <-done; err != nil {
		t.Errorf("a slow call failed: %v", err)
	}
}

func TestAnEndedContextCutsADelayShort(t *testing.T) {
	clk := newWaiting()
	g := with(t, 10, graphtest.Config{Clock: clk})
	inject(t, g, graphtest.Fault{Op: graphtest.OpItem, Delay: time.Hour, Err: throttled})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := g.Get(ctx, tenant, "roleScopeTag", []string{"1"})
		done <- err
	}()
	select {
	case <-clk.asked:
	case err := <-done:
		t.Fatalf("did not wait: %v", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestUnfiredShowsFaultsThatWereNotReached(t *testing.T) {
	g := with(t, 10, graphtest.Config{})
	inject(t, g,
		graphtest.Fault{Op: graphtest.OpList, Times: 2, Err: throttled},
		graphtest.Fault{Op: graphtest.OpGet, Times: -1, Err: throttled},
		graphtest.Fault{Op: graphtest.OpList, Times: 1, Err: throttled},
	)
	if got := len(g.Unfired()); got != 3 {
		t.Errorf("%d unfired at the start, want 3", got)
	}
	for range 3 {
		_ = listErr(g, "roleScopeTag")
	}
	left := g.Unfired()
	if len(left) != 1 || left[0].Op != graphtest.OpGet {
		t.Errorf("unfired: %+v", left)
	}
	g.ClearFaults()
	if _, err := g.Get(context.Background(), tenant, "roleScopeTag", []string{"1"}); err != nil || len(g.Unfired()) != 0 {
		t.Errorf("after ClearFaults: %v, %v", err, g.Unfired())
	}
}

func TestInjectRefusesFaultsThatMakeNoSense(t *testing.T) {
	for field, f := range map[string]graphtest.Fault{
		"Op":                 {Op: "purge", Err: throttled},
		"Nth":                {Nth: -1, Err: throttled},
		"Delay":              {Delay: time.Second}, // there is no clock to wait on
		"TruncateAfterPages": {Op: graphtest.OpGet, TruncateAfterPages: 1},
		"Unnoticed":          {Op: graphtest.OpList, Unnoticed: true, TruncateAfterPages: 1, Err: throttled},
		"FailCall":           {Op: graphtest.OpGet, FailCall: true, Err: throttled},
		"Applied":            {Op: graphtest.OpGet, Applied: true},
		"RetryAfter":         {Delay: 0, RetryAfter: "5"},
		"Kind":               {Err: &graph.Error{StatusCode: 429}},
		"nothing":            {Op: graphtest.OpList},
	} {
		g := with(t, 10, graphtest.Config{})
		err := g.Inject(graphtest.Fault{Op: graphtest.OpList, Err: throttled}, f)
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: Inject says %v", field, err)
		}
		if err := listErr(g, "roleScopeTag"); err != nil {
			t.Errorf("%s: a part of a refused script happened: %v", field, err)
		}
	}
	g := with(t, 10, graphtest.Config{Clock: newWaiting()})
	if err := g.Inject(graphtest.Fault{Delay: -time.Second}); err == nil || !strings.Contains(err.Error(), "Delay") {
		t.Errorf("a negative delay: %v", err)
	}
}
