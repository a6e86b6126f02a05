package usertest

import (
	"strconv"
	"strings"
	"testing"
)

// A page of a run goes on by itself while the run does: the bar, the counts and the timeline. When
// the run is over the bar is gone.
func TestARunIsWatchedWhileItRuns(t *testing.T) {
	t.Parallel()
	b := start(t, "-demo=false", "-latency", "150ms").open(t, wide)
	b.signIn("operator-contoso")
	b.visit(contoso + "/schedules")
	b.press(`table tbody th a`)
	b.press(`form[action$="/run"] button`)
	const running = `document.querySelector("h1").innerText.includes("running")`
	b.until(running + ` && document.querySelector(".timeline").innerText.includes("began")`)
	eval[bool](b, `window.untouched = true`)
	b.until(running + ` && document.querySelector("#run progress")?.value > 0`)
	bar := eval[float64](b, `document.querySelector("#run progress")?.value ?? -1`)
	counts := b.words(".run-progress span")
	if !strings.Contains(counts, " of ") {
		t.Errorf("the page of a run under way counts %q", counts)
	}
	b.until(running + ` && document.querySelector("#run progress")?.value > ` + strconv.FormatFloat(bar, 'f', -1, 64) + ` && document.querySelector("#run progress").value < 100`)
	if !eval[bool](b, `window.untouched === true`) {
		t.Error("the whole page was loaded anew")
	}
	if now := b.words(".run-progress span"); now == counts {
		t.Errorf("the bar goes on while the counts stay %q", now)
	}
	b.press(`form[action$="/cancel"] button`)
	b.until(`document.querySelector("h1").innerText.includes("canceled") && document.querySelector(".timeline").innerText.includes("Canceled by")`)
	if b.has("#run progress") {
		t.Error("the bar stays when the run is over")
	}
}
