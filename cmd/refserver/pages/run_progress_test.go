package pages_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
)

var bar = regexp.MustCompile(`<progress value="(\d+)"`)

// looksOn replaces the runner by one that calls look before each call to Graph.
func (w *world) looksOn(look func()) {
	w.t.Helper()
	reader := graph.ObserveReader(w.graph, graph.Observer{Call: func(ctx context.Context, _ graph.Call) (context.Context, func(graph.CallEnd)) {
		look()
		return ctx, nil
	}})
	w.runner = must(runs.NewRunner(runs.Config{
		Store: w.store, Queue: w.queue, Clock: w.clock, Random: func() float64 { return 0.5 },
		Executors: []runs.Executor{must(capture.New(capture.Config{Reader: reader, Store: w.store, FetchSize: 5, SaveSize: 5}))(w.t)},
	}))(w.t)
}

// While a backup lists one type after the other, more and more turns out to be there.
func TestTheProgressOfABackupNeverGoesBack(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 40 {
		w.put(fmt.Sprintf("n%02d", i), fmt.Sprintf("New %02d", i), "description", "x")
	}
	s := w.schedule(of("Nightly", "conditionalAccessPolicy", "settingsCatalogPolicy", device))
	run := must2(w.cfg.Scheduler.RunNow(t.Context(), tenant, owner, s.ID))(t)
	at := tenantPath("runs", run.ID)
	w.get(readonly, at).shows(t, "Waits to begin.")
	var bars, everywhere []int
	var words []string
	w.looksOn(func() {
		page := w.get(readonly, at)
		page.lacks(t, "at the present pace")                // of what nobody knows yet
		for i, list := range []*[]int{&everywhere, &bars} { // that of every page comes first
			found := bar.FindAllStringSubmatch(page.body, -1)
			if len(found) != 2 {
				t.Fatalf("%d bars: %s", len(found), text(page.body))
			}
			*list = append(*list, must(strconv.Atoi(found[i][1]))(t))
		}
		words = append(words, text(page.body))
	})
	w.drain()
	if got := w.run(run.ID); got.Status != runs.StatusSuccess || !slices.IsSorted(bars) || !slices.Equal(bars, everywhere) {
		t.Errorf("the run is %s; its bars were %d, and everywhere %d", got.Status, bars, everywhere)
	}
	if bars[0] != 0 || !slices.Contains(bars, 33) || bars[len(bars)-1] != 66 {
		t.Errorf("the bars were %d", bars)
	}
	last := words[len(words)-1]
	for _, want := range []string{"2 of 3 policy types, ", " policies so far, 66 %", " listed so far"} {
		if !strings.Contains(last, want) {
			t.Errorf("the page lacks %q: %s", want, last)
		}
	}
	w.get(readonly, at).lacks(t, "so far", "<progress")
}

// What a form has started is said to be, in words that stay true when the run has ended.
func TestTheNoticeOfAStartStaysTrue(t *testing.T) {
	w := newWorld(t, nil)
	run := w.backup(w.schedule(of("Nightly", device)).ID)
	for notice, want := range map[string]string{"run_started": "The run was started. What it does stands below.", "run_reused": "Such a run had been started already. This is it."} {
		got := w.get(readonly, tenantPath("runs", run.ID)+"?notice="+notice)
		got.shows(t, want)
		got.lacks(t, "follows", "under way already")
	}
}
