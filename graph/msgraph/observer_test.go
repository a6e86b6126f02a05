package msgraph

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
)

func TestTheObserverIsToldHowLongRequestsWaitAndWhy(t *testing.T) {
	var mu sync.Mutex
	var told []string
	inBubble(t, func(w http.ResponseWriter, _ *http.Request, before int) {
		switch before {
		case 0:
			refuse(w, 503, "Retry-After", "3")
		case 1:
			refuse(w, 429, "Retry-After", "5")
		default:
			_, _ = io.WriteString(w, anObject)
		}
	}, func(c *Config) {
		c.Limits = map[graph.Workload]Limit{graph.WorkloadIntune: {Rate: 0.5, Burst: 2}}
		c.Observer.Waited = func(_ context.Context, w graph.Wait) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprint(w.Tenant, " ", w.Type, " ", w.Workload, " ", w.Reason, " ", w.For))
			panic("an observer does no harm")
		}
	}, func(w *world) {
		var wg sync.WaitGroup
		wg.Go(func() { // 0 s, 3 s, 8 s
			if _, err := w.do(w.ctx, tenant, list()); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(4 * time.Second)
		for range 2 { // at 8 s, when the fence falls, there are two tokens for three
			wg.Go(func() {
				if _, err := w.do(w.ctx, tenant, list()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		slices.Sort(told)
		const of = "contoso deviceConfiguration intune "
		want := []string{of + "failed 3s", of + "paced 2s", of + "throttled 4s", of + "throttled 4s", of + "throttled 5s"}
		if got := strings.Join(told, "\n"); w.elapsed() != 10*time.Second || got != strings.Join(want, "\n") {
			t.Errorf("after %s:\n%s", w.elapsed(), got)
		}
	})
}
